//! Chaos: a cluster of real processes on a real store, at which everything that can happen happens.
//!
//! Three masters, some agents, a scheduler that checks everything (`auditor`, over the pure `ledger`), and the
//! third-party schedulers that are installed. In each round some `fault`s are drawn from a seed, begun and ended; then
//! the cluster must heal, and it is checked (`checks`) that
//!
//! - tasks kept running, each ended at most once and as it should, and every status update arrived, in order;
//! - no task ran twice: each leaves a line in a file when it starts;
//! - what was acknowledged holds: agents keep their ids, frameworks that were torn down stay away, agents that were marked
//!   gone (`guest`) are told to end, and of the values that `register` writes all the time the last acknowledged one is
//!   there, not an older one of a deposed master;
//! - a master that was stopped looks at its lease before its first effect (`stale_write`);
//! - agents obey nobody but the leader: `impostor` tells them to kill a task in another master's name.
//!
//! All of it happens in network and process namespaces of its own (`network`): an agent is cut off by losing its
//! packets, a master is cut off from the store by a `proxy`, and nothing is left behind.

mod auditor;
mod checks;
mod cluster;
mod fault;
mod guest;
mod impostor;
mod ledger;
mod network;
mod process;
mod proxy;
mod register;
mod rounds;
mod stale_write;
mod third_party;
mod throwaway;
mod timings;

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use network::Entered;

/// The store that the masters share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// ZooKeeper.
    ZooKeeper,
    /// etcd.
    Etcd,
}

/// Short enough for many rounds, and long enough for two busy cores.
const DEFAULT_SESSION_SECONDS: u64 = 6;

/// What to do, and how often.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The store that the masters share.
    pub store: Store,
    /// The `tepui` binary.
    pub binary: String,
    /// How many rounds of drawn faults; without it, the few rounds of every test run.
    pub rounds: Option<u32>,
    /// Which faults, and for how long.
    pub seed: u64,
    /// How long the store waits for a silent master. A busy machine needs more, and each failover takes as long.
    pub session_seconds: u64,
    /// Where everything is written; removed after success.
    pub folder: PathBuf,
}

impl Plan {
    /// A plan of `CHAOS_ROUNDS`, `CHAOS_SEED`, `CHAOS_SESSION_SECONDS`, `CHAOS_FOLDER` and `CHAOS_BINARY`, as far as they say; else of a few given rounds, a fixed
    /// seed, the folder for temporary files, and `binary`.
    pub fn from_environment(store: Store, binary: &str) -> Self {
        let number = |name| -> Option<u64> { std::env::var(name).ok()?.parse().ok() };
        let name = match store {
            Store::ZooKeeper => "zookeeper",
            Store::Etcd => "etcd",
        };
        // A process has a small number in a namespace of its own: it names nothing.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let folder = std::env::var_os("CHAOS_FOLDER").map_or_else(std::env::temp_dir, PathBuf::from);
        Self {
            store,
            binary: std::env::var("CHAOS_BINARY").unwrap_or_else(|_| binary.to_owned()),
            rounds: number("CHAOS_ROUNDS").and_then(|rounds| rounds.try_into().ok()),
            seed: number("CHAOS_SEED").unwrap_or(1),
            session_seconds: number("CHAOS_SESSION_SECONDS").unwrap_or(DEFAULT_SESSION_SECONDS),
            folder: folder.join(format!("tepui-chaos-{name}-{}", now.as_millis())),
        }
    }
}

/// Runs the plan in the test that is called `test`, which it runs again within namespaces.
///
/// # Panics
/// Something did not hold; the text says what, in which round of which seed, and where the logs are.
pub fn chaos(test: &str, plan: &Plan) {
    match network::enter(test) {
        Entered::Inside => {}
        Entered::Done => return,
        Entered::Impossible(why) => return say(&format!("LEFT OUT: chaos: {why}")),
    }
    match rounds::run(plan) {
        Ok(()) => drop(std::fs::remove_dir_all(&plan.folder)),
        Err(error) => panic!("{error}\n  logs in `{}`", plan.folder.display()),
    }
}

/// Straight to the terminal: the test harness hides what a passing test prints.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// What is wrong, in words.
type Verdict<T = ()> = Result<T, String>;
