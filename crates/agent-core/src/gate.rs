//! Nothing is promised before it is durable: what a step does waits until what it records is kept.
//!
//! Effects keep their order. So once a step has recorded something, what later steps do waits too, until the shell reports
//! the record with `Input::Stored`. A shell that keeps many records at a time makes that wait short.

use std::collections::VecDeque;

use crate::effect::{Effect, Effects};
use crate::input::StoreId;

/// The effects that wait.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    /// The last lot of records that was handed out, and the last that is kept.
    handed_out: u64,
    kept: u64,
    /// What waits, each with the lot that it waits for; the oldest first.
    held: VecDeque<(u64, Effect)>,
}

impl Gate {
    /// Lets a step's records out, and its effects if they need not wait.
    pub(crate) fn pass(&mut self, step: &mut Effects, out: &mut Effects) {
        out.changes.append(&mut step.changes);
        if !step.records.is_empty() {
            self.handed_out += 1;
            let records = std::mem::take(&mut step.records);
            out.effects.push(Effect::Store { id: StoreId(self.handed_out), records });
        }
        if self.kept == self.handed_out {
            out.effects.append(&mut step.effects);
        } else {
            let lot = self.handed_out;
            self.held.extend(step.effects.drain(..).map(|effect| (lot, effect)));
        }
    }

    /// Lets out what waited for records up to this lot.
    pub(crate) fn kept(&mut self, StoreId(lot): StoreId, out: &mut Effects) {
        self.kept = self.kept.max(lot.min(self.handed_out));
        while self.held.front().is_some_and(|(lot, _)| *lot <= self.kept) {
            out.effects.extend(self.held.pop_front().map(|(_, effect)| effect));
        }
    }

    /// Tells whether something waits.
    pub(crate) fn is_waiting(&self) -> bool {
        self.kept < self.handed_out
    }

    /// Panics if something waits for nothing.
    pub(crate) fn check(&self) {
        assert!(self.held.is_empty() || self.is_waiting(), "effects are held for nothing");
        assert!(self.held.iter().is_sorted_by_key(|(lot, _)| *lot), "effects have lost their order");
    }
}
