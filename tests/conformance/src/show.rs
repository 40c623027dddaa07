//! How what came is written into a transcript.

use serde_json::Value;
use tepui_proto::LinkMessage;

use crate::agent::decoded;
use crate::events::{What, kind, part};
use crate::placeholders::Placeholders;

/// An event, or the end of a stream.
pub(crate) fn event(
    names: &mut Placeholders,
    scheduler: &str,
    what: &What,
    with_master_info: bool,
) -> String {
    match what {
        What::Event(event) => {
            let mut shown = part(event).clone();
            if kind(event) == "SUBSCRIBED" && !with_master_info {
                shown["master_info"] = "...".into();
            }
            names.hide_json(&mut shown);
            let shown = if shown.is_null() { String::new() } else { format!(" {shown}") };
            format!("{scheduler}: {}{shown}", kind(event))
        }
        What::Closed(how) => format!("{scheduler}: {how}"),
        What::Message(message) => message_line(names, scheduler, message),
    }
}

/// A message that an agent got.
pub(crate) fn message_line(names: &mut Placeholders, agent: &str, message: &LinkMessage) -> String {
    let (name, mut value) = decoded(message);
    names.hide_json(&mut value);
    format!("{agent}: {name} {value}")
}

/// An offer: where, for which role, and what.
pub(crate) fn offer(names: &mut Placeholders, scheduler: &str, offer: &Value, is_full: bool) -> String {
    let mut shown = offer.clone();
    names.hide_json(&mut shown);
    if is_full {
        return format!("{scheduler}: offer {shown}");
    }
    let id = shown["id"]["value"].as_str().unwrap_or_default().to_owned();
    let agent = shown["agent_id"]["value"].as_str().unwrap_or_default().to_owned();
    let role = shown["allocation_info"]["role"].as_str().map(str::to_owned);
    let mut resources: Vec<_> = shown["resources"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| resource(item, role.as_deref()))
        .collect();
    // The order of resources means nothing.
    resources.sort();
    let role = role.map_or_else(String::new, |role| format!(" for {role}"));
    format!("{scheduler}: {id} of {agent}{role}: {}", resources.join("; "))
}

/// A resource as `name:value`, with all else that it says.
fn resource(resource: &Value, role: Option<&str>) -> String {
    let Some(fields) = resource.as_object() else { return resource.to_string() };
    let mut rest = fields.clone();
    let name = rest.remove("name").unwrap_or_default();
    let kind = rest.remove("type");
    let value = match kind.as_ref().and_then(Value::as_str) {
        Some("SCALAR") => rest.remove("scalar").map(|scalar| scalar["value"].to_string()),
        Some("RANGES") => rest.remove("ranges").map(|ranges| ranges["range"].to_string()),
        Some("SET") => rest.remove("set").map(|set| set["item"].to_string()),
        _ => None,
    };
    if role.is_some() && rest.get("allocation_info").and_then(|info| info["role"].as_str()) == role {
        rest.remove("allocation_info");
    }
    let rest = if rest.is_empty() { String::new() } else { Value::Object(rest).to_string() };
    format!("{}:{}{rest}", name.as_str().unwrap_or_default(), value.unwrap_or_default())
}
