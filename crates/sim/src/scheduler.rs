//! A simulated scheduler: what it wants, what it believes, and what it calls.

mod keeper;
mod wrong;

use std::collections::BTreeMap;
use std::time::Duration;

use tepui_proto::v1;
use tepui_proto::v1::framework_info::{Capability, capability};
use tepui_proto::v1::scheduler::call::{self, Type};
use tepui_proto::v1::scheduler::{Call, event};
use tepui_types::{AgentId, FrameworkId, OperationId, Resource, Resources, TaskId, Time, is_terminal};

use crate::executor::run_time_data;
use keeper::OperationBelief;

/// A scheduler looks after its tasks in about this time.
pub(crate) const WAKE_INTERVAL: Duration = Duration::from_secs(10);

/// A task of which nothing was heard for so long is asked about.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it asks for offers at once, when it loses a task; else it does so when it wakes. REVIVE is answered at wire
/// speed, as Mesos does it: who revives upon each task that an agent refuses launches as fast as messages go.
const REVIVE_INTERVAL: Duration = Duration::from_secs(1);

/// What a scheduler is there for.
#[derive(Clone, Debug)]
pub(crate) enum Purpose {
    /// Tasks that end, so many of them.
    Batch(usize),
    /// Tasks that never end, so many at a time.
    Service(usize),
    /// Declines everything with zero seconds.
    Decliner,
    /// Keeps every offer that it gets, and does nothing with it. One that `suppresses` wants no more when it is no longer
    /// busy: who gives back an offer has the least share, and would get it again before those who need it.
    Hoarder,
    /// Reserves, makes volumes, and runs short tasks on them.
    Keeper,
    /// Gets everything wrong.
    Wrong,
}

/// How a scheduler goes about it.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each habit is there or not")]
pub(crate) struct Habits {
    pub(crate) purpose: Purpose,
    pub(crate) roles: Vec<String>,
    pub(crate) partition_aware: bool,
    pub(crate) reservation_refinement: bool,
    /// Runs its tasks in an executor of its own.
    pub(crate) custom_executor: bool,
    /// Suppresses offers while it needs none.
    pub(crate) suppresses: bool,
    /// Takes only what is big.
    pub(crate) is_picky: bool,
    /// Acknowledges updates when it wakes, or later.
    pub(crate) is_slow: bool,
    /// Drops its connection now and then.
    pub(crate) is_flapping: bool,
    pub(crate) principal: Option<String>,
    /// After this time it does nothing new.
    pub(crate) busy_until: Time,
    pub(crate) teardown: Option<Time>,
}

/// How a scheduler stands with the master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Down,
    /// Will try again when it wakes.
    Disconnected,
    Subscribing {
        since: Time,
    },
    /// With this `Mesos-Stream-Id`.
    Connected(String),
    /// Torn down.
    Gone,
}

/// A task as its scheduler believes it to be.
#[derive(Clone, Debug)]
pub(crate) struct Belief {
    pub(crate) agent: AgentId,
    pub(crate) state: v1::TaskState,
    /// When it was last heard of.
    heard: Time,
    /// It is one too many.
    kill: bool,
    /// Its agent said that it has ended, which is final whatever a master says later.
    is_over: bool,
}

/// A scheduler.
#[derive(Debug)]
pub(crate) struct Scheduler {
    pub(crate) name: String,
    pub(crate) habits: Habits,
    pub(crate) id: Option<FrameworkId>,
    /// The master that it talks to.
    pub(crate) master: Option<usize>,
    /// Each attempt to subscribe is a new session; what belongs to an earlier one is ignored.
    pub(crate) session: u64,
    pub(crate) stage: Stage,
    pub(crate) last_call: Time,
    pub(crate) last_event: Time,
    pub(crate) tasks: BTreeMap<TaskId, Belief>,
    pub(crate) finished: usize,
    /// The operations that have ids.
    pub(crate) operations: BTreeMap<OperationId, OperationBelief>,
    /// Acknowledgements that it has not sent yet, and when it will.
    late: Vec<(Time, Call)>,
    /// Until then it does not read its events.
    pub(crate) reads_from: Time,
    launched: usize,
    suppressed: bool,
    /// When it last asked for offers because of a task that it lost.
    revived: Time,
}

