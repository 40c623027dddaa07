//! What an id that a framework chooses may look like. Ids become names of folders.

/// The longest id, in bytes: the longest name of a file.
pub const MAX_ID_BYTES: usize = 255;

/// An id that is refused. Its texts are Mesos' own, because clients show and match them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The id has no characters.
    #[error("ID must not be empty")]
    Empty,
    /// The id would not fit a file name.
    #[error("ID must not be greater than 255 characters")]
    TooLong,
    /// The id is `.` or `..`.
    #[error("'{0}' is disallowed")]
    Disallowed(String),
    /// The id has a slash, a backslash or a control character.
    #[error("'{0}' contains invalid characters")]
    InvalidCharacters(String),
}

/// Checks the rules that all ids share.
pub fn validate_id(id: &str) -> Result<(), IdError> {
    if id.is_empty() {
        return Err(IdError::Empty);
    }
    if id.len() > MAX_ID_BYTES {
        return Err(IdError::TooLong);
    }
    if id == "." || id == ".." {
        return Err(IdError::Disallowed(id.to_owned()));
    }
    if id.bytes().any(|byte| byte.is_ascii_control() || byte == b'/' || byte == b'\\') {
        return Err(IdError::InvalidCharacters(id.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_what_mesos_says() {
        let refusal = |id: &str| validate_id(id).unwrap_err().to_string();
        assert_eq!(refusal(""), "ID must not be empty");
        assert_eq!(refusal(&"x".repeat(256)), "ID must not be greater than 255 characters");
        assert_eq!(refusal("."), "'.' is disallowed");
        assert_eq!(refusal(".."), "'..' is disallowed");
        assert_eq!(refusal("a/b"), "'a/b' contains invalid characters");
        assert_eq!(refusal("a\\b"), "'a\\b' contains invalid characters");
        assert_eq!(refusal("a\u{7f}b"), "'a\u{7f}b' contains invalid characters");
        assert_eq!(refusal("a\nb"), "'a\nb' contains invalid characters");
    }

    #[test]
    fn spaces_dots_and_other_scripts_are_allowed() {
        for id in ["a b", "...", "é", "a:b", &"x".repeat(255)] {
            assert_eq!(validate_id(id), Ok(()), "{id}");
        }
    }
}
