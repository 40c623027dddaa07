//! `/state`.

use super::flags::write_flags;
use super::frameworks::write_frameworks;
use super::slaves::write_recovered_agents;
use crate::model::agent::agent;
use crate::model::domain::domain;
use crate::model::master_info::master_info;
use crate::view::{Leader, View};
use tepui_model::json::{Object, Parts, Text, document};

impl View {
    /// Renders `/state`; gives what `parts` did not take.
    pub fn state(&self, parts: &mut Parts<'_>) -> Vec<u8> {
        document(|object| self.write_state(object, parts))
    }

    fn write_state(&self, object: &mut Object<'_>, parts: &mut Parts<'_>) {
        write_build(object, self);
        if let Some(leader) = &self.leader {
            write_leader(object, self, leader);
        }
        for (name, value) in [
            ("cluster", &self.settings.cluster),
            ("log_dir", &self.settings.log_dir),
            ("external_log_file", &self.settings.external_log_file),
        ] {
            if let Some(value) = value {
                object.field(name, value);
            }
        }
        write_flags(object, self);
        object.array("slaves", |array| {
            for shown in self.agents.values() {
                array.object(|object| agent(object, shown));
                array.pass_on(parts);
            }
        });
        write_recovered_agents(object, self, None);
        write_frameworks(object, self, None, parts);
        // Compat: both have been empty for years, and readers still look for them.
        object.array("orphan_tasks", |_| {});
        object.array("unregistered_frameworks", |_| {});
    }
}

fn write_build(object: &mut Object<'_>, view: &View) {
    let build = &view.settings.build;
    object.field("version", &build.version);
    for (name, value) in
        [("git_sha", &build.git_sha), ("git_branch", &build.git_branch), ("git_tag", &build.git_tag)]
    {
        if let Some(value) = value {
            object.field(name, value);
        }
    }
    object.field("build_date", &build.build_date);
    object.field("build_time", build.build_time);
    object.field("build_user", &build.build_user);
}

fn write_leader(object: &mut Object<'_>, view: &View, leader: &Leader) {
    let info = &leader.info;
    let active = view.agents.values().filter(|agent| agent.active).count();
    object.field("start_time", leader.started);
    object.field("elected_time", leader.elected);
    object.field("id", &info.id);
    object.field("pid", info.pid());
    object.field("hostname", info.hostname());
    object.array("capabilities", |array| {
        for capability in &info.capabilities {
            array.element(capability.r#type().as_str_name());
        }
    });
    object.raw("activated_slaves", |out| count(active, out));
    object.raw("deactivated_slaves", |out| count(view.agents.len() - active, out));
    object.raw("unreachable_slaves", |out| count(view.unreachable_agents.len(), out));
    domain(object, info.domain.as_ref());
    object.field("leader", Text(info.pid()));
    object.object("leader_info", |object| master_info(object, info));
}

/// Mesos counts agents in doubles here.
#[expect(clippy::cast_precision_loss, reason = "counts of agents are small")]
fn count(number: usize, out: &mut Vec<u8>) {
    tepui_model::json::number(number as f64, out);
}
