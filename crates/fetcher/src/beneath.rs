//! A folder that nothing leads out of.
//!
//! Every name is relative, `..` is refused, and each folder on the way is opened from its parent without following links. So
//! whatever lies in the folder already (it is the task's, which may put links there), what is made through it is in it.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, linkat, symlinkat, unlinkat};

/// Longest name, as Linux has it.
const MAX_PATH_BYTES: usize = 4095;

/// Deepest folder that is made. A folder of the file system can be deeper than a path can be long, and then is hard to
/// remove.
const MAX_DEPTH: usize = 256;

/// Files are private to nobody until their own mode is set; the process' umask is applied to it.
const FILE_MODE: u32 = 0o644;
const FOLDER_MODE: u32 = 0o755;

/// The folder.
#[derive(Debug)]
pub(crate) struct Beneath {
    root: OwnedFd,
    /// The folder that was used last: archives list their entries folder by folder.
    last: Option<(PathBuf, OwnedFd)>,
}

impl Beneath {
    /// Opens the folder itself; of its own path, only the last part must not be a link.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let root = nix::fcntl::open(path, flags, Mode::empty())?;
        Ok(Self { root, last: None })
    }

    /// Makes a file, in place of another file or link of that name, with the folders on the way.
    pub(crate) fn create(&mut self, path: &Path, mode: u32) -> io::Result<File> {
        let (folder, name) = self.parent(path)?;
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mode = Mode::from_bits_truncate(mode & 0o777);
        let file = in_place(folder, name, || openat(folder, name, flags, mode))?;
        Ok(file.into())
    }

    /// Makes a file with a mode that suits a download.
    pub(crate) fn create_plain(&mut self, path: &Path) -> io::Result<File> {
        self.create(path, FILE_MODE)
    }

    /// Opens a file that is there.
    pub(crate) fn open_file(&mut self, path: &Path) -> io::Result<File> {
        let (folder, name) = self.parent(path)?;
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        Ok(openat(folder, name, flags, Mode::empty())?.into())
    }

    /// Makes a folder and those on the way. One that is there is left as it is.
    pub(crate) fn create_folder(&mut self, path: &Path) -> io::Result<()> {
        let components = components(path)?;
        self.folder(&components).map(drop)
    }

    /// Makes a symbolic link, in place of another file or link. Where it leads is the caller's concern: nothing here will
    /// follow it.
    pub(crate) fn symlink(&mut self, path: &Path, target: &Path) -> io::Result<()> {
        let (folder, name) = self.parent(path)?;
        in_place(folder, name, || symlinkat(target, folder, name))
    }

    /// Gives a file a second name.
    pub(crate) fn hard_link(&mut self, path: &Path, existing: &Path) -> io::Result<()> {
        if components(path)? == components(existing)? {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a link to itself"));
        }
        let (from, from_name) = self.parent(existing)?;
        let status = fstatat(from, from_name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        if status.st_mode & nix::libc::S_IFMT != nix::libc::S_IFREG {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
        let from = from.try_clone_to_owned()?;
        let from_name = from_name.to_owned();
        let (folder, name) = self.parent(path)?;
        in_place(folder, name, || linkat(&from, from_name.as_os_str(), folder, name, AtFlags::empty()))
    }

    /// The folder of a file, made if need be, and the file's name in it.
    fn parent<'a>(&mut self, path: &'a Path) -> io::Result<(std::os::fd::BorrowedFd<'_>, &'a OsStr)> {
        let mut components = components(path)?;
        let Some(name) = components.pop() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it names no file"));
        };
        Ok((self.folder(&components)?, name))
    }

    fn folder(&mut self, components: &[&OsStr]) -> io::Result<std::os::fd::BorrowedFd<'_>> {
        if components.is_empty() {
            return Ok(self.root.as_fd());
        }
        let path: PathBuf = components.iter().collect();
        if self.last.as_ref().is_none_or(|(last, _)| *last != path) {
            let mut folder = step(self.root.as_fd(), components[0])?;
            for component in &components[1..] {
                folder = step(folder.as_fd(), component)?;
            }
            self.last = Some((path, folder));
        }
        match &self.last {
            Some((_, folder)) => Ok(folder.as_fd()),
            None => Ok(self.root.as_fd()),
        }
    }
}

