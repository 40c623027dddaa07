//! The static descriptors: what JSON reading and the required-field check know of each message.

use std::fmt::Write as _;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto};

use crate::dialect::{self, Names};
use crate::json_writer;
use crate::names::{Index, Item};
use crate::raw;

/// One `static` a message and an enum.
pub(crate) fn tables(index: &Index<'_>) -> String {
    let mut out = String::new();
    for message in &index.messages {
        message_table(index, message, &mut out);
    }
    for enumeration in &index.enums {
        let mut values: Vec<_> = enumeration.descriptor.value.iter().collect();
        let first = values[0].number();
        values.sort_by_key(|value| value.number());
        let rows: Vec<String> = values
            .iter()
            .map(|value| {
                let mut slave = String::new();
                let names = dialect::value_names(&enumeration.name, value.name(), &mut slave);
                format!("({}, {})", value.number(), names_literal(names))
            })
            .collect();
        let number = enumeration.number;
        writeln!(
            out,
            "pub(crate) static E{number}: EnumDescriptor = EnumDescriptor {{ #[cfg(test)] name: {:?}, first: {first}, values: &[{}] }};",
            enumeration.name,
            rows.join(", ")
        )
        .expect("a string grows");
    }
    let list = |letter: &str, len: usize| {
        (0..len).map(|number| format!("&{letter}{number}")).collect::<Vec<_>>().join(",")
    };
    for (name, kind, letter, len) in
        [("MESSAGES", "Message", "M", index.messages.len()), ("ENUMS", "Enum", "E", index.enums.len())]
    {
        let list = list(letter, len);
        writeln!(out, "#[cfg(test)] pub(crate) static {name}: &[&{kind}Descriptor] = &[{list}];")
            .expect("a string grows");
    }
    out
}

fn message_table(index: &Index<'_>, message: &Item<'_, DescriptorProto>, out: &mut String) {
    let declared: Vec<&FieldDescriptorProto> = message.descriptor.field.iter().collect();
    let mut by_number = declared.clone();
    by_number.sort_by_key(|field| field.number());
    let rows: Vec<String> = by_number.iter().map(|field| field_row(index, message, field)).collect();
    let position = |wanted: &FieldDescriptorProto| {
        by_number.iter().position(|field| field.number() == wanted.number()).expect("the same fields")
    };
    let declared: Vec<usize> = declared.iter().map(|field| position(field)).collect();
    let ranks: Vec<_> = (0..declared.len())
        .map(|at| declared.iter().position(|position| *position == at).expect("the same fields"))
        .collect();
    let has_defaults =
        by_number.iter().any(|field| json_writer::default_texts(message, field).iter().any(Option::is_some));
    let sorted = |pick: fn(Names<'_>) -> Option<&str>| -> Vec<usize> {
        let mut names: Vec<_> = by_number
            .iter()
            .enumerate()
            .filter_map(|(at, field)| {
                Some((pick(dialect::field_names(&message.name, field.name()))?.to_owned(), at))
            })
            .collect();
        names.sort();
        names.into_iter().map(|(_, at)| at).collect()
    };
    assert!(by_number.len() <= 64, "{}: more fields than a mask of 64 bits has", message.name);
    let required = by_number
        .iter()
        .enumerate()
        .filter(|(_, field)| field.label() == Label::Required)
        .fold(0_u64, |mask, (at, _)| mask | 1 << at);
    writeln!(
        out,
        "pub(crate) static M{}: MessageDescriptor = MessageDescriptor {{ name: {:?}, fields: &[{}], declared: &{declared:?}, \
         ranks: &{ranks:?}, has_defaults: {has_defaults}, sorted: [&{:?}, &{:?}], required: {required}, has_oneof: {} }};",
        message.number,
        message.name,
        rows.join(", "),
        sorted(|names| names.v1),
        sorted(|names| names.v0),
        !message.descriptor.oneof_decl.is_empty(),
    )
    .expect("a string grows");
}

fn field_row(index: &Index<'_>, message: &Item<'_, DescriptorProto>, field: &FieldDescriptorProto) -> String {
    let label = match field.label() {
        Label::Optional => "Optional",
        Label::Required => "Required",
        Label::Repeated => "Repeated",
    };
    let kind = match field.r#type() {
        Type::Message => {
            let target = index.message(field.type_name());
            let is_map =
                target.descriptor.options.as_ref().is_some_and(prost_types::MessageOptions::map_entry);
            let (variant, number) = (if is_map { "Map" } else { "Message" }, target.number);
            format!("{variant}(&M{number})")
        }
        Type::Enum => format!("Enum(&E{})", index.enumeration(field.type_name()).number),
        Type::Double => "Double".to_owned(),
        Type::Int64 => "Int64".to_owned(),
        Type::Uint64 => "Uint64".to_owned(),
        Type::Int32 => "Int32".to_owned(),
        Type::Uint32 => "Uint32".to_owned(),
        Type::Bool => "Bool".to_owned(),
        Type::String => "String".to_owned(),
        Type::Bytes => "Bytes".to_owned(),
        Type::Float
        | Type::Fixed64
        | Type::Fixed32
        | Type::Sfixed32
        | Type::Sfixed64
        | Type::Sint32
        | Type::Sint64
        | Type::Group => panic!("no message of Mesos has a {:?} field; add it to `Kind`", field.r#type()),
    };
    let names = names_literal(dialect::field_names(&message.name, field.name()));
    let is_raw = raw::is_raw(field.type_name());
    let defaults = json_writer::default_texts(message, field).map(Option::unwrap_or_default);
    format!(
        "FieldDescriptor {{ number: {}, names: {names}, defaults: {defaults:?}, label: Label::{label}, kind: Kind::{kind}, \
         is_raw: {is_raw} }}",
        field.number()
    )
}

fn names_literal(names: Names<'_>) -> String {
    format!("[{:?}, {:?}]", names.v1, names.v0)
}
