//! `ftp`, as far as it takes to read one file: passive, binary, with the user and password of the URL or anonymous.
//!
//! Our own: the libraries that speak it bring clocks, patterns and a runtime for a dozen lines of dialogue.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::error::Wrong;

/// Longest line of a reply.
const MAX_LINE_BYTES: u64 = 4096;

/// Most lines of a reply.
const MAX_LINES: usize = 1000;

/// A file that is being sent.
#[derive(Debug)]
pub(crate) struct Transfer {
    control: Control,
    data: TcpStream,
}

/// Asks for a file: `ftp://[user[:password]@]host[:port]/path`.
pub(crate) fn get(url: &str) -> Result<Transfer, Wrong> {
    let target = Target::parse(url)?;
    let mut control = log_in(&target)?;
    let data = open_data(&mut control)?;
    control.expect(&format!("RETR {}", target.path), &[125, 150])?;
    Ok(Transfer { control, data })
}

/// How large a file is, if the server says so.
pub(crate) fn size(url: &str) -> Option<u64> {
    let target = Target::parse(url).ok()?;
    let mut control = log_in(&target).ok()?;
    let reply = control.expect(&format!("SIZE {}", target.path), &[213]).ok()?;
    reply.trim().parse().ok().filter(|size| *size > 0)
}

impl Transfer {
    /// Hears whether all was sent. To be called at the end of the data.
    pub(crate) fn finish(mut self) -> Result<(), Wrong> {
        drop(self.data);
        // Compat: 226 and no other.
        self.control.reply(&[226]).map(drop)
    }
}

impl Read for Transfer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.data.read(buffer)
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Target {
    host: String,
    user: String,
    password: String,
    path: String,
}

impl Target {
    fn parse(url: &str) -> Result<Self, Wrong> {
        let (authority, path) = url
            .strip_prefix("ftp://")
            .and_then(|rest| rest.split_once('/'))
            .ok_or_else(|| Wrong::new("it has no path"))?;
        let (login, host) = authority.rsplit_once('@').unwrap_or(("anonymous:ftp@", authority));
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let bare_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let host = if bare_port { host.to_owned() } else { format!("{host}:21") };
        let [user, password, path] = [user, password, path].map(decode);
        if [&user, &password, &path].into_iter().any(|text| text.contains(['\r', '\n', '\0'])) {
            return Err(Wrong::new("it contains a line break"));
        }
        Ok(Self { host, user, password, path })
    }
}

/// Percent-decodes.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let code = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let decoded = code.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        (bytes, rest) = if let Some(decoded) = decoded.filter(|_| byte == b'%') {
            bytes.push(decoded);
            (bytes, &tail[2..])
        } else {
            bytes.push(byte);
            (bytes, tail)
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn log_in(target: &Target) -> Result<Control, Wrong> {
    let stream = TcpStream::connect(&target.host).map_err(Wrong::io("connect to", &target.host))?;
    let mut control = Control(BufReader::new(stream));
    control.reply(&[220])?;
    let (code, _) = control.ask(&format!("USER {}", target.user), &[230, 331])?;
    if code == 331 {
        control.expect(&format!("PASS {}", target.password), &[230, 202])?;
    }
    control.expect("TYPE I", &[200])?;
    Ok(control)
}

/// Has the server open a port for the data. Only the port is taken from the reply: a server must not have us connect to
/// another machine.
fn open_data(control: &mut Control) -> Result<TcpStream, Wrong> {
    let peer = control.0.get_ref().peer_addr().map_err(Wrong::io("reach", "the server"))?;
    let (code, reply) = control.ask("EPSV", &[229, 500, 501, 502])?;
    let port = if code == 229 { epsv_port(&reply) } else { pasv_port(&control.expect("PASV", &[227])?) };
    let port = port.ok_or_else(|| Wrong::new("the server names no port for the data"))?;
    let address = SocketAddr::new(peer.ip(), port);
    TcpStream::connect(address).map_err(Wrong::io("connect to", &address.to_string()))
}

/// `Entering Extended Passive Mode (|||6446|)`.
fn epsv_port(reply: &str) -> Option<u16> {
    let (_, inner) = reply.split_once("(|||")?;
    inner.split_once('|')?.0.parse().ok()
}

/// `Entering Passive Mode (127,0,0,1,25,46)`.
fn pasv_port(reply: &str) -> Option<u16> {
    let (_, inner) = reply.split_once('(')?;
    let numbers: Vec<u16> = inner
        .split_once(')')?
        .0
        .split(',')
        .map(|number| number.trim().parse().ok())
        .collect::<Option<_>>()?;
    let [.., high, low] = numbers[..] else { return None };
    (high < 256 && low < 256).then(|| high * 256 + low)
}

/// The connection for commands.
#[derive(Debug)]
struct Control(BufReader<TcpStream>);

impl Control {
    fn ask(&mut self, command: &str, expected: &[u16]) -> Result<(u16, String), Wrong> {
        let line = format!("{command}\r\n");
        self.0.get_mut().write_all(line.as_bytes()).map_err(Wrong::io("reach", "the server"))?;
        self.reply(expected)
    }

    fn expect(&mut self, command: &str, expected: &[u16]) -> Result<String, Wrong> {
        self.ask(command, expected).map(|(_, text)| text)
    }

    /// Reads a reply of one or several lines; its last line begins with the code and a space.
    fn reply(&mut self, expected: &[u16]) -> Result<(u16, String), Wrong> {
        for _ in 0..MAX_LINES {
            let mut line = String::new();
            let read = self.0.by_ref().take(MAX_LINE_BYTES).read_line(&mut line);
            if read.map_err(Wrong::io("hear", "the server"))? == 0 {
                return Err(Wrong::new("the server closed the connection"));
            }
            let Some((code, text)) = line.split_once(' ') else { continue };
            let Some(code) = code.parse::<u16>().ok().filter(|_| code.len() == 3) else { continue };
            if !expected.contains(&code) {
                return Err(Wrong(format!("received FTP return code {code}: {}", text.trim())));
            }
            return Ok((code, text.to_owned()));
        }
        Err(Wrong::new("the server's reply does not end"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_says_who_and_where() {
        let check = |url: &str, expected: &str| {
            let target = Target::parse(url).unwrap();
            let shown = format!("{}:{}@{} {}", target.user, target.password, target.host, target.path);
            assert_eq!(shown, expected);
        };
        check("ftp://h/a/b", "anonymous:ftp@@h:21 a/b");
        check("ftp://u:p%40@h:2121/a%20b", "u:p@@h:2121 a b");
        check("ftp://u@[::1]/a", "u:@[::1]:21 a");
        Target::parse("ftp://h/a%0d%0aDELE%20b").unwrap_err();
        Target::parse("ftp://h").unwrap_err();
    }

    #[test]
    fn the_port_is_found_in_the_reply() {
        assert_eq!(epsv_port("Entering Extended Passive Mode (|||6446|)"), Some(6446));
        assert_eq!(epsv_port("(|||70000|)"), None);
        assert_eq!(pasv_port("Entering Passive Mode (10,0,0,1,25,46)."), Some(6446));
        assert_eq!(pasv_port("Entering Passive Mode (1,2,3)"), Some(515));
        assert_eq!(pasv_port("(300,300)"), None);
        assert_eq!(pasv_port("nothing"), None);
    }
}
