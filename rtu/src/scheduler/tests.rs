// SPDX-License-Identifier: MIT OR Apache-2.0
//! What must hold, case by case; `rtu/tests/oracle.rs` has the rest at random.

use super::*;
use crate::Class;

const PERIOD: Nanos = Nanos(1000);

fn low_delay(priority: u8, period: u64) -> Parameters {
    Parameters::new(Class::LowDelay { priority }, Nanos(period))
}

fn best_effort(priority: u8) -> Parameters {
    Parameters::new(Class::BestEffort { priority }, Nanos::ZERO)
}

fn next(scheduler: &mut Scheduler) -> Option<RtuId> {
    scheduler.next().map(|running| running.id)
}

/// Runs what is chosen for a while.
fn run(scheduler: &mut Scheduler, outcome: Outcome, from: u64, to: u64) -> (RtuId, Finished) {
    scheduler.advance(Time(from));
    let id = next(scheduler).expect("one is ready");
    let finished = scheduler.finish(id, outcome, Nanos(to - from), Time(to));
    (id, finished.expect("it ran"))
}

#[test]
fn the_more_urgent_goes_first_whatever_the_order_of_release() {
    let mut scheduler = Scheduler::with_capacity(4);
    let effort = scheduler.add(best_effort(200), Time(0));
    let slow = scheduler.add(Parameters::periodic(Nanos(5000)), Time(0));
    let fast = scheduler.add(Parameters::periodic(PERIOD), Time(0));
    let low = scheduler.add(low_delay(1, 10), Time(0));
    let high = scheduler.add(low_delay(2, 10), Time(0));
    for id in [effort, low, high] {
        assert_eq!(scheduler.notify(id, Time(0)), Notified::Released);
    }
    for expected in [high, low, fast, slow, effort] {
        assert_eq!(run(&mut scheduler, Outcome::Done, 0, 0).0, expected);
    }
    assert_eq!(next(&mut scheduler), None);
}

#[test]
fn the_running_one_is_only_asked_to_yield_and_goes_on_before_its_equals() {
    let mut scheduler = Scheduler::with_capacity(4);
    let one = scheduler.add(best_effort(1), Time(0));
    let two = scheduler.add(best_effort(1), Time(0));
    let urgent = scheduler.add(best_effort(2), Time(0));
    scheduler.notify(one, Time(0));
    scheduler.notify(two, Time(0));
    assert_eq!(next(&mut scheduler), Some(one));
    assert!(!scheduler.should_yield(), "an equal is not more urgent");
    scheduler.notify(urgent, Time(1));
    assert!(scheduler.should_yield());
    assert_eq!(scheduler.running(), Some(one));
    assert_eq!(next(&mut scheduler), None, "one runs at a time");
    scheduler.finish(one, Outcome::NotDone, Nanos(2), Time(2));
    for expected in [urgent, one, two] {
        assert_eq!(run(&mut scheduler, Outcome::Done, 2, 2).0, expected);
    }
}

#[test]
fn releases_keep_their_period_however_late_they_are_seen() {
    let mut scheduler = Scheduler::with_capacity(1);
    let id = scheduler.add(Parameters::periodic(PERIOD), Time(500));
    assert_eq!(scheduler.next_event(), Some(Time(500)));
    for (seen, due) in [(500, 500), (1530, 1500), (2900, 2500)] {
        scheduler.advance(Time(seen));
        let running = scheduler.next().expect("it is due");
        assert_eq!(
            (running.released, running.deadline),
            (Time(due), Some(Time(due) + PERIOD))
        );
        scheduler.finish(id, Outcome::Done, Nanos(10), Time(seen + 10));
        assert_eq!(scheduler.next_event(), Some(Time(due) + PERIOD));
    }
    let account = scheduler.account(id).expect("it is there");
    assert_eq!((account.releases, account.completions, account.misses), (3, 3, 0));
    assert_eq!(account.release_jitter.max(), Some(Nanos(400)));
    assert_eq!(account.response.max(), Some(Nanos(410)));
    assert_eq!(account.used, Nanos(30));
}

#[test]
fn periods_that_nobody_saw_are_misses_and_do_not_pile_up() {
    let mut scheduler = Scheduler::with_capacity(1);
    let id = scheduler.add(Parameters::periodic(PERIOD), Time(0));
    scheduler.advance(Time(5600));
    assert_eq!(run(&mut scheduler, Outcome::Done, 5600, 5700).0, id);
    assert_eq!(next(&mut scheduler), None);
    let account = scheduler.account(id).expect("it is there");
    assert_eq!((account.releases, account.completions, account.misses), (6, 1, 5));
    assert_eq!(scheduler.next_event(), Some(Time(6000)));
}

