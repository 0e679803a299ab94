// SPDX-License-Identifier: MIT OR Apache-2.0
//! How much the network takes: slow start, congestion avoidance, and what a loss means (RFC 5681, 6582, 9438).

use rtu::{Nanos, Time};

/// The algorithm that finds out what the network takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CongestionControl {
    /// RFC 9438, what most of the Internet uses.
    #[default]
    Cubic,
    /// RFC 5681 and 6582.
    NewReno,
    /// None: for links that neither lose nor queue, such as memory. Only the peer's window bounds what is sent.
    Off,
}

/// The congestion window and what moves it.
#[derive(Clone, Debug)]
pub(crate) struct Congestion {
    algorithm: Algorithm,
    window: u32,
    threshold: u32,
    mss: u32,
}

#[derive(Clone, Debug)]
enum Algorithm {
    /// Octets acknowledged towards the next segment of growth.
    NewReno(u32),
    Cubic(Cubic),
    Off,
}

impl Congestion {
    pub(crate) fn new(control: CongestionControl, mss: u32) -> Self {
        let algorithm = match control {
            CongestionControl::NewReno => Algorithm::NewReno(0),
            CongestionControl::Cubic => Algorithm::Cubic(Cubic::default()),
            CongestionControl::Off => Algorithm::Off,
        };
        let window = match control {
            CongestionControl::Off => u32::MAX,
            _ => initial_window(mss),
        };
        Self {
            algorithm,
            window,
            threshold: u32::MAX,
            mss,
        }
    }

    /// CWND, in octets.
    pub(crate) fn window(&self) -> u32 {
        self.window
    }

    /// Takes the segment size that both ends and the path agreed on.
    pub(crate) fn resize(&mut self, mss: u32, fresh: bool) {
        self.mss = mss;
        if fresh && !matches!(self.algorithm, Algorithm::Off) {
            self.window = initial_window(mss);
        }
    }

    /// `octets` were acknowledged outside of recovery, while the window was what bound the sender.
    pub(crate) fn acknowledged(&mut self, now: Time, octets: u32, rtt: Nanos) {
        /// One acknowledgement may stand for a burst; RFC 9406 §4.3 bounds what it opens.
        const BURST: u32 = 8;
        if matches!(self.algorithm, Algorithm::Off) {
            return;
        }
        if self.window < self.threshold {
            self.window = self.window.saturating_add(octets.min(BURST * self.mss));
            return;
        }
        match &mut self.algorithm {
            Algorithm::NewReno(acknowledged) => {
                // RFC 5681 §3.1 by octets (RFC 3465): one segment for each window's worth.
                *acknowledged = acknowledged.saturating_add(octets);
                if *acknowledged >= self.window {
                    *acknowledged -= self.window;
                    self.window = self.window.saturating_add(self.mss);
                }
            }
            Algorithm::Cubic(cubic) => self.window = cubic.grow(now, octets, rtt, self.window, self.mss),
            Algorithm::Off => {}
        }
    }

    /// A loss was found with `flight` octets on their way.
    pub(crate) fn lost(&mut self, flight: u32) {
        let least = 2 * self.mss;
        match &mut self.algorithm {
            Algorithm::NewReno(acknowledged) => {
                *acknowledged = 0;
                self.threshold = (flight / 2).max(least);
            }
            Algorithm::Cubic(cubic) => {
                self.threshold = cubic.reduce(self.window, flight, self.mss).max(least)
            }
            Algorithm::Off => return,
        }
        self.window = self.threshold;
    }

    /// The retransmission timer expired, with `flight` octets on their way; `again` if it did for the same octets before.
    pub(crate) fn timed_out(&mut self, flight: u32, again: bool) {
        if matches!(self.algorithm, Algorithm::Off) {
            return;
        }
        if !again {
            self.lost(flight);
        }
        // The loss window: RFC 5681 §3.1.
        self.window = self.mss;
    }

    /// Nothing was sent for longer than the timeout (RFC 5681 §4.1).
    pub(crate) fn idle(&mut self) {
        if !matches!(self.algorithm, Algorithm::Off) {
            self.window = self.window.min(initial_window(self.mss));
        }
    }
}

/// RFC 6928 §2.
fn initial_window(mss: u32) -> u32 {
    (10 * mss).min((2 * mss).max(14_600))
}

/// CUBIC's own state (RFC 9438 §4). Windows are in segments here, as in the RFC.
#[derive(Clone, Debug, Default)]
struct Cubic {
    /// The window before the last reduction: W_max.
    most: f64,
    /// CWND when W_max was taken: cwnd_prior.
    prior: f64,
    epoch: Option<Epoch>,
}

/// A time of congestion avoidance since the last reduction.
#[derive(Clone, Debug)]
struct Epoch {
    start: Time,
    /// When the window is back at W_max, in seconds: K.
    plateau: f64,
    /// What Reno's window would be: W_est.
    estimate: f64,
    /// The window with its fraction.
    window: f64,
}

impl Cubic {
    const C: f64 = 0.4;
    const BETA: f64 = 0.7;

