// SPDX-License-Identifier: MIT OR Apache-2.0
//! Work that takes a known time of a CPU.

use std::hint::black_box;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Steps from one look at the clock, a system call, to the next: less than a microsecond.
const STEPS: u64 = 256;

/// Keeps the calling thread busy until it has used so much of a CPU. What others take meanwhile does not count, so it is
/// as much work beside others as alone.
pub fn burn(time: Duration) {
    if time.is_zero() {
        return;
    }
    let until = cpu_time() + time;
    while cpu_time() < until {
        let steps = (0..STEPS).fold(1_u64, |number, step| black_box(number.wrapping_mul(31) ^ step));
        black_box(steps);
    }
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let (seconds, nanoseconds) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(seconds.unwrap_or(0), nanoseconds.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_what_it_is_told_to() {
        let before = cpu_time();
        burn(Duration::from_millis(2));
        assert!(cpu_time() - before >= Duration::from_millis(2));
    }
}
