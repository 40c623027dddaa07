//! The attributes of an agent: numbers, and texts for all else.

use tepui_proto::v1;
use tepui_types::{Ranges, Set};

use crate::json::{Object, Text};

/// Writes each attribute as a field.
pub fn attributes(object: &mut Object<'_>, attributes: &[v1::Attribute]) {
    for attribute in attributes {
        match attribute.r#type() {
            v1::value::Type::Scalar => {
                object.field(&attribute.name, attribute.scalar.as_ref().map_or(0.0, |scalar| scalar.value));
            }
            v1::value::Type::Ranges => {
                let ranges = attribute.ranges.as_ref().map_or_else(Ranges::default, Ranges::from);
                object.field(&attribute.name, Text(ranges));
            }
            v1::value::Type::Set => {
                let set = attribute.set.as_ref().map_or_else(Set::default, Set::from);
                object.field(&attribute.name, Text(set));
            }
            v1::value::Type::Text => {
                object.field(&attribute.name, attribute.text.as_ref().map_or("", |text| &text.value));
            }
        }
    }
}
