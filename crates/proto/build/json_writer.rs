//! The code that writes each message as JSON.

use std::fmt::Write as _;

use heck::ToUpperCamelCase;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto};

use crate::dialect;
use crate::names::{Index, Item, identifier};

/// One `impl MesosMessage` a message.
pub(crate) fn writers(index: &Index<'_>) -> String {
    let mut out = String::new();
    for message in &index.messages {
        if is_map_entry(message.descriptor) {
            continue;
        }
        let mut body = String::new();
        for field in &message.descriptor.field {
            body += &field_statement(index, message, field);
        }
        writeln!(
            out,
            "impl MesosMessage for {} {{\n    const DESCRIPTOR: &'static MessageDescriptor = &M{};\n    \
             fn write_json(&self, dialect: JsonDialect, out: &mut Vec<u8>) {{\n        out.push(b'{{');\n{body}        \
             out.push(b'}}');\n        let _ = dialect;\n    }}\n}}",
            message.path, message.number
        )
        .expect("a string grows");
    }
    out
}

fn is_map_entry(message: &DescriptorProto) -> bool {
    message.options.as_ref().is_some_and(prost_types::MessageOptions::map_entry)
}

/// The statements that write `field`, if it is to be written.
fn field_statement(
    index: &Index<'_>,
    message: &Item<'_, DescriptorProto>,
    field: &FieldDescriptorProto,
) -> String {
    let key = key(message, field);
    let rust = identifier(field.name());
    let enumeration =
        (field.r#type() == Type::Enum).then(|| format!("&E{}", index.enumeration(field.type_name()).number));
    if let Some(oneof) = field.oneof_index.and_then(|at| usize::try_from(at).ok()) {
        let oneof = message.descriptor.oneof_decl[oneof].name();
        let variant = format!(
            "{}::{}::{}",
            message.module,
            oneof.to_upper_camel_case(),
            field.name().to_upper_camel_case()
        );
        let write = match enumeration {
            Some(table) => format!("write::enumeration(out, dialect, {key}, {table}, Some(*value), None);"),
            None => format!("write::required(out, dialect, {key}, value);"),
        };
        return format!(
            "        if let Some({variant}(value)) = &self.{} {{ {write} }}\n",
            identifier(oneof)
        );
    }
    let is_map = field.r#type() == Type::Message && is_map_entry(index.message(field.type_name()).descriptor);
    let statement = match (field.label(), enumeration) {
        _ if is_map => format!("write::map(out, dialect, {key}, &self.{rust});"),
        (Label::Repeated, None) => format!("write::repeated(out, dialect, {key}, &self.{rust});"),
        (Label::Repeated, Some(table)) => {
            format!("write::repeated_enumeration(out, dialect, {key}, {table}, &self.{rust});")
        }
        (Label::Required, None) => format!("write::required(out, dialect, {key}, &self.{rust});"),
        (Label::Required, Some(table)) => {
            format!("write::required_enumeration(out, dialect, {key}, {table}, self.{rust});")
        }
        (Label::Optional, None) if message.is_proto3 && field.r#type() != Type::Message => {
            format!("write::non_zero(out, dialect, {key}, &self.{rust});")
        }
        (Label::Optional, None) => match default(message, field) {
            Some(default) => {
                format!("write::optional_or(out, dialect, {key}, self.{rust}.as_ref(), {default});")
            }
            None => format!("write::optional(out, dialect, {key}, self.{rust}.as_ref());"),
        },
        (Label::Optional, Some(table)) => {
            let default =
                default(message, field).map_or_else(|| "None".to_owned(), |text| format!("Some({text})"));
            format!("write::enumeration(out, dialect, {key}, {table}, self.{rust}, {default});")
        }
    };
    let only_v0 = dialect::field_names(&message.name, field.name()).v1.is_none();
    let guard = if only_v0 { "if dialect == JsonDialect::V0 " } else { "" };
    if only_v0 { format!("        {guard}{{ {statement} }}\n") } else { format!("        {statement}\n") }
}

/// The expression for the field's key, quoted and with its colon.
fn key(message: &Item<'_, DescriptorProto>, field: &FieldDescriptorProto) -> String {
    let names = dialect::field_names(&message.name, field.name());
    let literal = |name: &str| format!("b\"\\\"{name}\\\":\"");
    let v0 = names.v0.expect("v0 has every field");
    match names.v1 {
        Some(v1) if v1 != v0 => format!("dialect.pick(&{}[..], &{}[..])", literal(v1), literal(v0)),
        _ => literal(v0),
    }
}

/// The expression for the JSON text of the field's default, if unset fields show it.
fn default(message: &Item<'_, DescriptorProto>, field: &FieldDescriptorProto) -> Option<String> {
    match default_texts(message, field) {
        [None, None] => None,
        [v1, v0] if v1 == v0 => v1.map(|default| format!("b{default:?}")),
        [v1, v0] => {
            let slice = |default: Option<String>| format!("b{:?}", default.unwrap_or_default());
            Some(format!("dialect.pick(&{}[..], &{}[..])", slice(v1), slice(v0)))
        }
    }
}

/// The JSON text of the field's default in v1 and in v0, where unset fields show it.
pub(crate) fn default_texts(
    message: &Item<'_, DescriptorProto>,
    field: &FieldDescriptorProto,
) -> [Option<String>; 2] {
    let text = |default: String| {
        if matches!(field.r#type(), Type::String | Type::Enum) {
            format!("\"{default}\"")
        } else if field.r#type() == Type::Double {
            let number: f64 = default.parse().expect("protox checked it");
            format!("{number:?}")
        } else {
            default
        }
    };
    let (v1, v0) = dialect::shown_defaults(&message.name, field);
    [v1.map(text), v0.map(text)]
}
