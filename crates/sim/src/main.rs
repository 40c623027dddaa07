//! Runs simulations: `--seed N` replays one, `--seeds N` runs many.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a command")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use tepui_sim::Failure;

/// How often progress is told.
const PROGRESS: Duration = Duration::from_secs(5);

/// A seed that takes longer is named while it runs: most take less than half a second.
const LONG: Duration = Duration::from_secs(15);

thread_local! {
    /// Where the last panic of this thread was.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

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

/// What has been done of many seeds.
#[derive(Debug, Default)]
struct Progress {
    next: u64,
    done: u64,
    failures: Vec<(Failure, String)>,
    running: BTreeMap<u64, Instant>,
    slowest: Option<(Duration, u64)>,
}

fn main() -> ExitCode {
    // A failure is printed as a whole, and not as it happens in the middle of others.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        PLACE.with_borrow_mut(|known| *known = place);
    }));
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
            print_failure(&failure, &PLACE.with_borrow(String::clone));
            ExitCode::FAILURE
        }
    }
}

/// Says what went wrong, where the rule is that was broken, and in what cluster.
fn print_failure(failure: &Failure, place: &str) {
    println!("\nseed {} fails {}", failure.seed, failure.scene);
    println!("{}", failure.message);
    println!("at {place}: the head of that file says the rule in words\n");
}

fn run_many(first: u64, count: u64) -> ExitCode {
    let began = Instant::now();
    let progress = run_in_parallel(first, count);
    let seconds = began.elapsed().as_secs_f64();
    let slowest = progress.slowest.map_or_else(String::new, |(time, seed)| {
        format!("; the slowest was seed {seed}, {:.1} s", time.as_secs_f64())
    });
    let Some((earliest, _)) = progress.failures.first() else {
        println!("{count} seeds pass in {seconds:.0} s{slowest}");
        return ExitCode::SUCCESS;
    };
    println!("the end of the story of seed {}:\n{}", earliest.seed, earliest.trace);
    for (failure, place) in &progress.failures {
        print_failure(failure, place);
    }
    let seeds: Vec<String> = progress.failures.iter().map(|(failure, _)| failure.seed.to_string()).collect();
    eprintln!("error: {} of {count} seeds fail: {}{slowest}", seeds.len(), seeds.join(", "));
    eprintln!("hint: replay one with `cargo run --release -p tepui-sim -- --seed {}`", earliest.seed);
    ExitCode::FAILURE
}

/// Runs these seeds on all processors; the failures are in order.
fn run_in_parallel(first: u64, count: u64) -> Progress {
    let progress = Mutex::new(Progress::default());
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(|| work(&progress, first, count))).collect();
        tell_progress(&progress, count, || workers.iter().all(thread::ScopedJoinHandle::is_finished));
    });
    let mut progress = progress.into_inner().unwrap_or_else(PoisonError::into_inner);
    progress.failures.sort_by_key(|(failure, _)| failure.seed);
    progress
}

fn work(progress: &Mutex<Progress>, first: u64, count: u64) {
    let lock = || progress.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let began = Instant::now();
        let seed = {
            let mut progress = lock();
            if progress.next >= count {
                return;
            }
            let seed = first.wrapping_add(progress.next);
            progress.next += 1;
            progress.running.insert(seed, began);
            seed
        };
        let result = tepui_sim::run(seed, false);
        let mut progress = lock();
        progress.done += 1;
        progress.running.remove(&seed);
        progress.slowest = progress.slowest.max(Some((began.elapsed(), seed)));
        if let Err(failure) = result {
            eprintln!("seed {seed} fails: {}", failure.message.lines().next().unwrap_or_default());
            progress.failures.push((failure, PLACE.with_borrow(String::clone)));
        }
    }
}

/// Tells now and then how far it is, until all is done.
fn tell_progress(progress: &Mutex<Progress>, count: u64, is_over: impl Fn() -> bool) {
    let began = Instant::now();
    let mut next = PROGRESS;
    while !is_over() {
        thread::sleep(Duration::from_millis(50));
        if began.elapsed() < next {
            continue;
        }
        next += PROGRESS;
        let progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
        #[expect(clippy::cast_precision_loss, reason = "it is only shown")]
        let rate = progress.done as f64 / began.elapsed().as_secs_f64();
        let long = progress.running.iter().filter(|(_, began)| began.elapsed() > LONG);
        let long: Vec<String> = long.map(|(seed, _)| format!("; seed {seed} takes long")).collect();
        let long = long.concat();
        let (done, failed) = (progress.done, progress.failures.len());
        eprintln!("{done} of {count} seeds, {rate:.1} a second, {failed} failed{long}");
    }
}