#[test]
fn one_release_waits_behind_an_activation_that_is_late() {
    let mut scheduler = Scheduler::with_capacity(1);
    let id = scheduler.add(Parameters::periodic(PERIOD), Time(0));
    scheduler.advance(Time(0));
    assert_eq!(next(&mut scheduler), Some(id));
    // Two releases pass while it runs: one is kept.
    scheduler.advance(Time(1000));
    scheduler.advance(Time(2000));
    let finished = scheduler.finish(id, Outcome::Done, Nanos(2100), Time(2100));
    assert_eq!(finished.map(|finished| finished.missed), Some(true));
    let behind = scheduler.next().expect("the release at 1000");
    assert_eq!(behind.released, Time(1000));
    let finished = scheduler.finish(id, Outcome::Done, Nanos(100), Time(2200));
    assert_eq!(finished.map(|finished| finished.missed), Some(true));
    assert_eq!(next(&mut scheduler), None);
    let account = scheduler.account(id).expect("it is there");
    assert_eq!((account.releases, account.completions, account.misses), (3, 2, 3));
}

#[test]
fn an_activation_done_at_its_deadline_is_in_time() {
    let mut scheduler = Scheduler::with_capacity(1);
    let id = scheduler.add(Parameters::periodic(PERIOD), Time(0));
    scheduler.advance(Time(0));
    next(&mut scheduler);
    scheduler.advance(Time(1000));
    let finished = scheduler.finish(id, Outcome::Done, Nanos(1000), Time(1000));
    assert_eq!(finished.map(|finished| finished.missed), Some(false));
    assert_eq!(scheduler.account(id).map(|account| account.misses), Some(0));
    assert_eq!(scheduler.next().map(|running| running.released), Some(Time(1000)));
}

#[test]
fn notifications_are_masked_while_queued_and_kept_while_running() {
    let mut scheduler = Scheduler::with_capacity(1);
    let id = scheduler.add(best_effort(1), Time(0));
    assert_eq!(scheduler.notify(id, Time(0)), Notified::Released);
    assert_eq!(scheduler.notify(id, Time(1)), Notified::Masked);
    assert_eq!(next(&mut scheduler), Some(id));
    assert_eq!(scheduler.notify(id, Time(2)), Notified::Masked);
    scheduler.finish(id, Outcome::Done, Nanos(1), Time(3));
    assert_eq!(
        next(&mut scheduler),
        Some(id),
        "it may have looked before it was told"
    );
    scheduler.notify(id, Time(4));
    scheduler.finish(id, Outcome::NotDone, Nanos(1), Time(5));
    assert_eq!(run(&mut scheduler, Outcome::Done, 5, 6).0, id);
    assert_eq!(next(&mut scheduler), None, "going on it looks again");
    assert_eq!(scheduler.account(id).map(|account| account.releases), Some(2));
}

#[test]
fn low_delay_is_held_to_its_minimum_inter_arrival() {
    let mut scheduler = Scheduler::with_capacity(1);
    let id = scheduler.add(low_delay(1, 1000), Time(0));
    assert_eq!(scheduler.notify(id, Time(100)), Notified::Released);
    assert_eq!(run(&mut scheduler, Outcome::Done, 100, 200).0, id);
    assert_eq!(scheduler.notify(id, Time(300)), Notified::Policed(Time(1100)));
    assert_eq!(scheduler.notify(id, Time(400)), Notified::Masked);
    scheduler.advance(Time(1099));
    assert_eq!(
        (next(&mut scheduler), scheduler.next_event()),
        (None, Some(Time(1100)))
    );
    scheduler.advance(Time(1120));
    let running = scheduler.next().expect("its time has come");
    assert_eq!(
        (running.released, running.deadline),
        (Time(1100), Some(Time(2100)))
    );
    scheduler.notify(id, Time(1130));
    scheduler.finish(id, Outcome::Done, Nanos(20), Time(1140));
    // From the nominal release, or a sender that keeps the distance would fall behind.
    assert_eq!(scheduler.next_event(), Some(Time(2100)));
}

#[test]
fn a_notification_from_before_is_not_held_back_further() {
    let mut scheduler = Scheduler::with_capacity(1);
    let id = scheduler.add(low_delay(1, 1000), Time(0));
    scheduler.notify(id, Time(100));
    assert_eq!(run(&mut scheduler, Outcome::Done, 100, 200).0, id);
    scheduler.advance(Time(1150));
    assert_eq!(scheduler.notify(id, Time(900)), Notified::Released);
    assert_eq!(scheduler.next().map(|running| running.released), Some(Time(1100)));
}

