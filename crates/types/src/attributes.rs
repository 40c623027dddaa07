//! An agent's attributes: what an operator says of a machine, such as `rack:r1;zone:a;level:3`.

use std::fmt;

use tepui_proto::v1;
use tepui_proto::v1::value::Type;

use crate::ranges::Ranges;
use crate::scalar::Scalar;
use crate::value::{Value, ValueError, parse_value, tokens};

/// Attributes are few; beyond this many, order counts, so that comparing cannot take quadratic time.
const MAX_UNORDERED: usize = 256;

/// What an attribute says.
#[derive(Clone, Debug)]
pub enum AttributeValue {
    /// A number, as it was written.
    Scalar(f64),
    /// Whole numbers.
    Ranges(Ranges),
    /// Free text.
    Text(String),
}

/// One attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// Its name, which need not be unique.
    pub name: String,
    /// What it says.
    pub value: AttributeValue,
}

/// The attributes of an agent, in the order in which they were written.
#[derive(Clone, Debug, Default)]
pub struct Attributes(Vec<Attribute>);

/// Attributes that are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttributesError {
    /// A part has not the form `name:value`.
    #[error("Invalid attribute key:value pair '{0}'")]
    BadPair(String),
    /// A value cannot be read.
    #[error("Failed to parse attribute {name} text {text} error {reason}")]
    BadValue {
        /// The attribute's name.
        name: String,
        /// The value.
        text: String,
        /// What is wrong.
        reason: ValueError,
    },
    /// A value is a set.
    #[error("Bad type for attribute {name} text {text} type SET")]
    BadType {
        /// The attribute's name.
        name: String,
        /// The value.
        text: String,
    },
    /// A message has no name, or not the value that its type says.
    #[error("attribute `{0}` has not exactly a name and the value that its type says")]
    BadProto(String),
}

impl Attributes {
    /// Reads `name:value;name:value`. The value may contain colons.
    pub fn parse(text: &str) -> Result<Self, AttributesError> {
        tokens(text, &[';', '\n']).map(parse_attribute).collect::<Result<_, _>>().map(Self)
    }

    /// Reads messages.
    pub fn from_protos(protos: &[v1::Attribute]) -> Result<Self, AttributesError> {
        protos.iter().map(Attribute::from_proto).collect::<Result<_, _>>().map(Self)
    }

    /// The messages that carry the attributes.
    pub fn to_protos(&self) -> Vec<v1::Attribute> {
        self.0.iter().map(Attribute::to_proto).collect()
    }

    /// The attributes.
    pub fn iter(&self) -> std::slice::Iter<'_, Attribute> {
        self.0.iter()
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for &'a Attributes {
    type Item = &'a Attribute;
    type IntoIter = std::slice::Iter<'a, Attribute>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Equal if each has what the other has, in whatever order and however often.
impl PartialEq for Attributes {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && (self.0 == other.0
                || (self.0.len() <= MAX_UNORDERED
                    && self.0.iter().all(|own| other.0.contains(own))
                    && other.0.iter().all(|own| self.0.contains(own))))
    }
}

impl PartialEq for AttributeValue {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Scalar(own), Self::Scalar(other)) => Scalar::from_f64(*own) == Scalar::from_f64(*other),
            (Self::Ranges(own), Self::Ranges(other)) => own == other,
            (Self::Text(own), Self::Text(other)) => own == other,
            (Self::Scalar(_) | Self::Ranges(_) | Self::Text(_), _) => false,
        }
    }
}

fn parse_attribute(pair: &str) -> Result<Attribute, AttributesError> {
    let (name, text) = pair
        .split_once(':')
        .filter(|(name, text)| !name.is_empty() && !text.is_empty())
        .ok_or_else(|| AttributesError::BadPair(pair.to_owned()))?;
    let (name, text) = (name.to_owned(), text.to_owned());
    match parse_value(&text) {
        Ok(Value::Scalar(number)) => Ok(Attribute { name, value: AttributeValue::Scalar(number) }),
        Ok(Value::Ranges(ranges)) => Ok(Attribute { name, value: AttributeValue::Ranges(ranges) }),
        Ok(Value::Text(text)) => Ok(Attribute { name, value: AttributeValue::Text(text) }),
        Ok(Value::Set(_)) => Err(AttributesError::BadType { name, text }),
        Err(reason) => Err(AttributesError::BadValue { name, text, reason }),
    }
}

impl Attribute {
    /// Reads a message.
    pub fn from_proto(proto: &v1::Attribute) -> Result<Self, AttributesError> {
        let value = match Type::try_from(proto.r#type) {
            Ok(Type::Scalar) => proto.scalar.map(|scalar| AttributeValue::Scalar(scalar.value)),
            Ok(Type::Ranges) => proto.ranges.as_ref().map(|ranges| AttributeValue::Ranges(ranges.into())),
            Ok(Type::Text) => proto.text.as_ref().map(|text| AttributeValue::Text(text.value.clone())),
            Ok(Type::Set) | Err(_) => None,
        };
        let bad = || AttributesError::BadProto(proto.name.clone());
        let value = value.filter(|_| !proto.name.is_empty()).ok_or_else(bad)?;
        Ok(Self { name: proto.name.clone(), value })
    }

    /// The message that carries this attribute.
    pub fn to_proto(&self) -> v1::Attribute {
        let mut proto = v1::Attribute { name: self.name.clone(), ..v1::Attribute::default() };
        match &self.value {
            AttributeValue::Scalar(value) => {
                proto.r#type = Type::Scalar.into();
                proto.scalar = Some(v1::value::Scalar { value: *value });
            }
            AttributeValue::Ranges(ranges) => {
                proto.r#type = Type::Ranges.into();
                proto.ranges = Some(ranges.to_proto());
            }
            AttributeValue::Text(text) => {
                proto.r#type = Type::Text.into();
                proto.text = Some(v1::value::Text { value: text.clone() });
            }
        }
        proto
    }
}

impl fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(value) => write!(f, "{}", Scalar::from_f64(*value)),
            Self::Ranges(ranges) => write!(f, "{ranges}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_read_and_show_as_in_mesos() {
        let attributes =
            Attributes::parse("rack:r 1;level:3.5;ports:[1-2,3-4];url:http://x:80\nz:1").unwrap();
        let shown: Vec<String> = attributes.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["rack=r1", "level=3.5", "ports=[1-4]", "url=http://x:80", "z=1"]);
        assert_eq!(Attributes::from_protos(&attributes.to_protos()), Ok(attributes));
    }

    #[test]
    fn order_does_not_matter() {
        let parse = |text| Attributes::parse(text).unwrap();
        assert_eq!(parse("a:1;b:x"), parse("b:x;a:1.0001"));
        assert_ne!(parse("a:1"), parse("a:2"));
        assert_ne!(parse("a:1"), parse("a:1;a:1"));
    }

    #[test]
    fn refusals_name_the_fault() {
        let refusal = |text| Attributes::parse(text).unwrap_err().to_string();
        assert_eq!(refusal("rack"), "Invalid attribute key:value pair 'rack'");
        assert_eq!(refusal(":x"), "Invalid attribute key:value pair ':x'");
        assert_eq!(refusal("a:{x}"), "Bad type for attribute a text {x} type SET");
        assert_eq!(refusal("a:[1"), "Failed to parse attribute a text [1 error Mismatched brackets");
        let set =
            v1::Attribute { name: "a".to_owned(), r#type: Type::Set.into(), ..v1::Attribute::default() };
        assert!(Attributes::from_protos(&[set]).is_err());
    }
}
