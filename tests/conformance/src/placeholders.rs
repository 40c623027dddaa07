//! What differs from run to run, and the names that stand for it in transcripts.

use std::collections::BTreeMap;

use serde_json::Value;

/// Fields that hold a point in time.
const TIMES: &[&str] = &["timestamp", "start_time", "registered_time", "reregistered_time", "elected_time"];

/// More nanoseconds than any honest duration has: it is a time of day.
const LEAST_POINT_IN_TIME: u64 = 1_000_000_000_000_000_000;

/// The names of one case.
#[derive(Debug, Default)]
pub(crate) struct Placeholders {
    /// What is hidden, and its placeholder; in the order of naming.
    names: Vec<(String, String)>,
    counters: BTreeMap<&'static str, u32>,
}

impl Placeholders {
    /// Gives `real` a name, if it has none.
    pub(crate) fn name(&mut self, real: &str, placeholder: &str) {
        if !real.is_empty() && self.placeholder(real).is_none() {
            self.names.push((real.to_owned(), format!("<{placeholder}>")));
            // A longer text may contain a shorter one: an offer's id contains the master's.
            self.names.sort_by_key(|(real, _)| std::cmp::Reverse(real.len()));
        }
    }

    /// Gives `real` the next number of its kind, if it has no name.
    pub(crate) fn number(&mut self, real: &str, kind: &'static str) {
        if self.placeholder(real).is_none() {
            let counter = self.counters.entry(kind).or_default();
            *counter += 1;
            let placeholder = format!("{kind}:{counter}");
            self.name(real, &placeholder);
        }
    }

    /// What stands for exactly this text.
    pub(crate) fn placeholder(&self, real: &str) -> Option<&str> {
        self.names.iter().find(|(known, _)| known == real).map(|(_, placeholder)| placeholder.as_str())
    }

    /// Replaces what differs from run to run.
    pub(crate) fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (real, placeholder) in &self.names {
            if text.contains(real.as_str()) {
                text = text.replace(real.as_str(), placeholder);
            }
        }
        text
    }

    /// Puts the real texts in the place of the placeholders.
    pub(crate) fn reveal(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (real, placeholder) in &self.names {
            if text.contains(placeholder.as_str()) {
                text = text.replace(placeholder.as_str(), real);
            }
        }
        text
    }

    /// Replaces what differs from run to run, and names what a case has not seen before.
    pub(crate) fn hide_json(&mut self, value: &mut Value) {
        self.hide_field("", value);
    }

    fn hide_field(&mut self, key: &str, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    let inherited =
                        matches!(key, "operation_uuid" | "resource_version_uuid") && name == "value";
                    self.hide_field(if inherited { key } else { name }, field);
                }
            }
            Value::Array(items) => {
                for item in items.iter_mut() {
                    self.hide_field(key, item);
                }
                if key == "resources" {
                    // Their order means nothing, and a real Mesos gives one or another.
                    items.sort_by_cached_key(Value::to_string);
                }
            }
            Value::Number(number) => {
                let is_late = number.as_u64().is_some_and(|number| number > LEAST_POINT_IN_TIME);
                if TIMES.contains(&key) || key == "nanoseconds" && is_late {
                    *value = "<time>".into();
                } else if key == "port" {
                    let hidden = self.hide(&format!(":{number}"));
                    if hidden.starts_with('<') {
                        *value = hidden.into();
                    }
                }
            }
            Value::String(text) => {
                match key {
                    "uuid" => self.number(text, "uuid"),
                    "operation_uuid" => self.number(text, "operation"),
                    "resource_version_uuid" => self.name(text, "resource-version"),
                    "message" => *text = sort_resources(text),
                    _ => {}
                }
                *text = self.hide(text);
            }
            Value::Null | Value::Bool(_) => {}
        }
    }
}

/// Sorts lists such as `mem:1; cpus(allocated: role):2` in a text: their order means nothing.
fn sort_resources(text: &str) -> String {
    let mut sorted = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut items = Vec::new();
        let mut behind = rest;
        while let Some(length) = resource_length(behind) {
            items.push(&behind[..length]);
            let next = behind[length..].strip_prefix("; ").filter(|next| resource_length(next).is_some());
            behind = next.unwrap_or(&behind[length..]);
            if next.is_none() {
                break;
            }
        }
        if items.is_empty() {
            // On to the next word.
            let end = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
            let end = end + rest[end..].find(is_name).unwrap_or(rest.len() - end);
            sorted += &rest[..end];
            rest = &rest[end..];
        } else {
            items.sort_unstable();
            sorted += &items.join("; ");
            rest = behind;
        }
    }
    sorted
}

fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// The length of a resource that a text begins with: a name, what is in brackets, a colon and a value.
fn resource_length(text: &str) -> Option<usize> {
    let mut at = text.find(|c: char| !is_name(c)).filter(|at| *at > 0)?;
    while let Some(length) = bracket_length(&text[at..]) {
        at += length;
    }
    at += text[at..].strip_prefix(':').map(|_| 1)?;
    let value = &text[at..];
    let length = match bracket_length(value) {
        Some(length) => length,
        None => value.find(|c: char| !c.is_ascii_digit() && !"-.e+".contains(c)).unwrap_or(value.len()),
    };
    (length > 0).then_some(at + length)
}

/// The length of a text in brackets that a text begins with.
fn bracket_length(text: &str) -> Option<usize> {
    let open = text.chars().next()?;
    let close = closing(open)?;
    let mut depth = 0;
    for (at, character) in text.char_indices() {
        depth += i32::from(character == open) - i32::from(character == close);
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

fn closing(open: char) -> Option<char> {
    match open {
        '(' => Some(')'),
        '[' => Some(']'),
        '{' => Some('}'),
        '<' => Some('>'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_in_texts_are_sorted() {
        let text =
            "Task uses ports(allocated: r):[1-2]; mem:5; cpus(allocated: r):0.1 of mem:3; no: b:1; a:2";
        let sorted =
            "Task uses cpus(allocated: r):0.1; mem:5; ports(allocated: r):[1-2] of mem:3; no: a:2; b:1";
        assert_eq!(sort_resources(text), sorted);
        let text = "available disk(reservations: [(DYNAMIC,r)])[v:p]:500; cpus:1";
        assert_eq!(sort_resources(text), "available cpus:1; disk(reservations: [(DYNAMIC,r)])[v:p]:500");
    }
}
