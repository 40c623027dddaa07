//! The commands of a script.
//!
//! - `recover [ROW]...`: the registry was read; it holds these rows (`0` for agent `$m-S0` on 10.0.0.1; others at
//!   `World::registry`).
//! - `call [stream=N] [header=TEXT] [principal=P] [not-acceptable]` + JSON: a scheduler's call. `stream=N` sends the stream
//!   id that the master gave that stream.
//! - `api` + JSON: an operator's call.
//! - `subscribe NAME [KEY=VALUE]...`: a call SUBSCRIBE; keys are `id`, `user`, `role`, `roles`, `capabilities`,
//!   `failover`, `checkpoint`, `principal`, `suppressed`.
//! - `driver N subscribe NAME [force] [KEY=VALUE]...`: driver N (at 10.0.1.N:9000) calls SUBSCRIBE, with the same keys.
//! - `driver N MESSAGE` + JSON: it sends any message, such as `Call` or `LaunchTasks`. `driver-broken N`: its link broke.
//! - `agent N RESOURCES [KEY...]`: agent N (at 10.0.0.N+1) registers. Keys: `version=V`, `old` (no capabilities),
//!   `new` (those for operations too).
//! - `reregister N RESOURCES [id=ID] [KEY...]` + JSON lines `framework {..}`, `task {..}`, `executor {..}`.
//! - `status N FRAMEWORK TASK STATE [latest=STATE] [uuid=BYTE]`: agent N sends an update.
//! - `accept OFFERS stream=N framework=F [refuse=SECONDS]` + operations (`operations.rs`): offers by number, as in `0,2`.
//! - `operation N K STATE [framework=F] [uuid=BYTE]`: agent N says how the operation goes that was printed as `#K`.
//! - `send N NAME` + JSON: agent N sends any message. `pong N`: it answers its observer.
//! - `behind N BYTES READ`, `caught-up N`: how far the client of stream N is, or the driver of `driver-N`.
//! - `whitelist [HOST,HOST]`: only agents of these hosts are offered; without a list, all.
//! - `stream-closed N`, `link-broken N`, `advance SECONDS`, `stored`.
//! - `configure SETTING...`: first of all, settings other than the usual ones (`World::configure`).
//! - `show changes`, `show counters`: print these too from now on. `hold stores`: stores wait for `stored`.
//!
//! In all texts `$m` stands for the master's id. After each step the invariants are checked.

use std::collections::BTreeMap;
use std::time::Duration;

use tepui_master_core::{
    Backlog, Change, Config, Effect, Effects, Input, Master, OperatorCall, RateLimits, Reader, Registry,
    RegistryWrite, RemovalRate, RequestId, Response, SchedulerCall, StoreId, StreamId,
};
use tepui_proto::internal::registry::{GoneSlave, Slave, UnreachableSlave};
use tepui_proto::v1::agent_info::{Capability, capability};
use tepui_proto::{JsonDialect, LinkMessage, MesosMessage, Raw, driver, internal, v1};
use tepui_types::{AgentId, FrameworkId, Now, Resources, Time, Upid, WallTime};

use crate::operations;
use crate::print::Printer;

const SEED: u64 = 7;

/// A master and what its peers keep in mind.
pub(crate) struct World {
    master: Master,
    now: Duration,
    requests: u64,
    stream_ids: Vec<String>,
    stores: Vec<StoreId>,
    hold_stores: bool,
    show_changes: bool,
    show_counters: bool,
    printer: Printer,
}

impl World {
    /// A master that has not recovered.
    pub(crate) fn new() -> Self {
        let master = Master::new(config(), SEED);
        let printer = Printer::new(&master.info().id);
        Self {
            master,
            now: Duration::ZERO,
            requests: 0,
            stream_ids: Vec::new(),
            stores: Vec::new(),
            hold_stores: false,
            show_changes: false,
            show_counters: false,
            printer,
        }
    }

