//! Runs `testdata/master/*.txt`: commands, and below each the exact effects.
//!
//! A block is a command line, perhaps more lines with JSON, then `----`, then what the step wanted done, then an empty
//! line. `UPDATE=1 cargo test -p tepui-master-core` rewrites the effects; read the difference as if it were code.
//! `scripts/world.rs` says what the commands do.

#![expect(clippy::unwrap_used, reason = "a script that cannot be read fails the test")]
#![expect(clippy::wildcard_enum_match_arm, reason = "what has no short form is printed whole")]

#[path = "scripts/operations.rs"]
mod operations;
#[path = "scripts/print.rs"]
mod print;
#[path = "scripts/random_walk.rs"]
mod random_walk;
#[path = "scripts/world.rs"]
mod world;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use world::World;

/// One command and what is expected below it.
struct Block {
    /// Comments and empty lines above the command.
    before: String,
    command: String,
    expected: String,
}

fn parse(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().peekable();
    while lines.peek().is_some() {
        let mut block = Block { before: String::new(), command: String::new(), expected: String::new() };
        while let Some(line) = lines.next_if(|line| line.is_empty() || line.starts_with('#')) {
            block.before.push_str(line);
            block.before.push('\n');
        }
        for line in lines.by_ref().take_while(|line| *line != "----") {
            block.command.push_str(line);
            block.command.push('\n');
        }
        for line in lines.by_ref().take_while(|line| !line.is_empty()) {
            block.expected.push_str(line);
            block.expected.push('\n');
        }
        blocks.push(block);
    }
    blocks
}

/// Runs a script and returns it with the effects that were seen.
fn run(path: &Path, text: &str) -> String {
    let mut world = World::new();
    let mut seen = String::new();
    for block in parse(text) {
        seen.push_str(&block.before);
        if block.command.is_empty() {
            continue;
        }
        let effects = world.run(block.command.trim_end());
        if std::env::var_os("UPDATE").is_none() {
            assert_eq!(effects, block.expected, "in {}, after:\n{}", path.display(), block.command);
        }
        let _ = write!(seen, "{}----\n{effects}\n", block.command);
    }
    format!("{}\n", seen.trim_end())
}

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/master");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn scripts_have_the_effects_that_they_say() {
    for path in scripts() {
        let text = std::fs::read_to_string(&path).unwrap();
        let seen = run(&path, &text);
        assert_eq!(run(&path, &text), seen, "{} has the same effects each time", path.display());
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, seen).unwrap();
        }
    }
}
