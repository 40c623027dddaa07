//! Resources as operators write them: `cpus:4;mem:1024;ports:[31000-32000];cpus(role):8`, or a JSON array.

use std::collections::BTreeMap;
use std::mem::{Discriminant, discriminant};

use super::{ResourceError, Resources, ResourcesError};
use crate::reservation::{Reservation, ReservationKind};
use crate::resource::{Resource, ResourceValue};
use crate::role::{DEFAULT_ROLE, validate_role};
use crate::scalar::Scalar;
use crate::set::Set;
use crate::value::{Value, parse_value, tokens};

/// The characters that stout's `trim` takes away.
const WHITESPACE: [char; 4] = [' ', '\t', '\n', '\r'];

impl Resources {
    /// Reads what an operator wrote. What names no role is reserved to `default_role`, unless that is `*`.
    pub fn parse(text: &str, default_role: &str) -> Result<Self, ResourcesError> {
        let resources = Self::parse_simple(text, default_role)?;
        resources.validate_for_operators()?;
        Ok(resources)
    }

    fn parse_simple(text: &str, default_role: &str) -> Result<Self, ResourcesError> {
        let mut resources = Self::new();
        for token in tokens(text, &[';']) {
            resources.add_resource(parse_resource(token, default_role)?);
        }
        Ok(resources)
    }

    /// Refuses what an operator cannot give to an agent by flag.
    fn validate_for_operators(&self) -> Result<(), ResourcesError> {
        let mut types: BTreeMap<&str, Discriminant<ResourceValue>> = BTreeMap::new();
        for resource in self {
            if resource.is_persistent_volume() {
                return Err(ResourcesError::VolumeInText);
            }
            if resource.is_revocable() {
                return Err(ResourcesError::RevocableInText);
            }
            if resource.is_dynamically_reserved() {
                return Err(ResourcesError::DynamicReservationInText);
            }
            let own = discriminant(resource.value());
            if *types.entry(resource.name()).or_insert(own) != own {
                return Err(ResourcesError::MixedTypes(resource.name().to_owned()));
            }
        }
        Ok(())
    }
}

fn parse_resource(token: &str, default_role: &str) -> Result<Resource, ResourcesError> {
    let mut parts = tokens(token, &[':']);
    let (Some(left), Some(value), None) = (parts.next(), parts.next(), parts.next()) else {
        return Err(ResourcesError::BadColons(token.to_owned()));
    };
    let (name, role) = match left.split_once('(') {
        None => (left, default_role),
        Some((name, rest)) => match rest.split_once(')') {
            Some((role, _)) if !name.contains(')') => (name, role.trim_matches(WHITESPACE)),
            _ => return Err(ResourcesError::BadParentheses(token.to_owned())),
        },
    };
    let name = name.trim_matches(WHITESPACE);
    let bad_value = |reason| ResourcesError::BadValue { name: name.to_owned(), value: value.to_owned(), reason };
    let value = match parse_value(value).map_err(bad_value)? {
        Value::Scalar(amount) => ResourceValue::Scalar(parse_amount(amount)?),
        Value::Ranges(ranges) => ResourceValue::Ranges(ranges),
        Value::Set(items) => ResourceValue::Set(parse_set(items)?),
        Value::Text(_) => {
            return Err(ResourcesError::BadType { name: name.to_owned(), value: value.to_owned() });
        }
    };
    if name.is_empty() {
        return Err(ResourceError::EmptyName.into());
    }
    let mut resource = Resource::new(name, value);
    if role != DEFAULT_ROLE {
        validate_role(role).map_err(ResourceError::Role)?;
        let reservation =
            Reservation { kind: ReservationKind::Static, role: role.into(), principal: None, labels: None };
        resource.edit_details(|details| details.reservations.push(reservation));
    }
    Ok(resource)
}

fn parse_amount(amount: f64) -> Result<Scalar, ResourceError> {
    let scalar = Scalar::try_from_f64(amount).filter(|scalar| amount == 0.0 || !scalar.is_zero());
    scalar.ok_or(ResourceError::NotPositive)
}

fn parse_set(items: Vec<String>) -> Result<Set, ResourceError> {
    let count = items.len();
    let set = Set::new(items);
    if set.len() == count { Ok(set) } else { Err(ResourceError::DuplicatedElements) }
}
