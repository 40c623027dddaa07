//! One resource: so much of something, for whom, and under which conditions.

use std::num::NonZeroU32;
use std::sync::Arc;

use tepui_proto::v1;
use tepui_proto::v1::resource::disk_info::source::Type as SourceType;

use crate::ids::ResourceProviderId;
use crate::labels::labels_equal;
use crate::name::ResourceName;
use crate::ranges::Ranges;
use crate::reservation::{Reservation, ReservationKind};
use crate::role::is_strict_subrole;
use crate::scalar::Scalar;
use crate::set::Set;

/// How much of a resource there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceValue {
    /// An amount.
    Scalar(Scalar),
    /// Whole numbers.
    Ranges(Ranges),
    /// Names.
    Set(Set),
}

impl ResourceValue {
    /// Tells whether there is nothing.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Scalar(scalar) => scalar.is_zero(),
            Self::Ranges(ranges) => ranges.is_empty(),
            Self::Set(set) => set.is_empty(),
        }
    }

    fn same_type(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// One resource. A clone copies a few words and shares the rest.
#[derive(Clone, Debug)]
pub struct Resource {
    pub(crate) name: ResourceName,
    pub(crate) value: ResourceValue,
    pub(crate) allocation_role: Option<Arc<str>>,
    /// `None` instead of empty details, so that the usual resource has no second allocation.
    pub(crate) details: Option<Arc<Details>>,
    /// How many copies of a shared resource this stands for; `None` if it is not shared.
    pub(crate) copies: Option<NonZeroU32>,
}

/// What most resources do not have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Details {
    pub(crate) reservations: Vec<Reservation>,
    pub(crate) disk: Option<v1::resource::DiskInfo>,
    pub(crate) revocable: bool,
    pub(crate) provider_id: Option<ResourceProviderId>,
}

impl Details {
    pub(crate) fn is_empty(&self) -> bool {
        self.reservations.is_empty() && self.disk.is_none() && !self.revocable && self.provider_id.is_none()
    }
}

impl PartialEq for Details {
    fn eq(&self, other: &Self) -> bool {
        self.revocable == other.revocable
            && self.provider_id == other.provider_id
            && self.reservations == other.reservations
            && match (&self.disk, &other.disk) {
                (None, None) => true,
                (Some(own), Some(other)) => disks_equal(own, other),
                (None, Some(_)) | (Some(_), None) => false,
            }
    }
}

/// Compares what disks are. Their `volume` does not count: it says how a disk is used.
fn disks_equal(left: &v1::resource::DiskInfo, right: &v1::resource::DiskInfo) -> bool {
    let persistence = |disk: &v1::resource::DiskInfo| disk.persistence.as_ref().map(|it| it.id.clone());
    let sources = match (&left.source, &right.source) {
        (None, None) => true,
        (Some(left), Some(right)) => {
            left.r#type == right.r#type
                && left.path == right.path
                && left.mount == right.mount
                && left.vendor == right.vendor
                && left.id == right.id
                && left.profile == right.profile
                && match (&left.metadata, &right.metadata) {
                    (None, None) => true,
                    (Some(left), Some(right)) => labels_equal(left, right),
                    (None, Some(_)) | (Some(_), None) => false,
                }
        }
        (None, Some(_)) | (Some(_), None) => false,
    };
    sources && persistence(left) == persistence(right)
}

impl Resource {
    /// An unreserved resource of this name and value.
    pub fn new(name: impl Into<ResourceName>, value: ResourceValue) -> Self {
        Self { name: name.into(), value, allocation_role: None, details: None, copies: None }
    }

    /// An unreserved amount, such as cpus.
    pub fn from_scalar(name: impl Into<ResourceName>, amount: Scalar) -> Self {
        Self::new(name, ResourceValue::Scalar(amount))
    }

    /// What it is.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// What it is, as the type that is cheap to copy and compare.
    pub fn resource_name(&self) -> &ResourceName {
        &self.name
    }

    /// How much it is.
    pub fn value(&self) -> &ResourceValue {
        &self.value
    }

