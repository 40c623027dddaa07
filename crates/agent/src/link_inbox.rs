//! Messages of the link become inputs of the core.

use tepui_agent_core::Input;
use tepui_link::LinkEvent;
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
        let input = match event {
            LinkEvent::Received { from, name, body, .. } => match LinkMessage::decode(&name, &body) {
                Ok(message) => Input::Link { from, message },
                Err(error) => {
                    warn!(%from, name, ?error, "message dropped");
                    continue;
                }
            },
            LinkEvent::Broken { peer } => Input::LinkBroken(peer),
            // A master that does not read is lost when its pings end.
            LinkEvent::Behind { .. } | LinkEvent::CaughtUp { .. } => continue,
        };
        if inbox.send(Work::Input(input)).await.is_err() {
            return;
        }
    }
}
