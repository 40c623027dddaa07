//! Tar archives, after decompression.

use std::io::Read;
use std::path::Path;

use tar::{Archive, Entry};

use super::{Unpacking, failed};
use crate::error::Wrong;

pub(super) fn unpack(reader: impl Read, unpacking: &mut Unpacking<'_>) -> Result<(), Wrong> {
    let unreadable = |error: std::io::Error| Wrong(format!("failed to read the archive: {error}"));
    let mut archive = Archive::new(reader);
    for entry in archive.entries().map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        unpacking.count()?;
        one(entry, unpacking)?;
    }
    Ok(())
}

fn one<R: Read>(mut entry: Entry<'_, R>, unpacking: &mut Unpacking<'_>) -> Result<(), Wrong> {
    let path = entry.path().map_err(failed("an entry"))?.into_owned();
    let shown = path.to_string_lossy().into_owned();
    let mode = entry.header().mode().unwrap_or(0o644);
    let kind = entry.header().entry_type();
    let result = if kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse() {
        unpacking.file(&path, mode, &mut entry)
    } else if kind.is_dir() {
        unpacking.sandbox.create_folder(&path)
    } else if kind.is_symlink() {
        unpacking.symlink(&path, &target(&entry, &shown)?)
    } else if kind.is_hard_link() {
        unpacking.sandbox.hard_link(&path, &target(&entry, &shown)?)
    } else if kind.is_pax_global_extensions() {
        Ok(())
    } else if kind.is_character_special() || kind.is_block_special() || kind.is_fifo() {
        return Err(Wrong(format!("failed to extract `{shown}`: it is a device or a pipe")));
    } else {
        let kind = char::from(kind.as_byte());
        return Err(Wrong(format!("failed to extract `{shown}`: entries of type `{kind}` are unknown")));
    };
    result.map_err(failed(&shown))
}

fn target<R: Read>(entry: &Entry<'_, R>, shown: &str) -> Result<std::path::PathBuf, Wrong> {
    let target = entry.link_name().map_err(failed(shown))?;
    match target.as_deref().filter(|target| *target != Path::new("")) {
        Some(target) => Ok(target.to_owned()),
        None => Err(Wrong(format!("failed to extract `{shown}`: it is a link to nowhere"))),
    }
}
