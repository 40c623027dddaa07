//! `linux/nnp`: nobody in a container gains privileges by executing a program.

use crate::isolator::Isolator;
use crate::launcher::Plan;
use crate::{ContainerConfig, LaunchError};

#[derive(Debug)]
pub(crate) struct NoNewPrivileges;

impl Isolator for NoNewPrivileges {
    fn name(&self) -> &'static str {
        "linux/nnp"
    }

    fn prepare(&self, _: &ContainerConfig, plan: &mut Plan) -> Result<(), LaunchError> {
        plan.no_new_privileges = true;
        Ok(())
    }
}
