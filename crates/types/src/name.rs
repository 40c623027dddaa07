//! Names of resources. The few that every cluster has cost nothing to copy and compare.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// The name of a kind of resource.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum ResourceName {
    /// Shares of processors.
    Cpus,
    /// Memory, in megabytes.
    Mem,
    /// Disk space, in megabytes.
    Disk,
    /// Network ports.
    Ports,
    /// Graphics processors.
    Gpus,
    /// What an operator defined. Made by `From`, which never puts one of the names above here.
    Other(Arc<str>),
}

impl ResourceName {
    /// The text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Cpus => "cpus",
            Self::Mem => "mem",
            Self::Disk => "disk",
            Self::Ports => "ports",
            Self::Gpus => "gpus",
            Self::Other(name) => name,
        }
    }

    fn well_known(name: &str) -> Option<Self> {
        Some(match name {
            "cpus" => Self::Cpus,
            "mem" => Self::Mem,
            "disk" => Self::Disk,
            "ports" => Self::Ports,
            "gpus" => Self::Gpus,
            _ => return None,
        })
    }
}

impl From<&str> for ResourceName {
    fn from(name: &str) -> Self {
        Self::well_known(name).unwrap_or_else(|| Self::Other(name.into()))
    }
}

/// Names sort by their text.
impl Ord for ResourceName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for ResourceName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_by_text_and_survive_it() {
        let mut names = ["ports", "x", "cpus", "mem", "gpus", "disk", "a"].map(ResourceName::from);
        names.sort();
        assert_eq!(names.map(|name| name.to_string()), ["a", "cpus", "disk", "gpus", "mem", "ports", "x"]);
    }
}
