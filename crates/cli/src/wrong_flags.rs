//! What a command does when its flags do not let it start.

use std::process::ExitCode;

use tepui_flags::FlagsError;

use crate::print::{Printed, note, output};

/// Answers a request for help or the version, or says what is wrong with the flags: 2, as for every wrong call.
pub fn flags_error(error: &FlagsError) -> ExitCode {
    match error {
        FlagsError::Help(text) => output(Printed::Stdout, text.as_bytes()),
        FlagsError::Version => {
            output(Printed::Stdout, concat!("tepui ", env!("CARGO_PKG_VERSION"), "\n").as_bytes());
        }
        // clap says `error:` itself.
        FlagsError::Usage(text) => {
            note(text.trim_end());
            return ExitCode::from(2);
        }
        FlagsError::Value { .. } | FlagsError::Refused { .. } => {
            note(&format!("error: {error}"));
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
