//! Containers under the plain launcher.

use std::fs;

use tepui_containerizer::{ContainerClass, Fetch, LaunchError, RemoveError};
use tepui_linux::Signal;
use tepui_proto::v1;
use tepui_types::ContainerId;

use crate::fixture::{Agent, has_ended, is_gone, until};

#[tokio::test]
async fn output_goes_to_the_sandbox_and_the_status_is_reported() {
    let mut agent = Agent::start().await;
    agent.launch("c", "echo $GIVEN in $MESOS_SANDBOX; pwd; echo oops >&2; exit 3").await;
    assert_eq!(agent.next().await, ("c".to_owned(), Some(3 << 8)));
    let sandbox = agent.sandbox();
    let path = sandbox.display();
    let stdout = fs::read_to_string(sandbox.join("stdout")).unwrap();
    assert_eq!(stdout, format!("by the agent in {path}\n{path}\n"));
    assert_eq!(fs::read_to_string(sandbox.join("stderr")).unwrap(), "oops\n");
    assert!(!agent.runtime("c").exists());
}

#[tokio::test]
async fn a_process_starts_in_order() {
    let mut agent = Agent::start().await;
    let script = "echo $(ls /proc/self/fd | wc -l); grep SigBlk /proc/self/status; grep -c 'SigIgn.*[02468ace]...$' /proc/self/status; \
                  read -r stat </proc/$$/stat; set -- $stat; [ $1 = $6 ] && echo leads";
    agent.launch("c", script).await;
    assert_eq!(agent.next().await.1, Some(0));
    let stdout = fs::read_to_string(agent.sandbox().join("stdout")).unwrap();
    // The three standard streams, and the folder that `ls` reads; SIGPIPE, which Rust ignores, is not ignored.
    let expected = "4\nSigBlk:\t0000000000000000\n1\nleads\n";
    assert_eq!(stdout, expected);
}

#[tokio::test]
async fn a_command_of_the_launchers_own_program_is_forked_and_cannot_tell() {
    let mut agent = Agent::start().await;
    let mut told = Vec::new();
    for (id, program) in
        [("own", env!("CARGO_BIN_EXE_tepui-launcher").to_owned()), ("copy", copy_of_launcher(&agent))]
    {
        let mut config = agent.config(&ContainerId::new(id), &program);
        config.command.shell = Some(false);
        config.command.arguments = ["launcher", "tell", "x", "y z"].map(str::to_owned).to_vec();
        agent.containers.launch(config).await.unwrap();
        assert_eq!(agent.next().await, (id.to_owned(), Some(7 << 8)));
        let stdout = agent.sandbox().join("stdout");
        told.push(fs::read_to_string(&stdout).unwrap());
        fs::remove_file(stdout).unwrap();
    }
    let (forked, rest) = told[0].split_once('\n').unwrap();
    let (executed, expected) = told[1].split_once('\n').unwrap();
    assert_eq!((forked, executed), ("forked", "executed"));
    assert_eq!(rest, expected);
    assert!(
        rest.starts_with("arguments [\"x\", \"y z\"], shown [\"tell\", \"x\", \"y z\", \"\"]\n"),
        "{rest}"
    );
}

/// The same program in another file: what is not the launcher's own file is executed.
fn copy_of_launcher(agent: &Agent) -> String {
    let copy = agent.folder.path().join("copy");
    fs::copy(env!("CARGO_BIN_EXE_tepui-launcher"), &copy).unwrap();
    copy.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_launchers_own_limits_are_not_those_of_containers() {
    let mut agent = Agent::start().await;
    agent.launch("c", "ulimit -Sn; ulimit -Hn").await;
    assert_eq!(agent.next().await.1, Some(0));
    let (soft, hard) = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE).unwrap();
    let stdout = fs::read_to_string(agent.sandbox().join("stdout")).unwrap();
    assert_eq!(stdout, format!("{soft}\n{hard}\n"));
}

