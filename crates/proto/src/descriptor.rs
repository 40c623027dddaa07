//! What is known of each message at run time: its fields, their names in both JSON dialects, what is required.
//!
//! The tables are made by `build/tables.rs`. Reading JSON and the check of required fields walk them, so that this
//! code exists once and not once a message.

use crate::json::JsonDialect;

/// A message's fields.
#[derive(Debug)]
pub struct MessageDescriptor {
    /// The full name, as in `mesos.v1.Offer`.
    pub(crate) name: &'static str,
    /// In the order of their numbers.
    pub(crate) fields: &'static [FieldDescriptor],
    /// Positions in `fields`, in the order of declaration.
    pub(crate) declared: &'static [usize],
    /// For each of `fields` its place in `declared`.
    pub(crate) ranks: &'static [u8],
    /// True if some unset field shows a default in JSON.
    pub(crate) has_defaults: bool,
    /// Positions in `fields`, in the order of their names, for each dialect; without those the dialect lacks.
    pub(crate) sorted: [&'static [usize]; 2],
    /// A bit for each required field, by its position in `fields`.
    pub(crate) required: u64,
    /// True if setting one field can unset another.
    pub(crate) has_oneof: bool,
}

/// A field of a message.
#[derive(Debug)]
pub(crate) struct FieldDescriptor {
    pub(crate) number: u32,
    /// The name in v1 and in v0.
    pub(crate) names: [Option<&'static str>; 2],
    /// The JSON that stands for an unset field in v1 and in v0; empty where it is left out.
    pub(crate) defaults: [&'static str; 2],
    pub(crate) label: Label,
    pub(crate) kind: Kind,
    /// True if the Rust field is a `Raw`.
    pub(crate) is_raw: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    Optional,
    Required,
    Repeated,
}

/// The type of a field. Mesos uses no others.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Double,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Bool,
    String,
    Bytes,
    Enum(&'static EnumDescriptor),
    Message(&'static MessageDescriptor),
    /// A map, given by the message of an entry: key 1, value 2.
    Map(&'static MessageDescriptor),
}

/// An enum's values.
#[derive(Debug)]
pub(crate) struct EnumDescriptor {
    /// The full name, for the comparison with Mesos' descriptors.
    #[cfg(test)]
    pub(crate) name: &'static str,
    /// What stands for a value nobody knows.
    pub(crate) first: i32,
    /// Number and names, in the order of the numbers.
    pub(crate) values: &'static [(i32, [Option<&'static str>; 2])],
}

impl MessageDescriptor {
    /// The field with this number.
    pub(crate) fn field(&self, number: u32) -> Option<(usize, &'static FieldDescriptor)> {
        // Most messages number their fields 1, 2, 3, ...
        let guess = (number as usize).wrapping_sub(1);
        if let Some(field) = self.fields.get(guess).filter(|field| field.number == number) {
            return Some((guess, field));
        }
        let at = self.fields.binary_search_by_key(&number, |field| field.number).ok()?;
        Some((at, &self.fields[at]))
    }

    /// The position of the field that `dialect` calls `name`.
    pub(crate) fn position(&self, dialect: JsonDialect, name: &[u8]) -> Option<usize> {
        let sorted = self.sorted[dialect as usize];
        let found = sorted.binary_search_by(|at| self.fields[*at].name(dialect).as_bytes().cmp(name)).ok()?;
        Some(sorted[found])
    }
}

impl FieldDescriptor {
    /// The name in `dialect`; empty where it has none.
    pub(crate) fn name(&self, dialect: JsonDialect) -> &'static str {
        self.names[dialect as usize].unwrap_or_default()
    }
}

impl EnumDescriptor {
    /// The name of a number that `dialect` knows.
    pub(crate) fn name_of(&self, dialect: JsonDialect, number: i32) -> Option<&'static str> {
        let at = self.values.binary_search_by_key(&number, |value| value.0).ok()?;
        self.values[at].1[dialect as usize]
    }

    /// The number of a name that `dialect` knows.
    pub(crate) fn number_of(&self, dialect: JsonDialect, name: &[u8]) -> Option<i32> {
        let named = |value: &&(i32, [Option<&'static str>; 2])| {
            value.1[dialect as usize].is_some_and(|known| known.as_bytes() == name)
        };
        self.values.iter().find(named).map(|value| value.0)
    }

    /// True if some dialect knows the number.
    pub(crate) fn contains(&self, number: i32) -> bool {
        self.values.binary_search_by_key(&number, |value| value.0).is_ok()
    }
}

#[cfg(test)]
mod tests;
