//! A master in this process, with its own runtime, that ends with its handle.

use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::Duration;

use tepui_master::Config;
use tepui_types::{Upid, WallTime};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// How long a stopping master would wait for what is under way; far longer than any test takes.
pub(crate) const SHUTDOWN_GRACE: Duration = Duration::from_mins(1);

/// A master that runs until this is dropped.
pub(crate) struct RunningMaster {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl RunningMaster {
    /// Starts a master and waits until it leads.
    pub(crate) fn start() -> Self {
        let (stop, stopped) = oneshot::channel();
        let (started, address) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
                let address = listener.local_addr().unwrap();
                let (ready, leads) = oneshot::channel();
                let shutdown = async {
                    leads.await.unwrap();
                    started.send(address).unwrap();
                    drop(stopped.await);
                };
                tepui_master::run(config(address), listener, ready, shutdown).await.unwrap();
            });
        });
        Self { address: address.recv().unwrap(), stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for RunningMaster {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the master failed");
        }
    }
}

fn config(address: SocketAddr) -> Config {
    let core = tepui_master_core::Config {
        pid: Upid::new("master", address),
        hostname: "127.0.0.1".to_owned(),
        domain: None,
        started: WallTime::from_nanos(1),
        agent_ping_timeout: Duration::from_secs(15),
        max_agent_ping_timeouts: 5,
        agent_reregister_timeout: Duration::from_mins(10),
        agent_removal_rate_limit: None,
        recovery_agent_removal_limit: 1.0,
        registry_gc_interval: Duration::from_mins(15),
        registry_max_agent_age: Duration::from_hours(14 * 24),
        registry_max_agent_count: 102_400,
        remove_unreturned_frameworks: false,
        allocation_interval: Duration::from_secs(1),
        offer_timeout: None,
        root_submissions: true,
        roles: None,
        rate_limits: tepui_master_core::RateLimits::default(),
        max_completed_frameworks: 50,
        max_completed_tasks_per_framework: 1000,
        max_unreachable_tasks_per_framework: 1000,
        filter_gpu_resources: true,
        min_allocatable_resources: Vec::new(),
        allocator: tepui_master_core::AllocatorConfig::default(),
    };
    let view = tepui_master_view::Settings {
        flags: vec![("port".to_owned(), address.port().to_string())],
        max_completed_frameworks: 50,
        max_completed_tasks_per_framework: 1000,
        max_unreachable_tasks_per_framework: 1000,
        publish_per_framework_metrics: true,
        ..Default::default()
    };
    let mut config = Config::new(core, view);
    config.limits.shutdown_grace = SHUTDOWN_GRACE;
    config
}
