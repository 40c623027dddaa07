//! `/slaves`.

use tepui_proto::v1;

use crate::agent::Agent;
use crate::model::agent::{agent, agent_info, reserved, unreserved};
use crate::view::View;
use tepui_model::json::{Object, Parts, document};
use tepui_model::v0_json;

impl View {
    /// Renders `/slaves`, of one agent if it is named; gives what `parts` did not take.
    pub fn slaves(&self, only: Option<&str>, parts: &mut Parts<'_>) -> Vec<u8> {
        document(|object| {
            object.array("slaves", |array| {
                for (id, shown) in &self.agents {
                    if only.is_none_or(|only| only == id.as_str()) {
                        array.object(|object| {
                            agent(object, shown);
                            write_full_resources(object, shown);
                        });
                        array.pass_on(parts);
                    }
                }
            });
            write_recovered_agents(object, self, only);
        })
    }
}

/// Writes `recovered_slaves`.
pub(super) fn write_recovered_agents(object: &mut Object<'_>, view: &View, only: Option<&str>) {
    object.array("recovered_slaves", |array| {
        for (id, info) in &view.recovered_agents {
            if only.is_none_or(|only| only == id.as_str()) {
                array.object(|object| agent_info(object, info));
            }
        }
    });
}

/// Writes the resources with all that the sums leave out, which operators need to unreserve them.
fn write_full_resources(object: &mut Object<'_>, agent: &Agent) {
    let total = agent.total.to_protos_endpoint();
    object.object("reserved_resources_full", |object| {
        for (role, resources) in reserved(&total) {
            write_full(object, role, resources);
        }
    });
    write_full(object, "unreserved_resources_full", unreserved(&total));
    write_full(object, "used_resources_full", &agent.used_in_all().to_protos_endpoint());
    write_full(object, "offered_resources_full", &agent.offered.to_protos_endpoint());
}

fn write_full<'a>(
    object: &mut Object<'_>,
    name: &str,
    resources: impl IntoIterator<Item = &'a v1::Resource>,
) {
    object.array(name, |array| {
        for resource in resources {
            array.raw(v0_json(resource));
        }
    });
}
