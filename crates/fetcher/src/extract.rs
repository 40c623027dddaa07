//! Unpacking what was fetched.
//!
//! The name decides whether a file is unpacked, as in Mesos; its first bytes decide how, so that an archive with the wrong
//! ending is unpacked all the same. The decompressors are pure Rust. An entry that would lead out of the sandbox, a device, or
//! more than may be unpacked ends the fetch.

mod tar;
mod zip;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::{Component, Path};

use crate::beneath::Beneath;
use crate::copy::{Budget, copy};
use crate::error::Wrong;
use crate::stall::Progress;

/// Most that one archive may unpack to.
const MAX_EXTRACTED_BYTES: u64 = 64 << 30;

/// Most entries of one archive.
const MAX_ENTRIES: u64 = 1_000_000;

/// Most memory for an xz dictionary; `xz -9` takes 64 MiB.
const MAX_XZ_MEMORY_KB: u32 = 256 << 10;

/// The endings of archives.
const ARCHIVES: &[&str] = &[".tar", ".tgz", ".tar.gz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz", ".zip"];

/// What a file is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    /// To be unpacked into the sandbox.
    Archive,
    /// One compressed file, with the name that it gets.
    Gzip(&'a str),
    /// Nothing to unpack.
    Plain,
}

impl<'a> Kind<'a> {
    pub(crate) fn of(name: &'a str) -> Self {
        let file = name.rsplit('/').next().unwrap_or(name);
        if ARCHIVES.iter().any(|ending| file.ends_with(ending)) {
            return Self::Archive;
        }
        match file.strip_suffix(".gz") {
            Some(bare) if !bare.is_empty() => Self::Gzip(bare),
            Some(_) | None => Self::Plain,
        }
    }
}

/// What all entries of one archive share.
#[derive(Debug)]
struct Unpacking<'a> {
    sandbox: &'a mut Beneath,
    budget: Budget,
    entries: u64,
    progress: &'a Progress,
}

/// Unpacks a file into the sandbox.
pub(crate) fn extract(
    kind: Kind<'_>,
    file: File,
    sandbox: &mut Beneath,
    progress: &Progress,
) -> Result<(), Wrong> {
    let mut unpacking = Unpacking { sandbox, budget: Budget::new(MAX_EXTRACTED_BYTES), entries: 0, progress };
    match kind {
        Kind::Plain => Ok(()),
        Kind::Gzip(name) => {
            let mut reader = flate2::bufread::MultiGzDecoder::new(BufReader::new(file));
            unpacking.file(Path::new(name), 0o644, &mut reader).map_err(failed(name))
        }
        Kind::Archive => archive(file, &mut unpacking),
    }
}

fn archive(mut file: File, unpacking: &mut Unpacking<'_>) -> Result<(), Wrong> {
    let mut magic = [0; 6];
    let read = read_up_to(&mut file, &mut magic).and_then(|read| file.rewind().map(|()| read));
    let magic = &magic[..read.map_err(Wrong::io("read", "the archive"))?];
    if magic.starts_with(b"PK\x03\x04") || magic.starts_with(b"PK\x05\x06") {
        return zip::unpack(file, unpacking);
    }
    let reader = BufReader::new(file);
    match magic {
        [0x1f, 0x8b, ..] => tar::unpack(flate2::bufread::MultiGzDecoder::new(reader), unpacking),
        [b'B', b'Z', b'h', ..] => tar::unpack(bzip2::bufread::MultiBzDecoder::new(reader), unpacking),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => tar::unpack(xz(reader), unpacking),
        _ => tar::unpack(reader, unpacking),
    }
}

fn xz(reader: impl BufRead) -> impl Read {
    lzma_rust2::XzReader::new_mem_limit(reader, true, MAX_XZ_MEMORY_KB)
}

fn read_up_to(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut total = 0;
    while total < buffer.len() {
        match file.read(&mut buffer[total..])? {
            0 => break,
            read => total += read,
        }
    }
    Ok(total)
}

impl Unpacking<'_> {
    /// Counts one more entry.
    fn count(&mut self) -> Result<(), Wrong> {
        self.entries += 1;
        self.progress.note();
        if self.entries > MAX_ENTRIES {
            return Err(Wrong(format!("the archive has more than {MAX_ENTRIES} entries")));
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, mode: u32, content: &mut (impl Read + ?Sized)) -> io::Result<()> {
        // The owner can always write what is his: the next archive may bring the file anew.
        let mut file = self.sandbox.create(path, mode | 0o600)?;
        copy(content, &mut file, &mut self.budget, self.progress).map(drop)
    }

    /// A symbolic link is made if it leads to somewhere in the sandbox, by the names alone. Whatever it leads to, nothing is
    /// written through it.
    fn symlink(&mut self, path: &Path, target: &Path) -> io::Result<()> {
        if !stays_inside(path, target) {
            let message = format!("it is a link out of the sandbox, to `{}`", target.display());
            return Err(io::Error::other(message));
        }
        self.sandbox.symlink(path, target)
    }
}

/// Whether a link at `path` to `target` leads to no place above the folder that both are in.
fn stays_inside(path: &Path, target: &Path) -> bool {
    let is_part = |component: &Component<'_>| matches!(component, Component::Normal(_));
    let mut depth = path.components().filter(is_part).count().saturating_sub(1);
    for component in target.components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    true
}

/// For `map_err`: names the entry.
fn failed(entry: &str) -> impl FnOnce(io::Error) -> Wrong {
    move |error| Wrong(format!("failed to extract `{entry}`: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_decides_what_is_unpacked() {
        for name in ["a.tar", "a.tgz", "a.tar.gz", "a.tbz2", "a.tar.bz2", "a.txz", "a.tar.xz", "x/a.zip"] {
            assert_eq!(Kind::of(name), Kind::Archive, "{name}");
        }
        assert_eq!(Kind::of("x/a.gz"), Kind::Gzip("a"));
        for name in ["a", "a.jar", "a.tgz?x", "tar", ".gz", "a.tar/b"] {
            assert_eq!(Kind::of(name), Kind::Plain, "{name}");
        }
    }

    #[test]
    fn a_link_may_not_lead_out() {
        let check = |path: &str, target: &str, expected: bool| {
            assert_eq!(stays_inside(Path::new(path), Path::new(target)), expected, "{path} -> {target}");
        };
        check("a/b/link", "../c", true);
        check("a/b/link", "../../c", true);
        check("a/b/link", "../../../c", false);
        check("link", "..", false);
        check("link", "x/../y", true);
        check("link", "x/../../y", false);
        check("link", "/etc/passwd", false);
        check("./a/link", "..", true);
    }
}
