//! Responses for which nobody waits.

use std::time::Duration;

use tepui_http::Limits;

use super::daemon::Daemon;

const MESSAGE: &str = "POST /message HTTP/1.1\r\nContent-Length: 0\r\n\r\n";
const CALL: &str = "GET /state HTTP/1.1\r\n\r\n";

fn delayed(unhurried_delay: Duration) -> Limits {
    Limits { unhurried_delay, ..Limits::default() }
}

#[tokio::test]
async fn what_nobody_waits_for_is_written_in_the_end() {
    let daemon = Daemon::with_limits(delayed(Duration::from_millis(1))).await;
    let mut client = daemon.connect().await;
    for _ in 0..5 {
        client.write(MESSAGE.as_bytes()).await;
        assert_eq!(client.answer().await.status, "202 Accepted");
    }
}

#[tokio::test]
async fn what_nobody_waits_for_leaves_with_what_somebody_waits_for() {
    let daemon = Daemon::with_limits(delayed(Duration::from_hours(1))).await;
    let mut client = daemon.connect().await;
    client.write(MESSAGE.as_bytes()).await;
    assert_eq!(client.answer().await.status, "202 Accepted", "the first one does not wait");
    client.write(MESSAGE.as_bytes()).await;
    // When another connection has been served, this one's request has been, too, unless the machine is very busy.
    assert_eq!(daemon.ask(CALL.as_bytes()).await.text(), "state");
    assert!(!client.has_more());
    client.write(format!("{MESSAGE}{CALL}{MESSAGE}").as_bytes()).await;
    for expected in ["202 Accepted", "202 Accepted", "200 OK", "202 Accepted"] {
        assert_eq!(client.answer().await.status, expected);
    }
}

#[tokio::test]
async fn what_somebody_waits_for_never_waits() {
    let daemon = Daemon::with_limits(delayed(Duration::from_hours(1))).await;
    let mut client = daemon.connect().await;
    for _ in 0..5 {
        client.write(format!("{MESSAGE}{MESSAGE}").as_bytes()).await;
        client.write(CALL.as_bytes()).await;
        for expected in ["202 Accepted", "202 Accepted", "200 OK"] {
            assert_eq!(client.answer().await.status, expected);
        }
    }
}
