//! A whole agent over real sockets, with a master that is only a link.

#![expect(clippy::unwrap_used, reason = "this is a test")]

use std::net::SocketAddr;
use std::time::Duration;

use tepui_agent::{Config, Error};
use tepui_ha::Spec;
use tepui_http::{Limits, ResponseBody};
use tepui_link::{Link, LinkConfig, LinkEvent, Upid};
use tepui_proto::v1::agent::call::{AttachContainerInput, attach_container_input};
use tepui_proto::v1::agent::{Call, ProcessIo, process_io};
use tepui_proto::{LinkMessage, internal, v1};
use tepui_types::Resources;
use tepui_wire::{ContentType, recordio};
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
        Self::start_with(|_| {}).await
    }

    async fn start_with(change: impl FnOnce(&mut Config) + Send + 'static) -> Self {
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
            config.heartbeat_interval = Duration::from_millis(20);
            config.launcher_command = vec![env!("CARGO_BIN_EXE_tepui-agent-launcher").into()];
            change(&mut config);
            tepui_agent::run(config, listener, ready, shutdown).await
        });
        is_ready.await.unwrap();
        let pair = Self { link, events, agent, stop, running, work_dir };
        while pair.get("/state").await.starts_with("HTTP/1.1 503 ") {}
        pair
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
async fn the_sandbox_of_an_executor_is_all_that_is_left_and_is_removed_when_it_is_old() {
    let mut pair = Pair::start_with(|config| {
        config.gc.delay = Duration::ZERO;
        config.gc.disk_watch_interval = Duration::from_millis(1);
    })
    .await;
    pair.admit().await;
    pair.send(run_task("sleep 1000 & touch there; while [ ! -e go ]; do sleep 0.01; done"));
    let below = "slaves/S0/frameworks/f/executors/e";
    let executor = pair.work_dir.path().join(below);
    let sandbox = executor.join("runs/latest");
    wait("it runs", || sandbox.join("there").exists()).await;
    // What an agent before us left goes; a sandbox in use stays.
    let other = pair.work_dir.path().join("slaves/S9/frameworks/g/executors/e/runs/c");
    std::fs::create_dir_all(&other).unwrap();
    wait("the other is removed", || !other.exists()).await;
    assert!(sandbox.join("there").exists());
    std::fs::write(sandbox.join("go"), "").unwrap();
    let uuid = loop {
        if let LinkMessage::StatusUpdate(message) = pair.next().await {
            break message.update.uuid.unwrap();
        }
    };
    pair.send(internal::StatusUpdateAcknowledgementMessage {
        slave_id: v1::AgentId { value: "S0".to_owned() },
        framework_id: v1::FrameworkId { value: "f".to_owned() },
        task_id: v1::TaskId { value: "t".to_owned() },
        uuid,
    });
    wait("it is removed", || !executor.exists()).await;
    assert!(!pair.work_dir.path().join("meta").join(below).exists());
    pair.stop.send(()).unwrap();
    tokio::time::timeout(DEADLINE, pair.running).await.unwrap().unwrap().unwrap();
}

