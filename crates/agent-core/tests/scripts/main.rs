//! Scripts: what an agent does, step by step.
//!
//! Each file in `testdata/agent` is a story of one agent. A line that begins with `>` is an input; the lines below it are
//! exactly what the agent does about it. `UPDATE=1 cargo test -p tepui-agent-core` rewrites what is below the inputs;
//! read the difference as if it were code. Containers, updates and requests are numbered as they appear.

#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::format_push_string,
    reason = "this is a test"
)]

mod commands;
mod names;
mod show;

use std::path::Path;
use std::{env, fs};

use commands::Story;

#[test]
fn scripts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/agent");
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "no scripts in {}", folder.display());
    let mut wrong = Vec::new();
    for file in files {
        let expected = fs::read_to_string(&file).unwrap();
        let actual = replay(&expected);
        if actual != expected {
            if env::var_os("UPDATE").is_some() {
                fs::write(&file, &actual).unwrap();
            } else {
                wrong.push(format!("{}:\n{}", file.display(), first_difference(&expected, &actual)));
            }
        }
    }
    assert!(wrong.is_empty(), "scripts differ; UPDATE=1 rewrites them\n{}", wrong.join("\n"));
}

/// What may come.
const INPUTS: [&str; 75] = [
    "detect m",
    "detect n",
    "detect none",
    "broken m",
    "pass 1secs",
    "pass 11secs",
    "pass 2mins",
    "registered S0",
    "registered S0",
    "registered S0",
    "reregistered S0",
    "reregistered S0 reconcile=f:t1",
    "ping from=slave-observer(1)",
    "ping disconnected",
    "run f t1",
    "run f t2 executor=e",
    "run f t3 executor=e launch=false",
    "run f t4 executor=e launch=",
    "run g t1 executor=e checkpoint aware",
    "run f t5 stale",
    "run-group g t6 t7",
    "kill f t1",
    "kill f t2",
    "kill g t1",
    "ack f t1 u1",
    "ack f t2 x1",
    "ack g t1 x1",
    "shutdown-executor f e",
    "shutdown-framework f",
    "update-framework f pid=scheduler@10.0.0.9:1",
    "framework-message f e hi",
    "subscribe f e",
    "subscribe f e tasks=t2 updates=t2:RUNNING:x1,t3:FINISHED:x2",
    "subscribe f t1",
    "subscribe g e",
    "update f e t2 RUNNING x1",
    "update f e t3 FINISHED x2",
    "update g e t1 FAILED x1",
    "update f t1 t1 KILLED x1",
    "message f e hello",
    "heartbeat f e",
    "closed 1",
    "closed 2",
    "checkpoint 1",
    "checkpoint 9",
    "apply a reserve 1",
    "apply b unreserve 1",
    "apply c reserve 0.5",
    "apply d reserve-disk",
    "apply e create v",
    "apply g destroy v",
    "apply h unreserve-disk",
    "run f t9 volume=v",
    "reconcile-operations a b c",
    "reconcile-operations d framework=f",
    "ack-operation a x1",
    "run h t1 executor=e checkpoint",
    "run h t2 executor=e checkpoint launch=false",
    "run h t3 checkpoint",
    "run-group h t4 t5 checkpoint",
    "subscribe h e",
    "subscribe h e tasks=t1 updates=t2:RUNNING:x3,t1:FINISHED:x4",
    "subscribe h t3",
    "update h e t1 RUNNING x5",
    "update h e t1 RUNNING x6",
    "update h e t1 FINISHED x7",
    "update h e t2 FAILED x8",
    "update h t3 t3 FINISHED x9",
    "ack h t1 x5",
    "ack h t1 x7",
    "kill h t4",
    "driver-register h e from=executor(1)",
    "driver-reregister h e tasks=t1 updates=t2:RUNNING:x3 from=executor(1)",
    "drain grace=1secs",
    "driver-update h t1 FINISHED y1 from=executor(1)",
];

/// Whatever comes, in whatever order, the invariants hold and nothing panics.
#[test]
fn random_inputs_keep_the_invariants() {
    for seed in 0..200 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut story = Story::new();
        let mut is_ended = false;
        for _ in 0..300 {
            let container = random.u32(1..20);
            let uuid = random.u32(1..40);
            let command = match random.usize(0..INPUTS.len() + 8) {
                at if at < INPUTS.len() => INPUTS[at].to_owned(),
                at if at < INPUTS.len() + 2 => format!("launched c{container}"),
                at if at < INPUTS.len() + 3 => format!("launch-failed c{container} x"),
                at if at < INPUTS.len() + 5 => format!("exited c{container} 9"),
                at if at < INPUTS.len() + 6 => format!("ack f t1 u{uuid}"),
                at if at < INPUTS.len() + 7 => format!("ack f t2 u{uuid}"),
                _ if random.u32(0..100) == 0 => "stop".to_owned(),
                _ if random.u32(0..60) == 0 => "leave".to_owned(),
                _ if random.u32(0..10) == 0 => "restart".to_owned(),
                _ if random.u32(0..3) == 0 => format!("containers c{container} c{}", container + 1),
                _ if random.u32(0..8) == 0 => "hold-stores".to_owned(),
                _ if random.u32(0..2) == 0 => "stored".to_owned(),
                _ if random.u32(0..8) == 0 => {
                    story.compact();
                    continue;
                }
                _ => format!("ack f t3 u{uuid}"),
            };
            story.run(&command);
            is_ended = is_ended && command != "restart" || command == "stop";
        }
        story.run("stored");
        if is_ended {
            // Nobody waits for the updates of what was ended for good; they are forgotten, though recorded.
            continue;
        }
        let (reborn, snapshot) = (story.reborn(), story.snapshot());
        for (is, should) in reborn.iter().zip(&snapshot) {
            assert_eq!(is, should, "the journal makes the same agent, seed {seed}");
        }
        assert_eq!(reborn.len(), snapshot.len(), "the journal makes the same agent, seed {seed}");
    }
}

/// Runs the inputs of a script and writes what they do below them. Comments and blank lines stay.
fn replay(script: &str) -> String {
    let mut story = Story::new();
    let mut out = String::new();
    for line in script.lines() {
        if let Some(command) = line.strip_prefix("> ") {
            out.push_str(line);
            out.push('\n');
            for shown in story.run(command) {
                out.push_str(&shown);
                out.push('\n');
            }
        } else if line.is_empty() || line.starts_with('#') {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

fn first_difference(expected: &str, actual: &str) -> String {
    let lines = expected.lines().zip(actual.lines()).enumerate();
    let differs = lines.into_iter().find(|(_, (expected, actual))| expected != actual);
    match differs {
        Some((at, (expected, actual))) => format!("line {}:\n- {expected}\n+ {actual}", at + 1),
        None => "one is longer than the other".to_owned(),
    }
}
