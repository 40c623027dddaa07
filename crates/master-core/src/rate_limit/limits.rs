//! What `--rate_limits` says.

use std::collections::BTreeMap;
use std::time::Duration;

use tepui_proto::v1;

/// Limits by principal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// Principals that are named; those without a limit may call as often as they like.
    pub(super) principals: BTreeMap<String, Option<Limit>>,
    /// Of all other frameworks together.
    pub(super) others: Option<Limit>,
}

/// One limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    /// Between two calls.
    pub(super) interval: Duration,
    /// How many calls may wait.
    pub(super) capacity: Option<u64>,
}

/// Limits that make no sense.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RateLimitsError {
    /// A principal is named twice.
    #[error("principal `{0}` is named twice")]
    Duplicate(String),
    /// A rate is not above zero.
    #[error("`{field}` of {whose} must be a positive number, got `{value}`")]
    Rate {
        /// The field.
        field: &'static str,
        /// Whose.
        whose: String,
        /// What it is.
        value: f64,
    },
}

impl RateLimits {
    /// Checks and reads the flag's message.
    ///
    /// # Errors
    /// A principal is named twice, or a rate is not above zero.
    pub fn from_proto(proto: &v1::RateLimits) -> Result<Self, RateLimitsError> {
        let mut principals = BTreeMap::new();
        for entry in &proto.limits {
            let whose = format!("principal `{}`", entry.principal);
            let limit = limit(entry.qps, entry.capacity, "qps", &whose)?;
            if principals.insert(entry.principal.clone(), limit).is_some() {
                return Err(RateLimitsError::Duplicate(entry.principal.clone()));
            }
        }
        let (qps, capacity) = (proto.aggregate_default_qps, proto.aggregate_default_capacity);
        let others = limit(qps, capacity, "aggregate_default_qps", "all others")?;
        Ok(Self { principals, others })
    }
}

fn limit(
    qps: Option<f64>,
    capacity: Option<u64>,
    field: &'static str,
    whose: &str,
) -> Result<Option<Limit>, RateLimitsError> {
    let Some(qps) = qps else { return Ok(None) };
    if qps.is_nan() || qps <= 0.0 {
        return Err(RateLimitsError::Rate { field, whose: whose.to_owned(), value: qps });
    }
    let interval = Duration::try_from_secs_f64(1.0 / qps).unwrap_or(Duration::MAX);
    Ok(Some(Limit { interval, capacity }))
}

#[cfg(test)]
mod tests {
    use tepui_proto::{JsonDialect, MesosMessage};

    use super::*;

    fn check(json: &str) -> Result<RateLimits, String> {
        let proto = v1::RateLimits::from_json(JsonDialect::V0, json.as_bytes()).unwrap();
        RateLimits::from_proto(&proto).map_err(|error| error.to_string())
    }

    #[test]
    fn what_mesos_accepts_is_read() {
        let limits = check(
            r#"{"limits":[{"principal":"a","qps":2.5,"capacity":10},{"principal":"free"}],
                "aggregate_default_qps":0.5,"aggregate_default_capacity":3}"#,
        );
        let limits = limits.unwrap();
        let a = Limit { interval: Duration::from_millis(400), capacity: Some(10) };
        assert_eq!(limits.principals["a"], Some(a));
        assert_eq!(limits.principals["free"], None);
        assert_eq!(limits.others, Some(Limit { interval: Duration::from_secs(2), capacity: Some(3) }));
        assert_eq!(check("{}").unwrap(), RateLimits::default());
        assert_eq!(
            check(r#"{"aggregate_default_qps":1e-320}"#).unwrap().others.unwrap().interval,
            Duration::MAX
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let twice = check(r#"{"limits":[{"principal":"a"},{"principal":"a"}]}"#);
        assert_eq!(twice.unwrap_err(), "principal `a` is named twice");
        let zero = check(r#"{"limits":[{"principal":"a","qps":0}]}"#);
        assert_eq!(zero.unwrap_err(), "`qps` of principal `a` must be a positive number, got `0`");
        let negative = check(r#"{"aggregate_default_qps":-1.5}"#);
        let expected = "`aggregate_default_qps` of all others must be a positive number, got `-1.5`";
        assert_eq!(negative.unwrap_err(), expected);
    }
}
