//! When a check is due, and what its outcome means. No I/O: times are counted from any fixed moment.

use std::time::Duration;

use tepui_proto::v1::check_info::Type;
use tepui_proto::v1::task_status::Reason;
use tepui_proto::v1::{self, CheckStatusInfo, check_status_info};

/// What came of a probe.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// It could be made, and found this.
    Done(CheckStatusInfo),
    /// It could not be made, or took too long.
    Failed(String),
    /// Whether it could be made is not known: the agent went away meanwhile.
    Unavailable,
}

/// What the framework is told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Report {
    /// The status of a check has changed.
    Check(CheckStatusInfo),
    /// The task is healthy: for the first time, or again.
    Healthy,
    /// The task is not healthy.
    Unhealthy {
        /// It has been so for too long.
        kill: bool,
    },
}

impl Report {
    /// Puts what is told into an update that is otherwise as the one before. Says whether the task is to be killed.
    pub(crate) fn apply(self, status: &mut v1::TaskStatus) -> bool {
        let (reason, kill) = match self {
            Self::Check(check) => {
                status.check_status = Some(check);
                (Reason::TaskCheckStatusUpdated, false)
            }
            Self::Healthy => {
                status.healthy = Some(true);
                (Reason::TaskHealthCheckStatusUpdated, false)
            }
            Self::Unhealthy { kill } => {
                status.healthy = Some(false);
                (Reason::TaskHealthCheckStatusUpdated, kill)
            }
        };
        status.reason = Some(reason.into());
        kill
    }
}

/// A check or a health check of one task.
#[derive(Clone, Debug)]
pub(crate) struct Checker {
    kind: Type,
    interval: Duration,
    /// None for no limit.
    timeout: Option<Duration>,
    /// When the next probe begins; none while one is under way or the checks are paused.
    due: Option<Duration>,
    is_paused: bool,
    judge: Judge,
}

/// What is made of the outcomes.
#[derive(Clone, Debug)]
enum Judge {
    Check { last: CheckStatusInfo },
    Health(Health),
}

#[derive(Clone, Debug)]
struct Health {
    began: Duration,
    grace_period: Duration,
    limit: u32,
    failures: u32,
    /// It was never healthy.
    is_initializing: bool,
}

impl Checker {
    pub(crate) fn of_check(check: &v1::CheckInfo, now: Duration) -> Result<Self, String> {
        let judge = Judge::Check { last: empty_status(check.r#type()) };
        let times = [check.delay_seconds(), check.interval_seconds(), check.timeout_seconds()];
        Self::new(check.r#type(), times, judge, now)
    }

    pub(crate) fn of_health_check(check: &v1::HealthCheck, now: Duration) -> Result<Self, String> {
        let judge = Judge::Health(Health {
            began: now,
            grace_period: seconds(check.grace_period_seconds())?,
            limit: check.consecutive_failures(),
            failures: 0,
            is_initializing: true,
        });
        let kind = match check.r#type() {
            v1::health_check::Type::Unknown => Type::Unknown,
            v1::health_check::Type::Command => Type::Command,
            v1::health_check::Type::Http => Type::Http,
            v1::health_check::Type::Tcp => Type::Tcp,
        };
        let times = [check.delay_seconds(), check.interval_seconds(), check.timeout_seconds()];
        Self::new(kind, times, judge, now)
    }

    fn new(kind: Type, times: [f64; 3], judge: Judge, now: Duration) -> Result<Self, String> {
        let [delay, interval, timeout] = times;
        // Compat: a timeout of zero is none.
        let timeout = Some(seconds(timeout)?).filter(|timeout| !timeout.is_zero());
        let due = Some(now.saturating_add(seconds(delay)?));
        Ok(Self { kind, interval: seconds(interval)?, timeout, due, is_paused: false, judge })
    }

    /// What it is called in logs.
    pub(crate) fn name(&self) -> &'static str {
        match (&self.judge, self.kind) {
            (Judge::Check { .. }, Type::Command) => "COMMAND check",
            (Judge::Check { .. }, Type::Http) => "HTTP check",
            (Judge::Check { .. }, Type::Tcp) => "TCP check",
            (Judge::Check { .. }, Type::Unknown) => "check",
            (Judge::Health(_), Type::Command) => "COMMAND health check",
            (Judge::Health(_), Type::Http) => "HTTP health check",
            (Judge::Health(_), Type::Tcp) => "TCP health check",
            (Judge::Health(_), Type::Unknown) => "health check",
        }
    }

    /// When a probe is to begin.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.due.filter(|_| !self.is_paused)
    }

