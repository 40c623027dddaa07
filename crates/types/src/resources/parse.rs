//! Resources as operators write them: `cpus:4;mem:1024;ports:[31000-32000];cpus(role):8`, or a JSON array.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::{Discriminant, discriminant};

use tepui_proto::{JsonDialect, JsonError, MesosMessage, v1};

use super::{ResourceError, Resources, ResourcesError};
use crate::reservation::{Reservation, ReservationKind};
use crate::resource::{Resource, ResourceValue};
use crate::role::{DEFAULT_ROLE, validate_role};
use crate::scalar::Scalar;
use crate::set::Set;
use crate::value::{Value, ValueError, parse_value, tokens};

/// The characters that stout's `trim` takes away.
const WHITESPACE: [char; 4] = [' ', '\t', '\n', '\r'];

impl Resources {
    /// Reads what an operator wrote. What names no role is reserved to `default_role`, unless that is `*`.
    pub fn parse(text: &str, default_role: &str) -> Result<Self, ResourcesError> {
        let resources = match parse_json(text)? {
            Some(protos) => Self::from_operator_protos(protos, default_role)?,
            None => Self::parse_simple(text, default_role)?,
        };
        resources.validate_for_operators()?;
        Ok(resources)
    }

    /// The names that an operator wrote, of empty resources too: `ports:[]` says that there are none.
    pub fn names_in(text: &str) -> Result<BTreeSet<String>, ResourcesError> {
        match parse_json(text)? {
            Some(protos) => Ok(protos.into_iter().map(|proto| proto.name).collect()),
            None => tokens(text, &[';'])
                .map(|token| Ok(parse_resource(token, DEFAULT_ROLE)?.name().to_owned()))
                .collect(),
        }
    }

    #[expect(deprecated, reason = "the old formats say the role here")]
    fn from_operator_protos(protos: Vec<v1::Resource>, default_role: &str) -> Result<Self, ResourcesError> {
        let mut resources = Self::new();
        for mut proto in protos {
            if proto.role.is_none() && proto.reservations.is_empty() {
                proto.role = Some(default_role.to_owned());
            }
            resources.add(Resource::from_proto(&proto)?);
        }
        Ok(resources)
    }

    fn parse_simple(text: &str, default_role: &str) -> Result<Self, ResourcesError> {
        let mut resources = Self::new();
        for token in tokens(text, &[';']) {
            resources.add(parse_resource(token, default_role)?);
        }
        Ok(resources)
    }

    /// Refuses what an operator cannot give to an agent by flag.
    fn validate_for_operators(&self) -> Result<(), ResourcesError> {
        let mut types: BTreeMap<&str, Discriminant<ResourceValue>> = BTreeMap::new();
        for resource in self {
            if resource.is_persistent_volume() {
                return Err(ResourcesError::VolumeInText);
            }
            if resource.is_revocable() {
                return Err(ResourcesError::RevocableInText);
            }
            if resource.is_dynamically_reserved() {
                return Err(ResourcesError::DynamicReservationInText);
            }
            let own = discriminant(resource.value());
            if *types.entry(resource.name()).or_insert(own) != own {
                return Err(ResourcesError::MixedTypes(resource.name().to_owned()));
            }
        }
        Ok(())
    }
}

/// Reads a JSON array of resources; `None` if the text is none, and then is to be read as simple text.
fn parse_json(text: &str) -> Result<Option<Vec<v1::Resource>>, ResourcesError> {
    if !is_one_array(text.trim()) {
        return Ok(None);
    }
    // The array becomes the field of a message that has only lists.
    let wrapped = format!("{{\"resources\":{text}}}");
    match v1::offer::operation::Reserve::from_json(JsonDialect::V1, wrapped.as_bytes()) {
        Ok(reserve) => Ok(Some(reserve.resources)),
        Err(JsonError::Syntax(_)) => Ok(None),
        Err(JsonError::Schema(reason)) => Err(ResourcesError::BadJson(reason)),
    }
}

