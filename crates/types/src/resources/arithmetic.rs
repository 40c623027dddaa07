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
        self.same_kind(other)
            && if self.is_shared() { self.value == other.value } else { !self.is_indivisible() }
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
    pub fn add(&mut self, resource: Resource) {
        if resource.is_empty() {
            return;
        }
        match self.iter().position(|own| own.is_addable(&resource)) {
            Some(place) => self.entries_mut()[place].add_value(&resource),
            None => self.entries_mut().push(resource),
        }
    }

    /// Subtracts one resource. What is not here is ignored, as in Mesos.
    pub fn subtract(&mut self, resource: &Resource) {
        if resource.is_empty() {
            return;
        }
        let Some(index) = self.iter().position(|own| own.is_subtractable(resource)) else { return };
        let entries = self.entries_mut();
        if entries[index].subtract_value(resource) {
            return;
        }
        // Compat: the last entry takes the place, and the order of entries shows.
        entries.swap_remove(index);
        if entries.is_empty() {
            self.0 = None;
        }
    }

    /// Tells whether all of `other` is here.
    pub fn contains(&self, other: &Self) -> bool {
        // What cannot combine may be there twice, and then has to be here twice. Mesos asks so of persistent
        // volumes alone; we ask it of exclusive disks too, so that none is given out twice.
        let counts = |resource: &Resource| resource.is_indivisible() && !resource.is_shared();
        if self.is_clone_of(other) {
            return true;
        }
        if other.iter().filter(|resource| counts(resource)).nth(1).is_none() {
            return other.iter().all(|resource| self.contains_resource(resource));
        }
        let mut remaining = self.clone();
        other.iter().all(|resource| {
            let contained = remaining.contains_resource(resource);
            if counts(resource) {
                remaining.subtract(resource);
            }
            contained
        })
    }

    /// Tells whether this one resource is here.
    pub fn contains_resource(&self, resource: &Resource) -> bool {
        self.iter().any(|own| own.contains(resource))
    }

    /// Tells whether there is at least so much of each name, whatever its kind.
    pub fn contains_quantities(&self, quantities: &ResourceQuantities) -> bool {
        let own = self.quantities_of_all();
        own.contains(quantities)
    }
}

impl Extend<Resource> for Resources {
    fn extend<I: IntoIterator<Item = Resource>>(&mut self, resources: I) {
        resources.into_iter().for_each(|resource| self.add(resource));
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
            *self = other.clone();
            return;
        }
        for resource in other {
            match self.iter().position(|own| own.is_addable(resource)) {
                Some(place) => self.entries_mut()[place].add_value(resource),
                None => self.entries_mut().push(resource.clone()),
            }
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
        self.add(other);
    }
}

impl SubAssign<&Resources> for Resources {
    fn sub_assign(&mut self, other: &Resources) {
        if self.is_clone_of(other) {
            self.0 = None;
            return;
        }
        other.iter().for_each(|resource| self.subtract(resource));
    }
}

impl SubAssign for Resources {
    fn sub_assign(&mut self, other: Resources) {
        *self -= &other;
    }
}

