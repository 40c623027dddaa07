//! `UPDATE_FRAMEWORK`: a framework describes itself anew, without a new stream.

use tepui_proto::v1::scheduler::call;
use tepui_types::FrameworkId;

use super::bad_request;
use crate::effect::Response;
use crate::framework::Subscription;
use crate::master::Master;
use crate::turn::Turn;
use crate::validation;

impl Master {
    /// Replaces all that a framework may change.
    pub(crate) fn update_framework(
        &mut self,
        id: &FrameworkId,
        update: call::UpdateFramework,
        turn: &mut Turn<'_>,
    ) -> Response {
        let mut subscription =
            Subscription::new(update.framework_info, update.suppressed_roles, update.offer_constraints);
        if let Err(error) = self.validate_subscription(&subscription) {
            return Response::Rejected(bad_request(format!("Supplied FrameworkInfo is not valid: {error}")));
        }
        let Some(known) = self.frameworks.registered.get(id) else { return Response::Ok };
        if let Err(error) = validation::framework::validate_update(&known.info, &subscription.info) {
            return Response::Rejected(bad_request(format!("FrameworkInfo update is not valid: {error}")));
        }
        if let Err(error) = self.read_constraints(&mut subscription) {
            let message = format!("'UpdateFramework.offer_constraints' are not valid: {error}");
            return Response::Rejected(bad_request(message));
        }
        let changed = known.info != subscription.info;
        self.update_framework_description(id, subscription, turn);
        self.publish_framework(id, turn);
        if changed {
            self.spread_framework(id, turn);
        }
        Response::Ok
    }
}
