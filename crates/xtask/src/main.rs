//! Repository chores: `cargo xtask test`, `cargo xtask ci`, `cargo xtask tidy`.

mod ci;
mod command;
mod install;
mod instructions;
mod test;
mod tidy;

use clap::{Parser, Subcommand};

/// Repository chores.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Installs what the tests need, then runs them all.
    Test {
        /// Install nothing; tests of third-party clients that are absent say so and are left out.
        #[arg(long)]
        offline: bool,
    },
    /// Everything that must hold before a change lands: format, lints, documentation, tidiness, instruction counts, tests.
    Ci,
    /// Compares the instruction counts of the core's hot paths with those in `crates/bench/instructions.txt`.
    Instructions {
        /// Write the counts down instead, as those to compare with.
        #[arg(long)]
        update: bool,
    },
    /// Checks the house rules that no compiler knows: who depends on whom, and sizes.
    Tidy,
}

fn main() -> anyhow::Result<()> {
    std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))?;
    match Arguments::parse().chore {
        Chore::Test { offline } => test::test(offline),
        Chore::Ci => ci::ci(),
        Chore::Instructions { update } => instructions::instructions(update),
        Chore::Tidy => tidy::tidy(),
    }
}
