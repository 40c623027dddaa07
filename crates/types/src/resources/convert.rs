//! From and to messages, which come in three formats.
//!
//! - *Post-refinement*, for frameworks with the capability `RESERVATION_REFINEMENT`: `reservations`, and no `role`.
//! - *Pre-refinement*, for all others and for older agents: `role` and `reservation`, and no `reservations`.
//! - *Endpoint*, for operators: both.
//!
//! Within [`Resource`] there is only the stack of reservations.

use std::num::NonZeroU32;
use std::sync::Arc;

use tepui_proto::v1;

use super::format::DisplayResource;
use super::validate::{role_of, validate_resource};
use super::{ResourceError, Resources, ResourcesError};
use crate::ids::ResourceProviderId;
use crate::name::ResourceName;
use crate::reservation::{Reservation, ReservationKind};
use crate::resource::{Details, Resource, ResourceValue};
use crate::role::DEFAULT_ROLE;
use crate::scalar::Scalar;

/// The most kinds of resources in one list. Combining compares each entry with all others, so a longer list from a peer
/// would stop the master; the largest real ones, agents with many volumes, have hundreds.
pub const MAX_ENTRIES: usize = 8192;

impl Resource {
    /// Reads a message of any format.
    pub fn from_proto(resource: &v1::Resource) -> Result<Self, ResourceError> {
        Self::read(resource, None)
    }

    /// Reads a message, and shares the text of its role with the role of its neighbour, which is most often the same.
    fn read(resource: &v1::Resource, neighbour: Option<&Arc<str>>) -> Result<Self, ResourceError> {
        validate_resource(resource)?;
        let value = match resource {
            v1::Resource { scalar: Some(scalar), .. } => ResourceValue::Scalar(Scalar::from(scalar)),
            v1::Resource { ranges: Some(ranges), .. } => ResourceValue::Ranges(ranges.into()),
            v1::Resource { set: Some(set), .. } => ResourceValue::Set(set.into()),
            v1::Resource { .. } => return Err(ResourceError::InvalidType),
        };
        let reservations = upgrade_reservations(resource)?;
        let has_details = !reservations.is_empty()
            || resource.disk.is_some()
            || resource.revocable.is_some()
            || resource.provider_id.is_some();
        let details = || Details {
            reservations,
            disk: resource.disk.as_deref().cloned(),
            revocable: resource.revocable.is_some(),
            provider_id: resource.provider_id.as_ref().map(ResourceProviderId::from),
        };
        let share = |role: &str| match neighbour {
            Some(neighbour) if neighbour.as_ref() == role => Arc::clone(neighbour),
            Some(_) | None => Arc::from(role),
        };
        Ok(Self {
            name: ResourceName::from(resource.name.as_str()),
            value,
            allocation_role: allocation_role(resource).map(share),
            details: has_details.then(|| Arc::new(details())),
            copies: resource.shared.map(|_| NonZeroU32::MIN),
        })
    }

    /// The post-refinement message. Of a shared resource it carries one copy.
    pub fn to_proto(&self) -> v1::Resource {
        let mut proto = self.to_proto_without_reservations();
        proto.reservations = self.reservations().iter().map(Reservation::to_proto).collect();
        proto
    }

    /// The pre-refinement message. It has no place for refined reservations: such a resource stays post-refinement.
    pub fn to_proto_pre_refinement(&self) -> v1::Resource {
        if self.has_refined_reservations() {
            return self.to_proto();
        }
        let mut proto = self.to_proto_without_reservations();
        self.set_role_and_reservation(&mut proto);
        proto
    }

    /// The message for operators, which says its reservations in both ways.
    pub fn to_proto_endpoint(&self) -> v1::Resource {
        let mut proto = self.to_proto();
        if !self.has_refined_reservations() {
            self.set_role_and_reservation(&mut proto);
        }
        proto
    }

