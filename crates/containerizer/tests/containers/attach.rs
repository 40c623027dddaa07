//! Containers that somebody listens and writes to.

use std::fs;
use std::os::unix::net::UnixListener;

use tepui_containerizer::{AttachError, ContainerClass, ContainerConfig, OutputPiece, OutputStream, Signal};
use tepui_proto::v1;
use tepui_types::ContainerId;
use tokio::sync::mpsc;

use crate::fixture::{Agent, DEADLINE};
use crate::linux::{agent as linux, plain};

/// A parent that sleeps, and a debug container in it that is not started yet.
async fn session(agent: &Agent, script: &str) -> ContainerConfig {
    agent.launch("p", "sleep 1000").await;
    let mut config = agent.config(&ContainerId::new("p").child("s"), script);
    config.class = ContainerClass::Debug;
    config.sandbox = agent.sandbox().join("s");
    fs::create_dir_all(&config.sandbox).unwrap();
    config
}

fn in_terminal(mut config: ContainerConfig, rows: u32, columns: u32) -> ContainerConfig {
    let window_size = Some(v1::tty_info::WindowSize { rows, columns });
    config.container = Some(v1::ContainerInfo { tty_info: Some(v1::TtyInfo { window_size }), ..plain() });
    config
}

/// All that is said until the end, by stream.
async fn all(mut output: mpsc::Receiver<OutputPiece>) -> (String, String) {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    while let Some(piece) = tokio::time::timeout(DEADLINE, output.recv()).await.unwrap() {
        match piece.stream {
            OutputStream::Stdout => stdout.extend(piece.data),
            OutputStream::Stderr => stderr.extend(piece.data),
        }
    }
    (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// Reads until this was said.
async fn read_until(output: &mut mpsc::Receiver<OutputPiece>, end: &str) -> String {
    let mut seen = String::new();
    while !seen.ends_with(end) {
        let piece = tokio::time::timeout(DEADLINE, output.recv()).await.unwrap().expect("it goes on");
        seen.push_str(std::str::from_utf8(&piece.data).unwrap());
    }
    seen
}

#[tokio::test]
async fn a_socket_of_a_launch_that_was_cut_short_is_in_nobodys_way() {
    let agent = Agent::start().await;
    let id = ContainerId::new("t");
    let folder = agent.runtime("t");
    fs::create_dir_all(&folder).unwrap();
    for name in ["terminal.sock", "logger.sock"] {
        drop(UnixListener::bind(folder.join(name)).unwrap());
    }
    let config = in_terminal(agent.config(&id, "read -r line; echo got $line"), 24, 80);
    agent.containers.launch(config).await.unwrap();
    let mut output = agent.containers.attach_output(&id).await.unwrap();
    agent.containers.attach_input(&id).await.unwrap().write(b"it\n").await.unwrap();
    assert_eq!(read_until(&mut output, "got it\r\n").await, "it\r\ngot it\r\n");
    assert_eq!(agent.containers.wait(&id).await.unwrap().status, Some(0));
}

#[tokio::test]
async fn a_session_is_heard_from_its_start_also_when_it_has_ended() {
    let agent = Agent::start().await;
    let config = session(&agent, "echo out; echo err >&2; exit 3").await;
    let id = config.container_id.clone();
    let sandbox = config.sandbox.clone();
    agent.containers.launch(config).await.unwrap();
    assert_eq!(agent.containers.wait(&id).await.unwrap().status, Some(3 << 8));
    let output = agent.containers.attach_output(&id).await.unwrap();
    assert_eq!(all(output).await, ("out\n".to_owned(), "err\n".to_owned()));
    assert_eq!(fs::read_to_string(sandbox.join("stdout")).unwrap(), "out\n");
    assert_eq!(fs::read_to_string(sandbox.join("stderr")).unwrap(), "err\n");
    assert!(matches!(agent.containers.attach_output(&id).await, Err(AttachError::Ended)));
    agent.containers.destroy(&ContainerId::new("p")).await;
}

#[tokio::test]
async fn what_is_written_is_read_until_it_is_closed() {
    let agent = Agent::start().await;
    let config = session(&agent, "wc -c").await;
    let id = config.container_id.clone();
    agent.containers.launch(config).await.unwrap();
    let input = agent.containers.attach_input(&id).await.unwrap();
    assert!(matches!(agent.containers.attach_input(&id).await, Err(AttachError::InputTaken)));
    // More than a pipe holds.
    input.write(&vec![b'x'; 300_000]).await.unwrap();
    drop(input);
    let input = agent.containers.attach_input(&id).await.unwrap();
    input.write(b"y").await.unwrap();
    input.write(b"").await.unwrap();
    assert!(input.write(b"z").await.is_err(), "it is closed");
    let output = agent.containers.attach_output(&id).await.unwrap();
    assert_eq!(all(output).await.0.trim(), "300001");
    agent.containers.destroy(&ContainerId::new("p")).await;
}

#[tokio::test]
async fn much_output_waits_for_its_listener() {
    let agent = Agent::start().await;
    let config = session(&agent, "head -c 2000000 /dev/zero | tr '\\0' x").await;
    let id = config.container_id.clone();
    agent.containers.launch(config).await.unwrap();
    let output = agent.containers.attach_output(&id).await.unwrap();
    assert_eq!(all(output).await.0.len(), 2_000_000);
    agent.containers.destroy(&ContainerId::new("p")).await;
}

#[tokio::test]
async fn a_terminal_has_a_size_and_passes_interrupts_on() {
    let agent = Agent::start().await;
    let script = "stty size; trap 'stty size; exit 7' INT; echo ready; read -r line; echo got $line; while :; do sleep 0.01; done";
    let config = in_terminal(session(&agent, script).await, 24, 80);
    let id = config.container_id.clone();
    agent.containers.launch(config).await.unwrap();
    let mut output = agent.containers.attach_output(&id).await.unwrap();
    assert_eq!(read_until(&mut output, "ready\r\n").await, "24 80\r\nready\r\n");
    let input = agent.containers.attach_input(&id).await.unwrap();
    input.write(b"hello\n").await.unwrap();
    assert_eq!(read_until(&mut output, "got hello\r\n").await, "hello\r\ngot hello\r\n");
    input.write(b"").await.unwrap();
    input.set_window_size(50, 132).await.unwrap();
    // The terminal makes a signal of it.
    input.write(b"\x03").await.unwrap();
    assert!(all(output).await.0.contains("50 132"));
    assert_eq!(agent.containers.wait(&id).await.unwrap().status, Some(7 << 8));
    agent.containers.destroy(&ContainerId::new("p")).await;
}

#[tokio::test]
async fn a_terminal_works_in_namespaces_and_for_a_user() {
    let Some(agent) = linux("filesystem/linux,namespaces/pid", |_| {}).await else { return };
    let parent = ContainerId::new("p");
    agent.launch("p", "sleep 1000").await;
    let script = "tty >/dev/null && echo in a terminal; echo x >/dev/tty; id -un";
    let mut config = in_terminal(agent.config(&parent.child("c"), script), 24, 80);
    config.user = Some("nobody".to_owned());
    config.directory = Some("/".into());
    agent.containers.launch(config).await.unwrap();
    assert_eq!(agent.containers.wait(&parent.child("c")).await.unwrap().status, Some(0));
    let stdout = agent.sandbox().join("stdout");
    crate::fixture::until("all is written", || {
        fs::read_to_string(&stdout).is_ok_and(|text| text == "in a terminal\r\nx\r\nnobody\r\n")
    })
    .await;
    agent.containers.destroy(&parent).await;
}

#[tokio::test]
async fn a_task_with_a_terminal_is_listened_to_by_many_and_others_are_not() {
    let mut agent = Agent::start().await;
    let script = "while [ ! -e go ]; do sleep 0.01; done; echo said";
    let config = in_terminal(agent.config(&ContainerId::new("t"), script), 24, 80);
    agent.containers.launch(config).await.unwrap();
    agent.launch("plain", "sleep 1000").await;
    let id = ContainerId::new("t");
    let mut listeners = Vec::new();
    for _ in 0..3 {
        listeners.push(agent.containers.attach_output(&id).await.unwrap());
    }
    let refused = agent.containers.attach_output(&ContainerId::new("plain")).await.unwrap_err();
    assert_eq!(refused.to_string(), "I/O switchboard server was disabled for this container");
    let refused = agent.containers.attach_input(&ContainerId::new("none")).await.unwrap_err();
    assert_eq!(refused.to_string(), "Container none cannot be found");
    fs::write(agent.sandbox().join("go"), "").unwrap();
    for listener in listeners {
        assert_eq!(all(listener).await.0, "said\r\n");
    }
    assert_eq!(agent.next().await, ("t".to_owned(), Some(0)));
    agent.containers.kill(&ContainerId::new("plain"), Signal::KILL).unwrap();
}

#[tokio::test]
async fn a_terminal_outlives_the_agent_and_is_written_to_again() {
    let agent = Agent::start().await;
    let id = ContainerId::new("t");
    let script = "echo ready; while read -r line; do echo got $line; done";
    agent.containers.launch(in_terminal(agent.config(&id, script), 24, 80)).await.unwrap();
    let input = agent.containers.attach_input(&id).await.unwrap();
    input.write(b"one\n").await.unwrap();
    let stdout = agent.sandbox().join("stdout");
    let is_written = |text: &str| fs::read_to_string(&stdout).is_ok_and(|all| all.ends_with(text));
    crate::fixture::until("it answers", || is_written("got one\r\n")).await;
    drop(input);
    let mut agent = agent.crash().await;
    let recovered = agent.containers.recover(vec![agent.known("t")]).await.unwrap();
    assert_eq!(recovered.running.len(), 1);
    let mut output = agent.containers.attach_output(&id).await.unwrap();
    let input = agent.containers.attach_input(&id).await.unwrap();
    assert!(matches!(agent.containers.attach_input(&id).await, Err(AttachError::InputTaken)));
    input.write(b"two\n").await.unwrap();
    assert_eq!(read_until(&mut output, "got two\r\n").await, "two\r\ngot two\r\n");
    // The end of the input, as a terminal has it.
    input.write(b"\x04").await.unwrap();
    assert_eq!(agent.next().await, ("t".to_owned(), Some(0)));
    assert!(output.recv().await.is_none());
    assert!(is_written("got two\r\n"), "all is written when the end is told");
}

#[tokio::test]
async fn whoever_keeps_an_ended_container_s_output_does_not_keep_the_container() {
    let mut agent = Agent::start_in(tempfile::tempdir().unwrap(), |settings| {
        settings.logger = Some(tepui_containerizer::LoggerSettings::default());
    })
    .await;
    // A process in a session of its own is not found without cgroups; it has the output, and a minute.
    agent.launch("c", "setsid sleep 60 & exit 5").await;
    assert_eq!(agent.next().await, ("c".to_owned(), Some(5 << 8)));
    assert!(!agent.runtime("c").exists());
}
