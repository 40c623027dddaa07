//! What a master remembers beyond its own life, as rows.
//!
//! A [`Change`] becomes the operations of one atomic group; [`recover`] reads all rows back. The values are Mesos' own
//! registry messages (`mesos.internal.Registry.Slave` and its like), one to a row, so that what Mesos keeps of an agent
//! (its drain, its deactivation) has its field already.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use tepui_proto::internal::registry::{
    GoneSlave, Machine, MinimumCapability, Slave, UnreachableSlave, Weight,
};
use tepui_proto::{MesosMessage, v1};

use crate::error::text;
use crate::{Batch, BatchFull, Key, KeyError, Operation, Shard, Space, Storage, StorageError};

/// How many listings are under way at once during recovery.
const PARALLEL_LISTINGS: usize = 16;

/// One change of the registry.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Admits an agent, or replaces what is known of it.
    AdmitAgent(Slave),
    /// Gives an admitted agent up for now.
    MarkUnreachable(UnreachableSlave),
    /// An agent that was given up is back.
    MarkReachable(Slave),
    /// Gives an agent up for ever.
    MarkGone(GoneSlave),
    /// Forgets an agent: it was removed, or its record of being unreachable or gone was pruned.
    ForgetAgent(v1::AgentId),
    /// Remembers that a framework was torn down or removed.
    RemoveFramework(RemovedFramework),
    /// Forgets that.
    ForgetFramework(v1::FrameworkId),
    /// Puts the row of a setting.
    Set(Setting),
    /// Removes a role's quota.
    UnsetQuota(String),
    /// Removes a role's weight.
    UnsetWeight(String),
    /// Removes a machine.
    UnsetMachine(v1::MachineId),
    /// Removes the maintenance schedule.
    UnsetSchedule,
    /// Removes a capability that a master had to have.
    UnsetCapability(String),
}

/// What operators set.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// A role's quota.
    Quota(v1::quota::QuotaConfig),
    /// A role's weight.
    Weight(Weight),
    /// A machine's maintenance mode.
    Machine(Machine),
    /// The maintenance schedule, of which there is one.
    Schedule(v1::maintenance::Schedule),
    /// What a master must be able to do to read this registry.
    Capability(MinimumCapability),
}

/// The name of the one row of [`Space::Schedules`].
const SCHEDULE: &str = "schedule";

/// A framework whose id may not come back.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RemovedFramework {
    /// Its id.
    #[prost(message, optional, tag = "1")]
    pub id: Option<v1::FrameworkId>,
    /// When it was removed.
    #[prost(message, optional, tag = "2")]
    pub timestamp: Option<v1::TimeInfo>,
}

/// Everything that the registry holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recovered {
    /// Admitted agents.
    pub agents: Vec<Slave>,
    /// Agents that were given up for now, in the order of their times.
    pub unreachable: Vec<UnreachableSlave>,
    /// Agents that were given up for ever, in the order of their times.
    pub gone: Vec<GoneSlave>,
    /// Frameworks that were removed, in the order of their times.
    pub frameworks: Vec<RemovedFramework>,
    /// Quotas, in the order of their roles.
    pub quotas: Vec<v1::quota::QuotaConfig>,
    /// Weights, in the order of their roles.
    pub weights: Vec<Weight>,
    /// Machines under maintenance.
    pub machines: Vec<Machine>,
    /// The maintenance schedule.
    pub schedule: Option<v1::maintenance::Schedule>,
    /// What a master must be able to do.
    pub capabilities: Vec<MinimumCapability>,
}

/// A change that no store can hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// Its id is no name of a row.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// It is larger than any batch.
    #[error(transparent)]
    TooLarge(#[from] BatchFull),
}

impl Change {
    /// The operations that make this change, which belong together.
    ///
    /// # Errors
    /// The id is empty or too long.
    pub fn operations(&self) -> Result<Vec<Operation>, KeyError> {
        match self {
            Self::AdmitAgent(slave) | Self::MarkReachable(slave) => {
                let id = slave.info.id.as_ref().map_or("", |id| &id.value);
                Ok(vec![put(Space::Agents, id, slave)?, delete(Space::Unreachable, id)?])
            }
            Self::MarkUnreachable(agent) => {
                let id = &agent.id.value;
                Ok(vec![put(Space::Unreachable, id, agent)?, delete(Space::Agents, id)?])
            }
            Self::MarkGone(agent) => {
                let id = &agent.id.value;
                Ok(vec![
                    put(Space::Gone, id, agent)?,
                    delete(Space::Agents, id)?,
                    delete(Space::Unreachable, id)?,
                ])
            }
            Self::ForgetAgent(id) => Ok(vec![
                delete(Space::Agents, &id.value)?,
                delete(Space::Unreachable, &id.value)?,
                delete(Space::Gone, &id.value)?,
            ]),
            Self::RemoveFramework(framework) => {
                let id = framework.id.as_ref().map_or("", |id| &id.value);
                Ok(vec![put(Space::Frameworks, id, framework)?])
            }
            Self::ForgetFramework(id) => Ok(vec![delete(Space::Frameworks, &id.value)?]),
            Self::Set(setting) => Ok(vec![setting.operation()?]),
            Self::UnsetQuota(role) => Ok(vec![delete(Space::Quotas, role)?]),
            Self::UnsetWeight(role) => Ok(vec![delete(Space::Weights, role)?]),
            Self::UnsetMachine(id) => Ok(vec![delete(Space::Machines, &machine(id))?]),
            Self::UnsetSchedule => Ok(vec![delete(Space::Schedules, SCHEDULE)?]),
            Self::UnsetCapability(name) => Ok(vec![delete(Space::Capabilities, name)?]),
        }
    }
}