    /// Runs a command; returns the effects, a line each.
    pub(crate) fn run(&mut self, command: &str) -> String {
        let command = command.replace("$m", &self.printer.master);
        let (line, body) = command.split_once('\n').unwrap_or((&command, ""));
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[0] {
            "show" | "hold" => self.set(words[1]),
            "configure" => self.configure(&words[1..]),
            "advance" => self.advance(Duration::from_secs_f64(words[1].parse().unwrap())),
            "stored" => {
                let id = self.stores.remove(0);
                self.step(Input::Stored(id))
            }
            _ => {
                let input = self.input(&words, body);
                self.step(input)
            }
        }
    }

    /// What each registered agent has.
    pub(crate) fn totals(&self) -> BTreeMap<AgentId, Resources> {
        let total = |id: &AgentId| self.master.agent_book(id).map(|book| book.total);
        self.master.agent_ids().into_iter().filter_map(|id| Some((id.clone(), total(&id)?))).collect()
    }

    /// Starts over with other settings.
    fn configure(&mut self, settings: &[&str]) -> String {
        let mut config = config();
        for setting in settings {
            let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
            let seconds = || Duration::from_secs(value.parse().unwrap());
            match name {
                // Agents in a minute.
                "removal_rate" => {
                    let rate = RemovalRate { agents: value.parse().unwrap(), per: Duration::from_mins(1) };
                    config.agent_removal_rate_limit = Some(rate);
                }
                "removal_limit" => config.recovery_agent_removal_limit = value.parse().unwrap(),
                "max_agent_age" => config.registry_max_agent_age = seconds(),
                "max_agent_count" => config.registry_max_agent_count = value.parse().unwrap(),
                "offer_timeout" => config.offer_timeout = Some(seconds()),
                "remove_unreturned" => config.remove_unreturned_frameworks = true,
                other => panic!("there is no setting `{other}`"),
            }
        }
        self.master = Master::new(config, SEED);
        String::new()
    }

    fn set(&mut self, what: &str) -> String {
        match what {
            "changes" => self.show_changes = true,
            "counters" => self.show_counters = true,
            "stores" => self.hold_stores = true,
            other => panic!("cannot show or hold {other}"),
        }
        String::new()
    }

    /// Rows of a registry: `0` is an admitted agent, `deactivated:0` one that is deactivated, `unreachable:0=T` and
    /// `gone:0=T` one that was lost T seconds after the start, `framework:ID=T` a framework that was removed then.
    /// `unavailable:0=T` schedules maintenance of agent 0's machine then, and `down:0` says that it is down.
    fn registry(&self, rows: &[&str]) -> Registry {
        let mut registry = Registry::default();
        for row in rows {
            let (kind, rest) = row.split_once(':').unwrap_or(("agent", row));
            let (name, at) = rest.split_once('=').unwrap_or((rest, "0"));
            let at = v1::TimeInfo { nanoseconds: at.parse::<i64>().unwrap() * 1_000_000_000 };
            let machine = |name: &str| v1::MachineId {
                hostname: Some(format!("HOST{name}")),
                ip: Some(pid(name).address.ip().to_string()),
            };
            let id = || self.agent_info(name, "cpus:4;mem:1024", true).id.unwrap();
            registry.write(match kind {
                "agent" | "deactivated" => RegistryWrite::AdmitAgent(Box::new(Slave {
                    info: self.agent_info(name, "cpus:4;mem:1024", true),
                    deactivated: (kind == "deactivated").then_some(true),
                    ..Slave::default()
                })),
                "unreachable" => RegistryWrite::MarkUnreachable(UnreachableSlave {
                    id: id(),
                    timestamp: at,
                    ..UnreachableSlave::default()
                }),
                "gone" => RegistryWrite::MarkGone(GoneSlave { id: id(), timestamp: at }),
                "unavailable" => RegistryWrite::SetSchedule(Some(Box::new(v1::maintenance::Schedule {
                    windows: vec![v1::maintenance::Window {
                        machine_ids: vec![machine(name)],
                        unavailability: v1::Unavailability { start: at, duration: None },
                    }],
                }))),
                "down" => RegistryWrite::SetMachine(Box::new(v1::MachineInfo {
                    id: machine(name),
                    mode: Some(v1::machine_info::Mode::Down as i32),
                    unavailability: None,
                })),
                "framework" => RegistryWrite::RemoveFramework(FrameworkId::new(name), at),
                other => panic!("no row of the registry is called {other}"),
            });
        }
        registry
    }

