// SPDX-License-Identifier: MIT OR Apache-2.0
//! The nearest requests that would fit.

use std::time::Duration;

use orb_core::qos::Qos;
use rtu::Nanos;

use crate::refusal::{Alternative, Bottleneck};
use crate::request::Request;
use crate::units::{show_rate, show_size, show_time};

/// One respect in which a request can ask for less.
struct Respect {
    name: &'static str,
    asked: u64,
    /// Asking for less is a larger number.
    upwards: bool,
    show: fn(u64) -> String,
    set: fn(&mut Qos, u64),
}

/// How many times larger than asked a period, delay or deadline may become.
const LONGEST_STRETCH: u64 = 1 << 20;

/// Returns changed requests for which `fits` holds, nearest first: each changes one respect if that is enough for any;
/// otherwise times that only help together are changed together; and if nothing helps, best effort does.
///
/// Values are rounded to three digits, towards asking for less, so that people can read them.
pub(crate) fn alternatives(
    request: &Request,
    bottleneck: &Bottleneck,
    mut fits: impl FnMut(&Request) -> bool,
) -> Vec<Alternative> {
    if matches!(bottleneck, Bottleneck::Contradiction { .. }) {
        return Vec::new();
    }
    for respects in [single(&request.qos), joint(&request.qos)] {
        let found = respects
            .iter()
            .filter_map(|respect| nearest(request, respect, &mut fits));
        let mut found: Vec<_> = found.collect();
        if !found.is_empty() {
            found.sort_by_key(|(distance, _)| *distance);
            return found.into_iter().map(|(_, alternative)| alternative).collect();
        }
    }
    let best_effort = Request {
        qos: Qos::default(),
        ..request.clone()
    };
    let last_resort = fits(&best_effort).then(|| Alternative {
        words: "class = best_effort".to_owned(),
        qos: best_effort.qos,
    });
    last_resort.into_iter().collect()
}

/// The nearest value of one respect that fits, with its distance: how many times as much as asked, or as little, in 1/256.
fn nearest(
    request: &Request,
    respect: &Respect,
    fits: &mut impl FnMut(&Request) -> bool,
) -> Option<(u128, Alternative)> {
    let changed = |value| {
        let mut changed = request.clone();
        (respect.set)(&mut changed.qos, value);
        changed
    };
    let mut try_step = |step| fits(&changed(round(step)));
    let step = if respect.upwards {
        smallest(step_of(respect.asked), respect.asked, &mut try_step)?
    } else {
        largest(step_of(respect.asked), &mut try_step)?
    };
    let value = round(step);
    let (less, more) = (value.min(respect.asked), value.max(respect.asked));
    let sign = if respect.upwards { '≥' } else { '≤' };
    let alternative = Alternative {
        words: format!("{} {sign} {}", respect.name, (respect.show)(value)),
        qos: changed(value).qos,
    };
    Some((u128::from(more) * 256 / u128::from(less.max(1)), alternative))
}

/// The smallest step from `from` on that fits, if there is one below the longest stretch.
fn smallest(from: u64, asked: u64, fits: &mut impl FnMut(u64) -> bool) -> Option<u64> {
    let most = step_of(asked.saturating_mul(LONGEST_STRETCH));
    let (mut too_small, mut stride) = (from, 1);
    let mut enough = loop {
        let step = (from + stride).min(most);
        if fits(step) {
            break step;
        }
        if step == most {
            return None;
        }
        (too_small, stride) = (step, stride * 2);
    };
    while enough - too_small > 1 {
        let middle = too_small + (enough - too_small) / 2;
        if fits(middle) {
            enough = middle;
        } else {
            too_small = middle;
        }
    }
    Some(enough)
}

/// The largest step up to `to` that fits, if any but 0 does.
fn largest(to: u64, fits: &mut impl FnMut(u64) -> bool) -> Option<u64> {
    if to == 0 || !fits(1) {
        return None;
    }
    let (mut small_enough, mut too_large) = (1, to + 1);
    while too_large - small_enough > 1 {
        let middle = small_enough + (too_large - small_enough) / 2;
        if fits(middle) {
            small_enough = middle;
        } else {
            too_large = middle;
        }
    }
    Some(small_enough)
}