impl Scheduler {
    pub(crate) fn new(number: usize, habits: Habits) -> Self {
        Self {
            name: format!("f{number}"),
            habits,
            id: None,
            master: None,
            session: 0,
            stage: Stage::Down,
            last_call: Time::ZERO,
            last_event: Time::ZERO,
            tasks: BTreeMap::new(),
            finished: 0,
            operations: BTreeMap::new(),
            late: Vec::new(),
            reads_from: Time::ZERO,
            launched: 0,
            suppressed: false,
            revived: Time::ZERO,
        }
    }

    /// Its tasks that are neither over nor one too many.
    pub(crate) fn live(&self) -> usize {
        self.tasks.values().filter(|task| is_live(task.state) && !task.kill).count()
    }

    /// How many tasks it wants to launch.
    pub(crate) fn need(&self) -> usize {
        match self.habits.purpose {
            Purpose::Batch(count) => count.saturating_sub(self.finished + self.live()),
            Purpose::Service(count) => count.saturating_sub(self.live()),
            Purpose::Decliner | Purpose::Hoarder | Purpose::Keeper | Purpose::Wrong => 0,
        }
    }

    pub(crate) fn subscribe(&mut self, now: Time) -> Call {
        self.session += 1;
        self.stage = Stage::Subscribing { since: now };
        self.suppressed = false;
        let subscribe = call::Subscribe { framework_info: self.info(), ..call::Subscribe::default() };
        Call { subscribe: Some(subscribe), ..self.call(Type::Subscribe) }
    }