    fn input(&mut self, words: &[&str], body: &str) -> Input {
        match words[0] {
            "recover" => Input::Recovered(Box::new(self.registry(&words[1..]))),
            "call" => self.call(
                &words[1..],
                &v1::scheduler::Call::from_json(JsonDialect::V1, body.as_bytes()).unwrap(),
            ),
            "api" => {
                self.requests += 1;
                Input::OperatorCall(Box::new(OperatorCall {
                    request: RequestId(self.requests),
                    call: v1::master::Call::from_json(JsonDialect::V1, body.as_bytes()).unwrap(),
                    principal: None,
                }))
            }
            "subscribe" => self.subscribe(&words[1..]),
            "agent" => self.register(&words[1..]),
            "reregister" => self.reregister(&words[1..], body),
            "status" => self.status(&words[1..]),
            "accept" => self.accept(words, body),
            "operation" => self.operation(&words[1..]),
            "pong" => Input::Link {
                from: pid(words[1]),
                to: format!("slave-observer({})", words[2]),
                message: internal::PongSlaveMessage {}.into(),
            },
            "send" => link(words[1], message(words[2], body)),
            "driver" if words[2] == "subscribe" => driver_subscribe(words[1], &words[3..]),
            "driver" => driver_link(words[1], driver_message(words[2], body)),
            "driver-broken" => Input::LinkBroken(driver_pid(words[1])),
            "whitelist" => {
                let hosts = words.get(1).map(|hosts| hosts.split(',').map(str::to_owned).collect());
                Input::Whitelist(hosts)
            }
            "behind" => {
                let (queued_bytes, written_bytes) = (words[2].parse().unwrap(), words[3].parse().unwrap());
                Input::Backlog(reader(words[1]), Backlog::Behind { queued_bytes, written_bytes })
            }
            "caught-up" => Input::Backlog(reader(words[1]), Backlog::CaughtUp),
            "stream-closed" => Input::StreamClosed(StreamId(words[1].parse().unwrap())),
            "link-broken" => Input::LinkBroken(pid(words[1])),
            other => panic!("there is no command {other}"),
        }
    }

    fn call(&mut self, words: &[&str], call: &v1::scheduler::Call) -> Input {
        let value = |key: &str| words.iter().find_map(|word| word.strip_prefix(key)).map(str::to_owned);
        let stream = value("stream=").map(|stream| {
            let stream: usize = stream.parse().unwrap();
            self.stream_ids.get(stream).cloned().unwrap_or_else(|| format!("no stream {stream}"))
        });
        self.requests += 1;
        Input::SchedulerCall(Box::new(SchedulerCall {
            request: RequestId(self.requests),
            call: call.clone(),
            stream_id: stream.or_else(|| value("header=")),
            acceptable: !words.contains(&"not-acceptable"),
            principal: value("principal="),
        }))
    }

    fn accept(&mut self, words: &[&str], body: &str) -> Input {
        let value = |key: &str| words.iter().find_map(|word| word.strip_prefix(key)).map(str::to_owned);
        let master = self.printer.master.clone();
        let agent = format!("{master}-S{}", value("agent=").unwrap_or_else(|| "0".to_owned()));
        let offers = words[1].split(',');
        let offer_ids = offers.map(|number| v1::OfferId { value: format!("{master}-O{number}") }).collect();
        let refuse_seconds = Some(value("refuse=").map_or(0.0, |seconds| seconds.parse().unwrap()));
        let accept = v1::scheduler::call::Accept {
            offer_ids,
            operations: body.lines().map(|line| operations::parse(line, &agent)).collect(),
            filters: Some(v1::Filters { refuse_seconds }),
        };
        let call = v1::scheduler::Call {
            framework_id: value("framework=").map(|value| v1::FrameworkId { value }),
            r#type: Some(v1::scheduler::call::Type::Accept as i32),
            accept: Some(accept),
            ..v1::scheduler::Call::default()
        };
        self.call(&words[2..], &call)
    }

