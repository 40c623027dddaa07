//! An agent's executor API, and the calls of its own API, over a real socket, played by hand.

use std::net::SocketAddr;
use std::time::Duration;

use tepui_proto::v1;
use tepui_proto::v1::agent;
use tepui_proto::v1::executor::{Call, Event, call, event};
use tepui_wire::{ContentType, decode, encode, recordio};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

const DEADLINE: Duration = Duration::from_secs(20);
const TYPE: ContentType = ContentType::Protobuf;

/// Waits until `condition` holds; fails the test if that takes too long.
pub(crate) async fn within_deadline(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what} did not come in time");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn next<T>(what: &str, receiver: &mut mpsc::UnboundedReceiver<T>) -> T {
    let outcome = tokio::time::timeout(DEADLINE, receiver.recv()).await;
    outcome.unwrap_or_else(|_| panic!("{what} did not come in time")).expect("the agent listens")
}

/// An agent that listens, and what it was told.
pub(crate) struct FakeAgent {
    address: SocketAddr,
    listening: JoinHandle<()>,
    told: Told,
    subscriptions: mpsc::UnboundedReceiver<Subscription>,
    updates: mpsc::UnboundedReceiver<v1::TaskStatus>,
    calls: mpsc::UnboundedReceiver<AgentCall>,
}

/// A call of the agent's own API, which waits for its answer.
pub(crate) struct AgentCall {
    pub(crate) call: agent::Call,
    answer: oneshot::Sender<(u16, Vec<u8>)>,
}

impl AgentCall {
    /// Answers with a status and a text.
    pub(crate) fn refuse(self, status: u16, text: &str) {
        let _ = self.answer.send((status, text.as_bytes().to_vec()));
    }

    /// Answers that it is done.
    pub(crate) fn accept(self) {
        self.refuse(200, "");
    }

    /// Answers with the end of a container.
    pub(crate) fn ended(self, exit_status: i32) {
        let waited = agent::response::WaitContainer { exit_status: Some(exit_status), ..Default::default() };
        let response = agent::Response {
            r#type: Some(agent::response::Type::WaitContainer.into()),
            wait_container: Some(waited),
            ..Default::default()
        };
        let _ = self.answer.send((200, encode(TYPE, &response).to_vec()));
    }
}

#[derive(Clone)]
struct Told {
    calls: mpsc::UnboundedSender<AgentCall>,
    subscriptions: mpsc::UnboundedSender<Subscription>,
    updates: mpsc::UnboundedSender<v1::TaskStatus>,
}

impl FakeAgent {
    pub(crate) async fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (subscriptions_sender, subscriptions) = mpsc::unbounded_channel();
        let (updates_sender, updates) = mpsc::unbounded_channel();
        let (calls_sender, calls) = mpsc::unbounded_channel();
        let told = Told { subscriptions: subscriptions_sender, updates: updates_sender, calls: calls_sender };
        let listening = tokio::spawn(serve(listener, told.clone()));
        Self { address, listening, told, subscriptions, updates, calls }
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    pub(crate) async fn subscription(&mut self) -> Subscription {
        next("a subscription", &mut self.subscriptions).await
    }

    pub(crate) async fn update(&mut self) -> v1::TaskStatus {
        next("an update", &mut self.updates).await
    }

    /// The next call of the agent's own API.
    pub(crate) async fn call(&mut self) -> AgentCall {
        next("a call", &mut self.calls).await
    }

    /// Stops to listen, and ends the subscription after all that was sent on it.
    pub(crate) async fn go_away(&mut self, subscription: Subscription) {
        self.listening.abort();
        let _ = (&mut self.listening).await;
        let Subscription { events, writer, .. } = subscription;
        drop(events);
        writer.await.unwrap();
    }

    pub(crate) async fn come_back(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.listening = tokio::spawn(serve(listener, self.told.clone()));
    }
}

async fn serve(listener: TcpListener, told: Told) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(connection(stream, told.clone()));
    }
}

/// Takes calls until one is SUBSCRIBE, which keeps the connection.
async fn connection(stream: TcpStream, told: Told) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read_request(&mut stream).await {
        let call = match request {
            Request::Executor(call) => call,
            Request::Agent(call) => {
                if answer_call(&mut stream, *call, &told).await.is_none() {
                    return;
                }
                continue;
            }
        };
        match call.r#type() {
            call::Type::Subscribe => {
                let (events, queue) = mpsc::unbounded_channel();
                // Not a child of the listener, so that it can finish after it.
                let writer = tokio::spawn(write_events(stream.into_inner(), queue));
                let call = call.subscribe.unwrap();
                let _ = told.subscriptions.send(Subscription { call, events, writer });
                return;
            }
            call::Type::Update => {
                let _ = told.updates.send(call.update.unwrap().status);
            }
            other @ (call::Type::Unknown | call::Type::Message | call::Type::Heartbeat) => {
                panic!("{other:?}")
            }
        }
        if stream.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n").await.is_err() {
            return;
        }
    }
}