    /// The amount, if it is one.
    pub fn scalar(&self) -> Option<Scalar> {
        match &self.value {
            ResourceValue::Scalar(scalar) => Some(*scalar),
            ResourceValue::Ranges(_) | ResourceValue::Set(_) => None,
        }
    }

    /// The ranges, if it has some.
    pub fn ranges(&self) -> Option<&Ranges> {
        match &self.value {
            ResourceValue::Ranges(ranges) => Some(ranges),
            ResourceValue::Scalar(_) | ResourceValue::Set(_) => None,
        }
    }

    /// The names, if it has some.
    pub fn set(&self) -> Option<&Set> {
        match &self.value {
            ResourceValue::Set(set) => Some(set),
            ResourceValue::Scalar(_) | ResourceValue::Ranges(_) => None,
        }
    }

    /// The role that it is allocated to.
    pub fn allocation_role(&self) -> Option<&str> {
        self.allocation_role.as_deref()
    }

    /// Its reservations, each refining the one before.
    pub fn reservations(&self) -> &[Reservation] {
        self.details.as_ref().map_or(&[], |details| &details.reservations)
    }

    /// The role that it is reserved to: that of the most refined reservation.
    pub fn reservation_role(&self) -> Option<&str> {
        self.reservations().last().map(|reservation| reservation.role.as_ref())
    }

    /// Tells whether it is reserved, to exactly this role if one is given.
    pub fn is_reserved(&self, role: Option<&str>) -> bool {
        self.reservation_role().is_some_and(|own| role.is_none_or(|role| role == own))
    }

    /// Tells whether no role has reserved it.
    pub fn is_unreserved(&self) -> bool {
        self.reservations().is_empty()
    }

    /// Tells whether its last reservation was made by a call and not by the agent's flags.
    pub fn is_dynamically_reserved(&self) -> bool {
        self.reservations().last().is_some_and(|last| last.kind == ReservationKind::Dynamic)
    }

    /// Tells whether it has more than one reservation.
    pub fn has_refined_reservations(&self) -> bool {
        self.reservations().len() > 1
    }

    /// Tells whether `role` may be given it: it is unreserved, or reserved to the role or an ancestor.
    pub fn is_allocatable_to(&self, role: &str) -> bool {
        self.reservation_role().is_none_or(|own| own == role || is_strict_subrole(role, own))
    }

    /// Tells whether it is reserved to `role` or a role below.
    pub fn is_reserved_to_subtree(&self, role: &str) -> bool {
        self.reservation_role().is_some_and(|own| own == role || is_strict_subrole(own, role))
    }

    /// Tells whether it may be taken back at any time.
    pub fn is_revocable(&self) -> bool {
        self.details.as_ref().is_some_and(|details| details.revocable)
    }

    /// Tells whether several tasks may use it at the same time.
    pub fn is_shared(&self) -> bool {
        self.copies.is_some()
    }

    /// How many copies of a shared resource this stands for; `None` if it is not shared.
    pub fn shared_count(&self) -> Option<u32> {
        self.copies.map(NonZeroU32::get)
    }

    /// What kind of disk it is.
    pub fn disk(&self) -> Option<&v1::resource::DiskInfo> {
        self.details.as_ref()?.disk.as_ref()
    }