    fn operation(&self, words: &[&str]) -> Input {
        let value = |key: &str| words.iter().find_map(|word| word.strip_prefix(key));
        let state = v1::OperationState::from_str_name(&format!("OPERATION_{}", words[2])).unwrap();
        let uuid = |byte: &str| v1::Uuid { value: uuid(byte.parse().unwrap()) };
        let slave_id = v1::AgentId { value: format!("{}-S{}", self.printer.master, words[0]) };
        let message = internal::UpdateOperationStatusMessage {
            framework_id: value("framework=").map(|id| v1::FrameworkId { value: id.to_owned() }),
            slave_id: Some(slave_id.clone()),
            status: v1::OperationStatus {
                state: state as i32,
                uuid: value("uuid=").map(uuid),
                agent_id: Some(slave_id),
                ..v1::OperationStatus::default()
            },
            latest_status: None,
            operation_uuid: Some(self.printer.operation_uuid(words[1].parse().unwrap())),
        };
        link(words[0], message)
    }

    fn subscribe(&mut self, words: &[&str]) -> Input {
        let framework_info = framework_info(words);
        let id = framework_info.id.clone();
        let subscribe = v1::scheduler::call::Subscribe {
            framework_info,
            suppressed_roles: list(words, "suppressed="),
            offer_constraints: None,
        };
        let call = v1::scheduler::Call {
            framework_id: id,
            r#type: Some(v1::scheduler::call::Type::Subscribe as i32),
            subscribe: Some(subscribe),
            ..v1::scheduler::Call::default()
        };
        self.call(&words[1..], &call)
    }

    fn agent_info(&self, number: &str, resources: &str, with_id: bool) -> v1::AgentInfo {
        let resources = Resources::parse(resources, "*").unwrap();
        let id = format!("{}-S{number}", self.printer.master);
        v1::AgentInfo {
            hostname: format!("host{number}"),
            port: Some(5051),
            resources: resources.to_protos_pre_refinement(),
            id: with_id.then_some(v1::AgentId { value: id }),
            ..v1::AgentInfo::default()
        }
    }

    fn register(&self, words: &[&str]) -> Input {
        let version = words.iter().find_map(|word| word.strip_prefix("version=")).unwrap_or("1.11.0");
        let message = internal::RegisterSlaveMessage {
            slave: self.agent_info(words[0], words[1], false),
            version: Some(version.to_owned()),
            agent_capabilities: capabilities(words),
            resource_version_uuid: resource_version(words),
            ..internal::RegisterSlaveMessage::default()
        };
        link(words[0], message)
    }

    fn reregister(&self, words: &[&str], body: &str) -> Input {
        let id = words.iter().find_map(|word| word.strip_prefix("id=")).unwrap_or(words[0]);
        let mut message = internal::ReregisterSlaveMessage {
            slave: self.agent_info(id, words[1], true),
            version: Some("1.11.0".to_owned()),
            agent_capabilities: capabilities(words),
            resource_version_uuid: resource_version(words),
            ..internal::ReregisterSlaveMessage::default()
        };
        for line in body.lines() {
            let (kind, json) = line.split_once(' ').unwrap();
            match kind {
                "framework" => message.frameworks.push(read(json)),
                "task" => message.tasks.push(read(json)),
                "resource" => message.checkpointed_resources.push(read(json)),
                "executor" => message.executor_infos.push(Raw::from(read::<v1::ExecutorInfo>(json))),
                other => panic!("an agent brings no {other}"),
            }
        }
        link(words[0], message)
    }

    fn status(&self, words: &[&str]) -> Input {
        let [agent, framework, task, _] = words[..4] else { panic!("status N FRAMEWORK TASK STATE") };
        let state = |name: &str| v1::TaskState::from_str_name(name).unwrap() as i32;
        let value = |key: &str| words.iter().find_map(|word| word.strip_prefix(key));
        let uuid = uuid(value("uuid=").map_or(1, |byte| byte.parse().unwrap()));
        let update = internal::StatusUpdate {
            framework_id: v1::FrameworkId { value: framework.to_owned() },
            slave_id: Some(v1::AgentId { value: format!("{}-S{agent}", self.printer.master) }),
            status: v1::TaskStatus {
                task_id: v1::TaskId { value: task.to_owned() },
                state: state(words[3]),
                source: Some(v1::task_status::Source::Executor as i32),
                uuid: Some(uuid.clone()),
                ..v1::TaskStatus::default()
            },
            timestamp: 1.0,
            uuid: Some(uuid),
            latest_state: value("latest=").map(state),
            ..internal::StatusUpdate::default()
        };
        link(agent, internal::StatusUpdateMessage { update, pid: Some(pid(agent).to_string()) })
    }

