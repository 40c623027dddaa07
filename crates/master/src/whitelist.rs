//! `--whitelist`: the file of host names whose agents are offered, read again and again.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use tepui_master_core::Input;
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::inbox::Work;

/// How often the file is read, as in Mesos.
pub(crate) const PERIOD: Duration = Duration::from_secs(5);

/// Tells the core each new content of the file. While it cannot be read, the last content counts.
pub(crate) async fn watch(path: PathBuf, period: Duration, inbox: mpsc::Sender<Work>) {
    let mut last = None;
    let mut period = tokio::time::interval(period);
    loop {
        period.tick().await;
        let hostnames = match tokio::fs::read_to_string(&path).await {
            Ok(text) => parse(&text),
            Err(error) => {
                warn!(path = %path.display(), %error, "failed to read the whitelist");
                continue;
            }
        };
        if last.as_ref() == Some(&hostnames) {
            continue;
        }
        info!(path = %path.display(), hosts = hostnames.len(), "the whitelist changed");
        last = Some(hostnames.clone());
        if inbox.send(Work::Input(Input::Whitelist(Some(hostnames)))).await.is_err() {
            return;
        }
    }
}

fn parse(text: &str) -> BTreeSet<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_host() {
        assert_eq!(
            parse("a.example\n\n b.example \n").into_iter().collect::<Vec<_>>(),
            ["a.example", "b.example"]
        );
        assert!(parse("").is_empty());
    }

    #[tokio::test]
    async fn each_new_content_is_told_and_an_absent_file_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hosts");
        let (work, mut inbox) = mpsc::channel(4);
        let watcher = tokio::spawn(watch(path.clone(), Duration::from_millis(1), work));
        for content in ["a\n", "a\nb\n", ""] {
            let whole = folder.path().join("whole");
            std::fs::write(&whole, content).unwrap();
            std::fs::rename(&whole, &path).unwrap();
            let Some(Work::Input(Input::Whitelist(Some(hosts)))) = inbox.recv().await else {
                panic!("the whitelist is told");
            };
            assert_eq!(hosts, parse(content));
            std::fs::remove_file(&path).unwrap();
        }
        watcher.abort();
    }
}
