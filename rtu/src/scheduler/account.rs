// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an RTU did and used.

use crate::Nanos;
use crate::histogram::Histogram;

/// What an RTU did and used so far.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// How often it was released, lost releases included.
    pub releases: u64,
    /// How many activations were done.
    pub completions: u64,
    /// How often it returned before it was done.
    pub yields: u64,
    /// In how many periods it used more than its budget.
    pub overruns: u64,
    /// How often it was kept back until the next budget.
    pub deferrals: u64,
    /// How many deadlines it missed: activations done too late, and releases that came to nothing because an earlier one
    /// was not done or nobody saw the time.
    pub misses: u64,
    /// The execution time that it used.
    pub used: Nanos,
    /// The longest time from entering the handler to its return.
    pub longest_run: Nanos,
    /// The most that one activation used, all its runs together.
    pub costliest: Nanos,
    /// From the nominal release to that in the scheduler.
    pub release_jitter: Histogram,
    /// From the nominal release to the end of the activation.
    pub response: Histogram,
    current: Nanos,
}

impl Account {
    pub(super) fn release(&mut self, late: Nanos) {
        self.releases += 1;
        self.release_jitter.record(late);
    }

    pub(super) fn charge(&mut self, used: Nanos) {
        self.used += used;
        self.current += used;
        self.longest_run = self.longest_run.max(used);
    }

    pub(super) fn complete(&mut self, response: Nanos) {
        self.completions += 1;
        self.response.record(response);
        self.costliest = self.costliest.max(self.current);
        self.current = Nanos::ZERO;
    }
}