enum Request {
    Executor(Box<Call>),
    Agent(Box<agent::Call>),
}

/// Passes a call on to the test, and its answer back.
async fn answer_call(stream: &mut BufReader<TcpStream>, call: agent::Call, told: &Told) -> Option<()> {
    let (answer, answered) = oneshot::channel();
    let _ = told.calls.send(AgentCall { call, answer });
    let (status, body) = answered.await.ok()?;
    let head = format!("HTTP/1.1 {status} Status\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.write_all(&body).await.ok()
}

async fn read_request(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut is_agent = false;
    let mut length = None;
    let mut line = String::new();
    for number in 0.. {
        line.clear();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let header = line.trim_end().to_ascii_lowercase();
        if number == 0 {
            is_agent = header == "post /slave(1)/api/v1 http/1.1";
            assert!(is_agent || header == "post /slave(1)/api/v1/executor http/1.1", "{header}");
        } else if header.is_empty() {
            break;
        } else if let Some(value) = header.strip_prefix("content-length: ") {
            length = value.parse().ok();
        } else if let Some(value) = header.strip_prefix("content-type: ") {
            assert_eq!(value, TYPE.name());
        }
    }
    let mut body = vec![0; length.expect("a body of known length")];
    stream.read_exact(&mut body).await.ok()?;
    Some(if is_agent {
        Request::Agent(Box::new(decode(TYPE, &body).unwrap()))
    } else {
        Request::Executor(Box::new(decode(TYPE, &body).unwrap()))
    })
}

/// One record per chunk, as Mesos writes them.
async fn write_events(mut stream: TcpStream, mut events: mpsc::UnboundedReceiver<Event>) {
    let head = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: {TYPE}\r\n\r\n");
    if stream.write_all(head.as_bytes()).await.is_err() {
        return;
    }
    while let Some(event) = events.recv().await {
        let record = recordio::encode(&encode(TYPE, &event));
        let mut chunk = format!("{:x}\r\n", record.len()).into_bytes();
        chunk.extend_from_slice(&record);
        chunk.extend_from_slice(b"\r\n");
        if stream.write_all(&chunk).await.is_err() {
            return;
        }
    }
}

/// An executor that is subscribed. Dropping it ends the stream after what was sent on it.
pub(crate) struct Subscription {
    call: call::Subscribe,
    events: mpsc::UnboundedSender<Event>,
    writer: JoinHandle<()>,
}

impl Subscription {
    /// What the executor said when it subscribed.
    pub(crate) fn call(&self) -> call::Subscribe {
        self.call.clone()
    }

    pub(crate) fn subscribed(&self, framework_info: v1::FrameworkInfo) {
        let executor_info = v1::ExecutorInfo::default().into();
        let container_id = Some(v1::ContainerId { value: "executor".to_owned(), parent: None });
        let subscribed =
            event::Subscribed { executor_info, framework_info, container_id, ..Default::default() };
        self.send(Event { subscribed: Some(subscribed), ..of(event::Type::Subscribed) });
    }

    pub(crate) fn launch(&self, task: v1::TaskInfo) {
        let launch = event::Launch { task: task.into() };
        self.send(Event { launch: Some(launch), ..of(event::Type::Launch) });
    }

    pub(crate) fn launch_group(&self, tasks: Vec<v1::TaskInfo>) {
        let task_group = v1::TaskGroupInfo { tasks: tasks.into_iter().map(Into::into).collect() };
        let launch_group = Some(event::LaunchGroup { task_group });
        self.send(Event { launch_group, ..of(event::Type::LaunchGroup) });
    }

    pub(crate) fn kill(&self, task: &str, kill_policy: Option<v1::KillPolicy>) {
        let kill = event::Kill { task_id: v1::TaskId { value: task.to_owned() }, kill_policy };
        self.send(Event { kill: Some(kill), ..of(event::Type::Kill) });
    }

    pub(crate) fn acknowledge(&self, status: &v1::TaskStatus) {
        let uuid = status.uuid.clone().unwrap();
        let acknowledged = event::Acknowledged { task_id: status.task_id.clone(), uuid };
        self.send(Event { acknowledged: Some(acknowledged), ..of(event::Type::Acknowledged) });
    }

    pub(crate) fn shutdown(&self) {
        self.send(of(event::Type::Shutdown));
    }

    fn send(&self, event: Event) {
        // An executor that is gone already is noticed by what it does not say.
        let _ = self.events.send(event);
    }
}

fn of(kind: event::Type) -> Event {
    Event { r#type: Some(kind.into()), ..Event::default() }
}
