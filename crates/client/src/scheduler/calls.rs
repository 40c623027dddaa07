//! The calls of a scheduler.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, StatusCode};
use tepui_proto::v1;
use tepui_proto::v1::offer::{Operation, operation};
use tepui_proto::v1::scheduler::{Call, call};
use tepui_wire::ContentType;
use tokio::sync::Mutex;

use super::{PATH, Session};
use crate::CallError;
use crate::caller::{Caller, Outgoing, STREAM_ID};

/// Makes calls, one after another in the order in which they are begun. Clones share the connection.
#[derive(Clone, Debug)]
pub struct Calls {
    session: Arc<Session>,
    content_type: ContentType,
    authorization: Option<HeaderValue>,
    timeout: Duration,
    /// Held across an exchange, because that is what keeps calls in order.
    caller: Arc<Mutex<Caller>>,
}

impl Calls {
    pub(super) fn new(
        session: Arc<Session>,
        content_type: ContentType,
        authorization: Option<HeaderValue>,
        timeout: Duration,
    ) -> Self {
        let caller = Arc::new(Mutex::new(Caller::new(timeout)));
        Self { session, content_type, authorization, timeout, caller }
    }

    /// Makes calls on a connection of its own, in no order with those of others.
    pub(super) fn apart(&self) -> Self {
        Self { caller: Arc::new(Mutex::new(Caller::new(self.timeout))), ..self.clone() }
    }

    /// The framework's id, once it was subscribed.
    pub fn framework_id(&self) -> Option<v1::FrameworkId> {
        self.session.framework().id.clone()
    }

    /// Sends a call as it is, with the framework's id filled in.
    ///
    /// # Errors
    /// There is no subscription, no answer, or a refusal. Without an answer it is not known whether the call arrived.
    pub async fn call(&self, mut call: Call) -> Result<(), CallError> {
        let mut caller = self.caller.lock().await;
        let route = self.session.route().clone().ok_or(CallError::NotSubscribed)?;
        call.framework_id = self.framework_id();
        let body = tepui_wire::encode(self.content_type, &call);
        let outgoing = Outgoing::post(PATH, self.content_type, body)
            .with(STREAM_ID, Some(route.stream_id.clone()))
            .with(http::header::AUTHORIZATION, self.authorization.clone());
        let answer = caller.call(&route.master, outgoing).await?;
        match answer.status {
            StatusCode::ACCEPTED | StatusCode::OK => Ok(()),
            status => {
                let error =
                    CallError::Refused { address: route.master.clone(), status, message: answer.text() };
                if error.is_transient() {
                    self.session.refused(&route);
                }
                Err(error)
            }
        }
    }

    /// Uses offers: the operations are applied in order to the sum of their resources.
    pub async fn accept(
        &self,
        offer_ids: Vec<v1::OfferId>,
        operations: Vec<Operation>,
        filters: Option<v1::Filters>,
    ) -> Result<(), CallError> {
        let accept = call::Accept { offer_ids, operations, filters };
        self.call(Call { accept: Some(accept), ..of(call::Type::Accept) }).await
    }

    /// Launches tasks on the resources of offers of one agent.
    pub async fn launch(
        &self,
        offer_ids: Vec<v1::OfferId>,
        tasks: Vec<v1::TaskInfo>,
    ) -> Result<(), CallError> {
        let task_infos = tasks.into_iter().map(Into::into).collect();
        let launch = Operation {
            r#type: Some(operation::Type::Launch.into()),
            launch: Some(operation::Launch { task_infos }),
            ..Operation::default()
        };
        self.accept(offer_ids, vec![launch], None).await
    }

    /// Gives offers back.
    pub async fn decline(
        &self,
        offer_ids: Vec<v1::OfferId>,
        filters: Option<v1::Filters>,
    ) -> Result<(), CallError> {
        let decline = call::Decline { offer_ids, filters };
        self.call(Call { decline: Some(decline), ..of(call::Type::Decline) }).await
    }

    /// Agrees to give resources back.
    pub async fn accept_inverse_offers(
        &self,
        inverse_offer_ids: Vec<v1::OfferId>,
        filters: Option<v1::Filters>,
    ) -> Result<(), CallError> {
        let accept = call::AcceptInverseOffers { inverse_offer_ids, filters };
        self.call(Call { accept_inverse_offers: Some(accept), ..of(call::Type::AcceptInverseOffers) }).await
    }

    /// Refuses to give resources back.
    pub async fn decline_inverse_offers(
        &self,
        inverse_offer_ids: Vec<v1::OfferId>,
        filters: Option<v1::Filters>,
    ) -> Result<(), CallError> {
        let decline = call::DeclineInverseOffers { inverse_offer_ids, filters };
        self.call(Call { decline_inverse_offers: Some(decline), ..of(call::Type::DeclineInverseOffers) })
            .await
    }