/// Tells whether a text that starts with `[` ends with the bracket that closes it, and so can be put into a message.
fn is_one_array(text: &str) -> bool {
    let mut depth = 0_usize;
    let mut quoted = false;
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => depth += 1,
            b']' | b'}' if !quoted => match depth {
                0 => return false,
                1 => return text.starts_with('[') && byte == b']' && index + 1 == text.len(),
                _ => depth -= 1,
            },
            _ if depth == 0 => return false,
            _ => {}
        }
    }
    false
}

fn parse_resource(token: &str, default_role: &str) -> Result<Resource, ResourcesError> {
    let mut parts = tokens(token, &[':']);
    let (Some(left), Some(value), None) = (parts.next(), parts.next(), parts.next()) else {
        return Err(ResourcesError::BadColons(token.to_owned()));
    };
    let (name, role) = match left.split_once('(') {
        None => (left, default_role),
        Some((name, rest)) => match rest.split_once(')') {
            Some((role, _)) if !name.contains(')') => (name, role.trim_matches(WHITESPACE)),
            _ => return Err(ResourcesError::BadParentheses(token.to_owned())),
        },
    };
    let name = name.trim_matches(WHITESPACE);
    let bad_value = |reason| {
        if reason == ValueError::InvertedRange {
            return ResourceError::InvertedRange.into();
        }
        ResourcesError::BadValue { name: name.to_owned(), value: value.to_owned(), reason }
    };
    let value = match parse_value(value).map_err(bad_value)? {
        Value::Scalar(amount) => ResourceValue::Scalar(parse_amount(amount)?),
        Value::Ranges(ranges) => ResourceValue::Ranges(ranges),
        Value::Set(items) => ResourceValue::Set(parse_set(items)?),
        Value::Text(_) => {
            return Err(ResourcesError::BadType { name: name.to_owned(), value: value.to_owned() });
        }
    };
    if name.is_empty() {
        return Err(ResourceError::EmptyName.into());
    }
    let mut resource = Resource::new(name, value);
    if role != DEFAULT_ROLE {
        validate_role(role).map_err(ResourceError::Role)?;
        let reservation =
            Reservation { kind: ReservationKind::Static, role: role.into(), principal: None, labels: None };
        resource.edit_details(|details| details.reservations.push(reservation));
    }
    Ok(resource)
}

fn parse_amount(amount: f64) -> Result<Scalar, ResourceError> {
    let scalar = Scalar::try_from_f64(amount).filter(|scalar| amount == 0.0 || !scalar.is_zero());
    scalar.ok_or(ResourceError::NotPositive)
}

