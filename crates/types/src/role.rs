//! Roles: paths such as `eng/ads/frontend` that share the cluster's resources.

/// The role of whoever chose none.
pub const DEFAULT_ROLE: &str = "*";

/// The longest role, in bytes: roles are keys of the registry, and parts of many messages.
const MAX_ROLE_BYTES: usize = 1024;

/// The deepest role. People organise things in a handful of levels.
const MAX_ROLE_DEPTH: usize = 64;

/// A role that is refused. Its texts are Mesos' own, because clients show and match them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    /// The role starts with a slash.
    #[error("Role '{0}' cannot start with a slash")]
    LeadingSlash(String),
    /// The role ends with a slash.
    #[error("Role '{0}' cannot end with a slash")]
    TrailingSlash(String),
    /// The role has an empty component.
    #[error("Role '{0}' cannot contain two adjacent slashes")]
    AdjacentSlashes(String),
    /// The role has no characters.
    #[error("Role names cannot be the empty string")]
    Empty,
    /// The role is too long.
    #[error("Role names cannot be longer than {MAX_ROLE_BYTES} bytes")]
    TooLong,
    /// The role has too many components.
    #[error("Role names cannot have more than {MAX_ROLE_DEPTH} components")]
    TooDeep,
    /// A component is `.`, `..` or `*`.
    #[error("Role '{role}' cannot include '{component}' as a component")]
    SpecialComponent {
        /// The whole role.
        role: String,
        /// The component.
        component: &'static str,
    },
    /// A component starts with a dash.
    #[error("Role component '{0}' is invalid because it starts with a dash")]
    LeadingDash(String),
    /// A component has a space, a tab, a line break or a delete character.
    #[error("Role component '{0}' is invalid because it contains backspace or whitespace")]
    Whitespace(String),
}

/// Checks the rules for the names of roles.
pub fn validate_role(role: &str) -> Result<(), RoleError> {
    if role == DEFAULT_ROLE {
        return Ok(());
    }
    if role.starts_with('/') {
        return Err(RoleError::LeadingSlash(role.to_owned()));
    }
    if role.ends_with('/') {
        return Err(RoleError::TrailingSlash(role.to_owned()));
    }
    if role.contains("//") {
        return Err(RoleError::AdjacentSlashes(role.to_owned()));
    }
    if role.is_empty() {
        return Err(RoleError::Empty);
    }
    if role.len() > MAX_ROLE_BYTES {
        return Err(RoleError::TooLong);
    }
    if role.split('/').count() > MAX_ROLE_DEPTH {
        return Err(RoleError::TooDeep);
    }
    role.split('/').try_for_each(|component| validate_component(role, component))
}

fn validate_component(role: &str, component: &str) -> Result<(), RoleError> {
    for special in [".", "..", "*"] {
        if component == special {
            return Err(RoleError::SpecialComponent { role: role.to_owned(), component: special });
        }
    }
    if component.starts_with('-') {
        return Err(RoleError::LeadingDash(component.to_owned()));
    }
    // Compat: other control characters and other scripts' spaces are allowed.
    if component.bytes().any(|byte| matches!(byte, 0x09..=0x0d | b' ' | 0x7f)) {
        return Err(RoleError::Whitespace(component.to_owned()));
    }
    Ok(())
}

/// Tells whether `role` lies below `ancestor` in the tree of roles.
pub fn is_strict_subrole(role: &str, ancestor: &str) -> bool {
    role.strip_prefix(ancestor).is_some_and(|rest| rest.starts_with('/'))
}

/// The roles above `role`, the nearest first: `a/b/c` gives `a/b` and `a`.
pub fn ancestors(role: &str) -> impl Iterator<Item = &str> {
    role.rmatch_indices('/').map(|(slash, _)| &role[..slash])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_what_mesos_says() {
        for (role, text) in [
            ("", "Role names cannot be the empty string"),
            ("/a", "Role '/a' cannot start with a slash"),
            ("/", "Role '/' cannot start with a slash"),
            ("a/", "Role 'a/' cannot end with a slash"),
            ("a//b", "Role 'a//b' cannot contain two adjacent slashes"),
            (".", "Role '.' cannot include '.' as a component"),
            ("a/..", "Role 'a/..' cannot include '..' as a component"),
            ("a/*", "Role 'a/*' cannot include '*' as a component"),
            ("-a", "Role component '-a' is invalid because it starts with a dash"),
            ("x/a b", "Role component 'a b' is invalid because it contains backspace or whitespace"),
            ("a\u{7f}", "Role component 'a\u{7f}' is invalid because it contains backspace or whitespace"),
        ] {
            assert_eq!(validate_role(role).unwrap_err().to_string(), text);
        }
        let deep = |components: usize| vec!["a"; components].join("/");
        assert_eq!(validate_role(&deep(MAX_ROLE_DEPTH)), Ok(()));
        assert_eq!(validate_role(&deep(MAX_ROLE_DEPTH + 1)), Err(RoleError::TooDeep));
        assert_eq!(validate_role(&"a".repeat(MAX_ROLE_BYTES)), Ok(()));
        assert_eq!(validate_role(&"a".repeat(MAX_ROLE_BYTES + 1)), Err(RoleError::TooLong));
        for role in ["*", "a", "a/b/c", "a-b", "a.b", "é", "\u{8}"] {
            assert_eq!(validate_role(role), Ok(()), "{role}");
        }
    }

    #[test]
    fn the_tree_of_roles() {
        assert!(is_strict_subrole("a/b", "a"));
        assert!(is_strict_subrole("a/b/c", "a"));
        assert!(!is_strict_subrole("a", "a"));
        assert!(!is_strict_subrole("ab", "a"));
        assert!(!is_strict_subrole("a", "a/b"));
        assert_eq!(ancestors("a/b/c").collect::<Vec<_>>(), ["a/b", "a"]);
        assert_eq!(ancestors("a").count(), 0);
    }
}
