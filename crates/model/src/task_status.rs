//! A status of a task.

use tepui_proto::v1;

use crate::json::Object;
use crate::labels::labels;
use crate::v0_json;

/// Writes the fields of a status.
pub fn task_status(object: &mut Object<'_>, status: &v1::TaskStatus) {
    object.field("state", status.state().as_str_name());
    object.field("timestamp", status.timestamp());
    labels(object, status.labels.as_ref());
    if let Some(container_status) = &status.container_status {
        object.object("container_status", |object| write_container_status(object, container_status));
    }
    if let Some(healthy) = status.healthy {
        object.field("healthy", healthy);
    }
}

pub(crate) fn write_container_status(object: &mut Object<'_>, status: &v1::ContainerStatus) {
    if let Some(id) = &status.container_id {
        object.raw("container_id", v0_json(id));
    }
    if !status.network_infos.is_empty() {
        object.array("network_infos", |array| {
            for info in &status.network_infos {
                array.object(|object| write_network_info(object, info));
            }
        });
    }
    if let Some(cgroup_info) = &status.cgroup_info {
        object.raw("cgroup_info", v0_json(cgroup_info));
    }
}

fn write_network_info(object: &mut Object<'_>, info: &v1::NetworkInfo) {
    if !info.groups.is_empty() {
        object.array("groups", |array| {
            for group in &info.groups {
                array.element(group);
            }
        });
    }
    labels(object, info.labels.as_ref());
    if !info.ip_addresses.is_empty() {
        object.array("ip_addresses", |array| {
            for address in &info.ip_addresses {
                array.raw(v0_json(address));
            }
        });
    }
    if let Some(name) = &info.name {
        object.field("name", name);
    }
    if !info.port_mappings.is_empty() {
        object.array("port_mappings", |array| {
            for mapping in &info.port_mappings {
                array.raw(v0_json(mapping));
            }
        });
    }
}
