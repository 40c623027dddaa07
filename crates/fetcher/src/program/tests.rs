//! Fetches from real files and servers, and archives that mean harm.

use std::fs;
use std::io::{BufRead, BufReader, Cursor, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use proptest::prelude::*;
use tar::{Builder, EntryType, Header};

use super::*;

struct Sandbox {
    outside: tempfile::TempDir,
    plan: Plan,
}

impl Sandbox {
    fn new() -> Self {
        let outside = tempfile::tempdir().unwrap();
        let sandbox = outside.path().join("sandbox");
        fs::create_dir(&sandbox).unwrap();
        let plan = Plan {
            measure: false,
            sandbox,
            cache_dir: None,
            frameworks_home: Some(outside.path().to_str().unwrap().to_owned()),
            stall_timeout_ms: 0,
            items: Vec::new(),
        };
        Self { outside, plan }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.plan.sandbox.join(name)
    }

    fn fetch(&self, value: &str, change: impl FnOnce(&mut Item)) -> Result<(), String> {
        let mut item = Item {
            value: value.to_owned(),
            output_file: None,
            executable: false,
            extract: true,
            cache: CacheUse::Bypass,
        };
        change(&mut item);
        fetch(&self.plan, &item, &Progress::default()).map_err(|Wrong(why)| why)
    }

    /// Fetches an archive that lies outside; nothing else may be there afterwards.
    fn unpack(&self, name: &str, content: &[u8]) -> Result<(), String> {
        fs::write(self.outside.path().join(name), content).unwrap();
        let result = self.fetch(name, |_| {});
        let outside: Vec<_> = fs::read_dir(self.outside.path()).unwrap().collect();
        assert_eq!(outside.len(), 2, "something was written outside: {outside:?}");
        result
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }
}

/// Serves each connection with the answer that its path has.
fn serve(answers: &'static [(&'static str, &'static str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut request = String::new();
            reader.read_line(&mut request).unwrap();
            while reader.by_ref().lines().next().unwrap().is_ok_and(|line| !line.is_empty()) {}
            let path = request.split(' ').nth(1).unwrap();
            let answer =
                answers.iter().find(|(known, _)| *known == path).map_or("404 Not Found\r\n\r\n", |(_, a)| a);
            let head = request.starts_with("HEAD");
            let answer = if head {
                answer.split_once("\r\n\r\n").unwrap().0.to_owned() + "\r\n\r\n"
            } else {
                answer.to_string()
            };
            let _ = write!(stream, "HTTP/1.1 {}", answer.replacen("\r\n", "\r\nConnection: close\r\n", 1));
        }
    });
    format!("http://{address}")
}

fn tar_with(entries: &[(&str, EntryType, &str)]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, kind, content) in entries {
        let mut header = Header::new_gnu();
        // Past the checks of the library, which makes no harmful archives.
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o755);
        let is_link = matches!(kind, EntryType::Symlink | EntryType::Link);
        let data = if is_link { &[][..] } else { content.as_bytes() };
        if is_link {
            header.as_gnu_mut().unwrap().linkname[..content.len()].copy_from_slice(content.as_bytes());
        }
        header.set_size(data.len() as u64);
        header.set_cksum();
        builder.append(&header, data).unwrap();
    }
    builder.into_inner().unwrap()
}

#[test]
fn a_local_file_keeps_its_mode_but_lends_no_identity() {
    let sandbox = Sandbox::new();
    let file = sandbox.outside.path().join("tool");
    fs::write(&file, "x").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o4754)).unwrap();
    sandbox.fetch(&format!("file://{}", file.display()), |_| {}).unwrap();
    let mode = sandbox.path("tool").metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode & !0o022, 0o4754 & 0o755 & !0o022);
    sandbox.fetch("tool", |item| item.output_file = Some("a/b/c".into())).unwrap();
    assert_eq!(sandbox.read("a/b/c"), "x");
    let error = sandbox.fetch("/dev/zero", |_| {}).unwrap_err();
    assert!(error.contains("not a regular file"), "{error}");
    let error = sandbox.fetch("/no/such/file", |_| {}).unwrap_err();
    assert!(error.contains("`/no/such/file`"), "{error}");
}

#[test]
fn an_executable_is_made_one_and_not_unpacked() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.outside.path().join("x.tar"), "no archive").unwrap();
    sandbox.fetch("x.tar", |item| item.executable = true).unwrap();
    assert_eq!(sandbox.path("x.tar").metadata().unwrap().permissions().mode() & 0o100, 0o100);
}

