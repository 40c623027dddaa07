//! A framework, in short and in full.

use tepui_proto::v1;

use super::executor::executor;
use super::offer::offer;
use crate::framework::Framework;
use crate::task::Task;
use tepui_model::encoded_task::TaskWriter;
use tepui_model::json::{Array, Object, Parts, Text};
use tepui_model::labels::labels;
use tepui_model::resources::resources;
use tepui_model::v0_json;

/// Writes what `/state-summary` shows of a framework; the other endpoints begin with the same.
pub(crate) fn framework_summary(object: &mut Object<'_>, framework: &Framework) {
    let entity = &framework.entity;
    object.field("id", Text(framework.id()));
    object.field("name", &entity.info.name);
    if let Some(pid) = &entity.pid {
        object.field("pid", Text(pid));
    }
    object.object("used_resources", |object| resources(object, &framework.used.to_protos()));
    object.object("offered_resources", |object| resources(object, &framework.offered.to_protos()));
    object.array("capabilities", |array| {
        for capability in &entity.info.capabilities {
            array.element(capability.r#type().as_str_name());
        }
    });
    object.field("hostname", entity.info.hostname());
    object.field("webui_url", entity.info.webui_url());
    object.field("active", entity.active);
    object.field("connected", entity.connected);
    object.field("recovered", entity.recovered);
}

/// Writes all that `/state` and `/frameworks` show of a framework.
pub(crate) fn framework(object: &mut Object<'_>, framework: &Framework, parts: &mut Parts<'_>) {
    framework_summary(object, framework);
    let entity = &framework.entity;
    let info = &entity.info;
    object.field("user", &info.user);
    object.field("failover_timeout", info.failover_timeout());
    object.field("checkpoint", info.checkpoint());
    object.field("registered_time", entity.registered);
    object.field("unregistered_time", framework.unregistered.unwrap_or_default());
    if let Some(principal) = &info.principal {
        object.field("principal", principal);
    }
    object.object("resources", |object| {
        let taken = framework.used.to_protos().into_iter().chain(framework.offered.to_protos());
        resources(object, &taken.collect::<Vec<v1::Resource>>());
    });
    if entity.registered != entity.reregistered {
        object.field("reregistered_time", entity.reregistered);
    }
    write_roles(object, framework);
    object.array("tasks", |array| write_tasks(array, framework, framework.tasks.values(), parts));
    object.array("unreachable_tasks", |array| {
        write_tasks(array, framework, framework.unreachable.values(), parts);
    });
    object.array("completed_tasks", |array| write_tasks(array, framework, framework.completed.iter(), parts));
    object.array("offers", |array| {
        for outstanding in framework.offers.values() {
            array.object(|object| offer(object, outstanding));
        }
    });
    write_executors(object, framework);
    labels(object, info.labels.as_ref());
    object.raw("offer_constraints", v0_json(&entity.offer_constraints.clone().unwrap_or_default()));
}

fn write_roles(object: &mut Object<'_>, framework: &Framework) {
    if framework.is_multi_role() {
        object.array("roles", |array| {
            for role in &framework.entity.info.roles {
                array.element(role);
            }
        });
    } else {
        object.field("role", framework.entity.info.role());
    }
}

fn write_tasks<'a>(
    array: &mut Array<'_>,
    framework: &Framework,
    tasks: impl Iterator<Item = &'a Task>,
    parts: &mut Parts<'_>,
) {
    let id = framework.id();
    let mut writer = TaskWriter::default();
    for task in tasks {
        array.object(|object| writer.write(object, &task.encoded(&id)));
        array.pass_on(parts);
    }
}

fn write_executors(object: &mut Object<'_>, framework: &Framework) {
    object.array("executors", |array| {
        for ((agent, _), info) in &framework.executors {
            array.object(|object| {
                executor(object, info);
                object.field("slave_id", agent.as_str());
            });
        }
    });
}
