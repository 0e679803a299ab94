// SPDX-License-Identifier: MIT OR Apache-2.0
//! What messages cost.

use std::collections::BTreeMap;

use rtu::Nanos;

/// A span of time in picoseconds, since a byte costs less than a nanosecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Picos(pub u64);

impl Picos {
    /// Returns what so many of these are together, rounded up.
    pub fn times(self, count: u64) -> Nanos {
        let picos = u128::from(self.0) * u128::from(count);
        Nanos(u64::try_from(picos.div_ceil(1_000)).unwrap_or(u64::MAX))
    }
}

/// What marshalling a type costs beyond moving its bytes, both ways together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TypeCost {
    /// Once per message.
    pub message: Nanos,
    /// For each byte of the message.
    pub byte: Picos,
}

/// The costs on one machine, as calibration measures them.
///
/// The default is conservative: no machine of the last ten years is as slow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CostModel {
    /// What an activation costs before its first message: polling, a receive, a send.
    pub upcall: Nanos,
    /// What each message costs: headers, dispatch to the servant, and the reply.
    pub message: Nanos,
    /// What each byte costs on its way in and, in the reply, out again.
    pub byte: Picos,
    /// What a servant is taken to need for a message while nothing better is known.
    pub servant: Nanos,
    /// What a client's RTU needs for the messages of a flow of its own, which callers have encoded: to take them and send
    /// them.
    pub sending: FlowCost,
    /// What marshalling costs for types that are not in `types`.
    pub other_types: TypeCost,
    /// What marshalling costs, by the names of types and operations: `sequence<octet>`, `Telemetry::Sensor::read`.
    pub types: BTreeMap<String, TypeCost>,
    /// The longest that servants take for a message, by the names of interfaces and operations.
    pub servants: BTreeMap<String, Nanos>,
}

impl Default for CostModel {
    fn default() -> Self {
        Self {
            upcall: Nanos::from_micros(10),
            message: Nanos::from_micros(15),
            byte: Picos(2_000),
            servant: Nanos::from_micros(50),
            sending: FlowCost {
                upcall: Nanos::from_micros(5),
                message: Nanos::from_micros(20),
                byte: Picos(1_000),
            },
            other_types: TypeCost {
                message: Nanos::from_micros(2),
                byte: Picos(4_000),
            },
            types: BTreeMap::new(),
            servants: BTreeMap::new(),
        }
    }
}

/// What the messages of one flow cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowCost {
    /// Before the first message of an activation.
    pub upcall: Nanos,
    /// For each message whatever its size, the servant included.
    pub message: Nanos,
    /// For each byte.
    pub byte: Picos,
}

impl FlowCost {
    /// Returns what one message of so many bytes costs.
    pub fn of_message(&self, bytes: u64) -> Nanos {
        self.message + self.byte.times(bytes)
    }

    /// Returns what an activation with so many messages, each of so many bytes, costs.
    pub fn of_activation(&self, messages: u32, bytes_each: u64) -> Nanos {
        self.upcall + self.of_message(bytes_each) * u64::from(messages)
    }
}

impl CostModel {
    /// Returns what the messages of a flow cost that carry these types (or are of these operations) and whose servant
    /// takes so long. The dearest of the types counts; without any, that of types not known.
    pub fn of_flow(&self, types: &[String], servant: Nanos) -> FlowCost {
        let costs = types
            .iter()
            .map(|name| self.types.get(name).copied().unwrap_or(self.other_types));
        let dearest = costs.reduce(|one, other| TypeCost {
            message: one.message.max(other.message),
            byte: one.byte.max(other.byte),
        });
        let marshalling = dearest.unwrap_or(self.other_types);
        FlowCost {
            upcall: self.upcall,
            message: self.message + marshalling.message + servant,
            byte: Picos(self.byte.0.saturating_add(marshalling.byte.0)),
        }
    }

    /// Returns how long a servant of these operations is taken to need if it neither says nor was measured.
    pub fn assumed_servant(&self, types: &[String]) -> Nanos {
        let known = types.iter().filter_map(|name| self.servants.get(name));
        known.max().copied().unwrap_or(self.servant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> CostModel {
        let cost = |message, byte| TypeCost {
            message: Nanos(message),
            byte: Picos(byte),
        };
        CostModel {
            upcall: Nanos(1_000),
            message: Nanos(500),
            byte: Picos(100),
            servant: Nanos(9_000),
            other_types: cost(300, 900),
            types: [("octets".into(), cost(10, 5)), ("samples".into(), cost(20, 3))].into(),
            servants: [("Sensor::read".into(), Nanos(70))].into(),
            ..CostModel::default()
        }
    }

    #[test]
    fn a_message_costs_its_parts() {
        let flow = model().of_flow(&["octets".into()], Nanos(1));
        assert_eq!(flow.of_message(1_000), Nanos(500 + 10 + 1 + 105));
        assert_eq!(flow.of_activation(3, 1_000), Nanos(1_000 + 3 * 616));
    }

    #[test]
    fn the_dearest_type_counts_and_the_unknown_is_dear() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let flow = |types: &[&str]| model().of_flow(&names(types), Nanos::ZERO);
        assert_eq!(flow(&["octets", "samples"]).of_message(1_000), Nanos(520 + 105));
        assert_eq!(
            flow(&[]).of_message(1_000),
            flow(&["octets", "what"]).of_message(1_000)
        );
        assert_eq!(model().assumed_servant(&names(&["Sensor::read"])), Nanos(70));
        assert_eq!(model().assumed_servant(&names(&["Sensor::gain"])), Nanos(9_000));
    }

    #[test]
    fn picoseconds_are_rounded_up() {
        assert_eq!(Picos(1).times(1), Nanos(1));
        assert_eq!(Picos(1_000).times(3), Nanos(3));
        assert_eq!(Picos(u64::MAX).times(u64::MAX), Nanos::MAX);
    }
}