    #[expect(clippy::cast_precision_loss, reason = "a week is few seconds")]
    fn info(&self) -> v1::FrameworkInfo {
        let habits = &self.habits;
        let mut capabilities = vec![capability::Type::MultiRole];
        capabilities.extend(habits.partition_aware.then_some(capability::Type::PartitionAware));
        capabilities.extend(habits.reservation_refinement.then_some(capability::Type::ReservationRefinement));
        if matches!(habits.purpose, Purpose::Hoarder | Purpose::Keeper) {
            capabilities.push(capability::Type::SharedResources);
        }
        v1::FrameworkInfo {
            user: "root".to_owned(),
            name: self.name.clone(),
            id: self.id.as_ref().map(FrameworkId::to_proto),
            failover_timeout: Some(Duration::from_hours(24 * 7).as_secs() as f64),
            roles: habits.roles.clone(),
            principal: habits.principal.clone(),
            capabilities: capabilities
                .into_iter()
                .map(|kind| Capability { r#type: Some(kind.into()) })
                .collect(),
            ..v1::FrameworkInfo::default()
        }
    }

    fn call(&self, kind: Type) -> Call {
        Call {
            framework_id: self.id.as_ref().map(FrameworkId::to_proto),
            r#type: Some(kind.into()),
            ..Call::default()
        }
    }

    /// The stream is open: asks about all that it believes to run.
    pub(crate) fn subscribed(&mut self, event: &event::Subscribed) -> Vec<Call> {
        let id = FrameworkId::from(&event.framework_id);
        assert!(self.id.as_ref().is_none_or(|known| *known == id), "a framework keeps its id");
        self.id = Some(id);
        vec![self.reconcile(None), self.reconcile_live()]
    }

    fn reconcile_live(&self) -> Call {
        let live = self.tasks.iter().filter(|(_, task)| is_live(task.state));
        self.reconcile(Some(live.map(|(id, task)| (id, &task.agent)).collect()))
    }

    /// Asks about tasks; about all that the master knows, if none are named.
    fn reconcile(&self, tasks: Option<Vec<(&TaskId, &AgentId)>>) -> Call {
        let tasks = tasks.unwrap_or_default().into_iter();
        let tasks = tasks.map(|(id, agent)| call::reconcile::Task {
            task_id: id.to_proto(),
            agent_id: Some(agent.to_proto()),
        });
        Call { reconcile: Some(call::Reconcile { tasks: tasks.collect() }), ..self.call(Type::Reconcile) }
    }

    /// Launches what it needs and declines the rest.
    pub(crate) fn offers(
        &mut self,
        now: Time,
        random: &mut fastrand::Rng,
        offers: &[v1::Offer],
    ) -> Vec<Call> {
        match self.habits.purpose {
            Purpose::Hoarder => return Vec::new(),
            Purpose::Keeper if now < self.habits.busy_until => return self.keep(now, random, offers),
            Purpose::Wrong if now < self.habits.busy_until => return self.misuse(random, offers),
            Purpose::Batch(_)
            | Purpose::Service(_)
            | Purpose::Decliner
            | Purpose::Keeper
            | Purpose::Wrong => {}
        }
        let mut calls = Vec::new();
        let mut declined = Vec::new();
        for offer in offers {
            let tasks = self.fit(now, random, offer);
            if tasks.is_empty() {
                declined.push(offer.id.clone());
                continue;
            }
            let launch = v1::offer::operation::Launch {
                task_infos: tasks.into_iter().map(tepui_proto::Raw::from).collect(),
            };
            let operation = v1::offer::Operation {
                r#type: Some(v1::offer::operation::Type::Launch.into()),
                launch: Some(launch),
                ..v1::offer::Operation::default()
            };
            let filters = self.filters(random);
            let accept =
                call::Accept { offer_ids: vec![offer.id.clone()], operations: vec![operation], filters };
            calls.push(Call { accept: Some(accept), ..self.call(Type::Accept) });
        }
        if !declined.is_empty() {
            let decline = call::Decline { offer_ids: declined, filters: self.filters(random) };
            calls.push(Call { decline: Some(decline), ..self.call(Type::Decline) });
        }
        if self.habits.suppresses && self.need() == 0 && !self.suppressed {
            self.suppressed = true;
            calls.push(Call { suppress: Some(call::Suppress::default()), ..self.call(Type::Suppress) });
        }
        calls
    }

    /// Answers some of the questions whether it leaves an agent, and lets others go by. It stays all the same.
    pub(crate) fn inverse_offers(
        &mut self,
        random: &mut fastrand::Rng,
        inverse_offers: &[v1::InverseOffer],
    ) -> Vec<Call> {
        let mut calls = Vec::new();
        for offer in inverse_offers {
            let inverse_offer_ids = vec![offer.id.clone()];
            let filters = self.filters(random);
            calls.extend(match random.u8(..4) {
                0 => None,
                1 => {
                    let decline = call::DeclineInverseOffers { inverse_offer_ids, filters };
                    let kind = Type::DeclineInverseOffers;
                    Some(Call { decline_inverse_offers: Some(decline), ..self.call(kind) })
                }
                _ => {
                    let accept = call::AcceptInverseOffers { inverse_offer_ids, filters };
                    Some(Call { accept_inverse_offers: Some(accept), ..self.call(Type::AcceptInverseOffers) })
                }
            });
        }
        calls
    }

    /// Waits longer for what it does not need.
    fn filters(&self, random: &mut fastrand::Rng) -> Option<v1::Filters> {
        let refuse_seconds = match (&self.habits.purpose, random.u8(..4)) {
            (Purpose::Decliner, _) => 0.0,
            _ if self.need() == 0 => 30.0,
            (_, 0) => 0.0,
            (_, 1) => return None,
            (_, 2) => 0.5,
            _ => 20.0,
        };
        Some(v1::Filters { refuse_seconds: Some(refuse_seconds) })
    }

    /// Makes as many of the tasks that it needs as an offer holds.
    fn fit(&mut self, now: Time, random: &mut fastrand::Rng, offer: &v1::Offer) -> Vec<v1::TaskInfo> {
        let mut free: Resources =
            offer.resources.iter().filter_map(|resource| Resource::from_proto(resource).ok()).collect();
        free.unallocate();
        let size = Resources::parse("cpus:0.5;mem:32", "*").expect("the size is well-formed");
        let big = Resources::parse("cpus:2;mem:64", "*").expect("the size is well-formed");
        if self.habits.is_picky && !free.contains(&big) {
            return Vec::new();
        }
        let executor_size = Resources::parse("cpus:0.1;mem:32", "*").expect("the size is well-formed");
        let mut tasks = Vec::new();
        for _ in 0..self.need().min(3) {
            let all = if self.habits.custom_executor { &size + &executor_size } else { size.clone() };
            if !free.contains(&all) {
                break;
            }
            free -= all;
            let id = TaskId::new(self.next_name());
            self.believe(now, id.clone(), AgentId::from(&offer.agent_id));
            tasks.push(self.task(&id, offer, &size, &executor_size, random));
        }
        tasks
    }

    fn next_number(&mut self) -> usize {
        self.launched += 1;
        self.launched - 1
    }

    fn believe(&mut self, now: Time, id: TaskId, agent: AgentId) {
        let state = v1::TaskState::TaskStaging;
        self.tasks.insert(id, Belief { agent, state, heard: now, kill: false, is_over: false });
    }

    fn task(
        &self,
        id: &TaskId,
        offer: &v1::Offer,
        size: &Resources,
        executor_size: &Resources,
        random: &mut fastrand::Rng,
    ) -> v1::TaskInfo {
        let protos = |resources: &Resources| {
            if self.habits.reservation_refinement {
                resources.to_protos()
            } else {
                resources.to_protos_pre_refinement()
            }
        };
        let role = offer.allocation_info.as_ref().map_or("*", |info| info.role());
        let command = v1::CommandInfo { value: Some("run".to_owned()), ..v1::CommandInfo::default() };
        let ends = matches!(self.habits.purpose, Purpose::Batch(_));
        let mut task = v1::TaskInfo {
            name: id.to_string(),
            task_id: id.to_proto(),
            agent_id: offer.agent_id.clone(),
            resources: protos(size),
            data: ends.then(|| run_time_data(Duration::from_millis(random.u64(1..30_000)))),
            ..v1::TaskInfo::default()
        };
        if self.habits.custom_executor {
            let executor = v1::ExecutorInfo {
                // An executor's resources are of one role, so another role needs another executor.
                executor_id: v1::ExecutorId { value: format!("{}-{}", self.name, role.replace('/', "-")) },
                framework_id: self.id.as_ref().map(FrameworkId::to_proto),
                command: Some(command),
                resources: protos(executor_size),
                ..v1::ExecutorInfo::default()
            };
            task.executor = Some(executor.into());
        } else {
            task.command = Some(command);
        }
        task
    }

    /// Learns how a task is doing.
    pub(crate) fn update(
        &mut self,
        now: Time,
        random: &mut fastrand::Rng,
        status: &v1::TaskStatus,
    ) -> Vec<Call> {
        let mut calls = Vec::new();
        if let (Some(uuid), Some(agent_id)) = (&status.uuid, &status.agent_id) {
            let acknowledge = call::Acknowledge {
                agent_id: agent_id.clone(),
                task_id: status.task_id.clone(),
                uuid: uuid.clone(),
            };
            let call = Call { acknowledge: Some(acknowledge), ..self.call(Type::Acknowledge) };
            if self.habits.is_slow {
                self.late.push((now + Duration::from_secs(random.u64(0..30)), call));
            } else {
                calls.push(call);
            }
        }
        let id = TaskId::from(&status.task_id);
        let Some(task) = self.tasks.get_mut(&id) else { return calls };
        let state = status.state();
        task.heard = now;
        if task.is_over {
            return calls;
        }
        task.is_over = status.uuid.is_some() && is_terminal(state);
        if state == v1::TaskState::TaskFinished && task.state != state {
            self.finished += 1;
        }
        task.state = state;
        if is_live(state) && self.is_too_many() {
            self.tasks.entry(id.clone()).and_modify(|task| task.kill = true);
            calls.push(self.kill(&id));
        }
        let may_revive = now.saturating_duration_since(self.revived) >= REVIVE_INTERVAL;
        if self.need() > 0 && self.suppressed && may_revive {
            self.suppressed = false;
            self.revived = now;
            calls.push(Call { revive: Some(call::Revive::default()), ..self.call(Type::Revive) });
        }
        calls
    }

    fn is_too_many(&self) -> bool {
        matches!(self.habits.purpose, Purpose::Service(count) if self.live() > count)
    }

    fn kill(&self, id: &TaskId) -> Call {
        let agent_id = self.tasks.get(id).map(|task| task.agent.to_proto());
        let kill = call::Kill { task_id: id.to_proto(), agent_id, kill_policy: None };
        Call { kill: Some(kill), ..self.call(Type::Kill) }
    }

    /// Looks after its tasks.
    pub(crate) fn look_after(&mut self, now: Time, random: &mut fastrand::Rng, at_war: bool) -> Vec<Call> {
        if self.habits.teardown.is_some_and(|at| at <= now) {
            self.stage = Stage::Gone;
            return vec![self.call(Type::Teardown)];
        }
        let mut calls: Vec<Call> =
            self.late.extract_if(.., |(at, _)| *at <= now).map(|(_, call)| call).collect();
        calls.extend(self.ask_about_operations(now));
        if matches!(self.habits.purpose, Purpose::Hoarder)
            && self.habits.suppresses
            && !self.suppressed
            && now >= self.habits.busy_until
        {
            self.suppressed = true;
            calls.push(Call { suppress: Some(call::Suppress::default()), ..self.call(Type::Suppress) });
        }
        if matches!(self.habits.purpose, Purpose::Wrong) && now < self.habits.busy_until {
            calls.push(self.wrong_call(random));
        }
        if at_war
            && random.u8(..10) == 0
            && let Some((id, _)) = self.tasks.iter().find(|(_, task)| is_live(task.state) && !task.kill)
        {
            let id = id.clone();
            self.tasks.entry(id.clone()).and_modify(|task| task.kill = true);
            calls.push(self.kill(&id));
        }
        calls.extend(
            self.tasks
                .iter()
                .filter(|(_, task)| task.kill && is_live(task.state))
                .map(|(id, _)| self.kill(id)),
        );
        let unheard = |task: &Belief| {
            is_live(task.state)
                && now.saturating_duration_since(task.heard) > PATIENCE
                && (task.kill || task.state == v1::TaskState::TaskStaging || random.u8(..8) == 0)
        };
        let mut unheard = unheard;
        let asked: Vec<_> =
            self.tasks.iter().filter(|(_, task)| unheard(task)).map(|(id, task)| (id, &task.agent)).collect();
        if !asked.is_empty() {
            calls.push(self.reconcile(Some(asked)));
        }
        // After a failover of the master, agents bring tasks back that were given up, and nobody is told.
        if random.u8(..6) == 0 {
            calls.push(self.reconcile(None));
        }
        let keeps = matches!(self.habits.purpose, Purpose::Keeper)
            && now < self.habits.busy_until
            && random.u8(..4) == 0;
        if keeps || (self.need() > 0 && (self.suppressed || random.u8(..3) == 0)) {
            self.suppressed = false;
            calls.push(Call { revive: Some(call::Revive::default()), ..self.call(Type::Revive) });
        }
        calls
    }
}

/// Whether a scheduler counts on a task.
pub(crate) fn is_live(state: v1::TaskState) -> bool {
    !is_terminal(state) && !matches!(state, v1::TaskState::TaskUnreachable | v1::TaskState::TaskUnknown)
}
