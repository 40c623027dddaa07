//! The files that readers may look into: folders under virtual names, and nothing outside them.
//!
//! A request names a virtual path. The longest attached name that begins it says where to look; the rest leads from
//! there. Whatever is found must lie in the attached folder after all links are followed, and it is looked at again
//! once it is open, because whoever owns a sandbox may exchange what is in it at any time.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use nix::libc::{O_NOCTTY, O_NONBLOCK};
use nix::unistd::{Gid, Group, Uid, User};

/// How much one read gives at most: sixteen pages. Readers ask again.
const MAX_READ_BYTES: u64 = 16 * 4096;

/// The longest file that is given as a whole: it is held in memory meanwhile.
const MAX_DOWNLOAD_BYTES: u64 = 256 * 1024 * 1024;

/// Why a file is not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FilesError {
    /// The request makes no sense, or leads outside.
    Invalid(String),
    /// Nothing is there.
    NotFound,
    /// The system failed us.
    Unknown(String),
}

/// An entry of a folder.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) nlink: u64,
    pub(crate) size: u64,
    pub(crate) mtime_secs: i64,
    pub(crate) mode: u32,
    pub(crate) user: String,
    pub(crate) group: String,
}

/// The attached folders; clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files(Arc<RwLock<Attached>>);

#[derive(Debug, Default)]
struct Attached {
    folders: BTreeMap<String, PathBuf>,
    /// The work folder, and where it is without links.
    work_dir: Option<(PathBuf, PathBuf)>,
}

impl Attached {
    /// Where a folder is without links. Those below the work folder are ours, and have none.
    fn real(&self, directory: &str) -> io::Result<PathBuf> {
        let below = |(given, real): &(PathBuf, PathBuf)| {
            Some(real.join(Path::new(directory).strip_prefix(given).ok()?))
        };
        self.work_dir.as_ref().and_then(below).map_or_else(|| fs::canonicalize(directory), Ok)
    }
}

impl Files {
    /// Those of an agent with this work folder, which exists.
    pub(crate) fn of_work_dir(work_dir: &Path) -> io::Result<Self> {
        let work_dir = Some((work_dir.to_owned(), fs::canonicalize(work_dir)?));
        Ok(Self(Arc::new(RwLock::new(Attached { folders: BTreeMap::new(), work_dir }))))
    }

    /// Makes an executor's sandbox readable, under its own path and under the names of its executor's latest run. One in the
    /// work folder need not be there yet.
    pub(crate) fn attach_sandbox(&self, directory: &str, framework: &str, executor: &str) -> io::Result<()> {
        let mut attached = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let real = attached.real(directory)?;
        if let Some(latest) = latest_beside(directory) {
            attached.folders.insert(latest, real.clone());
        }
        attached.folders.insert(latest_of(framework, executor), real.clone());
        attached.folders.insert(directory.to_owned(), real);
        Ok(())
    }

    /// Forgets all names of a sandbox.
    pub(crate) fn detach_sandbox(&self, directory: &str) {
        let mut attached = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Some(real) = attached.folders.remove(directory) else { return };
        // Its names follow from its place: `.../frameworks/<framework>/executors/<executor>/runs/<container>`.
        let parts: Vec<&str> = directory.rsplitn(6, '/').collect();
        let of_executor = match parts.as_slice() {
            [_, "runs", executor, "executors", framework, _] => Some(latest_of(framework, executor)),
            _ => None,
        };
        for name in [latest_beside(directory), of_executor].into_iter().flatten() {
            if attached.folders.get(&name) == Some(&real) {
                attached.folders.remove(&name);
            }
        }
    }

    /// All names and where they lead.
    pub(crate) fn attached(&self) -> Vec<(String, PathBuf)> {
        let attached = self.0.read().unwrap_or_else(PoisonError::into_inner);
        attached.folders.iter().map(|(name, path)| (name.clone(), path.clone())).collect()
    }

