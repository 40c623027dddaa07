//! From where a file is to a file of ours.

use std::fs::File;
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::copy::{Budget, copy};
use crate::error::Wrong;
use crate::stall::Progress;
use crate::uri::Source;
use crate::{ftp, http};

/// Largest file. A server that sends without end would fill the disk otherwise.
const MAX_FILE_BYTES: u64 = 64 << 30;

/// Copies all that the source has.
pub(crate) fn download(source: &Source, to: &mut File, progress: &Progress) -> Result<(), Wrong> {
    let mut budget = Budget::new(MAX_FILE_BYTES);
    match source {
        Source::Local(path) => {
            let mut file = open(path)?;
            copy(&mut file, to, &mut budget, progress).map_err(Wrong::io("copy", &path.to_string_lossy()))?;
            let mode =
                file.metadata().map_err(Wrong::io("read", &path.to_string_lossy()))?.permissions().mode();
            set_mode(to, mode)
        }
        Source::Web(url) => {
            let mut body = http::get(url)?.into_body().into_reader();
            progress.note();
            copy(&mut body, to, &mut budget, progress).map_err(|error| cut_short(&error)).map(drop)
        }
        Source::Ftp(url) => {
            let mut transfer = ftp::get(url)?;
            progress.note();
            copy(&mut transfer, to, &mut budget, progress).map_err(|error| cut_short(&error))?;
            transfer.finish()
        }
    }
}

fn cut_short(error: &io::Error) -> Wrong {
    Wrong(format!("the download was cut short: {error}"))
}

/// How large it is, if that can be known.
pub(crate) fn size(source: &Source) -> Option<u64> {
    match source {
        Source::Local(path) => open(path).ok()?.metadata().ok().map(|metadata| metadata.len()),
        Source::Web(url) => http::size(url),
        Source::Ftp(url) => ftp::size(url),
    }
}

/// Opens a file of this machine; a pipe or a device would be read for ever.
fn open(path: &Path) -> Result<File, Wrong> {
    let shown = path.to_string_lossy();
    let file = File::options()
        .read(true)
        .custom_flags(nix::libc::O_NONBLOCK)
        .open(path)
        .map_err(Wrong::io("open", &shown))?;
    let metadata = file.metadata().map_err(Wrong::io("read", &shown))?;
    if !metadata.is_file() {
        return Err(Wrong(format!("`{shown}` is not a regular file")));
    }
    Ok(file)
}

/// Sets a mode, as far as the umask lets us and without the bits that would lend an identity.
pub(crate) fn set_mode(file: &File, mode: u32) -> Result<(), Wrong> {
    let mode = mode & 0o777 & !umask();
    file.set_permissions(std::fs::Permissions::from_mode(mode))
        .map_err(Wrong::io("set the mode of", "the file"))
}

fn umask() -> u32 {
    use nix::sys::stat::{Mode, umask};
    // The process has one thread that makes files, so nobody sees the moment between.
    let mask = umask(Mode::empty());
    umask(mask);
    mask.bits()
}
