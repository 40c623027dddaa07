//! The books of a framework: each task must end exactly once.

use hdrhistogram::Histogram;

/// What became of a task, as its framework saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Launched,
    Running,
    /// With its state.
    Terminal(u64),
}

/// What frameworks saw. Times are in nanoseconds.
#[derive(Clone, Debug)]
pub(crate) struct FleetResult {
    /// From the time that an ACCEPT was to be sent to the RUNNING update.
    pub(crate) launch: Histogram<u64>,
    /// From the end of a task at its agent to the next offer of that agent.
    pub(crate) turnaround: Histogram<u64>,
    /// From the end of a task at its agent to the framework's knowing.
    pub(crate) terminal: Histogram<u64>,
    pub(crate) launched: usize,
    pub(crate) finished: usize,
    /// Updates of a state that was known.
    pub(crate) repeated: usize,
    /// What must not happen, in words; the first few.
    pub(crate) violations: Vec<String>,
    pub(crate) violation_count: usize,
}

/// How many violations are put into words.
const MAX_WORDS: usize = 20;

impl Default for FleetResult {
    fn default() -> Self {
        // A microsecond to ten minutes, to three digits.
        let histogram = || {
            Histogram::new_with_bounds(1_000, 600_000_000_000, 3)
                .expect("the bounds of the histogram are in order")
        };
        Self {
            launch: histogram(),
            turnaround: histogram(),
            terminal: histogram(),
            launched: 0,
            finished: 0,
            repeated: 0,
            violations: Vec::new(),
            violation_count: 0,
        }
    }
}

impl FleetResult {
    /// Adds what others saw.
    pub(crate) fn add(&mut self, other: &Self) {
        for (mine, others) in [
            (&mut self.launch, &other.launch),
            (&mut self.turnaround, &other.turnaround),
            (&mut self.terminal, &other.terminal),
        ] {
            mine.add(others).expect("all histograms have the same bounds");
        }
        self.launched += other.launched;
        self.finished += other.finished;
        self.repeated += other.repeated;
        self.violations.extend(other.violations.iter().cloned());
        self.violations.truncate(MAX_WORDS);
        self.violation_count += other.violation_count;
    }

    pub(crate) fn violation(&mut self, text: String) {
        self.violation_count += 1;
        if self.violations.len() < MAX_WORDS {
            self.violations.push(text);
        }
    }
}