    /// Returns the threshold after a loss (§4.6, §4.7).
    fn reduce(&mut self, window: u32, flight: u32, mss: u32) -> u32 {
        let segments = f64::from(window) / f64::from(mss);
        self.prior = segments;
        // Fast convergence: room for those who come later.
        self.most = if segments < self.most {
            segments * f64::midpoint(1.0, Self::BETA)
        } else {
            segments
        };
        self.epoch = None;
        octets(f64::from(flight.min(window)) * Self::BETA)
    }

    /// Returns the window after `acknowledged` octets in congestion avoidance (§4.2 to §4.5).
    fn grow(&mut self, now: Time, acknowledged: u32, rtt: Nanos, window: u32, mss: u32) -> u32 {
        let size = f64::from(mss);
        let epoch = self.epoch.get_or_insert_with(|| {
            let segments = f64::from(window) / size;
            self.most = self.most.max(segments);
            Epoch {
                start: now,
                plateau: ((self.most - segments) / Self::C).cbrt(),
                estimate: segments,
                window: segments,
            }
        });
        let cubic = |at: Nanos| {
            let seconds = at.0 as f64 / 1e9 - epoch.plateau;
            Self::C * seconds * seconds * seconds + self.most
        };
        let since = now - epoch.start;
        let segments = f64::from(acknowledged) / size;
        let alpha = if epoch.estimate < self.prior {
            3.0 * (1.0 - Self::BETA) / (1.0 + Self::BETA)
        } else {
            1.0
        };
        let target = cubic(since + rtt).clamp(epoch.window, epoch.window * 1.5);
        let (now, grown) = (cubic(since), (target - epoch.window) / epoch.window * segments);
        epoch.estimate += alpha * segments / epoch.window;
        epoch.window = if now < epoch.estimate {
            epoch.estimate.max(epoch.window)
        } else {
            epoch.window + grown
        };
        octets(epoch.window * size).max(window)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a window is no more than 1 GiB, and the conversion saturates"
)]
fn octets(window: f64) -> u32 {
    window.min(f64::from(1 << 30)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const MSS: u32 = 1000;
    const RTT: Nanos = Nanos::from_millis(100);

    /// Acknowledges one window after the other, a round trip each, and notes the window in segments.
    fn rounds(congestion: &mut Congestion, now: &mut Time, count: usize) -> Vec<u32> {
        let mut windows = Vec::new();
        for _ in 0..count {
            *now = *now + RTT;
            for _ in 0..congestion.window() / MSS {
                congestion.acknowledged(*now, MSS, RTT);
            }
            windows.push(congestion.window() / MSS);
        }
        windows
    }

    #[test]
    fn slow_start_doubles_and_a_timeout_starts_it_again() {
        let mut now = Time::ZERO;
        for control in [CongestionControl::NewReno, CongestionControl::Cubic] {
            let mut congestion = Congestion::new(control, MSS);
            assert_eq!(congestion.window(), 10 * MSS);
            assert_eq!(rounds(&mut congestion, &mut now, 3), [20, 40, 80]);
            congestion.timed_out(80 * MSS, false);
            assert_eq!(congestion.window(), MSS);
            assert_eq!(rounds(&mut congestion, &mut now, 5), [2, 4, 8, 16, 32]);
        }
    }

    #[test]
    fn new_reno_halves_and_grows_by_a_segment_in_a_round_trip() {
        let mut congestion = Congestion::new(CongestionControl::NewReno, MSS);
        let mut now = Time::ZERO;
        rounds(&mut congestion, &mut now, 3);
        congestion.lost(80 * MSS);
        assert_eq!(congestion.window(), 40 * MSS);
        assert_eq!(rounds(&mut congestion, &mut now, 3), [41, 42, 43]);
    }

    #[test]
    fn cubic_returns_to_where_it_lost_and_then_looks_further() {
        let mut congestion = Congestion::new(CongestionControl::Cubic, MSS);
        let mut now = Time::ZERO;
        rounds(&mut congestion, &mut now, 4);
        congestion.lost(160 * MSS);
        assert_eq!(congestion.window(), 112 * MSS, "beta is 0.7");
        // K = cbrt((160 - 112) / 0.4) = 4.93 s: flat around it, steep before and after.
        let windows = rounds(&mut congestion, &mut now, 100);
        assert!(windows[10] > 125 && windows[10] < 150, "{windows:?}");
        assert!((155..=162).contains(&windows[49]), "{windows:?}");
        assert!(windows[99] > 200, "{windows:?}");
        assert!(windows.is_sorted());
    }

    #[test]
    fn cubic_gives_way_to_those_who_come_later() {
        let mut congestion = Congestion::new(CongestionControl::Cubic, MSS);
        let mut now = Time::ZERO;
        rounds(&mut congestion, &mut now, 4);
        congestion.lost(160 * MSS);
        congestion.lost(112 * MSS);
        let Algorithm::Cubic(cubic) = &congestion.algorithm else {
            panic!("it was made as Cubic");
        };
        assert!((cubic.most - 112.0 * 0.85).abs() < 0.1, "{}", cubic.most);
    }

    #[test]
    fn without_congestion_control_nothing_moves_the_window() {
        let mut congestion = Congestion::new(CongestionControl::Off, MSS);
        congestion.lost(MSS);
        congestion.timed_out(MSS, false);
        congestion.idle();
        assert_eq!(congestion.window(), u32::MAX);
    }
}
