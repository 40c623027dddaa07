//! Resources in short: one number or text for each name.

use std::borrow::Cow;
use std::collections::BTreeMap;

use tepui_proto::v1;
use tepui_types::{Ranges, Scalar, Set};

use crate::json::{Object, Text};

/// Shown even if there are none, and before all others.
const ALWAYS: [&str; 4] = ["disk", "mem", "gpus", "cpus"];

/// The sums of resources by their names.
#[derive(Debug, Default)]
pub(crate) struct Sums<'a> {
    always: [Scalar; ALWAYS.len()],
    /// Other amounts, by name and by whether they are revocable.
    scalars: BTreeMap<Cow<'a, str>, Scalar>,
    ranges: BTreeMap<Cow<'a, str>, Ranges>,
    sets: BTreeMap<Cow<'a, str>, Set>,
}

/// Writes each name's sum as a field, revocable ones apart.
pub fn resources<'a>(object: &mut Object<'_>, resources: impl IntoIterator<Item = &'a v1::Resource>) {
    let mut sums = Sums::default();
    for resource in resources {
        sums.add(resource);
    }
    sums.write(object);
}

impl<'a> Sums<'a> {
    /// Adds a resource of any kind.
    pub(crate) fn add(&mut self, resource: &v1::Resource) {
        let name = || field_name(&resource.name, resource.revocable.is_some()).into_owned().into();
        match resource.r#type() {
            v1::value::Type::Scalar => {
                let value = resource.scalar.as_ref().map_or_else(Scalar::default, Scalar::from);
                match always(&resource.name, resource.revocable.is_some()) {
                    Some(index) => self.always[index] += value,
                    None => *self.scalars.entry(name()).or_default() += value,
                }
            }
            v1::value::Type::Ranges => {
                if let Some(value) = &resource.ranges {
                    *self.ranges.entry(name()).or_default() += &Ranges::from(value);
                }
            }
            v1::value::Type::Set => {
                if let Some(value) = &resource.set {
                    *self.sets.entry(name()).or_default() += &Set::from(value);
                }
            }
            v1::value::Type::Text => {}
        }
    }

    /// Adds an amount.
    pub(crate) fn add_scalar(&mut self, name: &'a str, is_revocable: bool, value: Scalar) {
        match always(name, is_revocable) {
            Some(index) => self.always[index] += value,
            None => *self.scalars.entry(field_name(name, is_revocable)).or_default() += value,
        }
    }

    /// Writes each name's sum as a field.
    pub(crate) fn write(self, object: &mut Object<'_>) {
        for (name, value) in ALWAYS.iter().zip(self.always) {
            object.field(name, value.as_f64());
        }
        for (name, value) in &self.scalars {
            object.field(name, value.as_f64());
        }
        for (name, value) in self.ranges {
            object.field(&name, Text(value));
        }
        for (name, value) in self.sets {
            object.field(&name, Text(value));
        }
    }
}

fn always(name: &str, is_revocable: bool) -> Option<usize> {
    ALWAYS.iter().position(|always| *always == name && !is_revocable)
}

fn field_name(name: &str, is_revocable: bool) -> Cow<'_, str> {
    if is_revocable { format!("{name}_revocable").into() } else { name.into() }
}
