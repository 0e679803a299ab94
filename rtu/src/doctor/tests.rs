// SPDX-License-Identifier: MIT OR Apache-2.0

use std::fs;
use std::path::PathBuf;

use super::*;

fn ideal() -> Facts {
    Facts {
        real_time: true,
        priority_limit: None,
        may_schedule: true,
        memory_limit: None,
        may_lock: true,
        throttle_runtime: Some(950_000),
        throttle_period: Some(1_000_000),
        governors: vec!["performance".to_owned()],
        idle_states: vec![state("C1", 2, true), state("C6", 130, false)],
        isolated: "2-3".to_owned(),
        clock_source: "tsc".to_owned(),
        timer_resolution: Nanos(1),
        is_virtual: false,
        stolen: 0.0,
    }
}

fn state(name: &str, exit_micros: u64, enabled: bool) -> IdleState {
    IdleState {
        name: name.to_owned(),
        exit_micros,
        enabled,
    }
}

/// What is not good about a machine that differs from the ideal one.
fn found(change: impl FnOnce(&mut Facts)) -> Vec<(&'static str, Verdict)> {
    let mut facts = ideal();
    change(&mut facts);
    let checks = judge(&facts);
    assert_eq!(checks.len(), 9);
    let bad = checks.iter().filter(|check| check.verdict != Verdict::Good);
    bad.map(|check| {
        assert!(check.cost.is_some(), "{check:?} says what it costs");
        assert!(
            check.verdict < Verdict::Poor || check.remedy.is_some(),
            "{check:?} says what helps"
        );
        (check.name, check.verdict)
    })
    .collect()
}

#[test]
fn an_ideal_machine_has_nothing_to_say() {
    assert_eq!(found(|_| ()), []);
}

#[test]
fn everything_that_costs_is_seen_for_itself() {
    use Verdict::{Note, Poor, Unusable};
    assert_eq!(
        found(|facts| facts.real_time = false),
        [("scheduling rights", Poor)]
    );
    let little = |facts: &mut Facts| (facts.memory_limit, facts.may_lock) = (Some(8 << 20), false);
    assert_eq!(found(little), [("memory lock", Poor)]);
    assert_eq!(found(|facts| facts.memory_limit = Some(8 << 20)), []);
    assert_eq!(
        found(|facts| facts.throttle_runtime = Some(500_000)),
        [("throttling", Poor)]
    );
    assert_eq!(
        found(|facts| facts.throttle_runtime = Some(-1)),
        [("throttling", Note)]
    );
    assert_eq!(
        found(|facts| facts.throttle_period = None),
        [("throttling", Note)]
    );
    assert_eq!(
        found(|facts| facts.governors.push("powersave".to_owned())),
        [("CPU frequency", Poor)]
    );
    assert_eq!(found(|facts| facts.governors.clear()), []);
    assert_eq!(
        found(|facts| facts.idle_states.push(state("C3", 40, true))),
        [("idle states", Poor)]
    );
    assert_eq!(found(|facts| facts.idle_states.clear()), []);
    assert_eq!(found(|facts| facts.isolated.clear()), [("isolated CPUs", Note)]);
    assert_eq!(
        found(|facts| facts.clock_source = "hpet".to_owned()),
        [("clock source", Poor)]
    );
    assert_eq!(
        found(|facts| facts.clock_source.clear()),
        [("clock source", Note)]
    );
    assert_eq!(
        found(|facts| facts.timer_resolution = Nanos(4_000_000)),
        [("timers", Unusable)]
    );
    assert_eq!(found(|facts| facts.is_virtual = true), [("virtualisation", Note)]);
}

struct Root(PathBuf);

impl Root {
    fn with(files: &[(&str, &str)]) -> Self {
        let root = std::env::temp_dir().join(format!("upcall-doctor-{}", std::process::id()));
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(root)
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn facts_are_read_as_the_kernel_writes_them() {
    let root = Root::with(&[
        ("proc/sys/kernel/sched_rt_runtime_us", "950000\n"),
        ("proc/sys/kernel/sched_rt_period_us", "1000000\n"),
        ("proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu hypervisor sse\n"),
        ("proc/stat", "cpu  60 0 20 100 0 0 0 20 7 0\ncpu0 1 2 3\n"),
        ("sys/devices/system/cpu/isolated", "1\n"),
        (
            "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
            "powersave\n",
        ),
        (
            "sys/devices/system/cpu/cpu1/cpufreq/scaling_governor",
            "powersave\n",
        ),
        ("sys/devices/system/cpu/cpu0/cpuidle/state2/name", "C6\n"),
        ("sys/devices/system/cpu/cpu0/cpuidle/state2/latency", "133\n"),
        ("sys/devices/system/cpu/cpu0/cpuidle/state2/disable", "1\n"),
        ("sys/devices/system/cpu/cpufreq/scaling_governor", "not a CPU\n"),
        (
            "sys/devices/system/clocksource/clocksource0/current_clocksource",
            "tsc\n",
        ),
    ]);
    let facts = Facts::of_files(&root.0);
    let expected = Facts {
        throttle_runtime: Some(950_000),
        throttle_period: Some(1_000_000),
        governors: vec!["powersave".to_owned()],
        idle_states: vec![state("C6", 133, false)],
        isolated: "1".to_owned(),
        clock_source: "tsc".to_owned(),
        is_virtual: true,
        stolen: 0.1,
        ..Facts::default()
    };
    assert_eq!(facts, expected);
    assert_eq!(Facts::of_files(&root.0.join("nowhere")), Facts::default());
}

#[test]
fn this_machine_is_judged_whatever_it_is() {
    assert_eq!(examine().len(), 9);
}
