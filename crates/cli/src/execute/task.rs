//! From flags to a framework and its task.

use std::collections::BTreeMap;

use anyhow::{Context as _, anyhow, bail};
use serde_json::Value;
use tepui_flags::Values;
use tepui_proto::{JsonDialect, MesosMessage as _, v1};
use tepui_types::{DEFAULT_ROLE, Resources, validate_id};
use v1::framework_info::capability::Type as Capability;

/// The tasks, but for the agent that will run them, and whether they are a group.
pub(crate) fn tasks(values: &Values) -> anyhow::Result<(Vec<v1::TaskInfo>, bool)> {
    let (tasks, is_group) = match (values.text("task"), values.text("task_group")) {
        (Some(_), Some(_)) => bail!("give one of `task` and `task_group`"),
        (Some(json), None) => (vec![task_of(&parse("task", json)?).context("flag `task`")?], false),
        (None, Some(json)) => (group(&parse("task_group", json)?).context("flag `task_group`")?, true),
        (None, None) => (vec![simple_task(values)?], false),
    };
    for task in &tasks {
        validate_id(&task.task_id.value).map_err(|error| anyhow!("task id: {error}"))?;
    }
    Ok((tasks, is_group))
}

/// A JSON value, or the content of the file that an absolute path names.
fn parse(flag: &str, value: &str) -> anyhow::Result<Value> {
    let content = match value.strip_prefix('/') {
        Some(_) => std::fs::read_to_string(value)
            .with_context(|| format!("flag `{flag}`: failed to read `{value}`"))?,
        None => value.to_owned(),
    };
    serde_json::from_str(&content).with_context(|| format!("flag `{flag}`: expected JSON"))
}

fn group(json: &Value) -> anyhow::Result<Vec<v1::TaskInfo>> {
    let tasks = json.get("tasks").and_then(Value::as_array).context("expected an object with `tasks`")?;
    let tasks = tasks.iter().map(task_of).collect::<anyhow::Result<Vec<_>>>()?;
    if tasks.is_empty() {
        bail!("there are no tasks in it");
    }
    for (index, task) in tasks.iter().enumerate() {
        if tasks[..index].iter().any(|other| other.task_id == task.task_id) {
            bail!("two tasks are called `{}`", task.task_id.value);
        }
    }
    Ok(tasks)
}

/// A `TaskInfo` of the command line names no agent yet, but the field is required.
fn task_of(json: &Value) -> anyhow::Result<v1::TaskInfo> {
    let mut json = json.clone();
    if let Some(object) = json.as_object_mut() {
        object.entry("agent_id").or_insert_with(|| serde_json::json!({"value": ""}));
    }
    v1::TaskInfo::from_json(JsonDialect::V1, json.to_string().as_bytes()).map_err(|error| anyhow!("{error}"))
}

fn simple_task(values: &Values) -> anyhow::Result<v1::TaskInfo> {
    let name =
        values.text("name").context("flag `name` is missing\nhint: name the task, as in --name=hello")?;
    let command = values.text("command");
    if command.is_none() {
        bail!(
            "flag `command` is missing\nhint: say what to run, as in --command='echo hello', or give --task"
        );
    }
    let resources = values.text("resources").unwrap_or_default();
    let resources = Resources::parse(resources, DEFAULT_ROLE)
        .with_context(|| format!("flag `resources`: `{resources}`"))?;
    Ok(v1::TaskInfo {
        name: name.to_owned(),
        task_id: v1::TaskId { value: name.to_owned() },
        resources: resources.to_protos(),
        command: Some(v1::CommandInfo {
            shell: Some(values.bool("shell")),
            value: command.map(str::to_owned),
            arguments: values
                .text("arguments")
                .unwrap_or_default()
                .split_whitespace()
                .map(str::to_owned)
                .collect(),
            user: values.text("user").map(str::to_owned),
            environment: environment(values)?,
            ..Default::default()
        }),
        ..Default::default()
    })
}

fn environment(values: &Values) -> anyhow::Result<Option<v1::Environment>> {
    let Some(json) = values.text("env") else { return Ok(None) };
    let variables: BTreeMap<String, String> = serde_json::from_str(json)
        .context("flag `env`: expected a JSON object of texts, as in {\"NAME\": \"value\"}")?;
    let variables = variables.into_iter().map(|(name, value)| v1::environment::Variable {
        name,
        value: Some(value),
        ..Default::default()
    });
    Ok(Some(v1::Environment { variables: variables.collect() }))
}

/// The framework that runs the task.
pub(crate) fn framework(values: &Values) -> anyhow::Result<v1::FrameworkInfo> {
    let mut capabilities =
        vec![Capability::MultiRole, Capability::ReservationRefinement, Capability::TaskKillingState];
    if values.bool("partition_aware") {
        capabilities.push(Capability::PartitionAware);
    }
    for name in
        values.text("framework_capabilities").unwrap_or_default().split(',').filter(|name| !name.is_empty())
    {
        let capability = Capability::from_str_name(name.trim())
            .with_context(|| format!("flag `framework_capabilities`: there is no capability `{name}`"))?;
        capabilities.push(capability);
    }
    let user = values.text("user").map(str::to_owned).or_else(|| std::env::var("USER").ok());
    Ok(v1::FrameworkInfo {
        user: user.unwrap_or_else(|| "root".to_owned()),
        name: values.text("framework_name").unwrap_or_default().to_owned(),
        roles: vec![values.text("role").unwrap_or(DEFAULT_ROLE).to_owned()],
        checkpoint: Some(values.bool("checkpoint")),
        capabilities: capabilities
            .into_iter()
            .map(|capability| v1::framework_info::Capability { r#type: Some(capability as i32) })
            .collect(),
        ..Default::default()
    })
}
