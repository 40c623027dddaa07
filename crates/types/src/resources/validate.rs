//! What a message must satisfy to be a resource.

use std::collections::{BTreeMap, HashSet};

use tepui_proto::v1;
use tepui_proto::v1::resource::disk_info::source::Type as SourceType;
use tepui_proto::v1::resource::reservation_info::Type as ReservationType;
use tepui_proto::v1::value::Type;

use crate::labels::{DisplayLabels, labels_equal};
use crate::reservation::{Reservation, ReservationKind};
use crate::role::{DEFAULT_ROLE, RoleError, is_strict_subrole, validate_role};
use crate::scalar::Scalar;

/// Why a resource is invalid. Its texts are Mesos' own, because clients show and match them.
#[expect(missing_docs, reason = "each text says it")]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResourceError {
    #[error("Empty resource name")]
    EmptyName,
    #[error("Invalid resource type")]
    InvalidType,
    #[error("Unsupported resource type")]
    UnsupportedType,
    #[error("Invalid scalar resource")]
    InvalidScalar,
    #[error("Invalid scalar resource: value <= 0")]
    NotPositive,
    #[error("Invalid ranges resource")]
    InvalidRanges,
    #[error("Invalid ranges resource: begin > end")]
    InvertedRange,
    #[error("Invalid ranges resource: overlapping ranges")]
    OverlappingRanges,
    #[error("Invalid set resource")]
    InvalidSet,
    #[error("Invalid set resource: duplicated elements")]
    DuplicatedElements,
    #[error("DiskInfo should not be set for {0} resource")]
    DiskOfOther(String),
    #[error("Mount should not be set for {0} disk source")]
    MountSet(&'static str),
    #[error("Path should not be set for {0} disk source")]
    PathSet(&'static str),
    #[error("Unsupported 'DiskInfo.Source.Type' in 'UNKNOWN'")]
    UnsupportedSourceType,
    #[error(transparent)]
    Role(#[from] RoleError),
    #[error("'Resource.ReservationInfo.type' must not be set for the 'Resource.reservation' field")]
    ReservationTypeSet,
    #[error("'Resource.ReservationInfo.role' must not be set for the 'Resource.reservation' field")]
    ReservationRoleSet,
    #[error("Invalid reservation: role \"*\" cannot be dynamically reserved")]
    DefaultRoleDynamicallyReserved,
    #[error("Invalid reservation: 'Resource.ReservationInfo.type' field must be set.")]
    ReservationTypeNotSet,
    #[error("Invalid reservation: 'Resource.ReservationInfo.role' field must be set.")]
    ReservationRoleNotSet,
    #[error("Invalid reservation: role \"*\" cannot be reserved")]
    DefaultRoleReserved,
    #[error("Invalid refined reservation: A refined reservation cannot be STATIC")]
    StaticRefinement,
    #[error("Invalid refined reservation: role '{role}' is not a refinement of '{ancestor}'")]
    NotARefinement { role: String, ancestor: String },
    #[error(
        "Invalid resource format: 'Resource.role' field with '{role}' does not match the role '{reserved}' in \
         'Resource.reservations'"
    )]
    RoleMismatch { role: String, reserved: String },
    #[error(
        "Invalid resource format: 'Resource.reservation' must not be set if the single reservation in \
         'Resource.reservations' is STATIC"
    )]
    ReservationOfStatic,
    #[error(
        "Invalid resource format: 'Resource.role' and 'Resource.reservation' must either be both set or both not set \
         if the single reservation in 'Resource.reservations' is DYNAMIC"
    )]
    RoleWithoutReservation,
    #[error(
        "Invalid resource format: 'Resource.reservation.principal' field with '{principal}' does not match the \
         principal '{reserved}' in 'Resource.reservations'"
    )]
    PrincipalMismatch { principal: String, reserved: String },
    #[error(
        "Invalid resource format: 'Resource.reservation.labels' field with '{labels}' does not match the labels \
         '{reserved}' in 'Resource.reservations'"
    )]
    LabelsMismatch { labels: String, reserved: String },
    #[error("Unsupported 'Resource.ReservationInfo.Type'")]
    UnsupportedReservationType,
    #[error(
        "Invalid resource format: 'Resource.role' must not be set if there is more than one reservation in \
         'Resource.reservations'"
    )]
    RoleOfRefined,
    #[error(
        "Invalid resource format: 'Resource.reservation' must not be set if there is more than one reservation in \
         'Resource.reservations'"
    )]
    ReservationOfRefined,
    #[error("Resource {0} cannot be shared")]
    CannotBeShared(String),
    #[error("Only persistent volumes can be shared")]
    OnlyVolumesShared,
}

