//! Containers under the Linux launcher, in real cgroups and namespaces. Where the tests may not make those, each says that it
//! was left out.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tepui_containerizer::{ContainerClass, LaunchError, Settings};
use tepui_linux::{Cgroup, Hierarchies};
use tepui_proto::v1;
use tepui_types::ContainerId;

use crate::fixture::{Agent, has_ended, until};

/// All that is built and can be seen on a machine with cgroups of either version.
const ISOLATION: &str = "cgroups/cpu,cgroups/mem,cgroups/pids,filesystem/linux,namespaces/pid,namespaces/ipc,\
                         posix/rlimits,linux/capabilities,disk/du";

/// A shell that takes more memory than it may.
const EATER: &str = "x=$(head -c 100m /dev/zero | tr '\\0' x)";

/// Our folder below each hierarchy, one a test process.
fn cgroups_root() -> String {
    format!("tepui-test-{}", std::process::id())
}

/// An agent with the Linux launcher; None where the test may not use cgroups.
pub(crate) async fn agent(isolation: &str, change: impl FnOnce(&mut Settings)) -> Option<Agent> {
    let hierarchies = Hierarchies::discover(Path::new("/sys/fs/cgroup")).unwrap_or_default();
    if !tepui_linux::is_root() || hierarchies.controller("memory").is_none() {
        left_out("containers in cgroups: that needs root and the memory controller");
        return None;
    }
    let agent = Agent::start_in(tempfile::tempdir().unwrap(), |settings| {
        settings.isolation.launcher = Some("linux".to_owned());
        isolation.clone_into(&mut settings.isolation.isolation);
        settings.isolation.cgroups_root = cgroups_root();
        change(settings);
    });
    Some(agent.await)
}

/// Says so, past the harness, which swallows what tests print.
pub(crate) fn left_out(what: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("LEFT OUT: {what}\n").as_bytes());
}

fn scalar(name: &str, value: f64) -> v1::Resource {
    v1::Resource {
        name: name.to_owned(),
        r#type: v1::value::Type::Scalar.into(),
        scalar: Some(v1::value::Scalar { value }),
        ..v1::Resource::default()
    }
}