#[tokio::test]
async fn destroy_kills_everything_and_waits_for_the_end() {
    let mut agent = Agent::start().await;
    let pid = agent.launch("c", "trap '' TERM; setsid sleep 1000 & sleep 1000 & wait").await;
    let id = ContainerId::new("c");
    assert!(agent.containers.destroy(&id).await);
    assert_eq!(agent.reports.try_recv().unwrap().termination.status, Some(9));
    assert!(is_gone(pid));
    assert!(!agent.containers.destroy(&id).await);
    assert_eq!(agent.containers.containers(), []);
}

#[tokio::test]
async fn what_a_container_leaves_behind_is_killed_before_its_end_is_reported() {
    let mut agent = Agent::start().await;
    let pid = agent.launch("c", "sleep 1000 & exit 0").await;
    assert_eq!(agent.next().await.1, Some(0));
    assert!(is_gone(pid));
}

#[tokio::test]
async fn a_refused_launch_reports_no_end_and_frees_the_id() {
    let mut agent = Agent::start().await;
    let mut bad = agent.config(&ContainerId::new("c"), "true");
    bad.command.uris.push(v1::command_info::Uri { value: "http://h/f".into(), ..Default::default() });
    let error = agent.containers.launch(bad.clone()).await.unwrap_err();
    assert!(error.to_string().starts_with("failed to fetch `http://h/f` (1 in all)"), "{error}");
    bad.command.uris.clear();
    bad.user = Some("no-such-user".into());
    agent.containers.launch(bad.clone()).await.unwrap_err();
    bad.user = None;
    bad.sandbox = "/no/such/sandbox".into();
    assert!(matches!(agent.containers.launch(bad.clone()).await, Err(LaunchError::File { .. })));
    bad.sandbox = agent.sandbox();
    bad.command.shell = Some(false);
    bad.command.value = Some("/no/such/program".to_owned());
    let error = agent.containers.launch(bad).await.unwrap_err();
    assert_eq!(error.to_string(), "failed to execute `/no/such/program`");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "No such file or directory (os error 2)");
    assert!(agent.reports.try_recv().is_err());
    assert!(!agent.runtime("c").exists());
    agent.launch("c", "cat").await;
    assert_eq!(agent.next().await.1, Some(0));
}

#[tokio::test]
async fn a_link_in_the_sandbox_is_not_followed() {
    let agent = Agent::start().await;
    let target = agent.sandbox().join("precious");
    fs::write(&target, "data").unwrap();
    std::os::unix::fs::symlink(&target, agent.sandbox().join("stdout")).unwrap();
    let refused = agent.containers.launch(agent.config(&ContainerId::new("c"), "echo x")).await;
    assert!(matches!(refused, Err(LaunchError::File { .. })));
}

#[tokio::test]
async fn many_containers_end_at_once() {
    let mut agent = Agent::start().await;
    for number in 0..50 {
        agent.launch(&number.to_string(), "exit 0").await;
    }
    for _ in 0..50 {
        assert_eq!(agent.next().await.1, Some(0));
    }
}

#[tokio::test]
async fn files_are_fetched_before_the_start() {
    let fetch = Fetch::new(|request| {
        Box::pin(async move {
            match request.command.uris[0].value.as_str() {
                "good" => fs::write(request.sandbox.join("fetched"), "x").map_err(|error| error.to_string()),
                "slow" => std::future::pending().await,
                other => Err(format!("there is no `{other}`")),
            }
        })
    });
    let folder = tempfile::tempdir().unwrap();
    let mut agent = Agent::start_in(folder, |settings| settings.fetch = Some(fetch)).await;
    let id = ContainerId::new("c");
    let with_uri = |value: &str| {
        let mut config = agent.config(&id, "cat fetched");
        config.command.uris.push(v1::command_info::Uri { value: value.to_owned(), ..Default::default() });
        config
    };
    let refused = agent.containers.launch(with_uri("bad")).await.unwrap_err();
    assert_eq!(refused.to_string(), "there is no `bad`");
    let slow = tokio::spawn({
        let (containers, config) = (agent.containers.clone(), with_uri("slow"));
        async move { containers.launch(config).await }
    });
    until("it is being launched", || !agent.containers.containers().is_empty()).await;
    assert!(agent.containers.destroy(&id).await);
    assert!(matches!(slow.await.unwrap(), Err(LaunchError::Destroyed(_))));
    agent.containers.launch(with_uri("good")).await.unwrap();
    assert_eq!(agent.next().await.1, Some(0));
    assert_eq!(fs::read_to_string(agent.sandbox().join("stdout")).unwrap(), "x");
}

