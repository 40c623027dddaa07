//! Links and their ends.

use std::collections::BTreeSet;
use std::time::Duration;

use tepui_link::{LinkEvent, Upid};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::front::{Front, within};

async fn broken(front: &mut Front) -> Upid {
    loop {
        match front.event().await {
            LinkEvent::Broken { peer } => return peer,
            LinkEvent::Behind { .. } => {}
            other @ (LinkEvent::Received { .. } | LinkEvent::CaughtUp { .. }) => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn each_linked_actor_is_reported_when_the_peer_goes() {
    let (mut master, mut agent) = (Front::start().await, Front::start().await);
    agent.link.register("slave(1)");
    let linked: BTreeSet<_> =
        ["slave(1)", "executor(1)"].into_iter().map(|actor| agent.upid(actor)).collect();
    for upid in &linked {
        master.link.link(upid);
    }
    let forgotten = agent.upid("executor(2)");
    master.link.link(&forgotten);
    master.link.unlink(&forgotten);
    // Once a message has come through, the connection is there.
    master.link.send("master", &agent.upid("slave(1)"), "ping", b"");
    agent.message().await;
    agent.stop_server().await;
    let reported = BTreeSet::from([broken(&mut master).await, broken(&mut master).await]);
    assert_eq!(reported, linked);
    assert!(master.events.try_recv().is_err(), "only those");
}

#[tokio::test]
async fn a_link_that_cannot_be_opened_is_reported() {
    let mut master = Front::start().await;
    let vacant = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let peer = Upid::new("slave(1)", vacant);
    master.link.send("master", &peer, "lost", b"");
    master.link.link(&peer);
    assert_eq!(broken(&mut master).await, peer);
    // Linking again tries again.
    master.link.link(&peer);
    within(master.link.flush(Duration::from_secs(10))).await;
}

#[tokio::test]
async fn a_link_stays_open_in_silence_and_other_connections_do_not() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peer = Upid::new("slave(1)", listener.local_addr().unwrap());
    let master = Front::with(|config| config.idle_timeout = Duration::from_millis(20)).await;
    master.link.send("master", &peer, "ping", b"");
    let (mut unlinked, _) = within(listener.accept()).await.unwrap();
    let mut received = Vec::new();
    within(unlinked.read_to_end(&mut received)).await.unwrap();
    assert!(received.starts_with(b"POST /slave(1)/ping HTTP/1.1\r\n"));
    master.link.link(&peer);
    let (mut linked, _) = within(listener.accept()).await.unwrap();
    let read = tokio::time::timeout(Duration::from_millis(200), linked.read_to_end(&mut received)).await;
    assert!(read.is_err(), "the link is still open");
    master.link.unlink(&peer);
    within(linked.read_to_end(&mut received)).await.unwrap();
}

#[tokio::test]
async fn linking_says_nothing_to_the_peer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peer = Upid::new("slave(1)", listener.local_addr().unwrap());
    let master = Front::start().await;
    master.link.link(&peer);
    let (mut linked, _) = within(listener.accept()).await.unwrap();
    drop(master);
    let mut received = Vec::new();
    within(linked.read_to_end(&mut received)).await.unwrap();
    assert_eq!(received, b"", "and dropping the last handle closes it");
}

#[tokio::test]
async fn relinking_replaces_the_connection_without_a_report() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peer = Upid::new("slave(1)", listener.local_addr().unwrap());
    let mut master = Front::start().await;
    master.link.link(&peer);
    master.link.send("master", &peer, "first", b"");
    let (mut old, _) = within(listener.accept()).await.unwrap();
    old.read_u8().await.unwrap();
    master.link.relink(&peer);
    master.link.send("master", &peer, "second", b"");
    let (mut new, _) = within(listener.accept()).await.unwrap();
    let mut start = [0; 21];
    within(new.read_exact(&mut start)).await.unwrap();
    assert_eq!(&start, b"POST /slave(1)/second");
    assert!(master.events.try_recv().is_err());
    drop(new);
    assert_eq!(broken(&mut master).await, peer);
}

#[tokio::test]
async fn a_peer_that_reads_nothing_breaks_its_link() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peer = Upid::new("slave(1)", listener.local_addr().unwrap());
    let mut master = Front::with(|config| config.max_queued_bytes = 100_000).await;
    master.link.link(&peer);
    let (_never_read, _) = within(listener.accept()).await.unwrap();
    let mut sent = 0;
    while !matches!(master.events.try_recv(), Ok(LinkEvent::Broken { .. })) {
        master.link.send("master", &peer, "update", [0; 10_000]);
        sent += 1;
        assert!(sent < 100_000, "sockets do not buffer a gigabyte");
        tokio::task::yield_now().await;
    }
    within(master.link.flush(Duration::from_secs(10))).await;
}

/// A peer that accepts a connection; what it got is read when the test says so.
async fn silent_peer() -> (TcpListener, Upid) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peer = Upid::new("scheduler", listener.local_addr().unwrap());
    (listener, peer)
}

#[tokio::test]
async fn a_peer_that_is_behind_is_reported_until_it_has_caught_up() {
    let mut front = Front::start().await;
    let (listener, peer) = silent_peer().await;
    front.link.link(&peer);
    let (mut stream, _) = within(listener.accept()).await.unwrap();
    let megabyte = vec![0; 1 << 20];
    for _ in 0..32 {
        front.link.send("master", &peer, "M", &megabyte);
    }
    let mut reports = Vec::new();
    while reports.len() < 2 {
        let LinkEvent::Behind { peer: behind, queued_bytes, written_bytes } = front.event().await else {
            panic!("the peer is behind");
        };
        assert_eq!(behind, peer);
        assert!(queued_bytes > 1 << 20);
        reports.push(written_bytes);
    }
    let reader = tokio::spawn(async move {
        let mut buffer = vec![0; 1 << 16];
        while tokio::io::AsyncReadExt::read(&mut stream, &mut buffer).await.unwrap() > 0 {}
    });
    let caught_up = loop {
        match front.event().await {
            LinkEvent::Behind { .. } => {}
            other @ (LinkEvent::CaughtUp { .. } | LinkEvent::Broken { .. } | LinkEvent::Received { .. }) => {
                break other;
            }
        }
    };
    assert_eq!(caught_up, LinkEvent::CaughtUp { peer: peer.clone() });
    reader.abort();
}

#[tokio::test]
async fn a_peer_that_is_given_up_is_reported_as_broken() {
    let mut front = Front::start().await;
    let (listener, peer) = silent_peer().await;
    front.link.link(&peer);
    let _stream = within(listener.accept()).await.unwrap();
    front.link.send("master", &peer, "M", vec![0; 32 << 20]);
    assert!(matches!(front.event().await, LinkEvent::Behind { .. }));
    front.link.abort(&peer);
    assert_eq!(broken(&mut front).await, peer);
}
