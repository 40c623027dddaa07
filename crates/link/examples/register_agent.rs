//! Registers an agent without any substance with a master, to see that both ends of the link agree with a real Mesos.
//!
//! `cargo run -p tepui-link --example register_agent -- 127.0.0.1:5050 127.0.0.1:5051 SECONDS`
//!
//! It answers pings, prints every message, links to the master and says when that link breaks.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a tool to look at by eye")]

use std::net::SocketAddr;
use std::time::Duration;

use prost::Message as _;
use tepui_http::{Limits, RequestBody, Router, response, serve};
use tepui_link::{Link, LinkConfig, LinkEvent, Upid, is_link_request};
use tepui_proto::{internal, v1};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

const ACTOR: &str = "slave(1)";

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let master: SocketAddr = arguments.next().unwrap().parse().unwrap();
    let own: SocketAddr = arguments.next().unwrap().parse().unwrap();
    let lifetime = Duration::from_secs(arguments.next().unwrap().parse().unwrap());

    let (sender, events) = mpsc::channel(1024);
    let link = Link::new(LinkConfig::new(own), sender);
    link.register(ACTOR);
    let limits = Limits::default();
    let router = Router::builder(ACTOR, &limits)
        .route("/health", |_| async { response::empty(http::StatusCode::OK) })
        .build();
    let front_link = link.clone();
    let front = move |request: http::Request<RequestBody>, peer| {
        let (link, router) = (front_link.clone(), router.clone());
        async move {
            let (head, body) = request.into_parts();
            let is_message = is_link_request(&head);
            let request = http::Request::from_parts(head, body);
            if is_message {
                link.receive(request, peer).await.map(Into::into)
            } else {
                router.handle(request, peer).await
            }
        }
    };
    let listener = TcpListener::bind(own).await.unwrap();
    let master = Upid::new("master", master);
    tokio::join!(
        serve(listener, limits, front, tokio::time::sleep(lifetime)),
        tokio::time::timeout(lifetime, converse(link, master, own, events)),
    )
    .1
    .ok();
}

async fn converse(link: Link, master: Upid, own: SocketAddr, mut events: mpsc::Receiver<LinkEvent>) {
    link.link(&master);
    link.send(ACTOR, &master, "mesos.internal.RegisterSlaveMessage", registration(own).encode_to_vec());
    let mut pings = 0;
    while let Some(event) = events.recv().await {
        match event {
            LinkEvent::Received { from, to, name, body } => {
                println!("{from} -> {to}: {name} ({} bytes)", body.len());
                match name.as_str() {
                    "mesos.internal.SlaveRegisteredMessage" => {
                        println!("    {:?}", internal::SlaveRegisteredMessage::decode(body));
                    }
                    "mesos.internal.PingSlaveMessage" => {
                        println!("    {:?}", internal::PingSlaveMessage::decode(body));
                        pings += 1;
                        link.send(ACTOR, &from, "mesos.internal.PongSlaveMessage", b"");
                    }
                    other => println!("    {other} is left unanswered after {pings} pings"),
                }
            }
            LinkEvent::Behind { .. } | LinkEvent::CaughtUp { .. } => {}
            LinkEvent::Broken { peer } => {
                println!("the link to {peer} broke");
                return;
            }
        }
    }
}

fn registration(own: SocketAddr) -> internal::RegisterSlaveMessage {
    let cpus = v1::Resource {
        name: "cpus".to_owned(),
        r#type: v1::value::Type::Scalar as i32,
        scalar: Some(v1::value::Scalar { value: 8.0 }),
        ..Default::default()
    };
    let agent = v1::AgentInfo {
        hostname: "tepui-link-example".to_owned(),
        port: Some(own.port().into()),
        resources: vec![cpus],
        checkpoint: Some(true),
        ..Default::default()
    };
    internal::RegisterSlaveMessage {
        slave: agent,
        version: Some("1.11.0".to_owned()),
        resource_version_uuid: Some(v1::Uuid { value: vec![7; 16] }),
        ..Default::default()
    }
}
