//! What goes wrong.

use std::time::Duration;

use tepui_types::Time;

use crate::network::Partition;

/// Something that goes wrong, or its repair.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    MasterCrashes {
        master: usize,
        back: Duration,
    },
    MasterStarts {
        master: usize,
    },
    /// The leader's lease ends although nothing is wrong with it.
    LeaseIsLost,
    /// A master is stopped and goes on later.
    MasterStops {
        master: usize,
        time: Duration,
    },
    /// A master cannot reach the store, and with it the election.
    StoreIsCutOff {
        master: usize,
        time: Duration,
    },
    StoreIsBack {
        master: usize,
    },
    /// A master and all agents.
    MasterPartitioned {
        master: usize,
        how: Partition,
        time: Duration,
    },
    MasterHeals {
        master: usize,
    },
    AgentCrashes {
        agent: usize,
        back: Duration,
    },
    AgentStarts {
        agent: usize,
    },
    /// The connections between the master and an agent break and can be made again at once.
    ConnectionBreaks {
        agent: usize,
    },
    Partitioned {
        agent: usize,
        how: Partition,
        time: Duration,
    },
    PartitionHeals {
        agent: usize,
    },
    /// A scheduler's stream breaks.
    StreamBreaks {
        scheduler: usize,
    },
    /// A scheduler does not read its events for a while.
    SchedulerStalls {
        scheduler: usize,
        time: Duration,
    },
    SchedulerCrashes {
        scheduler: usize,
        back: Duration,
    },
    SchedulerStarts {
        scheduler: usize,
    },
    /// The container of an executor ends with all in it.
    ExecutorCrashes {
        agent: usize,
    },
    /// The operator says which agents' machines will be unavailable, and from when.
    ScheduleChanges {
        starts: Vec<Option<i64>>,
    },
    /// The faults are over.
    Peace,
}

/// Plans what goes wrong between two times.
pub(crate) fn plan(
    random: &mut fastrand::Rng,
    (masters, agents, schedulers): (usize, usize, usize),
    from: Time,
    to: Time,
) -> Vec<(Time, Fault)> {
    let span = to.saturating_duration_since(from).as_micros();
    let span = u64::try_from(span).unwrap_or(u64::MAX).max(1);
    // Mostly a few, so that their stories can be followed; sometimes a great many.
    let most = if random.u8(..4) == 0 { 60 } else { 12 };
    let count = random.usize(0..most);
    let mut faults = vec![(to, Fault::Peace)];
    for _ in 0..count {
        let at = from + Duration::from_micros(random.u64(..span));
        let agent = random.usize(..agents);
        let scheduler = random.usize(..schedulers);
        let master = random.usize(..masters);
        let back = Duration::from_millis(random.u64(1..30_000));
        let fault = match random.u8(..23) {
            0 | 1 => Fault::MasterCrashes { master, back },
            2 | 3 => Fault::AgentCrashes { agent, back },
            4 | 5 => Fault::ConnectionBreaks { agent },
            6..=9 => {
                let how = partition(random);
                // Some are over before anyone notices, some last until the agent is given up.
                let time = Duration::from_millis(random.u64(10..200_000));
                Fault::Partitioned { agent, how, time }
            }
            10 | 11 => Fault::StreamBreaks { scheduler },
            12 | 13 => Fault::SchedulerCrashes { scheduler, back },
            14 | 15 => {
                let time = Duration::from_millis(random.u64(10..120_000));
                Fault::SchedulerStalls { scheduler, time }
            }
            16 => Fault::ExecutorCrashes { agent },
            17 => Fault::LeaseIsLost,
            18 | 19 => Fault::MasterStops { master, time: back },
            20 => Fault::StoreIsCutOff { master, time: back },
            _ => Fault::MasterPartitioned { master, how: partition(random), time: back * 2 },
        };
        faults.push((at, fault));
    }
    faults.sort_by_key(|(at, _)| *at);
    faults
}

fn partition(random: &mut fastrand::Rng) -> Partition {
    match random.u8(..4) {
        0 | 1 => Partition::Loud,
        2 => Partition::Silent,
        _ if random.bool() => Partition::Deaf,
        _ => Partition::Mute,
    }
}
