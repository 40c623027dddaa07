//! `cargo xtask tidy`: house rules that no compiler knows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::command::eprint;

/// Which of our crates each crate may depend on; a crate may depend on rows above it only, where this lists it.
const ALLOWED: &[(&str, &str)] = &[
    ("proto", ""),
    ("types", "proto"),
    ("wire", "proto"),
    ("model", "proto types"),
    ("allocator", "types"),
    ("master-core", "proto types allocator"),
    ("master-view", "proto types model master-core"),
    ("agent-core", "proto types"),
    ("linux", ""),
    ("link", "proto types wire"),
    ("http", "proto types wire"),
    ("etcd", ""),
    ("storage", "types proto etcd"),
    ("ha", "proto types wire etcd"),
    ("flags", "types"),
    ("containerizer", "proto types linux"),
    ("fetcher", "proto types linux"),
    ("client", "proto types wire ha"),
    ("master", "proto types wire http link flags allocator master-core master-view storage ha"),
    ("agent", "proto types model wire http link flags agent-core containerizer fetcher linux ha"),
    ("executor", "proto types wire client linux"),
    ("cli", "proto types wire client flags"),
    ("local", "flags master agent cli client"),
    ("tepui", "proto types flags master agent local executor fetcher cli linux"),
    ("testing", "*"),
    ("bench", "*"),
    ("sim", "proto types allocator master-core master-view agent-core"),
    ("fuzz-targets", "proto types wire http link allocator master-core master-view agent-core"),
    ("xtask", ""),
];

/// Crates without sockets, files, clocks and threads: their `clippy.toml` forbids them.
const PURE: &[&str] =
    &["proto", "types", "wire", "model", "allocator", "master-core", "master-view", "agent-core"];

/// What no pure crate may depend on.
const IMPURE: &[&str] = &["tokio", "hyper", "hyper-util", "nix", "getrandom"];

/// A file's greatest length, without its tests.
const MAX_FILE_LINES: usize = 800;

/// Checks every rule; the error counts what is wrong, which was printed.
pub(crate) fn tidy() -> anyhow::Result<()> {
    let mut wrong = Vec::new();
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        ALLOWED.iter().map(|(name, uses)| (*name, uses.split_whitespace().collect())).collect();
    for entry in fs::read_dir("crates").context("failed to list `crates`")? {
        let folder = entry?.path();
        check_dependencies(&folder, &allowed, &mut wrong)?;
        for file in rust_files(&folder.join("src"))? {
            check_size(&file, &mut wrong)?;
        }
    }
    for line in &wrong {
        eprint(&format!("tidy: {line}"));
    }
    if wrong.is_empty() { Ok(()) } else { bail!("{} rules are broken", wrong.len()) }
}

fn check_dependencies(
    folder: &Path,
    allowed: &BTreeMap<&str, BTreeSet<&str>>,
    wrong: &mut Vec<String>,
) -> anyhow::Result<()> {
    let name = folder.file_name().and_then(|name| name.to_str()).context("a crate's name is not text")?;
    let manifest =
        fs::read_to_string(folder.join("Cargo.toml")).with_context(|| format!("failed to read `{name}`"))?;
    let Some(uses) = allowed.get(name) else {
        wrong.push(format!("crate `{name}` is not in the table of `xtask/src/tidy.rs`"));
        return Ok(());
    };
    let mut section = "";
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        }
        if section != "[dependencies]" {
            continue;
        }
        let dependency = line.split(['.', ' ', '=']).next().unwrap_or_default();
        if let Some(ours) = dependency.strip_prefix("tepui-")
            && !uses.contains(ours)
            && !uses.contains("*")
        {
            wrong.push(format!("crate `{name}` may not depend on `{ours}`"));
        }
        if PURE.contains(&name) && IMPURE.contains(&dependency) {
            wrong.push(format!("crate `{name}` is pure and may not depend on `{dependency}`"));
        }
    }
    if PURE.contains(&name) && !folder.join("clippy.toml").exists() {
        wrong.push(format!("crate `{name}` is pure and needs a `clippy.toml` with the bans"));
    }
    Ok(())
}

fn check_size(file: &Path, wrong: &mut Vec<String>) -> anyhow::Result<()> {
    let text = fs::read_to_string(file).with_context(|| format!("failed to read `{}`", file.display()))?;
    let lines = text.lines().take_while(|line| *line != "#[cfg(test)]").count();
    if lines > MAX_FILE_LINES && !file.ends_with("tests.rs") {
        wrong.push(format!("`{}` has {lines} lines; {MAX_FILE_LINES} are the limit", file.display()));
    }
    if file.ends_with("mod.rs") {
        wrong.push(format!("`{}`: use `name.rs` beside `name/`", file.display()));
    }
    Ok(())
}

fn rust_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if !folder.exists() {
        return Ok(found);
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
