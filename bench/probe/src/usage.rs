// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a process used, as the kernel tells it.

use std::fs;
use std::io;
use std::ops::Sub;
use std::time::Duration;

use rustix::thread::{CpuSet, sched_setaffinity};

/// CPU time of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// In user space.
    pub user: Duration,
    /// In the kernel.
    pub system: Duration,
}

impl Usage {
    /// Reads what was used so far, in steps of 10 ms.
    pub fn now() -> Self {
        Self::parse(&fs::read_to_string("/proc/self/stat").unwrap_or_default())
    }

    /// Takes `utime` and `stime`, in ticks of 1/100 s, from the line of proc_pid_stat(5).
    fn parse(line: &str) -> Self {
        // The command's name, in brackets, may hold spaces.
        let fields = line.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let mut ticks = fields.split(' ').skip(11).map(|field| field.parse().unwrap_or(0));
        let mut next = || Duration::from_millis(10 * ticks.next().unwrap_or(0_u64));
        Self {
            user: next(),
            system: next(),
        }
    }
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            user: self.user.saturating_sub(earlier.user),
            system: self.system.saturating_sub(earlier.system),
        }
    }
}

/// Keeps this process on one CPU.
///
/// # Errors
///
/// What the kernel answers, for instance for a CPU that does not exist.
pub fn pin(cpu: usize) -> io::Result<()> {
    let mut only = CpuSet::new();
    only.set(cpu);
    Ok(sched_setaffinity(None, &only)?)
}

/// Returns the memory of this process that is in RAM.
pub fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line
        .and_then(|line| line.split_ascii_whitespace().next())
        .and_then(|kib| kib.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_past_an_odd_name() {
        let usage = Usage::parse("7 (a ) b) S 1 2 3 4 5 6 7 8 9 10 150 25 0 0");
        assert_eq!(
            (usage.user, usage.system),
            (Duration::from_millis(1500), Duration::from_millis(250))
        );
    }

    #[test]
    fn a_running_process_is_in_memory() {
        assert!(resident_bytes() > 0);
    }
}
