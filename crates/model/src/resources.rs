//! Resources in short: one number or text for each name.

use std::collections::BTreeMap;

use tepui_proto::v1;
use tepui_types::{Ranges, Scalar, Set};

use crate::json::{Object, Text};

/// Shown even if there are none, and before all others.
const ALWAYS: [&str; 4] = ["disk", "mem", "gpus", "cpus"];

/// Writes each name's sum as a field, revocable ones apart.
pub fn resources<'a>(object: &mut Object<'_>, resources: impl IntoIterator<Item = &'a v1::Resource>) {
    let mut always = [Scalar::default(); ALWAYS.len()];
    let mut scalars: BTreeMap<String, Scalar> = BTreeMap::new();
    let mut ranges: BTreeMap<String, Ranges> = BTreeMap::new();
    let mut sets: BTreeMap<String, Set> = BTreeMap::new();
    for resource in resources {
        let name =
            || format!("{}{}", resource.name, if resource.revocable.is_some() { "_revocable" } else { "" });
        match resource.r#type() {
            v1::value::Type::Scalar => {
                let value = resource.scalar.as_ref().map_or_else(Scalar::default, Scalar::from);
                match ALWAYS
                    .iter()
                    .position(|always| *always == resource.name && resource.revocable.is_none())
                {
                    Some(index) => always[index] += value,
                    None => *scalars.entry(name()).or_default() += value,
                }
            }
            v1::value::Type::Ranges => {
                if let Some(value) = &resource.ranges {
                    *ranges.entry(name()).or_default() += &Ranges::from(value);
                }
            }
            v1::value::Type::Set => {
                if let Some(value) = &resource.set {
                    *sets.entry(name()).or_default() += &Set::from(value);
                }
            }
            v1::value::Type::Text => {}
        }
    }
    for (name, value) in ALWAYS.iter().zip(always) {
        object.field(name, value.as_f64());
    }
    for (name, value) in &scalars {
        object.field(name, value.as_f64());
    }
    for (name, value) in ranges {
        object.field(&name, Text(value));
    }
    for (name, value) in sets {
        object.field(&name, Text(value));
    }
}
