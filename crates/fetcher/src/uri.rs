//! What a URI means: where it is read from and under which name it is kept.

use std::path::PathBuf;

use crate::error::Wrong;

/// Where a file comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A file of this machine, an absolute path.
    Local(PathBuf),
    /// `http` or `https`.
    Web(String),
    /// `ftp`.
    Ftp(String),
}

/// Finds out where a URI leads. `frameworks_home` is where relative paths start.
pub(crate) fn source(value: &str, frameworks_home: Option<&str>) -> Result<Source, Wrong> {
    // Compat: white space before a URI is no part of it.
    let value = value.trim_start();
    basename(value)?;
    let path = match value.split_once("://") {
        None => value,
        Some(("file", path)) => return local_uri(path),
        Some(("http" | "https", _)) => return Ok(Source::Web(value.to_owned())),
        Some(("ftp", _)) => return Ok(Source::Ftp(value.to_owned())),
        Some((scheme, _)) => {
            return Err(Wrong(format!(
                "the scheme `{scheme}` is not supported\nhint: use file, http, https or ftp"
            )));
        }
    };
    if path.starts_with('/') {
        return Ok(Source::Local(path.into()));
    }
    match frameworks_home {
        Some(home) if !home.is_empty() => Ok(Source::Local(PathBuf::from(home).join(path))),
        Some(_) | None => Err(Wrong::new(
            "a relative path needs the agent's flag `frameworks_home`\nhint: use an absolute path, or set the flag",
        )),
    }
}

/// `file://` takes an empty host or `localhost`, and an absolute path.
fn local_uri(path: &str) -> Result<Source, Wrong> {
    let path = path.strip_prefix("localhost").unwrap_or(path);
    if path.starts_with('/') {
        Ok(Source::Local(path.into()))
    } else {
        Err(Wrong::new("a `file://` URI needs an absolute path"))
    }
}

/// The name that a file keeps when `output_file` gives it none.
///
/// Compat: what follows a `?` belongs to the name.
pub(crate) fn basename(value: &str) -> Result<&str, Wrong> {
    if value.contains(['\\', '\'', '\0']) {
        return Err(Wrong::new("it contains a backslash, a quote or a NUL"));
    }
    let name = match value.split_once("://") {
        Some((scheme, rest)) if !scheme.is_empty() => match rest.split_once('/') {
            Some((_, path)) if !path.is_empty() => path.rsplit('/').next().unwrap_or_default(),
            Some(_) | None => return Err(Wrong::new("it has no path")),
        },
        Some(_) | None => value.trim_end_matches('/').rsplit('/').next().unwrap_or_default(),
    };
    if name.is_empty() || name == "." || name == ".." {
        return Err(Wrong::new("its path ends without the name of a file"));
    }
    Ok(name)
}

/// The place in the sandbox: `output_file` if there is one.
pub(crate) fn destination<'a>(value: &'a str, output_file: Option<&'a str>) -> Result<&'a str, Wrong> {
    match output_file {
        Some("") => Err(Wrong::new("its `output_file` is empty")),
        Some(path) if path.starts_with('/') => {
            Err(Wrong(format!("its `output_file` `{path}` is not within the sandbox")))
        }
        Some(path) => Ok(path),
        None => basename(value.trim_start()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: &str) {
        let shown = match source(value, Some("/home")) {
            Ok(Source::Local(path)) => format!("local {} as {}", path.display(), basename(value).unwrap()),
            Ok(Source::Web(_)) => format!("web as {}", basename(value).unwrap()),
            Ok(Source::Ftp(_)) => format!("ftp as {}", basename(value).unwrap()),
            Err(Wrong(why)) => why.lines().next().unwrap_or_default().to_owned(),
        };
        assert_eq!(shown, expected, "{value}");
    }

    #[test]
    fn a_uri_is_read_as_mesos_reads_it() {
        check("http://h:1/a/b.tgz?x=1", "web as b.tgz?x=1");
        check("https://h/a", "web as a");
        check("ftp://h/a", "ftp as a");
        check("file:///etc/passwd", "local /etc/passwd as passwd");
        check("file://localhost/etc/passwd", "local /etc/passwd as passwd");
        check("/etc/passwd", "local /etc/passwd as passwd");
        check("a/b", "local /home/a/b as b");
        check("http://h", "it has no path");
        check("http://h/", "it has no path");
        check("http://h/a/", "its path ends without the name of a file");
        check("http://h/..", "its path ends without the name of a file");
        check("file://etc/passwd", "a `file://` URI needs an absolute path");
        check("hdfs://h/a", "the scheme `hdfs` is not supported");
        check("http://h/a'b", "it contains a backslash, a quote or a NUL");
        check("", "its path ends without the name of a file");
    }

    #[test]
    fn a_relative_path_needs_a_home() {
        for home in [None, Some("")] {
            let Wrong(why) = source("a", home).unwrap_err();
            assert!(why.contains("frameworks_home"), "{why}");
        }
    }

    #[test]
    fn an_output_file_stays_in_the_sandbox() {
        assert_eq!(destination("http://h/a", Some("x/y")).unwrap(), "x/y");
        assert_eq!(destination(" http://h/a", None).unwrap(), "a");
        destination("http://h/a", Some("")).unwrap_err();
        destination("http://h/a", Some("/x")).unwrap_err();
    }
}
