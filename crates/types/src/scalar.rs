//! Amounts with three decimals, kept as whole thousandths so that sums are exact.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub, SubAssign};

use tepui_proto::v1;

use crate::float::format_float;

/// An amount such as `0.1` cpus: a whole number of thousandths. Arithmetic saturates.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scalar(i64);

impl Scalar {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// One.
    pub const ONE: Self = Self(1000);
    /// The largest amount.
    pub const MAX: Self = Self(i64::MAX);

    /// The amount of this many thousandths.
    pub const fn from_thousandths(thousandths: i64) -> Self {
        Self(thousandths)
    }

    /// The amount in thousandths.
    pub const fn thousandths(self) -> i64 {
        self.0
    }

    /// Rounds to three decimals, halves away from zero. What is too large saturates, and no number is zero.
    #[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
    pub fn from_f64(value: f64) -> Self {
        Self((value * 1000.0).round() as i64)
    }

    /// Rounds to three decimals; `None` if the value is not a number or too large.
    pub fn try_from_f64(value: f64) -> Option<Self> {
        // The bound is 2^63, the first double that an i64 cannot hold.
        const BOUND: f64 = 9_223_372_036_854_775_808.0;
        let thousandths = (value * 1000.0).round();
        (-BOUND..BOUND).contains(&thousandths).then(|| Self::from_f64(value))
    }

    /// The amount as the API carries it.
    #[expect(clippy::cast_precision_loss, reason = "the API's scalars are doubles")]
    pub fn as_f64(self) -> f64 {
        // Adding the parts gives the double nearest to the decimal, so that 0.1 is sent as 0.1.
        (self.0 / 1000) as f64 + (self.0 % 1000) as f64 / 1000.0
    }

    /// Tells whether this is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Tells whether this is less than nothing.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Tells whether this has no decimals.
    pub const fn is_whole(self) -> bool {
        self.0 % Self::ONE.0 == 0
    }

    /// Subtracts, but never below zero.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0).max(0))
    }

    /// Adds; `None` if the sum is out of range.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// Subtracts; `None` if the difference is out of range.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The message that carries this amount.
    pub fn to_proto(self) -> v1::value::Scalar {
        v1::value::Scalar { value: self.as_f64() }
    }
}

impl Add for Scalar {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Scalar {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Scalar {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl SubAssign for Scalar {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Sum for Scalar {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl From<&v1::value::Scalar> for Scalar {
    fn from(scalar: &v1::value::Scalar) -> Self {
        Self::from_f64(scalar.value)
    }
}

impl From<u32> for Scalar {
    fn from(whole: u32) -> Self {
        Self(i64::from(whole) * 1000)
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format_float(self.as_f64()))
    }
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scalar({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_tenth_ten_times_is_one() {
        let sum: Scalar = (0..10).map(|_| Scalar::from_f64(0.1)).sum();
        assert_eq!(sum, Scalar::ONE);
        assert!(sum.is_whole() && !Scalar::from_f64(0.1).is_whole());
        assert_eq!(sum.as_f64().to_bits(), 1.0_f64.to_bits());
    }

    #[test]
    fn halves_round_away_from_zero() {
        assert_eq!(Scalar::from_f64(0.0005).thousandths(), 1);
        assert_eq!(Scalar::from_f64(-0.0005).thousandths(), -1);
        assert_eq!(Scalar::from_f64(0.000_49).thousandths(), 0);
    }

    #[test]
    fn hostile_doubles_saturate() {
        assert_eq!(Scalar::from_f64(f64::MAX), Scalar::MAX);
        assert_eq!(Scalar::from_f64(f64::NAN), Scalar::ZERO);
        assert_eq!(Scalar::from_f64(f64::INFINITY) + Scalar::from(1), Scalar::MAX);
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, 9.3e15] {
            assert_eq!(Scalar::try_from_f64(value), None, "{value}");
        }
        assert_eq!(Scalar::try_from_f64(0.25).map(Scalar::thousandths), Some(250));
    }

    #[test]
    fn amounts_print_as_in_mesos() {
        for (value, text) in
            [(0.1, "0.1"), (4.0, "4"), (32.0, "32"), (-1.0, "-1"), (0.125, "0.125"), (1e-9, "0")]
        {
            assert_eq!(Scalar::from_f64(value).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn doubles_keep_three_decimals(thousandths in -1_000_000_000_000_i64..1_000_000_000_000) {
            let scalar = Scalar::from_thousandths(thousandths);
            prop_assert_eq!(Scalar::from_f64(scalar.as_f64()), scalar);
            prop_assert_eq!(scalar.to_string().parse().map(Scalar::from_f64), Ok(scalar));
        }

        #[test]
        fn no_double_panics(bits: u64, other: i64) {
            let scalar = Scalar::from_f64(f64::from_bits(bits));
            let other = Scalar::from_thousandths(other);
            let _ = (scalar + other, scalar - other, scalar.to_string(), scalar.as_f64());
        }
    }
}
