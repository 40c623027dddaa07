//! `GET_VERSION`.

use tepui_proto::v1::VersionInfo;
use tepui_proto::v1::master::response::{GetVersion, Type};

use super::{Encoding, encode, response};
use crate::view::View;

impl View {
    /// Answers `GET_VERSION`.
    pub fn get_version(&self, encoding: Encoding) -> Vec<u8> {
        let build = &self.settings.build;
        let version_info = VersionInfo {
            version: build.version.clone(),
            build_date: Some(build.build_date.clone()),
            build_time: Some(build.build_time),
            build_user: Some(build.build_user.clone()),
            git_sha: build.git_sha.clone(),
            git_branch: build.git_branch.clone(),
            git_tag: build.git_tag.clone(),
        };
        let mut answer = response(Type::GetVersion);
        answer.get_version = Some(GetVersion { version_info });
        encode(encoding, &answer)
    }
}
