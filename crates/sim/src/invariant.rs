//! What must hold, whatever goes wrong. One file each.

pub(crate) mod everything_settles;
pub(crate) mod no_resource_used_twice;
pub(crate) mod nothing_spins;
pub(crate) mod offer_has_one_owner;
pub(crate) mod terminal_is_final;
pub(crate) mod updates_arrive_in_order;
pub(crate) mod view_equals_core;

use tepui_master_core::Change;
use tepui_proto::v1;
use tepui_types::{FrameworkId, Time};

use no_resource_used_twice::NoResourceUsedTwice;
use nothing_spins::NothingSpins;
use offer_has_one_owner::OfferHasOneOwner;
use terminal_is_final::TerminalIsFinal;
use updates_arrive_in_order::UpdatesArriveInOrder;
use view_equals_core::ViewEqualsCore;

/// All invariants; each panics when it is broken.
#[derive(Debug, Default)]
pub(crate) struct Invariants {
    pub(crate) once: NoResourceUsedTwice,
    pub(crate) owner: OfferHasOneOwner,
    pub(crate) terminal: TerminalIsFinal,
    pub(crate) order: UpdatesArriveInOrder,
    pub(crate) spin: NothingSpins,
    pub(crate) view: ViewEqualsCore,
}

impl Invariants {
    pub(crate) fn master_started(&mut self) {
        self.once.master_started();
        self.terminal.master_started();
    }

    /// The master's journal grew.
    pub(crate) fn changed(&mut self, now: Time, changes: &[Change]) {
        for change in changes {
            self.once.changed(change);
            self.owner.changed(change);
            self.terminal.changed(change);
            self.spin.changed(now, change);
        }
        self.once.check();
    }

    /// A scheduler heard of a task.
    pub(crate) fn received(&mut self, framework: &FrameworkId, status: &v1::TaskStatus) {
        self.terminal.received(framework, status);
        self.order.received(framework, status);
    }

    /// A framework is being torn down: what it ran may be gone without a word.
    pub(crate) fn torn_down(&mut self, framework: &FrameworkId) {
        self.once.torn_down(framework);
        self.order.torn_down(framework);
    }
}