pub(crate) fn plain() -> v1::ContainerInfo {
    v1::ContainerInfo { r#type: v1::container_info::Type::Mesos.into(), ..v1::ContainerInfo::default() }
}

fn resources() -> Vec<v1::Resource> {
    vec![scalar("cpus", 0.5), scalar("mem", 32.0), scalar("disk", 4.0)]
}

/// The cgroups below ours in all hierarchies, none for those of the machine that have none of ours.
fn cgroups_left() -> BTreeSet<PathBuf> {
    let hierarchies = Hierarchies::discover(Path::new("/sys/fs/cgroup")).unwrap();
    let mounts = hierarchies.separate.values().chain(&hierarchies.unified);
    let roots: BTreeSet<PathBuf> = mounts.map(|mount| mount.join(cgroups_root())).collect();
    let children = roots.into_iter().filter_map(|root| Cgroup::at(root).children().ok());
    children.flatten().map(|cgroup| cgroup.path().to_owned()).collect()
}

impl Agent {
    pub(crate) async fn run(
        &mut self,
        script: &str,
        change: impl FnOnce(&mut v1::ContainerInfo),
    ) -> (i32, String) {
        let mut config = self.config(&ContainerId::new("c"), script);
        config.resources = resources();
        let mut container = plain();
        change(&mut container);
        config.container = Some(container);
        drop(fs::remove_file(self.sandbox().join("stdout")));
        self.containers.launch(config).await.unwrap();
        let status = self.next().await.1.unwrap();
        (status, fs::read_to_string(self.sandbox().join("stdout")).unwrap())
    }
}

#[tokio::test]
async fn memory_that_is_exceeded_ends_the_container_with_its_numbers() {
    let Some(mut agent) = agent("cgroups/cpu,cgroups/mem", |_| {}).await else { return };
    // The second process breaks the limit; the first would live on.
    let eater = "head -c 60m /dev/zero | tail -c 50m >/dev/null; sleep 1000";
    let mut config = agent.config(&ContainerId::new("c"), eater);
    config.resources = resources();
    agent.containers.launch(config).await.unwrap();
    let exited = tokio::time::timeout(crate::fixture::DEADLINE, agent.reports.recv()).await.unwrap().unwrap();
    let termination = exited.termination;
    assert_eq!(termination.reason, Some(v1::task_status::Reason::ContainerLimitationMemory));
    assert_eq!(termination.state, Some(v1::TaskState::TaskFailed));
    let message = termination.message.unwrap();
    assert!(message.starts_with("Memory limit exceeded: Requested: 32MB Maximum Used: "), "{message}");
    assert!(message.contains("MEMORY STATISTICS: \n"), "{message}");
    assert_eq!(termination.limited_resources[0].name, "mem");
    assert_eq!(cgroups_left(), BTreeSet::new());
}

#[tokio::test]
async fn the_program_itself_may_be_the_one_that_is_killed() {
    let Some(mut agent) = agent("cgroups/mem", |_| {}).await else { return };
    let mut config = agent.config(&ContainerId::new("c"), EATER);
    config.resources = resources();
    agent.containers.launch(config).await.unwrap();
    let exited = tokio::time::timeout(crate::fixture::DEADLINE, agent.reports.recv()).await.unwrap().unwrap();
    assert_eq!(exited.termination.reason, Some(v1::task_status::Reason::ContainerLimitationMemory));
}

#[tokio::test]
async fn limits_are_set_and_raised_and_use_is_measured() {
    let Some(mut agent) = agent("cgroups/cpu,cgroups/mem,cgroups/pids", |_| {}).await else { return };
    let id = ContainerId::new("c");
    let mut config = agent.config(&id, "sleep 1000");
    config.resources = resources();
    config.limits.insert("cpus".to_owned(), 0.2);
    agent.containers.launch(config).await.unwrap();
    let usage = agent.containers.usage(&id).await.unwrap();
    assert_eq!((usage.cpus_soft_limit, usage.cpus_limit), (Some(0.5), Some(0.2)));
    assert_eq!(usage.mem_limit_bytes, Some(32 << 20));
    assert!(usage.mem_total_bytes.unwrap() > 0, "{usage:?}");
    assert!(usage.threads.unwrap() >= 1, "{usage:?}");
    assert!(usage.cpus_user_time_secs.is_some(), "{usage:?}");
    let more = vec![scalar("cpus", 1.0), scalar("mem", 64.0)];
    assert!(agent.containers.update(&id, more, [("mem".to_owned(), 128.0)].into()).unwrap());
    let usage = agent.containers.usage(&id).await.unwrap();
    assert_eq!((usage.mem_limit_bytes, usage.mem_soft_limit_bytes), (Some(128 << 20), Some(64 << 20)));
    assert!(agent.containers.destroy(&id).await);
    assert_eq!(agent.next().await.1, Some(9));
}

#[tokio::test]
async fn cpu_time_over_the_limit_is_withheld() {
    let Some(mut agent) = agent("cgroups/cpu", |_| {}).await else { return };
    let id = ContainerId::new("c");
    let mut config = agent.config(&id, "while :; do :; done");
    config.resources = resources();
    config.limits.insert("cpus".to_owned(), 0.05);
    agent.containers.launch(config).await.unwrap();
    let containers = agent.containers.clone();
    let deadline = tokio::time::Instant::now() + crate::fixture::DEADLINE;
    while containers.usage(&id).await.unwrap().cpus_nr_throttled.unwrap_or_default() == 0 {
        assert!(tokio::time::Instant::now() < deadline, "it is never held back");
        tokio::task::yield_now().await;
    }
    containers.destroy(&id).await;
    agent.next().await;
}

#[tokio::test]
async fn processes_that_left_the_session_are_killed_too() {
    let Some(mut agent) = agent("posix/cpu,posix/mem", |_| {}).await else { return };
    let script =
        "setsid setsid sh -c 'echo $$ > far; exec sleep 1000' & while [ ! -s far ]; do sleep 0.01; done";
    let (status, _) = agent.run(script, |_| {}).await;
    assert_eq!(status, 0);
    let far = fs::read_to_string(agent.sandbox().join("far")).unwrap().trim().parse().unwrap();
    assert!(has_ended(far));
    assert_eq!(cgroups_left(), BTreeSet::new());
}

#[tokio::test]
async fn the_freezer_groups_processes_where_version_two_is_not_mounted() {
    let freezer = Path::new("/sys/fs/cgroup/freezer");
    if !Cgroup::at(freezer).exists() {
        // Then version 2 is, and the other tests show it.
        return;
    }
    let change = |settings: &mut Settings| settings.isolation.cgroups_hierarchy = freezer.to_owned();
    let Some(mut agent) = agent("posix/cpu,posix/mem", change).await else { return };
    let script = "setsid setsid sh -c 'echo $$ > far; while :; do sleep 0.001; done' & sleep 1000";
    agent.launch("c", script).await;
    let far = agent.sandbox().join("far");
    until("it runs", || fs::read_to_string(&far).is_ok_and(|text| !text.is_empty())).await;
    let far: u32 = fs::read_to_string(far).unwrap().trim().parse().unwrap();
    let own = freezer.join(cgroups_root()).join("c");
    assert!(Cgroup::at(&own).processes().unwrap().contains(&far));
    assert!(agent.containers.destroy(&ContainerId::new("c")).await);
    assert_eq!(agent.next().await.1, Some(9));
    assert!(has_ended(far) && !own.exists());
}

#[tokio::test]
async fn a_container_sees_its_own_processes_only() {
    let Some(mut agent) = agent(ISOLATION, |_| {}).await else { return };
    let (status, stdout) = agent.run("echo $$; ls /proc | grep -c '^[0-9]'; kill -9 $$", |_| {}).await;
    // The first process of the namespace is ours, and says how the program ended.
    assert_eq!(status, 9);
    let numbers: Vec<u32> = stdout.split_whitespace().map(|word| word.parse().unwrap()).collect();
    assert_eq!(numbers[0], 2, "{stdout}");
    assert!(numbers[1] < 8, "{stdout}");
}

#[tokio::test]
async fn signals_and_nested_containers_reach_into_the_namespaces() {
    let Some(mut agent) = agent(ISOLATION, |_| {}).await else { return };
    let id = ContainerId::new("c");
    let script = "trap 'exit 7' TERM; touch /dev/shm/mine; echo ready; while :; do sleep 0.01; done";
    let mut config = agent.config(&id, script);
    config.resources = resources();
    let linux = v1::LinuxInfo {
        ipc_mode: Some(v1::linux_info::IpcMode::Private.into()),
        shm_size: Some(2),
        ..v1::LinuxInfo::default()
    };
    config.container = Some(v1::ContainerInfo { linux_info: Some(linux), ..plain() });
    agent.containers.launch(config).await.unwrap();
    let stdout = agent.sandbox().join("stdout");
    until("it listens", || fs::read_to_string(&stdout).is_ok_and(|text| text == "ready\n")).await;
    assert!(!Path::new("/dev/shm/mine").exists());
    let debug = id.child("debug");
    let mut config =
        agent.config(&debug, "ls /dev/shm; df -k /dev/shm | tail -1; ls /proc | grep -c '^[0-9]'");
    config.class = ContainerClass::Debug;
    config.sandbox = agent.folder.path().join("debug");
    fs::create_dir(&config.sandbox).unwrap();
    agent.containers.launch(config.clone()).await.unwrap();
    assert_eq!(agent.containers.wait(&debug).await.unwrap().status, Some(0));
    let seen = fs::read_to_string(config.sandbox.join("stdout")).unwrap();
    assert!(seen.starts_with("mine\n") && seen.contains(" 2048 "), "{seen}");
    assert!(agent.containers.kill(&id, tepui_linux::Signal::TERM).unwrap());
    assert_eq!(agent.next().await.1, Some(7 << 8));
    assert_eq!(cgroups_left(), BTreeSet::new());
}

#[tokio::test]
async fn nested_containers_have_limits_of_their_own_if_they_ask() {
    let Some(mut agent) = agent("cgroups/cpu,cgroups/mem", |_| {}).await else { return };
    let id = ContainerId::new("c");
    let mut config = agent.config(&id, "sleep 1000");
    config.resources = vec![scalar("cpus", 1.0), scalar("mem", 256.0)];
    agent.containers.launch(config).await.unwrap();
    let nested = id.child("n");
    let mut config = agent.config(&nested, EATER);
    config.resources = resources();
    let linux = v1::LinuxInfo { share_cgroups: Some(false), ..v1::LinuxInfo::default() };
    config.container = Some(v1::ContainerInfo { linux_info: Some(linux), ..plain() });
    agent.containers.launch(config).await.unwrap();
    let termination = agent.containers.wait(&nested).await.unwrap();
    assert_eq!(termination.reason, Some(v1::task_status::Reason::ContainerLimitationMemory));
    agent.containers.destroy(&id).await;
    assert_eq!(agent.next().await.1, Some(9), "the parent went on");
    assert_eq!(cgroups_left(), BTreeSet::new());
}

#[tokio::test]
async fn volumes_limits_and_capabilities_are_as_asked() {
    let Some(mut agent) = agent(ISOLATION, |_| {}).await else { return };
    let host = agent.folder.path().join("host");
    fs::create_dir(&host).unwrap();
    fs::write(host.join("file"), "from the machine\n").unwrap();
    let volume = v1::Volume {
        mode: v1::volume::Mode::Ro.into(),
        container_path: "deep/inside".to_owned(),
        host_path: Some(host.to_str().unwrap().to_owned()),
        ..v1::Volume::default()
    };
    let limit = v1::r_limit_info::RLimit {
        r#type: Some(v1::r_limit_info::r_limit::Type::RlmtNofile.into()),
        soft: Some(77),
        hard: Some(88),
    };
    let capability = v1::capability_info::Capability::Kill.into();
    let linux = v1::LinuxInfo {
        effective_capabilities: Some(v1::CapabilityInfo { capabilities: vec![capability] }),
        ..v1::LinuxInfo::default()
    };
    let script = "cat deep/inside/file; touch deep/inside/x 2>/dev/null || echo read only; ulimit -n; \
                  grep -E 'Cap(Eff|Bnd)' /proc/self/status";
    let (status, stdout) = agent
        .run(script, |container| {
            container.volumes.push(volume);
            container.rlimit_info = Some(v1::RLimitInfo { rlimits: vec![limit] });
            container.linux_info = Some(linux);
        })
        .await;
    assert_eq!(status, 0, "{stdout}");
    let expected = "from the machine\nread only\n77\nCapEff:\t0000000000000020\nCapBnd:\t0000000000000020\n";
    assert_eq!(stdout, expected);
    assert_eq!(fs::read_dir(agent.sandbox().join("deep/inside")).unwrap().count(), 0, "the mount is gone");
}

#[tokio::test]
async fn disk_that_is_exceeded_ends_the_container() {
    let change = |settings: &mut Settings| {
        settings.isolation.enforces_disk = true;
        settings.isolation.disk_interval = std::time::Duration::from_millis(20);
    };
    let Some(mut agent) = agent("posix/cpu,posix/mem,disk/du", change).await else { return };
    let mut config = agent.config(&ContainerId::new("c"), "head -c 8m /dev/zero > big; sleep 1000");
    config.resources = resources();
    agent.containers.launch(config).await.unwrap();
    let exited = tokio::time::timeout(crate::fixture::DEADLINE, agent.reports.recv()).await.unwrap().unwrap();
    let termination = exited.termination;
    assert_eq!(termination.reason, Some(v1::task_status::Reason::ContainerLimitationDisk));
    let message = termination.message.unwrap();
    assert!(message.starts_with("Disk usage (") && message.ends_with("exceeds quota (4MB)"), "{message}");
}

#[tokio::test]
async fn what_needs_an_isolator_that_is_not_in_use_is_refused() {
    let Some(agent) = agent("cgroups/mem", |_| {}).await else { return };
    let mut config = agent.config(&ContainerId::new("c"), "true");
    let limits = v1::RLimitInfo::default();
    config.container = Some(v1::ContainerInfo { rlimit_info: Some(limits), ..plain() });
    let refused = agent.containers.launch(config).await;
    assert!(matches!(refused, Err(LaunchError::IsolatorMissing { isolator: "posix/rlimits", .. })));
    assert_eq!(cgroups_left(), BTreeSet::new());
}

#[tokio::test]
async fn containers_are_found_again_with_their_cgroups() {
    let Some(agent) = agent("cgroups/cpu,cgroups/mem", |_| {}).await else { return };
    let mut eater =
        agent.config(&ContainerId::new("c"), &format!("while [ ! -e go ]; do sleep 0.01; done; {EATER}"));
    eater.resources = resources();
    agent.containers.launch(eater).await.unwrap();
    let orphan = agent.launch("orphan", "setsid sleep 1000 & sleep 1000").await;
    let mut agent = agent.crash().await;
    let mut known = agent.known("c");
    known.resources = resources();
    let recovered = agent.containers.recover(vec![known]).await.unwrap();
    assert_eq!(recovered.running.len(), 1);
    assert_eq!(recovered.orphans, [ContainerId::new("orphan")]);
    until("orphans are gone", || has_ended(orphan)).await;
    fs::write(agent.sandbox().join("go"), "").unwrap();
    let exited = tokio::time::timeout(crate::fixture::DEADLINE, agent.reports.recv()).await.unwrap().unwrap();
    assert_eq!(exited.termination.reason, Some(v1::task_status::Reason::ContainerLimitationMemory));
    until("no cgroup is left", || cgroups_left().is_empty()).await;
}

/// How many containers are run while the agent is killed: `TEPUI_CONTAINERS=1000` is a long run.
fn count() -> usize {
    std::env::var("TEPUI_CONTAINERS").ok().and_then(|count| count.parse().ok()).unwrap_or(150)
}

#[tokio::test]
async fn nothing_is_left_behind_when_the_agent_is_killed_among_its_containers() {
    let Some(mut agent) = agent("cgroups/cpu,cgroups/mem,filesystem/linux", |_| {}).await else { return };
    let mounts = || fs::read_to_string("/proc/self/mountinfo").unwrap().lines().count();
    let before = mounts();
    let batch = 25;
    for round in 0..count() / batch {
        let mut launching = tokio::task::JoinSet::new();
        for number in 0..batch {
            let id = format!("r{round}-{number}");
            let script = ["true", "sleep 1000 & exit 1", "sleep 1000"][number % 3];
            let mut config = agent.config(&ContainerId::new(id.as_str()), script);
            config.resources = resources();
            config.volumes.clear();
            let containers = agent.containers.clone();
            launching.spawn(async move { containers.launch(config).await });
        }
        // The agent is killed when some of them run, others have ended, and others are being launched.
        for _ in 0..(round * 7) % batch {
            launching.join_next().await;
        }
        launching.abort_all();
        drop(launching);
        agent = agent.crash().await;
        agent.containers.recover(Vec::new()).await.unwrap();
    }
    until("no cgroup is left", || cgroups_left().is_empty()).await;
    let runtime = agent.folder.path().join("runtime/containers");
    until("no runtime folder is left", || fs::read_dir(&runtime).unwrap().count() == 0).await;
    assert_eq!(mounts(), before);
    let ours = agent.sandbox();
    let left = fs::read_dir("/proc").unwrap().flatten();
    let left =
        left.filter(|entry| fs::read_link(entry.path().join("cwd")).is_ok_and(|folder| folder == ours));
    assert_eq!(left.count(), 0);
}

#[tokio::test]
async fn all_controllers_of_the_machine_hold_a_container_and_are_left() {
    let Some(mut agent) = agent("cgroups/all", |_| {}).await else { return };
    let hierarchies = Hierarchies::discover(Path::new("/sys/fs/cgroup")).unwrap();
    let (_, cgroups) = agent.run("cat /proc/self/cgroup; cat /proc/self/status", |_| {}).await;
    let own = format!("/{}/c", cgroups_root());
    for controller in
        ["blkio", "cpuset", "devices", "hugetlb", "net_cls", "perf_event", "cpu", "memory", "pids"]
    {
        if hierarchies.separate.contains_key(controller) {
            let is_own = |line: &str| {
                let mut parts = line.split(':').skip(1);
                parts.next().is_some_and(|names| names.split(',').any(|name| name == controller))
                    && parts.next() == Some(&own)
            };
            assert!(cgroups.lines().any(is_own), "{controller}: {cgroups}");
        }
    }
    assert_eq!(cgroups_left(), BTreeSet::new());
}

#[tokio::test]
async fn devices_that_are_not_listed_cannot_be_used() {
    let hierarchies = Hierarchies::discover(Path::new("/sys/fs/cgroup")).unwrap_or_default();
    if !hierarchies.separate.contains_key("devices") {
        return left_out("devices: that needs their controller of version 1");
    }
    let Some(mut agent) = agent("cgroups/devices", |_| {}).await else { return };
    let script = "mknod log c 1 11 && head -c 1 log >/dev/null || echo held back; mknod nil c 1 3 && echo x >nil && echo fine";
    assert_eq!(agent.run(script, |_| {}).await.1, "held back\nfine\n");
}

#[tokio::test]
async fn containers_are_where_their_launcher_was_moved_to() {
    let hierarchies = Hierarchies::discover(Path::new("/sys/fs/cgroup")).unwrap_or_default();
    let Some(systemd) = hierarchies.separate.get("name=systemd").filter(|_| tepui_linux::is_root()) else {
        return left_out("a systemd slice: that needs root and systemd's own hierarchy");
    };
    let slice = Cgroup::at(systemd.join(format!("{}.slice", cgroups_root())));
    slice.create().unwrap();
    let started = agent("cgroups/cpu", |settings| settings.launcher_cgroups = vec![slice.path().to_owned()]);
    let mut agent = started.await.unwrap();
    let (_, cgroups) = agent.run("cat /proc/self/cgroup", |_| {}).await;
    assert!(cgroups.contains(&format!("name=systemd:/{}.slice\n", cgroups_root())), "{cgroups}");
    drop(agent);
    until("the launcher is gone", || slice.processes().unwrap().is_empty()).await;
    slice.remove().unwrap();
}

#[tokio::test]
async fn a_nested_container_has_its_own_processes_within_its_parents() {
    let Some(mut agent) = agent("filesystem/linux,namespaces/pid", |_| {}).await else { return };
    let id = ContainerId::new("c");
    agent.launch("c", "sleep 1000").await;
    let nested = id.child("n");
    let script = "trap 'exit 7' TERM; ls /proc | grep -c '^[0-9]'; echo $$; while :; do sleep 0.01; done";
    agent.containers.launch(agent.config(&nested, script)).await.unwrap();
    let stdout = agent.sandbox().join("stdout");
    let seen = || fs::read_to_string(&stdout).unwrap_or_default();
    until("it listens", || seen().lines().count() == 2).await;
    // The first process, the shell, and `ls` and `grep`.
    assert!(["3\n2\n", "4\n2\n"].contains(&seen().as_str()), "{}", seen());
    assert!(agent.containers.kill(&nested, tepui_linux::Signal::TERM).unwrap());
    assert_eq!(agent.containers.wait(&nested).await.unwrap().status, Some(7 << 8));
    agent.containers.launch(agent.config(&nested, "sleep 1000 & sleep 1000")).await.unwrap();
    assert!(agent.containers.destroy(&id).await);
    assert_eq!(agent.next().await.1, Some(9));
    assert_eq!(cgroups_left(), BTreeSet::new());
}
