//! Agents that register.

use tepui_proto::v1;
use tepui_types::{Resource, Resources};

use crate::config::Config;

/// Agents older than this cannot be led.
const OLDEST_MAJOR_VERSION: u32 = 1;

/// Checks an agent's version.
pub(crate) fn validate_version(version: &str) -> Result<(), String> {
    let numbers = version.split(['-', '+']).next().unwrap_or_default();
    let mut parts = numbers.split('.').map(str::parse::<u32>);
    match parts.next() {
        Some(Ok(major)) if parts.clone().count() <= 2 && parts.all(|part| part.is_ok()) => {
            if major < OLDEST_MAJOR_VERSION {
                return Err(format!("agent version is {version}, minimum supported agent version is 1.0.0"));
            }
            Ok(())
        }
        _ => Err(format!("failed to parse version '{version}'")),
    }
}

/// An agent with a fault domain needs a master with one; the master may want all to have one.
pub(crate) fn validate_domain(agent: Option<&v1::DomainInfo>, config: &Config) -> Result<(), String> {
    let master = config.domain.as_ref();
    if agent.is_none() && config.allocator.require_agent_domain {
        return Err("the agent is configured without a domain, but the master requires one".to_owned());
    }
    if agent.is_some() && master.is_none() {
        return Err("the agent is configured with a domain, but the master has none".to_owned());
    }
    Ok(())
}

/// Only agents that checkpoint have checkpointed resources.
pub(crate) fn validate_checkpointed(
    info: &v1::AgentInfo,
    checkpointed: &[v1::Resource],
) -> Result<(), String> {
    if !checkpointed.is_empty() && !info.checkpoint.unwrap_or(false) {
        return Err("Checkpointed resources provided when checkpointing is not enabled".to_owned());
    }
    Ok(())
}

/// All resources of an agent: those it was started with, with its dynamic reservations and volumes in their place.
pub(crate) fn total(info: &v1::AgentInfo, checkpointed: &[v1::Resource]) -> Result<Resources, String> {
    let mut total = Resources::from_protos(&info.resources).map_err(|error| error.to_string())?;
    let checkpointed = Resources::from_protos(checkpointed).map_err(|error| error.to_string())?;
    for resource in &checkpointed {
        let plain = without_checkpoint(resource);
        if !total.contains(&plain) {
            return Err(format!("checkpointed resource {resource} is not among the agent's resources"));
        }
        total -= &plain;
        total += resource.clone();
    }
    Ok(total)
}

/// The resource as it was before it was reserved and a volume was made of it.
fn without_checkpoint(resource: &Resource) -> Resources {
    let mut plain = Resources::from(resource.clone().without_volume());
    while plain.iter().any(Resource::is_dynamically_reserved) {
        let Some(popped) = plain.pop_reservation() else { break };
        plain = popped;
    }
    plain
}
