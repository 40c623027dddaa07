//! What offer operations make of resources.
//!
//! An operation is a list of conversions: each consumes resources and puts others in their place. Only where the
//! consumed ones are all there can a conversion be applied. The texts of the errors are Mesos' own.

use tepui_proto::v1;
use tepui_proto::v1::offer::Operation;
use tepui_proto::v1::offer::operation::Type;

use crate::resource::Resource;
use crate::resources::{DisplayResource, ResourceError, Resources, ResourcesError};

/// Resources that become others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceConversion {
    /// What is used up.
    pub consumed: Resources,
    /// What there is instead.
    pub converted: Resources,
    /// A volume of which no copy may be left, for it is destroyed.
    destroyed: Option<Resource>,
}

/// An operation that cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConversionError {
    /// The operation has no type that is known.
    #[error("Unknown operation")]
    Unknown,
    /// The operation does not convert resources, or whoever provides them has to say what it makes of them.
    #[error("Operation not supported")]
    Unsupported,
    /// Volumes of resource providers cannot be resized.
    #[error("Operation not supported for resource provider")]
    Provider,
    /// What is to be consumed is not there.
    #[error("{available} does not contain {consumed}")]
    Missing {
        /// What is there.
        available: Resources,
        /// What is to be consumed.
        consumed: Resources,
    },
    /// A shared volume is in use elsewhere.
    #[error("Persistent volume {0} cannot be removed due to additional shared copies")]
    Copies(String),
    /// What is to be unreserved has no reservation.
    #[error("Resources {0} are not reserved")]
    Unreserved(Resources),
    /// The operation's resources are invalid.
    #[error(transparent)]
    Invalid(#[from] ResourcesError),
}

impl ResourceConversion {
    /// Makes `converted` of `consumed`.
    pub fn new(consumed: impl Into<Resources>, converted: impl Into<Resources>) -> Self {
        Self { consumed: consumed.into(), converted: converted.into(), destroyed: None }
    }

    /// The same for resources that are allocated to nobody, as agents count them.
    #[must_use]
    pub fn unallocated(mut self) -> Self {
        self.consumed.unallocate();
        self.converted.unallocate();
        self.destroyed = self.destroyed.map(Resource::unallocated);
        self
    }
}

impl Resources {
    /// What the conversions, in order, make of these resources.
    pub fn apply(&self, conversions: &[ResourceConversion]) -> Result<Self, ConversionError> {
        let mut result = self.clone();
        for ResourceConversion { consumed, converted, destroyed } in conversions {
            if !result.contains(consumed) {
                return Err(ConversionError::Missing { available: result, consumed: consumed.clone() });
            }
            result -= consumed;
            result += converted;
            if let Some(volume) = destroyed.as_ref().filter(|volume| result.contains_resource(volume)) {
                return Err(ConversionError::Copies(DisplayResource(&volume.to_proto()).to_string()));
            }
        }
        Ok(result)
    }
}

/// Tells whether the master knows the outcome of such an operation before the agent says so.
pub const fn is_speculative(kind: Type) -> bool {
    match kind {
        Type::Reserve
        | Type::Unreserve
        | Type::Create
        | Type::Destroy
        | Type::GrowVolume
        | Type::ShrinkVolume => true,
        Type::Unknown | Type::Launch | Type::LaunchGroup | Type::CreateDisk | Type::DestroyDisk => false,
    }
}

/// What an operation makes of resources.
pub fn conversions(operation: &Operation) -> Result<Vec<ResourceConversion>, ConversionError> {
    match operation.r#type() {
        Type::Unknown => Err(ConversionError::Unknown),
        Type::Launch | Type::LaunchGroup | Type::CreateDisk | Type::DestroyDisk => {
            Err(ConversionError::Unsupported)
        }
        Type::Reserve => {
            let reserve = operation.reserve.as_ref().ok_or(ConversionError::Unknown)?;
            let reserved = Resources::from_protos(&reserve.resources)?;
            let consumed = if reserve.source.is_empty() {
                unreserved(&reserved)?
            } else {
                Resources::from_protos(&reserve.source)?
            };
            Ok(vec![ResourceConversion::new(consumed, reserved)])
        }
        Type::Unreserve => {
            let unreserve = operation.unreserve.as_ref().ok_or(ConversionError::Unknown)?;
            let convert = |resource: &v1::Resource| {
                let reserved = Resources::from(read(resource)?);
                Ok(ResourceConversion::new(reserved.clone(), unreserved(&reserved)?))
            };
            unreserve.resources.iter().map(convert).collect()
        }
        Type::Create => {
            let create = operation.create.as_ref().ok_or(ConversionError::Unknown)?;
            let convert = |volume: &v1::Resource| {
                let volume = read(volume)?;
                Ok(ResourceConversion::new(volume.clone().without_volume(), volume))
            };
            create.volumes.iter().map(convert).collect()
        }
        Type::Destroy => {
            let destroy = operation.destroy.as_ref().ok_or(ConversionError::Unknown)?;
            let convert = |volume: &v1::Resource| {
                let volume = read(volume)?;
                let conversion = ResourceConversion::new(volume.clone(), volume.clone().without_volume());
                Ok(ResourceConversion { destroyed: Some(volume), ..conversion })
            };
            destroy.volumes.iter().map(convert).collect()
        }
        Type::GrowVolume => grow(operation),
        Type::ShrinkVolume => shrink(operation),
    }
}

