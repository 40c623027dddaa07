//! The fetcher with its real process: the cache, users, cancellation.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking; clippy knows only `#[test]` functions as tests"
)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tepui_fetcher::{Fetch, FetchError, Fetcher, FetcherConfig};
use tepui_proto::v1::command_info::Uri;

/// A web server that notes what it is asked for.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers each path with as many bytes as it names: `/100-name`. `/slow` gets a head and no more.
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let noted = Arc::clone(&noted);
                std::thread::spawn(move || answer(stream.unwrap(), &noted));
            }
        });
        Self { url, asked }
    }

    fn asked(&self, what: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| *asked == what).count()
    }
}

fn answer(mut stream: TcpStream, asked: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let request = lines.next().unwrap().unwrap();
    while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
    let mut words = request.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    asked.lock().unwrap().push(format!("{method} {path}"));
    let size: usize = path[1..].split('-').next().unwrap().parse().unwrap_or(1000);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(head.as_bytes());
    if path.starts_with("/slow") {
        // Until the other side goes away.
        for _ in lines {}
    } else if method == "GET" {
        let _ = stream.write_all(&vec![b'x'; size]);
    }
}

struct Setup {
    folder: TempDir,
    fetcher: Fetcher,
}

impl Setup {
    fn new(cache_bytes: u64, stall_timeout: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let fetcher = Fetcher::new(FetcherConfig {
            program: env!("CARGO_BIN_EXE_tepui").into(),
            arguments: ["tepui", "fetcher"].map(str::to_owned).to_vec(),
            cache_dir: folder.path().join("cache"),
            cache_bytes,
            frameworks_home: None,
            stall_timeout,
        });
        Self { folder, fetcher }
    }

    fn sandbox(&self, name: &str) -> PathBuf {
        let sandbox = self.folder.path().join(name);
        fs::create_dir(&sandbox).unwrap();
        sandbox
    }

    async fn fetch(&self, sandbox: &Path, uris: Vec<Uri>, user: Option<&str>) -> Result<(), FetchError> {
        let fetch = Fetch { uris, sandbox: sandbox.to_owned(), user: user.map(str::to_owned) };
        tokio::time::timeout(Duration::from_mins(2), self.fetcher.fetch(fetch))
            .await
            .expect("a fetch in time")
    }
}

const NO_STALL: Duration = Duration::ZERO;

fn cached(server: &Server, path: &str) -> Uri {
    Uri { value: format!("{}{path}", server.url), cache: Some(true), ..Uri::default() }
}

