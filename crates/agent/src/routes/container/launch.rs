//! `LAUNCH_CONTAINER`, and `LAUNCH_NESTED_CONTAINER` as it was called before.

use std::error::Error as _;
use std::path::Path;

use http::StatusCode;
use tepui_containerizer::{ContainerClass, LaunchError, NestedLaunch};
use tepui_http::{Response, response};
use tepui_proto::v1;
use tepui_proto::v1::agent::call::{LaunchContainer, LaunchNestedContainer};
use tepui_proto::v1::environment::variable;
use tepui_types::{ContainerId, Resources};

use super::{container_id, expect, invalid, nested_id};
use crate::routes::Routes;

/// Runs a container within another, or one that stands alone.
pub(crate) async fn launch(routes: &Routes, call: Option<LaunchContainer>) -> Response {
    match checked(call) {
        Ok((id, call)) => {
            let LaunchContainer { container_id: _, command, resources, container, limits } = call;
            let launch = NestedLaunch {
                resources,
                limits: limits.into_iter().map(|(name, scalar)| (name, scalar.value)).collect(),
                ..nested(routes, id, command, container)
            };
            start(routes, launch).await
        }
        Err(wrong) => invalid(&wrong),
    }
}

/// Runs a container within another.
pub(crate) async fn launch_nested(routes: &Routes, call: Option<LaunchNestedContainer>) -> Response {
    match checked_nested(call) {
        Ok((id, call)) => start(routes, nested(routes, id, call.command, call.container)).await,
        Err(wrong) => invalid(&wrong),
    }
}

fn checked(call: Option<LaunchContainer>) -> Result<(ContainerId, LaunchContainer), String> {
    let name = "launch_container";
    let call = expect(call, name)?;
    let id = container_id(&call.container_id, name)?;
    let resources =
        Resources::from_protos(&call.resources).map_err(|error| format!("Invalid resources: {error}"))?;
    if id.parent().is_none() {
        check_standalone(&resources, &call.resources)?;
    }
    check_command(call.command.as_ref(), name)?;
    let share = share_cgroups(call.container.as_ref());
    let levels = std::iter::successors(id.parent(), |id| id.parent()).count();
    let refuse = |what: &str| Err(format!("'{name}' is invalid: {what}"));
    if levels >= 2 && !call.resources.is_empty() {
        return refuse("containers nested at the second level or greater cannot specify resources");
    }
    if levels >= 2 && !call.limits.is_empty() {
        return refuse("containers nested at the second level or greater cannot specify resource limits");
    }
    if levels >= 2 && share == Some(false) {
        return refuse(
            "containers nested at the second level or greater cannot set 'share_cgroups' to 'false'",
        );
    }
    if levels == 0 && share == Some(true) {
        return refuse("containers without a parent cannot set 'share_cgroups' to 'true'");
    }
    Ok((id, call))
}

fn checked_nested(
    call: Option<LaunchNestedContainer>,
) -> Result<(ContainerId, LaunchNestedContainer), String> {
    let name = "launch_nested_container";
    let call = expect(call, name)?;
    let id = nested_id(&call.container_id, name)?;
    check_command(call.command.as_ref(), name)?;
    let is_deep = id.parent().is_some_and(|parent| parent.parent().is_some());
    if is_deep && share_cgroups(call.container.as_ref()) == Some(false) {
        return Err(format!(
            "'{name}' is invalid: containers nested at the second level or greater cannot set 'share_cgroups' to \
             'false'"
        ));
    }
    Ok((id, call))
}

/// What a container that stands alone may not use: the master does not know of it.
fn check_standalone(resources: &Resources, given: &[v1::Resource]) -> Result<(), String> {
    let name = "'launch_container.resources'";
    if !resources.reserved(None).is_empty() {
        return Err(format!("{name} must be unreserved"));
    }
    if !resources.persistent_volumes().is_empty() {
        return Err(format!("{name} may not use persistent volumes"));
    }
    if given.iter().any(|resource| resource.revocable.is_some()) {
        return Err(format!("{name} must be non-revocable"));
    }
    Ok(())
}

fn share_cgroups(container: Option<&v1::ContainerInfo>) -> Option<bool> {
    container?.linux_info.as_ref()?.share_cgroups
}

/// Checks the variables of a command, in Mesos' words.
fn check_command(command: Option<&v1::CommandInfo>, name: &str) -> Result<(), String> {
    let variables = command.and_then(|command| command.environment.as_ref()).map(|it| &it.variables);
    for variable in variables.into_iter().flatten() {
        let wrong = match variable.r#type() {
            variable::Type::Secret if variable.secret.is_none() => {
                Some("of type 'SECRET' must have a secret set")
            }
            variable::Type::Secret if variable.value.is_some() => {
                Some("of type 'SECRET' must not have a value set")
            }
            variable::Type::Value if variable.value.is_none() => {
                Some("of type 'VALUE' must have a value set")
            }
            variable::Type::Value if variable.secret.is_some() => {
                Some("of type 'VALUE' must not have a secret set")
            }
            variable::Type::Secret | variable::Type::Value => None,
            variable::Type::Unknown => {
                return Err(format!(
                    "'{name}.command' is invalid: Environment variable of type 'UNKNOWN' is not allowed"
                ));
            }
        };
        if let Some(wrong) = wrong {
            return Err(format!(
                "'{name}.command' is invalid: Environment variable '{}' {wrong}",
                variable.name
            ));
        }
    }
    Ok(())
}

/// The launch of a container within another, and nothing else.
pub(super) fn nested(
    routes: &Routes,
    container_id: ContainerId,
    command: Option<v1::CommandInfo>,
    container: Option<v1::ContainerInfo>,
) -> NestedLaunch {
    let command = command.unwrap_or_default();
    let user = command.user.clone().filter(|_| routes.settings.core.switch_user);
    NestedLaunch {
        container_id,
        command,
        container,
        class: ContainerClass::Default,
        user,
        resources: Vec::new(),
        limits: std::collections::BTreeMap::new(),
    }
}

async fn start(routes: &Routes, launch: NestedLaunch) -> Response {
    match started(routes, launch).await {
        Ok(()) => response::empty(StatusCode::OK),
        Err(refusal) => *refusal,
    }
}

/// Starts a container; the error is the answer.
pub(super) async fn started(routes: &Routes, launch: NestedLaunch) -> Result<(), Box<Response>> {
    if let Some(container) = &launch.container
        && container.r#type() != v1::container_info::Type::Mesos
    {
        return Err(Box::new(response::bad_request("The provided ContainerInfo is not supported")));
    }
    let work_dir = Path::new(&routes.settings.core.work_dir);
    match routes.containerizer.launch_nested(launch, work_dir).await {
        Ok(_) => Ok(()),
        Err(LaunchError::Exists(_)) => Err(Box::new(response::accepted())),
        Err(error) => Err(Box::new(response::bad_request(&explain(&error)))),
    }
}

/// Why a launch failed, with its causes.
fn explain(error: &LaunchError) -> String {
    if let LaunchError::NoParent(parent) = error {
        return format!("Parent container {parent} does not exist");
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