    /// Lists a folder. Blocks on the file system.
    pub(crate) fn browse(&self, virtual_path: &str) -> Result<Vec<Entry>, FilesError> {
        let (_, path) = self.resolve(virtual_path)?;
        // Compat: what is no folder has no entries.
        let Ok(entries) = fs::read_dir(&path) else { return Ok(Vec::new()) };
        let mut listing: Vec<Entry> = entries
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name();
                // A dangling link has nothing to show.
                let metadata = fs::metadata(entry.path()).ok()?;
                let shown = format!("{}/{}", virtual_path.trim_end_matches('/'), name.to_string_lossy());
                Some(describe(shown, &metadata))
            })
            .collect();
        listing.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(listing)
    }

    /// Reads a part of a file; gives the file's size too. Blocks on the file system.
    pub(crate) fn read(
        &self,
        virtual_path: &str,
        offset: u64,
        length: Option<u64>,
    ) -> Result<(u64, Vec<u8>), FilesError> {
        let (mut file, path, size) = self.open(virtual_path, "Cannot read a directory.\n")?;
        let length = length.unwrap_or(u64::MAX).min(MAX_READ_BYTES);
        if offset >= size || length == 0 {
            return Ok((size, Vec::new()));
        }
        let mut data = Vec::new();
        let read = file.seek(SeekFrom::Start(offset)).and_then(|_| file.take(length).read_to_end(&mut data));
        read.map_err(|error| {
            FilesError::Unknown(format!("Failed to read file at '{}': {error}.\n", path.display()))
        })?;
        Ok((size, data))
    }

    /// Reads a whole file; gives its name too. Blocks on the file system.
    pub(crate) fn download(&self, virtual_path: &str) -> Result<(String, Vec<u8>), FilesError> {
        let (file, path, size) = self.open(virtual_path, "Cannot download a directory.\n")?;
        if size > MAX_DOWNLOAD_BYTES {
            let limit = format!("The file has {size} bytes; read it in parts with /files/read.\n");
            return Err(FilesError::Invalid(limit));
        }
        let mut data = Vec::new();
        file.take(MAX_DOWNLOAD_BYTES).read_to_end(&mut data).map_err(|error| {
            FilesError::Unknown(format!("Failed to read file at '{}': {error}.\n", path.display()))
        })?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok((name, data))
    }

    /// Opens a regular file; gives where it is and its size.
    fn open(&self, virtual_path: &str, if_folder: &str) -> Result<(File, PathBuf, u64), FilesError> {
        let (base, path) = self.resolve(virtual_path)?;
        if path.is_dir() {
            return Err(FilesError::Invalid(if_folder.to_owned()));
        }
        let failed = |error: io::Error| {
            FilesError::Unknown(format!("Failed to open file at '{}': {error}.\n", path.display()))
        };
        // A pipe without a writer must not hold us up.
        let file =
            File::options().read(true).custom_flags(O_NONBLOCK | O_NOCTTY).open(&path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let opened = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).map_err(failed)?;
        if !opened.starts_with(&base) {
            return Err(inaccessible(&path));
        }
        if !metadata.is_file() {
            return Err(FilesError::Invalid(format!("'{virtual_path}' is not a regular file.\n")));
        }
        Ok((file, path, metadata.len()))
    }

    /// Where a virtual path leads: the attached folder, and the place in it without links.
    fn resolve(&self, virtual_path: &str) -> Result<(PathBuf, PathBuf), FilesError> {
        let attached = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let trimmed = virtual_path.trim_end_matches('/');
        let mut prefix = trimmed;
        let base = loop {
            if let Some(base) = attached.folders.get(prefix) {
                break base.clone();
            }
            prefix = prefix.rsplit_once('/').map(|(shorter, _)| shorter).ok_or(FilesError::NotFound)?;
        };
        drop(attached);
        let rest = trimmed[prefix.len()..].trim_start_matches('/');
        if !base.is_dir() {
            return if rest.is_empty() { Ok((base.clone(), base)) } else { Err(FilesError::NotFound) };
        }
        let wanted = base.join(rest);
        match fs::canonicalize(&wanted) {
            Ok(real) if real.starts_with(&base) => Ok((base, real)),
            Ok(_) => Err(inaccessible(&wanted)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(FilesError::NotFound),
            Err(error) => Err(FilesError::Invalid(format!(
                "Failed to determine canonical path of '{}': {error}.\n",
                wanted.display()
            ))),
        }
    }
}

/// The name of an executor's latest run, beside a run of it.
fn latest_beside(directory: &str) -> Option<String> {
    directory.rsplit_once('/').map(|(runs, _)| format!("{runs}/latest"))
}

