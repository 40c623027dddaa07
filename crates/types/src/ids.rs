//! The ids of everything in a cluster, each its own type, so that no function takes two bare strings.
//!
//! An id is immutable shared text: a clone costs one counter.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use tepui_proto::v1;

/// Defines a newtype over shared text and its conversions from and to a message.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $proto:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Makes an id of this text, unchecked: see [`crate::validate_id`].
            pub fn new(value: impl Into<Arc<str>>) -> Self {
                Self(value.into())
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The message that carries this id.
            pub fn to_proto(&self) -> v1::$proto {
                v1::$proto { value: self.0.as_ref().to_owned() }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl From<&v1::$proto> for $name {
            fn from(id: &v1::$proto) -> Self {
                Self(Arc::from(id.value.as_str()))
            }
        }

        impl From<v1::$proto> for $name {
            fn from(id: v1::$proto) -> Self {
                Self(Arc::from(id.value))
            }
        }

        impl From<&$name> for v1::$proto {
            fn from(id: &$name) -> Self {
                id.to_proto()
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

id!(
    /// The id of a framework, given by the master that first saw it.
    FrameworkId, FrameworkId
);
id!(
    /// The id of an agent, given by the master that first admitted it.
    AgentId, AgentId
);
id!(
    /// The id of an offer.
    OfferId, OfferId
);
id!(
    /// The id of an inverse offer. The messages call it an offer id too.
    InverseOfferId, OfferId
);
id!(
    /// The id of a task, chosen by its framework and unique within it.
    TaskId, TaskId
);
id!(
    /// The id of an executor, chosen by its framework and unique within it on one agent.
    ExecutorId, ExecutorId
);
id!(
    /// The id that a framework gave an offer operation.
    OperationId, OperationId
);
id!(
    /// The id of a provider of an agent's resources.
    ResourceProviderId, ResourceProviderId
);

/// The id of a container, with the chain of containers that it is nested in.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId {
    value: Arc<str>,
    parent: Option<Arc<ContainerId>>,
}

impl ContainerId {
    /// Makes the id of a container that is not nested.
    pub fn new(value: impl Into<Arc<str>>) -> Self {
        Self { value: value.into(), parent: None }
    }

    /// Makes the id of a container nested in this one.
    #[must_use]
    pub fn child(&self, value: impl Into<Arc<str>>) -> Self {
        Self { value: value.into(), parent: Some(Arc::new(self.clone())) }
    }

    /// This container's own part of the id.
    pub fn as_str(&self) -> &str {
        &self.value
    }

    /// The container that this one is nested in.
    pub fn parent(&self) -> Option<&Self> {
        self.parent.as_deref()
    }

    /// The outermost container of the chain.
    pub fn root(&self) -> &Self {
        let mut id = self;
        while let Some(parent) = id.parent() {
            id = parent;
        }
        id
    }

    /// The message that carries this id.
    pub fn to_proto(&self) -> v1::ContainerId {
        v1::ContainerId {
            value: self.value.as_ref().to_owned(),
            parent: self.parent().map(|parent| Box::new(parent.to_proto())),
        }
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent() {
            write!(f, "{parent}.")?;
        }
        f.write_str(&self.value)
    }
}

impl fmt::Debug for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContainerId({self})")
    }
}

impl From<&v1::ContainerId> for ContainerId {
    fn from(id: &v1::ContainerId) -> Self {
        Self {
            value: Arc::from(id.value.as_str()),
            parent: id.parent.as_deref().map(|parent| Arc::new(parent.into())),
        }
    }
}

impl From<v1::ContainerId> for ContainerId {
    fn from(id: v1::ContainerId) -> Self {
        Self::from(&id)
    }
}

impl From<&ContainerId> for v1::ContainerId {
    fn from(id: &ContainerId) -> Self {
        id.to_proto()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn an_id_survives_the_message() {
        let id = TaskId::new("a");
        assert_eq!(TaskId::from(&id.to_proto()), id);
        assert_eq!(TaskId::from(id.to_proto()), id);
        assert_eq!(id.to_string(), "a");
        assert_eq!(format!("{id:?}"), "TaskId(a)");
    }

    #[test]
    fn an_id_is_found_by_its_text() {
        let map = BTreeMap::from([(AgentId::new("S0"), 1)]);
        assert_eq!(map.get("S0"), Some(&1));
    }

    #[test]
    fn a_nested_container_shows_its_chain() {
        let id = ContainerId::new("a").child("b").child("c");
        assert_eq!(id.to_string(), "a.b.c");
        assert_eq!(id.root().as_str(), "a");
        assert_eq!(ContainerId::from(&id.to_proto()), id);
        assert_ne!(id, ContainerId::new("c"));
    }
}
