//! The inputs that scripts can give.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tepui_agent_core::{
    Agent, Config, Effect, Effects, ExecutorCall, Input, ReconfigurationPolicy, Record, Recover, Recovery,
    RequestId, StoreId, StreamId, Termination,
};
use tepui_proto::v1::executor::call;
use tepui_proto::v1::offer::operation::Type;
use tepui_proto::v1::offer::{Operation, operation};
use tepui_proto::v1::resource::DiskInfo;
use tepui_proto::v1::resource::disk_info::Persistence;
use tepui_proto::{LinkMessage, internal, v1};
use tepui_types::{ContainerId, Now, Resources, Time, Upid, WallTime, parse_duration};

use crate::names::Names;
use crate::show::{record_line, show};

/// One agent and what happened to it.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(crate) struct Story {
    agent: Agent,
    now: Now,
    next_request: u64,
    pub(crate) containers: Names,
    pub(crate) uuids: Names,
    /// The version of the agent's resources that the master heard last.
    resource_version: v1::Uuid,
    pub(crate) shows_changes: bool,
    pub(crate) shows_environment: bool,
    pub(crate) shows_records: bool,
    config: Config,
    /// What has been stored, and what waits to be.
    journal: Vec<Record>,
    unstored: Vec<(StoreId, Vec<Record>)>,
    /// Whether records are durable at once.
    stores: bool,
}

/// The words of a command: plain ones, and `key=value`.
struct Words<'a> {
    plain: Vec<&'a str>,
    named: BTreeMap<&'a str, &'a str>,
}

impl<'a> Words<'a> {
    fn new(command: &'a str) -> Self {
        let (named, plain): (Vec<&str>, Vec<&str>) =
            command.split_whitespace().partition(|word| word.contains('='));
        Self { plain, named: named.into_iter().filter_map(|word| word.split_once('=')).collect() }
    }

    fn at(&self, at: usize) -> &'a str {
        self.plain.get(at).copied().unwrap_or_else(|| panic!("word {at} is missing in {:?}", self.plain))
    }

    fn has(&self, word: &str) -> bool {
        self.plain.contains(&word)
    }

    /// All words from there on.
    fn rest(&self, from: usize) -> String {
        self.plain[from.min(self.plain.len())..].join(" ")
    }
}

impl Story {
    pub(crate) fn new() -> Self {
        let mut config = Config::new("slave(1)@10.0.0.2:5051".parse().unwrap(), "host", "/work");
        config.resources = Resources::parse("cpus:4;mem:1024;disk:100", "*").unwrap().to_protos();
        config.command_executor = v1::CommandInfo {
            shell: Some(false),
            value: Some("/bin/tepui".to_owned()),
            arguments: vec!["tepui".to_owned(), "executor".to_owned()],
            ..v1::CommandInfo::default()
        };
        config.max_completed_executors_per_framework = 2;
        config.default_executor =
            v1::CommandInfo { value: Some("/bin/tepui default".to_owned()), ..v1::CommandInfo::default() };
        let mut story = Self {
            agent: Agent::new(config.clone(), 1),
            now: Now { time: Time::ZERO, wall: WallTime::from_nanos(0) },
            next_request: 1,
            containers: Names::new('c'),
            uuids: Names::new('u'),
            resource_version: v1::Uuid::default(),
            shows_changes: false,
            shows_environment: false,
            shows_records: false,
            config,
            journal: Vec::new(),
            unstored: Vec::new(),
            stores: true,
        };
        story.step(Input::Recover(Box::default()));
        story.step(Input::ContainersRecovered {
            running: BTreeMap::new(),
            unstarted: BTreeSet::new(),
            ended: BTreeMap::new(),
        });
        story
    }