#[tokio::test]
async fn signals_reach_the_first_process() {
    let mut agent = Agent::start().await;
    let id = ContainerId::new("c");
    assert!(!agent.containers.kill(&id, Signal::TERM).unwrap());
    agent.launch("c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done").await;
    let stdout = agent.sandbox().join("stdout");
    until("it listens", || fs::read_to_string(&stdout).is_ok_and(|text| text == "ready\n")).await;
    assert!(agent.containers.kill(&id, Signal::TERM).unwrap());
    assert_eq!(agent.next().await.1, Some(7 << 8));
}

#[tokio::test]
async fn nested_containers_end_with_their_parent_and_are_remembered_until_then() {
    let mut agent = Agent::start().await;
    let parent = ContainerId::new("p");
    let (first, second) = (parent.child("first"), parent.child("second"));
    let early = agent.containers.launch(agent.config(&first, "true")).await;
    assert!(matches!(early, Err(LaunchError::NoParent(_))));
    agent.launch("p", "sleep 1000").await;
    agent.containers.launch(agent.config(&first, "exit 5")).await.unwrap();
    let running = agent.containers.launch(agent.config(&second, "sleep 1000")).await.unwrap().pid;
    for _ in 0..2 {
        assert_eq!(agent.containers.wait(&first).await.unwrap().status, Some(5 << 8));
    }
    let again = agent.containers.launch(agent.config(&second, "true")).await;
    assert!(matches!(again, Err(LaunchError::Exists(_))));
    agent.containers.launch(agent.config(&first, "exit 6")).await.unwrap();
    assert_eq!(agent.containers.wait(&first).await.unwrap().status, Some(6 << 8));
    assert!(matches!(agent.containers.remove(&second).await, Err(RemoveError::Running(_))));
    assert!(matches!(agent.containers.remove(&parent).await, Err(RemoveError::NotNested(_))));
    let waiting = tokio::spawn({
        let (containers, second) = (agent.containers.clone(), second.clone());
        async move { containers.wait(&second).await }
    });
    assert!(agent.containers.destroy(&parent).await);
    assert_eq!(agent.next().await, ("p".to_owned(), Some(9)));
    assert!(is_gone(running));
    assert_eq!(waiting.await.unwrap().unwrap().status, Some(9));
    assert_eq!(agent.containers.containers(), []);
    assert_eq!(agent.containers.wait(&first).await, None);
    assert!(!agent.runtime("p").exists());
}

#[tokio::test]
async fn an_ended_nested_container_is_removed_with_its_sandbox() {
    let agent = Agent::start().await;
    let child = ContainerId::new("p").child("c");
    agent.launch("p", "sleep 1000").await;
    let mut config = agent.config(&child, "true");
    config.sandbox = agent.sandbox().join("containers/c");
    fs::create_dir_all(&config.sandbox).unwrap();
    agent.containers.launch(config.clone()).await.unwrap();
    assert_eq!(agent.containers.wait(&child).await.unwrap().status, Some(0));
    assert!(agent.containers.remove(&child).await.unwrap());
    assert!(!agent.containers.remove(&child).await.unwrap());
    assert!(!config.sandbox.exists());
    assert!(!agent.runtime("p/containers/c").exists());
    agent.containers.destroy(&ContainerId::new("p")).await;
}

#[tokio::test]
async fn containers_outlive_the_agent_and_are_found_again() {
    let agent = Agent::start().await;
    agent.launch("runs", "while [ ! -e go ]; do sleep 0.01; done; exit 4").await;
    let orphan = agent.launch("orphan", "sleep 1000").await;
    let mut agent = agent.crash().await;
    let recovered = agent.containers.recover(vec![agent.known("runs"), agent.known("never")]).await.unwrap();
    assert_eq!(recovered.running.len(), 1);
    assert!(recovered.orphans.contains(&ContainerId::new("orphan")));
    assert_eq!(agent.next().await, ("never".to_owned(), None));
    until("orphans are gone", || is_gone(orphan)).await;
    fs::write(agent.sandbox().join("go"), "").unwrap();
    assert_eq!(agent.next().await, ("runs".to_owned(), Some(4 << 8)));
}

