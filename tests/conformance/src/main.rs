//! `cargo run -p tepui-conformance -- [--oracle | --ours | --master HOST:PORT] [FILTER]`; with `UPDATE=1` a real Mesos
//! writes what is expected; with `UPDATE="the reason"` and `--ours`, ours writes down where it differs on purpose.

#![expect(clippy::print_stdout, reason = "a tool that prints")]

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use tepui_conformance::{Outcome, Suite, Target};

fn main() -> anyhow::Result<ExitCode> {
    let mut target = Target::Ours;
    let mut suite = Suite::load()?;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--oracle" => target = Target::Oracle,
            "--ours" => target = Target::Ours,
            "--master" => target = Target::Running(arguments.next().context("--master HOST:PORT")?.parse()?),
            option if option.starts_with('-') => bail!("no option is called `{option}`"),
            filter => suite.filter(filter),
        }
    }
    if let (Target::Ours, Ok(reason)) = (target, std::env::var("UPDATE")) {
        for case in suite.write_differences(&reason)? {
            println!("{case}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    if std::env::var_os("UPDATE").is_some() {
        for case in suite.update(target)? {
            println!("{case}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let outcomes = suite.run(target, if target == Target::Ours { 4 } else { 1 })?;
    let mut wrong = 0;
    for (name, outcome) in &outcomes {
        match outcome {
            Outcome::Agrees => {}
            Outcome::DiffersAsListed => println!("as listed: {name}"),
            Outcome::Pending => println!("pending: {name}"),
            Outcome::ListedButAgrees(name) => {
                wrong += 1;
                println!("LISTED BUT AGREES: {name}");
            }
            Outcome::Differs(how) => {
                wrong += 1;
                println!("DIFFERS: {name}\n{how}");
            }
        }
    }
    println!("{} cases, {} wrong", outcomes.len(), wrong);
    Ok(if wrong > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
