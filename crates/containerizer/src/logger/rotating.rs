//! A file that is replaced when it is full.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::libc::O_NOFOLLOW;

use super::{Limit, Rotation};

/// The suffixes of what `logrotate` reads and writes; Mesos' names.
const CONFIG_SUFFIX: &str = ".logrotate.conf";
const STATE_SUFFIX: &str = ".logrotate.state";

/// How much is written at a time.
const PIECE_BYTES: usize = 16 << 10;

/// How much is written at a time to a file that may become full; the least size of one.
const LIMITED_PIECE_BYTES: usize = 4 << 10;

/// What a container says goes here.
#[derive(Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
    file: File,
    bytes: u64,
    limit: Option<Limit>,
}

impl LogFile {
    /// Opens a file for appending, and makes it if need be.
    pub(crate) fn open(path: PathBuf, limit: Option<Limit>) -> io::Result<Self> {
        let file = open(&path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { path, file, bytes, limit })
    }

    /// How much to write at a time: no file becomes larger than it may, and it is full when little room is left.
    pub(crate) fn piece_bytes(&self) -> usize {
        if self.limit.is_some() { LIMITED_PIECE_BYTES } else { PIECE_BYTES }
    }

    /// Appends, to a new file if this one would become too large. What cannot be rotated goes on growing: the error says so,
    /// and all is written nevertheless.
    pub(crate) fn write(&mut self, data: &[u8]) -> io::Result<()> {
        let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
        let is_full = |limit: &Limit| self.bytes.saturating_add(length) > limit.max_bytes;
        let rotated = match self.limit.clone().filter(is_full) {
            Some(limit) if self.bytes > 0 => self.replace(&limit.rotation),
            _ => Ok(()),
        };
        self.bytes = self.bytes.saturating_add(length);
        self.file.write_all(data).and(rotated)
    }

    /// Says in the file what is wrong with it, if that can be: there is no better place.
    pub(crate) fn complain(&mut self, error: &io::Error) {
        let _ = writeln!(self.file, "failed to rotate or write `{}`: {error}", self.path.display());
    }

    fn replace(&mut self, rotation: &Rotation) -> io::Result<()> {
        // Compat: also after a failure it is tried again only when as much was written once more.
        self.bytes = 0;
        match rotation {
            Rotation::Rename(kept) => rename(&self.path, *kept)?,
            Rotation::Logrotate { program, options } => {
                call(program, &self.path, options, self.limit.as_ref())?;
            }
        }
        self.file = open(&self.path)?;
        Ok(())
    }
}

/// The folder is the task's, who may have put a link there.
fn open(path: &Path) -> io::Result<File> {
    File::options().create(true).append(true).mode(0o644).custom_flags(O_NOFOLLOW).open(path)
}

fn numbered(path: &Path, suffix: impl std::fmt::Display) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix.to_string());
    name.into()
}

/// Renames a file to its first number, and those that have one to the next, as far as they are kept.
fn rename(path: &Path, kept: u32) -> io::Result<()> {
    if kept == 0 {
        return absent_is_fine(fs::remove_file(path));
    }
    let name = |number: u32| numbered(path, format_args!(".{number}"));
    let free = (1..kept).find(|number| fs::symlink_metadata(name(*number)).is_err()).unwrap_or(kept);
    for number in (1..free).rev() {
        absent_is_fine(fs::rename(name(number), name(number + 1)))?;
    }
    absent_is_fine(fs::rename(path, name(1)))
}

/// A task may remove what is its own.
fn absent_is_fine(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Has `logrotate` do it.
fn call(program: &Path, path: &Path, options: &str, limit: Option<&Limit>) -> io::Result<()> {
    let (config, state) = (numbered(path, CONFIG_SUFFIX), numbered(path, STATE_SUFFIX));
    // It is called when the next piece would be too much, and is to agree with that.
    let size = limit.map_or(0, |limit| limit.max_bytes.saturating_sub(LIMITED_PIECE_BYTES as u64));
    fs::write(&config, format!("\"{}\" {{\n{options}\nsize {size}\n}}\n", path.display()))?;
    let output = Command::new(program)
        .arg("--state")
        .args([&state, &config])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{} ended with {}: {}", program.display(), output.status, said.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(folder: &Path, kept: u32) -> LogFile {
        let limit = Limit { max_bytes: 4096, rotation: Rotation::Rename(kept) };
        LogFile::open(folder.join("stdout"), Some(limit)).unwrap()
    }

    /// The files and the first letter of each.
    fn shown(folder: &Path) -> String {
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let show = |path: &PathBuf| {
            let text = fs::read_to_string(path).unwrap();
            assert!(text.len() <= 4096);
            format!("{} {}", path.file_name().unwrap().to_string_lossy(), &text[..1])
        };
        files.iter().map(show).collect::<Vec<_>>().join(", ")
    }

    fn write(log: &mut LogFile, letters: &str) {
        for letter in letters.chars() {
            log.write(letter.to_string().repeat(3000).as_bytes()).unwrap();
        }
    }

    #[test]
    fn full_files_are_renamed_and_the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        write(&mut log(folder.path(), 2), "ab");
        assert_eq!(shown(folder.path()), "stdout b, stdout.1 a");
        // What is there counts.
        write(&mut log(folder.path(), 2), "cde");
        assert_eq!(shown(folder.path()), "stdout e, stdout.1 d, stdout.2 c");
    }

    #[test]
    fn without_a_number_only_the_newest_file_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        write(&mut log(folder.path(), 0), "abc");
        assert_eq!(shown(folder.path()), "stdout c");
    }

    #[test]
    fn what_a_task_removes_is_not_missed() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = log(folder.path(), 2);
        write(&mut log, "ab");
        fs::remove_file(folder.path().join("stdout")).unwrap();
        fs::remove_file(folder.path().join("stdout.1")).unwrap();
        write(&mut log, "c");
        assert_eq!(shown(folder.path()), "stdout c");
    }

    #[test]
    fn a_program_is_called_with_what_mesos_gives_it() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("rotate");
        // It does as logrotate would: the name is in the first line of its configuration.
        let script = "#!/bin/sh\ntest \"$1\" = --state || exit 3\nname=$(head -n 1 \"$3\" | cut -d '\"' -f 2)\nmv \"$name\" \"$name.old\"\n";
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let rotation = Rotation::Logrotate { program: program.clone(), options: "compress".to_owned() };
        let limit = Limit { max_bytes: 4096, rotation };
        let path = folder.path().join("stdout");
        let mut log = LogFile::open(path.clone(), Some(limit)).unwrap();
        write(&mut log, "ab");
        assert!(fs::read_to_string(&path).unwrap().starts_with('b'));
        assert!(fs::read_to_string(numbered(&path, ".old")).unwrap().starts_with('a'));
        let config = fs::read_to_string(numbered(&path, CONFIG_SUFFIX)).unwrap();
        assert_eq!(config, format!("\"{}\" {{\ncompress\nsize 0\n}}\n", path.display()));
        fs::write(&program, "#!/bin/sh\necho no >&2; exit 1\n").unwrap();
        let failed = log.write(&[b'c'; 3000]).unwrap_err().to_string();
        assert!(failed.ends_with("exit status: 1: no"), "{failed}");
        assert_eq!(fs::read(&path).unwrap().len(), 6000, "it is written all the same");
    }
}
