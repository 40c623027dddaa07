//! All cases, what is expected of each master, and how they are compared.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::run::run_case;
use crate::script::{Case, CaseFile};

/// How many characters of a differing line are shown around the place.
const CONTEXT: usize = 100;

/// How a case went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As the real Mesos wrote it.
    Agrees,
    /// As a listed difference says.
    DiffersAsListed,
    /// It is listed as pending, and differs.
    Pending,
    /// It is on a list and does not differ.
    ListedButAgrees(String),
    /// It differs, and where.
    Differs(String),
}

/// The cases, and the lists of those that differ.
#[derive(Debug)]
pub struct Suite {
    /// All files, in order.
    pub files: Vec<CaseFile>,
    folder: PathBuf,
    pending: BTreeMap<String, String>,
}

impl Suite {
    /// Reads the suite of this crate.
    ///
    /// # Errors
    /// A file cannot be read or makes no sense.
    pub fn load() -> anyhow::Result<Self> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let root = folder.join("cases");
        let mut files = Vec::new();
        collect(&root, &root, &mut files)?;
        files.sort_by(|a, b| a.name.cmp(&b.name));
        let mut pending = BTreeMap::new();
        let text = std::fs::read_to_string(folder.join("pending.txt")).unwrap_or_default();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (case, reason) =
                line.split_once(": ").with_context(|| format!("`{line}` gives no reason"))?;
            pending.insert(case.to_owned(), reason.to_owned());
        }
        Ok(Self { files, folder, pending })
    }

    /// Keeps the cases whose path contains the text.
    pub fn filter(&mut self, text: &str) {
        for file in &mut self.files {
            file.cases.retain(|case| path(&file.name, &case.name).contains(text));
        }
        self.files.retain(|file| !file.cases.is_empty());
    }

    /// Runs one case against a master that is ours or a real one.
    ///
    /// # Errors
    /// The case makes no sense.
    pub async fn check(
        &self,
        master: SocketAddr,
        file: &CaseFile,
        case: &Case,
        is_ours: bool,
    ) -> anyhow::Result<Outcome> {
        let name = path(&file.name, &case.name);
        let done = match run_case(master, &file.setup, case).await {
            Ok(done) => done.transcript(),
            Err(error) => format!("{error:#}\n"),
        };
        let expected = case.transcript();
        let (agrees, deliberate) = (done == expected, self.difference(&name));
        Ok(match (is_ours, deliberate, self.pending.get(&name)) {
            (true, Some(_), _) | (true, None, Some(_)) if agrees => Outcome::ListedButAgrees(name),
            (true, Some(listed), _) if listed == done => Outcome::DiffersAsListed,
            (true, Some(listed), _) => Outcome::Differs(difference(&listed, &done)),
            (true, None, Some(_)) => Outcome::Pending,
            _ if agrees => Outcome::Agrees,
            _ => Outcome::Differs(difference(&expected, &done)),
        })
    }

    /// Our own transcript of a case that differs on purpose; the file begins with the reason, as comments.
    fn difference(&self, name: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.difference_file(name)).ok()?;
        let reason = text.lines().take_while(|line| line.starts_with("#!")).map(|line| line.len() + 1).sum();
        Some(text[reason..].to_owned())
    }

    /// Writes our own transcript of a case, with the reason why it is another.
    pub(crate) fn write_difference(&self, name: &str, reason: &str, transcript: &str) -> anyhow::Result<()> {
        let file = self.difference_file(name);
        std::fs::create_dir_all(self.folder.join("differences"))?;
        std::fs::write(&file, format!("#! {reason}\n{transcript}"))
            .with_context(|| format!("failed to write `{}`", file.display()))
    }

    fn difference_file(&self, name: &str) -> PathBuf {
        let file: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        self.folder.join("differences").join(file + ".txt")
    }
}

/// The name of a case among all.
pub(crate) fn path(file: &str, case: &str) -> String {
    format!("{file}/{case}")
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<CaseFile>) -> anyhow::Result<()> {
    for entry in
        std::fs::read_dir(folder).with_context(|| format!("failed to list `{}`", folder.display()))?
    {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "txt") {
            files.push(CaseFile::read(root, &path)?);
        }
    }
    Ok(())
}

/// The lines in which two transcripts differ, cut to where.
fn difference(expected: &str, got: &str) -> String {
    let mut text = String::new();
    let (expected, got): (Vec<_>, Vec<_>) = (expected.lines().collect(), got.lines().collect());
    let begin = expected.iter().zip(&got).take_while(|(a, b)| a == b).count();
    let (expected, got) = (&expected[begin..], &got[begin..]);
    let end = expected.iter().rev().zip(got.iter().rev()).take_while(|(a, b)| a == b).count();
    let (expected, got) = (&expected[..expected.len() - end], &got[..got.len() - end]);
    for at in 0..expected.len().max(got.len()) {
        let (left, right) = (expected.get(at).copied(), got.get(at).copied());
        if left == right {
            continue;
        }
        let from = match (left, right) {
            (Some(left), Some(right)) => {
                let same = left.char_indices().zip(right.chars()).find(|((_, a), b)| a != b);
                same.map_or(left.len().min(right.len()), |((at, _), _)| at).saturating_sub(CONTEXT)
            }
            _ => 0,
        };
        for (sign, line) in [('-', left), ('+', right)] {
            if let Some(line) = line {
                let cut: String =
                    line.chars().skip(line[..floor(line, from)].chars().count()).take(4 * CONTEXT).collect();
                let dots = if from > 0 { "..." } else { "" };
                // A string grows without fail.
                let _ = writeln!(text, "  {sign} {dots}{cut}");
            }
        }
    }
    text
}

/// The end of a character at or before a position.
fn floor(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