async fn wait(what: &str, condition: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while !condition() {
        assert!(tokio::time::Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
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

/// A call that streams, and what has been read of its answer.
struct Stream {
    socket: TcpStream,
    read: Vec<u8>,
}

impl Stream {
    async fn open(address: SocketAddr, headers: &str, body: &[u8]) -> Self {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let head = format!("POST /api/v1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n");
        socket.write_all(head.as_bytes()).await.unwrap();
        socket.write_all(body).await.unwrap();
        Self { socket, read: Vec::new() }
    }

    /// Sends a call of a stream, as one chunk.
    async fn send(&mut self, content_type: ContentType, call: &Call) {
        let record = recordio::encode(&tepui_wire::encode(content_type, call));
        let chunk = [format!("{:x}\r\n", record.len()).as_bytes(), &record, b"\r\n"].concat();
        self.socket.write_all(&chunk).await.unwrap();
    }

    /// Reads until this is there; `false` at the end.
    async fn read_until(&mut self, wanted: &[u8]) -> bool {
        loop {
            if self.read.windows(wanted.len()).any(|window| window == wanted) {
                return true;
            }
            let read = tokio::time::timeout(DEADLINE, self.socket.read_buf(&mut self.read)).await.unwrap();
            if read.unwrap() == 0 {
                return false;
            }
        }
    }

    /// The whole answer, when it has ended.
    async fn rest(mut self) -> String {
        assert!(!self.read_until(b"there is no such text").await);
        String::from_utf8_lossy(&self.read).into_owned()
    }
}

/// A call that passes input on.
fn input(step: attach_container_input::Type, process_io: Option<ProcessIo>, id: Option<&str>) -> Call {
    let attach = AttachContainerInput {
        r#type: Some(step.into()),
        container_id: id.map(|id| v1::ContainerId {
            value: id.to_owned(),
            parent: Some(Box::new(v1::ContainerId { value: "alone".to_owned(), parent: None })),
        }),
        process_io,
    };
    Call {
        r#type: Some(tepui_proto::v1::agent::call::Type::AttachContainerInput.into()),
        attach_container_input: Some(attach),
        ..Call::default()
    }
}

fn typed(text: &str) -> Call {
    let data = process_io::Data {
        r#type: Some(process_io::data::Type::Stdin.into()),
        data: Some(text.as_bytes().to_vec()),
    };
    let process_io =
        ProcessIo { r#type: Some(process_io::Type::Data.into()), data: Some(data), ..ProcessIo::default() };
    input(attach_container_input::Type::ProcessIo, Some(process_io), None)
}

#[tokio::test]
async fn a_session_is_written_to_and_listened_to_in_both_encodings() {
    let pair = Pair::start().await;
    pair.check(&launch("LAUNCH_CONTAINER", r#"{"value":"alone"}"#, "sleep 1000"), "200", "").await;
    for (name, content_type, shown) in
        [("json", ContentType::Json, &b"aGVsbG8K"[..]), ("protobuf", ContentType::Protobuf, &b"hello\n"[..])]
    {
        let id = format!(r#"{{"value":"{name}","parent":{{"value":"alone"}}}}"#);
        let call = launch("LAUNCH_NESTED_CONTAINER_SESSION", &id, "cat; exit 5");
        let headers = format!(
            "Content-Type: application/json\r\nAccept: application/recordio\r\nMessage-Accept: {}\r\nContent-Length: {}\r\n",
            content_type.name(),
            call.len()
        );
        let mut session = Stream::open(pair.agent.address, &headers, call.as_bytes()).await;
        assert!(session.read_until(b"\r\n\r\n").await);
        let headers = format!(
            "Content-Type: application/recordio\r\nMessage-Content-Type: {}\r\nTransfer-Encoding: chunked\r\n",
            content_type.name()
        );
        let mut typing = Stream::open(pair.agent.address, &headers, b"").await;
        typing.send(content_type, &input(attach_container_input::Type::ContainerId, None, Some(name))).await;
        typing.send(content_type, &typed("hello\n")).await;
        assert!(session.read_until(shown).await, "{}", String::from_utf8_lossy(&session.read));
        if content_type == ContentType::Json {
            assert!(session.read_until(b"HEARTBEAT").await);
            let taken = Stream::open(pair.agent.address, &headers, b"").await;
            let mut taken = taken;
            taken
                .send(content_type, &input(attach_container_input::Type::ContainerId, None, Some(name)))
                .await;
            let refused = taken.rest().await;
            assert!(refused.starts_with("HTTP/1.1 409 "), "{refused}");
            assert!(refused.ends_with("Multiple input connections are not allowed"), "{refused}");
        }
        typing.send(content_type, &typed("")).await;
        let ended = session.rest().await;
        assert!(ended.starts_with("HTTP/1.1 200 "), "{ended}");
        assert!(ended.contains("\r\nContent-Type: application/recordio\r\n"), "{ended}");
        assert!(ended.contains(&format!("\r\nMessage-Content-Type: {}\r\n", content_type.name())), "{ended}");
        let answer = typing.rest().await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        let status = r#"{"type":"WAIT_CONTAINER","wait_container":{"exit_status":1280}}"#;
        pair.check(&about("WAIT_CONTAINER", &id), "200", status).await;
    }
    pair.stop.send(()).unwrap();
    tokio::time::timeout(DEADLINE, pair.running).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn whoever_cannot_be_attached_is_told_why() {
    let pair = Pair::start().await;
    let alone = r#"{"value":"alone"}"#;
    pair.check(&launch("LAUNCH_CONTAINER", alone, "sleep 1000"), "200", "").await;
    let disabled = "I/O switchboard server was disabled for this container";
    pair.check(&about("ATTACH_CONTAINER_OUTPUT", alone), "500", disabled).await;
    let none = "Container none cannot be found";
    pair.check(&about("ATTACH_CONTAINER_OUTPUT", r#"{"value":"none"}"#), "404", none).await;
    let text = "Expecting 'Content-Type' to be application/recordio for ATTACH_CONTAINER_INPUT call";
    pair.check(r#"{"type":"ATTACH_CONTAINER_INPUT"}"#, "415", text).await;
    let session = about("LAUNCH_NESTED_CONTAINER_SESSION", alone);
    for (headers, calls, status, text) in [
        ("", vec![], "400", "Expecting 'Message-Content-Type' to be set for streaming requests"),
        (
            "Message-Content-Type: text/plain\r\n",
            vec![],
            "415",
            "Expecting 'Message-Content-Type' of application/json or application/x-protobuf",
        ),
        (
            "Message-Content-Type: application/json\r\n",
            vec![],
            "400",
            "Received EOF while reading request body",
        ),
        (
            "Message-Content-Type: application/json\r\n",
            vec![session.as_str()],
            "415",
            "Streaming 'Content-Type' application/recordio is not supported for LAUNCH_NESTED_CONTAINER_SESSION call",
        ),
        (
            "Message-Content-Type: application/json\r\n",
            vec![r#"{"type":"ATTACH_CONTAINER_INPUT"}"#],
            "400",
            "Failed to validate agent::Call: Expecting 'attach_container_input' to be present",
        ),
    ] {
        let records: Vec<u8> = calls.iter().flat_map(|call| recordio::encode(call.as_bytes())).collect();
        let length = records.len();
        let headers = format!("Content-Type: application/recordio\r\n{headers}Content-Length: {length}\r\n");
        let answer = Stream::open(pair.agent.address, &headers, &records).await.rest().await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.ends_with(text), "{answer}");
    }
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
