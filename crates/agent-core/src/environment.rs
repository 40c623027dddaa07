//! The variables that every executor finds in its environment.

use std::collections::BTreeMap;
use std::time::Duration;

use tepui_proto::v1;
use tepui_types::{AgentId, duration_from_proto, format_duration};

use crate::config::Config;

/// How long an executor has to stop by itself.
pub(crate) fn shutdown_grace_period(config: &Config, info: &v1::ExecutorInfo) -> Duration {
    info.shutdown_grace_period.as_ref().map_or(config.executor_shutdown_grace_period, duration_from_proto)
}

/// The environment of one run of an executor.
pub(crate) fn executor_environment(
    config: &Config,
    info: &v1::ExecutorInfo,
    agent: &AgentId,
    directory: &str,
    checkpoint: bool,
) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::new();
    let mut set = |name: &str, value: String| environment.insert(name.to_owned(), value);
    if let Some(ip) = &config.libprocess_ip {
        set("LIBPROCESS_IP", ip.clone());
    }
    for (name, value) in &config.executor_environment_variables {
        set(name, value.clone());
    }
    set("LIBPROCESS_PORT", "0".to_owned());
    set("MESOS_FRAMEWORK_ID", info.framework_id.as_ref().map_or_else(String::new, |id| id.value.clone()));
    set("MESOS_EXECUTOR_ID", info.executor_id.value.clone());
    set("MESOS_DIRECTORY", directory.to_owned());
    set("MESOS_SLAVE_ID", agent.to_string());
    set("MESOS_SLAVE_PID", config.pid.to_string());
    set("MESOS_AGENT_ENDPOINT", config.pid.address.to_string());
    let flag = |value: bool| if value { "1" } else { "0" }.to_owned();
    set("MESOS_CHECKPOINT", flag(checkpoint));
    set("MESOS_HTTP_COMMAND_EXECUTOR", flag(config.http_command_executor));
    set("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", format_duration(shutdown_grace_period(config, info)));
    if checkpoint {
        set("MESOS_RECOVERY_TIMEOUT", format_duration(config.recovery_timeout));
        set("MESOS_SUBSCRIPTION_BACKOFF_MAX", format_duration(config.executor_reregistration_timeout));
    }
    environment
}