    /// Gives one input, and says what the agent does.
    pub(crate) fn run(&mut self, command: &str) -> Vec<String> {
        let words = Words::new(command);
        match words.at(0) {
            "show" => {
                self.shows_changes |= words.has("changes");
                self.shows_environment |= words.has("environment");
                self.shows_records |= words.has("records");
                Vec::new()
            }
            "config" => {
                self.configure(&words);
                Vec::new()
            }
            "hold-stores" => {
                self.stores = false;
                Vec::new()
            }
            "stored" => {
                self.stores = true;
                self.store()
            }
            // The process is killed; what was not stored is lost, or as good as lost.
            "restart" => self.restart(words.has("rebooted")),
            "snapshot" => {
                let snapshot = self.agent.snapshot();
                snapshot.iter().map(|record| format!("  {}", record_line(self, record))).collect()
            }
            // Updates of as many tasks as said, none of which was launched.
            "flood" => {
                let count: usize = words.at(3).parse().unwrap();
                let (framework, executor) = (words.at(1), words.at(2));
                let shown: Vec<String> = (0..count)
                    .flat_map(|at| {
                        let task = format!("made-up-{count}-{at}");
                        self.run(&format!("update {framework} {executor} {task} FAILED x{count}{at}"))
                    })
                    .collect();
                shown.last().cloned().into_iter().collect()
            }
            "pass" => self.pass(parse_duration(words.at(1)).unwrap()),
            _ => {
                let input = self.input(&words);
                self.step(input)
            }
        }
    }

    fn step(&mut self, input: Input) -> Vec<String> {
        let mut effects = Effects::default();
        self.agent.step(self.now, input, &mut effects);
        self.agent.check();
        for effect in &effects.effects {
            if let Effect::Store { id, records } = effect {
                self.unstored.push((*id, records.clone()));
            }
        }
        self.hear_resource_version(&effects);
        let mut shown = show(self, &effects);
        if self.stores && !self.unstored.is_empty() {
            shown.extend(self.store());
        }
        shown
    }

    /// Makes durable what waits for it.
    fn store(&mut self) -> Vec<String> {
        let mut shown = Vec::new();
        for (id, records) in std::mem::take(&mut self.unstored) {
            self.journal.extend(records);
            shown.extend(self.step(Input::Stored(id)));
        }
        shown
    }

    fn restart(&mut self, rebooted: bool) -> Vec<String> {
        self.unstored.clear();
        self.agent = Agent::new(self.config.clone(), 2);
        let recovery = Recovery { records: self.journal.clone(), rebooted, errors: 0 };
        self.step(Input::Recover(Box::new(recovery)))
    }

    /// What a new process would make of the journal.
    pub(crate) fn reborn(&self) -> Vec<Record> {
        let mut agent = Agent::new(self.config.clone(), 2);
        let mut effects = Effects::default();
        let recovery = Recovery { records: self.journal.clone(), rebooted: false, errors: 0 };
        agent.step(self.now, Input::Recover(Box::new(recovery)), &mut effects);
        agent.check();
        agent.snapshot()
    }

    /// What would replace the journal.
    pub(crate) fn snapshot(&self) -> Vec<Record> {
        self.agent.snapshot()
    }

    /// Replaces the journal.
    pub(crate) fn compact(&mut self) {
        if self.unstored.is_empty() {
            self.journal = self.agent.snapshot();
        }
    }

    fn configure(&mut self, words: &Words<'_>) {
        if words.has("cleanup") {
            self.config.recover = Recover::Cleanup;
        }
        if words.has("additive") {
            self.config.reconfiguration_policy = ReconfigurationPolicy::Additive;
        }
        if let Some(retry) = words.named.get("retry") {
            let retry = parse_duration(retry).unwrap();
            self.config.executor_reregistration_retry_interval = Some(retry);
        }
        if let Some(cpus) = words.named.get("cpus") {
            let text = format!("cpus:{cpus};mem:1024;disk:100");
            self.config.resources = Resources::parse(&text, "*").unwrap().to_protos();
        }
    }

    /// `containers c1 c2`: those that run, each as process 43; `c3:9` has ended with that status; `c4:never` was not started.
    fn containers_recovered(&self, words: &Words<'_>) -> Input {
        let (mut running, mut ended, mut unstarted) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        for word in &words.plain[1..] {
            let (name, status) = word.split_once(':').unwrap_or((word, ""));
            let container = ContainerId::new(self.containers.value(name));
            match status.parse() {
                Ok(status) => {
                    let termination = Termination { status: Some(status), ..Termination::default() };
                    drop(ended.insert(container, termination));
                }
                Err(_) if status == "never" => drop(unstarted.insert(container)),
                Err(_) => drop(running.insert(container, 43)),
            }
        }
        Input::ContainersRecovered { running, unstarted, ended }
    }

