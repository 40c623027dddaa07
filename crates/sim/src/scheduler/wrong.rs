//! A scheduler that gets everything wrong. None of it may hurt anybody else, or the master.

use tepui_proto::v1;
use tepui_proto::v1::offer::Operation;
use tepui_proto::v1::offer::operation::{Create, Destroy, Launch, Reserve, Type as OperationType, Unreserve};
use tepui_proto::v1::resource::ReservationInfo;
use tepui_proto::v1::resource::reservation_info::Type as ReservationType;
use tepui_proto::v1::scheduler::Call;
use tepui_proto::v1::scheduler::call::{self, Type};

use super::Scheduler;

impl Scheduler {
    /// Misuses some offers and declines the others, with filters that make no sense.
    pub(super) fn misuse(&mut self, random: &mut fastrand::Rng, offers: &[v1::Offer]) -> Vec<Call> {
        let mut calls = Vec::new();
        for offer in offers {
            let odd = [-1.0, 0.0, 1e300, f64::NAN, 5.0];
            let filters = Some(v1::Filters { refuse_seconds: Some(odd[random.usize(..odd.len())]) });
            let mut offer_ids = vec![offer.id.clone()];
            if random.u8(..4) == 0 {
                offer_ids.push(offer.id.clone());
            }
            if random.bool() {
                let operations =
                    (0..random.usize(1..4)).map(|_| self.wrong_operation(random, offer)).collect();
                let accept = Some(call::Accept { offer_ids, operations, filters });
                calls.push(Call { accept, ..self.call(Type::Accept) });
            } else {
                let decline = Some(call::Decline { offer_ids, filters });
                calls.push(Call { decline, ..self.call(Type::Decline) });
            }
        }
        calls
    }

    fn wrong_operation(&mut self, random: &mut fastrand::Rng, offer: &v1::Offer) -> Operation {
        let of = |kind: OperationType| Operation { r#type: Some(kind.into()), ..Operation::default() };
        let mut resources = offer.resources.clone();
        if random.bool() {
            // More than there is.
            for scalar in resources.iter_mut().filter_map(|resource| resource.scalar.as_mut()) {
                scalar.value *= 1000.0;
            }
        }
        match random.u8(..7) {
            0 => Operation { reserve: Some(foreign(resources)), ..of(OperationType::Reserve) },
            1 => Operation { unreserve: Some(Unreserve { resources }), ..of(OperationType::Unreserve) },
            2 => Operation { create: Some(Create { volumes: resources }), ..of(OperationType::Create) },
            3 => Operation { destroy: Some(Destroy { volumes: resources }), ..of(OperationType::Destroy) },
            4 => of(OperationType::CreateDisk),
            5 => Operation::default(),
            _ => {
                let task = self.wrong_task(random, offer);
                Operation {
                    launch: Some(Launch { task_infos: vec![task.into()] }),
                    ..of(OperationType::Launch)
                }
            }
        }
    }

    /// A task that no master may launch.
    fn wrong_task(&mut self, random: &mut fastrand::Rng, offer: &v1::Offer) -> v1::TaskInfo {
        let number = self.next_number();
        let mut task = v1::TaskInfo {
            name: "wrong".to_owned(),
            task_id: v1::TaskId { value: format!("{}-{number}", self.name) },
            agent_id: offer.agent_id.clone(),
            resources: offer.resources.clone(),
            command: Some(v1::CommandInfo { value: Some("run".to_owned()), ..v1::CommandInfo::default() }),
            ..v1::TaskInfo::default()
        };
        match random.u8(..5) {
            0 => "../../etc".clone_into(&mut task.task_id.value),
            1 => "nowhere".clone_into(&mut task.agent_id.value),
            2 => task.command = None,
            3 => task.resources.clear(),
            _ => {
                for scalar in task.resources.iter_mut().filter_map(|resource| resource.scalar.as_mut()) {
                    scalar.value = -1.0;
                }
            }
        }
        task
    }

    /// A call about things that are not there, or are not its own.
    pub(super) fn wrong_call(&self, random: &mut fastrand::Rng) -> Call {
        let agent_id = v1::AgentId { value: "nowhere".to_owned() };
        let task_id = v1::TaskId { value: "f0-0".to_owned() };
        let executor_id = v1::ExecutorId { value: "f0-a".to_owned() };
        let uuid = (0..16).map(|_| random.u8(..)).collect();
        match random.u8(..9) {
            0 => {
                let acknowledge = Some(call::Acknowledge { agent_id, task_id, uuid });
                Call { acknowledge, ..self.call(Type::Acknowledge) }
            }
            1 => {
                let kill = Some(call::Kill { task_id, agent_id: Some(agent_id), kill_policy: None });
                Call { kill, ..self.call(Type::Kill) }
            }
            2 => {
                let shutdown = Some(call::Shutdown { executor_id, agent_id });
                Call { shutdown, ..self.call(Type::Shutdown) }
            }
            3 => {
                let message = Some(call::Message { agent_id, executor_id, data: vec![0; 100] });
                Call { message, ..self.call(Type::Message) }
            }
            4 => {
                let suppress = Some(call::Suppress { roles: vec!["of/others".to_owned()] });
                Call { suppress, ..self.call(Type::Suppress) }
            }
            5 => self.call(Type::Accept),
            6 => {
                let offer_ids = vec![v1::OfferId { value: "nobody-O1".to_owned() }];
                let decline = Some(call::Decline { offer_ids, filters: None });
                Call { decline, ..self.call(Type::Decline) }
            }
            7 => {
                let tasks = vec![call::reconcile::Task { task_id, agent_id: Some(agent_id) }];
                Call { reconcile: Some(call::Reconcile { tasks }), ..self.call(Type::Reconcile) }
            }
            _ => {
                let mut framework_info = self.info();
                framework_info.roles.push("a//b".to_owned());
                let update_framework = Some(call::UpdateFramework { framework_info, ..Default::default() });
                Call { update_framework, ..self.call(Type::UpdateFramework) }
            }
        }
    }
}

/// A reservation to a role that is not the scheduler's.
fn foreign(mut resources: Vec<v1::Resource>) -> Reserve {
    for resource in &mut resources {
        resource.reservations.push(ReservationInfo {
            r#type: Some(ReservationType::Dynamic.into()),
            role: Some("of/others".to_owned()),
            ..ReservationInfo::default()
        });
    }
    Reserve { resources, ..Reserve::default() }
}
