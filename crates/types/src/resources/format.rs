//! Resources as text, exactly as Mesos writes them: `cpus(reservations: [(STATIC,role)]):4; disk[id:path]:5`.

use std::fmt;

use tepui_proto::v1;
use tepui_proto::v1::resource::disk_info::Source;
use tepui_proto::v1::resource::disk_info::source::Type as SourceType;
use tepui_proto::v1::value::Type;

use super::Resources;
use crate::ranges::{Range, write_ranges};
use crate::reservation::DisplayReservation;
use crate::resource::Resource;
use crate::scalar::Scalar;
use crate::set::write_set;

/// A message that shows as Mesos shows it, valid or not. A `role` of the old format does not show.
#[derive(Debug)]
pub struct DisplayResource<'a>(pub &'a v1::Resource);

impl fmt::Display for DisplayResource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resource = self.0;
        f.write_str(&resource.name)?;
        if let Some(info) = &resource.allocation_info {
            write!(f, "(allocated: {})", info.role())?;
        }
        if !resource.reservations.is_empty() {
            f.write_str("(reservations: [")?;
            for (i, reservation) in resource.reservations.iter().enumerate() {
                let separator = if i > 0 { "," } else { "" };
                write!(f, "{separator}({})", DisplayReservation(reservation))?;
            }
            f.write_str("])")?;
        }
        if let Some(disk) = &resource.disk {
            write!(f, "[{}]", DisplayDisk(disk))?;
        }
        if resource.revocable.is_some() {
            f.write_str("{REV}")?;
        }
        if resource.shared.is_some() {
            f.write_str("<SHARED>")?;
        }
        f.write_str(":")?;
        write_value(f, resource)
    }
}

fn write_value(f: &mut fmt::Formatter<'_>, resource: &v1::Resource) -> fmt::Result {
    match Type::try_from(resource.r#type) {
        Ok(Type::Scalar) => {
            let value = resource.scalar.map_or(0.0, |scalar| scalar.value);
            // Compat: Mesos rounds what does not fit to the smallest integer.
            let scalar = Scalar::try_from_f64(value).unwrap_or(Scalar::from_thousandths(i64::MIN));
            write!(f, "{scalar}")
        }
        Ok(Type::Ranges) => {
            let ranges = resource.ranges.iter().flat_map(|ranges| &ranges.range);
            write_ranges(f, ranges.map(|range| Range { begin: range.begin, end: range.end }))
        }
        Ok(Type::Set) => {
            let items = resource.set.iter().flat_map(|set| &set.item);
            write_set(f, items.map(String::as_str))
        }
        // Mesos dies here. Such a resource is only ever shown in its refusal.
        Ok(Type::Text) | Err(_) => Ok(()),
    }
}

/// A disk that shows as Mesos shows it: source, volume id, where it is mounted.
#[derive(Debug)]
pub struct DisplayDisk<'a>(pub &'a v1::resource::DiskInfo);

impl fmt::Display for DisplayDisk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(source) = &self.0.source {
            write_source(f, source)?;
        }
        if let Some(persistence) = &self.0.persistence {
            let separator = if self.0.source.is_some() { "," } else { "" };
            write!(f, "{separator}{}", persistence.id)?;
        }
        if let Some(volume) = &self.0.volume {
            f.write_str(":")?;
            write_volume(f, volume)?;
        }
        Ok(())
    }
}

fn write_source(f: &mut fmt::Formatter<'_>, source: &Source) -> fmt::Result {
    let source_type = source.r#type();
    f.write_str(source_type.as_str_name())?;
    if source_type == SourceType::Unknown {
        return Ok(());
    }
    if source.id.is_some() || source.profile.is_some() {
        return write!(f, "({},{},{})", source.vendor(), source.id(), source.profile());
    }
    let root = match source_type {
        SourceType::Mount => source.mount.as_ref().and_then(|mount| mount.root.as_deref()),
        SourceType::Path => source.path.as_ref().and_then(|path| path.root.as_deref()),
        SourceType::Block | SourceType::Raw | SourceType::Unknown => None,
    };
    root.map_or(Ok(()), |root| write!(f, ":{root}"))
}

fn write_volume(f: &mut fmt::Formatter<'_>, volume: &v1::Volume) -> fmt::Result {
    let Some(host_path) = &volume.host_path else {
        return f.write_str(&volume.container_path);
    };
    write!(f, "{host_path}:{}:{}", volume.container_path, volume.mode().as_str_name().to_lowercase())
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", DisplayResource(&self.to_proto()))?;
        self.shared_count().map_or(Ok(()), |count| write!(f, "<{count}>"))
    }
}

impl fmt::Display for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("{}");
        }
        for (i, resource) in self.iter().enumerate() {
            let separator = if i > 0 { "; " } else { "" };
            write!(f, "{separator}{resource}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resources({self})")
    }
}
