// SPDX-License-Identifier: MIT OR Apache-2.0
//! What of a machine keeps upcalls from being in time: looked at, judged, with what it costs and what changes it.
//!
//! [`Facts`] are read from the system; [`judge`] is a pure function of them. [`examine`] does both.

mod facts;

use crate::Nanos;

pub use facts::{Facts, IdleState};

/// How good something is for real-time upcalls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// It cannot be changed here, or costs little: worth knowing.
    Note,
    /// It costs guarantees or time, and can be changed.
    Poor,
    /// Nothing real-time works with it.
    Unusable,
}

impl Verdict {
    /// Returns it as one word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Note => "note",
            Self::Poor => "poor",
            Self::Unusable => "unusable",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at, in a few words.
    pub name: &'static str,
    /// How good it is.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What it costs; `None` if nothing.
    pub cost: Option<String>,
    /// The command or setting that changes it; `None` if nothing needs to be, or can.
    pub remedy: Option<String>,
}

/// Looks at this machine, as this process sees it.
#[must_use]
pub fn examine() -> Vec<Check> {
    judge(&Facts::read())
}

/// Judges a machine.
#[must_use]
pub fn judge(facts: &Facts) -> Vec<Check> {
    vec![
        scheduling(facts),
        memory(facts),
        throttling(facts),
        governor(facts),
        idle(facts),
        isolation(facts),
        clock(facts),
        timers(facts),
        virtualisation(facts),
    ]
}

fn good(name: &'static str, found: impl Into<String>) -> Check {
    Check {
        name,
        verdict: Verdict::Good,
        found: found.into(),
        cost: None,
        remedy: None,
    }
}

impl Check {
    fn but(self, verdict: Verdict, cost: impl Into<String>) -> Self {
        Self {
            verdict,
            cost: Some(cost.into()),
            ..self
        }
    }

    fn remedy(self, remedy: impl Into<String>) -> Self {
        Self {
            remedy: Some(remedy.into()),
            ..self
        }
    }
}

fn scheduling(facts: &Facts) -> Check {
    let limit = match facts.priority_limit {
        None => "unlimited".to_owned(),
        Some(limit) => limit.to_string(),
    };
    let capability = if facts.may_schedule { "with" } else { "without" };
    let found = format!("real-time priority limit {limit}, {capability} CAP_SYS_NICE");
    let check = good("scheduling rights", found);
    if facts.real_time {
        return check;
    }
    check
        .but(
            Verdict::Poor,
            "SCHED_FIFO is refused: upcalls run with ordinary scheduling, and no guarantee holds under load",
        )
        .remedy(
            "sudo setcap cap_sys_nice+ep PROGRAM, or `@GROUP - rtprio 50` in /etc/security/limits.conf; for one shell: \
             sudo prlimit --pid $$ --rtprio=50",
        )
}

/// What the executive's stacks and a modest program need.
const ENOUGH_MEMORY: u64 = 64 * 1024 * 1024;

fn memory(facts: &Facts) -> Check {
    let found = match facts.memory_limit {
        None => "unlimited".to_owned(),
        Some(limit) => format!("up to {} KiB", limit / 1024),
    };
    let capability = if facts.may_lock { "with" } else { "without" };
    let check = good("memory lock", format!("{found}, {capability} CAP_IPC_LOCK"));
    match facts.memory_limit {
        Some(limit) if limit < ENOUGH_MEMORY && !facts.may_lock => check
            .but(
                Verdict::Poor,
                "a program that locks all its memory is refused, and an upcall may wait for a page: up to milliseconds",
            )
            .remedy("`@GROUP - memlock unlimited` in /etc/security/limits.conf; for one shell: sudo prlimit --pid $$ --memlock=unlimited"),
        _ => check,
    }
}

