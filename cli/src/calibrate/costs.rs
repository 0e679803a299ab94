// SPDX-License-Identifier: MIT OR Apache-2.0
//! From what was measured to the mapper's cost model.

use qos_mapper::{CostModel, Picos, TypeCost};
use rtu::Nanos;

use super::line::Line;
use super::points::Kind;

/// A point and what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Measured {
    /// What it belongs to.
    pub(super) kind: Kind,
    /// Requests at once.
    pub(super) batch: usize,
    /// Bytes of each.
    pub(super) payload: usize,
    /// What all of them cost together: the median.
    pub(super) median: u64,
    /// The same, as a high percentile.
    pub(super) high: u64,
}

/// The type that shows what moving bytes costs, since nothing else is to be done with it.
const BYTES: &str = "sequence<octet>";

/// Makes the cost model; what was not measured is as `kept`. `empty` is what an upcall costs that does nothing.
///
/// Null calls, several at once, give what an activation and what each message costs; octets what each byte costs; and every
/// type what it costs beyond that. Of all that a model adds up, the sum is at no measured point below what was measured.
/// Returns `None` if there are no points of null calls or octets.
pub(super) fn costs(points: &[Measured], empty: Nanos, kept: &CostModel) -> Option<CostModel> {
    let calls = line_of(points, Kind::Calls, |point| point.batch)?;
    let line_of = |name| line_of(points, Kind::Type(name), |point| point.payload);
    let bytes = line_of(BYTES)?;
    let base = Line {
        fixed: calls.at(1.0),
        each: bytes.each,
    };
    let mut types = kept.types.clone();
    let mut dearest = TypeCost::default();
    for name in names(points) {
        let Some(line) = line_of(name) else { continue };
        let cost = TypeCost {
            message: nanos(line.fixed - base.fixed),
            byte: picos(line.each - base.each),
        };
        dearest.message = dearest.message.max(cost.message);
        dearest.byte = dearest.byte.max(cost.byte);
        types.insert(name.to_owned(), cost);
    }
    Some(CostModel {
        upcall: nanos(calls.fixed) + empty,
        message: nanos(calls.each),
        byte: picos(bytes.each),
        servant: kept.servant,
        sending: kept.sending,
        other_types: dearest,
        types,
        servants: kept.servants.clone(),
    })
}

/// The line of all points of a kind.
fn line_of(points: &[Measured], kind: Kind, units: impl Fn(&Measured) -> usize) -> Option<Line> {
    let of_kind = || points.iter().filter(|point| point.kind == kind);
    let medians: Vec<_> = of_kind()
        .map(|point| (units(point) as f64, point.median as f64))
        .collect();
    let high: Vec<_> = of_kind()
        .map(|point| (units(point) as f64, point.high as f64))
        .collect();
    Line::above_disturbed(&medians, &high)
}

/// The names of types that were measured, each once.
fn names(points: &[Measured]) -> Vec<&'static str> {
    let mut names: Vec<_> = points
        .iter()
        .filter_map(|point| match point.kind {
            Kind::Type(name) => Some(name),
            Kind::Calls => None,
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Up to the next nanosecond; nothing if negative.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a float becomes the nearest integer there is"
)]
fn nanos(value: f64) -> Nanos {
    // What is a whole number but for the last digit of a float is that number.
    Nanos((value - 1e-6).ceil() as u64)
}

/// Nanoseconds up to the next picosecond.
fn picos(value: f64) -> Picos {
    Picos(nanos(value * 1_000.0).0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn call(batch: usize, nanos: u64) -> Measured {
        Measured {
            kind: Kind::Calls,
            batch,
            payload: 0,
            median: nanos,
            high: nanos,
        }
    }

    fn value(name: &'static str, payload: usize, nanos: u64) -> Measured {
        Measured {
            kind: Kind::Type(name),
            batch: 1,
            payload,
            median: nanos,
            high: nanos,
        }
    }

    /// An activation of 3 µs, messages of 500 ns, bytes of 0.1 ns, octets of 200 ns, and an `any` of 1 µs and 2 ns more.
    fn points() -> Vec<Measured> {
        let mut points: Vec<_> = [1, 2, 8]
            .map(|batch| call(batch, 3_000 + 500 * batch as u64))
            .into();
        for payload in [100, 1_000, 10_000] {
            let moved = 3_500 + payload as u64 / 10;
            points.push(value(BYTES, payload, moved + 200));
            points.push(value("any", payload, moved + 1_000 + 2 * payload as u64));
        }
        points
    }

    #[test]
    fn each_part_of_the_cost_is_found_again() {
        let mut kept = CostModel {
            servant: Nanos(77),
            ..CostModel::default()
        };
        kept.types.insert("Robot::Position".into(), TypeCost::default());
        kept.servants.insert("Robot::Axis::read".into(), Nanos(5));
        let found = costs(&points(), Nanos(250), &kept).unwrap();
        assert_eq!((found.upcall, found.message), (Nanos(3_250), Nanos(500)));
        assert_eq!((found.byte, found.servant), (Picos(100), Nanos(77)));
        let cost = |message, byte| TypeCost {
            message: Nanos(message),
            byte: Picos(byte),
        };
        assert_eq!(found.types[BYTES], cost(200, 0));
        assert_eq!(found.types["any"], cost(1_000, 2_000));
        assert_eq!(found.other_types, cost(1_000, 2_000));
        assert!(
            found.types.contains_key("Robot::Position"),
            "what is not measured is kept"
        );
        assert_eq!(found.servants, kept.servants);
    }

    #[test]
    fn without_the_points_that_carry_it_there_is_no_model() {
        let kept = CostModel::default();
        assert_eq!(costs(&[], Nanos::ZERO, &kept), None);
        assert_eq!(costs(&[call(1, 5)], Nanos::ZERO, &kept), None);
        assert_eq!(costs(&[value(BYTES, 1, 5)], Nanos::ZERO, &kept), None);
    }

    proptest! {
        #[test]
        fn a_plan_counts_with_no_less_than_was_measured(
            batches in proptest::collection::vec((1_usize..32, 1_u64..1_000_000), 1..6),
            octets in proptest::collection::vec((0_usize..100_000, 1_u64..10_000_000), 1..6),
            others in proptest::collection::vec((0_usize..100_000, 1_u64..10_000_000), 1..6),
        ) {
            let calls = batches.iter().map(|(batch, nanos)| call(*batch, *nanos));
            let octets = octets.iter().map(|(payload, nanos)| value(BYTES, *payload, *nanos));
            let others = others.iter().map(|(payload, nanos)| value("string", *payload, *nanos));
            let points: Vec<_> = calls.chain(octets).chain(others).collect();
            let found = costs(&points, Nanos::ZERO, &CostModel::default()).unwrap();
            for point in &points {
                let planned = match point.kind {
                    Kind::Calls => found.upcall + found.message * point.batch as u64,
                    Kind::Type(name) => found
                        .of_flow(&[name.to_owned()], Nanos::ZERO)
                        .of_activation(1, point.payload as u64),
                };
                prop_assert!(planned.0 >= point.high, "{point:?}: {planned}");
            }
        }
    }
}
