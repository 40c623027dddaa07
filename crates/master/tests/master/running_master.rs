//! A master in this process, with its own runtime, that ends with its handle.

use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::Duration;

use tepui_master::Config;
use tepui_types::Upid;
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
        min_allocatable_resources: Vec::new(),
        ..tepui_master_core::Config::new(Upid::new("master", address))
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