fn throttling(facts: &Facts) -> Check {
    let name = "throttling";
    let (Some(runtime), Some(period)) = (facts.throttle_runtime, facts.throttle_period) else {
        return good(name, "not known").but(
            Verdict::Note,
            "the executive leaves 7 % of a CPU to others in any case",
        );
    };
    let Ok(runtime) = u64::try_from(runtime) else {
        return good(name, "off").but(
            Verdict::Note,
            "a handler that never returns takes its CPU from everything else, forever",
        );
    };
    let share = Nanos(runtime).share_of(Nanos(period.max(1)));
    let check = good(
        name,
        format!("real-time threads get {:.0} % of a CPU", share * 100.0),
    );
    if share >= 0.95 {
        return check;
    }
    check
        .but(
            Verdict::Poor,
            "an executive that needs more is stopped for the rest of each period",
        )
        .remedy("sudo sysctl kernel.sched_rt_runtime_us=950000 kernel.sched_rt_period_us=1000000")
}

fn governor(facts: &Facts) -> Check {
    let name = "CPU frequency";
    if facts.governors.is_empty() {
        return good(name, "not scaled by this system");
    }
    let check = good(name, facts.governors.join(", "));
    if facts.governors.iter().all(|governor| governor == "performance") {
        return check;
    }
    check
        .but(
            Verdict::Poor,
            "after idling a CPU is slow for some 10 ms: execution times double or worse",
        )
        .remedy("sudo cpupower frequency-set -g performance")
}

/// A wake-up that takes longer shows in the release jitter.
const LONG_WAKE: u64 = 10;

fn idle(facts: &Facts) -> Check {
    let name = "idle states";
    let deepest = facts.idle_states.iter().filter(|state| state.enabled);
    let Some(deepest) = deepest.max_by_key(|state| state.exit_micros) else {
        return good(name, "none that this system chooses");
    };
    let check = good(
        name,
        format!("down to {}, {} µs to leave", deepest.name, deepest.exit_micros),
    );
    if deepest.exit_micros <= LONG_WAKE {
        return check;
    }
    check
        .but(
            Verdict::Poor,
            format!("a release after idling is up to {} µs late", deepest.exit_micros),
        )
        .remedy(format!("sudo cpupower idle-set -D {LONG_WAKE}"))
}

fn isolation(facts: &Facts) -> Check {
    let name = "isolated CPUs";
    if !facts.isolated.is_empty() {
        return good(name, facts.isolated.clone());
    }
    good(name, "none")
        .but(
            Verdict::Note,
            "interrupts and kernel threads share the CPUs with upcalls: some 10 µs now and then",
        )
        .remedy("isolcpus=managed_irq,domain,LIST nohz_full=LIST on the kernel's command line")
}

fn clock(facts: &Facts) -> Check {
    let check = good("clock source", facts.clock_source.clone());
    match facts.clock_source.as_str() {
        "tsc" | "arch_sys_counter" | "kvm-clock" | "hyperv_clocksource_tsc_page" | "timebase" | "riscv_clocksource" => check,
        "" => check.but(Verdict::Note, "not known: reading the time may take a system call"),
        _ => check
            .but(
                Verdict::Poor,
                "reading the time takes a system call, 0.5 µs and more, at least once per upcall",
            )
            .remedy("clocksource=tsc tsc=reliable on the kernel's command line, if the CPU's counter can be trusted"),
    }
}

fn timers(facts: &Facts) -> Check {
    let resolution = facts.timer_resolution;
    let check = good("timers", format!("{resolution} apart"));
    if resolution <= Nanos::from_micros(1) {
        return check;
    }
    check
        .but(Verdict::Unusable, format!("releases are up to {resolution} late"))
        .remedy("a kernel with CONFIG_HIGH_RES_TIMERS, and highres=on on its command line")
}

fn virtualisation(facts: &Facts) -> Check {
    let steal = facts.stolen * 100.0;
    let name = "virtualisation";
    if !facts.is_virtual && facts.stolen == 0.0 {
        return good(name, "none");
    }
    let found = format!("a virtual machine, {steal:.2} % of its time stolen since it started");
    good(name, found).but(
        Verdict::Note,
        "the hypervisor takes CPUs away when it likes: guarantees hold between those times only",
    )
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests;
