//! Applying an operation, and the set of reservations and volumes that comes of it.

use tepui_proto::v1::OperationState;
use tepui_proto::{internal, v1};
use tepui_types::{Resource, ResourceConversion, Resources, Uuid, conversions, operation_resources_mut};

use super::{Operation, VolumePath, volume_path};
use crate::agent::{Agent, State};
use crate::change::Change;
use crate::effect::{Effect, Effects, VolumeChange};
use crate::record::Record;
use crate::resources::total;

impl Agent {
    /// Applies an operation and tells how that went.
    pub(crate) fn apply_operation(
        &mut self,
        message: internal::ApplyOperationMessage,
        effects: &mut Effects,
    ) {
        let Some(uuid) = Uuid::from_slice(&message.operation_uuid.value) else { return };
        let Some(agent) = self.id.clone() else { return };
        // As for `RunTaskMessage`: what comes while we are not registered is late. The master asks for it.
        if self.state != State::Running || self.operations.contains_key(&uuid) {
            return;
        }
        let (state, message_text) = if message.resource_version_uuid.uuid == self.resource_version_uuid() {
            match self.try_apply(&message, effects) {
                Ok(()) => (OperationState::OperationFinished, None),
                Err(error) => (OperationState::OperationError, Some(error)),
            }
        } else {
            let error = "Operation assumes outdated resource state";
            (OperationState::OperationDropped, Some(error.to_owned()))
        };
        let failed = state == OperationState::OperationError;
        let status_uuid = Uuid::random(&mut self.rng);
        let status = v1::OperationStatus {
            operation_id: message.operation_info.id.clone(),
            state: state as i32,
            message: message_text,
            uuid: Some(v1::Uuid { value: status_uuid.as_bytes().to_vec() }),
            agent_id: Some(agent.to_proto()),
            ..v1::OperationStatus::default()
        };
        let update = internal::UpdateOperationStatusMessage {
            framework_id: message.framework_id.clone(),
            slave_id: Some(agent.to_proto()),
            status: status.clone(),
            latest_status: Some(status.clone()),
            operation_uuid: Some(message.operation_uuid.clone()),
        };
        let entity = v1::Operation {
            framework_id: message.framework_id,
            agent_id: Some(agent.to_proto()),
            info: message.operation_info,
            latest_status: status.clone(),
            statuses: vec![status],
            uuid: message.operation_uuid,
        };
        let (kept, kept_update) = (Box::new(entity.clone()), Box::new(update.clone()));
        effects.record(Record::Operation { entity: kept, update: kept_update });
        self.operations.insert(uuid, Operation { entity, update, retry: std::time::Duration::ZERO });
        self.forward_operation(&uuid, super::forward::RETRY_MIN, effects);
        if failed {
            self.redetect(effects);
        }
    }

    fn try_apply(
        &mut self,
        message: &internal::ApplyOperationMessage,
        effects: &mut Effects,
    ) -> Result<(), String> {
        let mut operation = message.operation_info.clone();
        let of_provider =
            operation_resources_mut(&mut operation).iter().any(|resource| resource.provider_id.is_some());
        if of_provider || message.resource_version_uuid.resource_provider_id.is_some() {
            return Err("Resource providers are not supported by this agent".to_owned());
        }
        let conversions = conversions(&operation).map_err(|error| error.to_string())?;
        let bare: Vec<_> = conversions.into_iter().map(ResourceConversion::unallocated).collect();
        let total = total(&self.info.resources, &self.checkpointed)?;
        let total = total.apply(&bare).map_err(|error| error.to_string())?;
        self.set_checkpointed(&total.filter(Resource::needs_checkpointing), effects);
        Ok(())
    }

    /// Remembers the reservations and volumes, makes folders for new volumes and removes those of destroyed ones.
    pub(crate) fn set_checkpointed(&mut self, resources: &Resources, effects: &mut Effects) {
        let checkpointed = resources.to_protos();
        if self.checkpointed == checkpointed {
            return;
        }
        let before = Resources::from_protos(&self.checkpointed).unwrap_or_default();
        let (old, new) = (self.volume_paths(&before), self.volume_paths(resources));
        for VolumePath { path, .. } in new.iter().filter(|volume| !old.contains(volume)) {
            effects.push(Effect::ChangeVolume { path: path.clone(), change: VolumeChange::Create });
        }
        for VolumePath { path, is_mount } in old.into_iter().filter(|volume| !new.contains(volume)) {
            let change = if is_mount { VolumeChange::Empty } else { VolumeChange::Remove };
            effects.push(Effect::ChangeVolume { path, change });
        }
        self.checkpointed = checkpointed;
        effects.record(Record::Resources(self.checkpointed.clone()));
        effects.change(Change::Checkpointed(self.checkpointed.clone()));
    }

    pub(crate) fn volume_paths(&self, resources: &Resources) -> Vec<VolumePath> {
        resources.iter().filter_map(|resource| volume_path(&self.config.work_dir, resource)).collect()
    }
}
