//! What frameworks demand of the agents that they are offered.
//!
//! An agent suits a role if it holds every constraint of any one of its groups. What a constraint looks at is an
//! attribute of the agent, or one of the facts that count as attributes.

mod pattern;
mod re2;

use tepui_types::AttributeValue;

use crate::agent::AgentDescription;

pub use pattern::{Pattern, PatternError, PatternLimits};

/// The constraints of one role: an agent must satisfy one of the groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleConstraints {
    /// At least one.
    pub groups: Vec<Vec<AttributeConstraint>>,
}

/// One demand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeConstraint {
    /// What it looks at.
    pub selector: Selector,
    /// What must hold of that.
    pub predicate: Predicate,
}

/// What a constraint looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// The first attribute of this name.
    Attribute(String),
    /// The host name of the agent.
    Hostname,
    /// The region of its fault domain.
    Region,
    /// The zone of its fault domain.
    Zone,
}

/// What must hold of an attribute. Of one that is no text, all but the first two hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Predicate {
    /// It is there.
    Exists,
    /// It is not there.
    NotExists,
    /// It is this text.
    TextEquals(String),
    /// It is not this text, or not there.
    TextNotEquals(String),
    /// The pattern matches all of it.
    TextMatches(Pattern),
    /// The pattern does not match all of it, or it is not there.
    TextNotMatches(Pattern),
}

/// What a selector found.
#[derive(Clone, Copy)]
enum Found<'a> {
    Nothing,
    Text(&'a str),
    Other,
}

impl RoleConstraints {
    /// Tells whether an agent may be offered.
    pub(crate) fn admit(&self, agent: &AgentDescription) -> bool {
        self.groups.iter().any(|group| group.iter().all(|constraint| constraint.holds(agent)))
    }
}

impl AttributeConstraint {
    fn holds(&self, agent: &AgentDescription) -> bool {
        self.predicate.holds(self.selector.look(agent))
    }
}

impl Selector {
    fn look<'a>(&self, agent: &'a AgentDescription) -> Found<'a> {
        let domain = agent.domain.as_ref();
        let text = |text: Option<&'a String>| text.map_or(Found::Nothing, |text| Found::Text(text));
        match self {
            Self::Attribute(name) => {
                let attribute = agent.attributes.iter().find(|attribute| attribute.name == *name);
                match attribute.map(|attribute| &attribute.value) {
                    None => Found::Nothing,
                    Some(AttributeValue::Text(text)) => Found::Text(text),
                    Some(AttributeValue::Scalar(_) | AttributeValue::Ranges(_)) => Found::Other,
                }
            }
            Self::Hostname => Found::Text(&agent.hostname),
            Self::Region => text(domain.map(|domain| &domain.region)),
            Self::Zone => text(domain.map(|domain| &domain.zone)),
        }
    }
}

impl Predicate {
    #[expect(clippy::match_same_arms, reason = "each line is one rule")]
    fn holds(&self, found: Found<'_>) -> bool {
        match (self, found) {
            (Self::Exists | Self::TextEquals(_) | Self::TextMatches(_), Found::Nothing) => false,
            (Self::NotExists | Self::TextNotEquals(_) | Self::TextNotMatches(_), Found::Nothing) => true,
            (Self::Exists, Found::Text(_) | Found::Other) => true,
            (Self::NotExists, Found::Text(_) | Found::Other) => false,
            (Self::TextEquals(wanted), Found::Text(text)) => text == wanted,
            (Self::TextNotEquals(unwanted), Found::Text(text)) => text != unwanted,
            (Self::TextMatches(pattern), Found::Text(text)) => pattern.matches(text),
            (Self::TextNotMatches(pattern), Found::Text(text)) => !pattern.matches(text),
            (
                Self::TextEquals(_) | Self::TextNotEquals(_) | Self::TextMatches(_) | Self::TextNotMatches(_),
                Found::Other,
            ) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use tepui_types::Attributes;

    use super::*;
    use crate::agent::FaultDomain;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text, PatternLimits::default()).unwrap()
    }

    fn admitted(selector: Selector, predicate: Predicate) -> bool {
        let agent = AgentDescription {
            hostname: "host.example".to_owned(),
            attributes: Attributes::parse("rack:r1;level:3;rack:r2").unwrap(),
            domain: Some(FaultDomain { region: "north".to_owned(), zone: "n1".to_owned() }),
            ..AgentDescription::default()
        };
        RoleConstraints { groups: vec![vec![AttributeConstraint { selector, predicate }]] }.admit(&agent)
    }

    #[test]
    fn predicates_judge_what_is_there_and_what_is_not() {
        let rack = || Selector::Attribute("rack".to_owned());
        let level = || Selector::Attribute("level".to_owned());
        let other = || Selector::Attribute("other".to_owned());
        let text = str::to_owned;
        for (predicate, of_rack, of_level, of_other) in [
            (Predicate::Exists, true, true, false),
            (Predicate::NotExists, false, false, true),
            (Predicate::TextEquals(text("r1")), true, true, false),
            (Predicate::TextEquals(text("r2")), false, true, false),
            (Predicate::TextNotEquals(text("r1")), false, true, true),
            (Predicate::TextNotEquals(text("r2")), true, true, true),
            (Predicate::TextMatches(pattern("r[0-9]")), true, true, false),
            (Predicate::TextMatches(pattern("r")), false, true, false),
            (Predicate::TextNotMatches(pattern("r.")), false, true, true),
            (Predicate::TextNotMatches(pattern("x")), true, true, true),
        ] {
            let judged = [rack(), level(), other()].map(|selector| admitted(selector, predicate.clone()));
            assert_eq!(judged, [of_rack, of_level, of_other], "{predicate:?}");
        }
    }

    #[test]
    fn host_and_domain_count_as_attributes() {
        let equals = |text: &str| Predicate::TextEquals(text.to_owned());
        assert!(admitted(Selector::Hostname, equals("host.example")));
        assert!(admitted(Selector::Region, equals("north")));
        assert!(admitted(Selector::Zone, equals("n1")));
        assert!(!admitted(Selector::Zone, equals("north")));
    }

    #[test]
    fn an_agent_without_domain_has_no_region() {
        let exists = |selector| AttributeConstraint { selector, predicate: Predicate::Exists };
        let agent = AgentDescription::default();
        for selector in [Selector::Region, Selector::Zone] {
            assert!(!RoleConstraints { groups: vec![vec![exists(selector)]] }.admit(&agent));
        }
    }

    #[test]
    fn one_group_must_hold_as_a_whole() {
        let hostname = |text: &str| AttributeConstraint {
            selector: Selector::Hostname,
            predicate: Predicate::TextEquals(text.to_owned()),
        };
        let agent = AgentDescription { hostname: "a".to_owned(), ..AgentDescription::default() };
        let admits = |groups| RoleConstraints { groups }.admit(&agent);
        assert!(admits(vec![vec![hostname("b")], vec![hostname("a")]]));
        assert!(!admits(vec![vec![hostname("b"), hostname("a")]]));
    }
}