    fn to_proto_without_reservations(&self) -> v1::Resource {
        use v1::value::Type;
        let mut proto = v1::Resource {
            name: self.name().to_owned(),
            allocation_info: self
                .allocation_role()
                .map(|role| v1::resource::AllocationInfo { role: Some(role.to_owned()) }),
            disk: self.disk().cloned().map(Box::new),
            revocable: self.is_revocable().then(v1::resource::RevocableInfo::default),
            shared: self.is_shared().then(v1::resource::SharedInfo::default),
            provider_id: self.provider_id().map(ResourceProviderId::to_proto),
            ..v1::Resource::default()
        };
        match &self.value {
            ResourceValue::Scalar(scalar) => {
                proto.r#type = Type::Scalar.into();
                proto.scalar = Some(scalar.to_proto());
            }
            ResourceValue::Ranges(ranges) => {
                proto.r#type = Type::Ranges.into();
                proto.ranges = Some(ranges.to_proto());
            }
            ResourceValue::Set(set) => {
                proto.r#type = Type::Set.into();
                proto.set = Some(set.to_proto());
            }
        }
        proto
    }

    #[expect(deprecated, reason = "the old formats say the role here")]
    fn set_role_and_reservation(&self, proto: &mut v1::Resource) {
        proto.role = Some(self.reservation_role().unwrap_or(DEFAULT_ROLE).to_owned());
        proto.reservation = self
            .reservations()
            .last()
            .filter(|reservation| reservation.kind == ReservationKind::Dynamic)
            .map(Reservation::to_proto_pre_refinement);
    }
}

/// Makes the stack of reservations of a valid message of any format.
fn upgrade_reservations(resource: &v1::Resource) -> Result<Vec<Reservation>, ResourceError> {
    if !resource.reservations.is_empty() {
        let read = |info| Reservation::from_proto(info).ok_or(ResourceError::UnsupportedReservationType);
        return resource.reservations.iter().map(read).collect();
    }
    let role = role_of(resource).unwrap_or(DEFAULT_ROLE);
    if role == DEFAULT_ROLE {
        return Ok(Vec::new());
    }
    let info = resource.reservation.as_ref();
    Ok(vec![Reservation {
        kind: if info.is_some() { ReservationKind::Dynamic } else { ReservationKind::Static },
        role: Arc::from(role),
        principal: info.and_then(|info| info.principal.as_deref()).map(Arc::from),
        labels: info.and_then(|info| info.labels.clone()).map(Arc::new),
    }])
}

fn allocation_role(proto: &v1::Resource) -> Option<&str> {
    proto.allocation_info.as_ref()?.role.as_deref()
}

impl Resources {
    /// Reads messages of any format and combines them.
    pub fn from_protos(protos: &[v1::Resource]) -> Result<Self, ResourcesError> {
        let mut resources = Self::new();
        if !protos.is_empty() {
            resources.entries_mut().reserve_exact(protos.len().min(MAX_ENTRIES));
        }
        for proto in protos {
            if resources.len() == MAX_ENTRIES {
                return Err(ResourcesError::TooMany);
            }
            let neighbour = resources.entries().last().and_then(|last| last.allocation_role.as_ref());
            let resource = Resource::read(proto, neighbour).map_err(|reason| ResourcesError::Invalid {
                resource: DisplayResource(proto).to_string(),
                reason,
            })?;
            resources.add(resource);
        }
        resources.0 = resources.0.filter(|entries| !entries.is_empty());
        Ok(resources)
    }

    /// Tells whether [`Self::to_protos`] would write just these messages, of which the resources were read, but for
    /// decimals after the third.
    #[expect(deprecated, reason = "the old formats say the role here")]
    pub fn are_written_as(&self, protos: &[v1::Resource]) -> bool {
        let is_new = |proto: &v1::Resource| proto.role.is_none() && proto.reservation.is_none();
        self.len() == protos.len()
            && self.iter().zip(protos).all(|(own, proto)| {
                own.name() == proto.name && is_new(proto) && own.allocation_role() == allocation_role(proto)
            })
    }

    /// The post-refinement messages. Of a shared resource they carry one copy, as in Mesos.
    pub fn to_protos(&self) -> Vec<v1::Resource> {
        self.iter().map(Resource::to_proto).collect()
    }