#[test]
fn the_output_file_stays_in_the_sandbox() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.outside.path().join("f"), "x").unwrap();
    std::os::unix::fs::symlink(sandbox.outside.path(), sandbox.path("out")).unwrap();
    for path in ["../evil", "a/../../evil", "/tmp/evil", "out/evil"] {
        sandbox.fetch("f", |item| item.output_file = Some(path.into())).unwrap_err();
    }
    assert_eq!(fs::read_dir(sandbox.outside.path()).unwrap().count(), 2);
}

#[test]
fn a_server_is_asked_and_its_refusals_are_told() {
    let server = serve(&[
        ("/f", "200 OK\r\nContent-Length: 5\r\n\r\nhello"),
        ("/moved", "302 Found\r\nLocation: /f\r\nContent-Length: 0\r\n\r\n"),
        ("/short", "200 OK\r\nContent-Length: 50\r\n\r\nhello"),
        ("/loop", "302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n"),
    ]);
    let sandbox = Sandbox::new();
    sandbox.fetch(&format!("{server}/f"), |_| {}).unwrap();
    sandbox.fetch(&format!(" {server}/moved"), |_| {}).unwrap();
    assert_eq!((sandbox.read("f"), sandbox.read("moved")), ("hello".into(), "hello".into()));
    let error = sandbox.fetch(&format!("{server}/missing"), |_| {}).unwrap_err();
    assert_eq!(error, "received HTTP return code 404");
    let error = sandbox.fetch(&format!("{server}/short"), |_| {}).unwrap_err();
    assert!(error.starts_with("the download was cut short"), "{error}");
    sandbox.fetch(&format!("{server}/loop"), |_| {}).unwrap_err();
    let report = measured(
        &Plan {
            measure: true,
            items: vec![Item {
                value: format!("{server}/f"),
                output_file: None,
                executable: false,
                extract: false,
                cache: CacheUse::Bypass,
            }],
            ..sandbox.plan
        },
        &Progress::default(),
    );
    assert!(matches!(report, Report::Sizes(sizes) if sizes == [Some(5)]));
}

#[test]
fn files_come_over_ftp() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut control, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(control.try_clone().unwrap()).lines();
        let mut data = None;
        control.write_all(b"220-Welcome\r\n220 here\r\n").unwrap();
        while let Some(Ok(line)) = lines.next() {
            let answer = match line.split(' ').next().unwrap() {
                "USER" => "331 who?".to_owned(),
                "PASS" => "230 in".to_owned(),
                "TYPE" => "200 binary".to_owned(),
                "EPSV" => {
                    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                    let port = listener.local_addr().unwrap().port();
                    data = Some(listener);
                    format!("229 Entering Extended Passive Mode (|||{port}|)")
                }
                "RETR" if line.ends_with("/f") => "150 coming".to_owned(),
                _ => "550 no such file".to_owned(),
            };
            write!(control, "{answer}\r\n").unwrap();
            if answer.starts_with("150") {
                data.take().unwrap().accept().unwrap().0.write_all(b"hello").unwrap();
                control.write_all(b"226 done\r\n").unwrap();
            }
        }
    });
    let sandbox = Sandbox::new();
    sandbox.fetch(&format!("ftp://{address}/dir/f"), |_| {}).unwrap();
    assert_eq!(sandbox.read("f"), "hello");
    server.join().unwrap();
}

#[test]
fn every_kind_of_archive_is_unpacked() {
    let tar =
        tar_with(&[("dir/file", EntryType::Regular, "content"), ("link", EntryType::Symlink, "dir/file")]);
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(&tar).unwrap();
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).unwrap();
    xz.write_all(&tar).unwrap();
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    zip.start_file("dir/file", options).unwrap();
    zip.write_all(b"content").unwrap();
    zip.add_symlink("link", "dir/file", options).unwrap();
    let zip = zip.finish().unwrap().into_inner();
    for (name, content) in [
        ("a.tar", tar.clone()),
        ("a.tgz", gzip(&tar)),
        ("a.tar.bz2", bzip2.finish().unwrap()),
        ("a.txz", xz.finish().unwrap()),
        ("a.zip", zip),
        // The content decides.
        ("b.tar", gzip(&tar)),
    ] {
        let sandbox = Sandbox::new();
        sandbox.unpack(name, &content).unwrap();
        assert_eq!(sandbox.read("dir/file"), "content", "{name}");
        assert_eq!(sandbox.read("link"), "content", "{name}");
        assert!(sandbox.path(name).exists(), "the archive stays");
    }
    let sandbox = Sandbox::new();
    sandbox.unpack("x.gz", &gzip(b"text")).unwrap();
    assert_eq!(sandbox.read("x"), "text");
}