/// Checks a message of any format, in the order in which Mesos does, so that the first error is the same.
pub fn validate_resource(resource: &v1::Resource) -> Result<(), ResourceError> {
    if resource.name.is_empty() {
        return Err(ResourceError::EmptyName);
    }
    validate_value(resource)?;
    validate_disk(resource)?;
    match resource.reservations.as_slice() {
        [] => validate_pre_refinement(resource)?,
        reservations => {
            validate_stack(reservations)?;
            validate_format(resource, reservations)?;
        }
    }
    if resource.shared.is_some() {
        if resource.name != "disk" {
            return Err(ResourceError::CannotBeShared(resource.name.clone()));
        }
        if resource.disk.as_ref().is_none_or(|disk| disk.persistence.is_none()) {
            return Err(ResourceError::OnlyVolumesShared);
        }
    }
    Ok(())
}

/// The `role` of the old formats.
#[expect(deprecated, reason = "the old formats say the role here")]
pub(super) fn role_of(resource: &v1::Resource) -> Option<&str> {
    resource.role.as_deref()
}

fn validate_value(resource: &v1::Resource) -> Result<(), ResourceError> {
    let value = (&resource.scalar, &resource.ranges, &resource.set);
    match Type::try_from(resource.r#type) {
        Ok(Type::Scalar) => match value {
            (Some(scalar), None, None) => validate_scalar(scalar.value),
            _ => Err(ResourceError::InvalidScalar),
        },
        Ok(Type::Ranges) => match value {
            (None, Some(ranges), None) => validate_ranges(&ranges.range),
            _ => Err(ResourceError::InvalidRanges),
        },
        Ok(Type::Set) => match value {
            (None, None, Some(set)) => {
                let mut seen = HashSet::with_capacity(set.item.len());
                if set.item.iter().all(|item| seen.insert(item)) { Ok(()) } else { Err(ResourceError::DuplicatedElements) }
            }
            _ => Err(ResourceError::InvalidSet),
        },
        Ok(Type::Text) => Err(ResourceError::UnsupportedType),
        Err(_) => Err(ResourceError::InvalidType),
    }
}

/// Refuses what is negative, what rounds to nothing, and what is no number that Mesos can compute with.
fn validate_scalar(value: f64) -> Result<(), ResourceError> {
    let positive = Scalar::try_from_f64(value).is_some_and(|scalar| scalar > Scalar::ZERO);
    if value == 0.0 || positive { Ok(()) } else { Err(ResourceError::NotPositive) }
}

fn validate_ranges(ranges: &[v1::value::Range]) -> Result<(), ResourceError> {
    if ranges.iter().any(|range| range.begin > range.end) {
        return Err(ResourceError::InvertedRange);
    }
    // Compat: overlapping means that a range begins within an earlier one, so `[5-6, 1-9]` passes. `covered` joins
    // the ranges seen so far: the begin of each by its end.
    let mut covered: BTreeMap<u64, u64> = BTreeMap::new();
    for &v1::value::Range { begin, mut end } in ranges {
        while let Some((&other_end, &other_begin)) = covered.range(begin..).next() {
            if other_begin <= begin {
                return Err(ResourceError::OverlappingRanges);
            }
            if other_begin > end {
                break;
            }
            end = end.max(other_end);
            covered.remove(&other_end);
        }
        covered.insert(end, begin);
    }
    Ok(())
}

fn validate_disk(resource: &v1::Resource) -> Result<(), ResourceError> {
    let Some(disk) = &resource.disk else { return Ok(()) };
    if resource.name != "disk" {
        return Err(ResourceError::DiskOfOther(resource.name.clone()));
    }
    let Some(source) = &disk.source else { return Ok(()) };
    match SourceType::try_from(source.r#type) {
        Ok(SourceType::Path | SourceType::Mount) => Ok(()),
        Ok(source_type @ (SourceType::Block | SourceType::Raw)) => {
            if source.mount.is_some() {
                return Err(ResourceError::MountSet(source_type.as_str_name()));
            }
            if source.path.is_some() {
                return Err(ResourceError::PathSet(source_type.as_str_name()));
            }
            Ok(())
        }
        Ok(SourceType::Unknown) | Err(_) => Err(ResourceError::UnsupportedSourceType),
    }
}

