//! `bench`: load for a master, and what it costs.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints what it measured")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use tepui_bench::{Plan, Plot, Process, Series, Target};

const USAGE: &str = "\
bench run PLAN MASTER PID [OUT] [key=value ...]   drive the master at MASTER (ip:port, process PID) by a plan file,
                                                  or by `-` for the default plan; OUT.json and OUT.txt are written
bench swarm MASTER [key=value ...]                only agents, until interrupted
bench fleet MASTER [key=value ...]                only frameworks, until their tasks have ended
bench plot OUT.svg TITLE Y NAME=X:Y,X:Y... ...    draw lines over cluster sizes
bench core WORKLOAD OPERATIONS                    the core alone, or with its view; for callgrind and massif
bench memory AGENTS TASKS_PER_AGENT               what core and view take of memory, by agent and by running task
bench instructions [update]                       compare the core's instruction counts with the kept ones
bench settings                                    what a plan may say
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args.as_slice() {
        ["run", plan, master, pid, rest @ ..] => run(plan, master, pid, rest),
        ["swarm", master, rest @ ..] => only(
            &["frameworks=0", "duration_ms=-1", "hold_seconds=1e8", "patience_seconds=1e9"],
            master,
            rest,
        ),
        ["fleet", master, rest @ ..] => only(&["agents=0"], master, rest),
        ["plot", out, title, y, series @ ..] => plot(Path::new(out), title, y, series),
        ["core", workload, operations] => core(workload, operations),
        ["memory", agents, tasks_per_agent] => memory(agents, tasks_per_agent),
        ["instructions", rest @ ..] => instructions(rest == ["update"]),
        ["settings"] => {
            print!("{}", Plan::help());
            Ok(true)
        }
        _ => {
            eprint!("{USAGE}");
            Ok(false)
        }
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(plan: &str, master: &str, pid: &str, rest: &[&str]) -> anyhow::Result<bool> {
    let mut plan = match plan {
        "-" => Plan::default(),
        path => {
            Plan::parse(&std::fs::read_to_string(path).with_context(|| format!("failed to read `{path}`"))?)?
        }
    };
    let mut out: Option<PathBuf> = None;
    for argument in rest {
        if argument.contains('=') {
            plan.assign(argument)?;
        } else {
            out = Some(PathBuf::from(argument));
        }
    }
    let process = Process(pid.parse().with_context(|| format!("`{pid}` is no process id"))?);
    let master = master.parse().with_context(|| format!("`{master}` is no ip:port"))?;
    let report = tepui_bench::run(plan, Target { master, process }, &mut |line| eprintln!("{line}"))?;
    let text = report.to_text();
    println!("{text}");
    if let Some(out) = out {
        let write = |extension: &str, text: &str| {
            let path = out.with_extension(extension);
            std::fs::write(&path, text).with_context(|| format!("failed to write `{}`", path.display()))
        };
        write("json", &format!("{:#}\n", report.to_json()))?;
        write("txt", &text)?;
    }
    Ok(report.is_right())
}

/// One side alone: the other half of the plan is empty, or somebody else.
fn only(settings: &[&str], master: &str, rest: &[&str]) -> anyhow::Result<bool> {
    let own = std::process::id().to_string();
    let mut all = settings.to_vec();
    all.extend_from_slice(rest);
    run("-", master, &own, &all)
}

fn plot(out: &Path, title: &str, y: &str, series: &[&str]) -> anyhow::Result<bool> {
    let series = series.iter().map(|text| parse_series(text)).collect::<anyhow::Result<_>>()?;
    let plot = Plot { title: title.to_owned(), x: "agents".to_owned(), y: y.to_owned(), series };
    std::fs::write(out, plot.to_svg()).with_context(|| format!("failed to write `{}`", out.display()))?;
    Ok(true)
}

fn parse_series(text: &str) -> anyhow::Result<Series> {
    let Some((name, points)) = text.rsplit_once('=') else { bail!("`{text}` is no `name=x:y,x:y`") };
    let point = |text: &str| {
        let (x, y) = text.split_once(':').with_context(|| format!("`{text}` is no `x:y`"))?;
        Ok((x.parse()?, y.parse()?))
    };
    Ok(Series { name: name.to_owned(), points: points.split(',').map(point).collect::<anyhow::Result<_>>()? })
}

fn core(workload: &str, operations: &str) -> anyhow::Result<bool> {
    let found = tepui_bench::WORKLOADS.iter().find(|(name, _)| *name == workload);
    let (_, run) = found.with_context(|| format!("there is no workload `{workload}`"))?;
    run(operations.parse().with_context(|| format!("`{operations}` is no number"))?);
    Ok(true)
}

fn memory(agents: &str, tasks_per_agent: &str) -> anyhow::Result<bool> {
    let number = |text: &str| text.parse().with_context(|| format!("`{text}` is no number"));
    let (agent, task) = tepui_bench::memory(number(agents)?, number(tasks_per_agent)?);
    println!("{agent:.0} bytes an agent, {task:.0} bytes a running task");
    Ok(true)
}

fn instructions(update: bool) -> anyhow::Result<bool> {
    let (text, is_fine) = tepui_bench::instructions(update)?;
    print!("{text}");
    Ok(is_fine)
}
