//! Flags that were parsed and checked.

use std::collections::BTreeMap;
use std::time::Duration;

use tepui_types::{parse_bytes, parse_duration};

/// The value of every flag of a set: as given, else the default.
#[derive(Clone, Debug, Default)]
pub struct Values {
    pub(crate) texts: BTreeMap<&'static str, String>,
    pub(crate) given: BTreeMap<&'static str, bool>,
    pub(crate) warnings: Vec<String>,
}

impl Values {
    /// The text of a flag, if it was given or has a default.
    pub fn text(&self, name: &str) -> Option<&str> {
        assert!(self.given.contains_key(name), "no flag is called `{name}`");
        self.texts.get(name).map(String::as_str)
    }

    /// Whether the flag was given, on the command line or in the environment.
    pub fn is_given(&self, name: &str) -> bool {
        self.given.get(name).copied().unwrap_or(false)
    }

    /// The value of a `bool` flag; its default makes it always there.
    pub fn bool(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }

    /// The value of an `integer` flag.
    pub fn integer(&self, name: &str) -> Option<u64> {
        self.text(name).map(|text| text.parse().expect("checked when it was parsed"))
    }

    /// The value of a `number` flag.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.text(name).map(|text| text.parse().expect("checked when it was parsed"))
    }

    /// The value of a `duration` flag.
    pub fn duration(&self, name: &str) -> Option<Duration> {
        self.text(name).map(|text| parse_duration(text).expect("checked when it was parsed"))
    }

    /// The value of a `bytes` flag, in bytes.
    pub fn bytes(&self, name: &str) -> Option<u64> {
        self.text(name).map(|text| parse_bytes(text).expect("checked when it was parsed"))
    }

    /// What an operator should know: flags that are ignored, and why that does no harm.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// All flags that have a value, in the order of their names, as `/flags` shows them: without passwords.
    pub fn shown(&self) -> Vec<(String, String)> {
        self.iter().map(|(name, value)| (name.to_owned(), without_secret(value))).collect()
    }

    /// All flags that have a value, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.texts.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

/// Compat: Mesos shows the password of `--zk` to everyone who may read `/flags`.
fn without_secret(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://").filter(|(scheme, _)| matches!(*scheme, "zk" | "etcd"))
    else {
        return value.to_owned();
    };
    let authority = rest.split('/').next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((credentials, _)) => {
            let user = credentials.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}:****{}", &rest[credentials.len()..])
        }
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(without_secret("zk://ann:p@ss@h:1,i:2/mesos"), "zk://ann:****@h:1,i:2/mesos");
        assert_eq!(without_secret("etcd://ann:p@h/x?ca=/a@b"), "etcd://ann:****@h/x?ca=/a@b");
        for plain in ["zk://h:1/mesos", "a@b", "file:///etc/zk"] {
            assert_eq!(without_secret(plain), plain);
        }
    }
}
