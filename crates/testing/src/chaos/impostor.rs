//! Somebody who gives orders in the name of a master that does not lead.

use std::net::SocketAddr;
use std::time::Duration;

use tepui_proto::{LinkMessage, v1};

use super::Verdict;
use crate::request::exchange_within;

/// Tells an agent, in the name of `master`, to kill a task.
pub(crate) fn order_to_kill(agent: SocketAddr, master: SocketAddr, framework: &str, task: &str) -> Verdict {
    let message = tepui_proto::internal::KillTaskMessage {
        framework_id: v1::FrameworkId { value: framework.to_owned() },
        task_id: v1::TaskId { value: task.to_owned() },
        kill_policy: None,
    };
    let message = LinkMessage::from(message);
    let body = message.encode();
    let mut request = format!(
        "POST /slave(1)/{} HTTP/1.1\r\nHost: {agent}\r\nConnection: close\r\nLibprocess-From: master@{master}\r\n\
         Content-Length: {}\r\n\r\n",
        message.name(),
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(&body);
    match exchange_within(agent, &request, Duration::from_secs(20)) {
        Some(answer) if answer.status == 202 => Ok(()),
        answer => Err(format!("an agent did not take a message: {answer:?}")),
    }
}