    /// Lets time pass, with a tick at each deadline.
    fn pass(&mut self, time: Duration) -> Vec<String> {
        let end = self.now.time + time;
        let mut shown = Vec::new();
        while let Some(deadline) = self.agent.next_deadline().filter(|deadline| *deadline <= end) {
            assert!(deadline >= self.now.time, "a deadline in the past");
            self.move_to(deadline);
            shown.extend(self.step(Input::Tick));
            assert!(self.agent.next_deadline() != Some(deadline), "a tick left its deadline as it was");
        }
        self.move_to(end);
        shown
    }

    fn move_to(&mut self, time: Time) {
        self.now.wall = self.now.wall + time.saturating_duration_since(self.now.time);
        self.now.time = time;
    }

    fn input(&mut self, words: &Words<'_>) -> Input {
        let container = |story: &Self| ContainerId::new(story.containers.value(words.at(1)));
        match words.at(0) {
            "detect" if words.at(1) == "none" => Input::Detected(None),
            "detect" => Input::Detected(Some(upid(words.at(1)))),
            "broken" => Input::LinkBroken(upid(words.at(1))),
            "closed" => Input::StreamClosed(StreamId(words.at(1).parse().unwrap())),
            "launched" => Input::ContainerLaunched { container: container(self), pid: Some(42) },
            "launch-failed" => {
                Input::ContainerLaunchFailed { container: container(self), message: words.rest(2) }
            }
            "exited" => {
                Input::ContainerExited { container: container(self), termination: termination(words) }
            }
            "stop" => Input::Shutdown,
            "leave" => Input::Leave,
            "containers" => self.containers_recovered(words),
            "subscribe" | "update" | "message" | "heartbeat" | "call" => {
                let call = self.executor_call(words);
                let request = RequestId(self.next_request);
                self.next_request += 1;
                let acceptable = !words.has("unacceptable");
                Input::ExecutorCall(Box::new(ExecutorCall { request, call, acceptable }))
            }
            _ => {
                let from = upid(words.named.get("from").copied().unwrap_or("m"));
                Input::Link { from, message: self.link_message(words) }
            }
        }
    }

