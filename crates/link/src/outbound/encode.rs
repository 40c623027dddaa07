//! A message's bytes on the wire.

use std::io::Write;
use std::net::SocketAddr;

/// Appends a message as Mesos writes it: one chunk, or no body at all if it is empty.
pub(super) fn message(
    out: &mut Vec<u8>,
    from: &str,
    advertised: SocketAddr,
    to: &str,
    name: &str,
    body: &[u8],
) {
    out.reserve(body.len() + to.len() + name.len() + 2 * from.len() + 256);
    out.extend_from_slice(b"POST ");
    if !to.is_empty() {
        out.push(b'/');
        path_segment(out, to);
    }
    out.push(b'/');
    path_segment(out, name);
    write(out, format_args!(" HTTP/1.1\r\nUser-Agent: libprocess/{from}@{advertised}\r\n"));
    write(out, format_args!("Libprocess-From: {from}@{advertised}\r\nConnection: Keep-Alive\r\nHost: \r\n"));
    if body.is_empty() {
        out.extend_from_slice(b"\r\n");
    } else {
        write(out, format_args!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", body.len()));
        out.extend_from_slice(body);
        out.extend_from_slice(b"\r\n0\r\n\r\n");
    }
}

fn write(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a vector takes whatever is written");
}

/// Compat: Mesos writes the actor's id as it is, `slave(1)`. We escape only what would not arrive as it is, since ids
/// come from peers, who must not be able to write headers of ours.
fn path_segment(out: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_graphic()
            && !matches!(byte, b'/' | b'%' | b'+' | b'?' | b'#' | b'<' | b'>' | b'\\' | b'^' | b'`')
        {
            out.push(byte);
        } else {
            write(out, format_args!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(to: &str, body: &[u8], expected: &str) {
        let mut out = Vec::new();
        let advertised = "127.0.0.1:42295".parse().unwrap();
        message(&mut out, "scheduler-0b", advertised, to, "mesos.scheduler.Call", body);
        assert_eq!(String::from_utf8(out).unwrap(), expected.replace('\n', "\r\n"));
    }

    #[test]
    fn a_message_is_written_as_mesos_writes_it() {
        check(
            "slave(1)",
            b"twenty-eight bytes of a body",
            "POST /slave(1)/mesos.scheduler.Call HTTP/1.1\nUser-Agent: libprocess/scheduler-0b@127.0.0.1:42295\n\
             Libprocess-From: scheduler-0b@127.0.0.1:42295\nConnection: Keep-Alive\nHost: \n\
             Transfer-Encoding: chunked\n\n1c\ntwenty-eight bytes of a body\n0\n\n",
        );
    }

    #[test]
    fn an_empty_message_has_no_body() {
        check(
            "master",
            b"",
            "POST /master/mesos.scheduler.Call HTTP/1.1\nUser-Agent: libprocess/scheduler-0b@127.0.0.1:42295\n\
             Libprocess-From: scheduler-0b@127.0.0.1:42295\nConnection: Keep-Alive\nHost: \n\n",
        );
    }

    #[test]
    fn an_id_cannot_break_out_of_the_request_line() {
        let mut out = Vec::new();
        path_segment(&mut out, "a b/c\r\nX: y%é");
        assert_eq!(String::from_utf8(out).unwrap(), "a%20b%2Fc%0D%0AX:%20y%25%C3%A9");
    }
}
