// SPDX-License-Identifier: MIT OR Apache-2.0
use Pool::{Lanes, Whole};

use super::{super::ThreadpoolLane, *};

fn priority(value: i16) -> Priority {
    Priority::new(value).expect("a priority")
}

fn lane(value: i16) -> ThreadpoolLane {
    ThreadpoolLane {
        priority: priority(value),
        static_threads: 1,
        dynamic_threads: 0,
    }
}

fn bands(list: &[(i16, i16)]) -> Vec<PriorityBand> {
    list.iter()
        .map(|(low, high)| PriorityBand::new(priority(*low), priority(*high)))
        .collect()
}

/// A pool without lanes, or with lanes of these priorities.
#[derive(Clone, Copy, Debug)]
enum Pool {
    Whole,
    Lanes(&'static [i16]),
}

/// One combination: the model with the server's priority, the pool, the bands, and what is wrong with them.
type Combination = (
    Option<PriorityModel>,
    Option<Pool>,
    Option<&'static [(i16, i16)]>,
    Result<(), InvalidPolicy>,
);

/// The server's priority in all combinations.
const DECLARED: i16 = 10;

/// Checks each combination.
fn check(table: &[Combination]) {
    for (model, pool, ranges, expected) in table {
        let policies = ServerPolicies {
            model: model.map(|model| PriorityModelPolicy {
                model,
                server_priority: priority(DECLARED),
            }),
            threadpool: pool.map(|pool| match pool {
                Whole => ThreadpoolConfig::new(1, 0, Priority::MIN),
                Lanes(list) => ThreadpoolConfig::with_lanes(list.iter().map(|value| lane(*value))),
            }),
            bands: ranges.map(bands),
            ..ServerPolicies::default()
        };
        assert_eq!(policies.check(), *expected, "{model:?}, {pool:?}, {ranges:?}");
    }
}

const CLIENT: Option<PriorityModel> = Some(PriorityModel::ClientPropagated);
const SERVER: Option<PriorityModel> = Some(PriorityModel::ServerDeclared);
const WHOLE: Option<Pool> = Some(Whole);
const LANES: Option<Pool> = Some(Lanes(&[DECLARED, 200]));
const OTHERS: Option<Pool> = Some(Lanes(&[11, 200]));

#[test]
fn without_a_priority_model_nothing_may_ask_for_a_priority() {
    let pool = Err(InvalidPolicy::NeedsModel(PolicyType::Threadpool));
    let banded = Err(InvalidPolicy::NeedsModel(PolicyType::PriorityBandedConnection));
    check(&[
        (None, None, None, Ok(())),
        (None, WHOLE, None, Ok(())),
        (None, LANES, None, pool),
        (None, None, Some(&[(0, 99)]), banded),
        (None, WHOLE, Some(&[(0, 99)]), banded),
        (None, LANES, Some(&[(0, 99), (100, 300)]), pool),
    ]);
}

#[test]
fn a_declared_priority_needs_its_lane_and_its_band() {
    let no_lane = Err(InvalidPolicy::PriorityInNoLane(priority(DECLARED)));
    let no_band = Err(InvalidPolicy::PriorityInNoBand(priority(DECLARED)));
    // Requests without a priority, which have the server's where the client's counts, may be none.
    for (model, no_lane, no_band) in [(CLIENT, Ok(()), Ok(())), (SERVER, no_lane, no_band)] {
        check(&[
            (model, None, None, Ok(())),
            (model, WHOLE, None, Ok(())),
            (model, LANES, None, Ok(())),
            (model, OTHERS, None, no_lane),
            (model, None, Some(&[(0, 9), (10, 10)]), Ok(())),
            (model, None, Some(&[(10, 99), (0, 9)]), Ok(())),
            (model, None, Some(&[(0, 9), (11, 99)]), no_band),
            (model, WHOLE, Some(&[(0, 99)]), Ok(())),
            (model, WHOLE, Some(&[(11, 99)]), no_band),
            (model, LANES, Some(&[(100, 300)]), no_band),
            (model, OTHERS, Some(&[(0, 99), (100, 300)]), no_lane),
        ]);
    }
}

#[test]
fn bands_are_ranges_without_a_priority_in_common() {
    let wrong = |invalid| Err(InvalidPolicy::Bands(invalid));
    for model in [CLIENT, SERVER] {
        for pool in [None, WHOLE, LANES] {
            check(&[
                (model, pool, Some(&[]), wrong(InvalidBands::None)),
                (
                    model,
                    pool,
                    Some(&[(0, 10), (99, 11)]),
                    wrong(InvalidBands::Backwards { index: 1 }),
                ),
                (
                    model,
                    pool,
                    Some(&[(0, 10), (20, 30), (10, 12)]),
                    wrong(InvalidBands::Overlap { index: 2 }),
                ),
            ]);
        }
    }
}

#[test]
fn each_band_has_a_lane() {
    let none_in = |index| Err(InvalidPolicy::BandWithoutLane { index });
    for model in [CLIENT, SERVER] {
        check(&[
            (model, LANES, Some(&[(0, 99), (100, 300)]), Ok(())),
            (model, LANES, Some(&[(100, 300), (10, 10)]), Ok(())),
            (model, LANES, Some(&[(0, 99), (100, 199), (200, 300)]), none_in(1)),
            (model, LANES, Some(&[(0, 99), (300, 400)]), none_in(1)),
            (model, LANES, Some(&[(0, 300)]), Ok(())),
            (model, LANES, Some(&[(0, 99)]), Ok(())),
        ]);
    }
}

#[test]
fn the_policy_at_fault_is_named() {
    let cases = [
        (InvalidPolicy::NeedsModel(PolicyType::Threadpool), 41),
        (InvalidPolicy::PriorityInNoLane(Priority::MIN), 40),
        (InvalidPolicy::PriorityInNoBand(Priority::MIN), 40),
        (InvalidPolicy::Bands(InvalidBands::None), 45),
        (InvalidPolicy::BandWithoutLane { index: 0 }, 45),
        (InvalidPolicy::ServerProtocols(InvalidProtocols::NoneUsable), 42),
        (InvalidPolicy::Persistent, 42),
        (InvalidPolicy::ClientProtocols(InvalidProtocols::NoneUsable), 43),
        (InvalidPolicy::ThreadModel("SINGLE_THREAD_MODEL"), 41),
    ];
    for (invalid, number) in cases {
        assert_eq!(invalid.policy().number(), number, "{invalid}");
        let raised = SystemException::from(invalid);
        assert_eq!(raised.kind(), SystemExceptionKind::InvPolicy);
        assert_eq!(raised.message(), Some(&*invalid.to_string()));
    }
}

#[test]
fn an_object_s_own_priority_needs_its_lane_and_its_band() {
    let policies = ServerPolicies {
        model: None,
        threadpool: Some(ThreadpoolConfig::with_lanes([lane(10), lane(200)])),
        bands: Some(bands(&[(0, 99), (100, 300)])),
        ..ServerPolicies::default()
    };
    assert_eq!(policies.check_priority(priority(200)), Ok(()));
    let no_lane = InvalidPolicy::PriorityInNoLane(priority(11));
    assert_eq!(policies.check_priority(priority(11)), Err(no_lane));
    let no_band = InvalidPolicy::PriorityInNoBand(priority(301));
    assert_eq!(policies.check_priority(priority(301)), Err(no_band));
}

#[test]
fn a_request_goes_to_the_lane_of_its_priority_or_of_its_band() {
    let lanes = || Some(ThreadpoolConfig::with_lanes([lane(10), lane(200)]));
    let exact = ServerPolicies {
        threadpool: lanes(),
        ..ServerPolicies::default()
    };
    let banded = ServerPolicies {
        threadpool: lanes(),
        bands: Some(bands(&[(100, 300), (0, 50)])),
        ..ServerPolicies::default()
    };
    let whole = ServerPolicies {
        threadpool: Some(ThreadpoolConfig::new(1, 1, Priority::MIN)),
        ..ServerPolicies::default()
    };
    for (value, of_exact, of_banded) in [
        (10, Some(0), Some(0)),
        (200, Some(1), Some(1)),
        (11, None, Some(0)),
        (299, None, Some(1)),
        (60, None, None),
        (301, None, None),
    ] {
        assert_eq!(exact.lane(priority(value)), of_exact, "{value}");
        assert_eq!(banded.lane(priority(value)), of_banded, "{value}");
        assert_eq!(whole.lane(priority(value)), Some(0), "{value}");
    }
    assert_eq!(ServerPolicies::default().lane(priority(10)), None);
}

#[test]
fn of_several_lanes_in_a_band_the_next_below_serves_or_else_the_next_above() {
    let policies = ServerPolicies {
        threadpool: Some(ThreadpoolConfig::with_lanes([lane(200), lane(10), lane(100)])),
        bands: Some(bands(&[(0, 250)])),
        ..ServerPolicies::default()
    };
    for (value, expected) in [(0, 1), (10, 1), (99, 1), (100, 2), (199, 2), (200, 0), (250, 0)] {
        assert_eq!(policies.lane(priority(value)), Some(expected), "{value}");
    }
    assert_eq!(policies.lane(priority(251)), None);
}

#[test]
fn protocols_that_cannot_be_spoken_are_refused() {
    let other = super::super::Protocol {
        protocol_type: super::super::ProtocolType(1),
        tcp: None,
    };
    let server = ServerPolicies {
        server_protocols: [other].into_iter().collect(),
        ..ServerPolicies::default()
    };
    let unusable = InvalidProtocols::NoneUsable;
    assert_eq!(server.check(), Err(InvalidPolicy::ServerProtocols(unusable)));
    assert!(!server.is_empty());
    let client = ServerPolicies {
        client_protocols: [other].into_iter().collect(),
        ..ServerPolicies::default()
    };
    assert_eq!(client.check(), Err(InvalidPolicy::ClientProtocols(unusable)));
}

#[test]
fn a_pool_that_could_not_serve_is_refused() {
    let empty = ThreadpoolLane {
        static_threads: 0,
        ..lane(3)
    };
    let crowd = ThreadpoolLane {
        dynamic_threads: u32::MAX,
        ..lane(4)
    };
    let cases = [
        (ThreadpoolConfig::new(1, 0, Priority::MIN), Ok(())),
        (ThreadpoolConfig::new(0, 1, Priority::MIN).buffering(1, 1), Ok(())),
        (
            ThreadpoolConfig::with_lanes([lane(1), lane(2)]).borrowing(),
            Ok(()),
        ),
        (ThreadpoolConfig::with_lanes([]), Err(InvalidThreadpool::NoLanes)),
        (
            ThreadpoolConfig::new(0, 0, Priority::MIN),
            Err(InvalidThreadpool::NoThreads { index: 0 }),
        ),
        (
            ThreadpoolConfig::with_lanes([lane(1), empty]),
            Err(InvalidThreadpool::NoThreads { index: 1 }),
        ),
        (
            ThreadpoolConfig::with_lanes([lane(1), lane(2), lane(1)]),
            Err(InvalidThreadpool::SameLane {
                index: 2,
                priority: priority(1),
            }),
        ),
        (
            ThreadpoolConfig::with_lanes([lane(1), crowd]),
            Err(InvalidThreadpool::TooManyThreads),
        ),
        (
            ThreadpoolConfig::new(1, 0, Priority::MIN).buffering(0, 1),
            Err(InvalidThreadpool::BuffersNothing),
        ),
        (
            ThreadpoolConfig::new(1, 0, Priority::MIN).buffering(1, 0),
            Err(InvalidThreadpool::BuffersNothing),
        ),
        (
            ThreadpoolConfig::new(1, 0, Priority::MIN).borrowing(),
            Err(InvalidThreadpool::NobodyLends),
        ),
    ];
    for (config, expected) in cases {
        assert_eq!(config.check(), expected, "{config:?}");
    }
}
