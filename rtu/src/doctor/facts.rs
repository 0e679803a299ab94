// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the system says of itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rustix::process::{Resource, getrlimit};
use rustix::thread::CapabilitySet;
use rustix::time::{ClockId, clock_getres};

use crate::Nanos;

/// What of a machine, and of the rights of a process on it, matters for real-time upcalls.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Whether a thread of this process was given `SCHED_FIFO` when it asked.
    pub real_time: bool,
    /// The highest real-time priority that the process may use; `None` for any.
    pub priority_limit: Option<u64>,
    /// Whether it has `CAP_SYS_NICE`.
    pub may_schedule: bool,
    /// How many bytes it may lock; `None` for any.
    pub memory_limit: Option<u64>,
    /// Whether it has `CAP_IPC_LOCK`.
    pub may_lock: bool,
    /// How long real-time threads may run per period, in microseconds; negative for as long as they like.
    pub throttle_runtime: Option<i64>,
    /// That period, in microseconds.
    pub throttle_period: Option<u64>,
    /// The governors of the CPUs' frequencies, each once.
    pub governors: Vec<String>,
    /// What the CPUs do when idle.
    pub idle_states: Vec<IdleState>,
    /// The CPUs that are kept free of other work, as a list.
    pub isolated: String,
    /// What the kernel reads the time from.
    pub clock_source: String,
    /// How far apart two times are at least that a timer can be set to.
    pub timer_resolution: Nanos,
    /// Whether it is a virtual machine.
    pub is_virtual: bool,
    /// The share of its time that the hypervisor took since it started.
    pub stolen: f64,
}

/// A way of a CPU to idle.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IdleState {
    /// Its name.
    pub name: String,
    /// How long it takes to leave it, in microseconds.
    pub exit_micros: u64,
    /// Whether it is used.
    pub enabled: bool,
}

impl Facts {
    /// Reads them from this machine. What cannot be read is left as unknown.
    #[must_use]
    pub fn read() -> Self {
        let capabilities = rustix::thread::capabilities(None).map(|sets| sets.effective);
        let has = |capability| capabilities.is_ok_and(|effective| effective.contains(capability));
        let resolution = clock_getres(ClockId::Monotonic);
        Self {
            real_time: crate::executive::is_real_time_granted(),
            priority_limit: getrlimit(Resource::Rtprio).current,
            may_schedule: has(CapabilitySet::SYS_NICE),
            memory_limit: getrlimit(Resource::Memlock).current,
            may_lock: has(CapabilitySet::IPC_LOCK),
            timer_resolution: Nanos(u64::try_from(resolution.tv_nsec).unwrap_or(0)),
            ..Self::of_files(Path::new("/"))
        }
    }

    /// What files below a root say.
    pub(super) fn of_files(root: &Path) -> Self {
        let text = |path: &str| {
            fs::read_to_string(root.join(path))
                .unwrap_or_default()
                .trim()
                .to_owned()
        };
        let cpus = root.join("sys/devices/system/cpu");
        Self {
            throttle_runtime: text("proc/sys/kernel/sched_rt_runtime_us").parse().ok(),
            throttle_period: text("proc/sys/kernel/sched_rt_period_us").parse().ok(),
            governors: governors(&cpus),
            idle_states: idle_states(&cpus),
            isolated: text("sys/devices/system/cpu/isolated"),
            clock_source: text("sys/devices/system/clocksource/clocksource0/current_clocksource"),
            is_virtual: is_virtual(&text("proc/cpuinfo")),
            stolen: stolen(&text("proc/stat")),
            ..Self::default()
        }
    }
}

fn governors(cpus: &Path) -> Vec<String> {
    let governors = folders(cpus, "cpu").filter_map(|cpu| read(&cpu.join("cpufreq/scaling_governor")));
    governors.collect::<BTreeSet<_>>().into_iter().collect()
}

fn idle_states(cpus: &Path) -> Vec<IdleState> {
    let states =
        folders(cpus, "cpu").flat_map(|cpu| folders(&cpu.join("cpuidle"), "state").collect::<Vec<_>>());
    let states = states.filter_map(|state| {
        Some(IdleState {
            name: read(&state.join("name"))?,
            exit_micros: read(&state.join("latency"))?.parse().ok()?,
            enabled: read(&state.join("disable")).as_deref() != Some("1"),
        })
    });
    states.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The folders in `parent` that are named by a prefix and a number.
fn folders(parent: &Path, prefix: &'static str) -> impl Iterator<Item = std::path::PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(move |path| {
        let name = path.file_name().and_then(|name| name.to_str());
        let number = name.and_then(|name| name.strip_prefix(prefix));
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    })
}

fn read(path: &Path) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

fn is_virtual(cpuinfo: &str) -> bool {
    let mut flags = cpuinfo.lines().filter(|line| line.starts_with("flags"));
    flags.any(|line| line.split_ascii_whitespace().any(|flag| flag == "hypervisor"))
}

/// proc(5): the first line sums up all CPUs; steal is the eighth figure, and guest time is part of user time.
fn stolen(stat: &str) -> f64 {
    let figures = stat
        .lines()
        .next()
        .unwrap_or_default()
        .split_ascii_whitespace()
        .skip(1);
    let figures: Vec<u64> = figures.take(8).map_while(|figure| figure.parse().ok()).collect();
    let all: u64 = figures.iter().fold(0, |sum, figure| sum.saturating_add(*figure));
    match figures.get(7) {
        Some(steal) if all > 0 => *steal as f64 / all as f64,
        _ => 0.0,
    }
}
