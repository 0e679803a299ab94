// SPDX-License-Identifier: MIT OR Apache-2.0
//! The quick tests: bounds on utilisation, sufficient and cheap.
//!
//! Both are proved for deadlines that are the periods, releases without jitter, and the shorter period being the more
//! urgent. A task with jitter, or with a deadline before its period, is counted as one of the shorter period
//! P = min(D, T) - J, which demands more in any window. Where the order of urgency is not that of P, as when a low-delay
//! RTU is released less often than a periodic one, the bounds say nothing. Tasks of one level are counted with the
//! shortest P among them, so that the order they are served in does not matter. Rounding errors count against the set.

use super::{Overheads, Task};

const ROUNDING: f64 = 1e-9;

/// A task as the bounds count it, together with all that are more urgent.
struct Row {
    /// (C + 2S) / P.
    utilisation: f64,
    /// B / P.
    blocking: f64,
}

/// Returns whether a set meets its deadlines by the bound of Liu and Layland (1973), with blocking.
///
/// For each i: Σ_{j ≤ i} (C_j + 2S) / P_j + B_i / P_i ≤ i (2^(1/i) - 1). `false` means that it is not known.
#[must_use]
pub fn liu_layland(tasks: &[Task], overheads: &Overheads) -> bool {
    let mut sum = 0.0;
    let mut count = 0.0;
    rows(tasks, overheads).is_some_and(|rows| {
        rows.iter().all(|row| {
            sum += row.utilisation;
            count += 1.0;
            sum + row.blocking + ROUNDING <= count * (f64::powf(2.0, 1.0 / count) - 1.0)
        })
    })
}

/// Returns whether a set meets its deadlines by the hyperbolic bound of Bini, Buttazzo and Buttazzo (2003), with blocking.
///
/// For each i: (U_i + B_i / P_i + 1) Π_{j < i} (U_j + 1) ≤ 2, with U = (C + 2S) / P. It admits whatever Liu and Layland's
/// does, and more. `false` means that it is not known.
#[must_use]
pub fn hyperbolic(tasks: &[Task], overheads: &Overheads) -> bool {
    let mut product = 1.0;
    rows(tasks, overheads).is_some_and(|rows| {
        rows.iter().all(|row| {
            let fits = (row.utilisation + row.blocking + 1.0) * product + ROUNDING <= 2.0;
            product *= row.utilisation + 1.0;
            fits
        })
    })
}

/// The tasks with a guarantee, most urgent first; `None` if that is not the order of their P.
fn rows(tasks: &[Task], overheads: &Overheads) -> Option<Vec<Row>> {
    let mut sorted: Vec<&Task> = tasks.iter().collect();
    sorted.sort_by_key(|task| task.urgency());
    let mut blocking = 0.0_f64;
    let mut rows = Vec::with_capacity(sorted.len());
    let mut longer = f64::INFINITY;
    for level in sorted
        .chunk_by(|one, other| one.urgency() == other.urgency())
        .rev()
    {
        let longest = level
            .iter()
            .map(|task| task.longest_iteration.0)
            .max()
            .unwrap_or(0) as f64;
        if level.iter().all(|task| task.urgency().is_guaranteed()) {
            let period = level.iter().map(|task| task.limit(overheads).0).min()? as f64;
            if period <= 0.0 || period > longer {
                return None;
            }
            longer = period;
            rows.extend(level.iter().map(|task| Row {
                utilisation: (task.cost + overheads.switch * 2).share_of(crate::Nanos(1)) / period,
                blocking: blocking / period,
            }));
        }
        blocking = blocking.max(longest);
    }
    rows.reverse();
    Some(rows)
}

#[cfg(test)]
mod tests;
