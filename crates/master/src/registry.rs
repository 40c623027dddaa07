//! The registry's store, and the translation between its rows and the core's.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tepui_master_core::{Registry, RegistryWrite, machine_key};
use tepui_proto::internal::registry::{Machine, MinimumCapability, Weight};
use tepui_proto::v1;
use tepui_storage::registry::{Change, Recovered, RemovedFramework, Setting};
use tepui_storage::{
    EmbeddedStorage, EtcdConfig, EtcdStorage, MemoryStorage, Storage, StorageError, ZooKeeperConfig,
    ZooKeeperStorage,
};
use tepui_types::{AgentId, FrameworkId};

/// Where the registry is kept.
#[derive(Clone, Debug)]
pub enum RegistryConfig {
    /// In this process: it is gone with it.
    InMemory,
    /// In a file of this machine.
    Embedded(PathBuf),
    /// In etcd.
    Etcd(EtcdConfig),
    /// In ZooKeeper.
    ZooKeeper(ZooKeeperConfig),
}

/// Opens the store. Must be called within a tokio runtime.
pub(crate) fn open(config: &RegistryConfig) -> Result<Arc<dyn Storage>, StorageError> {
    Ok(match config {
        RegistryConfig::InMemory => Arc::new(MemoryStorage::new(unique())),
        RegistryConfig::Embedded(path) => {
            make_folder(path)?;
            Arc::new(EmbeddedStorage::open(path)?)
        }
        RegistryConfig::Etcd(config) => Arc::new(EtcdStorage::open(config.clone())?),
        RegistryConfig::ZooKeeper(config) => Arc::new(ZooKeeperStorage::open(config.clone())),
    })
}

/// Makes the folder of the embedded store, as Mesos makes its work folder.
fn make_folder(file: &Path) -> Result<(), StorageError> {
    let Some(folder) = file.parent() else { return Ok(()) };
    std::fs::create_dir_all(folder).map_err(|error| StorageError::Io {
        doing: format!("make the work folder `{}`", folder.display()),
        source: Arc::new(error),
    })
}

/// Names a store that nobody else can have.
fn unique() -> String {
    let nonce = getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id()));
    format!("memory:{}:{nonce:016x}", std::process::id())
}

/// A write of the core, as the store's change.
pub(crate) fn change(write: RegistryWrite) -> Change {
    match write {
        RegistryWrite::AdmitAgent(row) => Change::AdmitAgent(*row),
        RegistryWrite::MarkReachable(row) => Change::MarkReachable(*row),
        RegistryWrite::MarkUnreachable(row) => Change::MarkUnreachable(row),
        RegistryWrite::MarkGone(row) => Change::MarkGone(row),
        RegistryWrite::RemoveAgent(id) => Change::ForgetAgent(id.to_proto()),
        RegistryWrite::RemoveFramework(id, at) => {
            Change::RemoveFramework(RemovedFramework { id: Some(id.to_proto()), timestamp: Some(at) })
        }
        RegistryWrite::ForgetFramework(id) => Change::ForgetFramework(id.to_proto()),
        RegistryWrite::SetQuota(quota) => Change::Set(Setting::Quota(*quota)),
        RegistryWrite::RemoveQuota(role) => Change::UnsetQuota(role),
        RegistryWrite::SetWeight(info) => Change::Set(Setting::Weight(Weight { info })),
        RegistryWrite::RemoveWeight(role) => Change::UnsetWeight(role),
        RegistryWrite::SetMachine(info) => Change::Set(Setting::Machine(Machine { info: *info })),
        RegistryWrite::RemoveMachine(id) => Change::UnsetMachine(id),
        RegistryWrite::SetSchedule(Some(schedule)) => Change::Set(Setting::Schedule(*schedule)),
        RegistryWrite::SetSchedule(None) => Change::UnsetSchedule,
        RegistryWrite::RequireCapability(capability) => {
            Change::Set(Setting::Capability(MinimumCapability { capability }))
        }
        RegistryWrite::ReleaseCapability(capability) => Change::UnsetCapability(capability),
    }
}

