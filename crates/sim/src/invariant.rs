//! What must hold, whatever goes wrong. One file each.

pub(crate) mod agents_obey_whom_they_detected;
pub(crate) mod everything_settles;
pub(crate) mod fair_shares;
pub(crate) mod followers_know;
pub(crate) mod inverse_offers_are_apt;
pub(crate) mod no_resource_lost;
pub(crate) mod no_resource_used_twice;
pub(crate) mod nothing_spins;
pub(crate) mod offer_has_one_owner;
pub(crate) mod operations_settle;
pub(crate) mod promises_are_kept;
pub(crate) mod reservations_survive;
pub(crate) mod slow_readers_wait;
pub(crate) mod suppressed_roles_get_nothing;
pub(crate) mod terminal_is_final;
pub(crate) mod updates_arrive_in_order;
pub(crate) mod view_equals_core;

use tepui_master_core::Change;
use tepui_proto::v1;
use tepui_types::{FrameworkId, Time};

use crate::agent_host::AgentHost;
use fair_shares::FairShares;
use followers_know::FollowersKnow;
use inverse_offers_are_apt::InverseOffersAreApt;
use no_resource_lost::NoResourceLost;
use no_resource_used_twice::NoResourceUsedTwice;
use nothing_spins::NothingSpins;
use offer_has_one_owner::OfferHasOneOwner;
use operations_settle::OperationsSettle;
use promises_are_kept::PromisesAreKept;
use reservations_survive::ReservationsSurvive;
use slow_readers_wait::SlowReadersWait;
use suppressed_roles_get_nothing::SuppressedRolesGetNothing;
use terminal_is_final::TerminalIsFinal;
use updates_arrive_in_order::UpdatesArriveInOrder;
use view_equals_core::ViewEqualsCore;

/// What must hold of the whole cluster; each panics when it is broken.
#[derive(Debug, Default)]
pub(crate) struct Invariants {
    pub(crate) once: NoResourceUsedTwice,
    pub(crate) operations: OperationsSettle,
    pub(crate) order: UpdatesArriveInOrder,
    pub(crate) owner: OfferHasOneOwner,
    pub(crate) promises: PromisesAreKept,
    pub(crate) reservations: ReservationsSurvive,
    pub(crate) spin: NothingSpins,
    pub(crate) terminal: TerminalIsFinal,
}

/// What must hold of the journal of one master in one term.
#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) fair: FairShares,
    pub(crate) followers: FollowersKnow,
    inverse: InverseOffersAreApt,
    pub(crate) lost: NoResourceLost,
    once: NoResourceUsedTwice,
    pub(crate) slow: SlowReadersWait,
    spin: NothingSpins,
    suppressed: SuppressedRolesGetNothing,
    terminal: TerminalIsFinal,
    pub(crate) view: ViewEqualsCore,
}

impl Books {
    /// The journal grew.
    pub(crate) fn changed(&mut self, now: Time, changes: &[Change], hosts: &[AgentHost]) {
        for change in changes {
            self.fair.changed(change);
            self.inverse.changed(change);
            self.lost.changed(change, hosts);
            self.once.changed(change);
            self.spin.changed(now, change);
            self.suppressed.changed(change);
            self.terminal.changed(change);
        }
        self.once.check();
    }
}

impl Invariants {
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
