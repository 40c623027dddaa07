//! The processes: a store, three masters, some agents, and the proxies between them and the store.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tepui_client::Masters;
use tokio::runtime::Handle;

use super::network::{AgentNetwork, HUB};
use super::process::Process;
use super::proxy::Proxy;
use super::{Plan, Store, Verdict, say};
use crate::request::get_within;
use crate::server::Server;

/// How many masters and agents there are.
pub(crate) const MASTERS: usize = 3;
pub(crate) const AGENTS: usize = 3;

/// The host name of one more agent, on which nothing can run: operators write things about it.
pub(crate) const REGISTER: &str = "register";

/// How long the cluster may take to heal, on a machine that does much else.
pub(crate) const HEAL_DEADLINE: Duration = Duration::from_mins(3);

/// How long a daemon may take to answer before it is asked again.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) process: Process,
    /// Between it and the store.
    pub(crate) proxy: Proxy,
    pub(crate) address: SocketAddr,
}

#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) store: Server,
    pub(crate) masters: Vec<Member>,
    pub(crate) agents: Vec<Member>,
    pub(crate) networks: Vec<AgentNetwork>,
    /// The agent that operators write about; nothing befalls it.
    register: Member,
    scheme: Scheme,
}

#[derive(Clone, Copy, Debug)]
struct Scheme(Store);

impl Scheme {
    fn spec(self, address: &str) -> String {
        match self.0 {
            Store::ZooKeeper => format!("zk://{address}/mesos"),
            Store::Etcd => format!("etcd://{address}/tepui"),
        }
    }

    fn election_flag(self, address: &str) -> String {
        let flag = match self.0 {
            Store::ZooKeeper => "zk",
            Store::Etcd => "etcd",
        };
        format!("--{flag}={}", self.spec(address))
    }
}

impl Cluster {
    /// Starts everything; nothing if the store is not installed.
    pub(crate) fn start(plan: &Plan, runtime: &Handle) -> Verdict<Option<Self>> {
        let scheme = Scheme(plan.store);
        let store = match plan.store {
            Store::ZooKeeper => Server::zookeeper(),
            Store::Etcd => Server::etcd(),
        };
        let Some(store) = store else { return Ok(None) };
        let mut masters = Vec::new();
        for number in 0..MASTERS {
            masters.push(master(plan, runtime, scheme, &store, number)?);
        }
        let place =
            Place { name: REGISTER.to_owned(), hostname: REGISTER, ip: HUB, port: 5061, resources: NOTHING };
        let register = agent(plan, runtime, scheme, &store, &place, None)?;
        let mut cluster = Self { store, masters, agents: Vec::new(), networks: Vec::new(), register, scheme };
        for number in 1..=AGENTS {
            let network = AgentNetwork::new(number);
            let ip = network.address();
            let place =
                Place { name: format!("agent-{number}"), hostname: ip, ip, port: 5051, resources: MUCH };
            let agent = agent(plan, runtime, scheme, &cluster.store, &place, Some(&network))?;
            cluster.networks.push(network);
            cluster.agents.push(agent);
        }
        Ok(Some(cluster))
    }

    /// Where the masters are, by the store itself.
    pub(crate) fn spec(&self) -> String {
        self.scheme.spec(&self.store.address())
    }

    pub(crate) fn addresses_of_masters(&self) -> Vec<SocketAddr> {
        self.masters.iter().map(|master| master.address).collect()
    }

    pub(crate) fn masters_of_store(&self) -> Masters {
        self.spec().parse().expect("a spec that this made")
    }

    /// The only master that says it is elected, if there is exactly one.
    pub(crate) fn leader(&self) -> Option<usize> {
        let says = |member: &&Member| member.process.is_up() && has(member.address, "\"master/elected\":1.0");
        let mut leaders = (0..).zip(&self.masters).filter(|(_, member)| says(member));
        let (leader, _) = leaders.next()?;
        leaders.next().is_none().then_some(leader)
    }

    /// Whether all agents are connected to this master.
    pub(crate) fn has_all_agents(&self, master: usize) -> bool {
        has(self.masters[master].address, &format!("\"master/slaves_connected\":{}.0", AGENTS + 1))
    }

