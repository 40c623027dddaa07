//! One framework as a state machine: events and time in, calls out; and its ledger.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::calls::Calls;
use super::event::{Event, Offer, Update, decode};
use super::ledger::{Entry, FleetResult};
use crate::board::{Board, count};
use crate::plan::Plan;

const TASK_STARTING: u64 = 0;
const TASK_RUNNING: u64 = 1;
const TASK_FINISHED: u64 = 2;
const TASK_STAGING: u64 = 6;

/// How often a framework that suppresses and revives does so.
const MOOD: u64 = 1_000_000_000;

/// What a framework does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    /// Launches so many tasks, then suppresses.
    Accept { tasks: usize, acknowledges: bool },
    /// Declines for ever.
    Decline,
    /// Suppresses and revives in turn.
    SuppressAndRevive,
    /// Subscribes and reads nothing.
    ReadNothing,
}

/// See the module's header.
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub(super) struct Framework {
    index: usize,
    policy: Policy,
    plan: Arc<Plan>,
    board: Arc<Board>,
    is_json: bool,
    calls: Calls,
    /// What is to be written, by connection.
    pub(super) out: Vec<Vec<u8>>,
    next_connection: usize,
    subscribed: bool,
    /// Offers that wait for the clock, and since when.
    offers: VecDeque<(Offer, u64)>,
    suppressed: bool,
    next_mood: u64,
    ledger: Vec<Entry>,
    /// When each task should have been launched; 0 if its latency does not count.
    sent: Vec<u64>,
    /// When the clock began.
    clock_start: u64,
    has_reconciled: bool,
    result: FleetResult,
}

impl Framework {
    pub(super) fn new(index: usize, policy: Policy, plan: Arc<Plan>, board: Arc<Board>) -> Self {
        let is_json = plan.encoding == "json";
        Self {
            calls: Calls::new(is_json, &plan),
            index,
            policy,
            is_json,
            out: vec![Vec::new(); plan.call_connections.max(1)],
            next_connection: 0,
            subscribed: false,
            offers: VecDeque::new(),
            suppressed: false,
            next_mood: 0,
            ledger: Vec::new(),
            sent: Vec::new(),
            clock_start: 0,
            has_reconciled: false,
            result: FleetResult::default(),
            plan,
            board,
        }
    }

    pub(super) fn subscribe(&mut self) -> Vec<u8> {
        self.calls.subscribe(self.index, self.index % self.plan.roles.max(1))
    }

    /// Another master leads, which knows nothing of offers and calls.
    pub(super) fn change_master(&mut self) {
        self.subscribed = false;
        self.offers.clear();
        self.out.iter_mut().for_each(Vec::clear);
        self.calls.set_stream_id(b"");
    }

    pub(super) fn set_stream_id(&mut self, id: &[u8]) {
        self.calls.set_stream_id(id);
    }

    pub(super) fn has_clock(&self) -> bool {
        self.plan.rate > 0.0
    }

    /// How many calls may be unanswered on a connection, if not any number.
    pub(super) fn calls_in_flight(&self) -> Option<usize> {
        (self.plan.calls_in_flight > 0).then_some(self.plan.calls_in_flight)
    }

    /// What the framework saw until now.
    pub(super) fn result(&mut self) -> FleetResult {
        for (number, entry) in self.ledger.iter().enumerate() {
            if !matches!(entry, Entry::Terminal(_)) {
                let text = format!("task {} of framework {} is {entry:?} in the end", number, self.index);
                self.result.violation(text);
            }
        }
        self.result.launched = self.ledger.len();
        std::mem::take(&mut self.result)
    }

    pub(super) fn refused(&mut self, status: u16, text: &str) {
        self.result.violation(format!("a call was answered by {status}: {text}"));
    }

    fn tasks(&self) -> usize {
        match self.policy {
            Policy::Accept { tasks, .. } => tasks,
            Policy::Decline | Policy::SuppressAndRevive | Policy::ReadNothing => 0,
        }
    }

    fn write(&mut self, write: impl FnOnce(&mut Calls, &mut Vec<u8>)) {
        self.next_connection = (self.next_connection + 1) % self.out.len();
        write(&mut self.calls, &mut self.out[self.next_connection]);
    }

    pub(super) fn tick(&mut self) {
        if !self.subscribed {
            return;
        }
        let now = self.board.now();
        if self.policy == Policy::SuppressAndRevive && now >= self.next_mood {
            self.next_mood = now + MOOD;
            self.suppressed = !self.suppressed;
            let suppressed = self.suppressed;
            self.write(|calls, out| if suppressed { calls.suppress(out) } else { calls.revive(out) });
        }
        if self.index == 0 && !self.has_reconciled && self.board.wants_reconcile.load(Ordering::Relaxed) {
            self.has_reconciled = true;
            let tasks = self.plan.reconcile;
            self.write(|calls, out| calls.reconcile(out, tasks));
        }
        self.launch_on_time();
        if self.has_clock() && self.tasks() > 0 && self.is_over() {
            self.finish_launching();
        }
    }

    /// When the clock wants the next launch, if there is one and an offer for it.
    pub(super) fn next_due(&self) -> Option<u64> {
        let wants = self.has_clock() && !self.offers.is_empty() && self.ledger.len() < self.tasks();
        wants.then(|| self.due())
    }

    /// When the clock wants the launch that is next.
    fn due(&self) -> u64 {
        let pause = 1e9 * self.plan.frameworks as f64 / self.plan.rate;
        self.clock_start + (self.ledger.len() as f64 * pause) as u64
    }

