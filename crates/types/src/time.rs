//! Points in time, which are always arguments here and never read from a clock.

use std::ops::{Add, AddAssign};
use std::time::Duration;

use tepui_proto::v1;

/// A point in monotonic time: nanoseconds since an arbitrary start. For timers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The arbitrary start.
    pub const ZERO: Self = Self(0);
    /// A time that never comes.
    pub const MAX: Self = Self(u64::MAX);

    /// The point `nanos` nanoseconds after the start.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to this one, zero if it is not earlier.
    pub const fn saturating_duration_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

/// A point in wall time: nanoseconds since the epoch. For what is stored or shown, never for timers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(i64);

impl WallTime {
    /// The point `nanos` nanoseconds after the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The point this many seconds after the epoch; out of range saturates, and no number is the epoch.
    #[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
    pub fn from_secs_f64(secs: f64) -> Self {
        Self((secs * 1e9) as i64)
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Seconds since the epoch, as the `timestamp` fields carry them.
    #[expect(clippy::cast_precision_loss, reason = "the API's timestamps are doubles")]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The message that carries this time.
    pub const fn to_proto(self) -> v1::TimeInfo {
        v1::TimeInfo { nanoseconds: self.0 }
    }
}

impl Add<Duration> for WallTime {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration_to_proto(duration).nanoseconds))
    }
}

impl From<&v1::TimeInfo> for WallTime {
    fn from(time: &v1::TimeInfo) -> Self {
        Self(time.nanoseconds)
    }
}

impl From<v1::TimeInfo> for WallTime {
    fn from(time: v1::TimeInfo) -> Self {
        Self(time.nanoseconds)
    }
}

impl From<WallTime> for v1::TimeInfo {
    fn from(time: WallTime) -> Self {
        time.to_proto()
    }
}

/// The two times that come with each input of a core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For timers.
    pub time: Time,
    /// For what is stored or shown.
    pub wall: WallTime,
}

/// Reads a duration message; a negative one is zero.
pub fn duration_from_proto(duration: &v1::DurationInfo) -> Duration {
    Duration::from_nanos(u64::try_from(duration.nanoseconds).unwrap_or(0))
}

/// Makes a duration message; what does not fit saturates.
pub fn duration_to_proto(duration: Duration) -> v1::DurationInfo {
    v1::DurationInfo { nanoseconds: i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_saturate() {
        assert_eq!(Time::MAX + Duration::MAX, Time::MAX);
        assert_eq!(Time::ZERO.saturating_duration_since(Time::MAX), Duration::ZERO);
        assert_eq!((Time::ZERO + Duration::from_secs(3)).as_nanos(), 3_000_000_000);
        assert_eq!(WallTime::from_nanos(1) + Duration::MAX, WallTime::from_nanos(i64::MAX));
        assert_eq!(WallTime::from_secs_f64(f64::NAN), WallTime::from_nanos(0));
        assert_eq!(WallTime::from_secs_f64(f64::INFINITY), WallTime::from_nanos(i64::MAX));
    }

    #[test]
    fn durations_pass_through_messages() {
        let second = Duration::from_secs(1);
        assert_eq!(duration_from_proto(&duration_to_proto(second)), second);
        assert_eq!(duration_from_proto(&v1::DurationInfo { nanoseconds: -1 }), Duration::ZERO);
        assert_eq!(duration_to_proto(Duration::MAX).nanoseconds, i64::MAX);
    }
}