/// The short name of an executor's latest run.
fn latest_of(framework: &str, executor: &str) -> String {
    format!("/frameworks/{framework}/executors/{executor}/runs/latest")
}

fn inaccessible(path: &Path) -> FilesError {
    FilesError::Invalid(format!("'{}' is inaccessible.\n", path.display()))
}

fn describe(path: String, metadata: &fs::Metadata) -> Entry {
    let user = User::from_uid(Uid::from_raw(metadata.uid())).ok().flatten();
    let group = Group::from_gid(Gid::from_raw(metadata.gid())).ok().flatten();
    Entry {
        path,
        nlink: metadata.nlink(),
        size: metadata.size(),
        mtime_secs: metadata.mtime(),
        mode: metadata.permissions().mode(),
        user: user.map_or_else(|| metadata.uid().to_string(), |user| user.name),
        group: group.map_or_else(|| metadata.gid().to_string(), |group| group.name),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn sandbox() -> (tempfile::TempDir, Files, String) {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("frameworks/f/executors/e/runs/c1");
        fs::create_dir_all(directory.join("sub")).unwrap();
        fs::write(directory.join("stdout"), "hello").unwrap();
        fs::write(folder.path().join("frameworks/f/executors/e/secret"), "secret").unwrap();
        let files = Files::default();
        let directory = directory.to_string_lossy().into_owned();
        files.attach_sandbox(&directory, "f", "e").unwrap();
        (folder, files, directory)
    }

    #[test]
    fn a_sandbox_is_read_under_all_its_names() {
        let (_folder, files, directory) = sandbox();
        let latest = directory.replace("c1", "latest");
        for name in
            [directory.as_str(), &latest, "/frameworks/f/executors/e/runs/latest", &format!("{directory}/")]
        {
            let stdout = format!("{}/stdout", name.trim_end_matches('/'));
            assert_eq!(files.read(&stdout, 0, None), Ok((5, b"hello".to_vec())), "{name}");
            let listing = files.browse(name).unwrap();
            assert_eq!(
                listing.iter().map(|entry| entry.path.clone()).collect::<Vec<_>>(),
                [stdout, format!("{}/sub", name.trim_end_matches('/'))]
            );
        }
        assert_eq!(files.read(&format!("{directory}/stdout"), 1, Some(3)), Ok((5, b"ell".to_vec())));
        assert_eq!(files.read(&format!("{directory}/stdout"), 9, None), Ok((5, Vec::new())));
        assert_eq!(
            files.download(&format!("{directory}/stdout")),
            Ok(("stdout".to_owned(), b"hello".to_vec()))
        );
    }

    #[test]
    fn nothing_outside_is_read() {
        let (folder, files, directory) = sandbox();
        symlink(folder.path().join("frameworks/f/executors/e/secret"), format!("{directory}/link")).unwrap();
        symlink("/", format!("{directory}/root")).unwrap();
        for escape in ["../../secret", "link", "root/etc/passwd", "sub/../../../secret"] {
            let refused = files.read(&format!("{directory}/{escape}"), 0, None);
            assert!(
                matches!(&refused, Err(FilesError::Invalid(text)) if text.ends_with("is inaccessible.\n")),
                "{escape}"
            );
            assert!(files.download(&format!("{directory}/{escape}")).is_err());
        }
        assert!(matches!(files.browse(&format!("{directory}/root/etc")), Err(FilesError::Invalid(_))));
        for outside in ["/etc/passwd", "etc", "", "/", folder.path().to_str().unwrap()] {
            assert_eq!(files.read(outside, 0, None), Err(FilesError::NotFound), "{outside}");
        }
    }

    #[test]
    fn what_is_no_file_is_said() {
        let (_folder, files, directory) = sandbox();
        let invalid = |text: &str| Err(FilesError::Invalid(text.to_owned()));
        assert_eq!(files.read(&directory, 0, None), invalid("Cannot read a directory.\n"));
        let refused = files.download(&format!("{directory}/sub")).unwrap_err();
        assert_eq!(refused, FilesError::Invalid("Cannot download a directory.\n".to_owned()));
        assert_eq!(files.read(&format!("{directory}/none"), 0, None), Err(FilesError::NotFound));
        files.detach_sandbox(&directory);
        assert_eq!(files.attached(), []);
    }
}
