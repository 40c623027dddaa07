//! Zip archives.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::PathBuf;

use zip::ZipArchive;
use zip::read::ZipFile;

use super::{Unpacking, failed};
use crate::error::Wrong;

/// The kinds of files in a Unix mode.
const KIND: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;
const LINK: u32 = 0o120_000;

/// Longest target of a link.
const MAX_TARGET_BYTES: u64 = 4096;

pub(super) fn unpack(file: File, unpacking: &mut Unpacking<'_>) -> Result<(), Wrong> {
    let unreadable = |error: zip::result::ZipError| Wrong(format!("failed to read the archive: {error}"));
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(unreadable)?;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(unreadable)?;
        unpacking.count()?;
        one(entry, unpacking)?;
    }
    Ok(())
}

fn one<R: Read>(mut entry: ZipFile<'_, R>, unpacking: &mut Unpacking<'_>) -> Result<(), Wrong> {
    let shown =
        entry.name().map_err(|error| Wrong(format!("failed to read the archive: {error}")))?.into_owned();
    let path = PathBuf::from(&shown);
    let mode = entry.unix_mode();
    let result = match mode.unwrap_or(0) & KIND {
        LINK => {
            let mut target = String::new();
            entry.by_ref().take(MAX_TARGET_BYTES).read_to_string(&mut target).map_err(failed(&shown))?;
            unpacking.symlink(&path, target.as_ref())
        }
        0 | REGULAR | FOLDER if entry.is_dir() => unpacking.sandbox.create_folder(&path),
        0 | REGULAR => {
            unpacking.file(&path, mode.filter(|mode| mode & 0o777 != 0).unwrap_or(0o644), &mut entry)
        }
        _ => return Err(Wrong(format!("failed to extract `{shown}`: it is a device or a pipe"))),
    };
    result.map_err(failed(&shown))
}
