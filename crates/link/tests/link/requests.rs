//! What the receiving half answers.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::front::{Front, within};

/// Sends one request and gives the status line and the body of its answer.
async fn ask(front: &Front, request: &str) -> (String, String) {
    let mut socket = TcpStream::connect(front.link.advertised()).await.unwrap();
    socket.write_all(request.replace('\n', "\r\n").as_bytes()).await.unwrap();
    socket.shutdown().await.unwrap();
    let mut answer = String::new();
    within(socket.read_to_string(&mut answer)).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

async fn check(request: &str, status: &str, body: &str) -> Front {
    let front = Front::start().await;
    front.link.register("master");
    let request = request.replacen('\n', "\nConnection: close\n", 1);
    assert_eq!(ask(&front, &request).await, (format!("HTTP/1.1 {status}"), body.to_owned()), "{request}");
    front
}

#[tokio::test]
async fn a_message_of_a_driver_is_accepted() {
    let request = "POST /master/mesos.scheduler.Call HTTP/1.1\nUser-Agent: libprocess/scheduler-0b@127.0.0.1:42295\n\
                   Libprocess-From: scheduler-0b@127.0.0.1:42295\nHost: \nTransfer-Encoding: chunked\n\n\
                   3\nabc\n0\n\n";
    let mut front = check(request, "202 Accepted", "").await;
    assert_eq!(front.message().await, ("mesos.scheduler.Call".to_owned(), "abc".into()));
}

#[tokio::test]
async fn either_header_names_the_sender() {
    for header in ["User-Agent: libprocess/a@127.0.0.1:1", "Libprocess-From:  a@127.0.0.1:1 "] {
        let mut front = check(&format!("POST /%6daster/x HTTP/1.1\n{header}\n\n"), "202 Accepted", "").await;
        front.message().await;
    }
}

#[tokio::test]
async fn an_unknown_actor_is_not_found() {
    check("POST /nobody/x HTTP/1.1\nLibprocess-From: a@127.0.0.1:1\n\n", "404 Not Found", "404 Not Found.")
        .await;
}

#[tokio::test]
async fn other_requests_are_no_messages() {
    check("POST /master/x HTTP/1.1\nUser-Agent: curl\n\n", "200 OK", "no message").await;
    check("GET /master/x HTTP/1.1\nLibprocess-From: a@127.0.0.1:1\n\n", "200 OK", "no message").await;
}

#[tokio::test]
async fn a_sender_without_an_address_is_refused() {
    for from in ["", "a", "a@", "a@1.2.3.4", "@1.2.3.4:5", "a@1.2.3.4:99999"] {
        let front = Front::start().await;
        front.link.register("master");
        let request = format!("POST /master/x HTTP/1.1\nConnection: close\nLibprocess-From: {from}\n\n");
        assert_eq!(ask(&front, &request).await.0, "HTTP/1.1 400 Bad Request", "{from}");
    }
}

#[tokio::test]
async fn a_malformed_path_is_refused() {
    for path in ["/%zz/x", "/%ff/x", "/%"] {
        let request = format!("POST {path} HTTP/1.1\nLibprocess-From: a@127.0.0.1:1\n\n");
        check(&request, "400 Bad Request", "Failed to decode URL path").await;
    }
}

#[tokio::test]
async fn a_foreign_ip_is_refused_where_that_is_asked_for() {
    let front = Front::with(|config| config.require_peer_address_ip_match = true).await;
    front.link.register("master");
    let request = "POST /master/x HTTP/1.1\nConnection: close\nLibprocess-From: a@10.0.0.1:1\n\n";
    let (status, body) = ask(&front, request).await;
    assert_eq!(status, "HTTP/1.1 400 Bad Request");
    assert!(body.starts_with(
        "UPID IP address validation failed: Message from a@10.0.0.1:1 was sent from IP 127.0.0.1"
    ));
}

#[tokio::test]
async fn a_message_that_is_too_long_is_refused() {
    let front = Front::with(|config| config.max_message_bytes = 10).await;
    front.link.register("master");
    let request =
        "POST /master/x HTTP/1.1\nLibprocess-From: a@127.0.0.1:1\nContent-Length: 11\n\n01234567890";
    assert_eq!(ask(&front, request).await.0, "HTTP/1.1 413 Payload Too Large");
}

#[tokio::test]
async fn pipelined_messages_are_each_answered() {
    let mut front = Front::start().await;
    front.link.register("master");
    let mut socket = TcpStream::connect(front.link.advertised()).await.unwrap();
    let message = "POST /master/x HTTP/1.1\r\nLibprocess-From: a@127.0.0.1:1\r\n\r\n";
    socket.write_all(message.repeat(50).as_bytes()).await.unwrap();
    for _ in 0..50 {
        front.message().await;
    }
    let mut answers = String::new();
    while answers.matches("HTTP/1.1 202 Accepted\r\n").count() < 50 {
        let mut buffer = [0; 4096];
        let read = within(socket.read(&mut buffer)).await.unwrap();
        answers.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
    }
}
