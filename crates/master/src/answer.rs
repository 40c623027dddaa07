//! How an answer of the view reaches those who asked for it: at once if it is short, else while it is being written.

use bytes::Bytes;
use tepui_http::{PartSender, Parts};
use tokio::sync::oneshot;

/// What has been read.
#[derive(Debug)]
pub(crate) enum Answer {
    Whole(Bytes),
    /// It is long, and still being written.
    Parts(Parts),
}

/// All who get the same answer. Any of them may have gone.
#[derive(Debug)]
pub(crate) struct Clients {
    waiting: Vec<oneshot::Sender<Answer>>,
    receiving: Vec<PartSender>,
}

impl Clients {
    pub(crate) fn new(waiting: Vec<oneshot::Sender<Answer>>) -> Self {
        Self { waiting, receiving: Vec::new() }
    }

    /// Sends a part that is followed by others.
    pub(crate) fn part(&mut self, part: &Bytes) {
        for sender in &self.receiving {
            sender.send(part.clone());
        }
        for client in self.waiting.drain(..) {
            let (sender, parts) = Parts::new(part.clone());
            if client.send(Answer::Parts(parts)).is_ok() {
                self.receiving.push(sender);
            }
        }
    }

    /// Sends what comes last, or all if there were no parts.
    pub(crate) fn end(self, rest: &Bytes) {
        for sender in self.receiving {
            sender.send(rest.clone());
            sender.end();
        }
        for client in self.waiting {
            drop(client.send(Answer::Whole(rest.clone())));
        }
    }
}