#[test]
fn archives_that_lead_out_are_refused() {
    let check = |entries: &[(&str, EntryType, &str)], expected: &str| {
        let error = Sandbox::new().unpack("a.tar", &tar_with(entries)).unwrap_err();
        assert!(error.contains(expected), "{entries:?}: {error}");
    };
    let file = EntryType::Regular;
    check(&[("../evil", file, "x")], "failed to extract `../evil`: its name contains `..`");
    check(&[("a/../../evil", file, "x")], "contains `..`");
    check(&[("/tmp/tepui-evil", file, "x")], "absolute");
    check(&[("l", EntryType::Symlink, "/etc")], "out of the sandbox");
    check(&[("l", EntryType::Symlink, "..")], "out of the sandbox");
    check(
        &[("d", EntryType::Directory, ""), ("l", EntryType::Symlink, "d"), ("l/evil", file, "x")],
        "is a link",
    );
    check(&[("l", EntryType::Link, "../evil")], "contains `..`");
    check(&[("l", EntryType::Link, "/etc/passwd")], "absolute");
    check(&[("d", EntryType::Char, "")], "device");
    check(&[("d", EntryType::Block, "")], "device");
    check(&[("d", EntryType::Fifo, "")], "device");
    let mut tar = tar_with(&[("f", file, "x")]);
    tar.truncate(515);
    Sandbox::new().unpack("a.tar", &tar).unwrap_err();
    Sandbox::new().unpack("a.zip", b"PK\x03\x04 no zip").unwrap_err();
}

#[test]
fn a_zip_that_leads_out_is_refused() {
    for name in ["../evil", "/tmp/tepui-evil", "a/../../evil"] {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        let content = zip.finish().unwrap().into_inner();
        Sandbox::new().unpack("a.zip", &content).unwrap_err();
    }
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.add_symlink("l", "../..", zip::write::SimpleFileOptions::default()).unwrap();
    let error = Sandbox::new().unpack("a.zip", &zip.finish().unwrap().into_inner()).unwrap_err();
    assert!(error.contains("out of the sandbox"), "{error}");
}

#[test]
fn the_cache_is_filled_once_and_used() {
    let server = serve(&[("/f", "200 OK\r\nContent-Length: 5\r\n\r\nhello")]);
    let mut sandbox = Sandbox::new();
    let cache = tempfile::tempdir().unwrap();
    sandbox.plan.cache_dir = Some(cache.path().to_owned());
    sandbox.fetch(&format!("{server}/f"), |item| item.cache = CacheUse::Fill("c1-f".into())).unwrap();
    assert_eq!(fs::read_to_string(cache.path().join("c1-f")).unwrap(), "hello");
    // Nobody is asked again: the server knows no such file.
    sandbox
        .fetch(&format!("{server}/gone"), |item| {
            item.cache = CacheUse::Use("c1-f".into());
            item.executable = true;
        })
        .unwrap();
    assert_eq!(sandbox.read("gone"), "hello");
    assert_eq!(cache.path().join("c1-f").metadata().unwrap().permissions().mode() & 0o111, 0);
}

fn part() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("a"), Just("b"), Just(".."), Just("."), Just(""), Just("out"), Just("..a")]
}

fn name() -> impl Strategy<Value = String> {
    (any::<bool>(), proptest::collection::vec(part(), 1..5)).prop_map(|(absolute, parts)| {
        if absolute { format!("/{}", parts.join("/")) } else { parts.join("/") }
    })
}

fn kind() -> impl Strategy<Value = EntryType> {
    prop_oneof![
        Just(EntryType::Regular),
        Just(EntryType::Directory),
        Just(EntryType::Symlink),
        Just(EntryType::Link)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Whatever an archive names, and whatever links the sandbox has, nothing outside changes.
    #[test]
    fn nothing_is_written_outside(entries in proptest::collection::vec((name(), kind(), name()), 1..12)) {
        let sandbox = Sandbox::new();
        std::os::unix::fs::symlink(sandbox.outside.path(), sandbox.path("out")).unwrap();
        let tar = tar_with(
            &entries.iter().map(|(name, kind, content)| (name.as_str(), *kind, content.as_str())).collect::<Vec<_>>(),
        );
        let _ = sandbox.unpack("a.tar", &tar);
        prop_assert!(fs::read(sandbox.outside.path().join("a.tar")).unwrap() == tar);
    }
}