#[test]
fn a_periodic_one_does_not_hear_notifications() {
    let mut scheduler = Scheduler::with_capacity(1);
    let id = scheduler.add(Parameters::periodic(PERIOD), Time(0));
    assert_eq!(scheduler.notify(id, Time(0)), Notified::Ignored);
    assert_eq!(next(&mut scheduler), None);
}

fn overrunner(on_overrun: Overrun) -> (Scheduler, RtuId) {
    let mut scheduler = Scheduler::with_capacity(2);
    let parameters = Parameters::periodic(PERIOD).with_budget(Nanos(100), on_overrun);
    let id = scheduler.add(parameters, Time(0));
    (scheduler, id)
}

#[test]
fn an_overrun_is_told_once_per_period_and_logged() {
    let (mut scheduler, id) = overrunner(Overrun::Log);
    assert_eq!(run(&mut scheduler, Outcome::NotDone, 0, 99).1.overrun, None);
    assert_eq!(
        run(&mut scheduler, Outcome::NotDone, 99, 100).1.overrun,
        Some(Overrun::Log)
    );
    assert_eq!(run(&mut scheduler, Outcome::Done, 100, 300).1.overrun, None);
    assert_eq!(
        run(&mut scheduler, Outcome::Done, 1000, 1101).1.overrun,
        Some(Overrun::Log)
    );
    assert_eq!(
        run(&mut scheduler, Outcome::Done, 2000, 2100).1.overrun,
        None,
        "all of a budget is no overrun"
    );
    let account = scheduler.account(id).expect("it is there");
    assert_eq!(
        (account.overruns, account.costliest, account.longest_run),
        (2, Nanos(300), Nanos(200))
    );
}

#[test]
fn a_deferred_one_goes_on_in_the_next_period_and_pays_its_debt() {
    let (mut scheduler, id) = overrunner(Overrun::Defer);
    assert_eq!(
        run(&mut scheduler, Outcome::NotDone, 0, 150).1.overrun,
        Some(Overrun::Defer)
    );
    assert_eq!(
        (next(&mut scheduler), scheduler.next_event()),
        (None, Some(Time(1000)))
    );
    // Fifty of the new budget are gone already.
    assert_eq!(
        run(&mut scheduler, Outcome::NotDone, 1000, 1050).1.overrun,
        Some(Overrun::Defer)
    );
    assert_eq!(next(&mut scheduler), None);
    assert_eq!(run(&mut scheduler, Outcome::Done, 2000, 2030).1.overrun, None);
    // What was released meanwhile follows within the same budget.
    assert_eq!(
        run(&mut scheduler, Outcome::Done, 2030, 2500).1.overrun,
        Some(Overrun::Defer)
    );
    for period in [3000, 4000, 5000, 6000] {
        scheduler.advance(Time(period));
        assert_eq!(next(&mut scheduler), None, "500 were used: {period}");
    }
    assert_eq!(run(&mut scheduler, Outcome::Done, 7000, 7010).0, id);
    let account = scheduler.account(id).expect("it is there");
    assert_eq!((account.overruns, account.used), (3, Nanos(710)));
}

#[test]
fn a_deferred_reactive_one_waits_for_its_inter_arrival() {
    let mut scheduler = Scheduler::with_capacity(1);
    let id = scheduler.add(
        low_delay(1, 1000).with_budget(Nanos(100), Overrun::Defer),
        Time(0),
    );
    scheduler.notify(id, Time(50));
    assert_eq!(
        run(&mut scheduler, Outcome::NotDone, 50, 150).1.overrun,
        Some(Overrun::Defer)
    );
    assert_eq!(scheduler.notify(id, Time(160)), Notified::Masked);
    assert_eq!(
        (next(&mut scheduler), scheduler.next_event()),
        (None, Some(Time(1050)))
    );
    assert_eq!(run(&mut scheduler, Outcome::Done, 1050, 1060).0, id);
    assert_eq!(scheduler.notify(id, Time(1070)), Notified::Policed(Time(2050)));
}

#[test]
fn a_demoted_one_goes_on_behind_all_others_until_it_is_changed() {
    let (mut scheduler, id) = overrunner(Overrun::Demote);
    let effort = scheduler.add(best_effort(1), Time(0));
    assert_eq!(
        run(&mut scheduler, Outcome::NotDone, 0, 100).1.overrun,
        Some(Overrun::Demote)
    );
    assert_eq!(scheduler.urgency(id), Some(Urgency::LEAST));
    scheduler.notify(effort, Time(100));
    assert_eq!(run(&mut scheduler, Outcome::Done, 100, 110).0, effort);
    assert_eq!(run(&mut scheduler, Outcome::Done, 110, 400).1.overrun, None);
    let parameters = Parameters::periodic(PERIOD);
    assert!(scheduler.change(id, parameters, Time(500)));
    scheduler.notify(effort, Time(600));
    assert_eq!(run(&mut scheduler, Outcome::Done, 1000, 1010).0, id);
}