    /// How long a probe may take.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// A probe begins.
    pub(crate) fn start(&mut self) {
        self.due = None;
    }

    pub(crate) fn pause(&mut self) {
        self.is_paused = true;
    }

    pub(crate) fn resume(&mut self, now: Duration) {
        if std::mem::take(&mut self.is_paused) {
            self.due = Some(now);
        }
    }

    /// A probe has ended.
    pub(crate) fn finish(&mut self, now: Duration, outcome: &Outcome) -> Option<Report> {
        if self.is_paused {
            return None;
        }
        self.due = Some(now.saturating_add(self.interval));
        let status = match outcome {
            Outcome::Unavailable => return None,
            Outcome::Done(status) => Some(status),
            Outcome::Failed(_) => None,
        };
        match &mut self.judge {
            Judge::Check { last } => {
                let status = status.copied().unwrap_or_else(|| empty_status(self.kind));
                (status != *last).then(|| {
                    last.clone_from(&status);
                    Report::Check(status)
                })
            }
            Judge::Health(health) if status.is_some_and(is_healthy) => health.succeed(),
            Judge::Health(health) => health.fail(now),
        }
    }
}

impl Health {
    fn succeed(&mut self) -> Option<Report> {
        let is_news = self.is_initializing || self.failures > 0;
        self.is_initializing = false;
        self.failures = 0;
        is_news.then_some(Report::Healthy)
    }

    /// Failures do not count before the first success, until the grace period is over.
    fn fail(&mut self, now: Duration) -> Option<Report> {
        let is_in_grace = !self.grace_period.is_zero() && now.saturating_sub(self.began) <= self.grace_period;
        if self.is_initializing && is_in_grace {
            return None;
        }
        self.failures = self.failures.saturating_add(1);
        Some(Report::Unhealthy { kill: self.failures >= self.limit })
    }
}

fn is_healthy(status: &CheckStatusInfo) -> bool {
    match status.r#type() {
        Type::Command => status.command.as_ref().is_some_and(|command| command.exit_code == Some(0)),
        // Compat: redirections are followed, and one that leads nowhere is healthy.
        Type::Http => status
            .http
            .as_ref()
            .and_then(|http| http.status_code)
            .is_some_and(|code| (200..400).contains(&code)),
        Type::Tcp => status.tcp.as_ref().is_some_and(|tcp| tcp.succeeded == Some(true)),
        Type::Unknown => true,
    }
}

