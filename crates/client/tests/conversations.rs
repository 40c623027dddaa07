//! Schedulers and operators over real sockets, with masters that the test plays.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking; clippy knows only `#[test]` functions as tests"
)]

use std::time::Duration;

use tepui_client::operator::{self, Operator};
use tepui_client::scheduler::{self, Acknowledge, Calls, Event, Events, Options};
use tepui_client::{CallError, ContentType, SubscribeError};
use tepui_proto::v1;
use tepui_proto::v1::{master, scheduler as proto};
use tepui_wire::{decode, encode, recordio};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

const DEADLINE: Duration = Duration::from_secs(20);
const TYPES: [ContentType; 2] = [ContentType::Json, ContentType::Protobuf];

/// A master that answers one request after another as the test says.
struct Master {
    listener: TcpListener,
}

struct Request {
    stream: BufReader<TcpStream>,
    head: String,
    body: Vec<u8>,
}

impl Master {
    async fn listen() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    fn address(&self) -> String {
        self.listener.local_addr().unwrap().to_string()
    }

    async fn request(&self) -> Request {
        let accepted = tokio::time::timeout(DEADLINE, self.listener.accept()).await;
        let (stream, _) = accepted.expect("a connection in time").unwrap();
        Request::read(BufReader::new(stream)).await
    }
}

impl Request {
    async fn read(mut stream: BufReader<TcpStream>) -> Self {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(stream.read_line(&mut head).await.unwrap(), 0, "{head}");
        }
        head.make_ascii_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |n| n.parse().unwrap());
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        Self { stream, head, body }
    }

    async fn answer(&mut self, head: &str, body: &str) {
        let answer = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        self.stream.write_all(answer.as_bytes()).await.unwrap();
    }

    async fn accept(&mut self, content_type: ContentType, stream_id: &str) {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nMesos-Stream-Id: {stream_id}\r\nTransfer-Encoding: \
             chunked\r\n\r\n"
        );
        self.stream.write_all(head.as_bytes()).await.unwrap();
    }

    async fn event(&mut self, content_type: ContentType, event: &proto::Event) {
        let record = recordio::encode(&encode(content_type, event));
        self.stream.write_all(format!("{:x}\r\n", record.len()).as_bytes()).await.unwrap();
        self.stream.write_all(&record).await.unwrap();
        self.stream.write_all(b"\r\n").await.unwrap();
    }

    async fn update(&mut self, content_type: ContentType, uuid: u8) {
        let status = v1::TaskStatus {
            task_id: v1::TaskId { value: "t".into() },
            agent_id: Some(v1::AgentId { value: "a".into() }),
            uuid: Some(vec![uuid; 16]),
            state: v1::TaskState::TaskRunning.into(),
            ..Default::default()
        };
        let event = proto::Event {
            r#type: Some(proto::event::Type::Update.into()),
            update: Some(proto::event::Update { status }),
            ..Default::default()
        };
        self.event(content_type, &event).await;
    }

    async fn subscribed(&mut self, content_type: ContentType) {
        let subscribed = proto::event::Subscribed {
            framework_id: v1::FrameworkId { value: "F".into() },
            heartbeat_interval_seconds: Some(15.0),
            master_info: None,
        };
        let event = proto::Event {
            r#type: Some(proto::event::Type::Subscribed.into()),
            subscribed: Some(subscribed),
            ..Default::default()
        };
        self.event(content_type, &event).await;
    }
}

fn subscribe(master: &Master, content_type: ContentType) -> (Calls, Events) {
    let framework = v1::FrameworkInfo { user: "u".into(), name: "n".into(), ..Default::default() };
    let backoff = Duration::from_millis(1);
    let options = Options { content_type, backoff, max_backoff: backoff, ..Options::default() };
    scheduler::subscribe(master.address().parse().unwrap(), framework, options)
}

async fn next(events: &mut Events) -> Result<Event, SubscribeError> {
    tokio::time::timeout(DEADLINE, events.next()).await.expect("an event in time")
}

