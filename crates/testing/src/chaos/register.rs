//! Values that are written all the time: the grace period of a draining agent, and the weight of a role.
//!
//! Each write is larger than the one before. What is read must be the last acknowledged value, or one that was written
//! after it and whose answer was lost; an older one is the write of a master that had been deposed, or a lost write.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tepui_client::operator::Operator;
use tepui_client::{CallError, Masters};
use tepui_proto::v1;
use tepui_proto::v1::master::{Call, call};
use tokio::runtime::Handle;

use super::{Verdict, say};

const ROLE: &str = "chaos";

/// A pause between writes.
const PAUSE: Duration = Duration::from_millis(200);

/// How long a question is tried.
const PATIENCE: Duration = Duration::from_mins(1);

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// How many seconds an agent that is drained again and again may give its tasks. It has none.
    GracePeriod,
    /// The weight of a role that nobody has.
    Weight,
}

#[derive(Debug, Default)]
struct State {
    acknowledged: u32,
    /// The largest value that was ever sent.
    sent: u32,
    acknowledgements: u64,
    is_paused: bool,
    is_writing: bool,
    is_absent: bool,
}

/// The writer; it ends with the runtime.
#[derive(Clone, Debug)]
pub(crate) struct Register {
    value: Value,
    /// The host name of the agent that is drained.
    agent: &'static str,
    state: Arc<Mutex<State>>,
}

impl Register {
    /// Starts to write.
    pub(crate) fn start(runtime: &Handle, masters: Masters, value: Value, agent: &'static str) -> Self {
        let register = Self { value, agent, state: Arc::default() };
        runtime.spawn(register.clone().write(masters));
        register
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn write(self, masters: Masters) {
        let mut operator = Operator::of_masters(masters).with_timeout(Duration::from_secs(3));
        let mut agent_id = None;
        loop {
            tokio::time::sleep(PAUSE).await;
            if agent_id.is_none() && self.value == Value::GracePeriod {
                agent_id = self.find_agent(&mut operator).await;
                if agent_id.is_none() {
                    continue;
                }
            }
            let value = {
                let mut state = self.state();
                if state.is_absent {
                    return;
                }
                if state.is_paused {
                    continue;
                }
                state.is_writing = true;
                state.sent += 1;
                state.sent
            };
            let written = if let Some(agent) = &agent_id {
                operator.master(&drain(agent.clone(), value)).await.map(drop)
            } else {
                let weight = v1::WeightInfo { role: Some(ROLE.to_owned()), weight: f64::from(value) };
                operator.update_weights(vec![weight]).await
            };
            self.note(value, &written);
        }
    }

    fn note(&self, value: u32, written: &Result<(), CallError>) {
        let mut state = self.state();
        state.is_writing = false;
        match written {
            Ok(()) => {
                state.acknowledged = value;
                state.acknowledgements += 1;
            }
            Err(CallError::Refused { status, .. }) if status.as_u16() == 501 => {
                say(&format!("LEFT OUT: acknowledged writes of a {:?}: this master knows none", self.value));
                state.is_absent = true;
            }
            // It may have been written or not.
            Err(_) => {}
        }
    }

    async fn find_agent(&self, operator: &mut Operator) -> Option<v1::AgentId> {
        let agents = operator.agents().await.ok()?;
        agents.into_iter().find(|agent| agent.agent_info.hostname == self.agent)?.agent_info.id
    }

    /// How many writes were acknowledged.
    pub(crate) fn acknowledgements(&self) -> u64 {
        self.state().acknowledgements
    }

    pub(crate) fn pause(&self, is_paused: bool) {
        self.state().is_paused = is_paused;
    }

    /// Whether no write is under way.
    pub(crate) fn is_quiet(&self) -> bool {
        !self.state().is_writing
    }

    /// Compares what is read with what was written.
    pub(crate) async fn check(&self, masters: Masters) -> Verdict {
        if self.state().is_absent {
            return Ok(());
        }
        let mut operator = Operator::of_masters(masters).with_patience(PATIENCE);
        let read = match self.value {
            Value::GracePeriod => self.read_grace_period(&mut operator).await,
            Value::Weight => read_weight(&mut operator).await,
        };
        let found = read.map_err(|error| format!("failed to read the {:?}: {error}", self.value))?;
        let (acknowledged, sent) = {
            let state = self.state();
            (f64::from(state.acknowledged), f64::from(state.sent))
        };
        if found < acknowledged || found > sent {
            return Err(format!(
                "the {:?} is {found}; {acknowledged} was acknowledged, {sent} sent last",
                self.value
            ));
        }
        Ok(())
    }

    async fn read_grace_period(&self, operator: &mut Operator) -> Result<f64, CallError> {
        let agents = operator.agents().await?;
        let agent = agents.into_iter().find(|agent| agent.agent_info.hostname == self.agent);
        let period = agent.and_then(|agent| agent.drain_info?.config.max_grace_period);
        Ok(period.map_or(0.0, |period| Duration::from_nanos(period.nanoseconds.unsigned_abs()).as_secs_f64()))
    }
}

async fn read_weight(operator: &mut Operator) -> Result<f64, CallError> {
    let weights = operator.weights().await?;
    let found = weights.iter().find(|weight| weight.role.as_deref() == Some(ROLE));
    Ok(found.map_or(0.0, |found| found.weight))
}

fn drain(agent_id: v1::AgentId, seconds: u32) -> Call {
    let max_grace_period =
        Some(tepui_proto::google::protobuf::Duration { seconds: seconds.into(), nanos: 0 });
    let drain = call::DrainAgent { agent_id, max_grace_period, mark_gone: None };
    Call { r#type: Some(call::Type::DrainAgent.into()), drain_agent: Some(drain), ..Call::default() }
}