#[tokio::test]
async fn many_containers_share_one_download() {
    let server = Server::start();
    let setup = Setup::new(1 << 20, NO_STALL);
    let sandboxes: Vec<_> = (0..8).map(|number| setup.sandbox(&number.to_string())).collect();
    let fetches = sandboxes.iter().map(|sandbox| setup.fetch(sandbox, vec![cached(&server, "/100-f")], None));
    let mut fetches: Vec<_> = fetches.map(Box::pin).collect();
    // All at once.
    std::future::poll_fn(|context| {
        fetches.retain_mut(|fetch| match fetch.as_mut().poll(context) {
            std::task::Poll::Ready(result) => {
                result.unwrap();
                false
            }
            std::task::Poll::Pending => true,
        });
        if fetches.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    assert_eq!(server.asked("GET /100-f"), 1);
    for sandbox in &sandboxes {
        assert_eq!(fs::metadata(sandbox.join("100-f")).unwrap().len(), 100);
    }
    let metrics = setup.fetcher.metrics();
    assert_eq!((metrics.task_fetches_succeeded, metrics.task_fetches_failed), (8, 0));
    assert_eq!((metrics.cache_size_used_bytes, metrics.cache_size_total_bytes), (100, 1 << 20));
}

#[tokio::test]
async fn what_is_not_used_makes_room() {
    let server = Server::start();
    let setup = Setup::new(250, NO_STALL);
    for (number, path) in ["/100-a", "/100-b", "/100-a", "/100-c", "/100-a", "/100-b"].iter().enumerate() {
        setup.fetch(&setup.sandbox(&number.to_string()), vec![cached(&server, path)], None).await.unwrap();
    }
    assert_eq!(server.asked("GET /100-a"), 1, "it was used again and again");
    assert_eq!(server.asked("GET /100-b"), 2, "it had to go");
    assert_eq!(setup.fetcher.metrics().cache_size_used_bytes, 200);
    let kept = fs::read_dir(setup.folder.path().join("cache")).unwrap().count();
    assert_eq!(kept, 2);
    // Too large for the cache: it comes all the same.
    let sandbox = setup.sandbox("large");
    setup.fetch(&sandbox, vec![cached(&server, "/1000-d")], None).await.unwrap();
    assert_eq!(fs::metadata(sandbox.join("1000-d")).unwrap().len(), 1000);
    assert_eq!(setup.fetcher.metrics().cache_size_used_bytes, 200);
}

#[tokio::test]
async fn a_failure_names_the_uri_and_is_said_in_the_sandbox() {
    let setup = Setup::new(0, NO_STALL);
    let sandbox = setup.sandbox("s");
    let uri = Uri { value: "/no/such/file".into(), ..Uri::default() };
    let error = setup.fetch(&sandbox, vec![uri], None).await.unwrap_err().to_string();
    assert!(error.starts_with("failed to fetch `/no/such/file`: failed to open"), "{error}");
    let said = fs::read_to_string(sandbox.join("stderr")).unwrap();
    assert!(said.contains("Failed to fetch '/no/such/file'"), "{said}");
    assert_eq!(setup.fetcher.metrics().task_fetches_failed, 1);
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let server = Server::start();
    let setup = Setup::new(0, Duration::from_millis(300));
    let uri = Uri { value: format!("{}/slow", server.url), ..Uri::default() };
    let error = setup.fetch(&setup.sandbox("s"), vec![uri], None).await.unwrap_err().to_string();
    assert!(error.contains("/slow`: nothing came for 300ms"), "{error}");
}

#[tokio::test]
async fn a_cancelled_fetch_ends_its_process_and_lets_others_try() {
    let server = Server::start();
    let setup = Setup::new(1 << 20, NO_STALL);
    let (first, second) = (setup.sandbox("1"), setup.sandbox("2"));
    let slow = Uri { value: format!("{}/slow", server.url), ..Uri::default() };
    let uris = vec![cached(&server, "/100-f"), slow];
    let cancelled = tokio::time::timeout(Duration::from_millis(1), async {
        let fetch = Fetch { uris, sandbox: first, user: None };
        setup.fetcher.fetch(fetch).await
    });
    let waiting = setup.fetch(&second, vec![cached(&server, "/100-f")], None);
    let (cancelled, waited) = tokio::join!(cancelled, waiting);
    assert!(cancelled.is_err(), "the slow server says nothing");
    waited.unwrap();
    assert_eq!(fs::metadata(second.join("100-f")).unwrap().len(), 100);
    // Nobody holds the connection any more: the process is gone.
    let mine = |line: &str| line.contains(setup.folder.path().to_str().unwrap());
    tepui_testing::wait_for("the fetcher's end", || {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let mut environments = processes.filter_map(|process| fs::read(process.path().join("environ")).ok());
        (!environments.any(|bytes| mine(&String::from_utf8_lossy(&bytes)))).then_some(())
    });
}

#[tokio::test]
async fn files_are_the_user_s_and_only_what_he_may_read_is_fetched() {
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    if !is_root {
        return;
    }
    let server = Server::start();
    let setup = Setup::new(1 << 20, NO_STALL);
    let sandbox = setup.sandbox("s");
    let nobody = 65534;
    std::os::unix::fs::chown(&sandbox, Some(nobody), Some(nobody)).unwrap();
    let output = Uri { output_file: Some("in/side".into()), ..cached(&server, "/100-f") };
    setup.fetch(&sandbox, vec![output], Some("nobody")).await.unwrap();
    assert_eq!(fs::metadata(sandbox.join("in/side")).unwrap().uid(), nobody);
    assert_eq!(fs::metadata(setup.folder.path().join("cache/nobody")).unwrap().uid(), nobody);
    let secret = setup.folder.path().join("secret");
    fs::write(&secret, "x").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let uri = Uri { value: secret.to_str().unwrap().to_owned(), ..Uri::default() };
    let error = setup.fetch(&sandbox, vec![uri], Some("nobody")).await.unwrap_err().to_string();
    assert!(error.contains("Permission denied"), "{error}");
    assert!(setup.fetch(&sandbox, vec![cached(&server, "/1-g")], Some("no-such-user")).await.is_err());
}

#[tokio::test]
async fn what_an_earlier_agent_cached_is_removed_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("root")).unwrap();
    for name in ["c1-a", "root/c22-b.tgz", "precious", "root/c-precious"] {
        fs::write(folder.path().join(name), "x").unwrap();
    }
    let config = FetcherConfig {
        program: "x".into(),
        arguments: Vec::new(),
        cache_dir: folder.path().to_owned(),
        cache_bytes: 1,
        frameworks_home: None,
        stall_timeout: NO_STALL,
    };
    drop(Fetcher::new(config));
    assert!(folder.path().join("precious").exists() && folder.path().join("root/c-precious").exists());
    assert!(!folder.path().join("c1-a").exists() && !folder.path().join("root/c22-b.tgz").exists());
}

