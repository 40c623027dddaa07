//! What schedulers say.

use tepui_master_core::Input;
use tepui_proto::v1;
use tepui_proto::v1::offer::{Operation, operation};
use tepui_proto::v1::scheduler::call::{self, Type};
use tepui_types::Resources;

use super::{World, task};
use crate::grammar;
use crate::source::Source;

const ROLES: &[&str] = &["role", "role/sub", "*", "other"];

impl World {
    pub(super) fn subscribe(&mut self, source: &mut Source<'_>) -> Input {
        let id = source.once_in(3).then(|| self.framework(source));
        let mut info = v1::FrameworkInfo {
            id: id.clone(),
            name: "framework".to_owned(),
            user: if source.once_in(8) { "root" } else { "user" }.to_owned(),
            roles: vec![source.pick(ROLES).unwrap_or("role").to_owned()],
            failover_timeout: source.once_in(2).then(|| f64::from(source.byte())),
            ..task::multi_role()
        };
        let byte = source.byte();
        info.checkpoint = Some(byte % 2 == 1);
        info.principal = (byte / 2 % 8 == 7).then(|| "principal".to_owned());
        let offer_constraints = (byte / 16 % 4 == 3).then(|| constraints(source));
        let subscribe =
            call::Subscribe { framework_info: info, offer_constraints, ..call::Subscribe::default() };
        let call = v1::scheduler::Call {
            framework_id: id,
            r#type: Some(Type::Subscribe.into()),
            subscribe: Some(subscribe),
            ..v1::scheduler::Call::default()
        };
        let call = grammar::embellished(source, call, &self.known);
        self.scheduler_call(source, call)
    }

    pub(super) fn call(&mut self, source: &mut Source<'_>) -> Option<Input> {
        let framework_id = Some(self.framework(source));
        let call = |kind: Type| v1::scheduler::Call {
            framework_id: framework_id.clone(),
            r#type: Some(kind.into()),
            ..v1::scheduler::Call::default()
        };
        let agent_id = self.agent(source);
        let task_id = task::id(source);
        let roles = roles(source);
        let call = match source.below(12) {
            0 => v1::scheduler::Call { revive: Some(call::Revive { roles }), ..call(Type::Revive) },
            1 => v1::scheduler::Call { suppress: Some(call::Suppress { roles }), ..call(Type::Suppress) },
            2 => {
                let kill = call::Kill { task_id, agent_id, kill_policy: None };
                v1::scheduler::Call { kill: Some(kill), ..call(Type::Kill) }
            }
            3 => {
                let executor_id = v1::ExecutorId { value: "e0".to_owned() };
                let shutdown = call::Shutdown { executor_id, agent_id: agent_id? };
                v1::scheduler::Call { shutdown: Some(shutdown), ..call(Type::Shutdown) }
            }
            4 | 5 => {
                let status = self.updates.get(source.below(self.updates.len()))?;
                let acknowledge = call::Acknowledge {
                    agent_id: status.agent_id.clone()?,
                    task_id: status.task_id.clone(),
                    uuid: status.uuid.clone()?,
                };
                v1::scheduler::Call { acknowledge: Some(acknowledge), ..call(Type::Acknowledge) }
            }
            6 => {
                let task = call::reconcile::Task { task_id, agent_id };
                let tasks = if source.once_in(2) { vec![task] } else { Vec::new() };
                v1::scheduler::Call { reconcile: Some(call::Reconcile { tasks }), ..call(Type::Reconcile) }
            }
            7 => {
                let offer_ids = self.take_offer(source).map(|offer| offer.id).into_iter().collect();
                let decline = call::Decline { offer_ids, filters: filters(source) };
                v1::scheduler::Call { decline: Some(decline), ..call(Type::Decline) }
            }
            8 => {
                let executor_id = v1::ExecutorId { value: "e0".to_owned() };
                let message = call::Message { agent_id: agent_id?, executor_id, data: vec![1] };
                v1::scheduler::Call { message: Some(message), ..call(Type::Message) }
            }
            9 => call(Type::Request),
            10 => {
                let framework_info = v1::FrameworkInfo {
                    id: framework_id.clone(),
                    name: "framework".to_owned(),
                    user: "user".to_owned(),
                    roles: vec![source.pick(ROLES).unwrap_or("role").to_owned()],
                    ..task::multi_role()
                };
                let update = call::UpdateFramework { framework_info, ..call::UpdateFramework::default() };
                v1::scheduler::Call { update_framework: Some(update), ..call(Type::UpdateFramework) }
            }
            _ if source.byte() > 200 => call(Type::Teardown),
            _ => call(Type::Revive),
        };
        let call = grammar::embellished(source, call, &self.known);
        Some(self.scheduler_call(source, call))
    }