    /// Lets time pass, with a tick at each deadline.
    fn advance(&mut self, by: Duration) -> String {
        let end = self.now + by;
        let mut effects = String::new();
        loop {
            let deadline = self.master.next_deadline().map(|at| Duration::from_nanos(at.as_nanos()));
            match deadline.filter(|deadline| *deadline <= end) {
                Some(deadline) => self.now = deadline.max(self.now),
                None => break,
            }
            effects.push_str(&self.step(Input::Tick));
        }
        self.now = end;
        effects
    }

    fn step(&mut self, input: Input) -> String {
        let mut effects = Effects::default();
        self.master.step(now(self.now), input, &mut effects);
        self.master.check();
        let mut text = String::new();
        for effect in &effects.effects {
            if let Effect::Respond { response: Response::Subscribed { stream_id, .. }, .. } = effect {
                self.stream_ids.push(stream_id.clone());
            }
            text.push_str(&self.printer.effect(effect));
        }
        for change in &effects.changes {
            let counted = matches!(change, Change::Counted(_));
            if if counted { self.show_counters } else { self.show_changes } {
                text.push_str(&self.printer.change(change));
            }
        }
        for effect in effects.effects {
            let Effect::Store { id, .. } = effect else { continue };
            if self.hold_stores {
                self.stores.push(id);
            } else {
                text.push_str(&self.step(Input::Stored(id)));
            }
        }
        text
    }
}

fn config() -> Config {
    Config {
        hostname: "master.example".to_owned(),
        root_submissions: false,
        rate_limits: rate_limits(),
        ..Config::new("master@10.0.0.254:5050".parse().unwrap())
    }
}

/// What the scripts of rate limits count on; others have no framework with such principals.
fn rate_limits() -> RateLimits {
    let limit =
        |principal: &str, qps, capacity| v1::RateLimit { principal: principal.to_owned(), qps, capacity };
    let limits = vec![limit("limited", Some(1.0), Some(2)), limit("named", None, None)];
    RateLimits::from_proto(&v1::RateLimits { limits, ..v1::RateLimits::default() }).unwrap()
}

fn now(since: Duration) -> Now {
    let nanos = u64::try_from(since.as_nanos()).unwrap();
    Now { time: Time::from_nanos(nanos), wall: WallTime::from_nanos(i64::try_from(nanos).unwrap()) }
}

fn pid(agent: &str) -> Upid {
    let host = agent.parse::<u8>().unwrap() + 1;
    format!("slave(1)@10.0.0.{host}:5051").parse().unwrap()
}

fn value(words: &[&str], key: &str) -> Option<String> {
    words.iter().find_map(|word| word.strip_prefix(key)).map(str::to_owned)
}

fn list(words: &[&str], key: &str) -> Vec<String> {
    value(words, key).map(|list| list.split(',').map(str::to_owned).collect()).unwrap_or_default()
}

