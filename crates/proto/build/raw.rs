//! Fields whose messages keep the bytes they came in.

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet};

/// Messages that are passed along: wherever one is a field it is a `Raw`, which keeps what we do not know.
const RAW: &[&str] = &["TaskInfo", "ExecutorInfo"];

/// True if a field of this type is a `Raw`.
pub(crate) fn is_raw(type_name: &str) -> bool {
    RAW.iter().any(|name| type_name == format!(".mesos.v1.{name}"))
}

/// Tells prost-build what the stand-ins of [`keep_raw`] are.
pub(crate) fn map_stand_ins(config: &mut prost_build::Config) {
    for name in RAW {
        config.extern_path(format!(".tepui.raw.{name}"), format!("crate::Raw<crate::v1::{name}>"));
    }
}

/// Redirects the fields whose type is in `RAW` to stand-ins that prost-build maps to `Raw<T>`.
pub(crate) fn keep_raw(descriptors: &mut FileDescriptorSet) {
    for file in &mut descriptors.file {
        let mut touched = false;
        for message in &mut file.message_type {
            redirect(message, &mut touched);
        }
        if touched {
            file.dependency.push("tepui/raw.proto".to_owned());
        }
    }
    // A double and a string, so that prost-build derives neither `Eq` nor `Copy` for what contains a stand-in.
    let field = |name: &str, number, kind| FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        label: Some(Label::Optional as i32),
        r#type: Some(kind as i32),
        ..Default::default()
    };
    let fields = vec![field("no_eq", 1, Type::Double), field("no_copy", 2, Type::String)];
    let stand_ins = RAW.iter().map(|name| DescriptorProto {
        name: Some((*name).to_owned()),
        field: fields.clone(),
        ..Default::default()
    });
    descriptors.file.insert(
        0,
        FileDescriptorProto {
            name: Some("tepui/raw.proto".to_owned()),
            package: Some("tepui.raw".to_owned()),
            message_type: stand_ins.collect(),
            ..Default::default()
        },
    );
}

fn redirect(message: &mut DescriptorProto, touched: &mut bool) {
    for field in &mut message.field {
        if let Some(name) = RAW.iter().find(|name| field.type_name() == format!(".mesos.v1.{name}")) {
            field.type_name = Some(format!(".tepui.raw.{name}"));
            *touched = true;
        }
    }
    for nested in &mut message.nested_type {
        redirect(nested, touched);
    }
}
