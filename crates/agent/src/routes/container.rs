//! The calls of `/api/v1` that are about containers; one file a call. They go to the containerizer, not to the core.

mod attach_input;
mod attach_output;
mod kill;
mod launch;
mod remove;
mod session;
mod wait;

use tepui_http::{Response, response};
use tepui_proto::v1;
use tepui_types::{ContainerId, validate_id};

pub(super) use attach_input::attach_input;
pub(super) use attach_output::attach_output;
pub(super) use kill::{kill, kill_nested};
pub(super) use launch::{launch, launch_nested};
pub(super) use remove::{remove, remove_nested};
pub(super) use session::session;
pub(super) use wait::{wait, wait_nested};

/// The longest id of a container, in bytes.
const MAX_CONTAINER_ID_BYTES: usize = 242;

/// The deepest nesting of containers; Mesos' own is not bounded, but its messages are.
const MAX_NESTING: usize = 32;

/// What is wrong with a call, in Mesos' words.
fn invalid(what: &str) -> Response {
    response::bad_request(&format!("Failed to validate agent::Call: {what}"))
}

/// Refuses a call whose field is not there.
fn expect<T>(field: Option<T>, name: &str) -> Result<T, String> {
    field.ok_or_else(|| format!("Expecting '{name}' to be present"))
}

/// Checks the id that the field `name` of a call has.
fn container_id(id: &v1::ContainerId, name: &str) -> Result<ContainerId, String> {
    check(id, 0).map_err(|error| format!("'{name}.container_id' is invalid: {error}"))?;
    Ok(ContainerId::from(id))
}

/// Checks the id of a container that must be nested.
fn nested_id(id: &v1::ContainerId, name: &str) -> Result<ContainerId, String> {
    let id = container_id(id, name)?;
    match id.parent() {
        Some(_) => Ok(id),
        None => Err(format!("Expecting '{name}.container_id.parent' to be present")),
    }
}

fn check(id: &v1::ContainerId, depth: usize) -> Result<(), String> {
    let value = &id.value;
    validate_id(value).map_err(|error| error.to_string())?;
    if value.len() > MAX_CONTAINER_ID_BYTES {
        return Err(format!(
            "'ContainerID.value' '{value}' exceeds the maximum length ({MAX_CONTAINER_ID_BYTES})"
        ));
    }
    if value.contains(['.', ' ']) {
        return Err(format!("'ContainerID.value' '{value}' contains invalid characters"));
    }
    match &id.parent {
        Some(_) if depth >= MAX_NESTING => Err("containers are nested too deeply".to_owned()),
        Some(parent) => {
            check(parent, depth + 1).map_err(|error| format!("'ContainerID.parent' is invalid: {error}"))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_checked_with_those_of_their_parents() {
        let id = |value: &str| v1::ContainerId { value: value.to_owned(), parent: None };
        assert_eq!(check(&id("a"), 0), Ok(()));
        assert_eq!(
            check(&id("a.b"), 0).unwrap_err(),
            "'ContainerID.value' 'a.b' contains invalid characters"
        );
        let long = "x".repeat(243);
        let error = check(&id(&long), 0).unwrap_err();
        assert!(error.ends_with("exceeds the maximum length (242)"), "{error}");
        let nested = v1::ContainerId { parent: Some(Box::new(id(".."))), ..id("a") };
        assert_eq!(check(&nested, 0).unwrap_err(), "'ContainerID.parent' is invalid: '..' is disallowed");
        let mut deep = id("a");
        for _ in 0..40 {
            deep = v1::ContainerId { parent: Some(Box::new(deep)), ..id("a") };
        }
        assert!(check(&deep, 0).is_err());
    }
}