#[tokio::test]
async fn a_scheduler_follows_the_leader_calls_with_its_stream_id_and_comes_back_with_its_id() {
    for content_type in TYPES {
        let (standby, leader) = (Master::listen().await, Master::listen().await);
        let (calls, mut events) = subscribe(&standby, content_type);
        assert!(matches!(calls.revive(Vec::new()).await, Err(CallError::NotSubscribed)));
        let play = async {
            let location =
                format!("307 Temporary Redirect\r\nLocation: //{}/api/v1/scheduler", leader.address());
            standby.request().await.answer(&location, "").await;
            let mut subscription = leader.request().await;
            assert!(
                subscription.head.starts_with("post /api/v1/scheduler http/1.1\r\n"),
                "{}",
                subscription.head
            );
            assert!(!subscription.head.contains("mesos-stream-id"));
            let call: proto::Call = decode(content_type, &subscription.body).unwrap();
            assert_eq!(call.framework_id, None);
            subscription.accept(content_type, "s1").await;
            subscription.subscribed(content_type).await;
            subscription
        };
        let (mut subscription, event) = tokio::join!(play, next(&mut events));
        assert!(matches!(event.unwrap(), Event::Subscribed(_)));
        let play = async {
            let mut request = leader.request().await;
            assert!(request.head.contains("mesos-stream-id: s1\r\n"), "{}", request.head);
            request.answer("202 Accepted", "").await;
            // The same connection carries the next call.
            let mut request = Request::read(request.stream).await;
            request.answer("400 Bad Request", "Framework cannot be found").await;
            let call: proto::Call = decode(content_type, &request.body).unwrap();
            assert_eq!(call.framework_id.unwrap().value, "F");
        };
        let call = async { (calls.revive(Vec::new()).await, calls.suppress(Vec::new()).await) };
        let ((), (revived, suppressed)) = tokio::join!(play, call);
        revived.unwrap();
        assert!(suppressed.unwrap_err().to_string().ends_with("400 Bad Request: Framework cannot be found"));
        // A new leader is asked for where the scheduler was told to ask.
        subscription.stream.shutdown().await.unwrap();
        drop(subscription);
        assert!(matches!(next(&mut events).await, Ok(Event::Disconnected { .. })));
        let play = async {
            standby.request().await.answer("503 Service Unavailable", "No leader elected").await;
            let mut again = standby.request().await;
            let call: proto::Call = decode(content_type, &again.body).unwrap();
            assert_eq!(call.framework_id, call.subscribe.unwrap().framework_info.id);
            assert_eq!(call.framework_id.unwrap().value, "F");
            again.accept(content_type, "s2").await;
            again.subscribed(content_type).await;
            again
        };
        let (_again, event) = tokio::join!(play, next(&mut events));
        assert!(matches!(event.unwrap(), Event::Subscribed(_)));
    }
}

#[tokio::test]
async fn a_refused_subscription_is_not_repeated() {
    let master = Master::listen().await;
    let (_calls, mut events) = subscribe(&master, ContentType::Json);
    let play = async { master.request().await.answer("401 Unauthorized", "who are you").await };
    let ((), event) = tokio::join!(play, next(&mut events));
    let error = event.unwrap_err();
    assert!(
        error.to_string().ends_with("refused the subscription with 401 Unauthorized: who are you"),
        "{error}"
    );
    assert_eq!(next(&mut events).await, Err(SubscribeError::Ended));
}

#[tokio::test]
async fn giving_up_tells_what_the_last_attempt_came_to() {
    let nobody = Master::listen().await.address();
    let give_up_after = Some(Duration::ZERO);
    let options = Options { give_up_after, ..Options::default() };
    let (_calls, mut events) =
        scheduler::subscribe(nobody.parse().unwrap(), v1::FrameworkInfo::default(), options);
    let error = next(&mut events).await.unwrap_err().to_string();
    let expected = format!("failed to subscribe in time: failed to connect to `{nobody}`: ");
    assert!(error.starts_with(&expected), "{error}");
    assert_eq!(next(&mut events).await, Err(SubscribeError::Ended));
}

