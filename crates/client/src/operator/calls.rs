//! The calls that operators make most, with what matters of their answers.

use tepui_proto::v1;
use tepui_proto::v1::master::{Call, Response, call};

use super::Operator;
use crate::CallError;

impl Operator {
    /// The agents that the master knows.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn agents(&mut self) -> Result<Vec<v1::master::response::get_agents::Agent>, CallError> {
        let response = self.ask(call::Type::GetAgents).await?;
        Ok(response.get_agents.unwrap_or_default().agents)
    }

    /// The frameworks that are registered.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn frameworks(
        &mut self,
    ) -> Result<Vec<v1::master::response::get_frameworks::Framework>, CallError> {
        let response = self.ask(call::Type::GetFrameworks).await?;
        Ok(response.get_frameworks.unwrap_or_default().frameworks)
    }

    /// All tasks, by what became of them.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn tasks(&mut self) -> Result<v1::master::response::GetTasks, CallError> {
        Ok(self.ask(call::Type::GetTasks).await?.get_tasks.unwrap_or_default())
    }

    /// What the master is.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn master_info(&mut self) -> Result<Option<v1::MasterInfo>, CallError> {
        Ok(self.ask(call::Type::GetMaster).await?.get_master.and_then(|master| master.master_info))
    }

    /// Ends a framework: its tasks are killed, and its id is gone for good.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn teardown(&mut self, framework_id: v1::FrameworkId) -> Result<(), CallError> {
        let teardown = Some(call::Teardown { framework_id });
        self.order(Call { teardown, ..of(call::Type::Teardown) }).await
    }

    /// Declares an agent gone for good, with its tasks.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn mark_agent_gone(&mut self, agent_id: v1::AgentId) -> Result<(), CallError> {
        let mark_agent_gone = Some(call::MarkAgentGone { agent_id });
        self.order(Call { mark_agent_gone, ..of(call::Type::MarkAgentGone) }).await
    }

    /// The weights of roles that are not 1.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn weights(&mut self) -> Result<Vec<v1::WeightInfo>, CallError> {
        Ok(self.ask(call::Type::GetWeights).await?.get_weights.unwrap_or_default().weight_infos)
    }

    /// Changes the weights of roles.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn update_weights(&mut self, weight_infos: Vec<v1::WeightInfo>) -> Result<(), CallError> {
        let update_weights = Some(call::UpdateWeights { weight_infos });
        self.order(Call { update_weights, ..of(call::Type::UpdateWeights) }).await
    }

    async fn ask(&mut self, kind: call::Type) -> Result<Response, CallError> {
        Ok(self.master(&of(kind)).await?.unwrap_or_default())
    }

    async fn order(&mut self, call: Call) -> Result<(), CallError> {
        self.master(&call).await.map(|_| ())
    }
}

fn of(kind: call::Type) -> Call {
    Call { r#type: Some(kind.into()), ..Call::default() }
}
