//! What does not change while a master runs, and that readers see.

/// The settings that readers see.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What this program claims to be.
    pub build: Build,
    /// `--cluster`.
    pub cluster: Option<String>,
    /// `--log_dir`.
    pub log_dir: Option<String>,
    /// `--external_log_file`.
    pub external_log_file: Option<String>,
    /// All flags that have a value, by name.
    pub flags: Vec<(String, String)>,
    /// Completed frameworks to remember.
    pub max_completed_frameworks: usize,
    /// Completed tasks to remember of each framework.
    pub max_completed_tasks_per_framework: usize,
    /// Unreachable tasks to remember of each framework.
    pub max_unreachable_tasks_per_framework: usize,
    /// Whether `/metrics/snapshot` has the metrics of each framework.
    pub publish_per_framework_metrics: bool,
    /// The roles that frameworks may have, if limited.
    pub roles: Option<Vec<String>>,
}

/// What this program claims to be.
#[derive(Clone, Debug)]
pub struct Build {
    /// The level of Mesos' API: three plain numbers, since clients parse them.
    pub version: String,
    /// When it was built, for people.
    pub build_date: String,
    /// When it was built, in seconds since the epoch.
    pub build_time: f64,
    /// Who built it.
    pub build_user: String,
    /// The commit it was built from.
    pub git_sha: Option<String>,
    /// The branch it was built from.
    pub git_branch: Option<String>,
    /// The tag it was built from.
    pub git_tag: Option<String>,
}

impl Default for Build {
    fn default() -> Self {
        Self {
            version: "1.11.0".to_owned(),
            build_date: String::new(),
            build_time: 0.0,
            build_user: String::new(),
            git_sha: None,
            git_branch: None,
            git_tag: None,
        }
    }
}
