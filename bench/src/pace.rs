// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests at a rate that does not depend on their answers.

use std::iter;
use std::thread;
use std::time::{Duration, Instant};

use probe::Report;

/// From one look at what is due to the next.
const TICK: Duration = Duration::from_millis(1);

/// Sleeps until each tick, without end, and gives the time that passed since the last one.
pub fn ticks() -> impl Iterator<Item = Duration> {
    let began = Instant::now();
    let mut last = began;
    let mut tick = 0;
    iter::from_fn(move || {
        tick += 1;
        thread::sleep((began + TICK * tick).saturating_duration_since(Instant::now()));
        let now = Instant::now();
        let passed = now - last;
        last = now;
        Some(passed)
    })
}

/// What of a stream has become due.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Requests each second.
    rate: f64,
    /// Requests that are due, and parts of one.
    due: f64,
}

impl Pace {
    /// So many requests per second.
    #[must_use]
    pub fn of(rate: u32) -> Self {
        Self {
            rate: rate.into(),
            due: 0.0,
        }
    }

    /// Returns how many requests have become due when so much time has passed.
    pub fn due(&mut self, passed: Duration) -> usize {
        self.due += self.rate * passed.as_secs_f64();
        let mut count = 0;
        while self.due >= 1.0 {
            self.due -= 1.0;
            count += 1;
        }
        count
    }
}

/// Reports how many requests of each stream were answered, per second.
#[must_use]
pub fn report(answered: &[u64], elapsed: Duration) -> Report {
    let mut report = Report::default();
    for (index, answered) in answered.iter().enumerate() {
        let rate = *answered as f64 / elapsed.as_secs_f64();
        report.set(&format!("stream_{index}"), rate);
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_adds_up_to_the_rate() {
        let mut pace = Pace::of(2_500);
        let each: Vec<usize> = (0..4).map(|_| pace.due(Duration::from_millis(1))).collect();
        assert_eq!(each, [2, 3, 2, 3]);
        assert_eq!(Pace::of(0).due(Duration::from_secs(9)), 0);
    }

    #[test]
    fn ticks_give_all_the_time_there_was() {
        let began = Instant::now();
        let passed: Duration = ticks().take(3).sum();
        assert!(passed >= 3 * TICK && passed <= began.elapsed(), "{passed:?}");
    }

    #[test]
    fn answers_are_reported_by_stream() {
        let report = report(&[30, 0], Duration::from_millis(500));
        assert_eq!(
            (report.value("stream_0"), report.value("stream_1")),
            (Some(60.0), Some(0.0))
        );
    }
}
