//! How an agent starts the built-in command executor: as another run of its own program.

use std::io;

use tepui_proto::v1;

/// The command executor of the program that runs now, whatever its file is called.
///
/// # Errors
/// The program's file cannot be found, or its path is not text.
pub fn command_executor() -> io::Result<v1::CommandInfo> {
    let program = std::env::current_exe()?;
    let program =
        program.to_str().ok_or_else(|| io::Error::other("the program's path is not text"))?.to_owned();
    Ok(v1::CommandInfo {
        shell: Some(false),
        value: Some(program),
        arguments: ["tepui", "executor", "command"].map(str::to_owned).to_vec(),
        ..Default::default()
    })
}