    /// The type of the disk's source, if it has one.
    pub fn disk_source_type(&self) -> Option<SourceType> {
        Some(self.disk()?.source.as_ref()?.r#type())
    }

    /// The id of the persistent volume that it is.
    pub fn persistence_id(&self) -> Option<&str> {
        Some(self.disk()?.persistence.as_ref()?.id.as_str())
    }

    /// Tells whether it is a persistent volume.
    pub fn is_persistent_volume(&self) -> bool {
        self.persistence_id().is_some()
    }

    /// Who provides it, if not the agent itself.
    pub fn provider_id(&self) -> Option<&ResourceProviderId> {
        self.details.as_ref()?.provider_id.as_ref()
    }

    /// Tells whether an agent must remember it: it is no longer what the agent's flags say.
    pub fn needs_checkpointing(&self) -> bool {
        self.provider_id().is_none() && (self.is_dynamically_reserved() || self.is_persistent_volume())
    }

    /// Tells whether there is nothing of it.
    pub fn is_empty(&self) -> bool {
        self.value.is_empty()
    }

    /// Tells whether two resources differ in their values, volumes and copies alone.
    pub fn same_kind(&self, other: &Self) -> bool {
        self.name == other.name
            && self.value.same_type(&other.value)
            && self.copies.is_some() == other.copies.is_some()
            && same(self.allocation_role.as_ref(), other.allocation_role.as_ref())
            && same(self.details.as_ref(), other.details.as_ref())
    }

    /// The resource without its persistent volume, and not shared: what is left when the volume is destroyed.
    #[must_use]
    pub fn without_volume(mut self) -> Self {
        self.copies = None;
        self.edit_details(|details| {
            details.disk = details.disk.take().filter(|disk| disk.source.is_some()).map(|mut disk| {
                disk.persistence = None;
                disk.volume = None;
                disk
            });
        });
        self
    }

    /// The resource as the agent's flags say it: without what an agent checkpoints, which are dynamic reservations and
    /// volumes.
    #[must_use]
    pub fn without_checkpoint(&self) -> Self {
        let mut resource = self.clone();
        if self.is_dynamically_reserved() {
            resource.edit_details(|details| {
                // Only the first of a stack can be static.
                details.reservations.truncate(1);
                details.reservations.retain(|reservation| reservation.kind == ReservationKind::Static);
            });
        }
        if self.is_persistent_volume() { resource.without_volume() } else { resource }
    }

    /// The same resource, allocated to no role.
    #[must_use]
    pub fn unallocated(mut self) -> Self {
        self.allocation_role = None;
        self
    }

    /// The same resource with another amount.
    #[must_use]
    pub fn with_scalar(mut self, amount: Scalar) -> Self {
        self.value = ResourceValue::Scalar(amount);
        self
    }

    /// Cuts an amount down to `target` and tells whether that was possible: some disks cannot be divided.
    pub fn shrink(&mut self, target: Scalar) -> bool {
        let ResourceValue::Scalar(amount) = &mut self.value else { return false };
        if *amount <= target {
            return true;
        }
        if self.details.as_ref().is_some_and(|details| is_indivisible(details)) || self.copies.is_some() {
            return false;
        }
        *amount = target;
        true
    }

    /// Tells whether two such resources cannot become one, nor one become two.
    pub(crate) fn is_indivisible(&self) -> bool {
        self.details.as_ref().is_some_and(|details| is_indivisible(details))
    }

    /// Changes the details, and drops them if nothing is left.
    pub(crate) fn edit_details(&mut self, edit: impl FnOnce(&mut Details)) {
        let mut details = self.details.take().unwrap_or_default();
        edit(Arc::make_mut(&mut details));
        self.details = Some(details).filter(|details| !details.is_empty());
    }
}

fn is_indivisible(details: &Details) -> bool {
    details.disk.as_ref().is_some_and(|disk| {
        disk.persistence.is_some()
            || disk.source.as_ref().is_some_and(|source| match source.r#type() {
                SourceType::Mount | SourceType::Block => true,
                SourceType::Raw => source.id.is_some(),
                SourceType::Path | SourceType::Unknown => false,
            })
    })
}

/// Compares what is usually the very same allocation.
pub(crate) fn same<T: PartialEq + ?Sized>(left: Option<&Arc<T>>, right: Option<&Arc<T>>) -> bool {
    match (left, right) {
        (None, None) => true,
        (Some(left), Some(right)) => Arc::ptr_eq(left, right) || **left == **right,
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// Equal in kind and value; volumes and copies do not count, as in Mesos.
impl PartialEq for Resource {
    fn eq(&self, other: &Self) -> bool {
        self.same_kind(other) && self.value == other.value
    }
}

impl Eq for Resource {}
