// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests of objects that share a lane: one plan for all of them.

use std::time::Duration;

use orb_core::qos::{Burst, Isochronous, LowDelay, Qos};
use rtu::scheduler::Overrun;

use crate::refusal::{Bottleneck, Refusal};
use crate::request::Request;

/// Returns the request that covers each of these: what is granted for it suffices for any one of them, whichever of their
/// objects a client calls. The most costly counts, and the most urgent.
///
/// # Errors
///
/// [`Bottleneck::Contradiction`] if there is none: classes differ, bursts are of messages of several sizes, CPUs differ, one
/// asks for no guarantee, or a servant declares no worst case, since what one costs says nothing of another.
///
/// ```
/// use std::time::Duration;
/// use qos_mapper::{Request, join};
/// # use orb_core::qos::Qos;
/// let (ms, us) = (Duration::from_millis, Duration::from_micros);
/// let often = Request::new(Qos::isochronous(ms(5), 1).worst_case(us(10)));
/// let much = Request::new(Qos::isochronous(ms(20), 4).worst_case(us(80)));
/// let both = join([&often, &much])?;
/// assert_eq!(both.qos, Qos::isochronous(ms(5), 4).worst_case(us(80)));
/// # Ok::<(), qos_mapper::Refusal>(())
/// ```
pub fn join<'r>(requests: impl IntoIterator<Item = &'r Request>) -> Result<Request, Refusal> {
    let mut requests = requests.into_iter().peekable();
    let first = requests
        .next()
        .ok_or_else(|| contradiction("a group has members"))?;
    if !first.qos.is_guaranteed() {
        return Err(contradiction("members of a group ask for a guarantee"));
    }
    let alone = requests.peek().is_none();
    let joined = requests.try_fold(first.clone(), both)?;
    if !alone && joined.qos.declared_worst_case().is_none() {
        return Err(contradiction(
            "members of a group declare their servants' worst cases: what one costs says nothing of another",
        ));
    }
    Ok(joined)
}

/// Returns what reports call the objects of a group.
pub fn group_name(group: &str) -> String {
    format!("group {group}")
}

fn both(one: Request, other: &Request) -> Result<Request, Refusal> {
    let cpu = match (one.cpu, other.cpu) {
        (Some(one), Some(other)) if one != other => {
            return Err(contradiction(
                "members of a group are on one CPU, if they say on which",
            ));
        }
        (one, other) => one.or(other),
    };
    Ok(Request {
        qos: qos(&one.qos, &other.qos)?,
        types: types(one.types, &other.types),
        measured: None,
        assume_servant: one.assume_servant || other.assume_servant,
        on_overrun: stricter(one.on_overrun, other.on_overrun),
        cpu,
        end: one.end,
        window: None,
    })
}

fn qos(one: &Qos, other: &Qos) -> Result<Qos, Refusal> {
    Ok(match (one, other) {
        (Qos::Isochronous(one), Qos::Isochronous(other)) => Qos::Isochronous(isochronous(one, other)),
        (Qos::Burst(one), Qos::Burst(other)) => Qos::Burst(burst(one, other)?),
        (Qos::LowDelay(one), Qos::LowDelay(other)) => Qos::LowDelay(low_delay(one, other)),
        _ => {
            return Err(contradiction(format!(
                "members of a group ask for one class, and not for {} and {}",
                one.class(),
                other.class()
            )));
        }
    })
}

fn isochronous(one: &Isochronous, other: &Isochronous) -> Isochronous {
    let period = one.period.min(other.period);
    let deadline = |it: &Isochronous| it.deadline.unwrap_or(it.period);
    Isochronous {
        period,
        messages: one.messages.max(other.messages),
        message_size: one.message_size.max(other.message_size),
        deadline: Some(deadline(one).min(deadline(other))).filter(|deadline| *deadline < period),
        worst_case: longer(one.worst_case, other.worst_case),
    }
}

/// Smaller messages would be more of them in each burst, and larger ones than planned are refused.
fn burst(one: &Burst, other: &Burst) -> Result<Burst, Refusal> {
    let message_size = |it: &Burst| it.message_size.unwrap_or(it.burst_size);
    if message_size(one) != message_size(other) {
        return Err(contradiction(
            "members of a group send bursts of messages of one size",
        ));
    }
    Ok(Burst {
        bandwidth: one.bandwidth.max(other.bandwidth),
        burst_size: one.burst_size.max(other.burst_size),
        message_size: Some(message_size(one)),
        deadline: one.deadline.into_iter().chain(other.deadline).min(),
        worst_case: longer(one.worst_case, other.worst_case),
    })
}

fn low_delay(one: &LowDelay, other: &LowDelay) -> LowDelay {
    let interval = |it: &LowDelay| it.minimum_interval.unwrap_or(it.delay);
    let delay = one.delay.min(other.delay);
    LowDelay {
        delay,
        minimum_interval: Some(interval(one).min(interval(other))).filter(|interval| *interval != delay),
        message_size: one.message_size.max(other.message_size),
        priority: one.priority.max(other.priority),
        worst_case: longer(one.worst_case, other.worst_case),
    }
}

/// If one does not say how long it takes, nobody knows how long both do.
fn longer(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    one.zip(other).map(|(one, other)| one.max(other))
}

fn types(one: Vec<String>, other: &[String]) -> Vec<String> {
    // Types that are not named cost as much as one that is not known, and no type has this name.
    let named = |types: &[String]| match types {
        [] => vec![String::new()],
        types => types.to_vec(),
    };
    if one == other {
        return one;
    }
    let mut all = [named(&one), named(other)].concat();
    all.sort_unstable();
    all.dedup();
    all
}

