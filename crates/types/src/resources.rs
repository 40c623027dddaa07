//! Several resources, combined: their arithmetic, their text and their messages.
//!
//! Resources of one kind are one entry: `cpus:1 + cpus:2` is `cpus:3`. Entries keep the order in which they came, and
//! one that is used up is replaced by the last, because clients see the order that Mesos keeps. There are no empty
//! entries and no negative amounts. Sharing is counted: see [`Resource::shared_count`].

mod arithmetic;
mod convert;
mod filter;
mod format;
mod parse;
#[cfg(test)]
pub(crate) mod samples;
mod validate;

use std::sync::Arc;

pub use convert::MAX_ENTRIES;
pub use format::{DisplayDisk, DisplayResource};
pub use validate::{ResourceError, validate_resource};

use crate::resource::Resource;

/// Resources, combined. Two are equal if each contains the other. A clone shares the entries until one of the two is
/// changed: most resources are held by several who only look at them.
#[derive(Clone, Default)]
pub struct Resources(Option<Arc<Vec<Resource>>>);

/// Resources that are refused. Its texts are Mesos' own, because clients show and match them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResourcesError {
    /// A resource of a message is invalid.
    #[error("Resource '{resource}' is invalid: {reason}")]
    Invalid {
        /// The resource as text.
        resource: String,
        /// What is wrong.
        reason: ResourceError,
    },
    /// There are more entries than [`MAX_ENTRIES`].
    #[error("There are more than {MAX_ENTRIES} kinds of resources")]
    TooMany,
    /// A resource of a text is invalid.
    #[error(transparent)]
    InvalidText(#[from] ResourceError),
    /// A text has not the form `name:value`.
    #[error("Bad value for resources, missing or extra ':' in {0}")]
    BadColons(String),
    /// A text has not the form `name(role):value`.
    #[error("Bad value for resources, mismatched parentheses in {0}")]
    BadParentheses(String),
    /// A value cannot be read.
    #[error("Failed to parse resource {name} value {value} error {reason}")]
    BadValue {
        /// The resource's name.
        name: String,
        /// The value.
        value: String,
        /// What is wrong.
        reason: crate::value::ValueError,
    },
    /// A value is neither an amount, nor ranges, nor a set.
    #[error("Bad type for resource {name} value {value} type TEXT")]
    BadType {
        /// The resource's name.
        name: String,
        /// The value.
        value: String,
    },
    /// The JSON does not describe resources.
    #[error("Some JSON resources were not formatted properly: {0}")]
    BadJson(String),
    /// An operator gave a persistent volume.
    #[error("Persistent volumes cannot be specified at the command line")]
    VolumeInText,
    /// An operator gave a revocable resource.
    #[error(
        "Revocable resources cannot be specified at the command line; do not include a 'revocable' key in the resources \
         JSON"
    )]
    RevocableInText,
    /// An operator gave a dynamic reservation.
    #[error(
        "Dynamic reservations cannot be specified at the command line; do not include a reservation with DYNAMIC type \
         in the resources JSON"
    )]
    DynamicReservationInText,
    /// An operator gave a name two types.
    #[error("Resources with the same name ('{0}') but different types are not allowed")]
    MixedTypes(String),
}

impl Resources {
    /// No resources.
    pub const fn new() -> Self {
        Self(None)
    }

    /// Shares the entries of others if these have the very same: plain ones in the same order. Tasks of a framework most
    /// often hold the same, and there are many.
    pub fn share(&mut self, others: &Self) {
        let is_same = |(own, other): (&Resource, &Resource)| {
            own.details.is_none() && own.copies.is_none() && other.copies.is_none() && own == other
        };
        if self.len() == others.len() && self.iter().zip(others).all(is_same) {
            *self = others.clone();
        }
    }

    fn of_entries(entries: Vec<Resource>) -> Self {
        Self(Some(entries).filter(|entries| !entries.is_empty()).map(Arc::new))
    }

    fn entries(&self) -> &[Resource] {
        self.0.as_ref().map_or(&[], |entries| entries)
    }

    /// The entries, to be changed: those of a clone stay as they are.
    fn entries_mut(&mut self) -> &mut Vec<Resource> {
        Arc::make_mut(self.0.get_or_insert_default())
    }

    /// Tells whether these are a clone of the others that nobody has changed. It may say no of equal ones.
    fn is_clone_of(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(own), Some(other)) => Arc::ptr_eq(own, other),
            (None, Some(_)) | (Some(_), None) => false,
        }
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// The entries.
    pub fn iter(&self) -> std::slice::Iter<'_, Resource> {
        self.entries().iter()
    }
}

impl<'a> IntoIterator for &'a Resources {
    type Item = &'a Resource;
    type IntoIter = std::slice::Iter<'a, Resource>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Resources {
    type Item = Resource;
    type IntoIter = std::vec::IntoIter<Resource>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.map(Arc::unwrap_or_clone).unwrap_or_default().into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{resource, resources, volume_proto};
    use super::*;

    #[test]
    fn only_the_very_same_is_shared() {
        let plain = resources("cpus:1;mem:2;ports:[1-2]");
        let volume = |text| resources(text) + Resources::from(resource(&volume_proto("id", 5.0, true)));
        for (own, other, shared) in [
            (resources("cpus:1;mem:2;ports:[1-2]"), &plain, true),
            (resources("mem:2;cpus:1;ports:[1-2]"), &plain, false),
            (resources("cpus:1;mem:2"), &plain, false),
            (resources("cpus:1;mem:3;ports:[1-2]"), &plain, false),
            (volume("cpus:1"), &volume("cpus:1"), false),
        ] {
            let mut sharing = own.clone();
            sharing.share(other);
            assert_eq!(sharing.is_clone_of(other), shared, "{own}");
            assert_eq!(sharing.to_string(), own.to_string());
        }
    }
}
