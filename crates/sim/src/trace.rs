//! What happened, as text: all of it when a seed is replayed, the end of it when one fails.

use std::collections::VecDeque;
use std::fmt::Arguments;

use tepui_types::Time;

/// How much of the end is kept.
const KEPT: usize = 400;

/// Of the hash function of Fowler, Noll and Vo.
const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// The story so far.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    verbose: bool,
    lines: VecDeque<String>,
    fingerprint: u64,
}

impl Trace {
    pub(crate) fn new(verbose: bool) -> Self {
        Self { verbose, ..Self::default() }
    }

    #[expect(clippy::print_stdout, reason = "a replay is read on the terminal")]
    pub(crate) fn line(&mut self, now: Time, text: Arguments<'_>) {
        let line = format!("{:12.6} {text}", now.saturating_duration_since(Time::ZERO).as_secs_f64());
        for byte in line.bytes() {
            self.fingerprint = (self.fingerprint ^ u64::from(byte)).wrapping_mul(FNV_PRIME);
        }
        if self.verbose {
            println!("{line}");
            return;
        }
        if self.lines.len() == KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// Differs if any line of the story differs.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The end of the story; nothing if all of it was printed.
    pub(crate) fn end(&self) -> String {
        self.lines.iter().fold(String::new(), |text, line| text + line + "\n")
    }
}