    /// Fails if a daemon ended by itself.
    pub(crate) fn check_processes(&mut self) -> Verdict {
        let members = self.masters.iter_mut().chain(&mut self.agents).chain([&mut self.register]);
        members.into_iter().try_for_each(|member| member.process.check())
    }

    /// Waits for a leader other than this, for a while; whether there is one.
    pub(crate) fn wait_for_other_leader(&self, old: Option<usize>, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if self.leader().is_some_and(|leader| Some(leader) != old) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

/// Asks `condition` until it holds; fails if a daemon ends, or the deadline passes.
pub(crate) fn until<T>(
    cluster: &mut Cluster,
    what: &str,
    mut condition: impl FnMut(&mut Cluster) -> Verdict<Option<T>>,
) -> Verdict<T> {
    let deadline = Instant::now() + HEAL_DEADLINE;
    loop {
        cluster.check_processes()?;
        if let Some(found) = condition(cluster)? {
            return Ok(found);
        }
        if Instant::now() > deadline {
            return Err(format!("waited in vain for {what}"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn has(address: SocketAddr, metric: &str) -> bool {
    get_within(address, "/metrics/snapshot", PATIENCE).is_some_and(|answer| answer.body.contains(metric))
}

fn master(plan: &Plan, runtime: &Handle, scheme: Scheme, store: &Server, number: usize) -> Verdict<Member> {
    let proxy = Proxy::start(runtime, store.address())?;
    let port = 5050 + u16::try_from(number).expect("a small number");
    let address = SocketAddr::new(HUB.parse().expect("an address"), port);
    let name = format!("master-{number}");
    let arguments = [
        "master".to_owned(),
        format!("--ip={HUB}"),
        format!("--hostname={HUB}"),
        format!("--port={port}"),
        scheme.election_flag(&proxy.address()),
        format!("--zk_session_timeout={}secs", plan.session_seconds),
        format!("--etcd_session_timeout={}secs", plan.session_seconds),
        format!("--work_dir={}", plan.folder.join(&name).display()),
        "--agent_ping_timeout=1secs".to_owned(),
        "--max_agent_ping_timeouts=4".to_owned(),
        // All that were torn down are tried again, and there are more than the default of 50.
        "--max_completed_frameworks=100000".to_owned(),
    ];
    let binary = plan.binary.clone();
    let process = Process::start(&name, &plan.folder, move || {
        let mut command = std::process::Command::new(&binary);
        command.args(&arguments);
        command
    })?;
    Ok(Member { process, proxy, address })
}

/// What an agent has on which tasks run, and one on which none can.
const MUCH: &str = "cpus:8;mem:4096;disk:4096;ports:[]";
const NOTHING: &str = "cpus:0.01;mem:1;disk:1;ports:[]";

/// Where an agent is, and what it has.
struct Place<'a> {
    name: String,
    hostname: &'a str,
    ip: &'a str,
    port: u16,
    resources: &'a str,
}

fn agent(
    plan: &Plan,
    runtime: &Handle,
    scheme: Scheme,
    store: &Server,
    place: &Place<'_>,
    network: Option<&AgentNetwork>,
) -> Verdict<Member> {
    let proxy = Proxy::start(runtime, store.address())?;
    let address = SocketAddr::new(place.ip.parse().expect("an address"), place.port);
    let folder = |what: &str| plan.folder.join(format!("{}-{what}", place.name)).display().to_string();
    let arguments = [
        "agent".to_owned(),
        format!("--ip={}", place.ip),
        format!("--hostname={}", place.hostname),
        format!("--port={}", place.port),
        format!("--master={}", scheme.spec(&proxy.address())),
        format!("--work_dir={}", folder("work")),
        format!("--runtime_dir={}", folder("run")),
        format!("--resources={}", place.resources),
        "--registration_backoff_factor=100ms".to_owned(),
        format!("--zk_session_timeout={}secs", plan.session_seconds),
    ];
    let prefix = network.map(AgentNetwork::prefix);
    let binary = plan.binary.clone();
    // A closure that is called again after each kill, while the namespace stays.
    let process = Process::start(&place.name, &plan.folder, move || {
        let mut words = prefix.iter().flatten().chain([&binary]).chain(&arguments);
        let mut command = std::process::Command::new(words.next().expect("a program"));
        command.args(words);
        command
    })?;
    say(&format!("{} is at {address}", place.name));
    Ok(Member { process, proxy, address })
}
