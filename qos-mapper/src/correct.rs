// SPDX-License-Identifier: MIT OR Apache-2.0
//! Correcting a flow's costs by what it is measured to use.

use rtu::Nanos;

use crate::cost::{CostModel, FlowCost};

/// What one activation of a flow used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Messages that were processed. Activations without any say nothing.
    pub messages: u32,
    /// Their bytes, all together.
    pub bytes: u64,
    /// CPU time of the activation.
    pub used: Nanos,
    /// The longest iteration, if each was timed; otherwise zero.
    pub longest_iteration: Nanos,
}

/// How a [`Corrector`] judges what it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Correction {
    /// Activations in a window, of which the worst counts. Defaults to 1,000.
    pub window: u32,
    /// What is added to the worst, in percent. Defaults to 20.
    pub margin: u32,
    /// By which part of the difference the worst falls towards that of a calmer window: 1/`decay`. Defaults to 8.
    pub decay: u32,
    /// Messages before anything is concluded; the length of a probation. Defaults to 1,000.
    pub probation: u32,
}

impl Default for Correction {
    fn default() -> Self {
        Self {
            window: 1_000,
            margin: 20,
            decay: 8,
            probation: 1_000,
        }
    }
}

/// Learns what the messages of one flow cost beyond their bytes, the servant included.
///
/// It rises at once with the worst that is seen, and falls slowly, window by window. What is declared is believed until
/// the servant is seen to take longer, and never corrected downwards; what is not declared is learned in a probation, in
/// which the flow runs as best effort.
///
/// ```
/// use qos_mapper::{Corrector, CostModel, Correction, Sample};
/// use rtu::Nanos;
/// let rules = Correction { probation: 2, ..Correction::default() };
/// let mut flow = Corrector::new(&CostModel::default(), &[], None, rules);
/// let sample = Sample { messages: 1, bytes: 0, used: Nanos::from_micros(40), longest_iteration: Nanos::ZERO };
/// flow.observe(&sample);
/// assert_eq!(flow.cost(), None); // still on probation
/// flow.observe(&sample);
/// assert_eq!(flow.cost().unwrap().message, Nanos::from_micros(36)); // 40 less 10 for the upcall, and 20 %
/// ```
#[derive(Clone, Debug)]
pub struct Corrector {
    rules: Correction,
    /// What the model says without a servant.
    model: FlowCost,
    declared: Option<Nanos>,
    seen: u64,
    in_window: u32,
    worst_in_window: Nanos,
    worst: Nanos,
}

impl Corrector {
    /// Makes a corrector for a flow of these types, whose servant declared its worst case or did not.
    pub fn new(costs: &CostModel, types: &[String], declared: Option<Nanos>, rules: Correction) -> Self {
        Self {
            rules,
            model: costs.of_flow(types, Nanos::ZERO),
            declared,
            seen: 0,
            in_window: 0,
            worst_in_window: Nanos::ZERO,
            worst: Nanos::ZERO,
        }
    }

    /// Takes in what an activation used. Constant time, no allocation.
    pub fn observe(&mut self, sample: &Sample) {
        if sample.messages == 0 {
            return;
        }
        let messages = u64::from(sample.messages);
        let mean_bytes = self.model.byte.times(sample.bytes / messages);
        let work = sample.used - self.model.upcall - self.model.byte.times(sample.bytes);
        let per_message = Nanos(work.0.div_ceil(messages));
        // Which message took longest is not known; that it was no smaller than the mean is the careful guess.
        let longest = sample.longest_iteration - self.model.upcall - mean_bytes;
        let cost = per_message.max(longest);
        self.seen = self.seen.saturating_add(messages);
        self.worst = self.worst.max(cost);
        self.worst_in_window = self.worst_in_window.max(cost);
        self.in_window += 1;
        if self.in_window >= self.rules.window {
            self.close_window();
        }
    }

    fn close_window(&mut self) {
        let fall = (self.worst - self.worst_in_window) / u64::from(self.rules.decay);
        self.worst -= fall;
        self.in_window = 0;
        self.worst_in_window = Nanos::ZERO;
    }

    /// Returns whether enough was measured to conclude from.
    pub fn is_through(&self) -> bool {
        self.seen >= u64::from(self.rules.probation)
    }

    /// Returns whether the servant has been seen to take longer than it declared.
    pub fn exceeds_declared(&self) -> bool {
        self.declared
            .is_some_and(|declared| self.worst > self.model.message + declared)
    }

    /// Returns what the flow's messages cost, for [`Request::measured`](crate::Request::measured). None while it is on
    /// probation; a flow with a declared worst case never is.
    pub fn cost(&self) -> Option<FlowCost> {
        let margin = self.worst.0.saturating_mul(self.rules.margin.into()) / 100;
        let measured = self.worst + Nanos(margin);
        let message = match self.declared {
            Some(declared) => {
                let promised = self.model.message + declared;
                if self.worst > promised { measured } else { promised }
            }
            None if self.is_through() => measured,
            None => return None,
        };
        Some(FlowCost {
            message,
            ..self.model
        })
    }

    /// Returns whether a grant made for `planned` should be renegotiated: the worst message has used up the margin of the
    /// plan, or the plan holds more than twice of what is needed.
    pub fn calls_for_change(&self, planned: &FlowCost) -> bool {
        self.cost()
            .is_some_and(|now| self.worst > planned.message || now.message < planned.message / 2)
    }
}

#[cfg(test)]
mod tests;
