// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a hypervisor takes.

use std::fs;

/// What a hypervisor took from all CPUs together, in ticks of the clock (proc_stat(5)).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Stolen {
    ticks: f64,
    of: f64,
}

impl Stolen {
    /// What was taken so far.
    pub(crate) fn now() -> Self {
        fs::read_to_string("/proc/stat")
            .ok()
            .as_deref()
            .and_then(Self::parse)
            .unwrap_or_default()
    }

    /// Reads the line of all CPUs: user, nice, system, idle, iowait, irq, softirq, steal.
    fn parse(text: &str) -> Option<Self> {
        let line = text.lines().next()?.strip_prefix("cpu ")?;
        let ticks: Vec<f64> = line
            .split_ascii_whitespace()
            .take(8)
            .filter_map(|word| word.parse().ok())
            .collect();
        Some(Self {
            ticks: *ticks.get(7)?,
            of: ticks.iter().sum(),
        })
    }

    /// The part of all time since then that was taken.
    pub(crate) fn share_since(&self, before: &Self) -> f64 {
        (self.ticks - before.ticks) / (self.of - before.of).max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stolen_time_is_the_eighth_of_all() {
        let parse = |text: &str| Stolen::parse(text).expect("eight numbers");
        let (before, after) = (
            parse("cpu  10 0 10 70 0 0 0 10 5 5\ncpu0 1"),
            parse("cpu  20 0 20 130 0 0 0 30 5 5\n"),
        );
        assert_eq!(after.share_since(&before), 0.2);
        assert!(Stolen::parse("intr 1").is_none() && Stolen::parse("cpu  1 2").is_none());
    }
}
