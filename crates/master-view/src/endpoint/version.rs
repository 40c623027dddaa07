//! `/version`.

use crate::view::View;
use tepui_model::json::document;

impl View {
    /// Renders `/version`.
    pub fn version(&self) -> Vec<u8> {
        let build = &self.settings.build;
        document(|object| {
            object.field("build_date", &build.build_date);
            object.field("build_time", build.build_time);
            object.field("build_user", &build.build_user);
            for (name, value) in
                [("git_branch", &build.git_branch), ("git_sha", &build.git_sha), ("git_tag", &build.git_tag)]
            {
                if let Some(value) = value {
                    object.field(name, value);
                }
            }
            object.field("version", &build.version);
        })
    }
}
