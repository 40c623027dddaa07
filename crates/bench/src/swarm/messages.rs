//! Messages of the link as bytes.

use std::io::Write as _;
use std::net::SocketAddr;

/// Appends a message from an agent to an actor of the master.
pub(crate) fn message(
    out: &mut Vec<u8>,
    from: (usize, SocketAddr),
    to: &str,
    name: &str,
    body: &[u8],
    wants_answer: bool,
) {
    let (agent, address) = from;
    let mut line = |text: std::fmt::Arguments<'_>| out.write_fmt(text).expect("a vector takes all");
    line(format_args!("POST /{to}/mesos.internal.{name} HTTP/1.1\r\n"));
    // Mesos answers only those who are not Mesos.
    if !wants_answer {
        line(format_args!("User-Agent: libprocess/slave({agent})@{address}\r\n"));
    }
    line(format_args!(
        "Libprocess-From: slave({agent})@{address}\r\nConnection: Keep-Alive\r\nHost: \r\nContent-Length: {}\r\n\r\n",
        body.len()
    ));
    out.extend_from_slice(body);
}

/// The agent's number in a path such as `/slave(17)/mesos.internal.X`, and the message's name.
pub(crate) fn destination(path: &[u8]) -> Option<(usize, &[u8])> {
    let path = path.strip_prefix(b"/slave(").or_else(|| path.strip_prefix(b"/slave%28"))?;
    let digits = path.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let agent = std::str::from_utf8(&path[..digits]).ok()?.parse().ok()?;
    let slash = path.iter().position(|byte| *byte == b'/')?;
    Some((agent, path[slash + 1..].strip_prefix(b"mesos.internal.")?))
}