#[tokio::test]
async fn an_error_event_is_the_end() {
    let master = Master::listen().await;
    let (calls, mut events) = subscribe(&master, ContentType::Json);
    let play = async {
        let mut subscription = master.request().await;
        subscription.accept(ContentType::Json, "s").await;
        let error = proto::event::Error { message: "Framework failed over".into() };
        let kind = Some(proto::event::Type::Error.into());
        let event = proto::Event { r#type: kind, error: Some(error), ..Default::default() };
        subscription.event(ContentType::Json, &event).await;
        subscription
    };
    let (_subscription, event) = tokio::join!(play, next(&mut events));
    assert_eq!(event, Ok(Event::Error("Framework failed over".into())));
    assert_eq!(next(&mut events).await, Err(SubscribeError::Ended));
    assert!(matches!(calls.teardown().await, Err(CallError::NotSubscribed)));
}

#[tokio::test]
async fn a_master_that_does_not_lead_any_more_is_left_though_its_stream_is_open() {
    let master = Master::listen().await;
    let (calls, mut events) = subscribe(&master, ContentType::Json);
    let play = async {
        let mut subscription = master.request().await;
        subscription.accept(ContentType::Json, "s1").await;
        subscription.subscribed(ContentType::Json).await;
        subscription
    };
    let (_first, event) = tokio::join!(play, next(&mut events));
    assert!(matches!(event, Ok(Event::Subscribed(_))));
    let refuse = async { master.request().await.answer("503 Service Unavailable", "no leader").await };
    let ((), refused) = tokio::join!(refuse, calls.revive(Vec::new()));
    assert!(refused.unwrap_err().is_transient());
    assert!(matches!(calls.revive(Vec::new()).await, Err(CallError::NotSubscribed)));
    assert!(matches!(next(&mut events).await, Ok(Event::Disconnected { .. })));
    let play = async {
        let mut again = master.request().await;
        again.accept(ContentType::Json, "s2").await;
        again.subscribed(ContentType::Json).await;
        again
    };
    let (_second, event) = tokio::join!(play, next(&mut events));
    assert!(matches!(event, Ok(Event::Subscribed(_))));
}

#[tokio::test]
async fn updates_are_acknowledged_when_the_next_event_is_asked_for() {
    let master = Master::listen().await;
    let framework = v1::FrameworkInfo::default();
    let options = Options { acknowledge: Acknowledge::Implicit, ..Options::default() };
    let (_calls, mut events) = scheduler::subscribe(master.address().parse().unwrap(), framework, options);
    let play = async {
        let mut subscription = master.request().await;
        subscription.accept(ContentType::Protobuf, "s").await;
        subscription.subscribed(ContentType::Protobuf).await;
        subscription.update(ContentType::Protobuf, 7).await;
        subscription
    };
    let (mut subscription, event) = tokio::join!(play, next(&mut events));
    assert!(matches!(event, Ok(Event::Subscribed(_))));
    assert!(matches!(next(&mut events).await, Ok(Event::Update(_))));
    let play = async {
        let mut request = master.request().await;
        let call: proto::Call = decode(ContentType::Protobuf, &request.body).unwrap();
        assert_eq!(call.acknowledge.unwrap().uuid, [7; 16]);
        request.answer("202 Accepted", "").await;
        subscription.update(ContentType::Protobuf, 8).await;
    };
    let ((), event) = tokio::join!(play, next(&mut events));
    let Ok(Event::Update(status)) = event else { panic!("{event:?}") };
    assert_eq!(status.uuid.unwrap(), [8; 16]);
}

#[tokio::test]
async fn an_acknowledgement_under_way_does_not_keep_a_call_waiting() {
    let master = Master::listen().await;
    let options = Options { acknowledge: Acknowledge::Implicit, ..Options::default() };
    let masters = master.address().parse().unwrap();
    let (calls, mut events) = scheduler::subscribe(masters, v1::FrameworkInfo::default(), options);
    let play = async {
        let mut subscription = master.request().await;
        subscription.accept(ContentType::Protobuf, "s").await;
        subscription.subscribed(ContentType::Protobuf).await;
        subscription.update(ContentType::Protobuf, 7).await;
        subscription.update(ContentType::Protobuf, 8).await;
        subscription
    };
    let (_subscription, event) = tokio::join!(play, next(&mut events));
    assert!(matches!(event, Ok(Event::Subscribed(_))));
    for _ in 0..2 {
        assert!(matches!(next(&mut events).await, Ok(Event::Update(_))));
    }
    // The acknowledgement of the first update has begun, and nobody drives it.
    let play = async {
        loop {
            let (stream, _) = master.listener.accept().await.unwrap();
            // A connection on which nothing comes must not keep the others waiting.
            tokio::spawn(async move {
                Request::read(BufReader::new(stream)).await.answer("202 Accepted", "").await;
            });
        }
    };
    let revive =
        async { tokio::time::timeout(DEADLINE, calls.revive(Vec::new())).await.expect("an answer in time") };
    tokio::select! {
        revived = revive => revived.unwrap(),
        () = play => {}
    }
}

#[tokio::test]
async fn of_listed_masters_each_is_asked() {
    let (gone, leader) = (Master::listen().await.address(), Master::listen().await);
    let masters = format!("{gone},{}", leader.address()).parse().unwrap();
    let (_calls, mut events) =
        scheduler::subscribe(masters, v1::FrameworkInfo::default(), Options::default());
    let play = async {
        let mut subscription = leader.request().await;
        subscription.accept(ContentType::Protobuf, "s").await;
        subscription.subscribed(ContentType::Protobuf).await;
        subscription
    };
    let (_subscription, event) = tokio::join!(play, next(&mut events));
    assert!(matches!(event, Ok(Event::Subscribed(_))));
}

#[tokio::test]
async fn a_patient_operator_asks_until_a_master_leads() {
    let master = Master::listen().await;
    let patience = Duration::from_secs(15);
    let mut operator = Operator::new(master.address().parse().unwrap()).with_patience(patience);
    let play = async {
        master.request().await.answer("503 Service Unavailable", "No leader elected").await;
        // The answer is lost.
        drop(master.request().await);
        master.request().await.answer("200 OK", "{}").await;
        // An order whose answer is lost may have had its effect.
        drop(master.request().await);
    };
    let ask = async {
        let state = operator.get("/state").await.unwrap();
        let framework_id = v1::FrameworkId { value: "F".into() };
        (state, operator.teardown(framework_id).await)
    };
    let ((), (state, teardown)) = tokio::join!(play, ask);
    assert_eq!(state, "{}");
    assert!(matches!(teardown, Err(CallError::Transport(_))), "{teardown:?}");
}

#[tokio::test]
async fn an_operator_hears_of_events() {
    for content_type in TYPES {
        let master = Master::listen().await;
        let options = operator::Options { content_type, ..operator::Options::default() };
        let mut events = operator::subscribe(master.address().parse().unwrap(), options);
        let play = async {
            let mut request = master.request().await;
            assert!(request.head.starts_with("post /api/v1 http/1.1\r\n"));
            let call: master::Call = decode(content_type, &request.body).unwrap();
            assert_eq!(call.r#type(), master::call::Type::Subscribe);
            request.accept(content_type, "").await;
            let kind = Some(master::event::Type::Heartbeat.into());
            let event = master::Event { r#type: kind, ..Default::default() };
            let record = recordio::encode(&encode(content_type, &event));
            request.stream.write_all(format!("{:x}\r\n", record.len()).as_bytes()).await.unwrap();
            request.stream.write_all(&record).await.unwrap();
            request.stream.write_all(b"\r\n").await.unwrap();
        };
        let listen = async { tokio::time::timeout(DEADLINE, events.next()).await.expect("an event in time") };
        let ((), event) = tokio::join!(play, listen);
        let Ok(operator::Event::Master(event)) = event else { panic!("{event:?}") };
        assert_eq!(event.r#type(), master::event::Type::Heartbeat);
        let lost = tokio::time::timeout(DEADLINE, events.next()).await.expect("an event in time");
        assert!(matches!(lost, Ok(operator::Event::Disconnected { .. })));
    }
}

#[tokio::test]
async fn an_operator_follows_the_leader_and_stays_with_it() {
    let (standby, leader) = (Master::listen().await, Master::listen().await);
    let mut operator = Operator::new(standby.address().parse().unwrap()).with_content_type(ContentType::Json);
    let play = async {
        let location = format!("307 Temporary Redirect\r\nLocation: //{}/state", leader.address());
        standby.request().await.answer(&location, "").await;
        let mut request = leader.request().await;
        assert!(request.head.starts_with("get /state http/1.1\r\n"));
        request.answer("200 OK", "{}").await;
        let mut request = Request::read(request.stream).await;
        request.answer("200 OK", r#"{"type":"GET_HEALTH","get_health":{"healthy":true}}"#).await;
        let mut request = Request::read(request.stream).await;
        request.answer("202 Accepted", "").await;
    };
    let ask = async {
        let state = operator.get("/state").await.unwrap();
        let call = master::Call { r#type: Some(master::call::Type::GetHealth.into()), ..Default::default() };
        (state, operator.master(&call).await.unwrap(), operator.master(&call).await.unwrap())
    };
    let ((), (state, health, nothing)) = tokio::join!(play, ask);
    assert_eq!(state, "{}");
    assert!(health.unwrap().get_health.unwrap().healthy);
    assert_eq!(nothing, None);
}
