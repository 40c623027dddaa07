//! What the agent does: every effect is well-formed and goes where something waits for it, and peers learn from it.

use prost::Message as _;
use tepui_agent_core::{Effect, Response, VolumeChange};
use tepui_proto::v1::executor::Event;
use tepui_proto::{JsonDialect, LinkMessage, MesosMessage as _};

use super::{Container, World};

/// How much peers remember of each kind.
const MEMORY: usize = 16;

impl World {
    pub(super) fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Respond { request, response } => {
                let waits = self.waiting.iter().position(|waiting| *waiting == request);
                let at = waits.unwrap_or_else(|| panic!("{request:?} is answered twice, or was never asked"));
                self.waiting.swap_remove(at);
                if let Response::Subscribed { stream } = response {
                    assert!(stream.0 >= self.next_stream, "{stream:?} was given before");
                    self.next_stream = stream.0 + 1;
                    self.streams.insert(stream);
                }
            }
            Effect::SendEvent { event, .. } => check_event(&event),
            Effect::CloseStream(stream) => {
                self.streams.remove(&stream);
            }
            Effect::SendLink { message, .. } => {
                let name = message.name();
                let body = message.encode();
                let decoded = LinkMessage::decode(name, &body);
                assert!(decoded.is_ok(), "{decoded:?}: {message:?}");
                if let LinkMessage::StatusUpdate(update) = message {
                    self.updates.push_back(update.update.status);
                    self.updates.drain(..self.updates.len().saturating_sub(MEMORY));
                }
            }
            Effect::Launch(launch) => {
                assert!(launch.directory.starts_with("/work/"), "outside: {}", launch.directory);
                assert!(
                    !launch.directory.split('/').any(|part| part == ".."),
                    "outside: {}",
                    launch.directory
                );
                let former = self.containers.insert(launch.container.clone(), Container::Launching);
                assert_eq!(former, None, "{:?} is launched twice", launch.container);
            }
            Effect::Store { id, .. } => self.unstored = Some(id),
            Effect::ChangeVolume { path, change: VolumeChange::Remove } => check_volume(&path),
            Effect::Stopped { .. } => {
                assert!(!self.is_stopped, "stopped twice");
                self.is_stopped = true;
            }
            // The end of a container is told when the fuzzer says so, and links need nothing.
            _ => {}
        }
    }
}

/// What is removed with all that is in it is a volume, in the work folder or on a disk.
fn check_volume(path: &str) {
    let below = path.split_once("/volumes/roles/").map_or("..", |(_, below)| below);
    assert!(below.split('/').count() == 2 && !below.split('/').any(|part| part == ".."), "outside: {path}");
}

/// Clients of both encodings can read it.
fn check_event(event: &Event) {
    let binary = event.encode_to_vec();
    let decoded = Event::decode_checked(&binary);
    assert!(decoded.is_ok(), "{decoded:?}: {event:?}");
    let json = event.to_json(JsonDialect::V1);
    let read = Event::from_json(JsonDialect::V1, &json);
    // A double that is no number is `null`, and its field may be required.
    let has_null = json.windows(4).any(|part| part == b"null");
    assert!(has_null || read.is_ok(), "{read:?}: {}", String::from_utf8_lossy(&json));
}
