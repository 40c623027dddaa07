//! What a run does: `key = value` lines, each of which an argument may replace.

use std::fmt::Write;

use anyhow::{Context as _, bail};

macro_rules! plan {
    ($($(#[doc = $doc:literal])+ $key:ident: $kind:ty = $default:expr,)+) => {
        /// The settings of a run.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Plan {
            $($(#[doc = $doc])+ pub $key: $kind,)+
        }

        impl Default for Plan {
            fn default() -> Self {
                Self { $($key: $default,)+ }
            }
        }

        impl Plan {
            /// Changes one setting.
            ///
            /// # Errors
            /// There is no such setting, or it cannot have this value.
            pub fn set(&mut self, key: &str, value: &str) -> anyhow::Result<()> {
                match key {
                    $(stringify!($key) => {
                        self.$key = value.parse().with_context(|| format!("setting `{key}`: bad value `{value}`"))?;
                    })+
                    _ => bail!("there is no setting `{key}`; there are: {}", [$(stringify!($key)),+].join(", ")),
                }
                Ok(())
            }

            /// All settings as text.
            pub fn settings(&self) -> Vec<(&'static str, String)> {
                vec![$((stringify!($key), self.$key.to_string()),)+]
            }

            /// The settings and what they mean.
            pub fn help() -> String {
                let mut text = String::new();
                let plan = Self::default();
                $(
                    let meaning = concat!($($doc),+);
                    writeln!(text, "  {:<20} {} [{}]", stringify!($key), meaning.trim(), plan.$key)
                        .expect("a string takes whatever is written");
                )+
                text
            }
        }
    };
}

plan! {
    /// What the result is called.
    name: String = "run".to_owned(),
    /// Emulated agents.
    agents: usize = 1000,
    /// How many agents share one address; 0 for all of a thread.
    agents_per_address: usize = 0,
    /// The first port of the swarm's addresses.
    swarm_port: u16 = 16950,
    /// Threads of the swarm.
    swarm_threads: usize = 1,
    /// How many registrations may be unanswered at a time.
    register_window: usize = 500,
    /// Over how many seconds the agents register, evenly: those that register together are pinged together ever after, and
    /// at one address what they say then is before all else. 0 for as fast as the window lets them.
    register_seconds: f64 = 0.0,
    /// Tasks that fit an agent: it has so many times one CPU, 64 MB of memory and 64 MB of disk.
    slots: usize = 1,
    /// Frameworks that accept.
    frameworks: usize = 1,
    /// Roles that the frameworks share.
    roles: usize = 1,
    /// Frameworks beside them that decline every offer for ever.
    decliners: usize = 0,
    /// Frameworks beside them that suppress and revive once a second, and decline what they get.
    suppressors: usize = 0,
    /// Frameworks among the accepting ones that never acknowledge.
    silent: usize = 0,
    /// Frameworks beside them that subscribe and do not read.
    slow: usize = 0,
    /// Threads of the fleet.
    fleet_threads: usize = 1,
    /// Connections that each framework sends its calls on.
    call_connections: usize = 1,
    /// How many calls may be unanswered on each of them; 0 for any number. A Mesos master handles calls in a chain of
    /// continuations, and runs out of stack (SIGSEGV) when some ten thousand wait.
    calls_in_flight: usize = 0,
    /// The encoding of calls and events: `protobuf` or `json`.
    encoding: String = "protobuf".to_owned(),
    /// Tasks in all.
    tasks: usize = 10_000,
    /// Tasks that are launched with one ACCEPT, at the most.
    tasks_per_accept: usize = 1,
    /// Tasks per second of all frameworks together, whatever the master does; 0 to launch on each offer at once.
    rate: f64 = 0.0,
    /// How long a task runs, in milliseconds: the mean; -1 to run until all have been launched.
    duration_ms: f64 = 0.0,
    /// The standard deviation of that.
    duration_spread_ms: f64 = 0.0,
    /// What a task runs, by a shell: real agents do, emulated ones do not look.
    command: String = "true".to_owned(),
    /// Whether the frameworks ask for checkpoints.
    checkpoint: bool = false,
    /// `refuse_seconds` of the filter in ACCEPT.
    refuse_seconds: f64 = 0.0,
    /// After how many seconds an agent repeats an update that was not acknowledged; then after twice as many.
    retry_seconds: f64 = 10.0,
    /// Re-registrations of random agents with their tasks, per second.
    flaps_per_second: f64 = 0.0,
    /// Tasks that each agent brings along when it re-registers instead of registering; 0 to register.
    reregister_tasks: usize = 0,
    /// Frameworks of those tasks.
    reregister_frameworks: usize = 5,
    /// Unknown tasks that the first framework reconciles in the end.
    reconcile: usize = 0,
    /// PONGs of no consequence that are sent to the master in the end.
    pongs: usize = 0,
    /// What is read once all tasks run: `state`, `get_state_protobuf`, `get_state_json`, `get_tasks_protobuf`, `metrics`.
    reads: String = String::new(),
    /// How often each of them is read.
    read_count: usize = 3,
    /// Whether `/state` is read over and over while tasks are launched.
    poll_state: bool = false,
    /// After how many seconds of launching the phase `steady` begins, which lasts until all tasks have been launched;
    /// latencies are those of that phase. 0 for no such phase.
    warmup_seconds: f64 = 0.0,
    /// How long to stay idle, in seconds, with all tasks running.
    hold_seconds: f64 = 0.0,
    /// Masters that follow the one that is driven, as `ip:port/pid,ip:port/pid`: that one is killed when all tasks run
    /// (`duration_ms=-1`), and agents and frameworks go to the next one.
    followers: String = String::new(),
    /// When a phase is given up, in seconds.
    patience_seconds: f64 = 120.0,
}

impl Plan {
    /// Reads a plan: lines of `key = value`; `#` begins a comment.
    ///
    /// # Errors
    /// A line is none of this.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let mut plan = Self::default();
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if !line.is_empty() {
                plan.assign(line)?;
            }
        }
        Ok(plan)
    }

    /// Changes one setting by `key=value`.
    ///
    /// # Errors
    /// It is no such text, or the setting cannot have that value.
    pub fn assign(&mut self, text: &str) -> anyhow::Result<()> {
        let (key, value) = text.split_once('=').with_context(|| format!("`{text}` is no `key=value`"))?;
        self.set(key.trim(), value.trim())
    }

    /// Tasks wait to be told before they end.
    pub(crate) fn holds(&self) -> bool {
        self.duration_ms < 0.0
    }

    /// The leader is killed, and another one followed.
    pub(crate) fn follows(&self) -> bool {
        !self.followers.is_empty()
    }

    /// How many addresses the agents live at.
    pub(crate) fn addresses(&self) -> usize {
        match self.agents_per_address {
            0 => self.swarm_threads.max(1),
            per_address => self.agents.div_ceil(per_address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_lines_of_settings() {
        let plan = Plan::parse("# A comment.\nagents = 50  # few\nname=small\n").unwrap();
        assert_eq!((plan.agents, plan.name.as_str(), plan.slots), (50, "small", 1));
        assert!(Plan::parse("agents").is_err());
        assert!(Plan::parse("agents = many").unwrap_err().to_string().contains("`agents`"));
        assert!(Plan::parse("agent = 1").unwrap_err().to_string().contains("there is no setting `agent`"));
    }
}
