// SPDX-License-Identifier: MIT OR Apache-2.0
//! A line on the terminal while something takes long, and the way to end it.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::failure::Failure;

/// How often the line is written anew.
const EVERY: Duration = Duration::from_millis(100);

/// Shows how far a long piece of work is, on a terminal only, and knows when to give it up.
#[derive(Debug)]
pub(super) struct Progress<'a> {
    stop: &'a AtomicBool,
    terminal: bool,
    shown: Option<Instant>,
    began: Instant,
    whole: Duration,
}

impl<'a> Progress<'a> {
    /// Begins a piece of work that takes about so long, unless `stop` becomes true.
    pub(super) fn new(stop: &'a AtomicBool, whole: Duration) -> Self {
        Self {
            stop,
            terminal: std::io::stderr().is_terminal(),
            shown: None,
            began: Instant::now(),
            whole,
        }
    }

    /// Says what is going on.
    ///
    /// # Errors
    /// If it is to end.
    pub(super) fn go_on(&mut self, doing: &str) -> Result<(), Failure> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Failure::new("interrupted; nothing was written"));
        }
        if self.terminal && self.shown.is_none_or(|shown| shown.elapsed() >= EVERY) {
            self.shown = Some(Instant::now());
            let left = self.whole.saturating_sub(self.began.elapsed());
            let _ = write!(std::io::stderr(), "\r\x1b[K{}", line(doing, left, self.whole));
        }
        Ok(())
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if self.shown.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

fn line(doing: &str, left: Duration, whole: Duration) -> String {
    let share = 1.0 - left.as_secs_f64() / whole.as_secs_f64().max(1e-9);
    format!(
        "{:3.0} %  {doing}, {:.0} s to go",
        share * 100.0,
        left.as_secs_f64().ceil()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_when_it_is_to() {
        let stop = AtomicBool::new(false);
        let mut progress = Progress::new(&stop, Duration::from_secs(1));
        assert!(progress.go_on("testing").is_ok());
        stop.store(true, Ordering::Relaxed);
        let said = progress.go_on("testing").unwrap_err().to_string();
        assert!(said.starts_with("interrupted"), "{said}");
    }

    #[test]
    fn the_line_says_how_far_it_is() {
        let seconds = Duration::from_secs;
        assert_eq!(
            line("counting", seconds(3), seconds(4)),
            " 25 %  counting, 3 s to go"
        );
        assert_eq!(
            line("counting", seconds(0), seconds(0)),
            "100 %  counting, 0 s to go"
        );
    }
}