/// A web server behind TLS, with a certificate that only its own file vouches for. It serves the files of its folder.
struct TlsServer {
    child: std::process::Child,
    port: u16,
    certificate: PathBuf,
}

impl TlsServer {
    /// None if openssl is not installed.
    fn start(folder: &Path) -> Option<Self> {
        use std::process::{Command, Stdio};
        let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "30"])
            .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .arg("-out")
            .arg(&certificate)
            .arg("-keyout")
            .arg(&key)
            .stderr(Stdio::null())
            .status();
        if !made.is_ok_and(|status| status.success()) {
            return None;
        }
        let port = tepui_testing::free_port();
        let child = Command::new("openssl")
            .args(["s_server", "-WWW", "-quiet", "-accept", &format!("127.0.0.1:{port}"), "-cert"])
            .arg(&certificate)
            .arg("-key")
            .arg(&key)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let server = Self { child, port, certificate };
        tepui_testing::wait_for("the TLS server", || TcpStream::connect(("127.0.0.1", port)).ok());
        Some(server)
    }

    fn fetcher(&self, change: impl FnOnce(&mut std::process::Command)) -> std::process::Output {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tepui"));
        command.arg("fetcher").env("SSL_CERT_FILE", &self.certificate);
        change(&mut command);
        command.output().unwrap()
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn files_come_over_tls_from_servers_that_are_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = TlsServer::start(folder.path()) else {
        eprintln!("LEFT OUT: openssl is not installed: apt-get install openssl");
        return;
    };
    fs::write(folder.path().join("file"), "hello").unwrap();
    let sandbox = folder.path().join("sandbox");
    fs::create_dir(&sandbox).unwrap();
    let url = format!("https://127.0.0.1:{}/file", server.port);
    let plan = format!(
        r#"{{"measure":false,"sandbox":"{}","cache_dir":null,"frameworks_home":null,"stall_timeout_ms":60000,
            "items":[{{"value":"{url}","output_file":null,"executable":false,"extract":true,"cache":"Bypass"}}]}}"#,
        sandbox.display()
    );
    let untrusted = server.fetcher(|command| {
        command.env("TEPUI_FETCHER_PLAN", &plan).env("SSL_CERT_FILE", "/dev/null");
    });
    assert_ne!(untrusted.status.code(), Some(0), "{untrusted:?}");
    let trusted = server.fetcher(|command| {
        command.env("TEPUI_FETCHER_PLAN", &plan);
    });
    assert_eq!(trusted.status.code(), Some(0), "{trusted:?}");
    assert!(fs::read_to_string(sandbox.join("file")).unwrap().contains("hello"));
    // A health check does not ask who vouches for the task.
    let checked = server.fetcher(|command| {
        command.args(["status", &url]).env("SSL_CERT_FILE", "/dev/null");
    });
    assert_eq!(String::from_utf8_lossy(&checked.stdout), "200\n", "{checked:?}");
}
