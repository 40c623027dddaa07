//! Resources from messages, and the laws of their arithmetic.

use prost::Message as _;
use tepui_proto::{MesosMessage as _, v1};
use tepui_types::{
    Reservation, ReservationKind, Resource, ResourceQuantities, Resources, Scalar, validate_resource,
};

use crate::grammar;
use crate::source::Source;

/// Beyond this, sums saturate and laws end.
const LARGEST: Scalar = Scalar::from_thousandths(1 << 50);

/// Texts that many resources share.
const KNOWN: &[&str] = &["cpus", "disk", "ports", "role", "role/sub", "principal", "id"];

/// Choices that make two lists of resources.
pub(crate) fn target(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let left = list(&mut source);
    let right = list(&mut source);
    let (Ok(left), Ok(right)) = (Resources::from_protos(&left), Resources::from_protos(&right)) else {
        return;
    };
    formats(&left);
    let amounts = left.iter().chain(&right).filter_map(Resource::scalar);
    if amounts.into_iter().all(|amount| amount < LARGEST) {
        laws(&left, &right);
    }
}

fn list(source: &mut Source<'_>) -> Vec<v1::Resource> {
    let known: Vec<String> = KNOWN.iter().map(|text| (*text).to_owned()).collect();
    let count = source.below(5);
    let made = (0..count).filter_map(|_| {
        let bytes = grammar::message(source, "mesos.v1.Resource", &known);
        let mut resource = v1::Resource::decode_checked(&bytes).ok()?;
        mend(&mut resource, source);
        let _ = validate_resource(&resource);
        Some(resource)
    });
    made.collect()
}

/// Makes most resources valid, which hardly any choices do.
#[expect(deprecated, reason = "the old formats are read too")]
fn mend(resource: &mut v1::Resource, source: &mut Source<'_>) {
    use v1::value::Type;
    if source.once_in(4) {
        return;
    }
    match source.below(3) {
        0 => {
            let value = f64::from(source.byte()) / 8.0;
            resource.r#type = Type::Scalar.into();
            resource.scalar = Some(v1::value::Scalar { value });
            (resource.ranges, resource.set) = (None, None);
        }
        1 => {
            let mut range = Vec::new();
            for _ in 0..source.below(4) {
                let begin = u64::from(source.byte());
                range.push(v1::value::Range { begin, end: begin + u64::from(source.byte() % 8) });
            }
            resource.r#type = Type::Ranges.into();
            resource.ranges = Some(v1::value::Ranges { range });
            (resource.scalar, resource.set) = (None, None);
        }
        _ => {
            let item = (0..source.below(4)).map(|_| source.byte().to_string()).collect();
            resource.r#type = Type::Set.into();
            resource.set = Some(v1::value::Set { item });
            (resource.scalar, resource.ranges) = (None, None);
        }
    }
    if resource.name.is_empty() {
        "cpus".clone_into(&mut resource.name);
    }
    if !source.once_in(3) {
        (resource.role, resource.reservation) = (None, None);
        resource.reservations.truncate(source.below(3));
    }
    if !source.once_in(3) {
        resource.disk = None;
        resource.shared = None;
    }
}

/// Each format says the same.
fn formats(all: &Resources) {
    // Messages carry one copy of what is shared.
    let all = all.non_shared();
    let read = |protos: &[v1::Resource]| Resources::from_protos(protos).expect("what we write is valid");
    assert_eq!(read(&all.to_protos()), all);
    assert_eq!(read(&all.to_protos_endpoint()), all);
    // Compat: the old format has no place for the labels and the principal of a static reservation.
    let says_more = |reservation: &Reservation| {
        reservation.kind == ReservationKind::Static
            && (reservation.labels.is_some() || reservation.principal.is_some())
    };
    if !all.iter().any(|entry| entry.reservations().iter().any(says_more)) {
        assert_eq!(read(&all.to_protos_pre_refinement()), all);
    }
    for proto in all.to_protos() {
        let bytes = proto.encode_to_vec();
        let again = v1::Resource::decode_checked(&bytes).expect("what we write is complete");
        assert_eq!(again.encode_to_vec(), bytes);
    }
    let _ = all.to_string();
}

fn laws(left: &Resources, right: &Resources) {
    let sum = left + right;
    assert!(sum.contains(left) && sum.contains(right), "a sum contains its parts");
    assert_eq!(sum, right + left, "the order does not matter");
    let rest = left - right;
    assert!(left.contains(&rest), "a rest is contained");
    assert!(rest.iter().all(|entry| !entry.is_empty()), "no empty entries");
    assert!(
        rest.iter().filter_map(Resource::scalar).all(|amount| amount > Scalar::ZERO),
        "no negative amounts"
    );
    if left.contains(right) {
        assert_eq!(&rest + right, *left, "what was taken can be given back");
    }
    let all = sum.clone();
    assert!((all - &sum).is_empty(), "nothing is left of all");
    // Ranges and sets are unions, so what both have is lost.
    let amounts = right.filter(|entry| entry.scalar().is_some());
    assert_eq!(&(left + &amounts) - &amounts, *left, "amounts can be taken back");
    let again: Resources = sum.iter().cloned().collect();
    assert_eq!(again.len(), sum.len(), "entries stay combined");
    assert!(sum.contains_quantities(&left.quantities()), "quantities are contained");
    let both: ResourceQuantities = left.quantities() + &right.quantities();
    if sum.shared().is_empty() {
        assert_eq!(sum.quantities(), both, "quantities add up");
    }
    let mut by_role = Resources::new();
    sum.reservations().values().for_each(|part| by_role += part);
    assert_eq!(by_role + sum.unreserved(), sum, "reserved and unreserved are all");
}