#[tokio::test]
async fn an_end_while_no_agent_is_there_is_known_to_the_next() {
    let agent = Agent::start().await;
    let pid = agent.launch("c", "while [ ! -e go ]; do sleep 0.01; done; exit 6").await;
    let launcher = agent.launcher(pid);
    let Agent { containers, reports, folder, .. } = agent;
    drop((containers, reports));
    fs::write(folder.path().join("sandbox/go"), "").unwrap();
    until("the launcher has nothing left to do", || has_ended(launcher)).await;
    let mut agent = Agent::start_in(folder, |_| {}).await;
    let recovered = agent.containers.recover(vec![agent.known("c")]).await.unwrap();
    assert_eq!(recovered.running, []);
    assert_eq!(agent.next().await, ("c".to_owned(), Some(6 << 8)));
    assert!(!agent.runtime("c").exists());
}

#[tokio::test]
async fn containers_outlive_the_launcher() {
    let mut agent = Agent::start().await;
    let pid = agent.launch("c", "while [ ! -e go ]; do sleep 0.01; done; exit 6").await;
    let launcher = agent.launcher(pid);
    Signal::KILL.send(launcher).unwrap();
    until("the launcher is gone", || has_ended(launcher)).await;
    agent.launch("d", "exit 1").await;
    assert_eq!(agent.next().await, ("d".to_owned(), Some(1 << 8)));
    fs::write(agent.sandbox().join("go"), "").unwrap();
    assert_eq!(agent.next().await, ("c".to_owned(), None));
    assert!(is_gone(pid));
}

#[tokio::test]
async fn containers_that_lost_their_launcher_are_found_again() {
    let agent = Agent::start().await;
    let pid = agent.launch("c", "sleep 1000").await;
    let orphan = agent.launch("orphan", "sleep 1000").await;
    let launcher = agent.launcher(pid);
    let Agent { containers, reports, folder, .. } = agent;
    drop((containers, reports));
    Signal::KILL.send(launcher).unwrap();
    until("the launcher is gone", || has_ended(launcher)).await;
    let mut agent = Agent::start_in(folder, |_| {}).await;
    let recovered = agent.containers.recover(vec![agent.known("c")]).await.unwrap();
    assert_eq!(recovered.running[0].1.pid, pid);
    assert_eq!(recovered.orphans, [ContainerId::new("orphan")]);
    until("orphans are gone", || is_gone(orphan)).await;
    assert!(agent.containers.destroy(&ContainerId::new("c")).await);
    assert_eq!(agent.next().await, ("c".to_owned(), None));
    assert!(is_gone(pid));
}

#[tokio::test]
async fn nested_containers_are_found_again_with_how_they_ended() {
    let agent = Agent::start().await;
    let parent = ContainerId::new("p");
    agent.launch("p", "sleep 1000").await;
    for (name, script, class) in [
        ("ended", "exit 3", ContainerClass::Default),
        ("runs", "sleep 1000", ContainerClass::Default),
        ("debug", "sleep 1000", ContainerClass::Debug),
    ] {
        let mut config = agent.config(&parent.child(name), script);
        config.class = class;
        agent.containers.launch(config).await.unwrap();
    }
    agent.containers.wait(&parent.child("ended")).await.unwrap();
    let mut agent = agent.crash().await;
    let recovered = agent.containers.recover(vec![agent.known("p")]).await.unwrap();
    assert_eq!(recovered.orphans, [parent.child("debug")]);
    assert_eq!(agent.containers.wait(&parent.child("ended")).await.unwrap().status, Some(3 << 8));
    assert!(agent.containers.kill(&parent.child("runs"), Signal::KILL).unwrap());
    assert_eq!(agent.containers.wait(&parent.child("runs")).await.unwrap().status, Some(9));
    agent.containers.destroy(&parent).await;
    assert_eq!(agent.next().await, ("p".to_owned(), Some(9)));
}
