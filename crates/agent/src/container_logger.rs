//! What `--modules` and `--container_logger` mean here: Mesos' module for rotating output is built in, others cannot be loaded.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use tepui_containerizer::{LoggerError, LoggerSettings};

/// Mesos' name of the module that is built in.
const LOGROTATE: &str = "org_apache_mesos_LogrotateContainerLogger";

/// Modules that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ModuleError {
    /// Two flags say the same.
    #[error("only one of the flags `modules` and `modules_dir` may be given")]
    Both,
    /// The description of the modules is malformed.
    #[error(
        "failed to read the modules of {from}: {source}\nhint: give JSON, as in {{\"libraries\":[{{\"modules\":[{{\"name\":\"{LOGROTATE}\"}}]}}]}}"
    )]
    Json {
        /// The flag, or the file.
        from: String,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A file cannot be read.
    #[error("failed to read the modules of `{path}`: {source}")]
    File {
        /// Which.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The module is not one of ours.
    #[error("C++ modules cannot be loaded, as `{0}` is\nhint: `{LOGROTATE}` is built in, and no other")]
    Foreign(String),
    /// The parameters of the module make no sense.
    #[error("failed to create the container logger `{LOGROTATE}`: failed to parse parameters: {0}")]
    Parameters(#[from] LoggerError),
    /// There is no such logger.
    #[error(
        "failed to create the container logger `{0}`: it is unknown\nhint: `{LOGROTATE}` is built in, and no other"
    )]
    UnknownLogger(String),
}

/// Mesos' `Modules`, as far as it concerns us.
#[derive(Debug, Default, Deserialize)]
struct Modules {
    #[serde(default)]
    libraries: Vec<Library>,
}

#[derive(Debug, Deserialize)]
struct Library {
    #[serde(default)]
    modules: Vec<Module>,
}

#[derive(Debug, Deserialize)]
struct Module {
    name: String,
    #[serde(default)]
    parameters: Vec<Parameter>,
}

#[derive(Debug, Deserialize)]
struct Parameter {
    key: String,
    value: String,
}

/// What holds the files of output to their sizes, if anything does. `modules` is JSON, `folder` one of files with JSON.
pub(crate) fn logger(
    name: Option<&str>,
    modules: Option<&str>,
    folder: Option<&str>,
) -> Result<Option<LoggerSettings>, ModuleError> {
    let modules = match (modules, folder) {
        (Some(_), Some(_)) => return Err(ModuleError::Both),
        (Some(json), None) => read("the flag `modules`", json)?,
        (None, Some(folder)) => read_folder(Path::new(folder))?,
        (None, None) => Vec::new(),
    };
    if let Some(module) = modules.iter().find(|module| module.name != LOGROTATE) {
        return Err(ModuleError::Foreign(module.name.clone()));
    }
    // What is said later of a parameter holds.
    let parameters: BTreeMap<&str, &str> = modules
        .iter()
        .flat_map(|module| &module.parameters)
        .map(|parameter| (parameter.key.as_str(), parameter.value.as_str()))
        .collect();
    let settings = LoggerSettings::from_parameters(parameters)?;
    match name {
        None => Ok(None),
        Some(LOGROTATE) => Ok(Some(settings)),
        Some(other) => Err(ModuleError::UnknownLogger(other.to_owned())),
    }
}

fn read(from: &str, json: &str) -> Result<Vec<Module>, ModuleError> {
    let read: Result<Modules, _> = serde_json::from_str(json);
    let modules = read.map_err(|source| ModuleError::Json { from: from.to_owned(), source })?;
    Ok(modules.libraries.into_iter().flat_map(|library| library.modules).collect())
}

/// Reads all files of a folder in the order of their names.
fn read_folder(folder: &Path) -> Result<Vec<Module>, ModuleError> {
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |source| ModuleError::File { path, source }
    };
    let entries = std::fs::read_dir(folder).map_err(failed(folder))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<Result<Vec<_>, _>>().map_err(failed(folder))?;
    paths.sort();
    let mut modules = Vec::new();
    for path in paths {
        let json = std::fs::read_to_string(&path).map_err(failed(&path))?;
        modules.append(&mut read(&format!("`{}`", path.display()), &json)?);
    }
    Ok(modules)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(name: &str, key: &str, value: &str) -> String {
        format!(
            r#"{{"libraries":[{{"file":"/usr/lib/liblogrotate_container_logger.so","modules":[
                {{"name":"{name}","parameters":[{{"key":"{key}","value":"{value}"}}]}}]}}]}}"#
        )
    }

    fn check(name: Option<&str>, modules: Option<&str>, expected: &str) {
        let shown = match logger(name, modules, None) {
            Ok(settings) => format!("{settings:?}"),
            Err(error) => error.to_string(),
        };
        assert!(shown.contains(expected), "{shown}");
    }

    #[test]
    fn the_flags_of_a_mesos_agent_do_what_they_did() {
        let modules = json(LOGROTATE, "max_stdout_size", "2MB");
        check(Some(LOGROTATE), Some(&modules), "max_bytes: 2097152");
        check(Some(LOGROTATE), None, "max_bytes: 10485760");
        check(None, Some(&modules), "None");
        check(None, None, "None");
    }

    #[test]
    fn what_cannot_be_had_is_said() {
        check(Some("com_example_Logger"), None, "`com_example_Logger`: it is unknown");
        check(
            None,
            Some(&json("com_example_Hook", "a", "b")),
            "C++ modules cannot be loaded, as `com_example_Hook` is",
        );
        check(None, Some("{"), "failed to read the modules of the flag `modules`: EOF");
        let wrong = json(LOGROTATE, "max_stdout_size", "2");
        check(None, Some(&wrong), "Failed to load flag 'max_stdout_size': Invalid bytes '2'");
        assert!(matches!(logger(None, Some("{}"), Some("/")), Err(ModuleError::Both)));
    }

    #[test]
    fn modules_may_be_in_files_of_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("1.json"), json(LOGROTATE, "max_stdout_size", "2MB")).unwrap();
        std::fs::write(folder.path().join("2.json"), json(LOGROTATE, "max_stderr_size", "1MB")).unwrap();
        let shown = format!("{:?}", logger(Some(LOGROTATE), None, folder.path().to_str()).unwrap());
        assert!(shown.contains("max_bytes: 2097152") && shown.contains("max_bytes: 1048576"), "{shown}");
        assert!(matches!(logger(None, None, Some("/no/such/folder")), Err(ModuleError::File { .. })));
    }
}
