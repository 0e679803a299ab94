// SPDX-License-Identifier: MIT OR Apache-2.0
//! Other programs: started, listened to with a deadline, and ended whatever becomes of the test.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::PATIENCE;

/// A running program, killed when dropped.
///
/// Its standard input stays open as long as this does, so that a program that watches it ends even when the test
/// is killed.
#[derive(Debug)]
pub struct Process {
    child: Child,
    name: String,
    _input: Option<ChildStdin>,
    lines: Receiver<String>,
    errors: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts `command`.
    ///
    /// # Panics
    /// When it can't be started.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let spawned = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let (tell, lines) = channel();
        let errors = Arc::new(Mutex::new(String::new()));
        let mut readers = Vec::new();
        if let Some(output) = child.stdout.take() {
            readers.push(thread::spawn(move || {
                for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                    if tell.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                        return;
                    }
                }
            }));
        }
        if let Some(output) = child.stderr.take() {
            let errors = Arc::clone(&errors);
            readers.push(thread::spawn(move || collect(output, &errors)));
        }
        let input = child.stdin.take();
        Self {
            child,
            name,
            _input: input,
            lines,
            errors,
            readers,
        }
    }

    /// The process's id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line of its standard output.
    ///
    /// # Panics
    /// When none comes in time or the program ended.
    pub fn line(&self) -> String {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => panic!("{} says nothing: {}", self.name, self.errors()),
            Err(RecvTimeoutError::Disconnected) => panic!("{} ended: {}", self.name, self.errors()),
        }
    }

    /// The first line of its standard output that begins with `start`.
    ///
    /// # Panics
    /// When none comes in time or the program ended.
    pub fn line_with(&self, start: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let line = self.line();
            if line.starts_with(start) {
                return line;
            }
        }
        panic!("{} never says {start}: {}", self.name, self.errors())
    }

    /// Waits until the program ends by itself; gives what it printed since.
    ///
    /// # Panics
    /// When it does not end within `limit`.
    pub fn finish(mut self, limit: Duration) -> (ExitStatus, Vec<String>) {
        let deadline = Instant::now() + limit;
        let mut printed = Vec::new();
        loop {
            match self
                .lines
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) => printed.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    let last = printed.last().cloned().unwrap_or_default();
                    panic!(
                        "{} does not end; it last said {last:?}; {}",
                        self.name,
                        self.errors()
                    )
                }
            }
        }
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return (status, printed),
                Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(2)),
                other => panic!("{} does not end: {other:?}", self.name),
            }
        }
    }

    /// What it wrote to standard error so far.
    #[must_use]
    pub fn errors(&self) -> String {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends it as the keyboard would, with SIGINT.
    ///
    /// # Panics
    /// When the signal can't be sent.
    pub fn interrupt(&self) {
        let sent = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status();
        assert!(
            sent.is_ok_and(|status| status.success()),
            "{} can't be interrupted",
            self.name
        );
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
    }
}

fn collect(mut output: impl Read, into: &Mutex<String>) {
    let mut chunk = [0; 4096];
    while let Ok(length @ 1..) = output.read(&mut chunk) {
        let text = String::from_utf8_lossy(chunk.get(..length).unwrap_or_default()).into_owned();
        into.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_str(&text);
    }
}
