//! The scheduler API: the checks that come before every call, and one file a call.

mod accept;
mod accept_inverse_offers;
mod acknowledge;
mod acknowledge_operation_status;
mod decline;
mod decline_inverse_offers;
mod kill;
mod message;
mod reconcile;
mod reconcile_operations;
mod request;
mod revive;
mod shutdown;
mod subscribe;
mod suppress;
mod teardown;
mod update_framework;

use crate::change::{Change, Counter};
use crate::effect::{Rejection, RejectionKind, Response};
use crate::framework::{Framework, Peer};
use crate::input::SchedulerCall;
use crate::master::Master;
use crate::turn::Turn;
use crate::validation;
use tepui_proto::v1::scheduler::Call;
use tepui_proto::v1::scheduler::call::Type;

pub(crate) use accept::Accepted;

const NOT_ACCEPTABLE: &str = "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'";

impl Master {
    /// Checks a call in the order that clients can observe, then handles it.
    pub(crate) fn scheduler_call(&mut self, mut call: Box<SchedulerCall>, turn: &mut Turn<'_>) {
        let request = call.request;
        let answer = match self.check_call(&call, turn) {
            Ok(()) if call.call.r#type() == Type::Subscribe => return self.subscribe(*call, turn),
            Ok(()) if call.call.r#type() == Type::Teardown => return self.teardown(&call, turn),
            Ok(()) => self.handle_call(&mut call.call, turn),
            Err(rejection) => Response::Rejected(rejection),
        };
        turn.respond(request, answer);
    }

    fn check_call(&self, request: &SchedulerCall, turn: &mut Turn<'_>) -> Result<(), Rejection> {
        let SchedulerCall { call, stream_id, principal, .. } = request;
        if !self.recovered {
            return Err(reject(RejectionKind::Unavailable, "Master has not finished recovery"));
        }
        validation::call::validate(call, principal.as_deref())
            .and_then(|()| validation::call_size::validate(call))
            .map_err(|error| bad_request(format!("Failed to validate scheduler::Call: {error}")))?;
        let kind = call.r#type();
        if matches!(kind, Type::Subscribe | Type::ReconcileOperations) && !request.acceptable {
            return Err(reject(RejectionKind::NotAcceptable, NOT_ACCEPTABLE));
        }
        if kind == Type::Subscribe {
            return match stream_id {
                Some(_) => {
                    Err(bad_request("Subscribe calls should not include the 'Mesos-Stream-Id' header"))
                }
                None => Ok(()),
            };
        }
        let framework = call.framework_id.as_ref();
        let framework = framework.and_then(|id| self.frameworks.registered.get(id.value.as_str()));
        let framework = framework.ok_or_else(|| bad_request("Framework cannot be found"))?;
        turn.change(Change::Counted(Counter::Call(framework.id.clone(), kind)));
        check_sender(framework, stream_id.as_deref(), principal.as_deref())
    }

    /// Does what a call that is well-formed and allowed asks for.
    pub(crate) fn handle_call(&mut self, call: &mut Call, turn: &mut Turn<'_>) -> Response {
        let kind = call.r#type();
        let Some(id) = call.framework_id.as_ref().map(|id| self.frameworks.id(id)) else {
            return Response::Accepted;
        };
        match kind {
            Type::Teardown => {
                turn.count("master/messages_unregister_framework");
                self.remove_framework(&id, turn);
            }
            Type::Accept => self.accept(&id, call.accept.take().unwrap_or_default(), turn),
            Type::Decline => self.decline(&id, &call.decline.take().unwrap_or_default(), turn),
            // Handled before.
            Type::Subscribe => {}
            Type::AcceptInverseOffers => {
                self.accept_inverse_offers(&id, &call.accept_inverse_offers.take().unwrap_or_default(), turn);
            }
            Type::DeclineInverseOffers => {
                self.decline_inverse_offers(
                    &id,
                    &call.decline_inverse_offers.take().unwrap_or_default(),
                    turn,
                );
            }
            Type::Revive => self.revive(&id, &call.revive.take().unwrap_or_default(), turn),
            Type::Kill => self.kill(&id, call.kill.take().unwrap_or_default(), turn),
            Type::Shutdown => self.shutdown(&id, call.shutdown.take().unwrap_or_default(), turn),
            Type::Acknowledge => self.acknowledge(&id, call.acknowledge.take().unwrap_or_default(), turn),
            Type::AcknowledgeOperationStatus => {
                let acknowledge = call.acknowledge_operation_status.take().unwrap_or_default();
                self.acknowledge_operation_status(&id, &acknowledge, turn);
            }
            Type::Reconcile => self.reconcile(&id, &call.reconcile.take().unwrap_or_default(), turn),
            Type::ReconcileOperations => {
                self.reconcile_operations(&id, call.reconcile_operations.take().unwrap_or_default(), turn);
            }
            Type::Message => self.message(&id, call.message.take().unwrap_or_default(), turn),
            Type::Request => Self::request(turn),
            Type::Suppress => self.suppress(&id, &call.suppress.take().unwrap_or_default(), turn),
            Type::UpdateFramework => {
                return self.update_framework(&id, call.update_framework.take().unwrap_or_default(), turn);
            }
            Type::Unknown => {
                return Response::Rejected(reject(RejectionKind::NotImplemented, "501 Not Implemented."));
            }
        }
        Response::Accepted
    }
}

/// Checks that a call comes from whom the framework's stream belongs to.
fn check_sender(
    framework: &Framework,
    stream_id: Option<&str>,
    principal: Option<&str>,
) -> Result<(), Rejection> {
    let owner = framework.info.principal.as_deref().unwrap_or_default();
    if let Some(principal) = principal.filter(|principal| *principal != owner) {
        return Err(bad_request(format!(
            "Authenticated principal '{principal}' does not match principal '{owner}' set in `FrameworkInfo`"
        )));
    }
    let expected = match framework.peer() {
        None => return Err(reject(RejectionKind::Forbidden, "Framework is not subscribed")),
        Some(Peer::Http { stream_id, .. }) => stream_id,
        Some(Peer::Driver(_)) => {
            return Err(reject(RejectionKind::Forbidden, "Framework is not connected via HTTP"));
        }
    };
    match stream_id {
        None => Err(bad_request("All non-subscribe calls should include the 'Mesos-Stream-Id' header")),
        Some(given) if expected.is_written_as(given) => Ok(()),
        Some(given) => Err(bad_request(format!(
            "The stream ID '{given}' included in this request didn't match the stream ID currently associated with \
             framework ID {}",
            framework.id
        ))),
    }
}

fn reject(kind: RejectionKind, message: impl Into<String>) -> Rejection {
    Rejection { kind, message: message.into() }
}

fn bad_request(message: impl Into<String>) -> Rejection {
    reject(RejectionKind::BadRequest, message)
}
