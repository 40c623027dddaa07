//! How much there is of each name, without a word on whose or which. For quota and fair sharing.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};

use tepui_proto::v1;

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
            quantities.add_amount(
                &ResourceName::from(name.trim_matches([' ', '\t', '\n', '\r'])),
                Scalar::from_f64(amount),
            );
        }
        Ok(quantities)
    }

    /// Reads the map that messages carry. What is not positive is left out.
    pub fn from_protos(amounts: &BTreeMap<String, v1::value::Scalar>) -> Self {
        amounts.iter().map(|(name, amount)| (ResourceName::from(name.as_str()), amount.into())).collect()
    }

    /// The map that messages carry.
    pub fn to_protos(&self) -> BTreeMap<String, v1::value::Scalar> {
        self.iter().map(|(name, amount)| (name.as_str().to_owned(), amount.to_proto())).collect()
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
        other.0.iter().all(|(name, amount)| {
            own.find(|(own, _)| own >= name).is_some_and(|(n, a)| n == name && a >= amount)
        })
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quantities(text: &str) -> ResourceQuantities {
        ResourceQuantities::parse(text).unwrap()
    }

    #[test]
    fn quantities_read_and_show_as_in_mesos() {
        assert_eq!(quantities("mem:32; cpus:0.01 ;mem:1;x:0").to_string(), "cpus:0.01; mem:33");
        assert_eq!(quantities("").to_string(), "{}");
        let refusal = |text| ResourceQuantities::parse(text).unwrap_err().to_string();
        assert_eq!(refusal("cpus"), "Failed to parse 'cpus': missing or extra ':'");
        assert_eq!(
            refusal("cpus:[1-2]"),
            "Failed to parse '[1-2]' to quantity: only scalar values are allowed"
        );
        assert_eq!(
            refusal("cpus:-1"),
            "Failed to parse '-1' to quantity: Invalid scalar value '-1':Negative values not supported"
        );
    }

    #[test]
    fn what_is_absent_is_zero() {
        let rest = quantities("cpus:1;mem:2") - quantities("cpus:5;disk:1");
        assert_eq!(rest.to_string(), "mem:2");
        assert_eq!(rest.get("cpus"), Scalar::ZERO);
        assert!(!rest.contains(&quantities("cpus:0.001")));
        assert!(rest.contains(&ResourceQuantities::new()));
    }

    fn any_quantities() -> impl Strategy<Value = ResourceQuantities> {
        prop::collection::vec((prop::sample::select(vec!["cpus", "mem", "a", "x"]), 0_i64..5000), 0..5)
            .prop_map(|amounts| {
                amounts
                    .into_iter()
                    .map(|(name, amount)| (ResourceName::from(name), Scalar::from_thousandths(amount)))
                    .collect()
            })
    }

    #[test]
    fn messages_keep_what_is_positive() {
        let mut amounts = quantities("cpus:0.1;mem:2").to_protos();
        assert_eq!(ResourceQuantities::from_protos(&amounts), quantities("cpus:0.1;mem:2"));
        amounts.insert("x".to_owned(), v1::value::Scalar { value: -1.0 });
        amounts.insert("y".to_owned(), v1::value::Scalar { value: f64::NAN });
        assert_eq!(ResourceQuantities::from_protos(&amounts).len(), 2);
    }

    proptest! {
        #[test]
        fn quantities_obey_the_laws(left in any_quantities(), right in any_quantities()) {
            let sum = &left + &right;
            prop_assert_eq!(&sum - &right, left.clone());
            prop_assert_eq!(&sum, &(&right + &left));
            prop_assert!(sum.contains(&left) && sum.contains(&right));
            prop_assert_eq!(left.contains(&right), right.iter().all(|(name, amount)| left.get(name.as_str()) >= amount));
            prop_assert_eq!(ResourceQuantities::parse(&sum.to_string().replace("{}", "")), Ok(sum));
        }
    }
}
