//! Real servers of etcd and ZooKeeper on loopback, one to a test, each in a temporary folder.
//!
//! They end with the test: when they are dropped, and (`setpriv`) when the thread that started them dies.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to answer: a JVM on a busy machine is slow.
const START_DEADLINE: Duration = Duration::from_mins(1);

/// A server that can be killed, stopped, continued and started again.
#[derive(Debug)]
pub(crate) struct Server {
    kind: Kind,
    folder: tempfile::TempDir,
    port: u16,
    peer_port: u16,
    process: Option<Child>,
    /// More arguments, for an etcd with TLS.
    arguments: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Etcd,
    ZooKeeper,
}

impl Server {
    /// Starts an etcd, or says that the test is left out.
    pub(crate) fn etcd() -> Option<Self> {
        if !runs("etcd", &["--version"]) {
            left_out("etcd (Debian's package `etcd-server`)");
            return None;
        }
        Some(Self::start_kind(Kind::Etcd))
    }

    /// Starts an etcd that speaks TLS only, to clients with a certificate only; gives what a spec needs behind its `?`.
    pub(crate) fn etcd_with_tls() -> Option<(Self, String)> {
        if !runs("etcd", &["--version"]) || !runs("openssl", &["version"]) {
            left_out("etcd and openssl");
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = |name: &str| folder.path().join(name).display().to_string();
        let (ca, ca_key) = (file("ca.pem"), file("ca-key.pem"));
        let (cert, key) = (file("cert.pem"), file("key.pem"));
        let make = |options: &str, files: &[&str]| {
            let request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";
            let mut arguments: Vec<&str> =
                request.split_whitespace().chain(options.split_whitespace()).collect();
            arguments.extend(files);
            assert!(runs("openssl", &arguments), "openssl makes a certificate");
        };
        make("-subj /CN=authority", &["-keyout", &ca_key, "-out", &ca]);
        make(
            "-subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE \
             -addext extendedKeyUsage=serverAuth,clientAuth",
            &["-CA", &ca, "-CAkey", &ca_key, "-keyout", &key, "-out", &cert],
        );
        let options = format!("ca={ca}&cert={cert}&key={key}");
        let arguments =
            ["--cert-file", &cert, "--key-file", &key, "--client-cert-auth", "--trusted-ca-file", &ca];
        let arguments = arguments.map(str::to_owned).to_vec();
        let (port, peer_port) = (free_port(), free_port());
        let mut server = Self { kind: Kind::Etcd, folder, port, peer_port, process: None, arguments };
        server.start();
        Some((server, options))
    }

    /// Starts a ZooKeeper, or says that the test is left out.
    pub(crate) fn zookeeper() -> Option<Self> {
        if !Path::new("/usr/share/java/zookeeper.jar").exists() || !runs("java", &["-version"]) {
            left_out("ZooKeeper (Debian's package `zookeeper`)");
            return None;
        }
        Some(Self::start_kind(Kind::ZooKeeper))
    }

    fn start_kind(kind: Kind) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut server = Self {
            kind,
            folder,
            port: free_port(),
            peer_port: free_port(),
            process: None,
            arguments: Vec::new(),
        };
        server.start();
        server
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts the server again, with what it had on its disk.
    pub(crate) fn start(&mut self) {
        assert!(self.process.is_none());
        let mut command = match self.kind {
            Kind::Etcd => self.etcd_command(),
            Kind::ZooKeeper => self.zookeeper_command(),
        };
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.process = Some(process.expect("the server starts"));
        let deadline = Instant::now() + START_DEADLINE;
        while !self.answers() {
            assert!(Instant::now() < deadline, "{:?} does not answer", self.kind);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("a signal");
            process.wait().expect("its end");
        }
    }

    /// SIGSTOP.
    pub(crate) fn pause(&self) {
        self.signal("-STOP");
    }

    /// SIGCONT.
    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let process = self.process.as_ref().expect("it runs").id().to_string();
        assert!(runs("kill", &[signal, &process]));
    }

    fn etcd_command(&self) -> Command {
        let scheme = if self.arguments.is_empty() { "http" } else { "https" };
        let (client, peer) =
            (format!("{scheme}://127.0.0.1:{}", self.port), format!("http://127.0.0.1:{}", self.peer_port));
        let mut command = guarded("etcd");
        command
            .args(["--name", "n1", "--data-dir"])
            .arg(self.folder.path().join("data"))
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", &format!("n1={peer}")])
            .args(&self.arguments);
        command
    }

    fn zookeeper_command(&self) -> Command {
        let folder = self.folder.path();
        let config = format!(
            "tickTime=500\nminSessionTimeout=1000\nmaxSessionTimeout=60000\ndataDir={}\nclientPort={}\n\
             clientPortAddress=127.0.0.1\nadmin.enableServer=false\n4lw.commands.whitelist=*\nmaxClientCnxns=0\n",
            folder.join("data").display(),
            self.port
        );
        std::fs::write(folder.join("zoo.cfg"), config).expect("a file in the temporary folder");
        let mut command = guarded("java");
        command
            .args(["-Xmx256m", "-XX:+UseSerialGC", "-cp"])
            .arg(format!("{}:/usr/share/java/zookeeper.jar", folder.display()))
            .arg("org.apache.zookeeper.server.quorum.QuorumPeerMain")
            .arg(folder.join("zoo.cfg"));
        command
    }

    fn answers(&self) -> bool {
        if !self.arguments.is_empty() {
            // Its health is behind TLS; whoever calls it tries until it answers.
            return TcpStream::connect(self.address()).is_ok();
        }
        let (question, wanted): (&[u8], &str) = match self.kind {
            Kind::Etcd => (b"GET /health HTTP/1.0\r\n\r\n", "true"),
            Kind::ZooKeeper => (b"ruok", "imok"),
        };
        let mut answer = String::new();
        let asked = TcpStream::connect(self.address()).and_then(|mut connection| {
            connection.set_read_timeout(Some(Duration::from_secs(2)))?;
            connection.write_all(question)?;
            connection.read_to_string(&mut answer)
        });
        asked.is_ok() && answer.contains(wanted)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A command that dies with the thread that starts it.
fn guarded(program: &str) -> Command {
    if runs("setpriv", &["--version"]) {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", program]);
        command
    } else {
        Command::new(program)
    }
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    let run = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    run.is_ok_and(|status| status.success())
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// Says what is not tested.
pub(crate) fn left_out(why: &str) {
    // Straight to the terminal: the harness hides what a passing test prints.
    let _ = writeln!(std::io::stderr().lock(), "LEFT OUT: a test of the stores wants {why}");
}
