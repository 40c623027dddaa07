//! Whether any agent could ever run the task: waiting for an offer that cannot come is no answer.

use tepui_client::operator::Operator;
use tepui_proto::v1;
use tepui_types::Resources;

/// What the agents have, as far as the task is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Capacity {
    /// Some agent is large enough.
    Enough,
    /// No agent is registered.
    NoAgents,
    /// Every agent is too small; what each has.
    TooSmall(Vec<String>),
    /// The master did not tell.
    Unknown,
}

/// Asks the master for its agents, and compares.
pub(crate) async fn capacity(operator: &mut Operator, needed: &Resources) -> Capacity {
    let call =
        v1::master::Call { r#type: Some(v1::master::call::Type::GetAgents.into()), ..Default::default() };
    let Ok(Some(response)) = operator.master(&call).await else { return Capacity::Unknown };
    let Some(agents) = response.get_agents else { return Capacity::Unknown };
    let active = agents.agents.iter().filter(|agent| agent.active);
    compare(active.map(|agent| agent.total_resources.as_slice()), needed)
}

fn compare<'a>(agents: impl Iterator<Item = &'a [v1::Resource]>, needed: &Resources) -> Capacity {
    let mut small = Vec::new();
    for total in agents {
        let Ok(total) = Resources::from_protos(total) else { return Capacity::Unknown };
        // Reserved resources may or may not be for us: only a plain lack is certain.
        if total.to_unreserved().quantities().contains(&needed.quantities()) {
            return Capacity::Enough;
        }
        small.push(total.to_string());
    }
    if small.is_empty() { Capacity::NoAgents } else { Capacity::TooSmall(small) }
}

#[cfg(test)]
mod tests {
    use tepui_types::DEFAULT_ROLE;

    use super::*;

    fn check(agents: &[&str], needed: &str) -> Capacity {
        let parse = |text: &str| Resources::parse(text, DEFAULT_ROLE).unwrap();
        let agents: Vec<_> = agents.iter().map(|text| parse(text).to_protos()).collect();
        compare(agents.iter().map(Vec::as_slice), &parse(needed))
    }

    #[test]
    fn one_large_agent_is_enough() {
        assert_eq!(check(&["cpus:1;mem:64", "cpus:8;mem:1024"], "cpus:4;mem:100"), Capacity::Enough);
        assert_eq!(check(&["cpus(role):8;mem:1024"], "cpus:4;mem:100"), Capacity::Enough);
    }

    #[test]
    fn small_agents_are_named() {
        assert_eq!(
            check(&["cpus:1;mem:64"], "cpus:4"),
            Capacity::TooSmall(vec!["cpus:1; mem:64".to_owned()])
        );
        assert_eq!(check(&[], "cpus:4"), Capacity::NoAgents);
    }
}