fn parse_set(items: Vec<String>) -> Result<Set, ResourceError> {
    let count = items.len();
    let set = Set::new(items);
    if set.len() == count { Ok(set) } else { Err(ResourceError::DuplicatedElements) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Resources, ResourcesError> {
        Resources::parse(text, "*")
    }

    #[test]
    fn texts_read_and_show_as_in_mesos() {
        for (text, shown) in [
            ("", "{}"),
            ("cpus:0", "{}"),
            ("cpus:4;mem:1024;ports:[31000-32000]", "cpus:4; mem:1024; ports:[31000-32000]"),
            ("cpus : 4 ; mem:1.5;", "cpus:4; mem:1.5"),
            ("cpus:1;mem:2;cpus:3", "cpus:4; mem:2"),
            ("x:{a, b};x:{c}", "x:{a, b, c}"),
            ("ports:[3-4, 1-2, 9-9]", "ports:[1-4, 9-9]"),
            ("cpus(role):8;cpus:2", "cpus(reservations: [(STATIC,role)]):8; cpus:2"),
            ("cpus( a/b ):8", "cpus(reservations: [(STATIC,a/b)]):8"),
            ("cpus(*):8", "cpus:8"),
            ("cpus:1;mem:.5;disk:5.;gpus:0", "cpus:1; mem:0.5; disk:5"),
            ("x:{b, a}; y : 3 ", "x:{b, a}; y:3"),
        ] {
            assert_eq!(parse(text).map(|resources| resources.to_string()), Ok(shown.to_owned()), "{text}");
        }
        let reserved = Resources::parse("cpus:1;mem(*):2", "ads").unwrap();
        assert_eq!(reserved.to_string(), "cpus(reservations: [(STATIC,ads)]):1; mem:2");
    }

    #[test]
    fn refusals_say_what_mesos_says() {
        for (text, refusal) in [
            ("cpus", "Bad value for resources, missing or extra ':' in cpus"),
            ("cpus:1:2", "Bad value for resources, missing or extra ':' in cpus:1:2"),
            ("cpus(a:1", "Bad value for resources, mismatched parentheses in cpus(a:1"),
            ("cpus)a(:1", "Bad value for resources, mismatched parentheses in cpus)a(:1"),
            ("cpus:0x10", "Bad type for resource cpus value 0x10 type TEXT"),
            ("ports:[5-4]", "Invalid ranges resource: begin > end"),
            ("cpus:x", "Bad type for resource cpus value x type TEXT"),
            ("ports:[1-2", "Failed to parse resource ports value [1-2 error Mismatched brackets"),
            (
                "cpus:-1",
                "Failed to parse resource cpus value -1 error Invalid scalar value '-1':Negative values not supported",
            ),
            ("cpus:0.0001", "Invalid scalar resource: value <= 0"),
            ("cpus:1e300", "Invalid scalar resource: value <= 0"),
            ("x:{a,a}", "Invalid set resource: duplicated elements"),
            (":1", "Bad value for resources, missing or extra ':' in :1"),
            (" :1", "Empty resource name"),
            (
                "cpus(role, principal):8",
                "Role component 'role, principal' is invalid because it contains backspace or whitespace",
            ),
            ("cpus(/a):8", "Role '/a' cannot start with a slash"),
            ("cpus():8", "Role names cannot be the empty string"),
            ("cpus:1;cpus:{a}", "Resources with the same name ('cpus') but different types are not allowed"),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), refusal, "{text}");
        }
    }

    #[test]
    fn json_arrays_of_every_format_are_read() {
        let text = r#" [
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": 4}},
            {"name": "mem", "type": "SCALAR", "scalar": {"value": 8}, "role": "a"},
            {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 1, "end": 2}]},
             "reservations": [{"type": "STATIC", "role": "b"}]}
        ] "#;
        assert_eq!(
            parse(text).unwrap().to_string(),
            "cpus:4; mem(reservations: [(STATIC,a)]):8; ports(reservations: [(STATIC,b)]):[1-2]"
        );
        assert_eq!(parse("[]").unwrap().to_string(), "{}");
        let reserved = Resources::parse(text, "r").unwrap();
        assert_eq!(reserved.reserved(Some("r")).to_string(), "cpus(reservations: [(STATIC,r)]):4");
    }

    #[test]
    fn json_that_operators_cannot_give_is_refused() {
        let refusal = |fields: &str| {
            let text = format!(r#"[{{"name":"disk","type":"SCALAR","scalar":{{"value":4}},{fields}}}]"#);
            parse(&text).unwrap_err()
        };
        assert_eq!(refusal(r#""revocable":{}"#), ResourcesError::RevocableInText);
        assert_eq!(refusal(r#""role":"a","reservation":{}"#), ResourcesError::DynamicReservationInText);
        let volume =
            r#""role":"a","disk":{"persistence":{"id":"i"},"volume":{"mode":"RW","container_path":"p"}}"#;
        assert_eq!(refusal(volume), ResourcesError::VolumeInText);
        assert!(matches!(parse(r#"[{"name":"cpus"}]"#), Err(ResourcesError::BadJson(_))));
        for text in ["[", "[]]", r#"[],"source":[1]"#, r#"[{"name":"x"]"#, "[}"] {
            // What is no JSON array is simple text.
            assert!(!matches!(parse(text), Ok(_) | Err(ResourcesError::BadJson(_))), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_can_be_read(cpus in 0_i64..100_000, begin in 0_u64..100, more in 0_u64..100) {
            let cpus = Scalar::from_thousandths(cpus);
            let resources = parse(&format!("cpus:{cpus};ports:[{begin}-{}];x:{{a,b}}", begin + more)).unwrap();
            prop_assert_eq!(resources.cpus().unwrap_or_default(), cpus);
            prop_assert_eq!(parse(&resources.to_string()), Ok(resources));
        }

        #[test]
        fn no_text_panics(text in "[0-9a-z\\[\\]{}(),:;\\-. é*]{0,24}") {
            let _ = parse(&text);
        }
    }
}
