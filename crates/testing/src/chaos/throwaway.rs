//! Frameworks that are torn down, and must stay away.

use std::time::Duration;

use tepui_client::Masters;
use tepui_client::scheduler::{self, Calls, Event, Events, Options};
use tepui_proto::v1;
use tepui_proto::v1::framework_info::{Capability, capability};
use tepui_types::DEFAULT_ROLE;

use super::Verdict;
use super::cluster::HEAL_DEADLINE;

/// How long a framework tries to come and go.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a framework tries that is to be refused or accepted by a cluster which is whole.
const LONG_PATIENCE: Duration = HEAL_DEADLINE;

fn framework(id: Option<v1::FrameworkId>) -> v1::FrameworkInfo {
    v1::FrameworkInfo {
        id,
        user: "root".into(),
        name: "throwaway".into(),
        failover_timeout: Some(1e6),
        roles: vec![DEFAULT_ROLE.to_owned()],
        capabilities: vec![Capability { r#type: Some(capability::Type::MultiRole.into()) }],
        ..Default::default()
    }
}

fn options() -> Options {
    Options {
        // It would only hold what others want.
        suppressed_roles: vec![DEFAULT_ROLE.to_owned()],
        call_timeout: Duration::from_secs(30),
        ..Options::default()
    }
}

/// Subscribes, within so long.
pub(crate) async fn come(
    masters: Masters,
    id: Option<v1::FrameworkId>,
    patience: Duration,
) -> Option<(Calls, Events)> {
    let (calls, mut events) = scheduler::subscribe(masters, framework(id), options());
    let subscribed = async {
        while !matches!(events.next().await.ok()?, Event::Subscribed(_)) {}
        Some(())
    };
    tokio::time::timeout(patience, subscribed).await.ok()??;
    Some((calls, events))
}

/// Subscribes and tears down; the id, if the teardown was acknowledged.
pub(crate) async fn come_and_go(masters: Masters) -> Option<v1::FrameworkId> {
    let gone = async {
        let (calls, _events) = come(masters, None, PATIENCE).await?;
        calls.teardown().await.ok()?;
        calls.framework_id()
    };
    tokio::time::timeout(PATIENCE, gone).await.ok().flatten()
}

/// Fails if a framework that was torn down may come back.
pub(crate) async fn check_gone(masters: Masters, id: v1::FrameworkId) -> Verdict {
    let shown = id.value.clone();
    let settings = Options { give_up_after: Some(LONG_PATIENCE), ..options() };
    let (_calls, mut events) = scheduler::subscribe(masters, framework(Some(id)), settings);
    loop {
        match events.next().await {
            Ok(Event::Error(message)) if message == "Framework has been removed" => return Ok(()),
            Ok(Event::Disconnected { .. }) => {}
            other => return Err(format!("framework `{shown}` was torn down, and came back: {other:?}")),
        }
    }
}

/// Fails if a framework that was not torn down may not come back; tears it down otherwise, if it can.
pub(crate) async fn check_there(masters: Masters, id: v1::FrameworkId) -> Verdict {
    let Some((calls, _events)) = come(masters, Some(id.clone()), LONG_PATIENCE).await else {
        return Err(format!("framework `{}` was torn down by a master that did not lead", id.value));
    };
    // It has served.
    drop(calls.teardown().await);
    Ok(())
}
