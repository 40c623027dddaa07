//! How prost-build names what it makes of a `.proto` item, and which Rust item a protobuf name stands for.

use std::collections::HashMap;

use heck::{ToSnakeCase, ToUpperCamelCase};
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorSet};

/// Where generated code finds the Rust items of a message or an enum.
#[derive(Debug, Clone)]
pub(crate) struct Item<'a, T> {
    /// The full protobuf name, without a leading dot.
    pub(crate) name: String,
    /// The Rust path of the type.
    pub(crate) path: String,
    /// The Rust path of the module of what is nested in it.
    pub(crate) module: String,
    /// A number that is unique among the items of its kind, for the names of statics.
    pub(crate) number: usize,
    /// True if the file's syntax is proto3, where scalars have no presence.
    pub(crate) is_proto3: bool,
    /// The descriptor.
    pub(crate) descriptor: &'a T,
}

/// Every message and enum of a descriptor set, by protobuf name with a leading dot.
#[derive(Debug, Default)]
pub(crate) struct Index<'a> {
    pub(crate) messages: Vec<Item<'a, DescriptorProto>>,
    pub(crate) enums: Vec<Item<'a, EnumDescriptorProto>>,
    message_numbers: HashMap<String, usize>,
    enum_numbers: HashMap<String, usize>,
}

impl<'a> Index<'a> {
    pub(crate) fn new(descriptors: &'a FileDescriptorSet) -> Self {
        let mut index = Self::default();
        for file in &descriptors.file {
            let module: Vec<String> = file.package().split('.').map(identifier).collect();
            let module = format!("crate::generated::{}", module.join("::"));
            let is_proto3 = file.syntax() == "proto3";
            for message in &file.message_type {
                index.add_message(message, file.package(), &module, is_proto3);
            }
            for enumeration in &file.enum_type {
                index.add_enum(enumeration, file.package(), &module, is_proto3);
            }
        }
        index
    }

    /// The message that a field's `type_name` refers to.
    pub(crate) fn message(&self, type_name: &str) -> &Item<'a, DescriptorProto> {
        &self.messages[self.message_numbers[type_name]]
    }

    /// The enum that a field's `type_name` refers to.
    pub(crate) fn enumeration(&self, type_name: &str) -> &Item<'a, EnumDescriptorProto> {
        &self.enums[self.enum_numbers[type_name]]
    }

    fn add_message(&mut self, descriptor: &'a DescriptorProto, scope: &str, module: &str, is_proto3: bool) {
        let name = format!("{scope}.{}", descriptor.name());
        let nested = format!("{module}::{}", identifier(descriptor.name()));
        let number = self.messages.len();
        self.message_numbers.insert(format!(".{name}"), number);
        self.messages.push(Item {
            path: format!("{module}::{}", descriptor.name().to_upper_camel_case()),
            module: nested.clone(),
            name: name.clone(),
            number,
            is_proto3,
            descriptor,
        });
        for message in &descriptor.nested_type {
            self.add_message(message, &name, &nested, is_proto3);
        }
        for enumeration in &descriptor.enum_type {
            self.add_enum(enumeration, &name, &nested, is_proto3);
        }
    }

    fn add_enum(&mut self, descriptor: &'a EnumDescriptorProto, scope: &str, module: &str, is_proto3: bool) {
        let name = format!("{scope}.{}", descriptor.name());
        let number = self.enums.len();
        self.enum_numbers.insert(format!(".{name}"), number);
        self.enums.push(Item {
            path: format!("{module}::{}", descriptor.name().to_upper_camel_case()),
            module: module.to_owned(),
            name,
            number,
            is_proto3,
            descriptor,
        });
    }
}

/// The name of a field, a module or a package segment in Rust.
pub(crate) fn identifier(name: &str) -> String {
    let name = name.to_snake_case();
    match name.as_str() {
        "type" | "ref" | "match" | "move" | "use" | "static" | "enum" | "box" | "impl" | "in" | "mod"
        | "struct" | "trait" | "where" | "loop" | "macro" => format!("r#{name}"),
        _ => name,
    }
}
