//! Bodies: JSONP, gzip, long ones, several on one connection.

use std::io::{Read, Write};

use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::daemon::Daemon;

#[tokio::test]
async fn jsonp_wraps_the_body() {
    let daemon = Daemon::start().await;
    let answer = daemon.get("/version?jsonp=cb").await;
    assert_eq!(answer.text(), "cb({\"version\":\"1.11.0\"})");
    assert_eq!(answer.headers["Content-Type"], "text/javascript");
    let plain = daemon.get("/version").await;
    assert_eq!(plain.headers["Content-Type"], "application/json");
}

#[tokio::test]
async fn a_malformed_query_is_refused() {
    let daemon = Daemon::start().await;
    let answer = daemon.get("/version?jsonp=%zz").await;
    assert_eq!(answer.status, "400 Bad Request");
    assert_eq!(answer.text(), "Malformed % escape in '%zz': '%zz'");
}

#[tokio::test]
async fn a_long_body_is_packed_for_who_accepts_it() {
    let daemon = Daemon::start().await;
    let plain = daemon.get("/big").await;
    assert_eq!(plain.body.len(), 300_000);
    assert!(!plain.headers.contains_key("Content-Encoding"));
    let packed = daemon.ask(b"GET /big HTTP/1.1\r\nAccept-Encoding: gzip, deflate\r\n\r\n").await;
    assert_eq!(packed.headers["Content-Encoding"], "gzip");
    let mut body = Vec::new();
    GzDecoder::new(packed.body.as_slice()).read_to_end(&mut body).unwrap();
    assert_eq!(body, plain.body);
    let short = daemon.ask(b"GET /version HTTP/1.1\r\nAccept-Encoding: gzip\r\n\r\n").await;
    assert!(!short.headers.contains_key("Content-Encoding"));
}

