//! Schedulers that do not read what they are sent.
//!
//! A slow scheduler must neither hold resources that others could use nor make us keep its events without end, and a
//! scheduler that is only busy must not be hurt. So while anything waits for it, it gets no offers: what comes free
//! meanwhile is offered together once it has caught up. If that takes long or much waits, the offers that it has are
//! rescinded. It is cut off only when it reads nothing at all for long, or very much waits for it.

use std::time::Duration;

use tepui_types::{FrameworkId, Time};

use super::Peer;
use crate::effect::Effect;
use crate::input::{Backlog, Reader};
use crate::master::Master;
use crate::offer::OfferNumber;
use crate::timers::Timer;
use crate::turn::Turn;

/// How much may wait for one scheduler. An offer is about 1 KB and an update less, so this is what a large cluster can
/// say in some seconds; who is further behind is cut off and may subscribe again.
pub const MAX_BACKLOG_BYTES: u64 = 64 * 1024 * 1024;

/// A scheduler that reads nothing for this long is as good as gone: agents get as long to answer pings.
const CUT_OFF_AFTER: Duration = Duration::from_secs(75);

/// Offers that are unread for this long are of more use to others. A pause of a garbage collector is shorter.
const RESCIND_AFTER: Duration = Duration::from_secs(15);

/// When this much waits, what was offered is unread for certain, and more is coming.
const RESCIND_BYTES: u64 = 4 * 1024 * 1024;

/// How a framework's peer is behind.
#[derive(Debug)]
pub(crate) struct SlowReader {
    /// When it fell behind.
    since: Time,
    /// When it last read something.
    last_read: Time,
    written_bytes: u64,
    measure: Measure,
}

/// What was done about it, beyond that it gets no more offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Measure {
    None,
    Rescinded,
    CutOff,
}

impl Master {
    /// A reader fell behind, is still behind, or has caught up.
    pub(crate) fn backlog(&mut self, reader: &Reader, backlog: Backlog, turn: &mut Turn<'_>) {
        let Some(id) = self.reading_framework(reader) else { return };
        match backlog {
            Backlog::CaughtUp => self.forget_backlog(&id),
            Backlog::Behind { queued_bytes, written_bytes } => {
                self.note_backlog(&id, written_bytes, turn);
                self.judge_slow_reader(&id, queued_bytes, turn);
            }
        }
    }

    /// Time has passed for a reader that is behind.
    pub(crate) fn slow_reader_timeout(&mut self, id: &FrameworkId, turn: &mut Turn<'_>) {
        self.judge_slow_reader(id, 0, turn);
    }

    /// Takes a framework for one that has read all.
    pub(crate) fn forget_backlog(&mut self, id: &FrameworkId) {
        let Some(framework) = self.frameworks.registered.get_mut(id) else { return };
        if framework.slow_reader.take().is_some() {
            self.timers.cancel(&Timer::SlowReader(id.clone()));
            self.allocator.resume_framework(id);
        }
    }

    fn reading_framework(&self, reader: &Reader) -> Option<FrameworkId> {
        let id = match reader {
            Reader::Stream(stream) => self.frameworks.streams.get(stream)?,
            Reader::Driver(pid) => self.frameworks.drivers.get(pid)?,
        };
        self.frameworks.registered.get(id)?.is_connected().then(|| id.clone())
    }

    fn note_backlog(&mut self, id: &FrameworkId, written_bytes: u64, turn: &mut Turn<'_>) {
        let now = turn.now.time;
        let Some(framework) = self.frameworks.registered.get_mut(id) else { return };
        match &mut framework.slow_reader {
            Some(slow) if slow.written_bytes != written_bytes => {
                slow.written_bytes = written_bytes;
                slow.last_read = now;
            }
            Some(_) => {}
            none => {
                let slow = SlowReader { since: now, last_read: now, written_bytes, measure: Measure::None };
                *none = Some(slow);
                self.allocator.pause_framework(id);
                turn.count("master/slow_frameworks/behind");
            }
        }
    }

    /// Does what the framework's backlog calls for, and plans when to look again.
    fn judge_slow_reader(&mut self, id: &FrameworkId, queued_bytes: u64, turn: &mut Turn<'_>) {
        let now = turn.now.time;
        let Some(framework) = self.frameworks.registered.get_mut(id) else { return };
        let Some(slow) = &mut framework.slow_reader else { return };
        let rescind_at = slow.since + RESCIND_AFTER;
        let cut_off_at = slow.last_read + CUT_OFF_AFTER;
        if slow.measure == Measure::CutOff {
            return;
        }
        if cut_off_at <= now || queued_bytes >= MAX_BACKLOG_BYTES {
            slow.measure = Measure::CutOff;
            self.timers.cancel(&Timer::SlowReader(id.clone()));
            return self.cut_off(id, turn);
        }
        let rescind = slow.measure == Measure::None && (rescind_at <= now || queued_bytes >= RESCIND_BYTES);
        if rescind {
            slow.measure = Measure::Rescinded;
        }
        let next = if slow.measure == Measure::None { rescind_at.min(cut_off_at) } else { cut_off_at };
        self.timers.set(Timer::SlowReader(id.clone()), next);
        if rescind {
            self.rescind_unread_offers(id, turn);
        }
    }

    fn rescind_unread_offers(&mut self, id: &FrameworkId, turn: &mut Turn<'_>) {
        let Some(framework) = self.frameworks.registered.get(id) else { return };
        let offers: Vec<OfferNumber> = framework.offers.iter().copied().collect();
        turn.count("master/slow_frameworks/rescinded");
        for number in offers {
            self.rescind_offer(number, turn);
        }
    }

    fn cut_off(&self, id: &FrameworkId, turn: &mut Turn<'_>) {
        let Some(framework) = self.frameworks.registered.get(id) else { return };
        let reader = match framework.peer() {
            Some(Peer::Http { stream, .. }) => Reader::Stream(*stream),
            Some(Peer::Driver(pid)) => Reader::Driver(pid.clone()),
            None => return,
        };
        turn.count("master/slow_frameworks/cut_off");
        turn.push(Effect::CutOff(reader));
    }
}
