//! `/containers`, `/monitor/statistics` and `GET_CONTAINERS`: what runs here, and what it uses.

use serde_json::{Map, Value};
use tepui_http::{Request, Response};
use tepui_proto::v1;
use tepui_proto::v1::agent::call::GetContainers;
use tepui_proto::v1::agent::response as answer;
use tepui_proto::{JsonDialect, MesosMessage};
use tepui_types::ContainerId;

use super::Routes;
use super::reads::json;
use crate::view::ShownExecutor;

/// A container as readers see it.
struct Shown {
    id: ContainerId,
    /// Of a container that an executor runs in.
    executor: Option<ShownExecutor>,
    status: v1::ContainerStatus,
    statistics: Option<v1::ResourceStatistics>,
}

/// `/containers`: all containers of executors, or the one that the query names.
pub(super) async fn containers(routes: Routes, request: Request) -> Response {
    let wanted = match request.query() {
        Ok(query) => query.value("container_id").map(str::to_owned),
        Err(refusal) => return refusal,
    };
    let mut shown = Vec::new();
    for container in collect(&routes, false, false).await {
        if wanted.as_ref().is_none_or(|wanted| *wanted == container.id.to_string()) {
            let mut object = of_executor(&container);
            object.insert("container_id".to_owned(), Value::String(container.id.to_string()));
            object.insert("status".to_owned(), as_value(&container.status));
            shown.push(Value::Object(object));
        }
    }
    json(&request, Value::Array(shown).to_string().into_bytes())
}

/// `/monitor/statistics`: what executors use.
pub(super) async fn statistics(routes: Routes, request: Request) -> Response {
    let shown: Vec<Value> = collect(&routes, false, false)
        .await
        .iter()
        .map(|container| Value::Object(of_executor(container)))
        .collect();
    json(&request, Value::Array(shown).to_string().into_bytes())
}

/// `GET_CONTAINERS`.
pub(super) async fn get(routes: &Routes, call: Option<GetContainers>) -> v1::agent::Response {
    let call = call.unwrap_or_default();
    let containers = collect(routes, call.show_nested(), call.show_standalone()).await.into_iter();
    let containers = containers.map(|container| {
        let executor = container.executor;
        answer::get_containers::Container {
            framework_id: executor
                .as_ref()
                .map(|executor| v1::FrameworkId { value: executor.framework.clone() }),
            executor_id: executor.as_ref().map(|executor| v1::ExecutorId { value: executor.id.clone() }),
            executor_name: executor.map(|executor| executor.name),
            container_id: container.id.to_proto(),
            container_status: Some(container.status),
            resource_statistics: container.statistics,
        }
    });
    v1::agent::Response {
        r#type: Some(answer::Type::GetContainers.into()),
        get_containers: Some(answer::GetContainers { containers: containers.collect() }),
        ..v1::agent::Response::default()
    }
}

/// Asks the containerizer about each container.
async fn collect(routes: &Routes, show_nested: bool, show_standalone: bool) -> Vec<Shown> {
    let executors = routes.view().shown_executors();
    let mut shown = Vec::new();
    for id in routes.containerizer.containers() {
        let executor = executors.get(&id).cloned();
        let is_wanted = match id.parent() {
            Some(_) => show_nested,
            None => executor.is_some() || show_standalone,
        };
        if !is_wanted || !routes.containerizer.is_running(&id) {
            continue;
        }
        // It may have ended meanwhile.
        let Some(status) = routes.containerizer.status(&id) else { continue };
        let statistics = routes.containerizer.usage(&id).await;
        shown.push(Shown { id, executor, status, statistics });
    }
    shown
}

/// What both older endpoints show alike.
fn of_executor(container: &Shown) -> Map<String, Value> {
    let mut object = Map::new();
    if let Some(executor) = &container.executor {
        let mut set =
            |name: &str, value: &str| object.insert(name.to_owned(), Value::String(value.to_owned()));
        set("executor_id", &executor.id);
        set("executor_name", &executor.name);
        set("framework_id", &executor.framework);
        set("source", &executor.source);
    }
    if let Some(statistics) = &container.statistics {
        object.insert("statistics".to_owned(), as_value(statistics));
    }
    object
}

fn as_value(message: &impl MesosMessage) -> Value {
    serde_json::from_slice(&message.to_json(JsonDialect::V0)).unwrap_or_default()
}