    /// The pre-refinement messages. Resources with refined reservations have none and stay post-refinement: whoever
    /// must not see them filters by [`Resource::has_refined_reservations`].
    pub fn to_protos_pre_refinement(&self) -> Vec<v1::Resource> {
        self.iter().map(Resource::to_proto_pre_refinement).collect()
    }

    /// The messages for operators, which say reservations in both ways.
    pub fn to_protos_endpoint(&self) -> Vec<v1::Resource> {
        self.iter().map(Resource::to_proto_endpoint).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{dynamic, resource, resources, scalar_proto, volume_proto};
    use super::*;

    #[test]
    #[expect(deprecated, reason = "the old formats say the role here")]
    fn each_format_says_reservations_in_its_own_way() {
        let plain = resources("cpus:1").entries()[0].clone();
        assert_eq!(plain.to_proto().role, None);
        assert_eq!(plain.to_proto_pre_refinement().role(), "*");
        assert_eq!(plain.to_proto_endpoint().role.as_deref(), Some("*"));

        let mut reservation = dynamic("a");
        reservation.principal = Some("p".into());
        let reserved = resources("cpus:1").push_reservation(&reservation).unwrap();
        let old = reserved.entries()[0].to_proto_pre_refinement();
        assert_eq!((old.role.as_deref(), old.reservations.len()), (Some("a"), 0));
        let info = old.reservation.unwrap();
        assert_eq!((info.r#type, info.role, info.principal.as_deref()), (None, None, Some("p")));
        let shown = reserved.entries()[0].to_proto_endpoint();
        assert_eq!((shown.role.as_deref(), shown.reservations.len()), (Some("a"), 1));
        assert!(shown.reservation.is_some());

        let fixed = resources("cpus(a):1").entries()[0].to_proto_pre_refinement();
        assert_eq!((fixed.role.as_deref(), fixed.reservation), (Some("a"), None));

        let refined = reserved.push_reservation(&dynamic("a/b")).unwrap();
        assert_eq!(refined.to_protos_pre_refinement(), refined.to_protos());
        assert_eq!(refined.to_protos_endpoint(), refined.to_protos());
    }

    #[test]
    fn a_volume_keeps_its_disk() {
        let proto = volume_proto("id", 5.0, true);
        assert_eq!(resource(&proto).to_proto(), proto);
    }

    #[test]
    fn it_is_known_what_would_be_written() {
        let allocated = |mut proto: v1::Resource| {
            proto.allocation_info = Some(v1::resource::AllocationInfo { role: Some("a".to_owned()) });
            proto
        };
        let plain = [scalar_proto("cpus", 1.0), scalar_proto("mem", 2.0)];
        let read = |protos: &[v1::Resource]| Resources::from_protos(protos).unwrap();
        let normal = read(&plain).to_protos();
        assert!(read(&normal).are_written_as(&normal));
        let taken: Vec<_> = normal.iter().cloned().map(allocated).collect();
        assert!(read(&taken).are_written_as(&taken));
        assert!(!read(&taken).are_written_as(&normal));
        let twice = [normal.clone(), normal.clone()].concat();
        assert!(!read(&twice).are_written_as(&twice));
        let old = read(&plain).to_protos_pre_refinement();
        assert!(!read(&old).are_written_as(&old));
        let swapped: Vec<_> = normal.iter().rev().cloned().collect();
        assert!(!read(&normal).are_written_as(&swapped));
    }

    #[test]
    fn a_list_with_too_many_kinds_is_refused() {
        let list = |count: usize| (0..count).map(|i| scalar_proto(&format!("x{i}"), 1.0)).collect::<Vec<_>>();
        assert!(Resources::from_protos(&list(100)).is_ok());
        let many = vec![scalar_proto("cpus", 1.0); MAX_ENTRIES + 1];
        assert_eq!(Resources::from_protos(&many).map(|all| all.len()), Ok(1));
        let error = Resources::from_protos(&list(MAX_ENTRIES + 1)).unwrap_err();
        assert_eq!(error.to_string(), "There are more than 8192 kinds of resources");
    }
}
