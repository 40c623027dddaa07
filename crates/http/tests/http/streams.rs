//! Event streams.

use bytes::Bytes;
use tepui_http::{Block, SendError};

use super::daemon::{Client, Daemon, within};

async fn open(daemon: &Daemon, query: &str) -> Client {
    let mut client = daemon.connect().await;
    client.write(format!("GET /stream{query} HTTP/1.1\r\n\r\n").as_bytes()).await;
    let head = client.head().await;
    assert_eq!(head.status, "200 OK");
    assert_eq!(head.headers["Mesos-Stream-Id"], "the-id");
    assert_eq!(head.headers["Content-Type"], "application/json");
    assert_eq!(head.headers["Transfer-Encoding"], "chunked");
    client
}

#[tokio::test]
async fn each_record_is_one_chunk() {
    let mut daemon = Daemon::start().await;
    let mut client = open(&daemon, "").await;
    let sender = daemon.stream().await;
    for index in 0..200 {
        sender.send(Bytes::from(format!("3\n{index:03}"))).unwrap();
    }
    for index in 0..200 {
        assert_eq!(client.chunk().await, format!("3\n{index:03}").into_bytes());
    }
    let long = Bytes::from(vec![b'y'; 500_000]);
    sender.send(long.clone()).unwrap();
    assert_eq!(client.chunk().await, long);
}

#[tokio::test]
async fn each_record_of_a_block_is_one_chunk() {
    let mut daemon = Daemon::start().await;
    let mut client = open(&daemon, "").await;
    let sender = daemon.stream().await;
    let block = Block::new(Bytes::from_static(b"1\na2\nbc3\ndef"), vec![3, 7, 12]);
    sender.send(Bytes::from_static(b"1\nx")).unwrap();
    sender.send_block(block.clone()).unwrap();
    sender.send_block(Block::default()).unwrap();
    sender.send_block(block).unwrap();
    sender.close();
    for record in ["1\nx", "1\na", "2\nbc", "3\ndef", "1\na", "2\nbc", "3\ndef", ""] {
        assert_eq!(client.chunk().await, record.as_bytes());
    }
}

#[tokio::test]
async fn what_is_not_counted_does_not_break_a_stream() {
    let mut daemon = Daemon::start().await;
    let mut client = open(&daemon, "?limit=1000000").await;
    let sender = daemon.stream().await;
    // More than the limit and all buffers of sockets.
    let snapshot = Bytes::from(vec![b's'; 50_000_000]);
    sender.send_uncounted(snapshot.clone()).unwrap();
    let block = Block::new(Bytes::from(vec![b'e'; 600_000]), vec![300_000, 600_000]);
    sender.send_block(block.clone()).unwrap();
    assert!(sender.is_blocked());
    sender.send_block(block.clone()).unwrap();
    assert_eq!(sender.send_block(block), Err(SendError::Overflow), "more than the limit waits already");
    within(sender.disconnected()).await;
    assert!(client.rest().await.len() < snapshot.len());
}

#[tokio::test]
async fn a_closed_stream_leaves_the_connection_usable() {
    let mut daemon = Daemon::start().await;
    let mut client = open(&daemon, "").await;
    let sender = daemon.stream().await;
    sender.send(Bytes::from_static(b"1\nx")).unwrap();
    sender.close();
    assert_eq!(sender.send(Bytes::from_static(b"1\ny")), Err(SendError::Disconnected));
    assert_eq!(client.chunk().await, b"1\nx");
    assert_eq!(client.chunk().await, b"");
    drop(sender);
    client.write(b"GET /state HTTP/1.1\r\n\r\n").await;
    assert_eq!(client.answer().await.text(), "state");
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed_while_nothing_is_sent() {
    let mut daemon = Daemon::start().await;
    let client = open(&daemon, "").await;
    let sender = daemon.stream().await;
    assert!(!sender.is_disconnected());
    let watch = sender.watch();
    drop(client);
    within(watch.disconnected()).await;
    within(sender.disconnected()).await;
    assert_eq!(sender.send(Bytes::from_static(b"1\nx")), Err(SendError::Disconnected));
}

#[tokio::test]
async fn a_slow_reader_is_disconnected() {
    let mut daemon = Daemon::start().await;
    let mut client = open(&daemon, "?limit=1000000").await;
    let sender = daemon.stream().await;
    let record = Bytes::from(vec![b'z'; 100_000]);
    let mut sent = 0;
    let refusal = loop {
        match sender.send(record.clone()) {
            Ok(()) => sent += 1,
            Err(refusal) => break refusal,
        }
        assert!(sender.queued_bytes() <= 1_000_000);
        assert!(sent < 10_000, "sockets do not buffer a gigabyte");
        tokio::task::yield_now().await;
    };
    assert_eq!(refusal, SendError::Overflow);
    within(sender.disconnected()).await;
    let received = client.rest().await;
    assert!(received.len() < sent * record.len());
}

#[tokio::test]
async fn a_dropped_sender_breaks_the_stream() {
    let mut daemon = Daemon::start().await;
    let mut client = open(&daemon, "").await;
    drop(daemon.stream().await);
    assert_eq!(client.rest().await, b"", "there is no terminal chunk");
}

#[tokio::test]
async fn a_stopping_daemon_does_not_wait_for_streams() {
    let mut daemon = Daemon::with_limits(tepui_http::Limits {
        shutdown_grace: std::time::Duration::from_millis(10),
        ..Default::default()
    })
    .await;
    let mut client = open(&daemon, "").await;
    let sender = daemon.stream().await;
    daemon.stop().await;
    within(sender.disconnected()).await;
    client.rest().await;
}

#[tokio::test]
async fn a_stream_drains_when_its_reader_catches_up() {
    let mut daemon = Daemon::start().await;
    let mut client = open(&daemon, "?limit=100000000").await;
    let sender = daemon.stream().await;
    within(sender.drained()).await;
    let watch = sender.watch();
    let record = Bytes::from(vec![b'z'; 100_000]);
    let mut sent = 0;
    // Fill the socket, which takes some megabytes, and then some.
    while sender.queued_bytes() < 1_000_000 {
        sender.send(record.clone()).unwrap();
        sent += 1;
        tokio::task::yield_now().await;
    }
    assert!(sender.is_blocked());
    within(watch.blocked()).await;
    let written = watch.written_bytes();
    assert!(written > 0 && watch.queued_bytes() >= 1_000_000);
    let reader = async {
        for _ in 0..sent {
            assert_eq!(client.chunk().await.len(), record.len());
        }
    };
    within(async { tokio::join!(reader, sender.drained()) }).await;
    assert!(!sender.is_blocked());
    assert_eq!(watch.queued_bytes(), 0);
    assert!(watch.written_bytes() >= written + 1_000_000);
    drop(client);
    within(sender.drained()).await;
}
