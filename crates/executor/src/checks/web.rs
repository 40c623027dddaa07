//! Asking a web server for the status of a page, as `curl` does for Mesos: redirections are followed, certificates are not
//! looked at, the page itself is not read.
//!
//! An executor brings no TLS: many of them run on a machine, and few ever need it. A page behind TLS is asked for by a process
//! of our own binary.

use std::process::Stdio;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, LOCATION, USER_AGENT};
use http::{HeaderValue, Request, Uri};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// More redirections lead nowhere.
const MAX_REDIRECTS: usize = 20;

/// Longest head of an answer.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// The status of a page, after redirections.
pub(super) async fn status_code(url: &str) -> Result<u32, String> {
    let mut uri: Uri = url.parse().map_err(|error| format!("`{url}` is no URL: {error}"))?;
    for _ in 0..MAX_REDIRECTS {
        if uri.scheme_str() == Some("https") {
            return ask_process(&uri).await;
        }
        let (code, location) = ask(&uri).await.map_err(|error| format!("failed to ask `{uri}`: {error}"))?;
        match location.filter(|_| (300..400).contains(&code)) {
            Some(location) => uri = resolve(&uri, &location)?,
            None => return Ok(code.into()),
        }
    }
    Err(format!("`{url}` is redirected more than {MAX_REDIRECTS} times"))
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn ask(uri: &Uri) -> Result<(u16, Option<String>), Failure> {
    let host = uri.host().ok_or("it names no host")?;
    let authority = uri.authority().ok_or("it names no host")?.as_str();
    let address = (host.trim_matches(['[', ']']), uri.port_u16().unwrap_or(80));
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD_BYTES)
        .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
        .await?;
    // Dropped with the answer, which is when the connection is to be closed.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = uri.path_and_query().map_or("/", |path| path.as_str()).parse()?;
    let headers = request.headers_mut();
    headers.insert(HOST, HeaderValue::from_str(authority)?);
    headers.insert(USER_AGENT, HeaderValue::from_static("tepui-check"));
    headers.insert(http::header::ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    let response = sender.send_request(request).await?;
    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    Ok((response.status().as_u16(), location.map(str::to_owned)))
}

/// Where a redirection leads: a whole URL, a path, or a name beside the page.
fn resolve(from: &Uri, location: &str) -> Result<Uri, String> {
    let wrong = |error: http::uri::InvalidUri| format!("redirected to `{location}`: {error}");
    if location.contains("://") {
        return location.parse().map_err(wrong);
    }
    let scheme = from.scheme_str().unwrap_or("http");
    let authority = from.authority().map_or("", |authority| authority.as_str());
    let target = if let Some(rest) = location.strip_prefix("//") {
        format!("{scheme}://{rest}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else {
        let folder = from.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{location}")
    };
    target.parse().map_err(wrong)
}

/// Has a process of our own binary ask; it knows TLS.
async fn ask_process(uri: &Uri) -> Result<u32, String> {
    let program =
        std::env::current_exe().map_err(|error| format!("failed to find our own binary: {error}"))?;
    let child = tokio::process::Command::new(program)
        .args(["fetcher", "status", &uri.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("failed to start our own binary: {error}"))?;
    let output = child.wait_with_output().await.map_err(|error| format!("failed to ask `{uri}`: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.trim().parse() {
        Ok(code) if output.status.success() => Ok(code),
        Ok(_) | Err(_) => {
            Err(format!("failed to ask `{uri}`: {}", String::from_utf8_lossy(&output.stderr).trim()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirections_are_resolved() {
        let from: Uri = "http://127.0.0.1:80/a/b?c".parse().unwrap();
        let check = |location: &str, expected: &str| {
            assert_eq!(resolve(&from, location).unwrap().to_string(), expected);
        };
        check("https://h/x", "https://h/x");
        check("//h/x", "http://h/x");
        check("/x?y", "http://127.0.0.1:80/x?y");
        check("x", "http://127.0.0.1:80/a/x");
        resolve(&from, "http://[").unwrap_err();
    }
}