fn stricter(one: Overrun, other: Overrun) -> Overrun {
    match (one, other) {
        (Overrun::Demote, _) | (_, Overrun::Demote) => Overrun::Demote,
        (Overrun::Defer, _) | (_, Overrun::Defer) => Overrun::Defer,
        (Overrun::Log, Overrun::Log) => Overrun::Log,
    }
}

fn contradiction(why: impl Into<String>) -> Refusal {
    Refusal {
        bottleneck: Bottleneck::Contradiction { why: why.into() },
        alternatives: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{CostModel, Machine, map};

    const MILLI: Duration = Duration::from_millis(1);
    const SHORT: Duration = Duration::from_micros(10);

    fn asked(qos: Qos) -> Request {
        Request::new(qos.worst_case(SHORT))
    }

    fn why(one: &Request, other: &Request) -> String {
        let refusal = join([one, other]).expect_err("a contradiction");
        assert!(join([other, one]).is_err());
        refusal.to_string()
    }

    #[test]
    fn the_most_urgent_and_the_most_costly_count() {
        let one = asked(Qos::low_delay(MILLI * 5).priority(3).message_size(64));
        let other = Qos::low_delay(MILLI * 9)
            .minimum_interval(MILLI * 4)
            .message_size(4096);
        let other = asked(other).qos.worst_case(SHORT * 2);
        let expected = Qos::low_delay(MILLI * 5)
            .minimum_interval(MILLI * 4)
            .message_size(4096)
            .priority(3);
        let joined = join([&one, &Request::new(other)]).expect("joined");
        assert_eq!(joined.qos, expected.worst_case(SHORT * 2));

        let one = asked(Qos::burst(1_000_000, 4096).message_size(512).deadline(MILLI * 9));
        let other = asked(Qos::burst(3_000_000, 2048).message_size(512));
        let expected = Qos::burst(3_000_000, 4096).message_size(512).deadline(MILLI * 9);
        assert_eq!(
            join([&one, &other]).expect("joined").qos,
            expected.worst_case(SHORT)
        );

        let one = asked(Qos::isochronous(MILLI * 10, 1));
        let other = asked(Qos::isochronous(MILLI * 20, 2).deadline(MILLI * 3));
        let expected = Qos::isochronous(MILLI * 10, 2).deadline(MILLI * 3);
        assert_eq!(
            join([&one, &other]).expect("joined").qos,
            expected.worst_case(SHORT)
        );
    }

    #[test]
    fn what_belongs_to_the_cpu_is_joined_too() {
        let plain = asked(Qos::low_delay(MILLI));
        let typed = Request {
            types: vec!["samples".into()],
            on_overrun: Overrun::Demote,
            cpu: Some(3),
            ..plain.clone()
        };
        let joined = join([&plain, &typed]).expect("joined");
        assert_eq!((joined.cpu, joined.on_overrun), (Some(3), Overrun::Demote));
        // Of the types that the first did not name, the costs are those of unknown ones.
        assert_eq!(joined.types, ["", "samples"]);
        assert_eq!(join([&typed, &typed]).expect("joined"), typed);
        let elsewhere = Request {
            cpu: Some(4),
            ..typed.clone()
        };
        assert!(why(&typed, &elsewhere).contains("CPU"));
    }

    #[test]
    fn what_no_plan_covers_is_refused() {
        let isochronous = asked(Qos::isochronous(MILLI, 1));
        let low_delay = asked(Qos::low_delay(MILLI));
        assert!(why(&isochronous, &low_delay).contains("class"));
        assert!(why(&isochronous, &Request::new(Qos::default())).contains("class"));
        let best_effort = Request::new(Qos::default());
        assert!(join([&best_effort]).is_err() && why(&best_effort, &low_delay).contains("guarantee"));
        let burst = |size| asked(Qos::burst(1_000_000, 4096).message_size(size));
        assert!(why(&burst(512), &burst(1024)).contains("size"));
        let unknown = Request::new(Qos::low_delay(MILLI));
        assert!(why(&low_delay, &unknown).contains("worst case"));
        // Alone it is learned.
        assert_eq!(join([&unknown]), Ok(unknown.clone()));
        assert!(join([]).is_err());
    }

    fn any_low_delay() -> impl Strategy<Value = Request> {
        let numbers = (1_u64..50, 1_u64..100, 1_usize..9000, -9_i16..9, 1_u64..500);
        numbers.prop_map(|(delay, interval, size, priority, worst)| {
            let qos = Qos::low_delay(MILLI * u32::try_from(delay).unwrap_or(1));
            let qos = qos
                .minimum_interval(Duration::from_millis(interval))
                .message_size(size);
            Request::new(qos.priority(priority).worst_case(Duration::from_micros(worst)))
        })
    }

    proptest! {
        #[test]
        fn a_joined_plan_covers_each_of_its_members(requests in prop::collection::vec(any_low_delay(), 1..6)) {
            let joined = join(&requests).expect("one class");
            let plan = |request: &Request| map(request, &CostModel::default(), &Machine::default());
            if let Ok(joined) = plan(&joined) {
                for request in &requests {
                    let own = plan(request).expect("asks for less");
                    prop_assert!(own.cost.message <= joined.cost.message);
                    prop_assert!(own.largest_message <= joined.largest_message);
                    prop_assert!(own.rtu.period >= joined.rtu.period && own.rtu.deadline >= joined.rtu.deadline);
                }
            }
        }
    }
}