/// The status of a check that has none yet: its kind alone.
pub(crate) fn empty_status(kind: Type) -> CheckStatusInfo {
    let mut status = CheckStatusInfo { r#type: Some(kind.into()), ..CheckStatusInfo::default() };
    match kind {
        Type::Command => status.command = Some(check_status_info::Command::default()),
        Type::Http => status.http = Some(check_status_info::Http::default()),
        Type::Tcp => status.tcp = Some(check_status_info::Tcp::default()),
        Type::Unknown => {}
    }
    status
}

fn seconds(value: f64) -> Result<Duration, String> {
    Duration::try_from_secs_f64(value).map_err(|error| format!("`{value}` is no number of seconds: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn exit(code: i32) -> Outcome {
        Outcome::Done(CheckStatusInfo {
            r#type: Some(Type::Command.into()),
            command: Some(check_status_info::Command { exit_code: Some(code) }),
            ..CheckStatusInfo::default()
        })
    }

    fn health(grace_period: f64) -> Checker {
        let check = v1::HealthCheck {
            r#type: Some(v1::health_check::Type::Command.into()),
            delay_seconds: Some(2.0),
            interval_seconds: Some(5.0),
            consecutive_failures: Some(2),
            grace_period_seconds: Some(grace_period),
            ..v1::HealthCheck::default()
        };
        Checker::of_health_check(&check, at(100)).unwrap()
    }

    fn run(checker: &mut Checker, now: u64, outcome: impl std::borrow::Borrow<Outcome>) -> Option<Report> {
        checker.start();
        assert_eq!(checker.due(), None, "one probe at a time");
        checker.finish(at(now), outcome.borrow())
    }

    #[test]
    fn a_probe_comes_after_the_delay_and_then_an_interval_after_the_last_has_ended() {
        let mut checker = health(0.0);
        assert_eq!(checker.due(), Some(at(102)));
        run(&mut checker, 103, exit(0));
        assert_eq!(checker.due(), Some(at(108)));
    }

    #[test]
    fn health_is_told_when_it_changes_and_failures_each_time() {
        let mut checker = health(0.0);
        assert_eq!(run(&mut checker, 102, exit(0)), Some(Report::Healthy));
        assert_eq!(run(&mut checker, 107, exit(0)), None);
        assert_eq!(run(&mut checker, 112, exit(1)), Some(Report::Unhealthy { kill: false }));
        assert_eq!(run(&mut checker, 117, exit(0)), Some(Report::Healthy));
        assert_eq!(run(&mut checker, 122, exit(1)), Some(Report::Unhealthy { kill: false }));
        let failed = Outcome::Failed("timed out".into());
        assert_eq!(run(&mut checker, 127, failed), Some(Report::Unhealthy { kill: true }));
    }

    #[test]
    fn failures_in_the_grace_period_count_only_after_a_success() {
        let mut checker = health(10.0);
        assert_eq!(run(&mut checker, 105, exit(1)), None);
        assert_eq!(run(&mut checker, 110, exit(1)), None);
        assert_eq!(run(&mut checker, 111, exit(1)), Some(Report::Unhealthy { kill: false }));
        let mut checker = health(10.0);
        assert_eq!(run(&mut checker, 102, exit(0)), Some(Report::Healthy));
        assert_eq!(run(&mut checker, 105, exit(1)), Some(Report::Unhealthy { kill: false }));
    }

    #[test]
    fn a_check_tells_what_changed() {
        let check = v1::CheckInfo {
            r#type: Some(Type::Command.into()),
            delay_seconds: Some(0.0),
            ..v1::CheckInfo::default()
        };
        let mut checker = Checker::of_check(&check, at(0)).unwrap();
        assert_eq!(checker.timeout(), Some(at(20)));
        let Some(Report::Check(status)) = run(&mut checker, 1, exit(3)) else { panic!("it is news") };
        assert_eq!(status.command.unwrap().exit_code, Some(3));
        assert_eq!(run(&mut checker, 2, exit(3)), None);
        let failed = Outcome::Failed("timed out".into());
        assert_eq!(run(&mut checker, 3, failed.clone()), Some(Report::Check(empty_status(Type::Command))));
        assert_eq!(run(&mut checker, 4, failed), None);
        assert_eq!(run(&mut checker, 5, Outcome::Unavailable), None);
    }

    #[test]
    fn a_pause_forgets_what_is_under_way_and_ends_with_a_probe_at_once() {
        let mut checker = health(0.0);
        checker.start();
        checker.pause();
        assert_eq!(checker.finish(at(103), &exit(1)), None);
        assert_eq!(checker.due(), None);
        checker.resume(at(200));
        assert_eq!(checker.due(), Some(at(200)));
        checker.start();
        checker.resume(at(201));
        assert_eq!(checker.due(), None, "it was not paused");
    }

    #[test]
    fn only_answers_that_say_so_are_healthy() {
        let http = |code| {
            let http = check_status_info::Http { status_code: Some(code) };
            is_healthy(&CheckStatusInfo { http: Some(http), ..empty_status(Type::Http) })
        };
        assert_eq!([199, 200, 399, 400, 503].map(http), [false, true, true, false, false]);
        assert!(!is_healthy(&empty_status(Type::Tcp)));
    }

    #[test]
    fn times_that_are_none_are_refused() {
        for seconds in [-1.0, f64::NAN, f64::INFINITY] {
            let check = v1::CheckInfo { interval_seconds: Some(seconds), ..v1::CheckInfo::default() };
            Checker::of_check(&check, at(0)).unwrap_err();
        }
        let check = v1::CheckInfo { timeout_seconds: Some(0.0), ..v1::CheckInfo::default() };
        assert_eq!(Checker::of_check(&check, at(0)).unwrap().timeout(), None);
    }
}
