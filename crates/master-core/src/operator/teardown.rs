//! TEARDOWN: an operator ends a framework for good.

use tepui_proto::v1;
use tepui_types::FrameworkId;

use super::refuse;
use crate::effect::{RejectionKind, Response};
use crate::input::RequestId;
use crate::master::{Master, Pending};
use crate::turn::Turn;

impl Master {
    /// Removes the framework, and says so when the registry holds that it may not come back.
    pub(super) fn operator_teardown(
        &mut self,
        request: RequestId,
        id: &v1::FrameworkId,
        turn: &mut Turn<'_>,
    ) {
        let id = FrameworkId::from(id);
        if !self.frameworks.registered.contains_key(&id) {
            return refuse(request, RejectionKind::BadRequest, "No framework found with specified ID", turn);
        }
        self.remove_framework_then(&id, Pending::Answer(request, Response::Ok), turn);
    }
}
