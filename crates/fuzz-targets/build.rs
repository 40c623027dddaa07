//! Makes a table of all messages from the `.proto` files: what `grammar.rs` walks to write a message of any type.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto};

const PROTOS: &str = "../proto/proto";

#[derive(Default)]
struct Found {
    /// By full name, with a dot in front.
    messages: BTreeMap<String, Vec<FieldDescriptorProto>>,
    enums: BTreeMap<String, Vec<i32>>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed={PROTOS}");
    println!("cargo:rerun-if-changed=build.rs");
    let mut found = Found::default();
    for file in protox::compile(files(Path::new(PROTOS))?, [PROTOS])?.file {
        let scope = format!(".{}", file.package());
        file.message_type.into_iter().for_each(|message| found.message(&scope, message));
        file.enum_type.into_iter().for_each(|one| found.enumeration(&scope, &one));
    }
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("table.rs"), found.table()?)?;
    Ok(())
}

/// The names of all `.proto` files, relative to their root.
fn files(root: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in std::fs::read_dir(root)? {
        for file in std::fs::read_dir(folder?.path())? {
            let path = file?.path();
            found.extend(path.strip_prefix(root).map(Path::to_path_buf).ok());
        }
    }
    found.sort();
    Ok(found)
}

impl Found {
    fn message(&mut self, scope: &str, message: DescriptorProto) {
        let name = format!("{scope}.{}", message.name());
        message.nested_type.into_iter().for_each(|nested| self.message(&name, nested));
        message.enum_type.into_iter().for_each(|nested| self.enumeration(&name, &nested));
        self.messages.insert(name, message.field);
    }

    fn enumeration(&mut self, scope: &str, found: &EnumDescriptorProto) {
        let numbers = found.value.iter().map(prost_types::EnumValueDescriptorProto::number).collect();
        self.enums.insert(format!("{scope}.{}", found.name()), numbers);
    }

    fn table(&self) -> Result<String, std::fmt::Error> {
        let mut table = "const MESSAGES: &[Message] = &[\n".to_owned();
        for (name, fields) in &self.messages {
            writeln!(table, "    Message {{ name: {:?}, fields: &[", name.trim_start_matches('.'))?;
            for field in fields {
                writeln!(
                    table,
                    "        Field {{ number: {}, name: {:?}, is_required: {}, kind: {} }},",
                    field.number(),
                    field.name(),
                    field.label() == Label::Required,
                    self.kind(field)
                )?;
            }
            table += "    ] },\n";
        }
        Ok(table + "];\n")
    }

    fn kind(&self, field: &FieldDescriptorProto) -> String {
        match field.r#type() {
            Type::Message => {
                let at = self.messages.keys().position(|name| name == field.type_name());
                format!("Kind::Message({})", at.expect("all files are compiled together"))
            }
            Type::Enum => format!("Kind::Enum(&{:?})", self.enums[field.type_name()]),
            Type::Double => "Kind::Double".to_owned(),
            Type::String => "Kind::String".to_owned(),
            Type::Bytes => "Kind::Bytes".to_owned(),
            Type::Int32 | Type::Int64 | Type::Uint32 | Type::Uint64 | Type::Bool => "Kind::Varint".to_owned(),
            other @ (Type::Float
            | Type::Fixed32
            | Type::Fixed64
            | Type::Sfixed32
            | Type::Sfixed64
            | Type::Sint32
            | Type::Sint64
            | Type::Group) => panic!("a type that Mesos does not use: {other:?}"),
        }
    }
}