    /// An ACCEPT of an offer that was made, by the framework that it was made to.
    pub(super) fn accept(&mut self, source: &mut Source<'_>) -> Option<Input> {
        let offer = self.take_offer(source)?;
        let mut offer_ids = vec![offer.id.clone()];
        if source.once_in(4) {
            offer_ids.extend(self.take_offer(source).map(|offer| offer.id));
        }
        let operations = (0..=source.below(3)).map(|_| operation(source, &offer)).collect();
        let accept = call::Accept { offer_ids, operations, filters: filters(source) };
        let call = v1::scheduler::Call {
            framework_id: Some(offer.framework_id.clone()),
            r#type: Some(Type::Accept.into()),
            accept: Some(accept),
            ..v1::scheduler::Call::default()
        };
        let call = grammar::embellished(source, call, &self.known);
        Some(self.scheduler_call(source, call))
    }

    /// The answer to an inverse offer that was made, or is just claimed.
    pub(super) fn answer_inverse_offer(&mut self, source: &mut Source<'_>) -> Option<Input> {
        let at = source.below(self.inverse_offers.len());
        let offer = self.inverse_offers.get(at)?;
        let framework_id = Some(offer.framework_id.clone());
        let mut inverse_offer_ids = vec![offer.id.clone()];
        if source.once_in(4) {
            inverse_offer_ids.extend(self.offers.front().map(|offer| offer.id.clone()));
        }
        let filters = filters(source);
        let call = if source.once_in(2) {
            v1::scheduler::Call {
                framework_id,
                r#type: Some(Type::AcceptInverseOffers.into()),
                accept_inverse_offers: Some(call::AcceptInverseOffers { inverse_offer_ids, filters }),
                ..v1::scheduler::Call::default()
            }
        } else {
            v1::scheduler::Call {
                framework_id,
                r#type: Some(Type::DeclineInverseOffers.into()),
                decline_inverse_offers: Some(call::DeclineInverseOffers { inverse_offer_ids, filters }),
                ..v1::scheduler::Call::default()
            }
        };
        let call = grammar::embellished(source, call, &self.known);
        Some(self.scheduler_call(source, call))
    }

    fn take_offer(&mut self, source: &mut Source<'_>) -> Option<v1::Offer> {
        let at = source.below(self.offers.len());
        if source.once_in(8) { self.offers.get(at).cloned() } else { self.offers.remove(at) }
    }
}

