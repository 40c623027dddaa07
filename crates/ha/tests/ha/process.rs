//! A contender in a process of its own, which can be killed and stopped.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use tepui_ha::{CandidacyState, Candidate, Contender, Spec};

use crate::scenario::{DEADLINE, master};

const SPEC: &str = "TEPUI_CONTENDER_SPEC";
const PORT: &str = "TEPUI_CONTENDER_PORT";
const TIMEOUT: &str = "TEPUI_CONTENDER_TIMEOUT_MS";

/// A running contender.
pub(crate) struct ContenderProcess {
    process: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl ContenderProcess {
    pub(crate) fn start(spec: &str, port: u16, session_timeout: Duration) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "process::contender_process", "--nocapture"])
            .env(SPEC, spec)
            .env(PORT, port.to_string())
            .env(TIMEOUT, session_timeout.as_millis().to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    /// Reads on until the process says this. It ends by itself after a while, so this does too.
    pub(crate) fn until(&mut self, wanted: &str) {
        let said =
            self.lines.by_ref().map_while(Result::ok).any(|line| line.contains(&format!("says {wanted}")));
        assert!(said, "the contender never said `{wanted}`");
    }

    pub(crate) fn signal(&self, signal: &str) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for ContenderProcess {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "says {what}").unwrap();
    out.flush().unwrap();
}

/// Not a test of its own: the process that contends. It looks at its lease all the time, as a master does before each
/// effect, and says what it sees.
#[test]
fn contender_process() {
    let Ok(spec) = std::env::var(SPEC) else { return };
    let number = |name| std::env::var(name).unwrap().parse::<u64>().unwrap();
    let candidate =
        Candidate { info: master(u16::try_from(number(PORT)).unwrap()), registry: "r".to_owned() };
    let session_timeout = Duration::from_millis(number(TIMEOUT));
    let contender = Contender::new(Spec::parse(&spec).unwrap(), session_timeout).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let _guard = runtime.enter();
    let mut candidacy = contender.contend(candidate);
    let CandidacyState::Leading(leadership) = runtime.block_on(candidacy.decided()) else {
        panic!("not elected")
    };
    say("leading");
    let begun = Instant::now();
    while leadership.lease.is_held() {
        assert!(begun.elapsed() < DEADLINE);
        std::thread::sleep(Duration::from_millis(1));
    }
    say("not held");
    let state = runtime.block_on(async {
        let lost = async {
            while !matches!(candidacy.state(), CandidacyState::Lost { .. }) {
                candidacy.changed().await;
            }
        };
        tokio::time::timeout(DEADLINE, lost).await
    });
    assert!(state.is_ok());
    say("lost");
}
