//! Runs simulations: `--seed N` replays one, `--seeds N` runs many.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a command")]

use std::process::ExitCode;

use clap::Parser;

/// Simulates whole clusters with faults.
#[derive(Debug, Parser)]
struct Arguments {
    /// Replay this seed and print all that happens.
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Run this many seeds and print those that fail.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    first: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(seed) = arguments.seed {
        return match tepui_sim::run(seed, true) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                eprintln!("error: seed {seed}: {}", failure.message);
                ExitCode::FAILURE
            }
        };
    }
    let mut failed = Vec::new();
    for seed in arguments.first..arguments.first.saturating_add(arguments.seeds) {
        if let Err(failure) = tepui_sim::run(seed, false) {
            if failed.is_empty() {
                println!("{}", failure.trace);
            }
            println!("seed {seed} fails: {}", failure.message);
            failed.push(seed);
        }
    }
    if failed.is_empty() {
        println!("{} seeds pass", arguments.seeds);
        return ExitCode::SUCCESS;
    }
    eprintln!("error: {} of {} seeds fail: {failed:?}", failed.len(), arguments.seeds);
    eprintln!("hint: replay one with `cargo run -p tepui-sim -- --seed {}`", failed[0]);
    ExitCode::FAILURE
}