/// Goes down one folder, which is made if it is not there and must not be a link.
fn step(folder: std::os::fd::BorrowedFd<'_>, name: &OsStr) -> io::Result<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    match openat(folder, name, flags, Mode::empty()) {
        Err(Errno::ENOENT) => {
            match mkdirat(folder, name, Mode::from_bits_truncate(FOLDER_MODE)) {
                Ok(()) | Err(Errno::EEXIST) => {}
                Err(error) => return Err(error.into()),
            }
            Ok(openat(folder, name, flags, Mode::empty())?)
        }
        Err(Errno::ELOOP) => Err(io::Error::other("a folder on the way is a link")),
        Err(Errno::ENOTDIR) => Err(io::Error::other("a folder on the way is a link or a file")),
        other => Ok(other?),
    }
}

/// Makes something; if a file or a link is in its place, that is removed first.
fn in_place<T>(
    folder: std::os::fd::BorrowedFd<'_>,
    name: &OsStr,
    make: impl Fn() -> nix::Result<T>,
) -> io::Result<T> {
    match make() {
        Err(Errno::EEXIST) => {
            unlinkat(folder, name, UnlinkatFlags::NoRemoveDir)?;
            Ok(make()?)
        }
        other => Ok(other?),
    }
}

/// The parts of a relative name that does not lead up.
pub(crate) fn components(path: &Path) -> io::Result<Vec<&OsStr>> {
    let refuse = |why: &'static str| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    if path.as_os_str().len() > MAX_PATH_BYTES {
        return refuse("its name is too long");
    }
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => parts.push(name),
            Component::CurDir => {}
            Component::ParentDir => return refuse("its name contains `..`"),
            Component::RootDir | Component::Prefix(_) => return refuse("its name is absolute"),
        }
    }
    if parts.len() > MAX_DEPTH {
        return refuse("it is in too many folders");
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::os::unix::fs::symlink;

    use super::*;

    fn folders() -> (tempfile::TempDir, PathBuf, Beneath) {
        let outside = tempfile::tempdir().unwrap();
        let sandbox = outside.path().join("sandbox");
        fs::create_dir(&sandbox).unwrap();
        let beneath = Beneath::open(&sandbox).unwrap();
        (outside, sandbox, beneath)
    }

    #[test]
    fn files_and_their_folders_are_made_inside() {
        let (_outside, sandbox, mut beneath) = folders();
        beneath.create(Path::new("a/b/c"), 0o600).unwrap().write_all(b"x").unwrap();
        beneath.create(Path::new("./a/b/d"), 0o600).unwrap();
        beneath.create(Path::new("a/b/c"), 0o600).unwrap().write_all(b"new").unwrap();
        beneath.create_folder(Path::new("a/e/f")).unwrap();
        beneath.hard_link(Path::new("a/g"), Path::new("a/b/c")).unwrap();
        assert_eq!(fs::read_to_string(sandbox.join("a/g")).unwrap(), "new");
        assert!(sandbox.join("a/e/f").is_dir());
    }

    #[test]
    fn names_that_lead_out_are_refused() {
        let (outside, _sandbox, mut beneath) = folders();
        for path in ["../x", "a/../../x", "/x", "", ".", "..", "a/.."] {
            beneath.create(Path::new(path), 0o600).unwrap_err();
            beneath.symlink(Path::new(path), Path::new("t")).unwrap_err();
            beneath.hard_link(Path::new("l"), Path::new(path)).unwrap_err();
        }
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    }

    #[test]
    fn links_are_not_followed() {
        let (outside, sandbox, mut beneath) = folders();
        fs::write(outside.path().join("precious"), "data").unwrap();
        symlink(outside.path(), sandbox.join("out")).unwrap();
        symlink(outside.path().join("precious"), sandbox.join("file")).unwrap();
        beneath.create(Path::new("out/x"), 0o600).unwrap_err();
        beneath.create_folder(Path::new("out/x")).unwrap_err();
        beneath.hard_link(Path::new("l"), Path::new("file")).unwrap_err();
        beneath.hard_link(Path::new("l"), Path::new("out/precious")).unwrap_err();
        beneath.open_file(Path::new("file")).unwrap_err();
        beneath.create(Path::new("file"), 0o600).unwrap().write_all(b"new").unwrap();
        assert_eq!(fs::read_to_string(outside.path().join("precious")).unwrap(), "data");
        assert_eq!(fs::read_to_string(sandbox.join("file")).unwrap(), "new");
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 2);
    }
}
