//! `tepui local`.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use tepui_cli::{note, options_from_flags};
use tepui_flags::Values;
use tokio::signal::unix::{SignalKind, signal};

use crate::cluster::{Cluster, Options};
use crate::flags::FLAGS;

/// The command `tepui local`; `start_log` starts the log at the level that the flags ask for.
pub fn command(args: Vec<OsString>, start_log: impl FnOnce(&Values) -> anyhow::Result<()>) -> ExitCode {
    let values = match FLAGS.parse(args, |name| std::env::var(name).ok()) {
        Ok(values) => values,
        Err(error) => return tepui_cli::flags_error(&error),
    };
    let result = start_log(&values).and_then(|()| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        runtime.context("failed to start the event loop")?.block_on(run(&values))
    });
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            tepui_cli::error(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(values: &Values) -> anyhow::Result<u8> {
    let folder = WorkDir::new(values.text("work_dir"))?;
    let port = values.integer("port").and_then(|port| u16::try_from(port).ok());
    let options = Options {
        ip: values.text("ip").unwrap_or_default().parse().context("flag `ip`: not an IP address")?,
        port: port.context("flag `port`: expected 0 to 65535")?,
        any_port_will_do: !values.is_given("port"),
        agents: values.integer("agents").and_then(|count| usize::try_from(count).ok()).unwrap_or(1),
        resources: values.text("resources").map(str::to_owned),
        work_dir: folder.path().to_owned(),
        switch_user: values.bool("switch_user"),
    };
    // A mistake in the task's flags should not cost the start of a cluster.
    let task = values.text("execute").map(|command| task(values, command, options.port)).transpose()?;
    let mut cluster = Cluster::start(&options).await?;
    let result = match task {
        Some(mut task) => {
            let (ip, port) = (cluster.master().ip().to_string(), cluster.master().port());
            task.masters = tepui_client::Address::new(ip, port).into();
            note(&format!(
                "a cluster runs: master http://{}/, {}",
                cluster.master(),
                agents(cluster.agents())
            ));
            tokio::select! {
                outcome = tepui_cli::run(&task) => outcome.map(|outcome| outcome.report()).map_err(Into::into),
                error = cluster.failed() => Err(error.into()),
            }
        }
        None => stay(&mut cluster, folder.path()).await.map(|()| 0),
    };
    let stopped = cluster.stop().await;
    let code = result?;
    stopped?;
    Ok(code)
}

/// The task of `--execute`, as `tepui execute` would read it from its own flags.
fn task(values: &Values, command: &str, port: u16) -> anyhow::Result<tepui_cli::Options> {
    let args = [
        format!("--master=127.0.0.1:{port}"),
        "--name=execute".to_owned(),
        format!("--command={command}"),
        format!("--resources={}", values.text("task_resources").unwrap_or_default()),
        "--framework_name=tepui local".to_owned(),
    ];
    let values = tepui_cli::EXECUTE_FLAGS.parse(args.map(Into::into), |_| None)?;
    options_from_flags(&values)
}

/// Says what is there, and waits to be told to end.
async fn stay(cluster: &mut Cluster, folder: &Path) -> anyhow::Result<()> {
    let master = cluster.master();
    note(&format!(
        "A cluster runs.\n\
         \x20 master http://{master}/\n\
         \x20 {}\n\
         \x20 sandboxes in {}\n\
         Try, in another terminal:\n\
         \x20 tepui execute --master={master} --name=hello --command='echo hello'\n\
         \x20 curl http://{master}/state\n\
         Frameworks subscribe at http://{master}/api/v1/scheduler. Ctrl-C ends it all.",
        agents(cluster.agents()),
        folder.display(),
    ));
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        error = cluster.failed() => return Err(error.into()),
    }
    note("stopping");
    Ok(())
}

fn agents(agents: &[SocketAddr]) -> String {
    let list: Vec<String> = agents.iter().map(|agent| format!("http://{agent}/")).collect();
    format!("{} {}", if agents.len() == 1 { "agent" } else { "agents" }, list.join(" "))
}

/// A folder that is removed at the end, unless the user chose it.
struct WorkDir {
    path: PathBuf,
    is_ours: bool,
}

impl WorkDir {
    fn new(chosen: Option<&str>) -> anyhow::Result<Self> {
        let path = match chosen {
            Some(path) => PathBuf::from(path),
            None => std::env::temp_dir().join(format!("tepui-local-{}", std::process::id())),
        };
        std::fs::create_dir_all(&path)
            .with_context(|| format!("failed to make folder `{}`", path.display()))?;
        let path =
            path.canonicalize().with_context(|| format!("failed to use folder `{}`", path.display()))?;
        Ok(Self { path, is_ours: chosen.is_none() })
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for WorkDir {
    fn drop(&mut self) {
        if self.is_ours {
            // What cannot be removed is left behind in the system's folder for temporary files.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
