// SPDX-License-Identifier: MIT OR Apache-2.0
//! What window a flow was found to have, and when that is worth another plan.

use crate::plan::Plan;

/// Follows the window of a flow's transport. What a plan wants is room for its rings; with less than that, its RTU is run more
/// often, and supplies less each time.
///
/// Congestion moves a window all the time, and another plan is not free: one that shrinks counts from an eighth on, one that
/// grows when it has doubled, or is large enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Supply {
    /// Bytes that the plan wants; 0 for one that has no period, or no rings of its own.
    wanted: u64,
    /// Bytes that it was last planned for.
    planned: u64,
}

impl Supply {
    /// Takes note of a plan that was made for a window of so many bytes, if that was known.
    pub fn plan(&mut self, plan: &Plan, window: Option<u64>) {
        let periodic = plan.parameters().class == rtu::Class::Periodic;
        self.wanted = plan
            .rings
            .filter(|_| periodic)
            .map_or(0, |rings| rings.receive.max(rings.send));
        self.planned = window.map_or(self.wanted, |window| window.min(self.wanted));
    }

    /// Returns whether the window matters to the plan.
    pub fn counts(&self) -> bool {
        self.wanted > 0
    }

    /// Returns the [`Request::window`](crate::Request::window) to plan with, if the one that the flow has calls for that.
    pub fn observe(&mut self, window: u64) -> Option<u64> {
        let window = window.min(self.wanted);
        let shrunk = window < self.planned - self.planned / 8;
        let grown = window > self.planned && (window == self.wanted || window / 2 >= self.planned);
        if !shrunk && !grown {
            return None;
        }
        self.planned = window;
        Some(window)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use orb_core::qos::Qos;

    use super::*;
    use crate::{CostModel, Machine, Request, map};

    fn plan(qos: Qos) -> Plan {
        let request = Request {
            assume_servant: true,
            ..Request::new(qos)
        };
        map(&request, &CostModel::default(), &Machine::default()).unwrap()
    }

    #[test]
    fn a_window_counts_when_it_has_moved_far_enough() {
        let mut supply = Supply::default();
        let qos = Qos::isochronous(Duration::from_millis(100), 8).message_size(8192 - 256);
        supply.plan(&plan(qos), None);
        let wanted = 2 * 8 * 8192;
        assert_eq!(supply.observe(wanted), None);
        assert_eq!(supply.observe(u64::MAX), None, "more than enough is enough");
        assert_eq!(supply.observe(wanted - wanted / 8), None, "not by so little");
        assert_eq!(supply.observe(40_000), Some(40_000));
        assert_eq!(supply.observe(40_000), None, "once for the same");
        assert_eq!(supply.observe(79_999), None);
        assert_eq!(supply.observe(80_000), Some(80_000));
        assert_eq!(supply.observe(wanted), Some(wanted), "enough always counts");
        assert_eq!(supply.observe(0), Some(0));
        assert!(supply.counts());
    }

    #[test]
    fn one_that_has_no_period_is_not_supplied() {
        let mut supply = Supply::default();
        supply.plan(&plan(Qos::low_delay(Duration::from_millis(100))), None);
        assert_eq!((supply.counts(), supply.observe(1)), (false, None));
        supply.plan(&plan(Qos::best_effort(1)), None);
        assert_eq!((supply.counts(), supply.observe(1)), (false, None));
    }
}
