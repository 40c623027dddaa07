//! Adding, subtracting and containing.

use std::iter::Sum;
use std::num::NonZeroU32;
use std::ops::{Add, AddAssign, Sub, SubAssign};

use super::Resources;
use crate::quantities::ResourceQuantities;
use crate::resource::{Resource, ResourceValue};
use crate::scalar::Scalar;

impl Resource {
    /// Tells whether this and `other` combine into one entry.
    fn is_addable(&self, other: &Self) -> bool {
        self.same_kind(other) && if self.is_shared() { self.value == other.value } else { !self.is_indivisible() }
    }

    /// Tells whether `other` can be taken from this.
    fn is_subtractable(&self, other: &Self) -> bool {
        self.same_kind(other) && (!(self.is_shared() || self.is_indivisible()) || self.value == other.value)
    }

    /// Tells whether this is at least as much of the same as `other`.
    pub fn contains(&self, other: &Self) -> bool {
        self.is_subtractable(other)
            && match (&self.value, &other.value) {
                _ if self.is_shared() => self.copies >= other.copies,
                (ResourceValue::Scalar(own), ResourceValue::Scalar(other)) => own >= other,
                (ResourceValue::Ranges(own), ResourceValue::Ranges(other)) => own.contains(other),
                (ResourceValue::Set(own), ResourceValue::Set(other)) => own.contains(other),
                (ResourceValue::Scalar(_) | ResourceValue::Ranges(_) | ResourceValue::Set(_), _) => false,
            }
    }

    /// Adds what [`Self::is_addable`].
    fn add_value(&mut self, other: &Self) {
        if let (Some(own), Some(other)) = (self.copies, other.copies) {
            self.copies = Some(own.saturating_add(other.get()));
            return;
        }
        match (&mut self.value, &other.value) {
            (ResourceValue::Scalar(own), ResourceValue::Scalar(other)) => *own += *other,
            (ResourceValue::Ranges(own), ResourceValue::Ranges(other)) => *own += other,
            (ResourceValue::Set(own), ResourceValue::Set(other)) => *own += other,
            (ResourceValue::Scalar(_) | ResourceValue::Ranges(_) | ResourceValue::Set(_), _) => {}
        }
    }

    /// Subtracts what [`Self::is_subtractable`], and tells whether something is left.
    fn subtract_value(&mut self, other: &Self) -> bool {
        if let (Some(own), Some(other)) = (self.copies, other.copies) {
            let left = NonZeroU32::new(own.get().saturating_sub(other.get()));
            self.copies = left.or(self.copies);
            return left.is_some();
        }
        match (&mut self.value, &other.value) {
            (ResourceValue::Scalar(own), ResourceValue::Scalar(other)) => {
                *own -= *other;
                *own > Scalar::ZERO
            }
            (ResourceValue::Ranges(own), ResourceValue::Ranges(other)) => {
                *own -= other;
                !own.is_empty()
            }
            (ResourceValue::Set(own), ResourceValue::Set(other)) => {
                *own -= other;
                !own.is_empty()
            }
            (ResourceValue::Scalar(_) | ResourceValue::Ranges(_) | ResourceValue::Set(_), _) => true,
        }
    }
}

impl Resources {
    /// Adds one resource; an empty one changes nothing.
    pub fn add_resource(&mut self, resource: Resource) {
        if resource.is_empty() {
            return;
        }
        match self.0.iter_mut().find(|own| own.is_addable(&resource)) {
            Some(own) => own.add_value(&resource),
            None => self.0.push(resource),
        }
    }

    /// Subtracts one resource. What is not here is ignored, as in Mesos.
    pub fn subtract_resource(&mut self, resource: &Resource) {
        if resource.is_empty() {
            return;
        }
        let found = self.0.iter_mut().position(|own| own.is_subtractable(resource));
        if let Some(index) = found
            && !self.0[index].subtract_value(resource)
        {
            // Compat: the last entry takes the place, and the order of entries shows.
            self.0.swap_remove(index);
        }
    }

