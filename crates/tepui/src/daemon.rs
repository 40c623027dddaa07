//! `tepui master` and `tepui agent`: flags, log, socket, signals.

use std::ffi::OsString;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tepui_agent::Stop;
use tepui_flags::{Addresses, FlagSet, Values};
use tepui_master::RegistryConfig;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tracing::{info, warn};

use crate::logging;

/// How long an address that is in use is waited for, and how often it is tried.
const ADDRESS_PATIENCE: Duration = Duration::from_secs(2);
const ADDRESS_RETRY: Duration = Duration::from_millis(10);

/// Runs a master until it is told to stop.
pub(crate) fn master(args: Vec<OsString>) -> ExitCode {
    let threads = tokio::runtime::Builder::new_multi_thread();
    daemon(&tepui_master::FLAGS, args, threads, |values, addresses, listener| async move {
        let config = tepui_master::Config::from_flags(&values, &addresses)?;
        if let RegistryConfig::InMemory = config.registry {
            warn!(
                "the registry is kept in memory: a restarted master knows no agent until it re-registers; \
                 give --work_dir, --zk or --etcd to keep it"
            );
        }
        Ok(tepui_master::run(config, listener, oneshot::channel().0, terminated()?).await?)
    })
}

/// Runs an agent until it is told to stop.
pub(crate) fn agent(args: Vec<OsString>) -> ExitCode {
    // All that an agent decides is decided one after the other, and little of what it does between takes long: a second thread
    // costs more to wake than it takes over. What blocks has threads of its own.
    let thread = tokio::runtime::Builder::new_current_thread();
    daemon(&tepui_agent::FLAGS, args, thread, |values, addresses, listener| async move {
        let config = tepui_agent::Config::from_flags(
            &values,
            &addresses,
            tepui_agent::command_executor().context("failed to find this program's own file")?,
        )?;
        Ok(tepui_agent::run(config, listener, oneshot::channel().0, agent_stop()?).await?)
    })
}

/// Listens. An address that is in use gets a moment: a process that an agent was just starting when it was killed has its
/// sockets until it is executed, and the next agent may be there before that.
async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let deadline = Instant::now() + ADDRESS_PATIENCE;
    loop {
        match TcpListener::bind(address).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline => {
                tokio::time::sleep(ADDRESS_RETRY).await;
            }
            done => return done,
        }
    }
}

fn daemon<F, R>(set: &FlagSet, args: Vec<OsString>, mut threads: tokio::runtime::Builder, run: F) -> ExitCode
where
    F: FnOnce(Values, Addresses, TcpListener) -> R,
    R: Future<Output = anyhow::Result<()>>,
{
    let environment = |name: &str| std::env::var(name).ok();
    let values = match set.parse(args, environment) {
        Ok(values) => values,
        Err(error) => return tepui_cli::flags_error(&error),
    };
    let result = (|| {
        logging::start(&values)?;
        info!(version = env!("CARGO_PKG_VERSION"), "{} starts", set.command);
        for warning in values.warnings() {
            warn!("{warning}");
        }
        let mut addresses = tepui_flags::addresses(&values, environment)?;
        let runtime = threads.enable_all().build()?;
        runtime.block_on(async {
            let listener = listen(addresses.listen)
                .await
                .with_context(|| format!("failed to listen on {}", addresses.listen))?;
            if addresses.advertised.port() == 0 {
                addresses.advertised.set_port(listener.local_addr()?.port());
            }
            run(values, addresses, listener).await
        })
    })();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tepui_cli::error(&error);
            ExitCode::FAILURE
        }
    }
}

/// Completes when the process is told to end.
fn terminated() -> anyhow::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to listen for signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("failed to listen for signals")?;
    Ok(async move {
        let name = tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
        };
        info!(signal = name, "stopping");
    })
}

/// Completes when an agent's process is told to end, and how: SIGUSR1 is for good.
fn agent_stop() -> anyhow::Result<impl Future<Output = Stop>> {
    let terminated = terminated()?;
    let mut user = signal(SignalKind::user_defined1()).context("failed to listen for signals")?;
    Ok(async move {
        tokio::select! {
            () = terminated => Stop::Leave,
            _ = user.recv() => {
                info!(signal = "SIGUSR1", "unregistering");
                Stop::Shutdown
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_becomes_free_is_taken() {
        let held = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = held.local_addr().unwrap();
        let wait = listen(address);
        tokio::pin!(wait);
        assert!(tokio::time::timeout(ADDRESS_RETRY, &mut wait).await.is_err(), "it is in use");
        drop(held);
        assert_eq!(wait.await.unwrap().local_addr().unwrap(), address);
    }
}
