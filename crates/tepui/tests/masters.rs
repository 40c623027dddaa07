//! Several masters as processes: election, redirects, and who does not contend with whom, through real ZooKeeper and etcd.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

// The same servers as the stores' tests.
#[expect(dead_code, reason = "the stores' tests use the rest")]
#[path = "../../storage/tests/stores/server.rs"]
mod server;

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use server::{Server, left_out};
use tepui_ha::{Candidacy, CandidacyState, Candidate, Contender, Spec, from_pid};
use tepui_testing::{Daemon, Oracle, Output, get, mesos_go, post, run_to_end, wait_for};

const TEPUI: &str = env!("CARGO_BIN_EXE_tepui");

/// What a master says in its metrics while it leads.
const ELECTED: &str = "\"master/elected\":1.0";

/// Short, so that the tests are; the servers allow no less.
const SESSION_TIMEOUT: &str = "2secs";

/// Masters that share a store, and the folder that holds what they write.
struct Masters {
    daemons: Vec<Daemon>,
    location: String,
    store: Server,
    folder: tempfile::TempDir,
}

impl Masters {
    fn in_zookeeper(count: usize) -> Option<Self> {
        let store = Server::zookeeper()?;
        let location = format!("zk://{}/mesos", store.address());
        Some(Self::start(store, location, "--zk", count))
    }

    fn in_etcd(count: usize) -> Option<Self> {
        let store = Server::etcd()?;
        let location = format!("etcd://{}/tepui", store.address());
        Some(Self::start(store, location, "--etcd", count))
    }

    fn start(store: Server, location: String, flag: &str, count: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let group = format!("{flag}={location}");
        let timeout = format!("{flag}_session_timeout={SESSION_TIMEOUT}");
        // The flags of a unit file for Mesos do no harm.
        let arguments =
            ["master", &group, &timeout, "--hostname=127.0.0.1", "--quorum=2", "--registry=replicated_log"];
        let daemons = (0..count).map(|_| Daemon::start(TEPUI, &arguments, folder.path())).collect();
        Self { daemons, location, store, folder }
    }

    fn agent(&self) -> Daemon {
        agent(&self.location, self.folder.path())
    }

    /// The index of the one that leads and has recovered.
    fn leader(&self) -> usize {
        wait_for("a leader", || self.daemons.iter().position(|master| leads(master.address())))
    }

    /// One that does not lead, and knows who does.
    fn follower_of(&self, leader: usize) -> SocketAddr {
        let wanted = location_of(self.daemons[leader].address(), "");
        let index = (leader + 1) % self.daemons.len();
        let address = self.daemons[index].address();
        wait_for("a follower", || get(address, "/redirect").filter(|answer| answer.head.contains(&wanted)));
        address
    }
}

fn leads(address: SocketAddr) -> bool {
    get(address, "/metrics/snapshot").is_some_and(|answer| answer.body.contains(ELECTED))
}

fn location_of(address: SocketAddr, path: &str) -> String {
    format!("Location: //{address}{path}\r\n")
}

fn agent(master: &str, folder: &Path) -> Daemon {
    let work_dir = format!("--work_dir={}", folder.join("work").display());
    let runtime_dir = format!("--runtime_dir={}", folder.join("run").display());
    let master = format!("--master={master}");
    let arguments = [
        "agent",
        &master,
        &work_dir,
        &runtime_dir,
        "--resources=cpus:4;mem:4096;disk:4096;ports:[31000-32000]",
        "--registration_backoff_factor=50ms",
        "--zk_session_timeout=2secs",
    ];
    Daemon::start(TEPUI, &arguments, folder)
}

/// Waits until the leader has this many agents at work, and gives `/slaves`.
fn agents_of(leader: &Daemon, count: usize) -> serde_json::Value {
    leader.wait_for_body("/metrics/snapshot", |body| {
        body.contains(&format!("\"master/slaves_active\":{count}.0"))
    });
    let body = leader.wait_for_body("/slaves", |_| true);
    serde_json::from_str(&body).unwrap()
}

fn ids(slaves: &serde_json::Value) -> Vec<String> {
    let slaves = slaves["slaves"].as_array().unwrap();
    slaves.iter().map(|slave| slave["id"].as_str().unwrap().to_owned()).collect()
}

