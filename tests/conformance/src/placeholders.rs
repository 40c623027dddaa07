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
                    let inherited = matches!(key, "operation_uuid" | "resource_version_uuid") && name == "value";
                    self.hide_field(if inherited { key } else { name }, field);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.hide_field(key, item)),
            Value::Number(number) => {
                if TIMES.contains(&key) {
                    *value = "<time>".into();
                } else if key == "nanoseconds" && number.as_u64().is_some_and(|number| number > LEAST_POINT_IN_TIME) {
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
                    _ => {}
                }
                *text = self.hide(text);
            }
            Value::Null | Value::Bool(_) => {}
        }
    }
}
