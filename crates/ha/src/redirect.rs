//! Asking a master who leads.
//!
//! Every master answers `GET /redirect` with the leader's address in `Location`, so that a list of masters is enough to
//! find it where there is neither ZooKeeper nor etcd.

use std::time::Duration;

use tepui_proto::v1::MasterInfo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::master_info::resolve;

/// How long a master may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The greatest head of an answer that is read.
const MAX_ANSWER_BYTES: u64 = 16 * 1024;

/// Asks one master; nothing if it does not answer, or knows no leader.
pub(crate) async fn leader_known_to(master: &MasterInfo) -> Option<MasterInfo> {
    let address = master.pid.as_deref()?.strip_prefix("master@")?;
    let answer = timeout(PATIENCE, ask(address)).await.ok()?.ok()?;
    let host = location(&String::from_utf8_lossy(&answer))?;
    resolve(&host)
}

async fn ask(address: &str) -> std::io::Result<Vec<u8>> {
    let mut connection = TcpStream::connect(address).await?;
    let request = format!("GET /redirect HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    let mut limited = connection.take(MAX_ANSWER_BYTES);
    // The head is all that is wanted: a server that keeps the connection open is not waited for.
    while !answer.windows(4).any(|window| window == b"\r\n\r\n") {
        if limited.read_buf(&mut answer).await? == 0 {
            break;
        }
    }
    Ok(answer)
}

/// `host:port` of the `Location` of a 307.
fn location(answer: &str) -> Option<String> {
    let mut lines = answer.lines();
    let status = lines.next()?.split_whitespace().nth(1)?;
    if status != "307" {
        return None;
    }
    let mut headers = lines.take_while(|line| !line.is_empty()).filter_map(|line| line.split_once(':'));
    let (_, value) = headers.find(|(name, _)| name.trim().eq_ignore_ascii_case("location"))?;
    let authority = value.trim().trim_start_matches("http:").strip_prefix("//")?;
    Some(authority.split('/').next()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_leader_is_read_from_location() {
        let answer =
            |status: &str, to: &str| format!("HTTP/1.1 {status} X\r\nDate: now\r\nLocation: {to}\r\n\r\n");
        assert_eq!(location(&answer("307", "//10.0.0.1:5050")).as_deref(), Some("10.0.0.1:5050"));
        assert_eq!(location(&answer("307", "http://10.0.0.1:5050/x")).as_deref(), Some("10.0.0.1:5050"));
        for (status, to) in [("503", "//h:1"), ("307", "h"), ("307", "")] {
            assert_eq!(location(&answer(status, to)), None);
        }
        assert_eq!(location(""), None);
    }
}
