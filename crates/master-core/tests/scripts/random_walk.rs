//! Random commands, good and bad, after each of which the invariants must hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::world::World;

const AGENTS: u64 = 5;
const FRAMEWORKS: u64 = 3;
const DRIVERS: u64 = 3;
const STEPS: u64 = 400;
const SEEDS: u64 = 40;

/// What the walks must come across, or they would prove little.
const REACHED: &[&str] = &[
    "launch_executor=true",
    "launch_executor=false",
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
    "FrameworkRegistered",
    "FrameworkReregistered",
    "FrameworkError Framework failed over",
    "FrameworkError Framework disconnected",
    "RescindResourceOffer",
    "RunTask pid=",
    "ApplyOperation",
    " RESERVE",
    " UNRESERVE",
    " CREATE",
    " DESTROY",
    " GROW_VOLUME",
    " SHRINK_VOLUME",
    "<SHARED>",
    "CheckpointResources",
    "RunTaskGroup",
    "AcknowledgeOperationStatus",
    "ReconcileOperations",
    "OPERATION_FINISHED",
    "OPERATION_UNREACHABLE",
    "OPERATION_ERROR",
    "REASON_TASK_GROUP_INVALID",
    "DrainSlave",
    " DRAINED",
    "TASK_GONE_BY_OPERATOR",
    "gone $m-S",
    "Agent is still in the DRAINING state",
];

/// Whom a framework speaks through.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Speaker {
    Stream(u64),
    Driver(u64),
}

/// An offer that was seen.
#[derive(Clone)]
struct Known {
    speaker: Speaker,
    offer: String,
    agent: String,
}

