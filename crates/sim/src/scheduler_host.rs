//! A scheduler's connection to the master.

use std::sync::Arc;
use std::time::Duration;

use tepui_proto::v1::scheduler::event::Type;
use tepui_proto::v1::scheduler::{Call, Event as SchedulerEvent};
use tepui_types::{FrameworkId, Resource, Resources, Time};

use crate::cluster::Cluster;
use crate::queue::{Answer, Event};
use crate::scheduler::{Purpose, Stage, WAKE_INTERVAL};

/// After this time without an answer a subscription is tried again.
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(20);

impl Cluster {
    pub(crate) fn start_scheduler(&mut self, scheduler: usize) {
        if self.schedulers[scheduler].stage == Stage::Down {
            self.schedulers[scheduler].stage = Stage::Disconnected;
            self.subscribe(scheduler);
        }
    }

    /// The process is gone; what it knew is kept, as schedulers do.
    pub(crate) fn crash_scheduler(&mut self, scheduler: usize) {
        if self.schedulers[scheduler].stage != Stage::Gone {
            self.drop_session(scheduler, Stage::Down);
        }
    }

    pub(crate) fn stream_breaks(&mut self, scheduler: usize) {
        if matches!(self.schedulers[scheduler].stage, Stage::Connected(_)) {
            self.drop_session(scheduler, Stage::Disconnected);
        }
    }

    fn drop_session(&mut self, scheduler: usize, stage: Stage) {
        self.schedulers[scheduler].session += 1;
        self.schedulers[scheduler].reads_from = Time::ZERO;
        self.schedulers[scheduler].last_event = self.now;
        self.schedulers[scheduler].stage = stage;
        let mut streams = Vec::new();
        for (master, host) in self.masters.iter().enumerate() {
            let own = host.streams.iter().filter(|(_, owner)| owner.0 == scheduler);
            streams.extend(own.map(|(stream, _)| (master, *stream)));
        }
        for (master, stream) in streams {
            self.stream_gone(master, stream);
        }
    }

    /// It looks who leads.
    pub(crate) fn scheduler_detects(&mut self, scheduler: usize) {
        self.schedulers[scheduler].master = self.election.leader.map(|(master, _)| master);
    }

    fn subscribe(&mut self, scheduler: usize) {
        if self.schedulers[scheduler].master.is_none() || self.random.u8(..4) == 0 {
            self.scheduler_detects(scheduler);
        }
        if self.schedulers[scheduler].master.is_none() {
            return;
        }
        let call = self.schedulers[scheduler].subscribe(self.now);
        self.calls(scheduler, vec![call]);
    }