impl Setting {
    fn operation(&self) -> Result<Operation, KeyError> {
        match self {
            Self::Quota(quota) => put(Space::Quotas, &quota.role, quota),
            Self::Weight(weight) => {
                put(Space::Weights, weight.info.role.as_deref().unwrap_or_default(), weight)
            }
            Self::Machine(row) => put(Space::Machines, &machine(&row.info.id), row),
            Self::Schedule(schedule) => put(Space::Schedules, SCHEDULE, schedule),
            Self::Capability(row) => put(Space::Capabilities, &row.capability, row),
        }
    }
}

/// The name of a machine's row: it is never empty, though both parts may be.
fn machine(id: &v1::MachineId) -> String {
    format!("{} {}", id.hostname.as_deref().unwrap_or_default(), id.ip.as_deref().unwrap_or_default())
}

/// Puts changes into as few batches as hold them, in order, without tearing one.
///
/// # Errors
/// A change has no name, or fits into no batch; nothing of `changes` may then be written.
pub fn batches(changes: &[Change]) -> Result<Vec<Batch>, ChangeError> {
    let mut full = Vec::new();
    let mut batch = Batch::new();
    for change in changes {
        let group = change.operations()?;
        if batch.add(group.clone()).is_err() {
            full.push(std::mem::take(&mut batch));
            batch.add(group)?;
        }
    }
    if !batch.is_empty() {
        full.push(batch);
    }
    full.retain(|batch| !batch.is_empty());
    Ok(full)
}

/// Reads the whole registry.
///
/// # Errors
/// The store fails, or holds a row that cannot be read: no row is left out in silence.
pub async fn recover(storage: &Arc<dyn Storage>) -> Result<Recovered, StorageError> {
    let mut recovered = Recovered {
        agents: rows(storage, Space::Agents).await?,
        unreachable: rows(storage, Space::Unreachable).await?,
        gone: rows(storage, Space::Gone).await?,
        frameworks: removed_frameworks(storage).await?,
        quotas: rows(storage, Space::Quotas).await?,
        weights: rows(storage, Space::Weights).await?,
        machines: rows(storage, Space::Machines).await?,
        schedule: rows(storage, Space::Schedules).await?.into_iter().next(),
        capabilities: rows(storage, Space::Capabilities).await?,
    };
    recovered.quotas.sort_by(|one, other| one.role.cmp(&other.role));
    recovered.weights.sort_by(|one, other| one.info.role.cmp(&other.info.role));
    recovered.machines.sort_by_cached_key(|row| machine(&row.info.id));
    recovered.capabilities.sort_by(|one, other| one.capability.cmp(&other.capability));
    let id_of = |slave: &Slave| slave.info.id.clone().unwrap_or_default().value;
    recovered.agents.sort_by_cached_key(id_of);
    recovered.unreachable.sort_by_cached_key(|agent| (agent.timestamp.nanoseconds, agent.id.value.clone()));
    recovered.gone.sort_by_cached_key(|agent| (agent.timestamp.nanoseconds, agent.id.value.clone()));
    recovered.frameworks.sort_by_cached_key(|framework| {
        let id = framework.id.clone().unwrap_or_default().value;
        (framework.timestamp.unwrap_or_default().nanoseconds, id)
    });
    Ok(recovered)
}

/// Reads all rows of a space that hold one of Mesos' messages.
///
/// # Errors
/// The store fails, or a row cannot be read.
pub async fn rows<T: MesosMessage>(storage: &Arc<dyn Storage>, space: Space) -> Result<Vec<T>, StorageError> {
    let decode = |(key, value): &(Key, Bytes)| T::decode_checked(value).map_err(|error| garbage(key, error));
    list_all(storage, space).await?.iter().map(decode).collect()
}

async fn removed_frameworks(storage: &Arc<dyn Storage>) -> Result<Vec<RemovedFramework>, StorageError> {
    let decode = |(key, value): &(Key, Bytes)| {
        let row = RemovedFramework::decode(value.clone()).map_err(|error| garbage(key, error))?;
        if row.id.as_ref().is_none_or(|id| id.value != key.id()) {
            return Err(garbage(key, crate::error::Text("the row is that of another framework".to_owned())));
        }
        Ok(row)
    };
    list_all(storage, Space::Frameworks).await?.iter().map(decode).collect()
}

/// Lists all shards of a space.
async fn list_all(storage: &Arc<dyn Storage>, space: Space) -> Result<Vec<(Key, Bytes)>, StorageError> {
    let mut listings = tokio::task::JoinSet::new();
    let mut shards = Shard::all();
    let mut found = Vec::new();
    loop {
        while listings.len() < PARALLEL_LISTINGS
            && let Some(shard) = shards.next()
        {
            let storage = Arc::clone(storage);
            listings.spawn(async move { storage.list(space, shard).await });
        }
        match listings.join_next().await {
            Some(Ok(listing)) => found.extend(listing?),
            Some(Err(error)) => {
                let doing = format!("list the registry's `{}`", space.name());
                return Err(StorageError::Gone { doing, source: text(error.to_string()) });
            }
            None => return Ok(found),
        }
    }
}

fn put(space: Space, id: &str, row: &impl prost::Message) -> Result<Operation, KeyError> {
    Ok(Operation::Put(Key::new(space, id)?, row.encode_to_vec().into()))
}

fn delete(space: Space, id: &str) -> Result<Operation, KeyError> {
    Ok(Operation::Delete(Key::new(space, id)?))
}

fn garbage(key: &Key, error: impl std::error::Error + Send + Sync + 'static) -> StorageError {
    StorageError::Garbage {
        doing: "read the registry".to_owned(),
        place: key.path(),
        source: Arc::new(error),
    }
}

#[cfg(test)]
mod tests;
