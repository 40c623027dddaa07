//! A reservation of a resource to a role. A resource has a stack of them, each refining the one below.

use std::fmt;
use std::sync::Arc;

use tepui_proto::v1;
use tepui_proto::v1::resource::reservation_info::Type;

use crate::labels::{DisplayLabels, labels_equal};

/// Who made a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReservationKind {
    /// The agent's operator, by flag.
    Static,
    /// A framework or an operator, by a call.
    Dynamic,
}

impl ReservationKind {
    fn to_proto(self) -> Type {
        match self {
            Self::Static => Type::Static,
            Self::Dynamic => Type::Dynamic,
        }
    }
}

/// A claim of a role on a resource.
#[derive(Clone, Debug)]
pub struct Reservation {
    /// Who made it.
    pub kind: ReservationKind,
    /// The role that may use the resource, with its subroles.
    pub role: Arc<str>,
    /// The principal that made it.
    pub principal: Option<Arc<str>>,
    /// Free text of whoever made it.
    pub labels: Option<Arc<v1::Labels>>,
}

impl Reservation {
    /// Reads a message; `None` if its type is not known or it has no role.
    pub fn from_proto(info: &v1::resource::ReservationInfo) -> Option<Self> {
        let kind = match Type::try_from(info.r#type?).ok()? {
            Type::Static => ReservationKind::Static,
            Type::Dynamic => ReservationKind::Dynamic,
            Type::Unknown => return None,
        };
        Some(Self {
            kind,
            role: Arc::from(info.role.as_deref()?),
            principal: info.principal.as_deref().map(Arc::from),
            labels: info.labels.clone().map(Arc::new),
        })
    }

    /// The message that carries this reservation within a stack.
    pub fn to_proto(&self) -> v1::resource::ReservationInfo {
        v1::resource::ReservationInfo {
            r#type: Some(self.kind.to_proto().into()),
            role: Some(self.role.as_ref().to_owned()),
            ..self.to_proto_pre_refinement()
        }
    }

    /// The message that carries this dynamic reservation beside a resource's `role`.
    pub fn to_proto_pre_refinement(&self) -> v1::resource::ReservationInfo {
        v1::resource::ReservationInfo {
            r#type: None,
            role: None,
            principal: self.principal.as_deref().map(str::to_owned),
            labels: self.labels.as_deref().cloned(),
        }
    }
}

impl PartialEq for Reservation {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.role == other.role
            && self.principal == other.principal
            && match (&self.labels, &other.labels) {
                (None, None) => true,
                (Some(own), Some(other)) => labels_equal(own, other),
                (None, Some(_)) | (Some(_), None) => false,
            }
    }
}

impl Eq for Reservation {}

/// A reservation message that shows as Mesos shows it: `DYNAMIC,role,principal,{key: value}`.
#[derive(Debug)]
pub struct DisplayReservation<'a>(pub &'a v1::resource::ReservationInfo);

impl fmt::Display for DisplayReservation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.0.r#type().as_str_name(), self.0.role())?;
        if let Some(principal) = &self.0.principal {
            write!(f, ",{principal}")?;
        }
        if let Some(labels) = &self.0.labels {
            write!(f, ",{}", DisplayLabels(labels))?;
        }
        Ok(())
    }
}
