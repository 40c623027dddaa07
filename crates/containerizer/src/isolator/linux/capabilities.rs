//! `linux/capabilities`: what of root's power a container has, and what it can gain.

use tepui_linux::Capabilities;
use tepui_proto::v1;

use crate::isolator::Isolator;
use crate::launcher::Plan;
use crate::{ContainerConfig, LaunchError};

const NAME: &str = "linux/capabilities";

#[derive(Debug)]
pub(crate) struct LinuxCapabilities {
    /// `--effective_capabilities`: what containers that say nothing have.
    pub(crate) effective: Option<Capabilities>,
    /// `--bounding_capabilities`: what containers can have at most.
    pub(crate) bounding: Option<Capabilities>,
}

/// What a container has, and what it can gain.
#[derive(Debug, PartialEq, Eq)]
struct Sets {
    effective: Option<Capabilities>,
    bounding: Option<Capabilities>,
}

impl LinuxCapabilities {
    #[expect(deprecated, reason = "older frameworks use the older field")]
    fn sets(&self, linux: Option<&v1::LinuxInfo>) -> Result<Sets, String> {
        let old = linux.and_then(|linux| linux.capability_info.as_ref());
        let new = linux.and_then(|linux| linux.effective_capabilities.as_ref());
        if old.is_some() && new.is_some() {
            return Err("Only one of 'capability_info' or 'effective_capabilities' is allowed".to_owned());
        }
        let asked = new.or(old).map(convert).transpose()?;
        let effective = asked.or(self.effective);
        let asked_bounding =
            linux.and_then(|linux| linux.bounding_capabilities.as_ref()).map(convert).transpose()?;
        if let (Some(asked), Some(allowed)) = (asked_bounding, self.bounding)
            && !asked.is_within(allowed)
        {
            return Err("the bounding capabilities are more than `--bounding_capabilities` allows".to_owned());
        }
        let bounding = asked_bounding.or(self.bounding).or(effective);
        if let (Some(effective), Some(bounding)) = (effective, bounding)
            && !effective.is_within(bounding)
        {
            return Err("the requested capabilities are more than the bounding ones".to_owned());
        }
        Ok(Sets { effective, bounding })
    }
}

/// Reads a set of a message.
pub(crate) fn convert(info: &v1::CapabilityInfo) -> Result<Capabilities, String> {
    info.capabilities().try_fold(Capabilities::default(), |set, capability| {
        let name = capability.as_str_name();
        Capabilities::named(name)
            .map(|one| set.with(one))
            .ok_or_else(|| format!("unknown capability `{name}`"))
    })
}

impl Isolator for LinuxCapabilities {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, config: &ContainerConfig, plan: &mut Plan) -> Result<(), LaunchError> {
        let linux = config.container.as_ref().and_then(|container| container.linux_info.as_ref());
        let Sets { effective, bounding } =
            self.sets(linux).map_err(|why| LaunchError::Refused { isolator: NAME, why })?;
        plan.effective = effective.map(Capabilities::bits);
        plan.bounding = bounding.map(Capabilities::bits);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> Capabilities {
        names.iter().fold(Capabilities::default(), |set, name| set.with(Capabilities::named(name).unwrap()))
    }

    #[expect(clippy::unnecessary_wraps, reason = "the fields that it is for are optional")]
    fn info(names: &[&str]) -> Option<v1::CapabilityInfo> {
        let capabilities = names
            .iter()
            .map(|name| v1::capability_info::Capability::from_str_name(name).unwrap().into())
            .collect();
        Some(v1::CapabilityInfo { capabilities })
    }

    fn sets(
        isolator: &LinuxCapabilities,
        effective: Option<v1::CapabilityInfo>,
        bounding: Option<v1::CapabilityInfo>,
    ) -> Result<Sets, String> {
        isolator.sets(Some(&v1::LinuxInfo {
            effective_capabilities: effective,
            bounding_capabilities: bounding,
            ..v1::LinuxInfo::default()
        }))
    }

    #[test]
    fn what_is_not_asked_for_is_what_the_flags_say() {
        let open = LinuxCapabilities { effective: None, bounding: None };
        assert_eq!(sets(&open, None, None), Ok(Sets { effective: None, bounding: None }));
        let chown = Some(set(&["CHOWN"]));
        assert_eq!(sets(&open, info(&["CHOWN"]), None), Ok(Sets { effective: chown, bounding: chown }));
        let narrow = LinuxCapabilities { effective: chown, bounding: Some(set(&["CHOWN", "KILL"])) };
        let expected = Sets { effective: chown, bounding: Some(set(&["CHOWN", "KILL"])) };
        assert_eq!(sets(&narrow, None, None), Ok(expected));
    }

    #[test]
    fn more_than_is_allowed_is_refused() {
        let narrow = LinuxCapabilities { effective: None, bounding: Some(set(&["CHOWN"])) };
        assert!(sets(&narrow, info(&["KILL"]), None).is_err());
        assert!(sets(&narrow, None, info(&["KILL"])).is_err());
        assert!(sets(&narrow, info(&["CHOWN"]), info(&["CHOWN"])).is_ok());
    }
}
