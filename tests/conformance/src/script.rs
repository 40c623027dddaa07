//! The format of case files.
//!
//! ```text
//! # What this file is about. Lines that start with `#` are kept where they are.
//! flags: roles=a,b            how the master was started, if not with defaults
//!
//! setup:                      steps that go before each case; what comes of them is not shown
//! subscribe s1
//!
//! === name of a case
//! # why
//! call s1 SUPPRESS
//!   {"roles": []}             a line that is indented continues the step
//! ----
//! 202                         what came of the step, up to an empty line
//! ```

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// One thing to do, and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// The comment lines above it.
    pub comments: Vec<String>,
    /// The command line, and the lines that continue it.
    pub lines: Vec<String>,
    /// What came of it.
    pub output: Vec<String>,
}

/// A list of steps with a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// What it does.
    pub steps: Vec<Step>,
}

/// Cases of one topic that begin alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaseFile {
    /// Its name below `cases/`, without the suffix.
    pub name: String,
    path: PathBuf,
    header: Vec<String>,
    /// The flags of the master that it is for, as `name=value`.
    pub flags: Vec<String>,
    /// The steps before each case.
    pub setup: Vec<Step>,
    /// The cases.
    pub cases: Vec<Case>,
}

enum Part {
    Header,
    Setup,
    Case,
}

impl CaseFile {
    /// Reads a file below the folder `root`.
    ///
    /// # Errors
    /// It cannot be read, or has a line that makes no sense.
    pub fn read(root: &Path, path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("failed to read `{}`", path.display()))?;
        let name = path.strip_prefix(root)?.with_extension("").display().to_string();
        let mut file = Self { name, path: path.to_owned(), ..Self::default() };
        file.parse(&text).with_context(|| format!("failed to understand `{}`", path.display()))?;
        Ok(file)
    }

    fn parse(&mut self, text: &str) -> anyhow::Result<()> {
        let mut part = Part::Header;
        let mut comments = Vec::new();
        let mut in_output = false;
        for line in text.lines() {
            if in_output && !line.is_empty() {
                let step = self.last_step(&part).context("an output needs a step")?;
                step.output.push(line.to_owned());
                continue;
            }
            in_output = false;
            if line.is_empty() {
                continue;
            }
            if line == "setup:" {
                part = Part::Setup;
            } else if let Some(name) = line.strip_prefix("=== ") {
                part = Part::Case;
                self.cases.push(Case { name: name.to_owned(), steps: Vec::new() });
            } else if matches!(part, Part::Header) {
                if let Some(flags) = line.strip_prefix("flags:") {
                    self.flags = flags.split_whitespace().map(str::to_owned).collect();
                }
                self.header.push(line.to_owned());
            } else if line == "----" {
                in_output = true;
            } else if line.starts_with('#') {
                comments.push(line.to_owned());
            } else if line.starts_with(' ') {
                self.last_step(&part).context("a continued line needs a step")?.lines.push(line.to_owned());
            } else {
                let step = Step {
                    comments: std::mem::take(&mut comments),
                    lines: vec![line.to_owned()],
                    output: Vec::new(),
                };
                match part {
                    Part::Case => self.cases.last_mut().context("a step needs a case")?.steps.push(step),
                    Part::Setup | Part::Header => self.setup.push(step),
                }
            }
        }
        Ok(())
    }

    fn last_step(&mut self, part: &Part) -> Option<&mut Step> {
        match part {
            Part::Header => None,
            Part::Setup => self.setup.last_mut(),
            Part::Case => self.cases.last_mut()?.steps.last_mut(),
        }
    }

    /// Writes the cases into the file, and leaves those as they are that it has besides.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn write_cases(&self) -> anyhow::Result<()> {
        let mut whole = Self { path: self.path.clone(), ..Self::default() };
        whole.parse(&std::fs::read_to_string(&self.path)?)?;
        for case in &mut whole.cases {
            if let Some(done) = self.cases.iter().find(|done| done.name == case.name) {
                *case = done.clone();
            }
        }
        Ok(whole.write()?)
    }

    fn write(&self) -> std::io::Result<()> {
        let mut text = self.header.join("\n") + "\n";
        if !self.setup.is_empty() {
            text += "\nsetup:\n";
            for step in &self.setup {
                text += &(step.comments.join("\n") + if step.comments.is_empty() { "" } else { "\n" });
                text += &(step.lines.join("\n") + "\n");
            }
        }
        for case in &self.cases {
            // A string grows without fail.
            let _ = write!(text, "\n=== {}\n{}", case.name, case.transcript());
        }
        std::fs::write(&self.path, text)
    }
}

impl Case {
    /// The steps with their outputs, as a file has them.
    pub fn transcript(&self) -> String {
        let mut text = String::new();
        for step in &self.steps {
            for line in step.comments.iter().chain(&step.lines) {
                text += line;
                text.push('\n');
            }
            if !step.output.is_empty() {
                text += "----\n";
                for line in &step.output {
                    text += line;
                    text.push('\n');
                }
                text.push('\n');
            }
        }
        text.trim_end().to_owned() + "\n"
    }
}

impl Step {
    /// The command with its continuations on one line, as most steps want it.
    pub(crate) fn joined(&self) -> String {
        self.lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
    }
}
