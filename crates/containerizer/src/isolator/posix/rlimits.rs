//! `posix/rlimits`: a container's processes get the limits that it asks for.

use tepui_linux::LimitedResource;
use tepui_proto::v1;

use crate::isolator::Isolator;
use crate::launcher::{Limit, Plan};
use crate::{ContainerConfig, LaunchError};

const NAME: &str = "posix/rlimits";

#[derive(Debug)]
pub(crate) struct Rlimits;

impl Isolator for Rlimits {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, config: &ContainerConfig, plan: &mut Plan) -> Result<(), LaunchError> {
        let info = config.container.as_ref().and_then(|container| container.rlimit_info.as_ref());
        for limit in info.into_iter().flat_map(|info| &info.rlimits) {
            let limit = convert(limit).map_err(|why| LaunchError::Refused { isolator: NAME, why })?;
            plan.limits.push(limit);
        }
        Ok(())
    }
}

fn convert(limit: &v1::r_limit_info::RLimit) -> Result<Limit, String> {
    let name = limit.r#type().as_str_name();
    let resource = LimitedResource::named(name.trim_start_matches("RLMT_"))
        .ok_or_else(|| format!("unknown resource limit `{name}`"))?;
    let (soft, hard) = match (limit.soft, limit.hard) {
        (Some(soft), Some(hard)) if soft <= hard => (soft, hard),
        (Some(_), Some(_)) => return Err(format!("the soft limit of `{name}` is above the hard one")),
        (None, None) => (u64::MAX, u64::MAX),
        (Some(_), None) | (None, Some(_)) => {
            return Err(format!("`{name}` has one of its two limits; give both or none"));
        }
    };
    Ok(Limit { resource: resource.number(), soft, hard })
}

#[cfg(test)]
mod tests {
    use v1::r_limit_info::RLimit;
    use v1::r_limit_info::r_limit::Type;

    use super::*;

    #[test]
    fn limits_come_in_pairs_or_not_at_all() {
        let limit = |soft, hard| RLimit { r#type: Some(Type::RlmtNofile.into()), soft, hard };
        assert_eq!(convert(&limit(Some(1), Some(2))), Ok(Limit { resource: 7, soft: 1, hard: 2 }));
        assert_eq!(convert(&limit(None, None)), Ok(Limit { resource: 7, soft: u64::MAX, hard: u64::MAX }));
        assert!(convert(&limit(Some(3), Some(2))).is_err());
        assert!(convert(&limit(Some(3), None)).is_err());
        assert!(convert(&RLimit::default()).is_err());
    }
}
