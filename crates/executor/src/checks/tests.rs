//! Real probes: processes, servers and closed ports.

use std::time::Duration;

use tepui_proto::v1::check_info::{Http, Tcp, Type};
use tepui_proto::v1::{CheckInfo, CommandInfo, HealthCheck, TaskInfo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::variables::Variables;

fn beside() -> (Place, Children) {
    let children = Children::default();
    let variables = Variables::from([("PATH".into(), "/usr/bin:/bin".into()), ("A".into(), "b".into())]);
    let beside = Beside { directory: "/tmp".into(), variables, children: children.clone() };
    (Place::Beside(Arc::new(beside)), children)
}

fn command(value: &str) -> CheckInfo {
    let command = CommandInfo { value: Some(value.to_owned()), ..CommandInfo::default() };
    CheckInfo {
        r#type: Some(Type::Command.into()),
        command: Some(v1::check_info::Command { command }),
        ..CheckInfo::default()
    }
}

fn http(port: u16, path: &str) -> CheckInfo {
    CheckInfo {
        r#type: Some(Type::Http.into()),
        http: Some(Http { port: port.into(), path: Some(path.to_owned()) }),
        ..CheckInfo::default()
    }
}

fn tcp(port: u16) -> CheckInfo {
    CheckInfo { r#type: Some(Type::Tcp.into()), tcp: Some(Tcp { port: port.into() }), ..CheckInfo::default() }
}

fn task(check: Option<CheckInfo>, health_check: Option<HealthCheck>) -> TaskInfo {
    TaskInfo {
        task_id: v1::TaskId { value: "t".into() },
        check: check.map(|check| {
            Box::new(CheckInfo {
                delay_seconds: Some(0.0),
                interval_seconds: Some(0.01),
                timeout_seconds: check.timeout_seconds.or(Some(60.0)),
                ..check
            })
        }),
        health_check: health_check.map(Box::new),
        ..TaskInfo::default()
    }
}

async fn next(checks: &mut Checks) -> Report {
    tokio::time::timeout(Duration::from_mins(1), checks.next()).await.expect("a report in time").1
}

async fn first(check: CheckInfo) -> v1::CheckStatusInfo {
    let (place, children) = beside();
    let mut checks = Checks::new();
    checks.add(&task(Some(check), None), &place).unwrap();
    let report = next(&mut checks).await;
    checks.stop(&v1::TaskId { value: "t".into() });
    drop(checks);
    let _ = children;
    let Report::Check(status) = report else { panic!("{report:?}") };
    status
}

/// Answers each request by its path.
async fn serve() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).await.unwrap();
            let request = String::from_utf8_lossy(&request[..read]).into_owned();
            let head = match request.split(' ').nth(1).unwrap_or_default() {
                "/ok" => "200 OK",
                "/moved" => "302 Found\r\nLocation: ok",
                "/loop" => "302 Found\r\nLocation: /loop",
                _ => "503 Service Unavailable",
            };
            let answer = format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    port
}

#[tokio::test]
async fn a_command_runs_with_its_environment_and_its_end_is_told() {
    let status = first(command("test $A = b && exit 3")).await;
    assert_eq!(status.command.unwrap().exit_code, Some(3));
}

#[tokio::test]
async fn a_page_is_asked_for_and_redirections_are_followed() {
    let port = serve().await;
    for (path, expected) in [("/ok", 200), ("/moved", 200), ("/down", 503), ("", 503)] {
        let status = first(http(port, path)).await;
        assert_eq!(status.http.unwrap().status_code, Some(expected), "{path}");
    }
}

#[tokio::test]
async fn an_open_port_is_told_from_a_closed_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    assert_eq!(first(tcp(port)).await.tcp.unwrap().succeeded, Some(true));
    drop(listener);
    assert_eq!(first(tcp(port)).await.tcp.unwrap().succeeded, Some(false));
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_killed_and_counts_as_a_failure() {
    let (place, children) = beside();
    let mut checks = Checks::new();
    let slow = CheckInfo { timeout_seconds: Some(0.05), ..command("sleep 1000 & sleep 1000") };
    let health = HealthCheck {
        r#type: Some(v1::health_check::Type::Command.into()),
        command: slow.command.map(|command| command.command),
        delay_seconds: Some(0.0),
        interval_seconds: Some(0.0),
        timeout_seconds: Some(0.05),
        grace_period_seconds: Some(0.0),
        consecutive_failures: Some(2),
        ..HealthCheck::default()
    };
    checks.add(&task(None, Some(health)), &place).unwrap();
    assert_eq!(next(&mut checks).await, Report::Unhealthy { kill: false });
    assert_eq!(next(&mut checks).await, Report::Unhealthy { kill: true });
    checks.stop(&v1::TaskId { value: "t".into() });
    drop(checks);
    tokio::time::timeout(Duration::from_mins(1), async {
        while !children.pids().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the probes are gone");
}

#[tokio::test]
async fn a_paused_check_tells_nothing_until_it_is_resumed() {
    let (place, _) = beside();
    let mut checks = Checks::new();
    checks.add(&task(Some(command("exit 0")), None), &place).unwrap();
    checks.pause();
    assert!(tokio::time::timeout(Duration::from_millis(50), checks.next()).await.is_err());
    checks.resume();
    assert!(matches!(next(&mut checks).await, Report::Check(_)));
}

#[tokio::test]
async fn a_check_without_settings_is_refused() {
    let (place, _) = beside();
    let bad = CheckInfo { r#type: Some(Type::Http.into()), ..CheckInfo::default() };
    Checks::new().add(&task(Some(bad), None), &place).unwrap_err();
    let bad =
        CheckInfo { r#type: Some(Type::Tcp.into()), tcp: Some(Tcp { port: 70_000 }), ..CheckInfo::default() };
    Checks::new().add(&task(Some(bad), None), &place).unwrap_err();
}
