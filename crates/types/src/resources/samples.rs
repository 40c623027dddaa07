//! Resources for tests: short ways to make them, and arbitrary ones for properties.

use std::sync::Arc;

use proptest::prelude::*;
use tepui_proto::v1;
use tepui_proto::v1::resource::DiskInfo;
use tepui_proto::v1::resource::disk_info::source::Type as SourceType;
use tepui_proto::v1::resource::disk_info::{Persistence, Source};

use super::Resources;
use crate::reservation::{Reservation, ReservationKind};
use crate::resource::Resource;
use crate::scalar::Scalar;

/// Reads `cpus:1;mem:2`.
pub(crate) fn resources(text: &str) -> Resources {
    Resources::parse(text, "*").unwrap()
}

/// A dynamic reservation.
pub(crate) fn dynamic(role: &str) -> Reservation {
    Reservation { kind: ReservationKind::Dynamic, role: Arc::from(role), principal: None, labels: None }
}

/// A message of an amount.
pub(crate) fn scalar_proto(name: &str, value: f64) -> v1::Resource {
    v1::Resource {
        name: name.to_owned(),
        r#type: v1::value::Type::Scalar.into(),
        scalar: Some(v1::value::Scalar { value }),
        ..v1::Resource::default()
    }
}

/// A message of a persistent volume reserved to `role`.
pub(crate) fn volume_proto(id: &str, megabytes: f64, shared: bool) -> v1::Resource {
    let persistence = Persistence { id: id.to_owned(), principal: None };
    v1::Resource {
        reservations: vec![dynamic("role").to_proto()],
        disk: Some(Box::new(DiskInfo { persistence: Some(persistence), ..DiskInfo::default() })),
        shared: shared.then(v1::resource::SharedInfo::default),
        ..scalar_proto("disk", megabytes)
    }
}

/// A message of a disk with a source.
pub(crate) fn disk_proto(source_type: SourceType, id: Option<&str>, megabytes: f64) -> v1::Resource {
    let source = Source { r#type: source_type.into(), id: id.map(str::to_owned), ..Source::default() };
    let disk = DiskInfo { source: Some(source), ..DiskInfo::default() };
    v1::Resource { disk: Some(Box::new(disk)), ..scalar_proto("disk", megabytes) }
}

/// Reads one message.
pub(crate) fn resource(proto: &v1::Resource) -> Resource {
    Resource::from_proto(proto).unwrap()
}

fn any_resource() -> impl Strategy<Value = Resource> {
    let plain = prop::sample::select(vec!["cpus", "mem", "ports", "x"]).prop_flat_map(|name| {
        let value = match name {
            "ports" => {
                (0_u64..30, 0_u64..9).prop_map(|(begin, more)| format!("[{begin}-{}]", begin + more)).boxed()
            }
            "x" => prop::collection::btree_set("[a-e]", 1..4)
                .prop_map(|items| format!("{{{}}}", items.into_iter().collect::<Vec<_>>().join(",")))
                .boxed(),
            _ => (1_i64..5000)
                .prop_map(|thousandths| Scalar::from_thousandths(thousandths).to_string())
                .boxed(),
        };
        let role = prop::sample::select(vec!["", "(a)", "(a/b)"]);
        (value, role).prop_map(move |(value, role)| {
            resources(&format!("{name}{role}:{value}")).entries_mut().remove(0)
        })
    });
    let shared = prop::sample::select(vec!["v1", "v2"]).prop_map(|id| resource(&volume_proto(id, 8.0, true)));
    prop_oneof![8 => plain, 1 => shared]
}

/// A few resources of any kind that can be combined.
pub(crate) fn any_resources() -> impl Strategy<Value = Resources> {
    prop::collection::vec(any_resource(), 0..8).prop_map(Resources::from_iter)
}