#[test]
fn a_name_dies_with_its_rtu() {
    let mut scheduler = Scheduler::with_capacity(1);
    let old = scheduler.add(best_effort(1), Time(0));
    scheduler.notify(old, Time(0));
    assert_eq!(next(&mut scheduler), Some(old));
    assert!(scheduler.remove(old));
    let new = scheduler.add(best_effort(1), Time(0));
    assert_eq!(new.slot(), old.slot());
    assert_ne!(new, old);
    assert_eq!(scheduler.notify(old, Time(0)), Notified::Ignored);
    assert_eq!(scheduler.finish(old, Outcome::Done, Nanos(1), Time(1)), None);
    assert!(!scheduler.remove(old) && !scheduler.change(old, best_effort(2), Time(1)));
    assert!(scheduler.account(old).is_none() && scheduler.urgency(old).is_none());
    assert_eq!((next(&mut scheduler), scheduler.running()), (None, None));
}

#[test]
fn a_change_takes_effect_where_the_rtu_is() {
    let mut scheduler = Scheduler::with_capacity(3);
    let one = scheduler.add(best_effort(1), Time(0));
    let two = scheduler.add(best_effort(2), Time(0));
    let stream = scheduler.add(Parameters::periodic(Nanos(10_000)), Time(5_000));
    scheduler.notify(one, Time(0));
    scheduler.notify(two, Time(0));
    scheduler.change(one, best_effort(3), Time(0));
    assert_eq!(run(&mut scheduler, Outcome::Done, 0, 1).0, one);
    scheduler.change(stream, Parameters::periodic(PERIOD), Time(100));
    assert_eq!(scheduler.next_event(), Some(Time(1100)));
    scheduler.change(stream, low_delay(1, 10), Time(100));
    assert_eq!(scheduler.next_event(), None);
    scheduler.change(stream, Parameters::periodic(PERIOD), Time(200));
    assert_eq!(scheduler.next_event(), Some(Time(200)));
}

#[test]
fn a_change_ends_a_wait() {
    let mut scheduler = Scheduler::with_capacity(1);
    let id = scheduler.add(low_delay(1, 1000), Time(0));
    scheduler.notify(id, Time(0));
    assert_eq!(run(&mut scheduler, Outcome::Done, 0, 10).0, id);
    assert_eq!(scheduler.notify(id, Time(20)), Notified::Policed(Time(1000)));
    scheduler.change(id, low_delay(1, 500), Time(30));
    assert_eq!(
        scheduler.next_event(),
        Some(Time(500)),
        "held to the new distance"
    );
    scheduler.change(id, low_delay(1, 25), Time(30));
    assert_eq!(scheduler.next().map(|running| running.released), Some(Time(30)));
}

#[test]
fn a_change_ends_a_deferral() {
    let (mut scheduler, id) = overrunner(Overrun::Defer);
    assert_eq!(
        run(&mut scheduler, Outcome::NotDone, 0, 150).1.overrun,
        Some(Overrun::Defer)
    );
    assert_eq!(next(&mut scheduler), None);
    let parameters = Parameters::periodic(PERIOD).with_budget(Nanos(400), Overrun::Defer);
    scheduler.change(id, parameters, Time(200));
    let running = scheduler.next().expect("it has a new budget");
    assert_eq!((running.id, running.released), (id, Time(0)));
    assert_eq!(scheduler.next_event(), Some(Time(1000)), "its release stays");
}

#[test]
fn releases_from_before_its_time_are_no_misses() {
    let mut scheduler = Scheduler::with_capacity(1);
    scheduler.advance(Time(1_000_000));
    let id = scheduler.add(Parameters::periodic(PERIOD), Time(0));
    scheduler.advance(Time(1_000_000));
    assert_eq!(
        scheduler.next().map(|running| running.released),
        Some(Time(1_000_000))
    );
    assert_eq!(scheduler.account(id).map(|account| account.misses), Some(0));
}

#[test]
fn a_period_of_zero_does_not_hang() {
    let mut scheduler = Scheduler::with_capacity(1);
    scheduler.add(Parameters::periodic(Nanos::ZERO), Time(0));
    scheduler.advance(Time(10));
    assert_eq!(scheduler.next_event(), Some(Time(11)));
}