fn redirects(masters: &Masters) {
    let leader = masters.leader();
    let follower = masters.follower_of(leader);
    let leader = masters.daemons[leader].address();
    // As the recordings of two real masters have it.
    for (path, to) in [
        ("/redirect", ""),
        ("/master/redirect", ""),
        ("/state", "/master/state"),
        ("/master/state", "/master/state"),
        ("/slaves?slave_id=x", "/master/slaves?slave_id=x"),
        ("/api/v1/scheduler", "/master/api/v1/scheduler"),
        ("/api/v1/nope", "/master/api/v1/nope"),
    ] {
        let answer = get(follower, path).unwrap();
        assert_eq!(answer.status, 307, "{path}");
        assert!(answer.head.contains(&location_of(leader, to)), "{path}: {}", answer.head);
        assert!(answer.body.is_empty());
    }
    for path in ["/api/v1/scheduler", "/api/v1"] {
        // Nothing is looked at before the leader is.
        let answer = post(follower, path, "{").unwrap();
        assert_eq!(answer.status, 307);
        assert!(answer.head.contains(&location_of(leader, &format!("/master{path}"))), "{}", answer.head);
    }
    for path in ["/health", "/version", "/flags", "/metrics/snapshot"] {
        assert_eq!(get(follower, path).unwrap().status, 200, "{path}");
    }
    assert_eq!(get(follower, "/redirect/x").unwrap().status, 404);
    assert!(get(follower, "/metrics/snapshot").unwrap().body.contains("\"master/elected\":0.0"));
    let answer = run_to_end("curl", &["-sL".to_owned(), format!("http://{follower}/state")]);
    let state: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(state["leader"], format!("master@{leader}"));
}

#[test]
fn followers_redirect_with_zookeeper() {
    if let Some(masters) = Masters::in_zookeeper(2) {
        redirects(&masters);
    }
}

#[test]
fn followers_redirect_with_etcd() {
    if let Some(masters) = Masters::in_etcd(2) {
        redirects(&masters);
    }
}

/// mesos-go and pymesos are told a master that does not lead, and run a task.
#[test]
fn third_party_schedulers_follow_a_redirection() {
    let Some(masters) = Masters::in_etcd(2) else { return };
    let _agent = masters.agent();
    let leader = masters.leader();
    agents_of(&masters.daemons[leader], 1);
    let follower = masters.follower_of(leader);
    match mesos_go(masters.folder.path()) {
        Ok(client) => {
            let url = format!("http://{follower}");
            for encoding in ["protobuf", "json"] {
                passes(&run_to_end(&client, &[&url, encoding, "sleep 0.1", "1"]));
            }
        }
        Err(why) => left_out(&why),
    }
    let (Some(installed), Some(scripts)) = (Oracle::folder(), Oracle::scripts()) else {
        return left_out("pymesos: ../shared/oracle/setup.sh");
    };
    let script = scripts.join("pymesos_smoke.py").display().to_string();
    passes(&run_to_end(installed.join("py39/bin/python"), &[script, follower.to_string()]));
}

fn passes(output: &Output) {
    assert!(output.stdout.lines().any(|line| line.contains("PASS")), "{output:#?}");
}

/// Somebody who leads in the name of another registry, as a Mesos master does.
struct Foreign {
    candidacy: Candidacy,
    runtime: tokio::runtime::Runtime,
}

impl Foreign {
    fn lead(location: &str, address: SocketAddr) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let guard = runtime.enter();
        let spec = Spec::parse(location).unwrap();
        let info = from_pid(&format!("master@{address}")).unwrap();
        let contender = Contender::new(spec, Duration::from_secs(2)).unwrap();
        let mut candidacy = contender.contend(Candidate { info, registry: "that of Mesos".to_owned() });
        let state = runtime.block_on(candidacy.decided());
        assert!(matches!(state, CandidacyState::Leading(_)));
        drop(guard);
        Self { candidacy, runtime }
    }

    fn leave(self) {
        self.runtime.block_on(self.candidacy.withdraw());
    }
}