    /// Sends calls to the master, after those before them. Some are lost on the way.
    fn calls(&mut self, scheduler: usize, calls: Vec<Call>) {
        for call in calls {
            let delay = self.delay();
            let lost = self.at_war && self.random.u8(..) < 3;
            let from = &mut self.schedulers[scheduler];
            let at = from.last_call.max(self.now + delay);
            from.last_call = at;
            let stream_id = match &from.stage {
                Stage::Connected(stream_id) => Some(stream_id.clone()),
                Stage::Down | Stage::Disconnected | Stage::Subscribing { .. } | Stage::Gone => None,
            };
            let session = from.session;
            let Some(master) = from.master else { return };
            if lost {
                self.trace(format_args!("scheduler {scheduler}: {:?} is lost", call.r#type()));
                // Without an offer timeout an answer that is lost unnoticed keeps the offers for good.
                if self.settings.offer_timeout.is_none() {
                    self.stream_breaks(scheduler);
                    return;
                }
                continue;
            }
            self.queue.add(at, Event::Call { master, scheduler, session, stream_id, call: Box::new(call) });
        }
    }

    pub(crate) fn answer(&mut self, scheduler: usize, session: u64, answer: Answer) {
        let at = self.after_events(scheduler);
        self.queue.add(at, Event::Answer { scheduler, session, answer });
    }

    pub(crate) fn tell_scheduler(
        &mut self,
        scheduler: usize,
        session: u64,
        event: Option<Arc<SchedulerEvent>>,
    ) {
        let at = self.after_events(scheduler);
        self.queue.add(at, Event::Told { scheduler, session, event });
    }

    fn after_events(&mut self, scheduler: usize) -> tepui_types::Time {
        let delay = self.delay();
        let to = &mut self.schedulers[scheduler];
        to.last_event = to.last_event.max(self.now + delay).max(to.reads_from);
        to.last_event
    }

    pub(crate) fn scheduler_answer(&mut self, scheduler: usize, session: u64, answer: Answer) {
        let to = &mut self.schedulers[scheduler];
        if to.session != session {
            return;
        }
        if to.stage == Stage::Gone {
            // The master no longer knew its stream. It comes back to be torn down.
            if matches!(answer, Answer::Rejected(_)) {
                self.drop_session(scheduler, Stage::Disconnected);
            }
            return;
        }
        match answer {
            Answer::Subscribed(stream_id) => to.stage = Stage::Connected(stream_id),
            Answer::Rejected(message) => {
                self.trace(format_args!("scheduler {scheduler} is rejected: {message}"));
                self.schedulers[scheduler].master = None;
                self.drop_session(scheduler, Stage::Disconnected);
            }
        }
    }

    /// A scheduler hears from the master.
    pub(crate) fn scheduler_event(&mut self, scheduler: usize, session: u64, event: Option<&SchedulerEvent>) {
        let now = self.now;
        let to = &mut self.schedulers[scheduler];
        if to.session != session || to.stage == Stage::Gone {
            return;
        }
        let Some(event) = event else {
            self.drop_session(scheduler, Stage::Disconnected);
            return;
        };
        let calls = match event.r#type() {
            Type::Subscribed => {
                let calls = event.subscribed.as_ref().map(|it| to.subscribed(it)).unwrap_or_default();
                if matches!(to.habits.purpose, Purpose::Hoarder)
                    && let Some(id) = &to.id
                {
                    self.greedy.insert(id.clone());
                    for host in &mut self.masters {
                        host.books.fair.greedy(id.clone());
                    }
                }
                calls
            }
            Type::Offers => {
                let offers = event.offers.as_ref().map(|it| it.offers.as_slice()).unwrap_or_default();
                for offer in offers {
                    let free: Resources =
                        offer.resources.iter().filter_map(|it| Resource::from_proto(it).ok()).collect();
                    let agent = &offer.agent_id.value;
                    self.trace.line(now, format_args!("scheduler {scheduler} is offered {free} of {agent}"));
                }
                to.offers(now, &mut self.random, offers)
            }
            Type::Update => {
                let Some(update) = &event.update else { return };
                let framework = to.id.clone().unwrap_or_else(|| FrameworkId::new(""));
                let calls = to.update(now, &mut self.random, &update.status);
                self.invariants.received(&framework, &update.status);
                let state = tepui_types::task_state_name(update.status.state());
                let id = &update.status.task_id.value;
                self.trace.line(now, format_args!("scheduler {scheduler} hears that {id} is {state}"));
                calls
            }
            Type::Error => {
                self.drop_session(scheduler, Stage::Disconnected);
                return;
            }
            Type::UpdateOperationStatus => {
                let Some(update) = &event.update_operation_status else { return };
                let framework = to.id.clone().unwrap_or_else(|| FrameworkId::new(""));
                let calls = to.operation_status(now, &update.status);
                self.invariants.operations.received(&framework, &update.status);
                let id = update.status.operation_id.as_ref().map_or("", |id| &id.value);
                let state = update.status.state().as_str_name();
                self.trace.line(now, format_args!("scheduler {scheduler} hears that {id} is {state}"));
                calls
            }
            Type::InverseOffers => {
                let offers = event.inverse_offers.as_ref().map(|it| it.inverse_offers.as_slice());
                to.inverse_offers(&mut self.random, offers.unwrap_or_default())
            }
            Type::Rescind
            | Type::RescindInverseOffer
            | Type::Message
            | Type::Failure
            | Type::Heartbeat
            | Type::Unknown => Vec::new(),
        };
        self.calls(scheduler, calls);
    }

    pub(crate) fn scheduler_wakes(&mut self, scheduler: usize) {
        let pause = WAKE_INTERVAL.mul_f64(0.5 + self.random.f64());
        self.queue.add(self.now + pause, Event::SchedulerWakes { scheduler });
        match self.schedulers[scheduler].stage.clone() {
            Stage::Down | Stage::Gone => {}
            Stage::Disconnected => self.subscribe(scheduler),
            Stage::Subscribing { since } => {
                if self.now.saturating_duration_since(since) > SUBSCRIBE_TIMEOUT {
                    self.drop_session(scheduler, Stage::Disconnected);
                    self.subscribe(scheduler);
                }
            }
            Stage::Connected(_)
                if self.at_war
                    && self.schedulers[scheduler].habits.is_flapping
                    && self.random.u8(..4) == 0 =>
            {
                self.stream_breaks(scheduler);
            }
            Stage::Connected(stream_id) => {
                let at_war = self.at_war;
                let calls = self.schedulers[scheduler].look_after(self.now, &mut self.random, at_war);
                if self.schedulers[scheduler].stage == Stage::Gone {
                    // The last call still goes out on the old stream.
                    let session = self.schedulers[scheduler].session;
                    let at = self.schedulers[scheduler].last_call.max(self.now + self.delay());
                    for call in calls {
                        let (call, stream_id) = (Box::new(call), Some(stream_id.clone()));
                        let Some(master) = self.schedulers[scheduler].master else { return };
                        self.queue.add(at, Event::Call { master, scheduler, session, stream_id, call });
                    }
                    if let Some(id) = self.schedulers[scheduler].id.clone() {
                        self.invariants.torn_down(&id);
                    }
                } else {
                    self.calls(scheduler, calls);
                }
            }
        }
    }
}
