//! The operations of ACCEPT, one file each.

mod drop;
mod launch;

use tepui_proto::v1::offer::Operation;
use tepui_proto::v1::offer::operation::Type;
use tepui_proto::v1::task_status::Reason;

use crate::master::Master;
use crate::scheduler::Accepted;
use crate::turn::Turn;

pub(crate) use launch::Candidate;

impl Master {
    /// Applies one operation to what is left of the offers.
    pub(crate) fn apply_operation(
        &mut self,
        accepted: &mut Accepted,
        operation: Operation,
        turn: &mut Turn<'_>,
    ) {
        let kind = operation.r#type();
        match kind {
            Type::Launch => {
                let has_id = operation.id.is_some();
                self.launch(accepted, operation.launch.unwrap_or_default(), has_id, turn);
            }
            Type::LaunchGroup => {
                let tasks = operation.launch_group.map(|group| group.task_group.tasks).unwrap_or_default();
                let message = "LAUNCH_GROUP is not supported by this master";
                self.refuse_tasks(&accepted.framework, &tasks, Reason::TaskGroupInvalid, message, turn);
            }
            Type::Reserve
            | Type::Unreserve
            | Type::Create
            | Type::Destroy
            | Type::GrowVolume
            | Type::ShrinkVolume
            | Type::CreateDisk
            | Type::DestroyDisk => {
                let message = format!("{} is not supported by this master", kind.as_str_name());
                self.drop_operation(&accepted.framework, operation.id, message, turn);
            }
            Type::Unknown => {}
        }
    }
}
