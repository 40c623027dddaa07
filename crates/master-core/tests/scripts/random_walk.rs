//! Random commands, good and bad, after each of which the invariants must hold.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::world::World;

const AGENTS: u64 = 5;
const FRAMEWORKS: u64 = 3;
const STEPS: u64 = 400;
const SEEDS: u64 = 40;

/// What the walks must come across, or they would prove little.
const REACHED: &[&str] = &[
    "RunTask launch_executor=true",
    "RunTask launch_executor=false",
    "RESCIND",
    "Framework failed over",
    "Framework has been removed",
    "TASK_UNREACHABLE",
    "Unreachable agent re-reregistered",
    "reachable $m-S",
    "asks for",
    "KillTask",
    "ShutdownFramework",
    "different IP / hostname",
    "TASK_ERROR",
    "remove $m-S",
    "StatusUpdateAcknowledgement",
];

struct Walk {
    random: fastrand::Rng,
    world: World,
    log: String,
    offers: Vec<String>,
    streams: u64,
    /// Which of `REACHED` were seen.
    seen: BTreeSet<&'static str>,
}

impl Walk {
    fn new(seed: u64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            world: World::new(),
            log: String::new(),
            offers: Vec::new(),
            streams: 0,
            seen: BTreeSet::new(),
        }
    }

    fn run(&mut self, command: &str) {
        let _ = writeln!(self.log, "{command}");
        let effects = self.world.run(command);
        self.streams += effects.matches(": 200 stream ").count() as u64;
        self.seen.extend(REACHED.iter().filter(|what| effects.contains(**what)));
        for (at, _) in effects.match_indices("$m-O") {
            let digits: String = effects[at + 4..].chars().take_while(char::is_ascii_digit).collect();
            self.offers.push(format!("$m-O{digits}"));
        }
    }

    fn agent(&mut self) -> u64 {
        self.random.u64(..AGENTS)
    }

    fn framework(&mut self) -> String {
        format!("$m-{:04}", self.random.u64(..FRAMEWORKS))
    }

    fn task(&mut self) -> String {
        format!("t{}", self.random.u64(..6))
    }

    fn state(&mut self) -> &'static str {
        self.random
            .choice([
                "TASK_STARTING",
                "TASK_RUNNING",
                "TASK_FINISHED",
                "TASK_FAILED",
                "TASK_LOST",
                "TASK_UNREACHABLE",
            ])
            .unwrap()
    }

    fn offer(&mut self) -> String {
        let recent = self.offers.len().saturating_sub(6);
        let choices = self.offers[recent..].to_vec();
        self.random.choice(choices).unwrap_or_else(|| "$m-O0".to_owned())
    }

    fn call(&mut self, body: &str) -> String {
        let newest = self.streams.saturating_sub(1);
        let stream = newest - self.random.u64(..=newest.min(4));
        let framework = self.framework();
        format!(r#"call stream={stream}{}{{"framework_id":{{"value":"{framework}"}},{body}}}"#, '\n')
    }

    fn accept(&mut self) -> String {
        let (offer, agent, task) = (self.offer(), self.agent(), self.task());
        let cpus = self.random.u64(1..4);
        let kind = if self.random.bool() {
            r#""command":{"value":"x"}"#
        } else {
            r#""executor":{"executor_id":{"value":"e"},"command":{"value":"x"},"resources":[{"name":"mem","type":"SCALAR","scalar":{"value":64}}]}"#
        };
        self.call(&format!(
            r#""type":"ACCEPT","accept":{{"offer_ids":[{{"value":"{offer}"}}],"operations":[{{"type":"LAUNCH","launch":{{"task_infos":[{{"name":"n","task_id":{{"value":"{task}"}},"agent_id":{{"value":"$m-S{agent}"}},{kind},"resources":[{{"name":"cpus","type":"SCALAR","scalar":{{"value":{cpus}}}}}]}}]}}}}],"filters":{{"refuse_seconds":0}}}}"#
        ))
    }

    fn reregister(&mut self) -> String {
        let agent = self.agent();
        let host = if self.random.u64(..10) == 0 { self.agent() } else { agent };
        let mut text = format!("reregister {host} cpus:4;mem:1024 id={agent}");
        for framework in 0..FRAMEWORKS {
            if self.random.bool() {
                continue;
            }
            let framework = format!("$m-{framework:04}");
            let _ = write!(
                text,
                "\nframework {{\"id\":{{\"value\":\"{framework}\"}},\"user\":\"me\",\"name\":\"f\"}}"
            );
            let (task, state) = (self.task(), self.state());
            let _ = write!(
                text,
                r#"{}task {{"name":"n","task_id":{{"value":"{task}"}},"framework_id":{{"value":"{framework}"}},"slave_id":{{"value":"$m-S{agent}"}},"state":"{state}","resources":[{{"name":"cpus","type":"SCALAR","scalar":{{"value":1}},"role":"*"}}]}}"#,
                '\n'
            );
        }
        text
    }

    fn step(&mut self) {
        let (agent, framework, task, state) = (self.agent(), self.framework(), self.task(), self.state());
        let streams = self.streams.max(1);
        let command = match self.random.u64(..20) {
            0 => format!("agent {agent} cpus:4;mem:1024"),
            1 => self.reregister(),
            2 => format!("link-broken {agent}"),
            3 => format!("stream-closed {}", self.random.u64(..streams)),
            4 | 5 => format!("subscribe f id={framework} failover={} capabilities=PARTITION_AWARE", self.random.u64(..30)),
            6 => "subscribe f failover=20 checkpoint=true".to_owned(),
            7..=10 => self.accept(),
            11 => {
                let offer = self.offer();
                self.call(&format!(r#""type":"DECLINE","decline":{{"offer_ids":[{{"value":"{offer}"}}]}}"#))
            }
            12 | 13 => format!("status {agent} {framework} {task} {state} latest={} uuid={}", self.state(), self.random.u64(..3)),
            14 => self.call(&format!(
                r#""type":"ACKNOWLEDGE","acknowledge":{{"agent_id":{{"value":"$m-S{agent}"}},"task_id":{{"value":"{task}"}},"uuid":"AQEBAQEBAQEBAQEBAQEBAQ=="}}"#
            )),
            15 => self.call(&format!(r#""type":"KILL","kill":{{"task_id":{{"value":"{task}"}}}}"#)),
            16 => {
                let kind = self.random.choice(["REVIVE", "SUPPRESS", "TEARDOWN"]).unwrap();
                self.call(&format!(r#""type":"{kind}""#))
            }
            17 => format!("send {agent} UnregisterSlave\n{{\"slave_id\":{{\"value\":\"$m-S{agent}\"}}}}"),
            18 => format!(
                "send {agent} ExitedExecutor\n{{\"slave_id\":{{\"value\":\"$m-S{agent}\"}},\"framework_id\":{{\"value\":\"{framework}\"}},\"executor_id\":{{\"value\":\"e\"}},\"status\":0}}"
            ),
            _ => format!("advance {}", [0.5, 3.0, 16.0, 90.0][self.random.usize(..4)]),
        };
        self.run(&command);
    }
}

#[test]
fn random_commands_keep_the_invariants() {
    let mut seen = BTreeSet::new();
    for seed in 0..SEEDS {
        let mut walk = Walk::new(seed);
        walk.run("recover 0 1");
        for _ in 0..STEPS {
            let step = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| walk.step()));
            assert!(step.is_ok(), "seed {seed} breaks an invariant in the last of:\n{}", walk.log);
        }
        seen.extend(walk.seen);
    }
    assert_eq!(seen, REACHED.iter().copied().collect());
}