fn grow(operation: &Operation) -> Result<Vec<ResourceConversion>, ConversionError> {
    let grow = operation.grow_volume.as_ref().ok_or(ConversionError::Unknown)?;
    let (volume, addition) = (read(&grow.volume)?, read(&grow.addition)?);
    let (Some(size), Some(more)) = (volume.scalar(), addition.scalar()) else {
        return Err(ConversionError::Unsupported);
    };
    if volume.provider_id().is_some() {
        return Err(ConversionError::Provider);
    }
    let grown = volume.clone().with_scalar(size + more);
    Ok(vec![ResourceConversion::new(Resources::from_iter([volume, addition]), grown)])
}

fn shrink(operation: &Operation) -> Result<Vec<ResourceConversion>, ConversionError> {
    let shrink = operation.shrink_volume.as_ref().ok_or(ConversionError::Unknown)?;
    let volume = read(&shrink.volume)?;
    let Some(size) = volume.scalar() else { return Err(ConversionError::Unsupported) };
    if volume.provider_id().is_some() {
        return Err(ConversionError::Provider);
    }
    let less = crate::Scalar::from(&shrink.subtract);
    let freed = volume.clone().without_volume().with_scalar(less);
    let smaller = volume.clone().with_scalar(size - less);
    Ok(vec![ResourceConversion::new(volume, Resources::from_iter([smaller, freed]))])
}

/// Takes the last reservation away.
fn unreserved(reserved: &Resources) -> Result<Resources, ConversionError> {
    reserved.pop_reservation().ok_or_else(|| ConversionError::Unreserved(reserved.clone()))
}

fn read(resource: &v1::Resource) -> Result<Resource, ConversionError> {
    Resource::from_proto(resource).map_err(|reason: ResourceError| {
        ResourcesError::Invalid { resource: DisplayResource(resource).to_string(), reason }.into()
    })
}

/// The resources that an operation names; of those that launch tasks, none.
pub fn operation_resources_mut(operation: &mut Operation) -> Vec<&mut v1::Resource> {
    match operation.r#type() {
        Type::Unknown | Type::Launch | Type::LaunchGroup => Vec::new(),
        Type::Reserve => operation
            .reserve
            .iter_mut()
            .flat_map(|reserve| reserve.source.iter_mut().chain(&mut reserve.resources))
            .collect(),
        Type::Unreserve => {
            operation.unreserve.iter_mut().flat_map(|unreserve| &mut unreserve.resources).collect()
        }
        Type::Create => operation.create.iter_mut().flat_map(|create| &mut create.volumes).collect(),
        Type::Destroy => operation.destroy.iter_mut().flat_map(|destroy| &mut destroy.volumes).collect(),
        Type::GrowVolume => {
            operation.grow_volume.iter_mut().flat_map(|grow| [&mut grow.volume, &mut grow.addition]).collect()
        }
        Type::ShrinkVolume => operation.shrink_volume.iter_mut().map(|shrink| &mut shrink.volume).collect(),
        Type::CreateDisk => operation.create_disk.iter_mut().map(|create| &mut create.source).collect(),
        Type::DestroyDisk => operation.destroy_disk.iter_mut().map(|destroy| &mut destroy.source).collect(),
    }
}

#[cfg(test)]
mod tests {
    use tepui_proto::v1::offer::operation::{Create, Destroy, GrowVolume, Reserve, ShrinkVolume, Unreserve};
    use tepui_proto::v1::value::Scalar;

    use super::*;
    use crate::resources::samples::{dynamic, resource, resources, scalar_proto, volume_proto};

