//! A command that runs while a test goes on.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, Stdio};

/// A command that was started, and what it has said on its standard error so far.
#[derive(Debug)]
pub struct Started {
    child: Child,
    stderr: BufReader<ChildStderr>,
    said: String,
}

impl Started {
    /// Starts a command, and waits until it has said this.
    ///
    /// # Panics
    /// It cannot be started, or ends before.
    pub fn until<A: AsRef<std::ffi::OsStr>>(binary: &str, arguments: &[A], said: &str) -> Self {
        let mut child = Command::new(binary)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary was built for this test");
        let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut started = Self { child, stderr, said: String::new() };
        started.wait_until(said, 1);
        started
    }

    /// Waits until it has said this so often.
    ///
    /// # Panics
    /// It ends before.
    pub fn wait_until(&mut self, said: &str, times: usize) {
        while self.said.matches(said).count() < times {
            let count = self.stderr.read_line(&mut self.said).expect("it is text");
            assert!(count > 0, "it ended too soon:\n{}", self.said);
        }
    }

    /// What it has said so far.
    pub fn said(&self) -> &str {
        &self.said
    }

    /// Sends it a signal, such as `-INT`.
    ///
    /// # Panics
    /// There is no such signal.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()));
    }

    /// Waits for the end; what was said, and the exit code.
    ///
    /// # Panics
    /// What it says is no text.
    pub fn end(mut self) -> (String, Option<i32>) {
        self.stderr.read_to_string(&mut self.said).expect("it is text");
        let code = self.child.wait().expect("it was started").code();
        (self.said, code)
    }
}
