//! The steps of operators who follow the event stream.

use anyhow::Context as _;

use super::{Run, word};
use crate::macros::Argument;
use crate::scheduler::Encoding;
use crate::sync::DEADLINE;
use crate::watcher::Watcher;

impl Run {
    /// `watch NAME [protobuf]`: follows the event stream. Shows the whole of what the case's own frameworks, agents and tasks
    /// have to do with; other cases' are left out.
    pub(super) async fn watch(&mut self, words: &[Argument]) -> anyhow::Result<()> {
        let is_binary = words.iter().skip(1).any(|known| known.word() == Some("protobuf"));
        let encoding = if is_binary { Encoding::Binary } else { Encoding::Json };
        let items = (self.watchers.len(), self.sender.clone());
        let (watcher, answer) = Watcher::subscribe(word(words, 0)?, encoding, self.master, items).await?;
        let index = self.watchers.len();
        self.watchers.push(watcher);
        if answer.status != 200 {
            let line = self.names.hide(&answer.line());
            self.output.push(line);
            return Ok(());
        }
        let done = |run: &Self| run.watchers[index].has_begun || !run.watchers[index].is_open;
        if !self.wait_until(DEADLINE, done).await {
            self.complain("neither HEARTBEAT nor the end of the stream came");
        }
        Ok(())
    }

    /// `unwatch NAME`: closes the connection.
    pub(super) async fn unwatch(&mut self, words: &[Argument]) -> anyhow::Result<()> {
        let name = word(words, 0)?;
        let watcher = self.watchers.iter_mut().find(|known| known.name == name);
        watcher.with_context(|| format!("no operator `{name}`"))?.leave().await;
        Ok(())
    }
}
