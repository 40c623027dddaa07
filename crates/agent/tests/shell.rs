//! A whole agent over real sockets, with a master that is only a link.

#![expect(clippy::unwrap_used, reason = "this is a test")]

use std::net::SocketAddr;
use std::time::Duration;

use tepui_agent::{Config, Error};
use tepui_ha::Spec;
use tepui_http::{Limits, ResponseBody};
use tepui_link::{Link, LinkConfig, LinkEvent, Upid};
use tepui_proto::{LinkMessage, internal, v1};
use tepui_types::Resources;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

const DEADLINE: Duration = Duration::from_secs(30);

/// A master's end of the link, and an agent that follows it.
struct Pair {
    link: Link,
    events: mpsc::Receiver<LinkEvent>,
    agent: Upid,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), Error>>,
    work_dir: tempfile::TempDir,
}

impl Pair {
    async fn start() -> Self {
        let master = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let master_address = master.local_addr().unwrap();
        let (sender, events) = mpsc::channel(64);
        let link = Link::new(LinkConfig::new(master_address), sender);
        link.register("master");
        let receiver = link.clone();
        let service = move |request, peer| {
            let link = receiver.clone();
            async move { link.receive(request, peer).await.map(ResponseBody::from) }
        };
        tokio::spawn(tepui_http::serve(master, Limits::default(), service, std::future::pending()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let agent = Upid::new("slave(1)", listener.local_addr().unwrap());
        let work_dir = tempfile::tempdir().unwrap();
        let path = work_dir.path().to_string_lossy();
        let mut core = tepui_agent_core::Config::new(agent.clone(), "localhost", path);
        core.resources = Resources::parse("cpus:2;mem:128", "*").unwrap().to_protos();
        core.switch_user = false;
        core.registration_backoff_factor = Duration::ZERO;
        let (ready, is_ready) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(async move {
            let shutdown = async {
                drop(stopped.await);
                tepui_agent::Stop::Shutdown
            };
            let mut config = Config::new(core, Spec::parse(&master_address.to_string()).unwrap());
            config.launcher_command = vec![env!("CARGO_BIN_EXE_tepui-agent-launcher").into()];
            tepui_agent::run(config, listener, ready, shutdown).await
        });
        is_ready.await.unwrap();
        Self { link, events, agent, stop, running, work_dir }
    }

    /// The next message of the agent.
    async fn next(&mut self) -> LinkMessage {
        loop {
            let event = tokio::time::timeout(DEADLINE, self.events.recv()).await.unwrap().unwrap();
            if let LinkEvent::Received { from, name, body, .. } = event {
                assert_eq!(from, self.agent);
                return LinkMessage::decode(&name, &body).unwrap();
            }
        }
    }

    fn send(&self, message: impl Into<LinkMessage>) {
        let message = message.into();
        self.link.send("master", &self.agent, message.name(), message.encode());
    }

    /// Admits the agent; it may have repeated itself meanwhile.
    async fn admit(&mut self) {
        assert!(matches!(self.next().await, LinkMessage::RegisterSlave(_)));
        let slave_id = v1::AgentId { value: "S0".to_owned() };
        self.send(internal::SlaveRegisteredMessage { slave_id, connection: None });
    }

    /// The next status update, past repeated registrations.
    async fn update(&mut self) -> v1::TaskStatus {
        loop {
            if let LinkMessage::StatusUpdate(message) = self.next().await {
                return message.update.status;
            }
        }
    }

    async fn get(&self, path: &str) -> String {
        request(self.agent.address, &format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
            .await
    }
}

async fn request(address: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(DEADLINE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

/// A task with an executor that is this shell command.
fn run_task(command: &str) -> internal::RunTaskMessage {
    let mut resources = Resources::parse("cpus:1;mem:32", "*").unwrap();
    resources.allocate("*");
    let framework_id = v1::FrameworkId { value: "f".to_owned() };
    let executor = v1::ExecutorInfo {
        executor_id: v1::ExecutorId { value: "e".to_owned() },
        framework_id: Some(framework_id.clone()),
        command: Some(v1::CommandInfo { value: Some(command.to_owned()), ..v1::CommandInfo::default() }),
        ..v1::ExecutorInfo::default()
    };
    let task = v1::TaskInfo {
        name: "t".to_owned(),
        task_id: v1::TaskId { value: "t".to_owned() },
        agent_id: v1::AgentId { value: "S0".to_owned() },
        resources: resources.to_protos(),
        executor: Some(executor.into()),
        ..v1::TaskInfo::default()
    };
    internal::RunTaskMessage {
        framework: v1::FrameworkInfo { id: Some(framework_id), ..v1::FrameworkInfo::default() },
        task: task.into(),
        launch_executor: Some(true),
        ..internal::RunTaskMessage::default()
    }
}

#[tokio::test]
async fn an_executor_that_ends_is_told_and_its_output_can_be_read() {
    let mut pair = Pair::start().await;
    pair.admit().await;
    pair.send(run_task("echo \"$MESOS_EXECUTOR_ID of $MESOS_FRAMEWORK_ID\"; exit 3"));
    let status = pair.update().await;
    assert_eq!(status.state(), v1::TaskState::TaskFailed);
    assert_eq!(status.message(), "Executor terminated");
    let LinkMessage::ExitedExecutor(exited) = pair.next().await else { panic!("no exited executor") };
    assert_eq!(exited.status, 3 << 8);
    let stdout = pair.get("/files/read?path=/frameworks/f/executors/e/runs/latest/stdout&offset=0").await;
    assert!(stdout.ends_with("{\"data\":\"e of f\\n\",\"offset\":0}"), "{stdout}");
    let state = pair.get("/slave(1)/state?jsonp=cb").await;
    assert!(state.contains("text/javascript") && state.contains("\"id\":\"S0\""), "{state}");
    assert!(pair.get("/metrics/snapshot").await.contains("\"slave/tasks_failed\":1.0"));
    assert!(pair.get("/files/read?path=/etc/passwd&offset=0").await.starts_with("HTTP/1.1 404 "));
    pair.stop.send(()).unwrap();
    tokio::time::timeout(DEADLINE, pair.running).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn when_the_agent_stops_nothing_is_left() {
    let mut pair = Pair::start().await;
    pair.admit().await;
    // Two processes that mind no signal but SIGKILL, and never subscribe.
    pair.send(run_task("trap '' TERM; echo $$ > pid; setsid sleep 1000 & sleep 1000"));
    let sandbox = "/files/read?path=/frameworks/f/executors/e/runs/latest/pid&offset=0";
    let started = tokio::time::timeout(DEADLINE, async {
        while !pair.get(sandbox).await.contains("\\n") {
            tokio::task::yield_now().await;
        }
    });
    started.await.unwrap();
    pair.stop.send(()).unwrap();
    tokio::time::timeout(DEADLINE, pair.running).await.unwrap().unwrap().unwrap();
    let mine = format!("MESOS_SLAVE_PID={}", pair.agent);
    let left = std::fs::read_dir("/proc").unwrap().flatten().filter(|entry| {
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        environment.windows(mine.len()).any(|window| window == mine.as_bytes())
    });
    assert_eq!(left.count(), 0);
}

#[tokio::test]
async fn a_master_that_ends_the_agent_is_named() {
    let mut pair = Pair::start().await;
    pair.admit().await;
    pair.send(internal::ShutdownMessage { message: Some("marked gone".to_owned()) });
    let error = tokio::time::timeout(DEADLINE, pair.running).await.unwrap().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "agent stopped: the master asked the agent to shut down: marked gone");
}

#[tokio::test]
async fn calls_of_the_executor_api_are_refused_as_recorded() {
    let pair = Pair::start().await;
    let call = |headers: &str, body: &str| {
        format!(
            "POST /api/v1/executor HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let json = "Content-Type: application/json\r\n";
    let subscribe =
        r#"{"type":"SUBSCRIBE","subscribe":{},"executor_id":{"value":"e"},"framework_id":{"value":"zz"}}"#;
    for (headers, body, status, text) in [
        ("", subscribe, "400", "Expecting 'Content-Type' to be present"),
        (
            "Content-Type: text/plain\r\n",
            subscribe,
            "415",
            "Expecting 'Content-Type' of application/json or application/x-protobuf",
        ),
        (
            json,
            "{}",
            "400",
            "Failed to convert JSON into Call protobuf: Missing required fields: executor_id, framework_id",
        ),
        (
            "Content-Type: application/json\r\nAccept: text/html\r\n",
            subscribe,
            "406",
            "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
        ),
        (json, subscribe, "400", "Framework cannot be found"),
    ] {
        let answer = request(pair.agent.address, &call(headers, body)).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.ends_with(text), "{answer}");
    }
    pair.stop.send(()).unwrap();
    tokio::time::timeout(DEADLINE, pair.running).await.unwrap().unwrap().unwrap();
}

impl Pair {
    /// Makes a call of the operator API; gives the status and the body.
    async fn call(&self, body: &str) -> (String, String) {
        let head =
            "POST /api/v1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n";
        let text = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        let answer = request(self.agent.address, &text).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().to_owned(), body.to_owned())
    }

    async fn check(&self, call: &str, status: &str, text: &str) {
        let answer = self.call(call).await;
        assert_eq!(answer, (status.to_owned(), text.to_owned()), "{call}");
    }
}

/// A launch of a container that runs this command.
fn launch(kind: &str, id: &str, command: &str) -> String {
    let field = kind.to_lowercase();
    format!(r#"{{"type":"{kind}","{field}":{{"container_id":{id},"command":{{"value":"{command}"}}}}}}"#)
}

/// A call about a container.
fn about(kind: &str, id: &str) -> String {
    format!(r#"{{"type":"{kind}","{}":{{"container_id":{id}}}}}"#, kind.to_lowercase())
}

#[tokio::test]
async fn containers_are_launched_waited_for_signalled_and_removed_by_calls() {
    let pair = Pair::start().await;
    let alone = r#"{"value":"alone"}"#;
    let nested = |id: &str| format!(r#"{{"value":"{id}","parent":{alone}}}"#);
    pair.check(
        &launch("LAUNCH_CONTAINER", &nested("n"), "true"),
        "400",
        "Parent container alone does not exist",
    )
    .await;
    pair.check(&launch("LAUNCH_CONTAINER", alone, "sleep 1000"), "200", "").await;
    pair.check(&launch("LAUNCH_CONTAINER", alone, "true"), "202", "").await;
    pair.check(&launch("LAUNCH_NESTED_CONTAINER", &nested("n"), "pwd; exit 3"), "200", "").await;
    let ended = r#"{"type":"WAIT_CONTAINER","wait_container":{"exit_status":768}}"#;
    pair.check(&about("WAIT_CONTAINER", &nested("n")), "200", ended).await;
    let ended = r#"{"type":"WAIT_NESTED_CONTAINER","wait_nested_container":{"exit_status":768}}"#;
    pair.check(&about("WAIT_NESTED_CONTAINER", &nested("n")), "200", ended).await;
    let sandbox = pair.work_dir.path().canonicalize().unwrap().join("containers/alone/containers/n");
    let stdout = std::fs::read_to_string(sandbox.join("stdout")).unwrap();
    assert_eq!(std::path::Path::new(stdout.trim()).canonicalize().unwrap(), sandbox);
    let gone = "Container 'alone.n' cannot be found (or is already killed)";
    pair.check(&about("KILL_CONTAINER", &nested("n")), "404", gone).await;
    pair.check(&launch("LAUNCH_CONTAINER", &nested("m"), "sleep 1000"), "200", "").await;
    pair.check(&about("REMOVE_CONTAINER", &nested("m")), "500", "Nested container has not terminated yet")
        .await;
    let term = r#"{"type":"KILL_NESTED_CONTAINER","kill_nested_container":{"signal":15,"container_id":ID}}"#;
    pair.check(&term.replace("ID", &nested("m")), "200", "").await;
    let ended = r#"{"type":"WAIT_CONTAINER","wait_container":{"exit_status":15}}"#;
    pair.check(&about("WAIT_CONTAINER", &nested("m")), "200", ended).await;
    for id in ["n", "m", "never"] {
        pair.check(&about("REMOVE_NESTED_CONTAINER", &nested(id)), "200", "").await;
    }
    assert!(!sandbox.exists());
    pair.check(&about("WAIT_CONTAINER", &nested("n")), "404", "Container alone.n cannot be found").await;
    pair.check(&about("KILL_CONTAINER", alone), "200", "").await;
    let unknown = r#"{"value":"c","parent":{"value":"unknown"}}"#;
    pair.check(&about("REMOVE_CONTAINER", unknown), "500", "Unknown root container").await;
    pair.stop.send(()).unwrap();
    tokio::time::timeout(DEADLINE, pair.running).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn calls_about_containers_are_refused_in_the_words_of_mesos() {
    let pair = Pair::start().await;
    let id = r#"{"value":"a"}"#;
    let deep = r#"{"value":"c","parent":{"value":"b","parent":{"value":"a"}}}"#;
    let prefix = "Failed to validate agent::Call: ";
    for (call, text) in [
        (r#"{"type":"LAUNCH_CONTAINER"}"#.to_owned(), "Expecting 'launch_container' to be present"),
        (r#"{"type":"WAIT_CONTAINER"}"#.to_owned(), "Expecting 'wait_container' to be present"),
        (
            launch("LAUNCH_NESTED_CONTAINER", id, "true"),
            "Expecting 'launch_nested_container.container_id.parent' to be present",
        ),
        (
            about("KILL_NESTED_CONTAINER", id),
            "Expecting 'kill_nested_container.container_id.parent' to be present",
        ),
        (
            about("KILL_CONTAINER", r#"{"value":"a b"}"#),
            "'kill_container.container_id' is invalid: 'ContainerID.value' 'a b' contains invalid characters",
        ),
        (
            about("REMOVE_CONTAINER", r#"{"value":"a","parent":{"value":"."}}"#),
            "'remove_container.container_id' is invalid: 'ContainerID.parent' is invalid: '.' is disallowed",
        ),
        (
            format!(
                r#"{{"type":"LAUNCH_CONTAINER","launch_container":{{"container_id":{deep},"limits":{{"mem":{{"value":1}}}}}}}}"#
            ),
            "'launch_container' is invalid: containers nested at the second level or greater cannot specify resource \
             limits",
        ),
        (
            format!(
                r#"{{"type":"LAUNCH_CONTAINER","launch_container":{{"container_id":{id},"command":{{"value":"true","environment":{{"variables":[{{"name":"A"}}]}}}}}}}}"#
            ),
            "'launch_container.command' is invalid: Environment variable 'A' of type 'VALUE' must have a value set",
        ),
    ] {
        pair.check(&call, "400", &format!("{prefix}{text}")).await;
    }
    let docker = format!(
        r#"{{"type":"LAUNCH_CONTAINER","launch_container":{{"container_id":{id},"container":{{"type":"DOCKER"}}}}}}"#
    );
    pair.check(&docker, "400", "The provided ContainerInfo is not supported").await;
    pair.stop.send(()).unwrap();
    tokio::time::timeout(DEADLINE, pair.running).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn what_containers_are_and_use_is_shown() {
    let mut pair = Pair::start().await;
    pair.admit().await;
    pair.send(run_task("echo ready; sleep 1000"));
    let stdout = "/files/read?path=/frameworks/f/executors/e/runs/latest/stdout&offset=0";
    let started = tokio::time::timeout(DEADLINE, async {
        while !pair.get(stdout).await.contains("ready") {
            tokio::task::yield_now().await;
        }
        // It may say so before the agent has heard its id.
        while !pair.get("/containers").await.contains("executor_pid") {
            tokio::task::yield_now().await;
        }
    });
    started.await.unwrap();
    let alone = r#"{"value":"alone"}"#;
    pair.check(&launch("LAUNCH_CONTAINER", alone, "sleep 1000"), "200", "").await;
    for path in ["/containers", "/slave(1)/containers"] {
        let shown = pair.get(path).await;
        assert!(shown.contains(r#""executor_id":"e""#) && shown.contains(r#""executor_pid":"#), "{shown}");
        assert!(shown.contains(r#""mem_limit_bytes":"#) && shown.contains(r#""mem_rss_bytes":"#), "{shown}");
        assert!(!shown.contains("alone"), "{shown}");
    }
    assert!(pair.get("/containers?container_id=none").await.ends_with("\r\n\r\n[]"));
    let shown = pair.get("/monitor/statistics").await;
    assert!(shown.contains(r#""framework_id":"f""#) && shown.contains(r#""cpus_soft_limit":1.0"#), "{shown}");
    let (status, all) = pair
        .call(r#"{"type":"GET_CONTAINERS","get_containers":{"show_nested":true,"show_standalone":true}}"#)
        .await;
    assert_eq!(status, "200");
    assert!(all.contains(r#""container_id":{"value":"alone"}"#), "{all}");
    assert!(all.contains(r#""executor_id":{"value":"e"}"#), "{all}");
    pair.stop.send(()).unwrap();
    tokio::time::timeout(DEADLINE, pair.running).await.unwrap().unwrap().unwrap();
}
