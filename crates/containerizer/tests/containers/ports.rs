//! Containers that listen on ports.

use std::net::TcpListener;
use std::time::Duration;

use tepui_proto::v1;
use tepui_types::{ContainerId, Range, Ranges};

use crate::fixture::{Agent, DEADLINE};
use crate::linux::{agent, left_out};

/// Listens on a port until it is killed.
fn listen(port: u16) -> String {
    format!(
        "exec python3 -c 'import socket, time; s = socket.socket(); s.setsockopt(1, 2, 1); s.bind((\"127.0.0.1\", {port})); \
         s.listen(); print(\"listens\", flush=True); time.sleep(1000)'"
    )
}

fn ports(ports: &[u16]) -> v1::Resource {
    let range = |port: &u16| v1::value::Range { begin: u64::from(*port), end: u64::from(*port) };
    v1::Resource {
        name: "ports".to_owned(),
        r#type: v1::value::Type::Ranges.into(),
        ranges: Some(v1::value::Ranges { range: ports.iter().map(range).collect() }),
        ..v1::Resource::default()
    }
}

/// Two ports that nobody uses just now.
fn free() -> [u16; 2] {
    let sockets = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    sockets.map(|socket| socket.local_addr().unwrap().port())
}

async fn start(isolated: Option<Ranges>) -> Option<Agent> {
    if std::process::Command::new("python3").arg("-V").output().is_err() {
        left_out("containers that listen: there is no `python3`");
        return None;
    }
    agent("network/ports", |settings| {
        settings.isolation.enforces_ports = true;
        settings.isolation.ports_interval = Duration::from_millis(20);
        settings.isolation.isolated_ports = isolated;
    })
    .await
}

#[tokio::test]
async fn a_container_on_a_foreign_port_is_ended_and_says_why() {
    let [own, foreign] = free();
    let Some(mut agent) = start(None).await else { return };
    let parent = ContainerId::new("p");
    let mut config = agent.config(&parent, &listen(own));
    config.resources = vec![ports(&[own])];
    agent.containers.launch(config).await.unwrap();
    crate::fixture::until("it listens", || {
        std::fs::read_to_string(agent.sandbox().join("stdout")).is_ok_and(|text| text == "listens\n")
    })
    .await;
    let nested = agent.config(&parent.child("n"), &listen(foreign));
    agent.containers.launch(nested).await.unwrap();
    let exited = tokio::time::timeout(DEADLINE, agent.reports.recv()).await.unwrap().unwrap();
    let termination = exited.termination;
    assert_eq!(termination.reason, Some(v1::task_status::Reason::ContainerLimitation));
    let expected = format!("Container p.n is listening on unallocated port(s): [{foreign}-{foreign}]");
    assert_eq!(termination.message, Some(expected));
    assert_eq!(termination.limited_resources[0].ranges.as_ref().unwrap().range[0].begin, u64::from(foreign));
}

#[tokio::test]
async fn ports_that_are_given_later_and_those_outside_of_the_range_are_left_alone() {
    let [given, outside] = free();
    let watched = Ranges::new([Range { begin: u64::from(given), end: u64::from(given) }]);
    let Some(mut agent) = start(Some(watched)).await else { return };
    let (first, second) = (ContainerId::new("a"), ContainerId::new("b"));
    let mut config =
        agent.config(&first, &format!("while [ ! -e go ]; do sleep 0.01; done; {}", listen(given)));
    agent.containers.launch(config.clone()).await.unwrap();
    assert!(agent.containers.update(&first, vec![ports(&[given])], config.limits.clone()).unwrap());
    config = agent.config(&second, &listen(outside));
    agent.containers.launch(config).await.unwrap();
    std::fs::write(agent.sandbox().join("go"), "").unwrap();
    crate::fixture::until("both listen", || {
        std::fs::read_to_string(agent.sandbox().join("stdout")).is_ok_and(|text| text == "listens\nlistens\n")
    })
    .await;
    // What is taken away is missed at once, and only from the one that has it.
    assert!(agent.containers.update(&first, Vec::new(), [].into()).unwrap());
    assert_eq!(agent.next().await, ("a".to_owned(), Some(9)));
    assert!(agent.containers.destroy(&second).await);
}
