//! What happened, as text: all of it when a seed is replayed, the end of it when one fails.

use std::collections::VecDeque;
use std::fmt::Arguments;

use tepui_types::Time;

/// How much of the end is kept.
const KEPT: usize = 400;

/// The story so far.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    verbose: bool,
    lines: VecDeque<String>,
}

impl Trace {
    pub(crate) fn new(verbose: bool) -> Self {
        Self { verbose, lines: VecDeque::new() }
    }

    #[expect(clippy::print_stdout, reason = "a replay is read on the terminal")]
    pub(crate) fn line(&mut self, now: Time, text: Arguments<'_>) {
        let line = format!("{:12.6} {text}", now.saturating_duration_since(Time::ZERO).as_secs_f64());
        if self.verbose {
            println!("{line}");
            return;
        }
        if self.lines.len() == KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// The end of the story; nothing if all of it was printed.
    pub(crate) fn end(&self) -> String {
        self.lines.iter().fold(String::new(), |text, line| text + line + "\n")
    }
}
