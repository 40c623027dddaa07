//! Killing the trees of containers, many at a time.
//!
//! Whoever shares a container's session or descends from it is found in `/proc`, and reading that costs more than
//! anything else in the life of a short task. So requests that come while a reading is under way share the next one.

use tokio::sync::{mpsc, oneshot};
use tracing::{error, warn};

/// How many trees are killed after one reading, and how many may wait.
const MAX_BATCH: usize = 256;

/// Sends trees to the sweeper.
#[derive(Clone, Debug)]
pub(crate) struct Sweeper(mpsc::Sender<Request>);

#[derive(Debug)]
struct Request {
    root: u32,
    done: oneshot::Sender<()>,
}

impl Sweeper {
    /// Makes a sweeper and the work that it does, which ends when the last sender is gone.
    pub(crate) fn new() -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (sender, requests) = mpsc::channel(MAX_BATCH);
        (Self(sender), run(requests))
    }

    /// Kills `root` and all that it started. The caller keeps `root` unreaped meanwhile, so that its id stays its own.
    pub(crate) async fn kill(&self, root: u32) {
        let (done, is_done) = oneshot::channel();
        if self.0.send(Request { root, done }).await.is_ok() {
            // An error means that the sweeper was aborted with the containerizer; then so are we.
            let _ = is_done.await;
        }
    }
}

async fn run(mut requests: mpsc::Receiver<Request>) {
    let mut batch = Vec::new();
    while requests.recv_many(&mut batch, MAX_BATCH).await > 0 {
        let roots: Vec<u32> = batch.iter().map(|request| request.root).collect();
        match tokio::task::spawn_blocking(move || tepui_linux::kill_trees(&roots)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => warn!(%error, "failed to kill all processes of containers"),
            Err(error) => error!(%error, "the killing of containers was cut short"),
        }
        for request in batch.drain(..) {
            let _ = request.done.send(());
        }
    }
}