    fn of(kind: Type) -> Operation {
        Operation { r#type: Some(kind as i32), ..Operation::default() }
    }

    fn reserve(resources: &Resources) -> Operation {
        let reserve = Reserve { resources: resources.to_protos(), ..Reserve::default() };
        Operation { reserve: Some(reserve), ..of(Type::Reserve) }
    }

    fn unreserve(resources: &Resources) -> Operation {
        let unreserve = Unreserve { resources: resources.to_protos() };
        Operation { unreserve: Some(unreserve), ..of(Type::Unreserve) }
    }

    fn create(volume: v1::Resource) -> Operation {
        Operation { create: Some(Create { volumes: vec![volume] }), ..of(Type::Create) }
    }

    fn destroy(volume: v1::Resource) -> Operation {
        Operation { destroy: Some(Destroy { volumes: vec![volume] }), ..of(Type::Destroy) }
    }

    fn apply(to: &Resources, operation: &Operation) -> Result<Resources, String> {
        conversions(operation)
            .and_then(|conversions| to.apply(&conversions))
            .map_err(|error| error.to_string())
    }

    fn disk(megabytes: f64) -> Resources {
        let free = Resources::from(resource(&scalar_proto("disk", megabytes)));
        free.push_reservation(&dynamic("role")).unwrap()
    }

    #[test]
    fn a_reservation_is_pushed_and_popped_one_at_a_time() {
        let all = resources("cpus:4;mem:10");
        let outer = resources("cpus:1").push_reservation(&dynamic("a")).unwrap();
        let inner = outer.push_reservation(&dynamic("a/b")).unwrap();
        assert!(apply(&all, &reserve(&inner)).unwrap_err().contains("does not contain"));
        let once = apply(&all, &reserve(&outer)).unwrap();
        assert_eq!(once.to_string(), "cpus:3; mem:10; cpus(reservations: [(DYNAMIC,a)]):1");
        let twice = apply(&once, &reserve(&inner)).unwrap();
        assert_eq!(twice.to_string(), "cpus:3; mem:10; cpus(reservations: [(DYNAMIC,a),(DYNAMIC,a/b)]):1");
        assert_eq!(apply(&twice, &unreserve(&inner)).unwrap(), once);
        assert_eq!(apply(&once, &unreserve(&outer)).unwrap(), all);
        assert_eq!(
            apply(&all, &unreserve(&outer)).unwrap_err(),
            "cpus:4; mem:10 does not contain cpus(reservations: [(DYNAMIC,a)]):1"
        );
        assert_eq!(
            apply(&all, &unreserve(&resources("cpus:1"))).unwrap_err(),
            "Resources cpus:1 are not reserved"
        );
    }

    #[test]
    fn a_volume_takes_its_disk_and_gives_it_back() {
        let with = apply(&disk(8.0), &create(volume_proto("id", 5.0, false))).unwrap();
        assert_eq!(with.persistent_volumes().len(), 1);
        assert_eq!(with.disk(), disk(8.0).disk());
        assert_eq!(apply(&with, &destroy(volume_proto("id", 5.0, false))), Ok(disk(8.0)));
        assert!(apply(&with, &destroy(volume_proto("id", 4.0, false))).is_err());
    }

    #[test]
    fn a_shared_volume_in_use_is_not_destroyed() {
        let volume = volume_proto("id", 5.0, true);
        let one = apply(&disk(5.0), &create(volume.clone())).unwrap();
        assert_eq!(
            apply(&(&one + &one), &destroy(volume.clone())).unwrap_err(),
            "Persistent volume disk(reservations: [(DYNAMIC,role)])[id]<SHARED>:5 cannot be removed due to additional \
             shared copies"
        );
        assert_eq!(apply(&one, &destroy(volume)), Ok(disk(5.0)));
    }

    #[test]
    fn a_volume_grows_and_shrinks() {
        let small = volume_proto("id", 5.0, false);
        let all = apply(&disk(8.0), &create(small.clone())).unwrap();
        let addition = disk(2.0).to_protos().remove(0);
        let grow = GrowVolume { volume: small.clone(), addition };
        let grown = apply(&all, &Operation { grow_volume: Some(grow), ..of(Type::GrowVolume) }).unwrap();
        assert!(grown.contains_resource(&resource(&volume_proto("id", 7.0, false))));
        assert_eq!(grown.disk(), all.disk());
        let shrink = ShrinkVolume { volume: volume_proto("id", 7.0, false), subtract: Scalar { value: 2.0 } };
        let shrink = Operation { shrink_volume: Some(shrink), ..of(Type::ShrinkVolume) };
        assert_eq!(apply(&grown, &shrink), Ok(all));
    }

    #[test]
    fn what_converts_nothing_says_so() {
        assert_eq!(conversions(&of(Type::Launch)), Err(ConversionError::Unsupported));
        assert_eq!(conversions(&Operation::default()), Err(ConversionError::Unknown));
        assert_eq!(conversions(&of(Type::Reserve)), Err(ConversionError::Unknown));
    }
}
