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
                if set.item.iter().all(|item| seen.insert(item)) {
                    Ok(())
                } else {
                    Err(ResourceError::DuplicatedElements)
                }
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
pub(super) fn validate_refinement(
    stack: &[Reservation],
    reservation: &Reservation,
) -> Result<(), ResourceError> {
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
        return Err(ResourceError::RoleMismatch {
            role: role.to_owned(),
            reserved: reserved.role().to_owned(),
        });
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tepui_proto::{JsonDialect, MesosMessage};

    use super::super::samples::{disk_proto, dynamic, scalar_proto, volume_proto};
    use super::super::{Resources, ResourcesError};
    use super::*;

    fn refusal(proto: &v1::Resource) -> String {
        Resources::from_protos(std::slice::from_ref(proto))
            .map_or_else(|error| error.to_string(), |_| String::new())
    }

    fn ranges_proto(pairs: &[(u64, u64)]) -> v1::Resource {
        let range = pairs.iter().map(|&(begin, end)| v1::value::Range { begin, end }).collect();
        v1::Resource {
            name: "ports".to_owned(),
            r#type: Type::Ranges.into(),
            ranges: Some(v1::value::Ranges { range }),
            ..v1::Resource::default()
        }
    }

    #[expect(deprecated, reason = "the old formats say the role here")]
    fn with_role(mut proto: v1::Resource, role: &str) -> v1::Resource {
        proto.role = Some(role.to_owned());
        proto
    }

    #[test]
    fn recorded_refusals_of_values() {
        assert_eq!(
            refusal(&scalar_proto("cpus", -1.0)),
            "Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0"
        );
        assert_eq!(
            refusal(&scalar_proto("cpus", 1e-5)),
            "Resource 'cpus:0' is invalid: Invalid scalar resource: value <= 0"
        );
        let no_value = v1::Resource { scalar: None, ..scalar_proto("cpus", 1.0) };
        assert_eq!(refusal(&no_value), "Resource 'cpus:0' is invalid: Invalid scalar resource");
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300] {
            assert_eq!(
                refusal(&scalar_proto("cpus", value)),
                "Resource 'cpus:-9.22337203685478e+15' is invalid: Invalid scalar resource: value <= 0"
            );
        }
        assert_eq!(refusal(&scalar_proto("", 1.0)), "Resource ':1' is invalid: Empty resource name");
        let text = v1::Resource { r#type: Type::Text.into(), ..scalar_proto("cpus", 1.0) };
        assert_eq!(refusal(&text), "Resource 'cpus:' is invalid: Unsupported resource type");
    }

    #[test]
    fn refusals_of_ranges_and_sets() {
        let begin_after_end = "Resource 'ports:[2-1]' is invalid: Invalid ranges resource: begin > end";
        assert_eq!(refusal(&ranges_proto(&[(2, 1)])), begin_after_end);
        let overlap = |text: &str| {
            format!("Resource 'ports:{text}' is invalid: Invalid ranges resource: overlapping ranges")
        };
        assert_eq!(refusal(&ranges_proto(&[(1, 5), (3, 4)])), overlap("[1-5, 3-4]"));
        assert_eq!(refusal(&ranges_proto(&[(8, 9), (1, 5), (5, 6)])), overlap("[8-9, 1-5, 5-6]"));
        assert_eq!(
            refusal(&ranges_proto(&[(0, u64::MAX), (7, 7)])),
            overlap("[0-18446744073709551615, 7-7]")
        );
        // Compat: this order passes in Mesos too.
        assert_eq!(refusal(&ranges_proto(&[(5, 6), (1, 9)])), "");
        assert_eq!(refusal(&ranges_proto(&[(1, 2), (3, 4)])), "");
        let set = v1::value::Set { item: vec!["a".to_owned(), "a".to_owned()] };
        let proto = v1::Resource {
            name: "x".to_owned(),
            r#type: Type::Set.into(),
            set: Some(set),
            ..v1::Resource::default()
        };
        assert_eq!(
            refusal(&proto),
            "Resource 'x:{a, a}' is invalid: Invalid set resource: duplicated elements"
        );
    }

    #[test]
    fn refusals_of_disks_and_sharing() {
        let mut proto = volume_proto("id", 1.0, false);
        proto.name = "cpus".to_owned();
        assert_eq!(
            refusal(&proto),
            "Resource 'cpus(reservations: [(DYNAMIC,role)])[id]:1' is invalid: \
             DiskInfo should not be set for cpus resource"
        );
        assert_eq!(
            refusal(&disk_proto(SourceType::Unknown, None, 1.0)),
            "Resource 'disk[UNKNOWN]:1' is invalid: Unsupported 'DiskInfo.Source.Type' in 'UNKNOWN'"
        );
        let shared =
            v1::Resource { shared: Some(v1::resource::SharedInfo::default()), ..scalar_proto("cpus", 1.0) };
        assert_eq!(refusal(&shared), "Resource 'cpus<SHARED>:1' is invalid: Resource cpus cannot be shared");
        let shared = v1::Resource { name: "disk".to_owned(), ..shared };
        assert_eq!(
            refusal(&shared),
            "Resource 'disk<SHARED>:1' is invalid: Only persistent volumes can be shared"
        );
    }

    #[test]
    fn refusals_of_reservations() {
        let reason = |proto: &v1::Resource| validate_resource(proto).unwrap_err().to_string();
        let cpus = || scalar_proto("cpus", 1.0);
        let info = v1::resource::ReservationInfo::default;
        assert_eq!(reason(&with_role(cpus(), "a b")), RoleError::Whitespace("a b".to_owned()).to_string());
        assert_eq!(
            reason(&v1::Resource { reservation: Some(info()), ..cpus() }),
            "Invalid reservation: role \"*\" cannot be dynamically reserved"
        );
        let stack =
            |reservations: Vec<v1::resource::ReservationInfo>| v1::Resource { reservations, ..cpus() };
        assert_eq!(
            reason(&stack(vec![info()])),
            "Invalid reservation: 'Resource.ReservationInfo.type' field must be set."
        );
        assert_eq!(
            reason(&stack(vec![dynamic("*").to_proto()])),
            "Invalid reservation: role \"*\" cannot be reserved"
        );
        assert_eq!(
            reason(&stack(vec![dynamic("a").to_proto(), dynamic("b").to_proto()])),
            "Invalid refined reservation: role 'b' is not a refinement of 'a'"
        );
        assert_eq!(
            reason(&with_role(stack(vec![dynamic("a").to_proto()]), "b")),
            "Invalid resource format: 'Resource.role' field with 'b' does not match the role 'a' in \
             'Resource.reservations'"
        );
        assert_eq!(
            reason(&with_role(stack(vec![dynamic("a").to_proto()]), "a")),
            ResourceError::RoleWithoutReservation.to_string()
        );
        assert_eq!(
            reason(&with_role(stack(vec![dynamic("a").to_proto(), dynamic("a/b").to_proto()]), "a")),
            ResourceError::RoleOfRefined.to_string()
        );
    }

    #[test]
    fn old_formats_become_a_stack() {
        let read =
            |proto: v1::Resource| Resources::from_protos(&[proto]).map(|resources| resources.to_string());
        let cpus = scalar_proto("cpus", 1.0);
        assert_eq!(read(with_role(cpus.clone(), "*")), Ok("cpus:1".to_owned()));
        assert_eq!(read(with_role(cpus.clone(), "a")), Ok("cpus(reservations: [(STATIC,a)]):1".to_owned()));
        let info = v1::resource::ReservationInfo { principal: Some("p".to_owned()), ..Default::default() };
        let reserved = v1::Resource { reservation: Some(info), ..with_role(cpus, "a") };
        assert_eq!(read(reserved), Ok("cpus(reservations: [(DYNAMIC,a,p)]):1".to_owned()));
    }

    #[test]
    fn recorded_refusals_of_a_mesos_master() {
        let recorded = include_str!("../../testdata/refusals.txt");
        for case in recorded.split("\n\n").skip(1) {
            let (json, expected) = case.trim_end().split_once('\n').unwrap();
            let json = format!("{{\"resources\":{json}}}");
            let reserve = v1::offer::operation::Reserve::from_json(JsonDialect::V1, json.as_bytes()).unwrap();
            assert_eq!(Resources::from_protos(&reserve.resources).unwrap_err().to_string(), expected);
        }
    }

    /// What Mesos' quadratic loop says.
    fn overlaps(pairs: &[(u64, u64)]) -> bool {
        pairs
            .iter()
            .enumerate()
            .any(|(i, own)| pairs[i + 1..].iter().any(|later| own.0 <= later.0 && later.0 <= own.1))
    }

    proptest! {
        #[test]
        fn overlaps_are_found_as_in_mesos(pairs in prop::collection::vec((0_u64..30, 0_u64..6), 0..7)) {
            let pairs: Vec<_> = pairs.into_iter().map(|(begin, more)| (begin, begin + more)).collect();
            prop_assert_eq!(validate_resource(&ranges_proto(&pairs)).is_err(), overlaps(&pairs));
        }

        #[test]
        fn no_message_panics(name in "(disk|cpus|)", kind in -1_i32..5, bits: u64, role in "[a*/ .-]{0,4}", source in -1_i32..6) {
            let mut proto = with_role(volume_proto("id", f64::from_bits(bits), bits % 2 == 0), &role);
            proto.name = name;
            proto.r#type = kind;
            proto.reservations[0].r#type = Some(kind);
            proto.reservations[0].role = Some(role);
            if let Some(disk) = &mut proto.disk && source >= 0 {
                disk.source = Some(v1::resource::disk_info::Source { r#type: source, ..Default::default() });
            }
            match Resources::from_protos(&[proto]) {
                Ok(resources) => prop_assert_eq!(&resources + &resources - &resources, resources),
                Err(error) => {
                    let invalid = matches!(error, ResourcesError::Invalid { .. });
                    prop_assert!(invalid);
                },
            }
        }
    }
}