    /// Tells whether all of `other` is here.
    pub fn contains(&self, other: &Self) -> bool {
        // What cannot combine may be there twice, and then has to be here twice.
        let counts = |resource: &Resource| resource.is_indivisible() && !resource.is_shared();
        if other.iter().filter(|resource| counts(resource)).nth(1).is_none() {
            return other.iter().all(|resource| self.contains_resource(resource));
        }
        let mut remaining = self.clone();
        other.iter().all(|resource| {
            let contained = remaining.contains_resource(resource);
            if counts(resource) {
                remaining.subtract_resource(resource);
            }
            contained
        })
    }

    /// Tells whether this one resource is here.
    pub fn contains_resource(&self, resource: &Resource) -> bool {
        self.0.iter().any(|own| own.contains(resource))
    }

    /// Tells whether there is at least so much of each name, whatever its kind.
    pub fn contains_quantities(&self, quantities: &ResourceQuantities) -> bool {
        let own = self.quantities_of_all();
        own.contains(quantities)
    }
}

impl Extend<Resource> for Resources {
    fn extend<I: IntoIterator<Item = Resource>>(&mut self, resources: I) {
        resources.into_iter().for_each(|resource| self.add_resource(resource));
    }
}

impl FromIterator<Resource> for Resources {
    fn from_iter<I: IntoIterator<Item = Resource>>(resources: I) -> Self {
        let mut sum = Self::new();
        sum.extend(resources);
        sum
    }
}

impl From<Resource> for Resources {
    fn from(resource: Resource) -> Self {
        Self::from_iter([resource])
    }
}

impl PartialEq for Resources {
    fn eq(&self, other: &Self) -> bool {
        self.contains(other) && other.contains(self)
    }
}

impl Eq for Resources {}

impl AddAssign<&Resources> for Resources {
    fn add_assign(&mut self, other: &Resources) {
        if self.is_empty() {
            self.0.clone_from(&other.0);
        } else {
            self.extend(other.iter().cloned());
        }
    }
}

impl AddAssign for Resources {
    fn add_assign(&mut self, other: Resources) {
        if self.is_empty() {
            *self = other;
        } else {
            self.extend(other);
        }
    }
}

impl AddAssign<Resource> for Resources {
    fn add_assign(&mut self, other: Resource) {
        self.add_resource(other);
    }
}

impl SubAssign<&Resources> for Resources {
    fn sub_assign(&mut self, other: &Resources) {
        other.iter().for_each(|resource| self.subtract_resource(resource));
    }
}

impl SubAssign for Resources {
    fn sub_assign(&mut self, other: Resources) {
        *self -= &other;
    }
}

impl SubAssign<&Resource> for Resources {
    fn sub_assign(&mut self, other: &Resource) {
        self.subtract_resource(other);
    }
}

/// Defines an operator for owned and borrowed operands by its assigning form.
macro_rules! operator {
    ($trait:ident, $method:ident, $assign:tt) => {
        impl $trait<&Resources> for Resources {
            type Output = Resources;

            fn $method(mut self, other: &Resources) -> Resources {
                self $assign other;
                self
            }
        }

        impl $trait for Resources {
            type Output = Resources;

            fn $method(mut self, other: Resources) -> Resources {
                self $assign other;
                self
            }
        }

        impl $trait<&Resources> for &Resources {
            type Output = Resources;

            fn $method(self, other: &Resources) -> Resources {
                self.clone().$method(other)
            }
        }

        impl $trait<Resources> for &Resources {
            type Output = Resources;

            fn $method(self, other: Resources) -> Resources {
                self.clone().$method(other)
            }
        }
    };
}

operator!(Add, add, +=);
operator!(Sub, sub, -=);

impl Sum for Resources {
    fn sum<I: Iterator<Item = Self>>(resources: I) -> Self {
        resources.fold(Self::new(), Add::add)
    }
}

impl<'a> Sum<&'a Resources> for Resources {
    fn sum<I: Iterator<Item = &'a Self>>(resources: I) -> Self {
        resources.fold(Self::new(), Add::add)
    }
}