/// Numbers of at most three digits before their zeros, in order: 0, 1, … 999, 1000, 1010, …
fn round(step: u64) -> u64 {
    match step.checked_sub(100) {
        None => step,
        Some(beyond) => {
            let decade = u32::try_from(beyond / 900).unwrap_or(u32::MAX);
            let power = 10_u64.checked_pow(decade).unwrap_or(u64::MAX);
            (100 + beyond % 900).saturating_mul(power)
        }
    }
}

/// The last of these numbers that is not above `value`, by its place in the order.
fn step_of(value: u64) -> u64 {
    let decade = value.checked_ilog10().unwrap_or(0).saturating_sub(2);
    let leading = value / 10_u64.saturating_pow(decade);
    if leading < 100 {
        leading
    } else {
        u64::from(decade) * 900 + leading
    }
}

fn time(nanoseconds: u64) -> String {
    show_time(Nanos(nanoseconds))
}

fn nanos(time: Duration) -> u64 {
    Nanos::from(time).0
}

fn single(qos: &Qos) -> Vec<Respect> {
    match qos {
        Qos::Isochronous(it) => {
            let deadline = it
                .deadline
                .map(|deadline| lengthened("deadline", deadline, set_deadline));
            let mut respects = vec![
                lengthened("period", it.period, set_period),
                lessened("messages", it.messages.into(), |it| it.to_string(), set_messages),
                lessened(
                    "message size",
                    it.message_size as u64,
                    show_size,
                    set_message_size,
                ),
            ];
            respects.extend(deadline);
            respects
        }
        Qos::Burst(it) => {
            let deadline = it
                .deadline
                .map(|deadline| lengthened("deadline", deadline, set_deadline));
            let message = it
                .message_size
                .map(|size| lessened("message size", size as u64, show_size, set_message_size));
            let mut respects = vec![
                lessened("bandwidth", it.bandwidth, show_rate, set_bandwidth),
                lessened("burst size", it.burst_size as u64, show_size, set_burst_size),
            ];
            respects.extend(deadline.into_iter().chain(message));
            respects
        }
        Qos::LowDelay(it) => {
            let interval = it.minimum_interval;
            let interval = interval.map(|it| lengthened("minimum interval", it, set_interval));
            let mut respects = vec![
                lengthened("delay", it.delay, set_deadline),
                lessened(
                    "message size",
                    it.message_size as u64,
                    show_size,
                    set_message_size,
                ),
            ];
            respects.extend(interval);
            respects
        }
        _ => Vec::new(),
    }
}

/// Times of which each is bounded by the other.
fn joint(qos: &Qos) -> Vec<Respect> {
    match qos {
        Qos::Isochronous(it) if it.deadline.is_some() => {
            vec![lengthened("period and deadline", it.period, |qos, value| {
                set_period(qos, value);
                set_deadline(qos, value);
            })]
        }
        Qos::LowDelay(it) => {
            let longer = it.minimum_interval.unwrap_or(it.delay).max(it.delay);
            vec![lengthened("delay and minimum interval", longer, |qos, value| {
                set_deadline(qos, value);
                set_interval(qos, value);
            })]
        }
        _ => Vec::new(),
    }
}

fn lengthened(name: &'static str, asked: Duration, set: fn(&mut Qos, u64)) -> Respect {
    Respect {
        name,
        asked: nanos(asked),
        upwards: true,
        show: time,
        set,
    }
}

fn lessened(name: &'static str, asked: u64, show: fn(u64) -> String, set: fn(&mut Qos, u64)) -> Respect {
    Respect {
        name,
        asked,
        upwards: false,
        show,
        set,
    }
}

fn set_period(qos: &mut Qos, value: u64) {
    if let Qos::Isochronous(it) = qos {
        it.period = Duration::from_nanos(value);
    }
}

fn set_messages(qos: &mut Qos, value: u64) {
    if let Qos::Isochronous(it) = qos {
        it.messages = u32::try_from(value).unwrap_or(u32::MAX);
    }
}