    /// Launches what the clock says should have been launched by now. Latency counts from when it should have been, also
    /// when this load or the master's reading is late; but not from before there was an offer: how long an offer takes is
    /// measured by itself.
    pub(super) fn launch_on_time(&mut self) {
        let now = self.board.now();
        if !self.has_clock() || self.offers.is_empty() || self.ledger.len() >= self.tasks() {
            return;
        }
        if self.clock_start == 0 {
            self.clock_start = now;
        }
        while self.ledger.len() < self.tasks() {
            let due = self.due();
            if due > now {
                return;
            }
            let Some((offer, arrived)) = self.offers.pop_front() else { return };
            self.accept(&offer, due.max(arrived));
        }
    }

    /// All frameworks have launched all their tasks: who declines thousands of offers before that delays the others.
    fn is_over(&self) -> bool {
        self.board.launched.load(Ordering::Relaxed) >= self.plan.tasks
    }

    pub(super) fn event(&mut self, record: &[u8]) {
        match decode(record, self.is_json) {
            Event::Subscribed { framework } => {
                self.calls.set_framework(&framework);
                self.subscribed = true;
                count(&self.board.subscribed);
            }
            Event::Offers(offers) => self.take_offers(offers),
            Event::Rescind(id) => self.offers.retain(|(offer, _)| offer.id != id),
            Event::Update(update) => self.update(&update),
            Event::Failed(text) => self.result.violation(format!("ERROR event: {text}")),
            Event::Other => {}
        }
    }

    fn take_offers(&mut self, offers: Vec<Offer>) {
        let now = self.board.now();
        self.board.offers.fetch_add(offers.len(), Ordering::Relaxed);
        let mut unwanted = Vec::new();
        for offer in offers {
            let Some(agent) = offer.agent_number else {
                unwanted.push(offer.id);
                continue;
            };
            if let Some(freed) = self.board.freed.get(agent) {
                let freed = freed.swap(0, Ordering::Relaxed);
                if freed != 0 && self.board.is_warm() {
                    self.result.turnaround.saturating_record(now.saturating_sub(freed));
                }
            }
            if self.ledger.len() >= self.tasks() || offer.cpus < 1.0 {
                unwanted.push(offer.id);
            } else if self.has_clock() {
                self.offers.push_back((offer, now));
            } else {
                self.accept(&offer, now);
                if self.ledger.len() == self.tasks() {
                    self.finish_launching();
                }
            }
        }
        if !unwanted.is_empty() {
            self.write(|calls, out| calls.decline(out, &unwanted));
        }
    }

    fn accept(&mut self, offer: &Offer, due: u64) {
        let first = self.ledger.len();
        // Whole tasks that fit; an offer has at most some thousand CPUs.
        let count = (offer.cpus as usize).min(self.plan.tasks_per_accept.max(1)).min(self.tasks() - first);
        self.ledger.resize(first + count, Entry::Launched);
        self.sent.resize(first + count, if self.board.is_warm() { due } else { 0 });
        self.board.launched.fetch_add(count, Ordering::Relaxed);
        let index = self.index;
        let tasks = (first..first + count).map(move |number| format!("t{index:04}-{number:08}"));
        self.write(|calls, out| calls.accept(out, offer, tasks));
    }

    /// There is nothing more to launch: offers are for others.
    fn finish_launching(&mut self) {
        if !std::mem::replace(&mut self.suppressed, true) {
            self.write(Calls::suppress);
        }
        let unwanted: Vec<Vec<u8>> = self.offers.drain(..).map(|(offer, _)| offer.id).collect();
        if !unwanted.is_empty() {
            self.write(|calls, out| calls.decline(out, &unwanted));
        }
    }

    fn update(&mut self, update: &Update) {
        if self.acknowledges() && !update.uuid.is_empty() {
            self.write(|calls, out| calls.acknowledge(out, update));
        }
        let number = std::str::from_utf8(&update.task)
            .ok()
            .and_then(|id| id.strip_prefix('t')?.split_once('-')?.1.parse::<usize>().ok());
        let Some(entry) = number.and_then(|number| self.ledger.get_mut(number)) else {
            if update.task.starts_with(b"task ") {
                count(&self.board.reconciled);
            } else {
                let text = format!("update of an unknown task: {update:?}");
                self.result.violation(text);
            }
            return;
        };
        let sent = number.map_or(0, |number| self.sent[number]);
        let now = self.board.now();
        let was_early = match (update.state, *entry) {
            (TASK_STAGING | TASK_STARTING, _) => return,
            (TASK_RUNNING, Entry::Launched) => {
                *entry = Entry::Running;
                count(&self.board.seen_running);
                if sent != 0 {
                    self.result.launch.saturating_record(now.saturating_sub(sent));
                }
                return;
            }
            (state, Entry::Running) if state != TASK_RUNNING => false,
            (state, Entry::Launched) => state == TASK_FINISHED,
            (TASK_RUNNING, Entry::Running | Entry::Terminal(_)) => {
                self.result.repeated += 1;
                return;
            }
            (state, Entry::Terminal(before)) => {
                self.result.repeated += 1;
                if before != state {
                    let text = format!("a second end after {before}: {update:?}");
                    self.result.violation(text);
                }
                return;
            }
            (_, Entry::Running) => return,
        };
        *entry = Entry::Terminal(update.state);
        count(&self.board.seen_terminal);
        self.result.finished += usize::from(update.state == TASK_FINISHED);
        if was_early || update.state != TASK_FINISHED {
            let text =
                format!("a task ended badly: {update:?}, {}", String::from_utf8_lossy(&update.message));
            self.result.violation(text);
        }
    }

    fn acknowledges(&self) -> bool {
        !matches!(self.policy, Policy::Accept { acknowledges: false, .. })
    }
}
