//! Benchmarks of the allocator, with the workloads of Mesos' own.
//!
//! `cargo bench -p tepui-allocator [-- AGENTS FRAMEWORKS]`: full cycles.
//! `cargo bench -p tepui-allocator -- NAME [NUMBERS]`: one of these, named after Mesos' benchmarks; the numbers are those
//! that Mesos' grid varies, with a size in the middle as their default.
//!
//! | NAME | Numbers |
//! |---|---|
//! | `large-and-small-quota` | roles with small quota, roles with large quota |
//! | `non-quota-vs-quota` | roles |
//! | `update-allocation` | roles; each has four resources on the one agent |
//! | `full-sort` | agents, clients |
//! | `hierarchy-full-sort` | height, branching |
//! | `decline-offers`, `resource-labels`, `add-and-update-agent`, `suppress-offers`, `extreme-suppress-offers`, `backlog` | agents, frameworks |

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

mod bench;
mod cycles;
mod grid;
mod quota;
mod reserve;
mod sorter;

use std::process::ExitCode;

fn main() -> ExitCode {
    // cargo passes `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with("--")).collect();
    let name = arguments.iter().find(|argument| argument.parse::<usize>().is_err());
    let mut numbers = arguments.iter().filter_map(|argument| argument.parse().ok());
    let mut next = |default| numbers.next().unwrap_or(default);
    match name.map(String::as_str) {
        None => {
            let (agents, frameworks) = (next(20_000), next(2_000));
            for roles in [1, frameworks] {
                println!("{agents} agents, {frameworks} frameworks, {roles} roles");
                cycles::run(agents, frameworks, roles);
            }
        }
        Some("large-and-small-quota") => quota::large_and_small(next(2500), next(500)),
        Some("non-quota-vs-quota") => quota::non_quota_vs_quota(next(1000)),
        Some("update-allocation") => reserve::update_allocation(next(200)),
        Some("full-sort") => sorter::full_sort(next(50_000), next(1000)),
        Some("hierarchy-full-sort") => sorter::hierarchy_full_sort(next(3), next(32)),
        Some("decline-offers") => grid::decline_offers(next(10_000), next(1000), grid::Used::Fragments),
        Some("resource-labels") => grid::decline_offers(next(10_000), next(1000), grid::Used::Labels),
        Some("add-and-update-agent") => grid::add_and_update_agent(next(10_000), next(1000)),
        Some("suppress-offers") => grid::suppress_offers(next(10_000), next(1000), 5),
        Some("extreme-suppress-offers") => grid::extreme_suppress_offers(next(10_000), next(1000)),
        Some("backlog") => grid::backlog(next(10_000), next(1000)),
        Some(other) => {
            println!("no benchmark is called `{other}`; see benches/cycle/main.rs");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
