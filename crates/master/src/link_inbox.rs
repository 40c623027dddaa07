//! Messages of the link become inputs of the core.

use tepui_link::LinkEvent;
use tepui_master_core::{Backlog, Input, Reader};
use tepui_proto::LinkMessage;
use tokio::sync::mpsc;
use tracing::warn;

use crate::inbox::Work;

/// How many messages may wait between the link and the reactor's own queue.
const CAPACITY: usize = 1024;

/// Makes the queue that the link fills.
pub(crate) fn link_inbox() -> (mpsc::Sender<LinkEvent>, mpsc::Receiver<LinkEvent>) {
    mpsc::channel(CAPACITY)
}

/// Decodes what the link delivers and hands it to the reactor, until either ends.
pub(crate) async fn forward(mut events: mpsc::Receiver<LinkEvent>, inbox: mpsc::Sender<Work>) {
    while let Some(event) = events.recv().await {
        let Some(input) = input(event) else { continue };
        if inbox.send(Work::Input(input)).await.is_err() {
            return;
        }
    }
}

fn input(event: LinkEvent) -> Option<Input> {
    match event {
        LinkEvent::Received { from, to, name, body } => match LinkMessage::decode(&name, &body) {
            Ok(message) => Some(Input::Link { from, to, message }),
            Err(error) => {
                warn!(%from, name, ?error, "message dropped");
                None
            }
        },
        LinkEvent::Broken { peer } => Some(Input::LinkBroken(peer)),
        LinkEvent::Behind { peer, queued_bytes, written_bytes } => {
            Some(Input::Backlog(Reader::Driver(peer), Backlog::Behind { queued_bytes, written_bytes }))
        }
        LinkEvent::CaughtUp { peer } => Some(Input::Backlog(Reader::Driver(peer), Backlog::CaughtUp)),
    }
}