/// Checks `role` and `reservation` where there are no `reservations`.
fn validate_pre_refinement(resource: &v1::Resource) -> Result<(), ResourceError> {
    let role = role_of(resource).unwrap_or(DEFAULT_ROLE);
    validate_role(role)?;
    let Some(reservation) = &resource.reservation else { return Ok(()) };
    if reservation.r#type.is_some() {
        return Err(ResourceError::ReservationTypeSet);
    }
    if reservation.role.is_some() {
        return Err(ResourceError::ReservationRoleSet);
    }
    if role == DEFAULT_ROLE {
        return Err(ResourceError::DefaultRoleDynamicallyReserved);
    }
    Ok(())
}

/// Checks that each reservation is whole and refines the one before.
fn validate_stack(reservations: &[v1::resource::ReservationInfo]) -> Result<(), ResourceError> {
    for info in reservations {
        if info.r#type.is_none_or(|value| ReservationType::try_from(value).is_err()) {
            return Err(ResourceError::ReservationTypeNotSet);
        }
        let role = info.role.as_deref().ok_or(ResourceError::ReservationRoleNotSet)?;
        validate_reserved_role(role)?;
    }
    for pair in reservations.windows(2) {
        let [ancestor, descendant] = pair else { continue };
        if descendant.r#type() == ReservationType::Static {
            return Err(ResourceError::StaticRefinement);
        }
        validate_descent(descendant.role(), ancestor.role())?;
    }
    if reservations.iter().any(|info| info.r#type() == ReservationType::Unknown) {
        return Err(ResourceError::UnsupportedReservationType);
    }
    Ok(())
}

fn validate_reserved_role(role: &str) -> Result<(), ResourceError> {
    validate_role(role)?;
    if role == DEFAULT_ROLE { Err(ResourceError::DefaultRoleReserved) } else { Ok(()) }
}

fn validate_descent(role: &str, ancestor: &str) -> Result<(), ResourceError> {
    if is_strict_subrole(role, ancestor) {
        return Ok(());
    }
    Err(ResourceError::NotARefinement { role: role.to_owned(), ancestor: ancestor.to_owned() })
}

/// Checks that `reservation` may come on top of `stack`.
pub(super) fn validate_refinement(stack: &[Reservation], reservation: &Reservation) -> Result<(), ResourceError> {
    validate_reserved_role(&reservation.role)?;
    let Some(last) = stack.last() else { return Ok(()) };
    if reservation.kind == ReservationKind::Static {
        return Err(ResourceError::StaticRefinement);
    }
    validate_descent(&reservation.role, &last.role)
}

/// Checks that `role` and `reservation`, where they are set beside `reservations`, say the same.
fn validate_format(
    resource: &v1::Resource,
    reservations: &[v1::resource::ReservationInfo],
) -> Result<(), ResourceError> {
    let role = role_of(resource);
    let [reserved] = reservations else {
        return match (role, &resource.reservation) {
            (Some(_), _) => Err(ResourceError::RoleOfRefined),
            (None, Some(_)) => Err(ResourceError::ReservationOfRefined),
            (None, None) => Ok(()),
        };
    };
    if let Some(role) = role
        && role != reserved.role()
    {
        return Err(ResourceError::RoleMismatch { role: role.to_owned(), reserved: reserved.role().to_owned() });
    }
    if reserved.r#type() == ReservationType::Static {
        return if resource.reservation.is_some() { Err(ResourceError::ReservationOfStatic) } else { Ok(()) };
    }
    if role.is_some() != resource.reservation.is_some() {
        return Err(ResourceError::RoleWithoutReservation);
    }
    resource.reservation.as_ref().map_or(Ok(()), |info| validate_same_reservation(info, reserved))
}

fn validate_same_reservation(
    info: &v1::resource::ReservationInfo,
    reserved: &v1::resource::ReservationInfo,
) -> Result<(), ResourceError> {
    if info.principal() != reserved.principal() {
        return Err(ResourceError::PrincipalMismatch {
            principal: info.principal().to_owned(),
            reserved: reserved.principal().to_owned(),
        });
    }
    let none = v1::Labels::default();
    let labels = info.labels.as_ref().unwrap_or(&none);
    let reserved = reserved.labels.as_ref().unwrap_or(&none);
    if labels_equal(labels, reserved) {
        return Ok(());
    }
    Err(ResourceError::LabelsMismatch {
        labels: DisplayLabels(labels).to_string(),
        reserved: DisplayLabels(reserved).to_string(),
    })
}
