//! Namespaces: one for the whole test, one for each agent, and ways to lose packets between them.
//!
//! Packets are lost by a wrong hardware address in the table of neighbours: nobody is told, as when a switch dies, and
//! each direction can be lost alone. It needs `ip`, `unshare`, `nsenter` and the right to use them.

use std::fs::read_link;
use std::process::{Child, Command, Stdio};

use super::Verdict;
use crate::wait::wait_for;

/// Where masters listen, and everything that is no agent.
pub(crate) const HUB: &str = "10.77.0.1";

const INSIDE: &str = "TEPUI_CHAOS_INSIDE";

/// An address that no interface has.
const NOBODY: &str = "02:00:00:00:00:99";

/// What became of entering.
pub(crate) enum Entered {
    /// This process is in its own namespaces.
    Inside,
    /// Another one was, and is done.
    Done,
    /// It cannot be done on this machine.
    Impossible(String),
}

/// Runs the test called `test` again in its own namespaces, unless this is that run.
pub(crate) fn enter(test: &str) -> Entered {
    if std::env::var_os(INSIDE).is_some() {
        hub();
        return Entered::Inside;
    }
    let namespaces = ["--net", "--pid", "--mount-proc", "--fork", "--kill-child"];
    let can = Command::new("unshare").args(namespaces).args(["ip", "link"]).stdout(Stdio::null()).status();
    if !can.is_ok_and(|status| status.success()) {
        return Entered::Impossible("it wants `unshare` and `ip`, and the right to use them".to_owned());
    }
    let own = std::env::current_exe().expect("a test has a file");
    // The shell is there to wait for whoever loses its parent.
    let status = Command::new("unshare")
        .args(namespaces)
        .args(["sh", "-c", "\"$@\" & wait $!", "sh"])
        .arg(own)
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .stdin(Stdio::null())
        .status()
        .expect("`unshare` was there a moment ago");
    assert!(status.success(), "chaos: see above");
    Entered::Done
}

fn hub() {
    ip(&["link", "set", "lo", "up"]);
    ip(&["addr", "add", &format!("{HUB}/32"), "dev", "lo"]);
}

/// Which packets are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    ToAgent,
    FromAgent,
    Both,
}

/// An agent's namespace. It ends with this.
#[derive(Debug)]
pub(crate) struct AgentNetwork {
    holder: Child,
    interface: String,
    gateway: String,
    address: String,
}

impl AgentNetwork {
    /// Makes the namespace of the agent with this number, from 1 on.
    pub(crate) fn new(number: usize) -> Self {
        let mut holder = Command::new("unshare");
        holder.args(["--net", "sleep", "infinity"]).stdin(Stdio::null());
        let holder = holder.spawn().expect("`unshare` was there before");
        let own = read_link("/proc/self/ns/net").expect("Linux has /proc");
        let theirs = format!("/proc/{}/ns/net", holder.id());
        wait_for("a namespace", || read_link(&theirs).ok().filter(|theirs| *theirs != own));
        let network = Self {
            interface: format!("agent{number}"),
            gateway: format!("10.77.{number}.1"),
            address: format!("10.77.{number}.2"),
            holder,
        };
        let holder = network.holder.id().to_string();
        ip(&["link", "add", &network.interface, "type", "veth", "peer", "name", "eth0", "netns", &holder]);
        ip(&["addr", "add", &format!("{}/30", network.gateway), "dev", &network.interface]);
        ip(&["link", "set", &network.interface, "up"]);
        network.ip_inside(&["link", "set", "lo", "up"]);
        network.ip_inside(&["addr", "add", &format!("{}/30", network.address), "dev", "eth0"]);
        network.ip_inside(&["link", "set", "eth0", "up"]);
        network.ip_inside(&["route", "add", "default", "via", &network.gateway]);
        network
    }

    /// The agent's address.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// What to put before a command, so that it runs inside.
    pub(crate) fn prefix(&self) -> [String; 2] {
        ["nsenter".to_owned(), format!("--net=/proc/{}/ns/net", self.holder.id())]
    }

    fn command(&self, program: &str) -> Command {
        let [nsenter, namespace] = self.prefix();
        let mut command = Command::new(nsenter);
        command.arg(namespace).arg(program);
        command
    }

    /// Begins to lose packets.
    pub(crate) fn cut(&self, direction: Direction) {
        if direction != Direction::FromAgent {
            ip(&lost(&self.address, &self.interface));
        }
        if direction != Direction::ToAgent {
            self.ip_inside(&lost(&self.gateway, "eth0"));
        }
    }

    /// Loses no packets any more.
    pub(crate) fn heal(&self) {
        // There is nothing to forget in a direction that was not cut.
        let _ = succeeds(Command::new("ip").args(["neigh", "del", &self.address, "dev", &self.interface]));
        let _ = succeeds(self.command("ip").args(["neigh", "del", self.gateway.as_str(), "dev", "eth0"]));
    }

    fn ip_inside(&self, arguments: &[&str]) {
        assert!(succeeds(self.command("ip").args(arguments)), "failed to run `ip {}`", arguments.join(" "));
    }
}

impl Drop for AgentNetwork {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

fn lost<'a>(address: &'a str, interface: &'a str) -> [&'a str; 9] {
    ["neigh", "replace", address, "lladdr", NOBODY, "dev", interface, "nud", "permanent"]
}

fn ip(arguments: &[&str]) {
    assert!(succeeds(Command::new("ip").args(arguments)), "failed to run `ip {}`", arguments.join(" "));
}

fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// Sends a signal to a process.
pub(crate) fn signal(process: u32, signal: &str) -> Verdict {
    let sent = succeeds(Command::new("kill").args([signal, &process.to_string()]));
    if sent { Ok(()) } else { Err(format!("failed to send {signal} to process {process}")) }
}