/// The framework that SUBSCRIBE's keys describe.
fn framework_info(words: &[&str]) -> v1::FrameworkInfo {
    use v1::framework_info::{Capability, capability::Type};
    #[expect(deprecated, reason = "frameworks without MULTI_ROLE still set `role`")]
    v1::FrameworkInfo {
        name: words[0].to_owned(),
        user: value(words, "user=").unwrap_or_else(|| "me".to_owned()),
        id: value(words, "id=").map(|value| v1::FrameworkId { value }),
        role: value(words, "role="),
        roles: list(words, "roles="),
        failover_timeout: value(words, "failover=").map(|seconds| seconds.parse().unwrap()),
        checkpoint: value(words, "checkpoint=").map(|checkpoint| checkpoint == "true"),
        principal: value(words, "claims="),
        capabilities: list(words, "capabilities=")
            .iter()
            .map(|name| Capability { r#type: Some(Type::from_str_name(name).unwrap() as i32) })
            .collect(),
        ..v1::FrameworkInfo::default()
    }
}

fn driver_subscribe(number: &str, words: &[&str]) -> Input {
    let framework_info = framework_info(words);
    let call = driver::Call {
        framework_id: framework_info.id.clone(),
        r#type: Some(driver::call::Type::Subscribe as i32),
        subscribe: Some(driver::call::Subscribe {
            framework_info,
            force: words.contains(&"force").then_some(true),
            suppressed_roles: list(words, "suppressed="),
            offer_constraints: None,
        }),
        ..driver::Call::default()
    };
    driver_link(number, call)
}

fn reader(name: &str) -> Reader {
    match name.strip_prefix("driver-") {
        Some(number) => Reader::Driver(driver_pid(number)),
        None => Reader::Stream(StreamId(name.parse().unwrap())),
    }
}

fn driver_pid(number: &str) -> Upid {
    format!("scheduler-{number}@10.0.1.{number}:9000").parse().unwrap()
}

fn driver_link(number: &str, message: impl Into<LinkMessage>) -> Input {
    Input::Link { from: driver_pid(number), to: "master".to_owned(), message: message.into() }
}

fn link(agent: &str, message: impl Into<LinkMessage>) -> Input {
    Input::Link { from: pid(agent), to: "master".to_owned(), message: message.into() }
}

/// A uuid of version 4 that is easy to recognize.
fn uuid(byte: u8) -> Vec<u8> {
    let mut uuid = vec![byte; 16];
    uuid[6] = 0x40;
    uuid
}

fn capabilities(words: &[&str]) -> Vec<Capability> {
    use capability::Type;
    if words.contains(&"old") {
        return Vec::new();
    }
    let mut known = vec![Type::MultiRole, Type::HierarchicalRole, Type::ReservationRefinement];
    if words.contains(&"new") {
        known.extend([
            Type::ResourceProvider,
            Type::ResizeVolume,
            Type::AgentOperationFeedback,
            Type::AgentDraining,
        ]);
    }
    known.into_iter().map(|kind| Capability { r#type: Some(kind as i32) }).collect()
}

fn resource_version(words: &[&str]) -> Option<v1::Uuid> {
    words.contains(&"new").then(|| v1::Uuid { value: vec![9; 16] })
}

fn read<T: MesosMessage>(json: &str) -> T {
    T::from_json(JsonDialect::V0, json.as_bytes()).unwrap()
}

fn message(name: &str, json: &str) -> LinkMessage {
    match name {
        "UnregisterSlave" => read::<internal::UnregisterSlaveMessage>(json).into(),
        "UpdateSlave" => read::<internal::UpdateSlaveMessage>(json).into(),
        "StatusUpdate" => read::<internal::StatusUpdateMessage>(json).into(),
        "ExitedExecutor" => read::<internal::ExitedExecutorMessage>(json).into(),
        "ExecutorToFramework" => read::<internal::ExecutorToFrameworkMessage>(json).into(),
        other => panic!("agents send no {other} here"),
    }
}

fn driver_message(name: &str, json: &str) -> LinkMessage {
    match name {
        "Call" => read::<driver::Call>(json).into(),
        "RegisterFramework" => read::<internal::RegisterFrameworkMessage>(json).into(),
        "ReregisterFramework" => read::<internal::ReregisterFrameworkMessage>(json).into(),
        "UnregisterFramework" => read::<internal::UnregisterFrameworkMessage>(json).into(),
        "DeactivateFramework" => read::<internal::DeactivateFrameworkMessage>(json).into(),
        "ResourceRequest" => read::<internal::ResourceRequestMessage>(json).into(),
        "LaunchTasks" => read::<internal::LaunchTasksMessage>(json).into(),
        "ReviveOffers" => read::<internal::ReviveOffersMessage>(json).into(),
        "KillTask" => read::<internal::KillTaskMessage>(json).into(),
        "StatusUpdateAcknowledgement" => read::<internal::StatusUpdateAcknowledgementMessage>(json).into(),
        "FrameworkToExecutor" => read::<internal::FrameworkToExecutorMessage>(json).into(),
        "ReconcileTasks" => read::<internal::ReconcileTasksMessage>(json).into(),
        "Authenticate" => read::<internal::AuthenticateMessage>(json).into(),
        other => panic!("drivers send no {other}"),
    }
}
