//! Short forms for the JSON that cases are full of.
//!
//! - `@res(cpus:1;mem:32;ports:[1-2];disk(role):8;cpus(role,principal):1)`: a list of resources; a role in parentheses is
//!   a dynamic reservation;
//! - `@volume(ROLE ID SIZE)`: a persistent volume, mounted at `path`;
//! - `@task(ID AGENT RESOURCES {override})` and `@executor(ID RESOURCES {override})`: the override's fields replace
//!   fields, and `null` removes one;
//! - `@caps(A B)`: a list of capabilities.

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

/// Replaces every `@name(...)` in a text, the innermost first.
pub(crate) fn expand(text: &str) -> anyhow::Result<String> {
    let Some(start) =
        text.find('@').filter(|at| text[at + 1..].starts_with(|c: char| c.is_ascii_lowercase()))
    else {
        return Ok(text.to_owned());
    };
    let Some((name, rest)) = text[start + 1..].split_once('(') else { return Ok(text.to_owned()) };
    let end = closing(rest).with_context(|| format!("`@{name}(` is not closed"))?;
    let inside = expand(&rest[..end])?;
    let value = call(name, &inside).with_context(|| format!("in `@{name}({inside})`"))?;
    Ok(format!("{}{value}{}", &text[..start], expand(&rest[end + 1..])?))
}

/// Where the parenthesis ends whose inside `text` begins with.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    let mut in_string = false;
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            '(' if !in_string => depth += 1,
            ')' if !in_string && depth == 0 => return Some(at),
            ')' if !in_string => depth -= 1,
            _ => {}
        }
    }
    None
}

fn call(name: &str, inside: &str) -> anyhow::Result<Value> {
    let words = arguments(inside)?;
    let word = |at: usize| {
        words.get(at).and_then(Argument::word).with_context(|| format!("argument {} is missing", at + 1))
    };
    Ok(match name {
        "res" => resources(word(0)?)?,
        "caps" => words.iter().filter_map(Argument::word).map(|name| json!({ "type": name })).collect(),
        "volume" => volume(word(0)?, word(1)?, word(2)?.parse()?),
        "task" => {
            let task = json!({
                "name": word(0)?, "task_id": {"value": word(0)?}, "agent_id": {"value": format!("<agent:{}>", word(1)?)},
                "resources": resources(word(2)?)?, "command": {"value": "sleep 1000"},
            });
            overridden(task, words.get(3))
        }
        "executor" => {
            let executor = json!({
                "executor_id": {"value": word(0)?}, "type": "CUSTOM", "resources": resources(word(1)?)?,
                "command": {"value": "executor"},
            });
            overridden(executor, words.get(2))
        }
        other => bail!("no macro is called `{other}`"),
    })
}

/// Replaces fields of an object; null removes one.
pub(crate) fn overridden(mut object: Value, with: Option<&Argument>) -> Value {
    if let (Some(object), Some(Argument::Json(Value::Object(with)))) = (object.as_object_mut(), with) {
        for (key, value) in with {
            if value.is_null() {
                object.remove(key);
            } else {
                object.insert(key.clone(), value.clone());
            }
        }
    }
    object
}

fn volume(role: &str, id: &str, size: f64) -> Value {
    json!({
        "name": "disk", "type": "SCALAR", "scalar": {"value": size},
        "reservations": [{"type": "DYNAMIC", "role": role}],
        "disk": {"persistence": {"id": id}, "volume": {"mode": "RW", "container_path": "path"}},
    })
}

fn resources(text: &str) -> anyhow::Result<Value> {
    text.split(';').filter(|item| !item.is_empty()).map(|item| resource(item, false)).collect()
}

/// The resources of an agent, where a role is a static reservation in the old format.
pub(crate) fn agent_resources(text: &str) -> anyhow::Result<Value> {
    text.split(';').map(|item| resource(item, true)).collect()
}

fn resource(item: &str, is_of_agent: bool) -> anyhow::Result<Value> {
    let (name, value) = item.split_once(':').with_context(|| format!("`{item}` has no value"))?;
    let (name, role) = match name.split_once('(') {
        Some((name, role)) => (name, Some(role.trim_end_matches(')'))),
        None => (name, None),
    };
    let mut resource = json!({ "name": name });
    if let Some(ranges) = value.strip_prefix('[') {
        let ranges = ranges.trim_end_matches(']').split(',').filter(|range| !range.is_empty());
        let ranges = ranges.map(|range| -> anyhow::Result<Value> {
            let (begin, end) = range.split_once('-').context("a range is `A-B`")?;
            Ok(json!({"begin": begin.parse::<u64>()?, "end": end.parse::<u64>()?}))
        });
        resource["type"] = "RANGES".into();
        resource["ranges"] = json!({ "range": ranges.collect::<anyhow::Result<Value>>()? });
    } else if let Some(items) = value.strip_prefix('{') {
        resource["type"] = "SET".into();
        resource["set"] = json!({"item": items.trim_end_matches('}').split(',').collect::<Vec<_>>()});
    } else {
        resource["type"] = "SCALAR".into();
        resource["scalar"] = json!({"value": value.parse::<f64>()?});
    }
    match (role, is_of_agent) {
        (Some(role), true) => resource["role"] = role.into(),
        (Some(role), false) => {
            let (role, principal) =
                role.split_once(',').map_or((role, None), |(role, principal)| (role, Some(principal)));
            let mut reservation = json!({"type": "DYNAMIC", "role": role});
            if let Some(principal) = principal {
                reservation["principal"] = principal.into();
            }
            resource["reservations"] = json!([reservation]);
        }
        (None, _) => {}
    }
    Ok(resource)
}

/// A word, or a JSON value.
#[derive(Clone, Debug)]
pub(crate) enum Argument {
    /// A bare word.
    Word(String),
    /// What begins with a brace or a bracket.
    Json(Value),
}

impl Argument {
    pub(crate) fn word(&self) -> Option<&str> {
        match self {
            Self::Word(word) => Some(word),
            Self::Json(_) => None,
        }
    }
}

/// Splits a text at its spaces, except those inside of JSON.
pub(crate) fn arguments(text: &str) -> anyhow::Result<Vec<Argument>> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let length = if rest.starts_with(['{', '[', '"']) {
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
            let value = values.next().context("a value")?.with_context(|| format!("in `{rest}`"))?;
            found.push(Argument::Json(value));
            values.byte_offset()
        } else {
            let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
            found.push(Argument::Word(rest[..length].to_owned()));
            length
        };
        rest = rest[length..].trim_start();
    }
    Ok(found)
}
