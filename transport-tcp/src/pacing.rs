// SPDX-License-Identifier: MIT OR Apache-2.0
//! The pace of a link, as a plan has it.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

use orb_core::transport::Pace;
use transport_apic::Pacer;

/// Returns the time since it was first asked for.
pub(crate) fn now() -> Duration {
    beginning().elapsed()
}

/// Returns when that time is.
pub(crate) fn instant(at: Duration) -> Instant {
    let beginning = beginning();
    // Later than any clock tells is never.
    beginning.checked_add(at).unwrap_or(beginning + NEVER)
}

/// A hundred years.
const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

fn beginning() -> Instant {
    static BEGINNING: OnceLock<Instant> = OnceLock::new();
    *BEGINNING.get_or_init(Instant::now)
}

/// Goes on at another pace, or as fast as it goes.
pub(crate) fn set(pacer: &mut Option<Pacer>, pace: Option<Pace>) {
    let pace = pace.map(|Pace { rate, burst }| transport_apic::Pace { rate, burst });
    match (pacer.as_mut(), pace) {
        (Some(pacer), Some(pace)) => pacer.change(pace),
        (_, pace) => *pacer = pace.map(Pacer::new),
    }
}
