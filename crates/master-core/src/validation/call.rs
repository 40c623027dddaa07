//! The shape of a scheduler's call.

use tepui_proto::v1::scheduler::Call;
use tepui_proto::v1::scheduler::call::Type;
use tepui_types::Uuid;

const BAD_UUID: &str = "Not a valid UUID";

/// Checks that what the call's type wants is there.
pub(crate) fn validate(call: &Call, principal: Option<&str>) -> Result<(), String> {
    let Some(kind) = call.r#type.and_then(|kind| Type::try_from(kind).ok()) else {
        return Err("Expecting 'type' to be present".to_owned());
    };
    if kind == Type::Subscribe {
        return validate_subscribe(call, principal);
    }
    let Some(framework_id) = &call.framework_id else { return Err(missing("framework_id")) };
    let present = |present: bool, name: &str| if present { Ok(()) } else { Err(missing(name)) };
    match kind {
        Type::Subscribe | Type::Teardown | Type::Revive | Type::Suppress | Type::Unknown => Ok(()),
        Type::Accept => present(call.accept.is_some(), "accept"),
        Type::Decline => present(call.decline.is_some(), "decline"),
        Type::AcceptInverseOffers => present(call.accept_inverse_offers.is_some(), "accept_inverse_offers"),
        Type::DeclineInverseOffers => {
            present(call.decline_inverse_offers.is_some(), "decline_inverse_offers")
        }
        Type::Kill => present(call.kill.is_some(), "kill"),
        Type::Shutdown => present(call.shutdown.is_some(), "shutdown"),
        Type::Reconcile => present(call.reconcile.is_some(), "reconcile"),
        Type::ReconcileOperations => present(call.reconcile_operations.is_some(), "reconcile_operations"),
        Type::Message => present(call.message.is_some(), "message"),
        Type::Request => present(call.request.is_some(), "request"),
        Type::Acknowledge => {
            let acknowledge = call.acknowledge.as_ref().ok_or_else(|| missing("acknowledge"))?;
            validate_uuid(&acknowledge.uuid)
        }
        Type::AcknowledgeOperationStatus => {
            let acknowledge = call.acknowledge_operation_status.as_ref();
            let acknowledge = acknowledge.ok_or_else(|| missing("acknowledge_operation_status"))?;
            validate_uuid(&acknowledge.uuid)?;
            present(acknowledge.agent_id.is_some(), "agent_id")
        }
        Type::UpdateFramework => {
            let update = call.update_framework.as_ref().ok_or_else(|| missing("update_framework"))?;
            if update.framework_info.id.as_ref().is_some_and(|id| id == framework_id) {
                return Ok(());
            }
            Err("'framework_id' differs from 'update_framework.framework_info.id'".to_owned())
        }
    }
}

fn validate_subscribe(call: &Call, principal: Option<&str>) -> Result<(), String> {
    let subscribe = call.subscribe.as_ref().ok_or_else(|| missing("subscribe"))?;
    let info = &subscribe.framework_info;
    let value = |id: &Option<tepui_proto::v1::FrameworkId>| {
        id.as_ref().map(|id| id.value.clone()).unwrap_or_default()
    };
    if value(&info.id) != value(&call.framework_id) {
        return Err("'framework_id' differs from 'subscribe.framework_info.id'".to_owned());
    }
    if let (Some(authenticated), Some(claimed)) = (principal, &info.principal)
        && authenticated != claimed
    {
        return Err(format!(
            "Authenticated principal '{authenticated}' does not match principal '{claimed}' set in `FrameworkInfo`"
        ));
    }
    Ok(())
}

fn validate_uuid(uuid: &[u8]) -> Result<(), String> {
    let uuid = Uuid::from_slice(uuid).filter(Uuid::has_known_version);
    uuid.map(|_| ()).ok_or_else(|| BAD_UUID.to_owned())
}

fn missing(name: &str) -> String {
    format!("Expecting '{name}' to be present")
}
