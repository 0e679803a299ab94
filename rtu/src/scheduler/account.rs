// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an RTU did and used.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Nanos;
use crate::histogram::{Histogram, LiveBuckets, Recent};

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
}

impl Account {
    /// Adds what another RTU did and used.
    pub fn merge(&mut self, other: &Self) {
        self.releases += other.releases;
        self.completions += other.completions;
        self.yields += other.yields;
        self.overruns += other.overruns;
        self.deferrals += other.deferrals;
        self.misses += other.misses;
        self.used += other.used;
        self.longest_run = self.longest_run.max(other.longest_run);
        self.costliest = self.costliest.max(other.costliest);
        self.release_jitter.merge(&other.release_jitter);
        self.response.merge(&other.response);
    }
}

/// What an RTU does and uses, as it goes: the scheduler writes it, and any thread may read it meanwhile.
///
/// Writing costs what it costs to write a number; only a reader may see the counters of one event apart.
#[derive(Default)]
pub struct Meter {
    always: Always,
    pub(super) yields: Counter,
    pub(super) overruns: Counter,
    pub(super) deferrals: Counter,
    pub(super) misses: Counter,
    /// Releases after their time, and such as came to nothing.
    late: Counter,
    lost: Counter,
    buckets: Box<Buckets>,
}

/// Kept apart, so that the meters themselves stand close to each other.
#[derive(Default)]
struct Buckets {
    /// Without the releases on time.
    release_jitter: LiveBuckets,
    response: LiveBuckets,
}

/// What changes with each activation, in one cache line: of many RTUs, few are in the processor's caches.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Always {
    /// Releases on time, as those of reactive RTUs are.
    on_time: Counter,
    completions: Counter,
    used: Counter,
    longest_run: Counter,
    costliest: Counter,
    latest_release: Counter,
    longest_response: Counter,
    recent: Recent,
}

impl Meter {
    /// Reads what the RTU did and used so far.
    #[must_use]
    pub fn read(&self) -> Account {
        let (always, buckets) = (&self.always, &self.buckets);
        let on_time = always.on_time.read();
        let mut release_jitter = buckets.release_jitter.read(Nanos(always.latest_release.read()));
        release_jitter.record_many(Nanos::ZERO, on_time);
        Account {
            releases: self.releases(),
            completions: always.completions.read(),
            yields: self.yields.read(),
            overruns: self.overruns.read(),
            deferrals: self.deferrals.read(),
            misses: self.misses.read(),
            used: Nanos(always.used.read()),
            longest_run: Nanos(always.longest_run.read()),
            costliest: Nanos(always.costliest.read()),
            release_jitter,
            response: always
                .recent
                .read(&buckets.response, Nanos(always.longest_response.read())),
        }
    }

    /// Reads how often the RTU was released, its activations were done, used more than their budget, and came too late:
    /// what changes when it does not do as agreed, without the rest.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            releases: self.releases(),
            completions: self.always.completions.read(),
            overruns: self.overruns.read(),
            misses: self.misses.read(),
        }
    }

    fn releases(&self) -> u64 {
        self.always.on_time.read() + self.late.read() + self.lost.read()
    }

    pub(super) fn release(&self, late: Nanos) {
        if late == Nanos::ZERO {
            return self.always.on_time.add(1);
        }
        self.late.add(1);
        self.always.latest_release.raise(late.0);
        self.buckets.release_jitter.record(late);
    }

    /// Counts releases that came to nothing.
    pub(super) fn lose(&self, releases: u64) {
        if releases > 0 {
            self.lost.add(releases);
            self.misses.add(releases);
        }
    }

    pub(super) fn charge(&self, used: Nanos) {
        self.always.used.add(used.0);
        self.always.longest_run.raise(used.0);
    }

    /// Counts an activation that is done, after so long, and that used so much.
    pub(super) fn complete(&self, response: Nanos, cost: Nanos) {
        let always = &self.always;
        always.completions.add(1);
        always.longest_response.raise(response.0);
        always.costliest.raise(cost.0);
        always.recent.record(&self.buckets.response, response);
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.read().fmt(f)
    }
}

/// The counters of a [`Meter`] that say whether all goes well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// As [`Account::releases`].
    pub releases: u64,
    /// As [`Account::completions`].
    pub completions: u64,
    /// As [`Account::overruns`].
    pub overruns: u64,
    /// As [`Account::misses`].
    pub misses: u64,
}

/// A number that one thread writes and any may read. With one writer, no read-modify-write is needed.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, more: u64) {
        self.set(self.read().saturating_add(more));
    }

    /// Sets it to a value, if that is higher.
    pub(crate) fn raise(&self, value: u64) {
        if value > self.read() {
            self.set(value);
        }
    }

    pub(crate) fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}
