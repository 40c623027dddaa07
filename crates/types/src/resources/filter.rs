//! Parts of resources, views of them, and what changes each entry alike.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{ResourceError, Resources};
use crate::name::ResourceName;
use crate::quantities::ResourceQuantities;
use crate::ranges::Ranges;
use crate::reservation::Reservation;
use crate::resource::{Resource, ResourceValue, same};
use crate::scalar::Scalar;

impl Resources {
    /// The entries that satisfy `predicate`.
    #[must_use]
    pub fn filter(&self, mut predicate: impl FnMut(&Resource) -> bool) -> Self {
        let entries = self.entries();
        let Some(first_out) = entries.iter().position(|resource| !predicate(resource)) else {
            return self.clone();
        };
        let rest = entries[first_out + 1..].iter().filter(|resource| predicate(resource));
        Self::of_entries(entries[..first_out].iter().chain(rest).cloned().collect())
    }

    /// The entries of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Self {
        self.filter(|resource| resource.name() == name)
    }

    /// What is reserved, to exactly this role if one is given.
    #[must_use]
    pub fn reserved(&self, role: Option<&str>) -> Self {
        self.filter(|resource| resource.is_reserved(role))
    }

    /// What is reserved to this role or a role below.
    #[must_use]
    pub fn reserved_to_subtree(&self, role: &str) -> Self {
        self.filter(|resource| resource.is_reserved_to_subtree(role))
    }

    /// What no role has reserved.
    #[must_use]
    pub fn unreserved(&self) -> Self {
        self.filter(Resource::is_unreserved)
    }

    /// What may be given to `role`: unreserved, or reserved to it or an ancestor.
    #[must_use]
    pub fn allocatable_to(&self, role: &str) -> Self {
        self.filter(|resource| resource.is_allocatable_to(role))
    }

    /// What may be taken back at any time.
    #[must_use]
    pub fn revocable(&self) -> Self {
        self.filter(Resource::is_revocable)
    }

    /// What may not be taken back.
    #[must_use]
    pub fn non_revocable(&self) -> Self {
        self.filter(|resource| !resource.is_revocable())
    }

    /// What several tasks may use at the same time.
    #[must_use]
    pub fn shared(&self) -> Self {
        self.filter(Resource::is_shared)
    }

    /// What one task uses alone.
    #[must_use]
    pub fn non_shared(&self) -> Self {
        self.filter(|resource| !resource.is_shared())
    }

    /// The persistent volumes.
    #[must_use]
    pub fn persistent_volumes(&self) -> Self {
        self.filter(Resource::is_persistent_volume)
    }

    /// The amounts, without ranges and sets.
    #[must_use]
    pub fn scalars(&self) -> Self {
        self.filter(|resource| resource.scalar().is_some())
    }

    /// Tells whether an entry has more than one reservation.
    pub fn has_refined_reservations(&self) -> bool {
        self.iter().any(Resource::has_refined_reservations)
    }

    /// Marks everything as allocated to `role`.
    pub fn allocate(&mut self, role: impl Into<Arc<str>>) {
        let role = role.into();
        self.set_allocation(Some(&role));
    }

    /// Marks everything as allocated to no role.
    pub fn unallocate(&mut self) {
        self.set_allocation(None);
    }

    fn set_allocation(&mut self, role: Option<&Arc<str>>) {
        if self.iter().all(|resource| same(resource.allocation_role.as_ref(), role)) {
            return;
        }
        let first = self.entries().first().and_then(|first| first.allocation_role.clone());
        let mixed = self.iter().any(|resource| resource.allocation_role != first);
        for resource in self.entries_mut() {
            resource.allocation_role = role.cloned();
        }
        // Entries that only their roles kept apart become one.
        if mixed {
            *self = std::mem::take(self).into_iter().collect();
        }
    }

    /// What is allocated to each role, sorted by role, and there without its allocation. What is allocated to none is left
    /// out.
    pub fn allocations(&self) -> Vec<(Arc<str>, Self)> {
        let mut allocations: Vec<(Arc<str>, Vec<Resource>)> = Vec::new();
        for resource in self {
            let Some(role) = &resource.allocation_role else { continue };
            // Most often all is allocated to one role.
            let found = match allocations.last() {
                Some((last, _)) if same(Some(last), Some(role)) => Ok(allocations.len() - 1),
                Some(_) | None => allocations.binary_search_by(|(other, _)| other.cmp(role)),
            };
            let place = found.unwrap_or_else(|place| {
                allocations.insert(place, (Arc::clone(role), Vec::with_capacity(self.len())));
                place
            });
            allocations[place].1.push(resource.clone().unallocated());
        }
        allocations.into_iter().map(|(role, entries)| (role, Self::of_entries(entries))).collect()
    }

    /// What is reserved to each role.
    pub fn reservations(&self) -> BTreeMap<Arc<str>, Self> {
        let mut reservations: BTreeMap<Arc<str>, Self> = BTreeMap::new();
        for resource in self {
            if let Some(reservation) = resource.reservations().last() {
                reservations
                    .entry(Arc::clone(&reservation.role))
                    .or_default()
                    .entries_mut()
                    .push(resource.clone());
            }
        }
        reservations
    }

    /// The same without reservations.
    #[must_use]
    pub fn to_unreserved(&self) -> Self {
        if self.iter().all(Resource::is_unreserved) {
            return self.clone();
        }
        let unreserve = |mut resource: Resource| {
            if !resource.is_unreserved() {
                resource.edit_details(|details| details.reservations.clear());
            }
            resource
        };
        self.iter().cloned().map(unreserve).collect()
    }

    /// The same with one more reservation on each entry, if that refines what it has.
    pub fn push_reservation(&self, reservation: &Reservation) -> Result<Self, ResourceError> {
        self.iter()
            .map(|resource| {
                super::validate::validate_refinement(resource.reservations(), reservation)?;
                let mut resource = resource.clone();
                resource.edit_details(|details| details.reservations.push(reservation.clone()));
                Ok(resource)
            })
            .collect()
    }

    /// The same without the last reservation of each entry; `None` if one has none.
    pub fn pop_reservation(&self) -> Option<Self> {
        self.iter()
            .map(|resource| {
                let mut resource = resource.clone();
                let mut popped = None;
                resource.edit_details(|details| popped = details.reservations.pop());
                popped.map(|_| resource)
            })
            .collect()
    }

    /// How much there is of each name that has amounts. A shared resource counts once.
    pub fn quantities(&self) -> ResourceQuantities {
        let mut quantities = ResourceQuantities::new();
        for resource in self {
            if let ResourceValue::Scalar(amount) = resource.value {
                quantities.add_amount(resource.resource_name(), amount);
            }
        }
        quantities
    }

    /// How much there is of each name; of ranges and sets, how many. A shared resource counts once.
    pub fn quantities_of_all(&self) -> ResourceQuantities {
        let mut quantities = ResourceQuantities::new();
        let count = |count: u64| {
            Scalar::from_thousandths(i64::try_from(count).unwrap_or(i64::MAX).saturating_mul(1000))
        };
        for resource in self {
            let amount = match &resource.value {
                ResourceValue::Scalar(amount) => *amount,
                ResourceValue::Ranges(ranges) => count(ranges.count()),
                ResourceValue::Set(set) => count(set.len() as u64),
            };
            quantities.add_amount(resource.resource_name(), amount);
        }
        quantities
    }

    /// The total amount of a name; `None` if there is no entry with an amount.
    pub fn scalar(&self, name: &ResourceName) -> Option<Scalar> {
        let amounts = self.iter().filter(|resource| resource.name == *name).filter_map(Resource::scalar);
        amounts.reduce(|sum, amount| sum + amount)
    }

    /// All cpus.
    pub fn cpus(&self) -> Option<Scalar> {
        self.scalar(&ResourceName::Cpus)
    }

    /// All memory, in megabytes.
    pub fn mem(&self) -> Option<Scalar> {
        self.scalar(&ResourceName::Mem)
    }

    /// All disk space, in megabytes.
    pub fn disk(&self) -> Option<Scalar> {
        self.scalar(&ResourceName::Disk)
    }

    /// All gpus.
    pub fn gpus(&self) -> Option<Scalar> {
        self.scalar(&ResourceName::Gpus)
    }

    /// All numbers of a name; `None` if there is no entry with ranges.
    pub fn ranges(&self, name: &ResourceName) -> Option<Ranges> {
        let entries = self.iter().filter(|resource| resource.name == *name).filter_map(Resource::ranges);
        entries.cloned().reduce(|mut sum, ranges| {
            sum += &ranges;
            sum
        })
    }

    /// All ports. They are usually one entry, which is shared and not copied.
    pub fn ports(&self) -> Option<Ranges> {
        self.ranges(&ResourceName::Ports)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{dynamic, resource, resources, volume_proto};
    use super::*;

    #[test]
    fn a_role_is_given_what_is_unreserved_or_its_own_or_an_ancestors() {
        let all = resources("cpus:1;cpus(a):2;cpus(a/b):3;cpus(c):4");
        assert_eq!(all.allocatable_to("a/b").cpus(), Some(Scalar::from(6)));
        assert_eq!(all.allocatable_to("a").cpus(), Some(Scalar::from(3)));
        assert_eq!(all.allocatable_to("*").cpus(), Some(Scalar::from(1)));
        assert_eq!(all.unreserved().cpus(), Some(Scalar::from(1)));
        assert_eq!(all.reserved(None).cpus(), Some(Scalar::from(9)));
        assert_eq!(all.reserved(Some("a")).cpus(), Some(Scalar::from(2)));
        assert_eq!(all.reserved_to_subtree("a").cpus(), Some(Scalar::from(5)));
        assert_eq!(all.reservations().keys().map(AsRef::as_ref).collect::<Vec<_>>(), ["a", "a/b", "c"]);
    }

    #[test]
    fn allocations_are_kept_apart_until_they_end() {
        let mut left = resources("cpus:1;mem:5");
        left.allocate("a");
        let mut right = resources("cpus:2");
        right.allocate("b");
        let mut all = left.clone() + &right;
        assert_eq!(all.to_string(), "cpus(allocated: a):1; mem(allocated: a):5; cpus(allocated: b):2");
        assert!(!all.contains(&resources("cpus:1")));
        right.unallocate();
        let allocations = all.allocations();
        assert_eq!(allocations.iter().map(|(role, _)| role.as_ref()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(allocations[1].1, right);
        all.unallocate();
        assert_eq!(all.to_string(), "cpus:3; mem:5");
    }

    #[test]
    fn reservations_are_pushed_and_popped() {
        let pushed = resources("cpus:1").push_reservation(&dynamic("a")).unwrap();
        let refined = pushed.push_reservation(&dynamic("a/b")).unwrap();
        assert_eq!(refined.to_string(), "cpus(reservations: [(DYNAMIC,a),(DYNAMIC,a/b)]):1");
        assert!(refined.has_refined_reservations() && !pushed.has_refined_reservations());
        assert_eq!(refined.pop_reservation(), Some(pushed.clone()));
        assert_eq!(pushed.pop_reservation(), Some(resources("cpus:1")));
        assert_eq!(resources("cpus:1").pop_reservation(), None);
        assert_eq!(refined.to_unreserved(), resources("cpus:1"));
        for (role, refusal) in [
            ("b", "Invalid refined reservation: role 'b' is not a refinement of 'a'"),
            ("*", "Invalid reservation: role \"*\" cannot be reserved"),
            ("/", "Role '/' cannot start with a slash"),
        ] {
            assert_eq!(pushed.push_reservation(&dynamic(role)).unwrap_err().to_string(), refusal);
        }
    }

    #[test]
    fn totals_are_over_all_kinds() {
        let all = resources("cpus:1;cpus(a):0.5;mem:32;ports:[1-2];ports(a):[4-5]");
        assert_eq!(all.cpus(), Some(Scalar::from_f64(1.5)));
        assert_eq!(all.mem(), Some(Scalar::from(32)));
        assert_eq!((all.disk(), all.gpus()), (None, None));
        assert_eq!(all.ports().map(|ports| ports.to_string()), Some("[1-2, 4-5]".to_owned()));
        assert_eq!(all.scalars().len(), 3);
        assert_eq!(all.named("ports").len(), 2);
    }

    #[test]
    fn volumes_are_found_and_taken_away() {
        let volume = resource(&volume_proto("id", 5.0, true));
        let all = resources("cpus:1") + Resources::from(volume.clone());
        assert_eq!(all.persistent_volumes(), all.shared());
        assert_eq!(all.non_shared().to_string(), "cpus:1");
        assert_eq!(volume.persistence_id(), Some("id"));
        assert!(volume.needs_checkpointing());
        assert_eq!(volume.without_volume().to_string(), "disk(reservations: [(DYNAMIC,role)]):5");
    }

    #[test]
    fn what_is_checkpointed_is_taken_off() {
        let mut volume = volume_proto("id", 5.0, true);
        volume.reservations = ["a", "a/b"].map(|role| dynamic(role).to_proto()).to_vec();
        assert_eq!(resource(&volume).without_checkpoint().to_string(), "disk:5");
        let reserved = resources("disk(a):5").push_reservation(&dynamic("a/b")).unwrap();
        assert_eq!(reserved.entries()[0].without_checkpoint(), resources("disk(a):5").entries()[0]);
        assert_eq!(
            resources("cpus(a):1").entries()[0].without_checkpoint(),
            resources("cpus(a):1").entries()[0]
        );
    }

    #[test]
    fn amounts_shrink_unless_the_disk_is_whole() {
        let mut cpus = Resource::from_scalar("cpus", Scalar::from(4));
        assert!(cpus.shrink(Scalar::from(1)) && cpus.shrink(Scalar::from(2)));
        assert_eq!(cpus.scalar(), Some(Scalar::from(1)));
        let mut volume = resource(&volume_proto("id", 5.0, false));
        assert!(!volume.shrink(Scalar::from(1)));
        assert!(volume.shrink(Scalar::from(5)));
    }
}
