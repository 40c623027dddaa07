//! A command.

use tepui_proto::v1;

use tepui_model::json::Object;
use tepui_model::v0_json;

/// Writes the fields of a command.
pub(crate) fn command(object: &mut Object<'_>, command: &v1::CommandInfo) {
    if let Some(shell) = command.shell {
        object.field("shell", shell);
    }
    if let Some(value) = &command.value {
        object.field("value", value);
    }
    object.array("argv", |array| {
        for argument in &command.arguments {
            array.element(argument);
        }
    });
    if let Some(environment) = &command.environment {
        object.raw("environment", v0_json(environment));
    }
    object.array("uris", |array| {
        for uri in &command.uris {
            array.object(|object| {
                object.field("value", &uri.value);
                object.field("executable", uri.executable());
            });
        }
    });
}
