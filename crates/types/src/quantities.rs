//! How much there is of each name, without a word on whose or which. For quota and fair sharing.

use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};

use crate::name::ResourceName;
use crate::scalar::Scalar;
use crate::value::{Value, ValueError, parse_value, tokens};

/// Amounts by name, sorted by name. None is zero or negative.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ResourceQuantities(Vec<(ResourceName, Scalar)>);

/// A text that does not give quantities. Its texts are Mesos' own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantitiesError {
    /// A part has not the form `name:amount`.
    #[error("Failed to parse '{0}': missing or extra ':'")]
    BadColons(String),
    /// A value cannot be read.
    #[error("Failed to parse '{value}' to quantity: {reason}")]
    BadValue {
        /// The value.
        value: String,
        /// What is wrong.
        reason: ValueError,
    },
    /// A value is not an amount.
    #[error("Failed to parse '{0}' to quantity: only scalar values are allowed")]
    NotAScalar(String),
}

impl ResourceQuantities {
    /// No quantities.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Reads `cpus:0.01;mem:32`. Zeros are left out.
    pub fn parse(text: &str) -> Result<Self, QuantitiesError> {
        let mut quantities = Self::new();
        for token in tokens(text, &[';']) {
            let mut parts = tokens(token, &[':']);
            let (Some(name), Some(value), None) = (parts.next(), parts.next(), parts.next()) else {
                return Err(QuantitiesError::BadColons(token.to_owned()));
            };
            let bad_value = |reason| QuantitiesError::BadValue { value: value.to_owned(), reason };
            let Value::Scalar(amount) = parse_value(value).map_err(bad_value)? else {
                return Err(QuantitiesError::NotAScalar(value.to_owned()));
            };
            quantities.add_amount(&ResourceName::from(name.trim_matches([' ', '\t', '\n', '\r'])), Scalar::from_f64(amount));
        }
        Ok(quantities)
    }

    /// Adds an amount; one that is not positive changes nothing.
    pub fn add_amount(&mut self, name: &ResourceName, amount: Scalar) {
        if amount <= Scalar::ZERO {
            return;
        }
        match self.0.binary_search_by(|(own, _)| own.cmp(name)) {
            Ok(index) => self.0[index].1 += amount,
            Err(index) => self.0.insert(index, (name.clone(), amount)),
        }
    }

    /// Subtracts an amount, never below zero.
    pub fn subtract_amount(&mut self, name: &ResourceName, amount: Scalar) {
        if amount <= Scalar::ZERO {
            return;
        }
        if let Ok(index) = self.0.binary_search_by(|(own, _)| own.cmp(name)) {
            let own = &mut self.0[index].1;
            *own = own.saturating_sub(amount);
            if own.is_zero() {
                self.0.remove(index);
            }
        }
    }

    /// The amount of this name; zero if there is none.
    pub fn get(&self, name: &str) -> Scalar {
        self.0.iter().find(|(own, _)| own.as_str() == name).map_or(Scalar::ZERO, |(_, amount)| *amount)
    }

    /// Tells whether there is at least so much of each name.
    pub fn contains(&self, other: &Self) -> bool {
        let mut own = self.0.iter();
        other.0.iter().all(|(name, amount)| own.find(|(own, _)| own >= name).is_some_and(|(n, a)| n == name && a >= amount))
    }

    /// Tells whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The amounts, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&ResourceName, Scalar)> {
        self.0.iter().map(|(name, amount)| (name, *amount))
    }
}

impl FromIterator<(ResourceName, Scalar)> for ResourceQuantities {
    fn from_iter<I: IntoIterator<Item = (ResourceName, Scalar)>>(amounts: I) -> Self {
        let mut quantities = Self::new();
        amounts.into_iter().for_each(|(name, amount)| quantities.add_amount(&name, amount));
        quantities
    }
}

impl AddAssign<&ResourceQuantities> for ResourceQuantities {
    fn add_assign(&mut self, other: &ResourceQuantities) {
        if self.is_empty() {
            self.0.clone_from(&other.0);
        } else {
            other.iter().for_each(|(name, amount)| self.add_amount(name, amount));
        }
    }
}

impl SubAssign<&ResourceQuantities> for ResourceQuantities {
    fn sub_assign(&mut self, other: &ResourceQuantities) {
        other.iter().for_each(|(name, amount)| self.subtract_amount(name, amount));
    }
}

/// Defines an operator for owned and borrowed operands by its assigning form.
macro_rules! operator {
    ($trait:ident, $method:ident, $assign:tt) => {
        impl $trait<&ResourceQuantities> for ResourceQuantities {
            type Output = ResourceQuantities;

            fn $method(mut self, other: &ResourceQuantities) -> ResourceQuantities {
                self $assign other;
                self
            }
        }

        impl $trait for ResourceQuantities {
            type Output = ResourceQuantities;

            fn $method(self, other: ResourceQuantities) -> ResourceQuantities {
                self.$method(&other)
            }
        }

        impl $trait<&ResourceQuantities> for &ResourceQuantities {
            type Output = ResourceQuantities;

            fn $method(self, other: &ResourceQuantities) -> ResourceQuantities {
                self.clone().$method(other)
            }
        }
    };
}

operator!(Add, add, +=);
operator!(Sub, sub, -=);

impl fmt::Display for ResourceQuantities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("{}");
        }
        for (i, (name, amount)) in self.iter().enumerate() {
            let separator = if i > 0 { "; " } else { "" };
            write!(f, "{separator}{name}:{amount}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for ResourceQuantities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResourceQuantities({self})")
    }
}
