//! Agents obey the master that they detected, and no other: what another says has no effect at all.

use tepui_agent_core::Effect;
use tepui_types::Upid;

/// An agent made a step because of a message.
pub(crate) fn check(detected: Option<&Upid>, from: &Upid, effects: &[Effect]) {
    let is_ours = detected.is_some_and(|detected| detected.address == from.address);
    assert!(is_ours || effects.is_empty(), "an agent that follows {detected:?} obeys {from}: {effects:?}");
}
