//! Runs an agent for experiments: `agent MASTER PORT WORK_DIR RESOURCES EXECUTOR [ARGUMENT...]`.

use std::net::SocketAddr;
use std::process::ExitCode;

use tepui_agent::Config;
use tepui_link::Upid;
use tepui_proto::v1;
use tepui_types::Resources;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    if std::env::args().nth(1).as_deref() == Some("launcher") {
        return Ok(tepui_agent::launcher_process(None));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run())?;
    Ok(ExitCode::SUCCESS)
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let mut arguments = std::env::args().skip(1);
    let mut next = |what: &str| arguments.next().ok_or(format!("{what} is missing"));
    let master = next("master")?;
    let port: u16 = next("port")?.parse()?;
    let work_dir = next("work_dir")?;
    let resources = Resources::parse(&next("resources")?, "*")?.to_protos();
    let executor = next("executor")?;
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let pid = Upid::new("slave(1)", address);
    let mut core = tepui_agent_core::Config::new(pid, "localhost", work_dir);
    core.resources = resources;
    core.command_executor = v1::CommandInfo {
        shell: Some(false),
        value: Some(executor),
        arguments: arguments.collect(),
        ..v1::CommandInfo::default()
    };
    core.executor_environment_variables = std::env::vars()
        .filter(|(name, _)| !name.starts_with("MESOS_") && !name.starts_with("LIBPROCESS_"))
        .collect();
    let listener = TcpListener::bind(address).await?;
    let (ready, _) = oneshot::channel();
    let mut terminate = signal(SignalKind::terminate())?;
    let shutdown = async move {
        terminate.recv().await;
        tepui_agent::Stop::Leave
    };
    tepui_agent::run(Config::new(core, tepui_ha::Spec::parse(&master)?), listener, ready, shutdown).await?;
    Ok(())
}