    /// Wants offers again, for these roles or for all.
    pub async fn revive(&self, roles: Vec<String>) -> Result<(), CallError> {
        self.call(Call { revive: Some(call::Revive { roles }), ..of(call::Type::Revive) }).await
    }

    /// Wants no offers, for these roles or for all.
    pub async fn suppress(&self, roles: Vec<String>) -> Result<(), CallError> {
        self.call(Call { suppress: Some(call::Suppress { roles }), ..of(call::Type::Suppress) }).await
    }

    /// Kills a task.
    pub async fn kill(
        &self,
        task_id: v1::TaskId,
        agent_id: Option<v1::AgentId>,
        kill_policy: Option<v1::KillPolicy>,
    ) -> Result<(), CallError> {
        let kill = call::Kill { task_id, agent_id, kill_policy };
        self.call(Call { kill: Some(kill), ..of(call::Type::Kill) }).await
    }

    /// Shuts an executor down, with its tasks.
    pub async fn shutdown(
        &self,
        executor_id: v1::ExecutorId,
        agent_id: v1::AgentId,
    ) -> Result<(), CallError> {
        let shutdown = call::Shutdown { executor_id, agent_id };
        self.call(Call { shutdown: Some(shutdown), ..of(call::Type::Shutdown) }).await
    }

    /// Acknowledges an update. Does nothing for one that wants no acknowledgement.
    pub async fn acknowledge(&self, status: &v1::TaskStatus) -> Result<(), CallError> {
        let (Some(agent_id), Some(uuid)) = (status.agent_id.clone(), status.uuid.clone()) else {
            return Ok(());
        };
        let acknowledge = call::Acknowledge { agent_id, task_id: status.task_id.clone(), uuid };
        self.call(Call { acknowledge: Some(acknowledge), ..of(call::Type::Acknowledge) }).await
    }

    /// Acknowledges the update of an operation. Does nothing for one that wants no acknowledgement.
    pub async fn acknowledge_operation_status(&self, status: &v1::OperationStatus) -> Result<(), CallError> {
        let (Some(operation_id), Some(uuid)) = (status.operation_id.clone(), &status.uuid) else {
            return Ok(());
        };
        let acknowledge = call::AcknowledgeOperationStatus {
            agent_id: status.agent_id.clone(),
            resource_provider_id: status.resource_provider_id.clone(),
            uuid: uuid.value.clone(),
            operation_id,
        };
        let call = of(call::Type::AcknowledgeOperationStatus);
        self.call(Call { acknowledge_operation_status: Some(acknowledge), ..call }).await
    }

    /// Asks for the states of these tasks, or of all.
    pub async fn reconcile(&self, tasks: Vec<call::reconcile::Task>) -> Result<(), CallError> {
        self.call(Call { reconcile: Some(call::Reconcile { tasks }), ..of(call::Type::Reconcile) }).await
    }

    /// Asks for the states of these operations, or of all.
    pub async fn reconcile_operations(
        &self,
        operations: Vec<call::reconcile_operations::Operation>,
    ) -> Result<(), CallError> {
        let reconcile = call::ReconcileOperations { operations };
        self.call(Call { reconcile_operations: Some(reconcile), ..of(call::Type::ReconcileOperations) }).await
    }

    /// Sends data to an executor, which gets it at most once.
    pub async fn message(
        &self,
        agent_id: v1::AgentId,
        executor_id: v1::ExecutorId,
        data: Vec<u8>,
    ) -> Result<(), CallError> {
        let message = call::Message { agent_id, executor_id, data };
        self.call(Call { message: Some(message), ..of(call::Type::Message) }).await
    }

    /// Asks for resources; allocators may look at it.
    pub async fn request(&self, requests: Vec<v1::Request>) -> Result<(), CallError> {
        self.call(Call { request: Some(call::Request { requests }), ..of(call::Type::Request) }).await
    }

    /// Changes what the framework said of itself.
    pub async fn update_framework(&self, update: call::UpdateFramework) -> Result<(), CallError> {
        let framework = update.framework_info.clone();
        self.call(Call { update_framework: Some(update), ..of(call::Type::UpdateFramework) }).await?;
        let mut current = self.session.framework();
        let id = current.id.take();
        *current = v1::FrameworkInfo { id, ..framework };
        Ok(())
    }

    /// Ends the framework: its tasks are killed, and its id is gone for good.
    pub async fn teardown(&self) -> Result<(), CallError> {
        self.call(of(call::Type::Teardown)).await
    }
}

fn of(kind: call::Type) -> Call {
    Call { r#type: Some(kind.into()), ..Call::default() }
}
