//! The operations of ACCEPT, one file each.
//!
//! All operations of a call are read first (`prepare.rs`); then each is applied to what the ones before it left. Those
//! that convert resources are applied on the books at once (`carry_out.rs`), before the agent has said that it did the
//! same. What agents say of them is in `update.rs`, and what is kept until then in `book.rs`.

mod book;
mod carry_out;
mod create;
mod create_disk;
mod destroy;
mod destroy_disk;
mod drop;
mod grow_volume;
mod launch;
mod launch_group;
mod prepare;
mod reserve;
mod shrink_volume;
mod unreserve;
mod update;

use tepui_proto::v1::offer::Operation;
use tepui_proto::v1::offer::operation::Type;

use crate::agent::Agent;
use crate::framework::Framework;
use crate::master::Master;
use crate::scheduler::Accepted;
use crate::turn::Turn;

pub(crate) use book::{Operations, reconciled_status};
pub(crate) use launch::Candidate;
pub(crate) use launch_group::Group;

/// An operation that was read.
#[derive(Debug)]
pub(crate) enum Prepared {
    /// LAUNCH.
    Launch(Vec<Candidate>),
    /// `LAUNCH_GROUP`.
    LaunchGroup(Box<Group>),
    /// Any other, with resources that are allocated to a role.
    Conversion(Box<Operation>),
}

impl Master {
    /// Applies one operation to what is left of the offers.
    pub(crate) fn apply_operation(
        &mut self,
        accepted: &mut Accepted,
        operation: Prepared,
        turn: &mut Turn<'_>,
    ) {
        match operation {
            Prepared::Launch(tasks) => self.launch(accepted, tasks, turn),
            Prepared::LaunchGroup(group) => self.launch_group(accepted, *group, turn),
            Prepared::Conversion(operation) => {
                let named =
                    Operation { r#type: operation.r#type, id: operation.id.clone(), ..Operation::default() };
                if let Err(message) = self.convert(accepted, *operation, turn) {
                    self.drop_operation(&accepted.framework, &named, message, turn);
                }
            }
        }
    }

    fn convert(
        &mut self,
        accepted: &mut Accepted,
        operation: Operation,
        turn: &mut Turn<'_>,
    ) -> Result<(), String> {
        match operation.r#type() {
            Type::Reserve => self.reserve(accepted, operation, turn),
            Type::Unreserve => self.unreserve(accepted, operation, turn),
            Type::Create => self.create(accepted, operation, turn),
            Type::Destroy => self.destroy(accepted, operation, turn),
            Type::GrowVolume => self.grow_volume(accepted, operation, turn),
            Type::ShrinkVolume => self.shrink_volume(accepted, operation, turn),
            Type::CreateDisk => self.create_disk(accepted, operation),
            Type::DestroyDisk => self.destroy_disk(accepted, operation),
            Type::Launch | Type::LaunchGroup | Type::Unknown => Ok(()),
        }
    }

    /// Who wants an operation, and where.
    fn parties(&self, accepted: &Accepted) -> Result<(&Framework, &Agent), String> {
        let framework = self.frameworks.registered.get(&accepted.framework);
        let agent = self.agents.registered.get(&accepted.agent).map(|agent| &**agent);
        framework.zip(agent).ok_or_else(|| "Agent removed".to_owned())
    }

    /// An error with the agent that it is about.
    fn on_agent(&self, accepted: &Accepted, error: &str) -> String {
        format!("{error}; on agent {}", self.describe_agent(&accepted.agent))
    }
}
