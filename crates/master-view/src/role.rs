//! Roles as readers see them: all that are in use, and their ancestors.

use std::collections::{BTreeMap, BTreeSet};

use tepui_proto::v1;
use tepui_types::{FrameworkId, Scalar};

use crate::view::View;

/// Scalar resources by name.
pub(crate) type Quantities = BTreeMap<String, Scalar>;

/// What a role has.
#[derive(Debug, Default)]
pub(crate) struct Role {
    /// Held by tasks and executors.
    pub(crate) allocated: Quantities,
    /// In offers.
    pub(crate) offered: Quantities,
    /// Reserved for it.
    pub(crate) reserved: Quantities,
    /// What of the reserved is held.
    pub(crate) reserved_and_allocated: Quantities,
    /// The frameworks subscribed to it.
    pub(crate) frameworks: BTreeSet<FrameworkId>,
}

impl View {
    /// All known roles. Sums include those of the roles below.
    pub(crate) fn roles_by_name(&self) -> BTreeMap<String, Role> {
        let mut roles: BTreeMap<String, Role> = BTreeMap::new();
        for name in self.settings.roles.iter().flatten() {
            for_role_and_ancestors(&mut roles, name, |_| {});
        }
        for (id, framework) in &self.frameworks {
            for name in framework.roles() {
                for_role_and_ancestors(&mut roles, name, |_| {});
                if let Some(role) = roles.get_mut(name) {
                    role.frameworks.insert(id.clone());
                }
            }
            for resource in &framework.used.to_protos() {
                add(&mut roles, allocation_role(resource), resource, |role| &mut role.allocated);
                if let Some(reservation) = resource.reservations.last() {
                    add(&mut roles, Some(reservation.role()), resource, |role| {
                        &mut role.reserved_and_allocated
                    });
                }
            }
            for resource in &framework.offered.to_protos() {
                add(&mut roles, allocation_role(resource), resource, |role| &mut role.offered);
            }
        }
        for agent in self.agents.values() {
            for resource in &agent.total.to_protos() {
                if let Some(reservation) = resource.reservations.last() {
                    add(&mut roles, Some(reservation.role()), resource, |role| &mut role.reserved);
                }
            }
        }
        roles
    }
}

impl Role {
    /// What counts against a quota: what is held, and what is reserved and not held.
    pub(crate) fn consumed(&self) -> Quantities {
        let mut consumed = self.allocated.clone();
        for (name, reserved) in &self.reserved {
            let held = self.reserved_and_allocated.get(name).copied().unwrap_or_default();
            *consumed.entry(name.clone()).or_default() += reserved.saturating_sub(held);
        }
        consumed.retain(|_, value| !value.is_zero());
        consumed
    }

    /// What is held or offered.
    pub(crate) fn taken(&self) -> Quantities {
        let mut taken = self.allocated.clone();
        for (name, offered) in &self.offered {
            *taken.entry(name.clone()).or_default() += *offered;
        }
        taken
    }
}

fn allocation_role(resource: &v1::Resource) -> Option<&str> {
    resource.allocation_info.as_ref().map(v1::resource::AllocationInfo::role)
}

fn add(
    roles: &mut BTreeMap<String, Role>,
    name: Option<&str>,
    resource: &v1::Resource,
    sum: impl Fn(&mut Role) -> &mut Quantities,
) {
    let (Some(name), Some(scalar)) = (name, &resource.scalar) else { return };
    let value = Scalar::from(scalar);
    for_role_and_ancestors(roles, name, |role| {
        *sum(role).entry(resource.name.clone()).or_default() += value;
    });
}

fn for_role_and_ancestors(roles: &mut BTreeMap<String, Role>, name: &str, mut apply: impl FnMut(&mut Role)) {
    apply(roles.entry(name.to_owned()).or_default());
    for ancestor in tepui_types::ancestors(name) {
        apply(roles.entry(ancestor.to_owned()).or_default());
    }
}
