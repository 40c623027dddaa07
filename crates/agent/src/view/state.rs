//! `/state`, `/flags` and `/version`.

use tepui_agent_core::TaskPlace;
use tepui_proto::v1;
use tepui_types::Resources;

use super::{Executor, Framework, VERSION, View};
use tepui_model::attributes::attributes;
use tepui_model::json::{Array, Object, Text, document};
use tepui_model::labels::labels;
use tepui_model::resources::resources;
use tepui_model::task::task;
use tepui_model::v0_json;

impl View {
    /// Renders `/state`.
    pub(crate) fn state(&self) -> Vec<u8> {
        let core = &self.config.core;
        document(|object| {
            object.field("version", VERSION);
            object.field("build_date", "");
            object.field("build_time", 0.0);
            object.field("build_user", "");
            object.field("start_time", self.started);
            object.field("id", self.agent_id.as_deref().unwrap_or_default());
            object.field("pid", Text(&core.pid));
            object.field("hostname", &core.hostname);
            object.array("capabilities", |array| {
                for capability in &core.capabilities {
                    array.element(capability.as_str_name());
                }
            });
            self.write_resources(object);
            object.array("resource_providers", |_| {});
            object.object("attributes", |object| attributes(object, &core.attributes));
            if let Some(domain) = &core.domain {
                object.raw("domain", v0_json(domain));
            }
            if let Some(master) = &self.master {
                object.field("master_hostname", Text(master.address.ip()));
            }
            self.write_flags(object);
            object.array("frameworks", |array| {
                for framework in self.frameworks.values() {
                    array.object(|object| write_framework(object, framework));
                }
            });
            object.array("completed_frameworks", |array| {
                for (_, framework) in &self.completed_frameworks {
                    array.object(|object| write_framework(object, framework));
                }
            });
        })
    }

    /// Renders `/flags`.
    pub(crate) fn flags(&self) -> Vec<u8> {
        document(|object| self.write_flags(object))
    }

    /// Renders `/version`.
    pub(crate) fn version() -> Vec<u8> {
        document(|object| {
            object.field("build_date", "");
            object.field("build_time", 0.0);
            object.field("build_user", "");
            object.field("version", VERSION);
        })
    }

    /// What the agent is, as the v1 API says it.
    pub(crate) fn agent_info(&self) -> v1::AgentInfo {
        let core = &self.config.core;
        v1::AgentInfo {
            hostname: core.hostname.clone(),
            port: Some(i32::from(core.pid.address.port())),
            resources: core.resources.clone(),
            attributes: core.attributes.clone(),
            id: self.agent_id.clone().map(|value| v1::AgentId { value }),
            domain: core.domain.clone(),
            checkpoint: None,
        }
    }

    /// All flags that have a value.
    pub(crate) fn given_flags(&self) -> &[(String, String)] {
        &self.config.flags
    }

    fn write_flags(&self, object: &mut Object<'_>) {
        object.object("flags", |object| {
            for (name, value) in &self.config.flags {
                object.field(name, value);
            }
        });
    }

    fn write_resources(&self, object: &mut Object<'_>) {
        let total = &self.config.core.resources;
        object.object("resources", |object| resources(object, total));
        let all = Resources::from_protos(total).unwrap_or_default();
        let mut used = Resources::from_protos(&self.used()).unwrap_or_default();
        used.unallocate();
        write_reserved(object, "reserved_resources", &all);
        object.object("unreserved_resources", |object| resources(object, &all.unreserved().to_protos()));
        object.object("reserved_resources_full", |object| {
            for (role, reserved) in all.reservations() {
                object.array(&role, |array| write_full(array, &reserved));
            }
        });
        object.array("unreserved_resources_full", |array| write_full(array, &all.unreserved()));
        write_reserved(object, "reserved_resources_allocated", &used);
        object.object("unreserved_resources_allocated", |object| {
            resources(object, &used.unreserved().to_protos());
        });
    }
}

fn write_reserved(object: &mut Object<'_>, name: &str, all: &Resources) {
    object.object(name, |object| {
        for (role, reserved) in all.reservations() {
            object.object(&role, |object| resources(object, &reserved.to_protos()));
        }
    });
}

fn write_full(array: &mut Array<'_>, all: &Resources) {
    for resource in all.to_protos_endpoint() {
        array.raw(v0_json(&resource));
    }
}

fn write_framework(object: &mut Object<'_>, framework: &Framework) {
    use v1::framework_info::capability::Type::MultiRole;
    let info = &framework.entity.info;
    object.field("id", info.id.as_ref().map_or("", |id| &id.value));
    object.field("name", &info.name);
    object.field("user", &info.user);
    object.field("failover_timeout", info.failover_timeout());
    object.field("checkpoint", info.checkpoint());
    object.field("hostname", info.hostname());
    if let Some(principal) = &info.principal {
        object.field("principal", principal);
    }
    if info.capabilities.iter().any(|capability| capability.r#type() == MultiRole) {
        object.array("roles", |array| {
            for role in &info.roles {
                array.element(role);
            }
        });
    } else {
        object.field("role", info.role());
    }
    object.array("executors", |array| {
        for executor in framework.executors.values() {
            array.object(|object| write_executor(object, executor));
        }
    });
    object.array("completed_executors", |array| {
        for executor in &framework.completed_executors {
            array.object(|object| write_executor(object, executor));
        }
    });
}

fn write_executor(object: &mut Object<'_>, executor: &Executor) {
    let entity = &executor.entity;
    let info = &entity.info;
    object.field("id", &info.executor_id.value);
    object.field("name", info.name());
    object.field("source", info.source());
    object.field("container", entity.container.as_str());
    object.field("directory", &entity.directory);
    object.object("resources", |object| {
        resources(object, info.resources.iter().chain(executor.tasks_resources()));
    });
    // Resources may be allocated to one role only.
    let allocation = info.resources.first().and_then(|first| first.allocation_info.as_ref());
    if let Some(allocation) = allocation {
        object.field("role", allocation.role());
    }
    labels(object, info.labels.as_ref());
    if let Some(kind) = info.r#type {
        let kind = v1::executor_info::Type::try_from(kind).unwrap_or_default();
        object.field("type", kind.as_str_name());
    }
    object.array("tasks", |array| write_tasks(array, executor.tasks_at(TaskPlace::Launched)));
    object.array("queued_tasks", |array| write_tasks(array, executor.tasks_at(TaskPlace::Queued)));
    object.array("completed_tasks", |array| {
        write_tasks(array, executor.completed.iter().chain(executor.tasks_at(TaskPlace::Terminated)));
    });
}

fn write_tasks<'a>(array: &mut Array<'_>, tasks: impl Iterator<Item = &'a v1::Task>) {
    for shown in tasks {
        array.object(|object| task(object, shown));
    }
}
