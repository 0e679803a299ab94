// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the system says of the machine: CPUs, time that a hypervisor took, the date.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::thread::{CpuSet, sched_setaffinity};

use crate::failure::Failure;

/// Reads a list of CPUs such as `2,3` or `0-3,8`, as the kernel writes them.
///
/// # Errors
/// What was expected.
pub(super) fn parse_cpus(text: &str) -> Result<Vec<u32>, String> {
    let expected = || format!("expected CPUs such as 2,3 or 0-3, found `{text}`");
    let number = |word: &str| word.trim().parse::<u32>().ok();
    let mut cpus = Vec::new();
    for part in text.split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (from, to) = (number(from), number(to));
        let (from, to) = from.zip(to).ok_or_else(expected)?;
        let most = u32::try_from(CpuSet::MAX_CPU).unwrap_or(u32::MAX);
        if from > to || to >= most {
            return Err(expected());
        }
        cpus.extend(from..=to);
    }
    let mut sorted = cpus.clone();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() == cpus.len() {
        Ok(cpus)
    } else {
        Err(format!("a CPU is there twice in `{text}`"))
    }
}

/// Chooses the CPUs to measure: those asked for, or those of the file that is kept if they are all there, or all.
///
/// # Errors
/// If one asked for is not `own`, one that this process may run on.
pub(super) fn choose_cpus(asked: Option<&[u32]>, kept: &[u32], own: &[u32]) -> Result<Vec<u32>, Failure> {
    if let Some(asked) = asked {
        let missing = asked.iter().find(|cpu| !own.contains(cpu));
        return match missing {
            None => Ok(asked.to_vec()),
            Some(cpu) => Err(
                Failure::new(format!("CPU {cpu} is not one that this process may run on")).hint(format!(
                    "there are {own:?}; `taskset` and cpusets say which a process may use"
                )),
            ),
        };
    }
    let known = !kept.is_empty() && kept.iter().all(|cpu| own.contains(cpu));
    Ok(if known { kept.to_vec() } else { own.to_vec() })
}

/// Binds the calling thread, and those that it will start, to a CPU.
///
/// # Errors
/// What the system says.
pub(super) fn pin(cpu: u32) -> std::io::Result<()> {
    let mut set = CpuSet::new();
    set.set(usize::try_from(cpu).unwrap_or(usize::MAX));
    Ok(sched_setaffinity(None, &set)?)
}

/// What CPUs did so far, in ticks of the kernel's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ticks {
    all: u64,
    stolen: u64,
}

impl Ticks {
    /// Reads what these CPUs did; nothing if the kernel does not say.
    pub(super) fn read(cpus: &[u32]) -> Self {
        Self::parse(&fs::read_to_string("/proc/stat").unwrap_or_default(), cpus)
    }

    /// Reads the kernel's table: a line for each CPU, of which the eighth number is what the hypervisor took (`proc_stat(5)`).
    fn parse(text: &str, cpus: &[u32]) -> Self {
        let mut sum = Self::default();
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            let cpu = words
                .next()
                .and_then(|name| name.strip_prefix("cpu")?.parse().ok());
            if cpu.is_some_and(|cpu| cpus.contains(&cpu)) {
                // The two after them, guests, are part of the first two.
                let ticks: Vec<u64> = words.take(8).filter_map(|word| word.parse().ok()).collect();
                sum.all += ticks.iter().sum::<u64>();
                sum.stolen += ticks.get(7).copied().unwrap_or(0);
            }
        }
        sum
    }

    /// Returns what share of the time since `earlier` was stolen.
    pub(super) fn stolen_since(&self, earlier: &Self) -> f64 {
        let all = self.all.saturating_sub(earlier.all);
        self.stolen.saturating_sub(earlier.stolen) as f64 / all.max(1) as f64
    }
}

/// Returns today's date, in UTC.
pub(super) fn today() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    date(since.as_secs() / 86_400)
}

/// Writes the day that is so many after 1970-01-01.
fn date(mut days: u64) -> String {
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let mut month = 1;
    for length in [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpus_are_listed_as_the_kernel_does() {
        assert_eq!(parse_cpus("2,3"), Ok(vec![2, 3]));
        assert_eq!(parse_cpus("8, 0-2"), Ok(vec![8, 0, 1, 2]));
        for wrong in ["", "x", "1,", "3-1", "-1", "0-99999999", "1024"] {
            let said = parse_cpus(wrong).unwrap_err();
            assert!(said.starts_with("expected CPUs such as"), "{wrong}: {said}");
        }
        assert!(parse_cpus("0-3,2").unwrap_err().contains("twice"));
    }

    #[test]
    fn the_cpus_are_those_asked_for_then_those_kept_then_all() {
        let own = [0, 1, 2];
        assert_eq!(choose_cpus(Some(&[2, 0]), &[1], &own).unwrap(), [2, 0]);
        assert_eq!(choose_cpus(None, &[1], &own).unwrap(), [1]);
        assert_eq!(choose_cpus(None, &[1, 7], &own).unwrap(), own);
        assert_eq!(choose_cpus(None, &[], &own).unwrap(), own);
        let said = choose_cpus(Some(&[0, 5]), &[], &own).unwrap_err().to_string();
        assert!(
            said.starts_with("CPU 5 is not one") && said.contains("[0, 1, 2]"),
            "{said}"
        );
    }

    #[test]
    fn stolen_time_is_that_of_the_cpus_in_question() {
        let before =
            "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 10 0 10 60 0 0 0 20 5 0\ncpu1 0 0 0 0 0 0 0 1000 0 0\nintr 5\n";
        let after = "cpu0 20 0 20 130 0 0 0 30 9 0\ncpu1 0 0 0 0 0 0 0 9000 0 0\n";
        let (before, after) = (Ticks::parse(before, &[0]), Ticks::parse(after, &[0]));
        assert_eq!(before, Ticks { all: 100, stolen: 20 });
        assert!((after.stolen_since(&before) - 0.1).abs() < 1e-9);
        assert_eq!(before.stolen_since(&before), 0.0);
        assert_eq!(Ticks::parse("cpu0 x", &[0]).stolen_since(&after), 0.0);
    }

    #[test]
    fn days_have_dates() {
        let dates = [0, 58, 59, 789, 790, 19_723, 20_088, 20_089].map(date);
        let expected = [
            "1970-01-01",
            "1970-02-28",
            "1970-03-01",
            "1972-02-29",
            "1972-03-01",
            "2024-01-01",
            "2024-12-31",
            "2025-01-01",
        ];
        assert_eq!(dates, expected);
    }
}
