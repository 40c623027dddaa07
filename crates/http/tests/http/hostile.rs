//! Input that means harm: whatever comes, the daemon goes on and nothing stays behind.

use std::time::Duration;

use tepui_http::Limits;

use super::daemon::{Daemon, within};

fn strict() -> Limits {
    Limits {
        max_body_bytes: 1000,
        header_timeout: Duration::from_millis(100),
        body_timeout: Duration::from_millis(100),
        ..Limits::default()
    }
}

/// Sends bytes, reads to the end of the connection, and gives what came.
async fn check(daemon: &Daemon, bytes: &[u8]) -> String {
    let mut client = daemon.connect().await;
    client.write(bytes).await;
    let answer = String::from_utf8_lossy(&client.rest().await).into_owned();
    assert!(daemon.is_alive().await);
    answer
}

#[tokio::test]
async fn garbage_closes_the_connection() {
    let daemon = Daemon::with_limits(strict()).await;
    for garbage in [
        b"GARBAGE\r\n\r\n".as_slice(),
        b"\0\0\0\0\r\n\r\n",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\n: \r\n\r\n",
        b"POST /length HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /length HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"POST /length HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        b"POST /length HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let answer = check(&daemon, garbage).await;
        assert!(!answer.contains("200 OK"), "{:?} got {answer}", String::from_utf8_lossy(garbage));
    }
    daemon.stop().await;
}

#[tokio::test]
async fn a_head_that_trickles_in_is_cut_off() {
    let daemon = Daemon::with_limits(strict()).await;
    assert_eq!(check(&daemon, b"GET /state HTT").await, "");
    // Also after an honest request.
    let mut client = daemon.connect().await;
    client.write(b"GET /state HTTP/1.1\r\n\r\n").await;
    assert_eq!(client.answer().await.text(), "state");
    client.write(b"GET /st").await;
    assert_eq!(client.rest().await, b"");
    daemon.stop().await;
}

#[tokio::test]
async fn an_idle_connection_stays_open() {
    let daemon = Daemon::with_limits(strict()).await;
    let mut silent = daemon.connect().await;
    let mut used = daemon.connect().await;
    used.write(b"GET /state HTTP/1.1\r\n\r\n").await;
    used.answer().await;
    // This one outlives the timeout by being cut off by it.
    check(&daemon, b"GET").await;
    check(&daemon, b"GET").await;
    for client in [&mut silent, &mut used] {
        client.write(b"GET /state HTTP/1.1\r\n\r\n").await;
        assert_eq!(client.answer().await.text(), "state");
    }
}

#[tokio::test]
async fn a_body_that_stops_is_refused() {
    let daemon = Daemon::with_limits(strict()).await;
    let answer = check(&daemon, b"POST /length HTTP/1.1\r\nContent-Length: 10\r\n\r\n{}").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused() {
    let daemon = Daemon::with_limits(strict()).await;
    let body = "x".repeat(1001);
    let answer =
        check(&daemon, format!("POST /length HTTP/1.1\r\nContent-Length: 1001\r\n\r\n{body}").as_bytes())
            .await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.ends_with("The request's body exceeds 1000 bytes"), "{answer}");
    let chunked =
        format!("POST /length HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n{body}\r\n0\r\n\r\n");
    assert!(check(&daemon, chunked.as_bytes()).await.starts_with("HTTP/1.1 413 "));
}

#[tokio::test]
async fn a_body_that_is_no_gzip_is_refused() {
    let daemon = Daemon::start().await;
    let answer =
        daemon.ask(b"POST /length HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc").await;
    assert_eq!(answer.status, "400 Bad Request");
}

#[tokio::test]
async fn a_huge_head_is_refused() {
    let daemon = Daemon::start().await;
    let fits = format!("GET /state HTTP/1.1\r\nX-Big: {}\r\n\r\n", "a".repeat(70 * 1024));
    assert_eq!(daemon.ask(fits.as_bytes()).await.text(), "state");
    let mut client = daemon.connect().await;
    client.write(format!("GET /state HTTP/1.1\r\nX-Big: {}\r\n\r\n", "a".repeat(90 * 1024)).as_bytes()).await;
    let answer = String::from_utf8_lossy(&client.rest().await).into_owned();
    assert!(!answer.contains("200 OK"), "{answer}");
    assert!(daemon.is_alive().await);
}

#[tokio::test]
async fn a_handler_that_panics_takes_only_its_connection_along() {
    let daemon = Daemon::start().await;
    assert_eq!(check(&daemon, b"GET /panic HTTP/1.1\r\n\r\n").await, "");
    daemon.stop().await;
}

#[tokio::test]
async fn connections_beyond_the_limit_are_refused() {
    let daemon = Daemon::with_limits(Limits { max_connections: 1, ..Limits::default() }).await;
    let mut first = daemon.connect().await;
    first.write(b"GET /state HTTP/1.1\r\n\r\n").await;
    assert_eq!(first.answer().await.text(), "state");
    let mut second = daemon.connect().await;
    assert_eq!(second.rest().await, b"");
    drop(first);
    // The place is free as soon as the daemon has seen the first one go.
    within(async {
        loop {
            let mut third = daemon.connect().await;
            third.write(b"GET /state HTTP/1.1\r\nConnection: close\r\n\r\n").await;
            if third.rest().await.ends_with(b"state") {
                break;
            }
        }
    })
    .await;
}

/// Breaks recorded requests in many ways. A failure prints the seed.
#[tokio::test]
async fn mutilated_requests_do_no_harm() {
    let daemon = Daemon::with_limits(Limits { header_timeout: Duration::from_millis(20), ..strict() }).await;
    let request = b"POST /api/v1/scheduler?a=b%20c HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                    Accept: application/json;q=1\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n\
                    2\r\n{}\r\n0\r\n\r\n";
    for seed in 0..300 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut bytes = request.repeat(random.usize(1..4));
        for _ in 0..random.usize(1..6) {
            let at = random.usize(..bytes.len());
            match random.u8(..4) {
                0 => bytes[at] = random.u8(..),
                1 => bytes.truncate(at.max(1)),
                2 => bytes.insert(at, random.u8(..)),
                _ => drop(bytes.splice(at..at, *b"\r\n").count()),
            }
        }
        let mut client = daemon.connect().await;
        client.write_what_is_taken(&bytes).await;
        assert!(daemon.is_alive().await, "seed {seed}");
    }
    daemon.stop().await;
}
