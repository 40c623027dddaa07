//! Requests as bytes, and calls of the operator's API.

use anyhow::Context as _;
use serde_json::Value;

use super::{Run, json_at};
use crate::client::{Answer, Connection};
use crate::macros::{Argument, expand};
use crate::script::Step;

/// Headers whose values differ from run to run.
const VARYING: &[&str] = &["date", "mesos-stream-id"];

impl Run {
    /// `http METHOD PATH`, with indented header lines, `\n` alone for the empty line, and the body's lines below. Shows the whole
    /// answer; of a stream, its first chunk.
    pub(super) async fn http(&mut self, step: &Step) -> anyhow::Result<()> {
        let mut lines = step.lines.iter();
        let request_line =
            lines.next().and_then(|line| line.strip_prefix("http ")).context("a method and a path")?;
        let mut head = format!("{} HTTP/1.1\r\nHost: master\r\n", self.names.reveal(request_line));
        let mut body = String::new();
        let mut in_body = false;
        for line in lines {
            let line = self.names.reveal(&expand(line.trim())?);
            if line == "--" {
                in_body = true;
            } else if in_body {
                body += &line;
            } else {
                head += &(line + "\r\n");
            }
        }
        if in_body {
            head += "Content-Length: ";
            head += &body.len().to_string();
            head += "\r\n";
        }
        let mut connection = Connection::open(self.master).await?;
        connection.send((head + "\r\n" + &body).as_bytes()).await?;
        let Some(answer) = connection.answer().await? else {
            self.output.push("the connection was closed".to_owned());
            return Ok(());
        };
        self.show_head(&answer);
        if answer.is_chunked() {
            let chunk = connection.chunk().await?.unwrap_or_default();
            let text = String::from_utf8_lossy(&chunk).into_owned();
            let shown = match text.split_once('\n') {
                Some((_, record)) if text.contains("\"SUBSCRIBED\"") || record.starts_with('{') => {
                    let mut value: Value = serde_json::from_str(record).unwrap_or_default();
                    format!("{} ...", value["type"].take())
                }
                _ => format!("{} bytes", chunk.len().min(1)),
            };
            self.output.push(shown);
        } else if !answer.body.is_empty() {
            let body = self.names.hide(&String::from_utf8_lossy(&answer.body).replace('\n', "\\n"));
            self.output.push(body);
        }
        Ok(())
    }

    fn show_head(&mut self, answer: &Answer) {
        self.output.push(format!("{} {}", answer.status, answer.reason));
        let mut headers: Vec<_> = answer.headers.iter().collect();
        headers.sort_by_key(|(name, _)| name.to_ascii_lowercase());
        for (name, value) in headers {
            let value = if VARYING.contains(&name.to_ascii_lowercase().as_str()) {
                "...".to_owned()
            } else {
                self.names.hide(value)
            };
            self.output.push(format!("{name}: {value}"));
        }
    }

    /// `api {call}`: a call of the operator's API, and its answer.
    pub(super) async fn api(&mut self, words: &[Argument]) -> anyhow::Result<()> {
        let call = json_at(words, 0).context("a call")?;
        self.has_schedule |= call["type"] == "UPDATE_MAINTENANCE_SCHEDULE";
        let answer = self.operator(call).await?;
        let line = match serde_json::from_slice::<Value>(&answer.body) {
            Ok(mut body) => {
                self.names.hide_json(&mut body);
                format!("{} {body}", answer.status)
            }
            Err(_) => self.names.hide(&answer.line()),
        };
        self.output.push(line);
        Ok(())
    }
}
