//! The reference pages are made from the flag tables; `UPDATE=1 cargo test -p tepui --test reference` rewrites them.

use std::fmt::Write as _;
use std::path::Path;

use tepui_flags::{FlagSet, Kind, Treatment};

fn page(set: &FlagSet) -> String {
    let mut text = format!(
        "# `{}`\n\n{}\n\nEvery flag of Mesos 1.11 parses: as `--name=value` or `--name value`, as an environment variable \
         (`MESOS_NAME`), with the value in a file (`file:///path`); a `BOOL` also as `--name` and `--no-name`.\n\n\
         | Flag | Value | Default | What it is | What is done |\n|---|---|---|---|---|\n",
        set.command, set.about
    );
    let mut flags: Vec<_> = set.flags().collect();
    flags.sort_by_key(|flag| flag.name);
    for flag in flags {
        let kind = match flag.kind {
            Kind::Bool => "BOOL",
            Kind::Text => "TEXT",
            Kind::Integer | Kind::Number => "N",
            Kind::Duration => "DURATION",
            Kind::Bytes => "SIZE",
            Kind::Path => "FILE",
        };
        let aliases: String =
            flag.aliases.iter().fold(String::new(), |text, alias| text + " (`--" + alias + "`)");
        let treatment = match flag.treatment {
            Treatment::Acted => "acted on".to_owned(),
            Treatment::Ignored(why) => format!("ignored with a warning: {why}"),
            Treatment::Refused { effect, except: [] } => format!("refused: {effect}"),
            Treatment::Refused { effect, except } => {
                format!("refused unless `{}`: {effect}", except.join("` or `"))
            }
        };
        let default =
            flag.default.map(|default| format!("`{}`", default.replace('|', "\\|"))).unwrap_or_default();
        let help = flag.help.replace('|', "\\|");
        writeln!(text, "| `--{}`{aliases} | {kind} | {default} | {help} | {treatment} |", flag.name)
            .expect("a String takes all");
    }
    text
}

fn check(file: &str, set: &FlagSet) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(file);
    let expected = page(set);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().expect("it is in a folder")).expect("docs can be written to");
        std::fs::write(&path, &expected).expect("docs can be written to");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "`{file}` is stale: run UPDATE=1 cargo test -p tepui --test reference");
}

#[test]
fn the_master_s_page_is_true() {
    check("master.md", &tepui_master::FLAGS);
}

#[test]
fn the_agent_s_page_is_true() {
    check("agent.md", &tepui_agent::FLAGS);
}

#[test]
fn every_default_parses_and_is_accepted() {
    for set in [&tepui_master::FLAGS, &tepui_agent::FLAGS] {
        for flag in set.flags().filter(|flag| flag.name != "version") {
            if let Some(default) = flag.default {
                let arg = format!("--{}={default}", flag.name);
                let parsed = set.parse([arg.clone().into()], |_| None);
                assert!(parsed.is_ok(), "{arg}: {parsed:?}");
            }
        }
    }
}