impl SubAssign<&Resource> for Resources {
    fn sub_assign(&mut self, other: &Resource) {
        self.subtract(other);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tepui_proto::v1::resource::disk_info::source::Type as SourceType;

    use super::super::samples::{any_resources, disk_proto, resource, resources, volume_proto};
    use super::*;

    #[test]
    fn resources_of_one_kind_combine() {
        let sum = resources("cpus:1;mem:10;ports:[1-2]") + resources("cpus:0.5;ports:[3-4];mem(a):1");
        assert_eq!(sum.to_string(), "cpus:1.5; mem:10; ports:[1-4]; mem(reservations: [(STATIC,a)]):1");
    }

    #[test]
    fn the_last_entry_takes_the_place_of_one_that_is_used_up() {
        let rest = resources("cpus:1;mem:10;disk:5;ports:[1-2]") - resources("cpus:1");
        assert_eq!(rest.to_string(), "ports:[1-2]; mem:10; disk:5");
    }

    #[test]
    fn subtracting_what_is_not_there_changes_nothing() {
        assert_eq!((resources("cpus:1") - resources("mem:1;cpus(a):1")).to_string(), "cpus:1");
        assert!((resources("cpus:1") - resources("cpus:2")).is_empty());
        assert_eq!((resources("x:{a,b}") - resources("x:{b,c}")).to_string(), "x:{a}");
    }

    #[test]
    fn kinds_do_not_contain_each_other() {
        let all = resources("cpus:2;mem:10;cpus(a):1;ports:[1-9]");
        for text in ["", "cpus:2", "cpus(a):1", "cpus:1;mem:10;ports:[2-3,8-9]"] {
            assert!(all.contains(&resources(text)), "{text}");
        }
        for text in ["cpus:2.001", "cpus:3", "cpus(b):1", "gpus:1", "ports:[9-10]"] {
            assert!(!all.contains(&resources(text)), "{text}");
        }
    }

    #[test]
    fn quantities_count_whatever_the_kind() {
        let all = resources("cpus:2;cpus(a):1;ports:[1-9];x:{a,b}");
        let contains = |text| all.contains_quantities(&ResourceQuantities::parse(text).unwrap());
        assert!(contains("cpus:3;ports:9;x:2"));
        assert!(!contains("cpus:3.1"));
        assert!(!contains("ports:10"));
        assert_eq!(all.quantities().to_string(), "cpus:3");
    }

    #[test]
    fn volumes_neither_combine_nor_divide() {
        let small = Resources::from(resource(&volume_proto("id", 5.0, false)));
        let large = Resources::from(resource(&volume_proto("id", 8.0, false)));
        assert_eq!((&small + &large).len(), 2);
        assert!(!large.contains(&small));
        assert_eq!((&large - &small), large);
        assert!((&large - &large).is_empty());
        // One volume is not two.
        assert!(!large.contains(&(&large + &large)));
    }

    #[test]
    fn exclusive_disks_neither_combine_nor_divide() {
        let disk =
            |source_type, id, megabytes| Resources::from(resource(&disk_proto(source_type, id, megabytes)));
        for (source_type, id, combines) in [
            (SourceType::Path, None, true),
            (SourceType::Mount, None, false),
            (SourceType::Block, None, false),
            (SourceType::Raw, None, true),
            (SourceType::Raw, Some("id"), false),
        ] {
            let (small, large) = (disk(source_type, id, 2.0), disk(source_type, id, 4.0));
            assert_eq!((&small + &large).len() == 1, combines, "{large}");
            assert_eq!(large.contains(&small), combines, "{large}");
            assert!(large.contains(&large), "{large}");
        }
    }

    #[test]
    fn shared_volumes_are_counted() {
        let one = Resources::from(resource(&volume_proto("id", 5.0, true)));
        let two = &one + &one;
        assert_eq!(two.len(), 1);
        assert_eq!(two.to_string(), "disk(reservations: [(DYNAMIC,role)])[id]<SHARED>:5<2>");
        assert!(two.contains(&one));
        assert!(!one.contains(&two));
        assert_eq!(&two - &one, one);
        assert!((&one - &two).is_empty());
        assert_eq!(two.to_protos().len(), 1);
        assert_ne!(one, Resources::from(resource(&volume_proto("id", 5.0, false))));
    }

    proptest! {
        #[test]
        fn clones_are_like_others(all in any_resources(), other in any_resources()) {
            // The same once more, with entries of its own.
            let apart: Resources = all.iter().cloned().collect();
            prop_assert!(all.contains(&all.clone()) && all.contains(&apart));
            prop_assert!((&all - &all.clone()).is_empty() && (&all - &apart).is_empty());
            let mut changed = all.clone();
            changed += &other;
            changed -= &other;
            changed.allocate("role");
            prop_assert_eq!(&all, &apart);
            prop_assert_eq!(all.to_string(), apart.to_string());
        }

        #[test]
        fn adding_then_subtracting_amounts_changes_nothing(left in any_resources(), right in any_resources()) {
            // Ports and sets are unions, so only what both have is lost.
            let right = right.filter(|entry| entry.scalar().is_some());
            prop_assert_eq!(&(&left + &right) - &right, left);
        }

        #[test]
        fn a_sum_contains_its_parts(left in any_resources(), right in any_resources()) {
            let sum = &left + &right;
            prop_assert!(sum.contains(&left) && sum.contains(&right));
        }

        #[test]
        fn the_order_of_adding_does_not_matter(a in any_resources(), b in any_resources(), c in any_resources()) {
            prop_assert_eq!(&a + &b, &b + &a);
            prop_assert_eq!((&a + &b) + &c, &a + (&b + &c));
        }

        #[test]
        fn subtracting_never_leaves_less_than_nothing(left in any_resources(), right in any_resources()) {
            let rest = &left - &right;
            prop_assert!(left.contains(&rest));
            prop_assert!(rest.iter().all(|entry| !entry.is_empty()));
            prop_assert!(rest.iter().filter_map(Resource::scalar).all(|amount| amount > Scalar::ZERO));
            if left.contains(&right) {
                prop_assert_eq!(rest + right, left);
            }
        }

        #[test]
        fn messages_keep_everything(all in any_resources()) {
            let once = all.non_shared();
            prop_assert_eq!(&Resources::from_protos(&once.to_protos()), &Ok(once.clone()));
            prop_assert_eq!(&Resources::from_protos(&once.to_protos_pre_refinement()), &Ok(once.clone()));
            prop_assert_eq!(&Resources::from_protos(&once.to_protos_endpoint()), &Ok(once));
        }

        #[test]
        fn entries_stay_combined(left in any_resources(), right in any_resources()) {
            for result in [&left + &right, &left - &right, (&left + &right).to_unreserved()] {
                let again: Resources = result.iter().cloned().collect();
                prop_assert_eq!(again.len(), result.len());
            }
        }
    }
}
