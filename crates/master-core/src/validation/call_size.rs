//! How much one call may ask for. Each of these things is answered, so a call of many small ones would make us say much
//! more than we were told.

use tepui_proto::v1::offer::Operation;
use tepui_proto::v1::scheduler::Call;

/// Operations in one ACCEPT. Mesos' own load tests use fewer.
const MAX_OPERATIONS: usize = 10_000;

/// Tasks that one call launches or reconciles: their statuses must not exceed what may wait for one scheduler.
const MAX_TASKS: usize = 100_000;

/// Offers that one call names.
const MAX_OFFERS: usize = 100_000;

/// Roles that one call names.
const MAX_ROLES: usize = 10_000;

/// Checks that a call does not ask for too much at once.
pub(crate) fn validate(call: &Call) -> Result<(), String> {
    if let Some(accept) = &call.accept {
        at_most("operations", accept.operations.len(), MAX_OPERATIONS)?;
        at_most("tasks", accept.operations.iter().map(tasks).sum(), MAX_TASKS)?;
        at_most("offer ids", accept.offer_ids.len(), MAX_OFFERS)?;
    }
    if let Some(decline) = &call.decline {
        at_most("offer ids", decline.offer_ids.len(), MAX_OFFERS)?;
    }
    if let Some(accept) = &call.accept_inverse_offers {
        at_most("inverse offer ids", accept.inverse_offer_ids.len(), MAX_OFFERS)?;
    }
    if let Some(decline) = &call.decline_inverse_offers {
        at_most("inverse offer ids", decline.inverse_offer_ids.len(), MAX_OFFERS)?;
    }
    if let Some(reconcile) = &call.reconcile {
        at_most("tasks", reconcile.tasks.len(), MAX_TASKS)?;
    }
    if let Some(reconcile) = &call.reconcile_operations {
        at_most("operations", reconcile.operations.len(), MAX_TASKS)?;
    }
    if let Some(subscribe) = &call.subscribe {
        at_most("roles", subscribe.framework_info.roles.len(), MAX_ROLES)?;
        at_most("suppressed roles", subscribe.suppressed_roles.len(), MAX_ROLES)?;
    }
    if let Some(update) = &call.update_framework {
        at_most("roles", update.framework_info.roles.len(), MAX_ROLES)?;
        at_most("suppressed roles", update.suppressed_roles.len(), MAX_ROLES)?;
    }
    Ok(())
}

fn tasks(operation: &Operation) -> usize {
    let launched = operation.launch.as_ref().map_or(0, |launch| launch.task_infos.len());
    launched + operation.launch_group.as_ref().map_or(0, |launch| launch.task_group.tasks.len())
}

fn at_most(what: &str, count: usize, limit: usize) -> Result<(), String> {
    if count <= limit {
        return Ok(());
    }
    Err(format!("Too many {what} in one call: {count}; the limit is {limit}"))
}

#[cfg(test)]
mod tests {
    use tepui_proto::v1::scheduler::call;

    use super::*;

    fn check(call: &Call, refusal: &str) {
        assert_eq!(validate(call), Err(refusal.to_owned()));
    }

    #[test]
    fn too_much_is_refused_with_the_number() {
        let accept = |operations| Call {
            accept: Some(call::Accept { operations, ..Default::default() }),
            ..Call::default()
        };
        assert_eq!(validate(&accept(vec![Operation::default(); MAX_OPERATIONS])), Ok(()));
        check(
            &accept(vec![Operation::default(); MAX_OPERATIONS + 1]),
            "Too many operations in one call: 10001; the limit is 10000",
        );
        let reconcile = call::Reconcile { tasks: vec![call::reconcile::Task::default(); MAX_TASKS + 1] };
        check(
            &Call { reconcile: Some(reconcile), ..Call::default() },
            "Too many tasks in one call: 100001; the limit is 100000",
        );
    }
}
