// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether a set of RTUs meets its deadlines on one CPU, said beforehand.
//!
//! # The formula
//!
//! With C the cost of one activation, T the period, J the release jitter, S the cost of a switch, and B_i the longest
//! iteration of any less urgent RTU, the response time of RTU i is the least solution of
//!
//! > R_i = (C_i + 2S) + B_i + Σ_{j as urgent as i or more} ⌈(R_i + J_j) / T_j⌉ (C_j + 2S)
//!
//! and the set is admitted if R_i + J_i ≤ min(D_i, T_i) for all (Joseph and Pandya 1986; Audsley, Burns, Richardson,
//! Tindell and Wellings 1993; blocking as in Sha, Rajkumar and Lehoczky 1990).
//!
//! # Why it is sound when iterations cannot be interrupted
//!
//! Let t₀ be the last moment before a release of i at which no work as urgent as i or more was pending. From t₀ on no less
//! urgent iteration begins; one may have begun just before, hence B_i. All else that runs until the activation of i is done
//! is as urgent as i, and the sum counts all of it that is released within R_i, in whatever order it runs. So at
//! t₀ + R_i nothing of it is left, and since R_i + J_i ≤ T_i no second activation of i has come by then: none is ever
//! pushed by its predecessor.
//!
//! The analysis of non-preemptive messages that Davis, Burns, Bril and Lukkien refuted in 2007 computes when the last
//! uninterruptible part *begins*, and drops what is released after that. What is dropped delays the next activation, so
//! the first is not the worst. Nothing is dropped here; the price is a response time that may be longer than real by what
//! is released during the last iteration. Deadlines beyond the period would need all activations of a busy period
//! (Lehoczky 1990); they are counted as the period instead, which is safe.
//!
//! Each activation is charged two switches: one to it, and one back to what it displaced. Its own two pay for the switch
//! to itself and for the one to what blocks it.

mod admitted;
mod bounds;
mod placement;
mod refusal;
mod response;
mod sensitivity;
mod task;

pub use admitted::{Admission, AdmittedSet, TaskId};
pub use bounds::{hyperbolic, liu_layland};
pub use placement::{Cpus, Fit, Move, Placement};
pub use refusal::{Miss, Nearest, Refusal, Whom};
pub use response::response_times;
pub use sensitivity::{Margin, Sensitivity, growth, longest_tolerable_iteration, sensitivity};
pub use task::{InvalidTask, Overheads, Task};

/// Which test said that a task fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Test {
    /// The bound on the utilisation of Liu and Layland: the quickest, and the most pessimistic.
    LiuLayland,
    /// The hyperbolic bound of Bini and Buttazzo.
    Hyperbolic,
    /// The response times.
    ResponseTime,
}

/// That a task fits, and how that is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// The first test that the set passed with it.
    pub test: Test,
    /// The share of the CPU that all then ask for, without overheads.
    pub utilisation: f64,
}

/// Says whether `candidate` fits beside the tasks of a set: the quick tests first, then the response times.
///
/// Who asks more than once keeps an [`AdmittedSet`], which answers faster and remembers.
///
/// # Errors
///
/// Says which task would miss its deadline and what would fit instead.
pub fn admit(admitted: &[Task], candidate: &Task, overheads: &Overheads) -> Result<Verdict, Refusal> {
    let all: Vec<Task> = admitted.iter().chain([candidate]).copied().collect();
    for task in &all {
        task.validate(overheads)?;
    }
    let verdict = |test| Verdict {
        test,
        utilisation: all.iter().map(Task::utilisation).sum(),
    };
    if liu_layland(&all, overheads) {
        return Ok(verdict(Test::LiuLayland));
    }
    if hyperbolic(&all, overheads) {
        return Ok(verdict(Test::Hyperbolic));
    }
    let mut set = AdmittedSet::new(*overheads);
    for task in &all {
        set.admit(task)?;
    }
    Ok(verdict(Test::ResponseTime))
}
