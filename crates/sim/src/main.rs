//! Runs simulations: `--seed N` replays one, `--seeds N` runs many.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a command")]

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use clap::Parser;
use tepui_sim::Failure;

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
    match arguments.seed {
        Some(seed) => replay(seed),
        None => run_many(arguments.first, arguments.seeds),
    }
}

fn replay(seed: u64) -> ExitCode {
    match tepui_sim::run(seed, true) {
        Ok(story) => {
            println!("seed {seed} passes after {} steps", story.steps);
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("error: seed {seed}: {}", failure.message);
            ExitCode::FAILURE
        }
    }
}

fn run_many(first: u64, count: u64) -> ExitCode {
    // A failure is printed as a whole, and not as it happens in the middle of others.
    std::panic::set_hook(Box::new(|_| {}));
    let failures = run_in_parallel(first, count);
    let Some(earliest) = failures.first() else {
        println!("{count} seeds pass");
        return ExitCode::SUCCESS;
    };
    println!("{}", earliest.trace);
    for failure in &failures {
        println!("seed {} fails: {}", failure.seed, failure.message);
    }
    eprintln!("error: {} of {count} seeds fail; above is the end of the first story", failures.len());
    eprintln!("hint: replay it with `cargo run -p tepui-sim -- --seed {}`", earliest.seed);
    ExitCode::FAILURE
}

/// Runs these seeds on all processors, and returns the failures in order.
fn run_in_parallel(first: u64, count: u64) -> Vec<Failure> {
    let next = AtomicU64::new(0);
    let failures = Mutex::new(Vec::new());
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    if let Err(failure) = tepui_sim::run(first.wrapping_add(number), false) {
                        failures.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(failure);
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    failures.sort_by_key(|failure| failure.seed);
    failures
}
