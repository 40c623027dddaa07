//! What was kept goes to Mesos' layout, some time later and a lot of it at once: an agent of Mesos that takes over the folder
//! reads it, and nobody else. So what does not outlast the delay need not be written, and what grows is written once.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tepui_agent_core::Record;

use crate::meta::Meta;

/// How long something may wait to be shown. Sandboxes are not collected sooner after their executor's end.
pub(crate) const DELAY: Duration = Duration::from_millis(200);

/// How many lots may wait before they are shown at once, and before the journal waits.
const URGENT: usize = 4096;
const MAX_UNSHOWN: usize = 16384;

/// What goes into Mesos' layout.
#[derive(Debug)]
pub(super) enum Shown {
    Records(Vec<Record>),
    /// The folder is ours from here on.
    Recovered,
}

/// What waits to be shown; clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Unshown(Arc<(Mutex<Queue>, Condvar)>);

#[derive(Debug, Default)]
struct Queue {
    lots: Vec<Shown>,
    stage: Stage,
    /// Somebody waits until all is shown.
    is_urgent: bool,
    /// What was taken is being shown.
    is_showing: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Open,
    /// No more comes.
    Closed,
    /// Nobody shows anything any more.
    Over,
}

impl Unshown {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a lot, unless too many wait: then it is given back.
    pub(super) fn try_add(&self, lot: Shown) -> Result<(), Shown> {
        let mut queue = self.lock();
        if queue.stage == Stage::Over {
            return Ok(());
        }
        if queue.lots.len() >= MAX_UNSHOWN {
            return Err(lot);
        }
        queue.lots.push(lot);
        if matches!(queue.lots.len(), 1 | URGENT) {
            self.0.1.notify_all();
        }
        Ok(())
    }

    /// Adds a lot, when there is room.
    pub(super) fn add(&self, mut lot: Shown) {
        while let Err(refused) = self.try_add(lot) {
            lot = refused;
            let queue = self.lock();
            let is_full = |queue: &mut Queue| queue.lots.len() >= MAX_UNSHOWN;
            drop(self.0.1.wait_while(queue, is_full).unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Waits until all that was added is shown.
    pub(super) fn flush(&self) {
        let mut queue = self.lock();
        queue.is_urgent = true;
        self.0.1.notify_all();
        let is_at_it = |queue: &mut Queue| !queue.lots.is_empty() || queue.is_showing;
        drop(self.0.1.wait_while(queue, is_at_it).unwrap_or_else(PoisonError::into_inner));
    }

    /// No more comes: what there is is shown at once.
    pub(super) fn close(&self) {
        self.lock().stage = Stage::Closed;
        self.0.1.notify_all();
    }

    /// Takes all that waits, once the first of it has waited long enough. Nothing once it is closed and empty.
    fn take(&self) -> Vec<Shown> {
        let mut queue = self.lock();
        queue.is_showing = false;
        self.0.1.notify_all();
        let is_idle = |queue: &mut Queue| queue.lots.is_empty() && queue.stage == Stage::Open;
        let queue = self.0.1.wait_while(queue, is_idle).unwrap_or_else(PoisonError::into_inner);
        let may_wait =
            |queue: &mut Queue| queue.lots.len() < URGENT && queue.stage == Stage::Open && !queue.is_urgent;
        let waited = self.0.1.wait_timeout_while(queue, DELAY, may_wait);
        let (mut queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let lots = std::mem::take(&mut queue.lots);
        (queue.is_urgent, queue.is_showing) = (false, !lots.is_empty());
        self.0.1.notify_all();
        lots
    }

    /// Shows all that comes until it is closed. What fails is said, and stops nothing: the journal has it.
    pub(super) fn show_all(&self, mut meta: Meta) {
        let _over = Over(self);
        loop {
            let lots = self.take();
            if lots.is_empty() {
                return;
            }
            let mut records = Vec::new();
            for lot in lots {
                match lot {
                    Shown::Records(mut more) => records.append(&mut more),
                    Shown::Recovered => {
                        meta.show(&records);
                        records.clear();
                        meta.mark_ours();
                    }
                }
            }
            meta.show(&records);
        }
    }
}

/// Lets nobody wait for a thread that has ended, however it did.
struct Over<'a>(&'a Unshown);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.lots.clear();
        (queue.is_showing, queue.stage) = (false, Stage::Over);
        drop(queue);
        self.0.0.1.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use tepui_proto::v1;

    use super::*;
    use crate::meta::Paths;

    #[test]
    fn what_is_urgent_is_there_when_the_wait_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::new(folder.path());
        std::fs::create_dir_all(paths.root().join("slaves")).unwrap();
        let unshown = Unshown::default();
        let (shower, meta) = (unshown.clone(), Meta::new(paths.clone()));
        let thread = std::thread::spawn(move || shower.show_all(meta));
        let id = Some(v1::AgentId { value: "S".to_owned() });
        let info = v1::AgentInfo { id, ..v1::AgentInfo::default() };
        unshown.add(Shown::Records(vec![Record::Agent(Box::new(info))]));
        unshown.flush();
        assert!(paths.latest_agent().exists());
        unshown.add(Shown::Records(vec![Record::Anew]));
        unshown.close();
        thread.join().unwrap();
        assert!(!paths.latest_agent().exists(), "the last of it is shown, too");
        // Nobody is there any more, and nobody waits for it.
        unshown.add(Shown::Recovered);
        unshown.flush();
    }
}
