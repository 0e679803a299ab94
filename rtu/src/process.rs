// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which process is which: the system gives numbers anew, so a process is its number and its start.

/// Returns when a process started, in the kernel's ticks since the machine did; `None` if it is gone, or about to be.
#[must_use]
pub fn started(process: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // proc(5): the name, in brackets, may contain anything; state and start time are fields 3 and 22.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next()?;
    let started = fields.nth(18)?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some(started)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_start() {
        assert!(started(std::process::id()).is_some_and(|start| start > 0));
        assert_eq!(started(u32::MAX), None);
    }
}