struct Walk {
    random: fastrand::Rng,
    world: World,
    log: String,
    offers: Vec<Known>,
    /// The framework of each stream and driver.
    frameworks: BTreeMap<Speaker, String>,
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
            frameworks: BTreeMap::new(),
            streams: 0,
            seen: BTreeSet::new(),
        }
    }

    fn run(&mut self, command: &str) {
        let _ = writeln!(self.log, "{command}");
        let before = self.world.totals();
        let effects = self.world.run(command);
        if !["accept", "call", "reregister"].iter().any(|kind| command.starts_with(kind))
            || command.contains("TEARDOWN")
        {
            for (agent, total) in self.world.totals() {
                let kept = before.get(&agent).is_none_or(|before| *before == total);
                assert!(kept, "what {agent} has changes by operations alone, whoever comes or goes");
            }
        }
        self.streams += effects.matches(": 200 stream ").count() as u64;
        self.seen.extend(REACHED.iter().filter(|what| effects.contains(**what)));
        for line in effects.lines() {
            self.learn(line);
        }
    }

    /// Remembers what a well-behaved framework would.
    fn learn(&mut self, line: &str) {
        let (speaker, event) = if let Some(event) = line.strip_prefix("event ") {
            let (stream, event) = event.split_once(": ").unwrap();
            (Speaker::Stream(stream.parse().unwrap()), event)
        } else if let Some(message) = line.strip_prefix("send scheduler-") {
            let (driver, message) = message.split_once(": ").unwrap();
            (Speaker::Driver(driver.split_once('@').unwrap().0.parse().unwrap()), message)
        } else {
            return;
        };
        let registered = ["SUBSCRIBED ", "FrameworkRegistered ", "FrameworkReregistered "];
        if let Some(framework) = registered.iter().find_map(|event_name| event.strip_prefix(event_name)) {
            self.frameworks.insert(speaker, framework.to_owned());
        }
        let offers = ["OFFERS ", "ResourceOffers "].iter().find_map(|name| event.strip_prefix(name));
        for offer in offers.into_iter().flat_map(|offers| offers.split(" | ")) {
            let mut words = offer.split([' ', ':']);
            let (id, agent) = (words.next().unwrap(), words.nth(1).unwrap());
            self.offers.push(Known { speaker, offer: id.to_owned(), agent: agent.to_owned() });
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

    /// Some offer of late, valid or not.
    fn offer(&mut self) -> Known {
        let recent = self.offers.len().saturating_sub(4);
        let choices = self.offers[recent..].to_vec();
        let none =
            || Known { speaker: Speaker::Stream(0), offer: "$m-O0".to_owned(), agent: "$m-S0".to_owned() };
        self.random.choice(choices).unwrap_or_else(none)
    }

    /// A call of a driver, or of whoever had a stream of late.
    fn call(&mut self, body: &str) -> String {
        let newest = self.streams.saturating_sub(1);
        let stream = newest - self.random.u64(..=newest.min(4));
        let speaker =
            if self.random.u64(..4) == 0 { Speaker::Driver(self.driver()) } else { Speaker::Stream(stream) };
        self.call_on(speaker, body)
    }

    fn call_on(&self, speaker: Speaker, body: &str) -> String {
        let framework = self.frameworks.get(&speaker).map_or("$m-0000", String::as_str);
        let body = format!("{{\"framework_id\":{{\"value\":\"{framework}\"}},{body}}}");
        match speaker {
            Speaker::Stream(stream) => format!("call stream={stream}\n{body}"),
            Speaker::Driver(driver) => {
                format!("driver {driver} Call\n{}", body.replace("agent_id", "slave_id"))
            }
        }
    }

    /// Whether an agent carries out operations itself.
    fn age(&mut self) -> &'static str {
        if self.random.u64(..3) == 0 { "" } else { "new" }
    }

    fn driver(&mut self) -> u64 {
        self.random.u64(1..=DRIVERS)
    }

    fn driver_subscribe(&mut self) -> String {
        let (driver, framework, failover) = (self.driver(), self.framework(), self.random.u64(..30));
        let id = if self.random.u64(..4) == 0 { String::new() } else { format!("id={framework} ") };
        let force = if self.random.bool() { "force" } else { "" };
        format!("driver {driver} subscribe f {id}failover={failover} capabilities=PARTITION_AWARE {force}")
    }

    fn accept(&mut self) -> String {
        let (Known { speaker, offer, agent }, task) = (self.offer(), self.task());
        let cpus = self.random.u64(1..3);
        let kind = if self.random.bool() {
            r#""command":{"value":"x"}"#
        } else {
            r#""executor":{"executor_id":{"value":"e"},"command":{"value":"x"},"resources":[{"name":"mem","type":"SCALAR","scalar":{"value":64}}]}"#
        };
        let body = format!(
            r#""type":"ACCEPT","accept":{{"offer_ids":[{{"value":"{offer}"}}],"operations":[{{"type":"LAUNCH","launch":{{"task_infos":[{{"name":"n","task_id":{{"value":"{task}"}},"agent_id":{{"value":"{agent}"}},{kind},"resources":[{{"name":"cpus","type":"SCALAR","scalar":{{"value":{cpus}}}}}]}}]}}}}],"filters":{{"refuse_seconds":0}}}}"#
        );
        if self.random.u64(..5) == 0 { self.call(&body) } else { self.call_on(speaker, &body) }
    }

    /// One to three operations, most of which make sense one after the other.
    fn operations(&mut self) -> String {
        const OPERATIONS: &[&str] = &[
            "reserve id=a cpus@*:1",
            "reserve disk@*:40",
            "reserve disk@*:40\ncreate id=c disk@*#v:20",
            "reserve disk@*:8\ncreate disk@*#s!:8",
            "launch t1 cpus:0.1;mem:32;disk@*#s!:8\nlaunch t2 cpus:0.1;mem:32;disk@*#s!:8",
            "launch t3 cpus:0.1;mem:32;disk@*#v:20",
            "grow disk@*#v:20 disk@*:5",
            "shrink id=d disk@*#v:25 5",
            "destroy id=e disk@*#v:20",
            "destroy disk@*#s!:8",
            "unreserve id=f cpus@*:1",
            "unreserve disk@*:20",
            "group t4=cpus:0.1;mem:32 t5=cpus:0.1;mem:32",
            "reserve id=g cpus@*:0.5\nlaunch t6 cpus@*:0.5;mem:32\nunreserve cpus@*:0.2",
        ];
        let Known { speaker, offer, agent } = self.offer();
        let Speaker::Stream(stream) = speaker else { return self.accept() };
        let framework = self.frameworks.get(&speaker).map_or("$m-0000", String::as_str).to_owned();
        let number = offer.rsplit('O').next().unwrap().to_owned();
        let host = agent.rsplit('S').next().unwrap().trim_end_matches(':').to_owned();
        let mut text = format!("accept {number} stream={stream} framework={framework} agent={host}");
        for _ in 0..self.random.u64(1..4) {
            let operation = self.random.choice(OPERATIONS).unwrap().replace("@*", "@web");
            for line in operation.lines() {
                let _ = write!(text, "\n{line}");
                if line.starts_with("group") {
                    let _ = write!(text, " framework={framework}");
                }
            }
        }
        text
    }

    fn operation(&mut self) -> String {
        let (agent, framework, number) = (self.agent(), self.framework(), self.random.u64(..12));
        let state = self.random.choice(["FINISHED", "ERROR", "DROPPED", "PENDING"]).unwrap();
        format!("operation {agent} {number} {state} framework={framework} uuid=1")
    }

    fn operation_call(&mut self) -> String {
        let id = self.random.choice(["a", "c", "d", "e", "f", "g"]).unwrap();
        if self.random.bool() {
            return self.call(r#""type":"RECONCILE_OPERATIONS","reconcile_operations":{"operations":[]}"#);
        }
        let agent = self.agent();
        self.call(&format!(
            r#""type":"ACKNOWLEDGE_OPERATION_STATUS","acknowledge_operation_status":{{"operation_id":{{"value":"{id}"}},"agent_id":{{"value":"$m-S{agent}"}},"uuid":"AQEBAQEBQAEBAQEBAQEBAQ=="}}"#
        ))
    }

    /// What an operator decides about an agent. Few are gone for ever, or soon none would be left.
    fn operator(&mut self) -> String {
        let agent = self.agent();
        let kinds =
            ["DRAIN_AGENT", "DRAIN_AGENT", "DEACTIVATE_AGENT", "REACTIVATE_AGENT", "REACTIVATE_AGENT"];
        let mut kind = self.random.choice(kinds).unwrap();
        let mut more = "";
        if self.random.u64(..12) == 0 {
            (kind, more) = if self.random.bool() {
                ("MARK_AGENT_GONE", "")
            } else {
                ("DRAIN_AGENT", ",\"mark_gone\":true")
            };
        }
        let part = kind.to_lowercase();
        format!(
            "api\n{{\"type\":\"{kind}\",\"{part}\":{{\"agent_id\":{{\"value\":\"$m-S{agent}\"}}{more}}}}}"
        )
    }

    fn reregister(&mut self) -> String {
        let agent = self.agent();
        let host = if self.random.u64(..10) == 0 { self.agent() } else { agent };
        let mut text = format!("reregister {host} cpus:4;mem:1024;disk:100 id={agent} {}", self.age());
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
        let command = match self.random.u64(..39) {
            0 => format!("agent {agent} cpus:4;mem:1024;disk:100 {}", self.age()),
            1 => self.reregister(),
            2 => format!("link-broken {agent}"),
            3 => format!("stream-closed {}", self.random.u64(..streams)),
            4 | 5 => format!("subscribe f id={framework} failover={} role=web capabilities=PARTITION_AWARE,SHARED_RESOURCES", self.random.u64(..30)),
            6 => "subscribe f failover=20 checkpoint=true role=web".to_owned(),
            7..=10 => self.accept(),
            11 => {
                let Known { speaker, offer, .. } = self.offer();
                self.call_on(speaker, &format!(r#""type":"DECLINE","decline":{{"offer_ids":[{{"value":"{offer}"}}]}}"#))
            }
            12 | 13 => format!("status {agent} {framework} {task} {state} latest={} uuid={}", self.state(), self.random.u64(..3)),
            14 => self.call(&format!(
                r#""type":"ACKNOWLEDGE","acknowledge":{{"agent_id":{{"value":"$m-S{agent}"}},"task_id":{{"value":"{task}"}},"uuid":"AQEBAQEBQAEBAQEBAQEBAQ=="}}"#
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
            19 | 20 => self.driver_subscribe(),
            21 => format!("driver-broken {}", self.driver()),
            22 => format!("driver {} DeactivateFramework\n{{\"framework_id\":{{\"value\":\"{framework}\"}}}}", self.driver()),
            24..=31 => self.operations(),
            32 => self.operation(),
            33 => self.operation_call(),
            34 => format!("send {agent} UpdateSlave\n{{\"slave_id\":{{\"value\":\"$m-S{agent}\"}},\"update_oversubscribed_resources\":false}}"),
            35 | 36 => self.operator(),
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
