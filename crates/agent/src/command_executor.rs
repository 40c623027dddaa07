//! How an agent starts the built-in executors and its launcher: as other runs of its own program, or of the small one that
//! lies beside it.

use std::io;
use std::path::PathBuf;

use tepui_proto::v1;

/// The program that has nothing but what runs once for each container. It looks for `tepui` beside it.
const HELPER: &str = "tepui-helper";

/// The program to start executors and the launcher from.
///
/// # Errors
/// The file of this program cannot be found.
pub(crate) fn helper() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let helper = program.with_file_name(HELPER);
    let is_there = program.file_name().is_some_and(|name| name == "tepui") && helper.is_file();
    Ok(if is_there { helper } else { program })
}

/// The command executor that belongs to the program that runs now, whatever its file is called.
///
/// # Errors
/// The program's file cannot be found, or its path is not text.
pub fn command_executor() -> io::Result<v1::CommandInfo> {
    let program = helper()?;
    let program =
        program.to_str().ok_or_else(|| io::Error::other("the program's path is not text"))?.to_owned();
    Ok(v1::CommandInfo {
        shell: Some(false),
        value: Some(program),
        arguments: ["tepui", "executor", "command"].map(str::to_owned).to_vec(),
        ..Default::default()
    })
}