#[test]
fn a_master_does_not_contend_with_those_of_another_registry() {
    let Some(store) = Server::zookeeper() else { return };
    let location = format!("zk://{}/mesos", store.address());
    let address: SocketAddr = "127.0.0.1:5050".parse().unwrap();
    let foreign = Foreign::lead(&location, address);
    let masters = Masters::start(store, location, "--zk", 1);
    let master = &masters.daemons[0];
    wait_for("the master to say why it waits", || {
        master.log().contains("masters of another registry are in the group").then_some(())
    });
    wait_for("a redirect", || {
        get(master.address(), "/state")
            .filter(|answer| answer.head.contains(&location_of(address, "/master/state")))
    });
    foreign.leave();
    assert_eq!(masters.leader(), 0);
}

/// The reference's master runs without ZooKeeper, so its place in the group is taken on its behalf; all else is real.
#[test]
fn our_agent_moves_between_our_master_and_a_real_one_and_keeps_its_task() {
    let Some(masters) = Masters::in_zookeeper(1) else { return };
    let mesos = tempfile::tempdir().unwrap();
    let Some(oracle) = Oracle::start(mesos.path()) else {
        return left_out("a real Mesos: ../shared/oracle/setup.sh");
    };
    let agent = masters.agent();
    agents_of(&masters.daemons[0], 1);
    // Mesos' own driver, which finds the leader by `zk://`.
    let (installed, scripts) = (Oracle::folder().unwrap(), Path::new(env!("CARGO_MANIFEST_DIR")));
    let mut driver = Command::new(installed.join("py27/bin/python"))
        .arg(scripts.join("tests/old_driver.py"))
        .args([&masters.location, "launch", "sleep 600"])
        .env("LD_LIBRARY_PATH", installed.join("lib"))
        .env("LIBPROCESS_IP", "127.0.0.1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let said = BufReader::new(driver.stdout.take().unwrap());
    let running = said.lines().map_while(Result::ok).find(|line| line.starts_with("RUNNING "));
    assert!(running.is_some(), "the task never ran");

    let has_the_task = |address: SocketAddr| {
        wait_for("the task at the other master", || {
            let state: serde_json::Value = serde_json::from_str(&get(address, "/state")?.body).ok()?;
            let frameworks = state["frameworks"].as_array()?;
            let tasks = frameworks.iter().filter_map(|framework| framework["tasks"].as_array()).flatten();
            let mut states = tasks.filter(|task| task["id"] == "old").map(|task| task["state"].clone());
            (states.next()? == "TASK_RUNNING").then_some(())
        });
    };
    let Masters { daemons: mut ours, location, store, folder } = masters;
    assert!(ours.remove(0).terminate().success());
    let foreign = Foreign::lead(&location, oracle.address());
    has_the_task(oracle.address());

    let back = Masters::start(store, location, "--zk", 1);
    foreign.leave();
    has_the_task(back.daemons[back.leader()].address());
    assert!(agent.log().contains("a new leader is detected"));
    driver.kill().unwrap();
    driver.wait().unwrap();
    drop(folder);
}

#[test]
fn a_single_master_keeps_its_agents_over_a_kill_and_shares_its_folder_with_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let port = tepui_testing::free_port().to_string();
    let work_dir = format!("--work_dir={}", folder.path().join("master").display());
    let master =
        || Daemon::start_at(TEPUI, &["master", "--hostname=127.0.0.1", &work_dir], folder.path(), &port);
    let first = master();
    let _agent = agent(&format!("127.0.0.1:{port}"), folder.path());
    let agents = ids(&agents_of(&first, 1));

    let second = run_to_end(TEPUI, &["master", "--ip=127.0.0.1", "--port=0", &work_dir]);
    assert_ne!(second.code, Some(0));
    assert!(second.stderr.contains("another process has it open"), "{second:#?}");

    drop(first);
    let again = master();
    wait_for("the registry's agents", || {
        again.log().contains("agent recovered from the registry").then_some(())
    });
    assert_eq!(ids(&agents_of(&again, 1)), agents);
    drop(again);

    std::fs::write(folder.path().join("master/registry.redb"), "garbage").unwrap();
    let broken = run_to_end(TEPUI, &["master", "--ip=127.0.0.1", "--port=0", &work_dir]);
    assert_ne!(broken.code, Some(0));
    assert!(broken.stderr.contains("registry.redb") && broken.stderr.contains("garbage"), "{broken:#?}");
}