/// What offers must satisfy, for one of the roles.
fn constraints(source: &mut Source<'_>) -> v1::scheduler::OfferConstraints {
    use v1::scheduler::attribute_constraint::{Predicate, Selector, predicate, selector};
    use v1::scheduler::offer_constraints::{RoleConstraints, role_constraints::Group};
    use v1::scheduler::{AttributeConstraint, OfferConstraints};
    const PATTERNS: &[&str] =
        &["a.*", "", "(", "(a|b)*c", "a{1000}", "(?i)host[0-3]", "\\pL+", "[^a-z]$", "((a{9}){9}){9}", "\\C"];
    let mut constraint = || {
        let name = source.pick(&["rack", "", "é"]).unwrap_or("rack").to_owned();
        let pseudo = source.pick(&[1, 2, 3, 0, 9]).unwrap_or(1);
        let kind = if source.once_in(2) {
            selector::Selector::PseudoattributeType(pseudo)
        } else {
            selector::Selector::AttributeName(name)
        };
        let value = source.pick(&["r1", "", "host0"]).unwrap_or("r1").to_owned();
        let regex = source.pick(PATTERNS).unwrap_or("a.*").to_owned();
        let predicate = match source.below(7) {
            0 => predicate::Predicate::Exists(predicate::Exists {}),
            1 => predicate::Predicate::NotExists(predicate::NotExists {}),
            2 => predicate::Predicate::TextEquals(predicate::TextEquals { value }),
            3 => predicate::Predicate::TextNotEquals(predicate::TextNotEquals { value }),
            4 => predicate::Predicate::TextMatches(predicate::TextMatches { regex }),
            5 => predicate::Predicate::TextNotMatches(predicate::TextNotMatches { regex }),
            _ => return AttributeConstraint::default(),
        };
        AttributeConstraint {
            selector: Selector { selector: Some(kind) },
            predicate: Predicate { predicate: Some(predicate) },
        }
    };
    let attribute_constraints = vec![constraint(), constraint()];
    let role = source.pick(ROLES).unwrap_or("role").to_owned();
    let groups = if source.once_in(8) { Vec::new() } else { vec![Group { attribute_constraints }] };
    OfferConstraints { role_constraints: [(role, RoleConstraints { groups })].into() }
}

/// One of the roles that frameworks have, or all.
fn roles(source: &mut Source<'_>) -> Vec<String> {
    if source.once_in(2) { vec![source.pick(ROLES).unwrap_or("role").to_owned()] } else { Vec::new() }
}

fn filters(source: &mut Source<'_>) -> Option<v1::Filters> {
    const SECONDS: &[f64] = &[0.0, 5.0, 1e9, -1.0, f64::NAN, f64::INFINITY, 1e300, f64::NEG_INFINITY];
    let refuse_seconds = source.pick(SECONDS);
    source.once_in(2).then_some(v1::Filters { refuse_seconds })
}

fn operation(source: &mut Source<'_>, offer: &v1::Offer) -> Operation {
    let choice = source.byte();
    if choice >= super::RARE {
        return disk(source, offer, choice % 4);
    }
    let kind = usize::from(choice % 8);
    let id = source.once_in(4).then(|| v1::OperationId { value: format!("op{}", source.byte() % 2) });
    let made = |kind: operation::Type| Operation {
        r#type: Some(kind.into()),
        id: id.clone(),
        ..Operation::default()
    };
    match kind {
        0..=3 => {
            let task_infos = (0..=source.below(2)).map(|_| task::info(source, offer).into()).collect();
            Operation { launch: Some(operation::Launch { task_infos }), ..made(operation::Type::Launch) }
        }
        4 => {
            let role = offer.allocation_info.as_ref().and_then(|info| info.role.clone()).unwrap_or_default();
            let command = v1::CommandInfo { value: Some("true".to_owned()), ..v1::CommandInfo::default() };
            let mut executor = task::executor(source, &role, command).into_inner();
            executor.framework_id = Some(offer.framework_id.clone());
            let mut task = task::info(source, offer);
            (task.executor, task.command) = (None, None);
            let launch_group = operation::LaunchGroup {
                executor: executor.into(),
                task_group: v1::TaskGroupInfo { tasks: vec![task.into()] },
            };
            Operation { launch_group: Some(launch_group), ..made(operation::Type::LaunchGroup) }
        }
        _ => reservation(source, offer, kind),
    }
}