/// All rows, as the core wants them.
pub(crate) fn rows(recovered: Recovered) -> Registry {
    let id_of = |id: &Option<v1::AgentId>| id.as_ref().map_or_else(|| AgentId::new(""), AgentId::from);
    Registry {
        agents: recovered.agents.into_iter().map(|row| (id_of(&row.info.id), row)).collect(),
        unreachable: recovered.unreachable.into_iter().map(|row| (AgentId::from(&row.id), row)).collect(),
        gone: recovered.gone.into_iter().map(|row| (AgentId::from(&row.id), row.timestamp)).collect(),
        frameworks: recovered
            .frameworks
            .into_iter()
            .filter_map(|row| Some((FrameworkId::from(&row.id?), row.timestamp.unwrap_or_default())))
            .collect(),
        quotas: recovered.quotas.into_iter().map(|quota| (quota.role.clone(), quota)).collect(),
        weights: recovered
            .weights
            .into_iter()
            .map(|row| (row.info.role.unwrap_or_default(), row.info.weight))
            .collect(),
        machines: recovered.machines.into_iter().map(|row| (machine_key(&row.info.id), row.info)).collect(),
        schedule: recovered.schedule,
        minimum_capabilities: recovered.capabilities.into_iter().map(|row| row.capability).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tepui_proto::internal::registry::{GoneSlave, Slave, UnreachableSlave};
    use tepui_storage::registry::{batches, recover};

    fn agent(id: &str) -> Box<Slave> {
        let id = Some(v1::AgentId { value: id.to_owned() });
        let info = v1::AgentInfo { id, hostname: "h".to_owned(), ..Default::default() };
        Box::new(Slave { info, deactivated: Some(true), ..Default::default() })
    }

    /// Whatever the core writes is what the next master's core is given.
    #[tokio::test]
    async fn every_write_comes_back() {
        let at = v1::TimeInfo { nanoseconds: 7 };
        let machine = v1::MachineId { hostname: Some("a/b".to_owned()), ip: Some("10.0.0.1".to_owned()) };
        let writes = [
            RegistryWrite::AdmitAgent(agent("S0")),
            RegistryWrite::AdmitAgent(agent("S1")),
            RegistryWrite::AdmitAgent(agent("S2")),
            RegistryWrite::MarkUnreachable(UnreachableSlave {
                id: v1::AgentId { value: "S1".to_owned() },
                timestamp: at,
                ..Default::default()
            }),
            RegistryWrite::MarkGone(GoneSlave { id: v1::AgentId { value: "S2".to_owned() }, timestamp: at }),
            RegistryWrite::MarkReachable(agent("S3")),
            RegistryWrite::RemoveAgent(AgentId::new("S3")),
            RegistryWrite::RemoveFramework(FrameworkId::new("f"), at),
            RegistryWrite::RemoveFramework(FrameworkId::new("g"), at),
            RegistryWrite::ForgetFramework(FrameworkId::new("g")),
            RegistryWrite::SetQuota(Box::new(v1::quota::QuotaConfig {
                role: "a/b".to_owned(),
                ..Default::default()
            })),
            RegistryWrite::SetWeight(v1::WeightInfo { role: Some("r".to_owned()), weight: 2.0 }),
            RegistryWrite::SetWeight(v1::WeightInfo { role: Some("s".to_owned()), weight: 2.0 }),
            RegistryWrite::RemoveWeight("s".to_owned()),
            RegistryWrite::SetMachine(Box::new(v1::MachineInfo {
                id: machine.clone(),
                ..Default::default()
            })),
            RegistryWrite::SetMachine(Box::default()),
            RegistryWrite::RemoveMachine(v1::MachineId::default()),
            RegistryWrite::SetSchedule(Some(Box::new(v1::maintenance::Schedule {
                windows: vec![v1::maintenance::Window::default()],
            }))),
            RegistryWrite::RequireCapability("QUOTA_V2".to_owned()),
            RegistryWrite::RequireCapability("AGENT_DRAINING".to_owned()),
            RegistryWrite::ReleaseCapability("AGENT_DRAINING".to_owned()),
        ];
        let mut expected = Registry::default();
        let storage = open(&RegistryConfig::InMemory).unwrap();
        storage.begin_term(tepui_storage::Fence::Alone).await.unwrap();
        for write in writes {
            expected.write(write.clone());
            for batch in batches(&[change(write)]).unwrap() {
                storage.commit(batch).await.unwrap();
            }
        }
        assert_eq!(rows(recover(&storage).await.unwrap()), expected);
        assert_eq!(expected.machines.len(), 1);

        let removals = [
            RegistryWrite::RemoveQuota("a/b".to_owned()),
            RegistryWrite::RemoveWeight("r".to_owned()),
            RegistryWrite::RemoveMachine(machine),
            RegistryWrite::SetSchedule(None),
            RegistryWrite::ReleaseCapability("QUOTA_V2".to_owned()),
            RegistryWrite::RemoveAgent(AgentId::new("S0")),
            RegistryWrite::RemoveAgent(AgentId::new("S1")),
            RegistryWrite::RemoveAgent(AgentId::new("S2")),
            RegistryWrite::ForgetFramework(FrameworkId::new("f")),
        ];
        for write in removals {
            for batch in batches(&[change(write)]).unwrap() {
                storage.commit(batch).await.unwrap();
            }
        }
        assert_eq!(rows(recover(&storage).await.unwrap()), Registry::default());
    }
}