    fn executor_call(&self, words: &Words<'_>) -> v1::executor::Call {
        use call::Type;
        let call = |kind: Type| v1::executor::Call {
            framework_id: v1::FrameworkId { value: words.at(1).to_owned() },
            executor_id: v1::ExecutorId { value: words.at(2).to_owned() },
            r#type: Some(kind.into()),
            ..v1::executor::Call::default()
        };
        match words.at(0) {
            "subscribe" => {
                let unacknowledged_tasks = words.named.get("tasks").map_or_else(Vec::new, |tasks| {
                    tasks.split(',').map(|id| task(id, "S0").into()).collect()
                });
                let unacknowledged_updates = words.named.get("updates").map_or_else(Vec::new, |updates| {
                    updates.split(',').map(|update| call::Update { status: self.status_of(update) }).collect()
                });
                let subscribe = call::Subscribe { unacknowledged_tasks, unacknowledged_updates };
                v1::executor::Call { subscribe: Some(subscribe), ..call(Type::Subscribe) }
            }
            "update" => {
                let mut status = self.status(words.at(3), words.at(4), words.at(5));
                if let Some(id) = words.named.get("executor") {
                    status.executor_id = Some(v1::ExecutorId { value: (*id).to_owned() });
                }
                if let Some(id) = words.named.get("agent") {
                    status.agent_id = Some(v1::AgentId { value: (*id).to_owned() });
                }
                if words.has("no-uuid") {
                    status.uuid = None;
                }
                if words.has("no-source") {
                    status.source = None;
                }
                v1::executor::Call { update: Some(call::Update { status }), ..call(Type::Update) }
            }
            "message" => {
                let data = words.rest(3).into_bytes();
                v1::executor::Call { message: Some(call::Message { data }), ..call(Type::Message) }
            }
            "heartbeat" => call(Type::Heartbeat),
            _ if words.has("UPDATE") => call(Type::Update),
            _ if words.has("MESSAGE") => call(Type::Message),
            _ if words.has("SUBSCRIBE") => call(Type::Subscribe),
            _ => v1::executor::Call { r#type: None, ..call(Type::Update) },
        }
    }

    /// `task:STATE:uuid`
    fn status_of(&self, text: &str) -> v1::TaskStatus {
        let parts: Vec<&str> = text.split(':').collect();
        self.status(parts[0], parts[1], parts[2])
    }

    /// A status as executors send it. Its uuid is the text, filled up to the length of one.
    fn status(&self, task: &str, state: &str, uuid: &str) -> v1::TaskStatus {
        v1::TaskStatus {
            task_id: v1::TaskId { value: task.to_owned() },
            state: v1::TaskState::from_str_name(&format!("TASK_{state}")).unwrap().into(),
            uuid: Some(self.uuid_bytes(uuid)),
            source: Some(v1::task_status::Source::Executor.into()),
            ..v1::TaskStatus::default()
        }
    }

    fn uuid_bytes(&self, name: &str) -> Vec<u8> {
        let known = self.uuids.value(name);
        if known != name {
            return known.parse::<tepui_types::Uuid>().unwrap().as_bytes().to_vec();
        }
        let mut bytes = name.as_bytes().to_vec();
        bytes.resize(16, 0);
        bytes[6] = 0x40;
        bytes
    }

    fn hear_resource_version(&mut self, effects: &Effects) {
        for effect in &effects.effects {
            let Effect::SendLink { message, .. } = effect else { continue };
            let version = match message {
                LinkMessage::RegisterSlave(message) => &message.resource_version_uuid,
                LinkMessage::ReregisterSlave(message) => &message.resource_version_uuid,
                LinkMessage::UpdateSlave(message) => &message.resource_version_uuid,
                _ => continue,
            };
            self.resource_version = version.clone().unwrap_or_default();
        }
    }

    #[expect(clippy::too_many_lines, reason = "it is a table")]
    fn link_message(&self, words: &Words<'_>) -> LinkMessage {
        let framework_id = || v1::FrameworkId { value: words.at(1).to_owned() };
        let slave_id =
            |at: usize| v1::AgentId { value: words.plain.get(at).copied().unwrap_or("S0").to_owned() };
        let task_id = || v1::TaskId { value: words.at(2).to_owned() };
        let executor_id = || v1::ExecutorId { value: words.at(2).to_owned() };
        let connection = words.named.get("timeout").map(|seconds| internal::MasterSlaveConnection {
            total_ping_timeout_seconds: Some(seconds.parse().unwrap()),
        });
        match words.at(0) {
            "registered" => internal::SlaveRegisteredMessage { slave_id: slave_id(1), connection }.into(),
            "reregistered" => internal::SlaveReregisteredMessage {
                slave_id: slave_id(1),
                reconciliations: words
                    .named
                    .get("reconcile")
                    .map(|task| reconcile(task))
                    .into_iter()
                    .collect(),
                connection,
            }
            .into(),
            "ping" => internal::PingSlaveMessage { connected: !words.has("disconnected") }.into(),
            "run" => run_task(words).into(),
            "drain" => drain(words).into(),
            "run-group" => run_task_group(words).into(),
            "kill" => internal::KillTaskMessage {
                framework_id: framework_id(),
                task_id: task_id(),
                kill_policy: None,
            }
            .into(),
            "ack" => internal::StatusUpdateAcknowledgementMessage {
                slave_id: slave_id(4),
                framework_id: framework_id(),
                task_id: task_id(),
                uuid: self.uuid_bytes(words.at(3)),
            }
            .into(),
            "shutdown-framework" => {
                internal::ShutdownFrameworkMessage { framework_id: framework_id() }.into()
            }
            "shutdown-executor" => internal::ShutdownExecutorMessage {
                framework_id: Some(framework_id()),
                executor_id: Some(executor_id()),
            }
            .into(),
            "shutdown-agent" => internal::ShutdownMessage { message: Some(words.rest(1)) }.into(),
            "update-framework" => internal::UpdateFrameworkMessage {
                framework_id: framework_id(),
                pid: words.named.get("pid").map(|pid| (*pid).to_owned()),
                framework_info: Some(framework(words)),
            }
            .into(),
            "framework-message" => internal::FrameworkToExecutorMessage {
                slave_id: v1::AgentId { value: "S0".to_owned() },
                framework_id: framework_id(),
                executor_id: executor_id(),
                data: words.rest(3).into_bytes(),
            }
            .into(),
            "apply" => apply(words, self.resource_version.clone()).into(),
            "ack-operation" => internal::AcknowledgeOperationStatusMessage {
                operation_uuid: operation_uuid(words.at(1)),
                status_uuid: v1::Uuid { value: self.uuid_bytes(words.at(2)) },
                resource_provider_id: None,
            }
            .into(),
            "reconcile-operations" => reconcile_operations(words).into(),
            "checkpoint" => internal::CheckpointResourcesMessage { resources: reserved(words.at(1)) }.into(),
            _ => self.driver_message(words),
        }
    }

    /// What old executors send.
    fn driver_message(&self, words: &Words<'_>) -> LinkMessage {
        let framework_id = || v1::FrameworkId { value: words.at(1).to_owned() };
        let executor_id = || v1::ExecutorId { value: words.at(2).to_owned() };
        match words.at(0) {
            "driver-register" => {
                internal::RegisterExecutorMessage { framework_id: framework_id(), executor_id: executor_id() }
                    .into()
            }
            "driver-reregister" => internal::ReregisterExecutorMessage {
                framework_id: framework_id(),
                executor_id: executor_id(),
                tasks: words.named.get("tasks").map_or_else(Vec::new, |tasks| {
                    tasks.split(',').map(|id| task(id, "S0").into()).collect()
                }),
                updates: words.named.get("updates").map_or_else(Vec::new, |updates| {
                    let updates = updates.split(',').map(|update| self.status_of(update));
                    updates.map(|status| driver_update(words.at(1), status)).collect()
                }),
            }
            .into(),
            "driver-update" => internal::StatusUpdateMessage {
                update: driver_update(words.at(1), self.status(words.at(2), words.at(3), words.at(4))),
                pid: None,
            }
            .into(),
            "driver-message" => internal::ExecutorToFrameworkMessage {
                slave_id: v1::AgentId { value: "S0".to_owned() },
                framework_id: framework_id(),
                executor_id: executor_id(),
                data: words.rest(3).into_bytes(),
            }
            .into(),
            other => panic!("`{other}` is no input"),
        }
    }
}

/// `m` and `n` are masters, other letters strangers.
fn upid(name: &str) -> Upid {
    // Masters are called by one letter; all other actors are at `m`, unless they say `@n`.
    let (actor, master) = match name.split_once('@') {
        Some(actor_and_master) => actor_and_master,
        None if name.len() == 1 => ("master", name),
        None => (name, "m"),
    };
    let host = master.bytes().next().unwrap_or_default();
    format!("{actor}@10.0.0.{host}:5050").parse().unwrap()
}

fn drain(words: &Words<'_>) -> internal::DrainSlaveMessage {
    let grace = words.named.get("grace");
    let grace = grace.map(|grace| tepui_types::duration_to_proto(parse_duration(grace).unwrap()));
    let config = v1::DrainConfig { max_grace_period: grace, mark_gone: Some(words.has("gone")) };
    internal::DrainSlaveMessage { config }
}

fn driver_update(framework: &str, status: v1::TaskStatus) -> internal::StatusUpdate {
    internal::StatusUpdate {
        framework_id: v1::FrameworkId { value: framework.to_owned() },
        slave_id: Some(v1::AgentId { value: "S0".to_owned() }),
        uuid: status.uuid.clone(),
        timestamp: 1.0,
        status: v1::TaskStatus { uuid: None, source: None, ..status },
        executor_id: None,
        latest_state: None,
    }
}

fn termination(words: &Words<'_>) -> Termination {
    Termination {
        status: words.plain.get(2).map(|status| status.parse().unwrap()),
        reason: words.has("oom").then_some(v1::task_status::Reason::ContainerLimitationMemory),
        message: words.has("oom").then(|| "Memory limit exceeded".to_owned()),
        ..Termination::default()
    }
}

fn framework(words: &Words<'_>) -> v1::FrameworkInfo {
    let partition_aware = v1::framework_info::Capability {
        r#type: Some(v1::framework_info::capability::Type::PartitionAware.into()),
    };
    v1::FrameworkInfo {
        id: Some(v1::FrameworkId { value: words.at(1).to_owned() }),
        name: "n".to_owned(),
        user: "user".to_owned(),
        checkpoint: Some(words.has("checkpoint")),
        capabilities: words.has("aware").then_some(partition_aware).into_iter().collect(),
        ..v1::FrameworkInfo::default()
    }
}

fn resources(text: &str) -> Vec<v1::Resource> {
    let mut resources = Resources::parse(text, "*").unwrap();
    resources.allocate("*");
    resources.to_protos()
}

/// Dynamically reserved cpus.
fn reserved(amount: &str) -> Vec<v1::Resource> {
    let reservation = v1::resource::ReservationInfo {
        r#type: Some(v1::resource::reservation_info::Type::Dynamic.into()),
        role: Some("web".to_owned()),
        ..v1::resource::ReservationInfo::default()
    };
    let mut all = Resources::parse(&format!("cpus:{amount}"), "*").unwrap().to_protos();
    all[0].reservations.push(reservation);
    all
}

/// Ten megabytes of disk, reserved, and perhaps a volume.
fn disk(volume: Option<&str>) -> v1::Resource {
    let mut disk = reserved("10").remove(0);
    "disk".clone_into(&mut disk.name);
    let persistence = volume.map(|id| Persistence { id: id.to_owned(), principal: None });
    disk.disk = persistence.map(|persistence| {
        let volume = v1::Volume {
            mode: v1::volume::Mode::Rw.into(),
            container_path: "data".to_owned(),
            ..v1::Volume::default()
        };
        Box::new(DiskInfo { persistence: Some(persistence), volume: Some(volume), source: None })
    });
    disk
}

/// The operation that is named by one letter.
fn operation_uuid(name: &str) -> v1::Uuid {
    v1::Uuid { value: vec![name.bytes().next().unwrap(); 16] }
}

/// `apply o reserve|unreserve CPUS`, `apply o reserve-disk|unreserve-disk`, `apply o create|destroy VOLUME`;
/// with `stale`, upon an earlier report of the agent's resources.
fn apply(words: &Words<'_>, version: v1::Uuid) -> internal::ApplyOperationMessage {
    let of = |kind: Type| Operation {
        r#type: Some(kind.into()),
        id: Some(v1::OperationId { value: words.at(1).to_owned() }),
        ..Operation::default()
    };
    let reserve = |resources| Operation {
        reserve: Some(operation::Reserve { resources, ..operation::Reserve::default() }),
        ..of(Type::Reserve)
    };
    let unreserve =
        |resources| Operation { unreserve: Some(operation::Unreserve { resources }), ..of(Type::Unreserve) };
    let operation_info = match words.at(2) {
        "reserve" => reserve(reserved(words.at(3))),
        "unreserve" => unreserve(reserved(words.at(3))),
        "reserve-disk" => reserve(vec![disk(None)]),
        "unreserve-disk" => unreserve(vec![disk(None)]),
        "create" => {
            let create = operation::Create { volumes: vec![disk(Some(words.at(3)))] };
            Operation { create: Some(create), ..of(Type::Create) }
        }
        "destroy" => {
            let destroy = operation::Destroy { volumes: vec![disk(Some(words.at(3)))] };
            Operation { destroy: Some(destroy), ..of(Type::Destroy) }
        }
        other => panic!("`{other}` is no operation"),
    };
    internal::ApplyOperationMessage {
        framework_id: Some(v1::FrameworkId { value: "f".to_owned() }),
        operation_info,
        operation_uuid: operation_uuid(words.at(1)),
        resource_version_uuid: internal::ResourceVersionUuid {
            resource_provider_id: None,
            uuid: if words.has("stale") { v1::Uuid { value: vec![7; 16] } } else { version },
        },
    }
}

/// Asked by the master, or with `framework=F` by a framework.
fn reconcile_operations(words: &Words<'_>) -> internal::ReconcileOperationsMessage {
    let operations = words.plain[1..].iter().map(|name| internal::reconcile_operations_message::Operation {
        operation_uuid: Some(operation_uuid(name)),
        ..internal::reconcile_operations_message::Operation::default()
    });
    internal::ReconcileOperationsMessage {
        operations: operations.collect(),
        framework_id: words.named.get("framework").map(|id| v1::FrameworkId { value: (*id).to_owned() }),
    }
}

fn task(id: &str, agent: &str) -> v1::TaskInfo {
    v1::TaskInfo {
        name: "n".to_owned(),
        task_id: v1::TaskId { value: id.to_owned() },
        agent_id: v1::AgentId { value: agent.to_owned() },
        resources: resources("cpus:1;mem:64"),
        ..v1::TaskInfo::default()
    }
}

fn executor(id: &str, framework: &str) -> v1::ExecutorInfo {
    v1::ExecutorInfo {
        executor_id: v1::ExecutorId { value: id.to_owned() },
        framework_id: Some(v1::FrameworkId { value: framework.to_owned() }),
        command: Some(v1::CommandInfo { value: Some("exec".to_owned()), ..v1::CommandInfo::default() }),
        resources: resources("cpus:0.5;mem:32"),
        ..v1::ExecutorInfo::default()
    }
}

fn run_task(words: &Words<'_>) -> internal::RunTaskMessage {
    let named = |key: &str| words.named.get(key).copied();
    let mut task = task(words.at(2), named("agent").unwrap_or("S0"));
    match named("executor") {
        Some(id) => {
            let mut executor = executor(id, words.at(1));
            if words.has("default") {
                executor.r#type = Some(v1::executor_info::Type::Default.into());
            }
            if let Some(grace) = named("grace") {
                let grace = tepui_types::duration_to_proto(parse_duration(grace).unwrap());
                executor.shutdown_grace_period = Some(grace);
            }
            task.executor = Some(executor.into());
        }
        None if words.has("nothing") => {}
        None => {
            let value = Some("sleep 1000".to_owned());
            task.command = Some(v1::CommandInfo { value, ..v1::CommandInfo::default() });
        }
    }
    if let Some(id) = named("volume") {
        let mut volume = disk(Some(id));
        volume.allocation_info = Some(v1::resource::AllocationInfo { role: Some("web".to_owned()) });
        task.resources.push(volume);
    }
    if let Some(amount) = named("reserved") {
        task.resources = reserved(amount);
    }
    let stale =
        internal::ResourceVersionUuid { resource_provider_id: None, uuid: v1::Uuid { value: vec![7; 16] } };
    internal::RunTaskMessage {
        framework: framework(words),
        task: task.into(),
        pid: named("pid").map(str::to_owned),
        resource_version_uuids: words.has("stale").then_some(stale).into_iter().collect(),
        launch_executor: named("launch").map_or(Some(true), |launch| launch.parse().ok()),
        ..internal::RunTaskMessage::default()
    }
}

fn run_task_group(words: &Words<'_>) -> internal::RunTaskGroupMessage {
    internal::RunTaskGroupMessage {
        framework: framework(words),
        executor: executor("e", words.at(1)).into(),
        task_group: v1::TaskGroupInfo {
            tasks: words.plain[2..].iter().map(|id| task(id, "S0").into()).collect(),
        },
        launch_executor: Some(true),
        ..internal::RunTaskGroupMessage::default()
    }
}

/// `framework:task` or `framework:task:aware`
fn reconcile(text: &str) -> internal::ReconcileTasksMessage {
    let parts: Vec<&str> = text.split(':').collect();
    let words = Words {
        plain: vec!["", parts[0], parts.get(2).copied().unwrap_or_default()],
        named: BTreeMap::new(),
    };
    internal::ReconcileTasksMessage {
        framework_id: v1::FrameworkId { value: parts[0].to_owned() },
        statuses: vec![v1::TaskStatus {
            task_id: v1::TaskId { value: parts[1].to_owned() },
            state: v1::TaskState::TaskRunning.into(),
            ..v1::TaskStatus::default()
        }],
        framework: Some(framework(&words)),
    }
}
