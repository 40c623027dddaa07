//! A value that is written all the time: the weight of a role.
//!
//! Each write is larger than the one before. What is read must be the last acknowledged value, or one that was written
//! after it and whose answer was lost; an older one is the write of a master that had been deposed, or a lost write.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tepui_client::operator::Operator;
use tepui_client::{CallError, Masters};
use tepui_proto::v1;
use tokio::runtime::Handle;

use super::{Verdict, say};

const ROLE: &str = "chaos";

/// A pause between writes.
const PAUSE: Duration = Duration::from_millis(200);

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
#[derive(Clone, Debug, Default)]
pub(crate) struct Register {
    state: Arc<Mutex<State>>,
}

impl Register {
    /// Starts to write.
    pub(crate) fn start(runtime: &Handle, masters: Masters) -> Self {
        let register = Self::default();
        runtime.spawn(register.clone().write(masters));
        register
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn write(self, masters: Masters) {
        let mut operator = Operator::of_masters(masters).with_timeout(Duration::from_secs(3));
        loop {
            tokio::time::sleep(PAUSE).await;
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
            let weight = v1::WeightInfo { role: Some(ROLE.to_owned()), weight: f64::from(value) };
            let written = operator.update_weights(vec![weight]).await;
            let mut state = self.state();
            state.is_writing = false;
            match written {
                Ok(()) => {
                    state.acknowledged = value;
                    state.acknowledgements += 1;
                }
                Err(CallError::Refused { status, .. }) if status.as_u16() == 501 => {
                    say("LEFT OUT: acknowledged writes: this master cannot update weights");
                    state.is_absent = true;
                }
                Err(_) => {}
            }
        }
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
        let mut operator = Operator::of_masters(masters).with_patience(Duration::from_mins(1));
        let weights = operator.weights().await.map_err(|error| format!("failed to read weights: {error}"))?;
        let found = weights.iter().find(|weight| weight.role.as_deref() == Some(ROLE));
        let found = found.map_or(0.0, |found| found.weight);
        let (acknowledged, sent) = {
            let state = self.state();
            (f64::from(state.acknowledged), f64::from(state.sent))
        };
        if found < acknowledged || found > sent {
            return Err(format!("the weight is {found}; {acknowledged} was acknowledged, {sent} sent last"));
        }
        Ok(())
    }
}