/// Resizes a volume, or makes and destroys a disk, which only resource providers have.
fn disk(source: &mut Source<'_>, offer: &v1::Offer, kind: u8) -> Operation {
    const SIZES: &[f64] = &[1.0, 10.0, 0.0, -1.0, 1e18, f64::NAN];
    let disks = || offer.resources.iter().filter(|resource| resource.name == "disk");
    let found = disks().nth(source.below(disks().count())).or(offer.resources.first());
    let resource = found.cloned().unwrap_or_default();
    let other = disks().next_back().cloned().unwrap_or_default();
    let amount = v1::value::Scalar { value: source.pick(SIZES).unwrap_or(1.0) };
    let id = source.once_in(4).then(|| v1::OperationId { value: format!("op{}", source.byte() % 2) });
    let made = |kind: operation::Type| Operation { r#type: Some(kind.into()), id, ..Operation::default() };
    match kind {
        0 => {
            let grow = operation::GrowVolume { volume: resource, addition: other };
            Operation { grow_volume: Some(grow), ..made(operation::Type::GrowVolume) }
        }
        1 => {
            let shrink = operation::ShrinkVolume { volume: resource, subtract: amount };
            Operation { shrink_volume: Some(shrink), ..made(operation::Type::ShrinkVolume) }
        }
        2 => {
            let create = operation::CreateDisk { source: resource, ..operation::CreateDisk::default() };
            Operation { create_disk: Some(create), ..made(operation::Type::CreateDisk) }
        }
        _ => {
            let destroy = operation::DestroyDisk { source: resource };
            Operation { destroy_disk: Some(destroy), ..made(operation::Type::DestroyDisk) }
        }
    }
}

/// Reserves, unreserves, or makes and destroys a volume.
fn reservation(source: &mut Source<'_>, offer: &v1::Offer, kind: usize) -> Operation {
    use v1::resource::disk_info::Persistence;
    use v1::resource::reservation_info;
    let role = offer.allocation_info.as_ref().and_then(|info| info.role.clone()).unwrap_or_default();
    let text = source.pick(&["cpus:1", "disk:10", "mem:32", "cpus:0.1;mem:1"]).unwrap_or("cpus:1");
    let mut resources = Resources::parse(text, "*").expect("they are well-formed");
    resources.allocate(role.as_str());
    let mut resources = resources.to_protos();
    for resource in &mut resources {
        resource.reservations.push(v1::resource::ReservationInfo {
            r#type: Some(reservation_info::Type::Dynamic.into()),
            role: Some(role.clone()),
            ..v1::resource::ReservationInfo::default()
        });
        if kind == 7 {
            let persistence = Persistence { id: format!("v{}", source.byte() % 2), principal: None };
            let volume = v1::Volume {
                container_path: "path".to_owned(),
                mode: v1::volume::Mode::Rw.into(),
                ..v1::Volume::default()
            };
            let disk = v1::resource::DiskInfo {
                persistence: Some(persistence),
                volume: Some(volume),
                ..v1::resource::DiskInfo::default()
            };
            resource.disk = Some(Box::new(disk));
        }
    }
    let id = source.once_in(4).then(|| v1::OperationId { value: format!("op{}", source.byte() % 2) });
    let made = |kind: operation::Type| Operation {
        r#type: Some(kind.into()),
        id: id.clone(),
        ..Operation::default()
    };
    match (kind, source.once_in(2)) {
        (7, false) => {
            let create = operation::Create { volumes: resources };
            Operation { create: Some(create), ..made(operation::Type::Create) }
        }
        (7, true) => {
            let destroy = operation::Destroy { volumes: resources };
            Operation { destroy: Some(destroy), ..made(operation::Type::Destroy) }
        }
        (_, false) => {
            let reserve = operation::Reserve { resources, ..operation::Reserve::default() };
            Operation { reserve: Some(reserve), ..made(operation::Type::Reserve) }
        }
        (_, true) => {
            let unreserve = operation::Unreserve { resources };
            Operation { unreserve: Some(unreserve), ..made(operation::Type::Unreserve) }
        }
    }
}