fn set_message_size(qos: &mut Qos, value: u64) {
    *qos = qos
        .clone()
        .message_size(usize::try_from(value).unwrap_or(usize::MAX));
}

fn set_deadline(qos: &mut Qos, value: u64) {
    *qos = qos.clone().deadline(Duration::from_nanos(value));
}

fn set_interval(qos: &mut Qos, value: u64) {
    *qos = qos.clone().minimum_interval(Duration::from_nanos(value));
}

fn set_bandwidth(qos: &mut Qos, value: u64) {
    if let Qos::Burst(it) = qos {
        it.bandwidth = value;
    }
}

/// A burst is no smaller than its messages.
fn set_burst_size(qos: &mut Qos, value: u64) {
    if let Qos::Burst(it) = qos {
        it.burst_size = usize::try_from(value).unwrap_or(usize::MAX);
        it.message_size = it.message_size.map(|size| size.min(it.burst_size));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn steps_are_numbers_of_three_digits() {
        let steps: Vec<u64> = [0, 1, 99, 100, 999, 1000, 1001, 1899, 1900].map(round).to_vec();
        assert_eq!(steps, [0, 1, 99, 100, 999, 1000, 1010, 9990, 10_000]);
    }

    fn words(qos: Qos, fits: impl Fn(&Qos) -> bool) -> Vec<String> {
        let shortage = Bottleneck::Link {
            asked: 0,
            left: 0,
            rate: 0,
        };
        let found = alternatives(&Request::new(qos), &shortage, |it| fits(&it.qos));
        assert!(found.iter().all(|it| fits(&it.qos)));
        found.into_iter().map(|it| it.words).collect()
    }

    #[test]
    fn the_nearest_comes_first() {
        let asked = Qos::isochronous(Duration::from_millis(10), 4);
        let fits = |qos: &Qos| match qos {
            Qos::Isochronous(it) => it.period.as_micros() >= 11_801 * u128::from(it.messages) / 4,
            _ => true,
        };
        assert_eq!(words(asked, fits), ["period ≥ 11.9 ms", "messages ≤ 3"]);
        let asked = Qos::isochronous(Duration::from_millis(10), 100);
        let fits = |qos: &Qos| match qos {
            Qos::Isochronous(it) => it.period.as_millis() >= 13 || it.messages <= 90,
            _ => true,
        };
        assert_eq!(words(asked, fits), ["messages ≤ 90", "period ≥ 13 ms"]);
    }

    #[test]
    fn times_that_bound_each_other_are_changed_together() {
        let millis = Duration::from_millis;
        let asked = Qos::low_delay(millis(1)).minimum_interval(millis(2));
        let fits = |qos: &Qos| match qos {
            Qos::LowDelay(it) => it.delay.min(it.minimum_interval.unwrap_or(it.delay)) >= millis(3),
            _ => true,
        };
        assert_eq!(words(asked, fits), ["delay and minimum interval ≥ 3 ms"]);
    }

    #[test]
    fn best_effort_is_the_last_resort() {
        let guaranteed = Qos::burst(1_000, 10);
        assert_eq!(
            words(guaranteed.clone(), |qos| !qos.is_guaranteed()),
            ["class = best_effort"]
        );
        assert_eq!(words(guaranteed, |_| false), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn a_step_is_the_last_not_above(value in any::<u64>()) {
            let step = step_of(value);
            prop_assert!(round(step) <= value);
            prop_assert!(round(step + 1) > value || round(step + 1) == u64::MAX);
        }

        #[test]
        fn the_nearest_is_found_exactly(asked in 1_u64..1 << 40, factor in 0_u64..1 << 19) {
            let bound = asked.saturating_mul(factor + 2);
            let found = smallest(step_of(asked), asked, &mut |step| round(step) >= bound);
            let step = found.unwrap();
            prop_assert!(round(step) >= bound && round(step - 1) < bound);
            let found = largest(step_of(asked), &mut |step| round(step) <= asked / (factor + 2));
            match found {
                Some(step) => prop_assert!(round(step + 1) > asked / (factor + 2)),
                None => prop_assert_eq!(asked / (factor + 2), 0),
            }
        }
    }
}