#[tokio::test]
async fn a_packed_request_is_unpacked() {
    let daemon = Daemon::start().await;
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(&vec![b' '; 5_000_000]).unwrap();
    let packed = encoder.finish().unwrap();
    let mut request = format!(
        "POST /length HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        packed.len()
    )
    .into_bytes();
    request.extend_from_slice(&packed);
    assert_eq!(daemon.ask(&request).await.text(), "5000000");
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let daemon = Daemon::start().await;
    let mut client = daemon.connect().await;
    let mut requests = Vec::new();
    for index in 0..100 {
        requests.extend_from_slice(format!("GET /state/{index} HTTP/1.1\r\n\r\n").as_bytes());
        requests.extend_from_slice(
            b"POST /nope HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        );
    }
    client.write(&requests).await;
    for index in 0..100 {
        assert_eq!(client.answer().await.text(), format!("state {index}"));
        assert_eq!(client.answer().await.status, "404 Not Found");
    }
}

#[tokio::test]
async fn a_refusal_leaves_the_connection_usable() {
    let daemon = Daemon::start().await;
    let mut client = daemon.connect().await;
    let body = "x".repeat(4 << 20);
    let request = format!(
        "POST /api/v1 HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    client.write(request.as_bytes()).await;
    assert_eq!(client.answer().await.status, "415 Unsupported Media Type");
    client.write(b"GET /state HTTP/1.1\r\n\r\n").await;
    assert_eq!(client.answer().await.text(), "state");
}

#[tokio::test]
async fn an_old_client_gets_its_answer_and_the_end() {
    let daemon = Daemon::start().await;
    let mut client = daemon.connect().await;
    client.write(b"GET /state HTTP/1.0\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!((answer.status.as_str(), answer.text()), ("200 OK", "state"));
    assert!(answer.version.starts_with("HTTP/1."));
    assert_eq!(client.rest().await, b"");
}

#[tokio::test]
async fn empty_credentials_and_an_empty_stream_id_do_no_harm() {
    let daemon = Daemon::start().await;
    let request = b"POST /api/v1/scheduler HTTP/1.1\r\nAuthorization: Basic Og==\r\nMesos-Stream-Id: \r\n\
                    Content-Type: application/json\r\nContent-Length: 17\r\n\r\n{\"type\":\"REVIVE\"}";
    assert_eq!(daemon.ask(request).await.status, "200 OK");
}

#[tokio::test]
async fn json_wins_whenever_it_is_acceptable() {
    let daemon = Daemon::start().await;
    for (accept, expected) in [
        ("", "application/json"),
        ("Accept: */*\r\n", "application/json"),
        ("Accept: application/x-protobuf, application/json;q=0.1\r\n", "application/json"),
        ("Accept: application/x-protobuf\r\n", "application/x-protobuf"),
        ("Accept: application/json;q=0, application/*\r\n", "application/x-protobuf"),
        ("Accept: text/html\r\n", "text/plain; charset=utf-8"),
    ] {
        let request = format!(
            "POST /api/v1/scheduler HTTP/1.1\r\n{accept}Content-Type: application/json\r\nContent-Length: 17\r\n\r\n\
             {{\"type\":\"REVIVE\"}}"
        );
        assert_eq!(daemon.ask(request.as_bytes()).await.headers["Content-Type"], expected, "{accept}");
    }
}

#[tokio::test]
async fn a_slow_handler_does_not_hold_back_what_came_before() {
    let daemon = Daemon::start().await;
    let mut client = daemon.connect().await;
    let post = "POST /length HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    client.write(format!("{post}GET /slow HTTP/1.1\r\n\r\n{post}{post}").as_bytes()).await;
    assert_eq!(client.answer().await.text(), "2");
    daemon.release.notify_one();
    for expected in ["slow", "2", "2"] {
        assert_eq!(client.answer().await.text(), expected);
    }
}

#[tokio::test]
async fn an_answer_in_parts_arrives_while_it_is_written() {
    let mut daemon = Daemon::start().await;
    let mut client = daemon.connect().await;
    client.write(b"GET /parts HTTP/1.1\r\n\r\n").await;
    let sender = daemon.parts().await;
    let head = client.head().await;
    assert!(!head.headers.contains_key("Content-Length"));
    assert_eq!(client.chunk().await, b"first ");
    sender.send("second ".into());
    assert_eq!(client.chunk().await, b"second ");
    sender.end();
    assert_eq!(client.chunk().await, b"");
    assert!(daemon.is_alive().await);
}

#[tokio::test]
async fn an_answer_in_parts_is_packed_or_wrapped_as_a_whole_is() {
    let mut daemon = Daemon::start().await;
    for (request, expected) in [
        ("GET /parts?jsonp=callback HTTP/1.1\r\n\r\n", "callback(first second third)"),
        ("GET /parts HTTP/1.1\r\nAccept-Encoding: gzip\r\n\r\n", "first second third"),
        ("GET /parts?jsonp=f HTTP/1.1\r\nAccept-Encoding: gzip\r\n\r\n", "f(first second third)"),
    ] {
        let mut client = daemon.connect().await;
        client.write(request.as_bytes()).await;
        let sender = daemon.parts().await;
        sender.send("second ".into());
        sender.send("third".into());
        sender.end();
        let head = client.head().await;
        let mut body = Vec::new();
        loop {
            let chunk = client.chunk().await;
            if chunk.is_empty() {
                break;
            }
            body.extend(chunk);
        }
        if head.headers.get("Content-Encoding").is_some_and(|coding| coding == "gzip") {
            let packed = std::mem::take(&mut body);
            std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed[..]), &mut body).unwrap();
        } else {
            assert!(!request.contains("gzip"));
        }
        assert_eq!(String::from_utf8(body).unwrap(), expected);
    }
}

#[tokio::test]
async fn an_answer_whose_writer_is_gone_is_broken_off() {
    let mut daemon = Daemon::start().await;
    let mut client = daemon.connect().await;
    client.write(b"GET /parts HTTP/1.1\r\n\r\n").await;
    drop(daemon.parts().await);
    client.head().await;
    let rest = client.rest().await;
    assert!(!rest.ends_with(b"0\r\n\r\n"), "{}", String::from_utf8_lossy(&rest));
}
