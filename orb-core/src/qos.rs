// SPDX-License-Identifier: MIT OR Apache-2.0
//! Quality of service in the application's words.
//!
//! A [`Qos`] is a request, not a grant: the adapter keeps it with the object it was asked for. What a client asks for its own
//! flow is answered with a [`Granted`].

pub mod context;
mod granted;

use std::time::Duration;

pub use self::granted::Granted;

/// What an application asks for, per object or flow.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Qos {
    /// Messages in every period, each done by its deadline.
    Isochronous(Isochronous),
    /// A bandwidth, in bursts.
    Burst(Burst),
    /// A bound on the delay of sporadic messages.
    LowDelay(LowDelay),
    /// A share of what is left.
    BestEffort(BestEffort),
}

/// The isochronous class: so many messages in every period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Isochronous {
    /// The length of a period.
    pub period: Duration,
    /// Messages per period.
    pub messages: u32,
    /// The largest message, in bytes.
    pub message_size: usize,
    /// When a message must be done after its release. Defaults to the period.
    pub deadline: Option<Duration>,
    /// The longest that the servant takes for one message; without one it is learned. See [`Qos::worst_case`].
    pub worst_case: Option<Duration>,
}

/// The burst class: a bandwidth with a burst size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Burst {
    /// Bytes per second.
    pub bandwidth: u64,
    /// The largest burst, in bytes.
    pub burst_size: usize,
    /// The largest message, in bytes. Defaults to the burst size: a burst is one message.
    pub message_size: Option<usize>,
    /// When a burst must be through, counted from its arrival.
    pub deadline: Option<Duration>,
    /// The longest that the servant takes for one message; without one it is learned. See [`Qos::worst_case`].
    pub worst_case: Option<Duration>,
}

/// The low-delay class: sporadic messages, each within a bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LowDelay {
    /// The bound on the delay.
    pub delay: Duration,
    /// The shortest time between two messages; what comes faster is policed. Defaults to the delay.
    pub minimum_interval: Option<Duration>,
    /// The largest message, in bytes.
    pub message_size: usize,
    /// Priority within the class; higher is more urgent. Defaults to 0.
    pub priority: i16,
    /// The longest that the servant takes for one message; without one it is learned. See [`Qos::worst_case`].
    pub worst_case: Option<Duration>,
}

/// The best-effort class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BestEffort {
    /// The share relative to other best-effort flows. Defaults to 1.
    pub weight: u32,
}

/// The message size assumed when a request names none.
const DEFAULT_MESSAGE_SIZE: usize = 1024;

impl Qos {
    /// Asks for `messages` of at most 1 KiB in every `period`.
    pub fn isochronous(period: Duration, messages: u32) -> Self {
        Self::Isochronous(Isochronous {
            period,
            messages,
            message_size: DEFAULT_MESSAGE_SIZE,
            deadline: None,
            worst_case: None,
        })
    }

    /// Asks for `bandwidth` bytes per second in bursts of at most `burst_size` bytes.
    pub fn burst(bandwidth: u64, burst_size: usize) -> Self {
        Self::Burst(Burst {
            bandwidth,
            burst_size,
            message_size: None,
            deadline: None,
            worst_case: None,
        })
    }

    /// Asks that each message of at most 1 KiB is done within `delay`.
    pub fn low_delay(delay: Duration) -> Self {
        Self::LowDelay(LowDelay {
            delay,
            minimum_interval: None,
            message_size: DEFAULT_MESSAGE_SIZE,
            priority: 0,
            worst_case: None,
        })
    }

    /// Asks for a share of `weight` of what is left.
    pub fn best_effort(weight: u32) -> Self {
        Self::BestEffort(BestEffort { weight })
    }

    /// Sets the largest message, in bytes.
    #[must_use]
    pub fn message_size(mut self, bytes: usize) -> Self {
        match &mut self {
            Self::Isochronous(request) => request.message_size = bytes,
            Self::Burst(request) => request.message_size = Some(bytes),
            Self::LowDelay(request) => request.message_size = bytes,
            Self::BestEffort(_) => {}
        }
        self
    }

    /// Sets the deadline (the bound of a low-delay request).
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        match &mut self {
            Self::Isochronous(request) => request.deadline = Some(deadline),
            Self::Burst(request) => request.deadline = Some(deadline),
            Self::LowDelay(request) => request.delay = deadline,
            Self::BestEffort(_) => {}
        }
        self
    }

    /// Sets the shortest time between two messages of a low-delay request.
    #[must_use]
    pub fn minimum_interval(mut self, interval: Duration) -> Self {
        if let Self::LowDelay(request) = &mut self {
            request.minimum_interval = Some(interval);
        }
        self
    }

    /// Sets the priority of a low-delay request within its class.
    #[must_use]
    pub fn priority(mut self, priority: i16) -> Self {
        if let Self::LowDelay(request) = &mut self {
            request.priority = priority;
        }
        self
    }

    /// Declares the longest that the servant takes for one message.
    ///
    /// With it a guarantee holds from the first message. Without it the object serves as best effort until enough
    /// messages were measured. It is the object's to declare: in a client's request it counts for nothing.
    #[must_use]
    pub fn worst_case(mut self, worst_case: Duration) -> Self {
        if let Some(declared) = self.worst_case_mut() {
            *declared = Some(worst_case);
        }
        self
    }

    /// Returns what was declared with [`worst_case`](Self::worst_case).
    pub fn declared_worst_case(&self) -> Option<Duration> {
        match self {
            Self::Isochronous(request) => request.worst_case,
            Self::Burst(request) => request.worst_case,
            Self::LowDelay(request) => request.worst_case,
            Self::BestEffort(_) => None,
        }
    }

    fn worst_case_mut(&mut self) -> Option<&mut Option<Duration>> {
        match self {
            Self::Isochronous(request) => Some(&mut request.worst_case),
            Self::Burst(request) => Some(&mut request.worst_case),
            Self::LowDelay(request) => Some(&mut request.worst_case),
            Self::BestEffort(_) => None,
        }
    }

    /// Tells whether this asks for a guarantee.
    pub fn is_guaranteed(&self) -> bool {
        !matches!(self, Self::BestEffort(_))
    }

    /// Returns the name of the class, as `@realtime(class=…)` spells it.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Isochronous(_) => "isochronous",
            Self::Burst(_) => "burst",
            Self::LowDelay(_) => "low_delay",
            Self::BestEffort(_) => "best_effort",
        }
    }
}

impl Default for Qos {
    fn default() -> Self {
        Self::best_effort(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refinements_apply_to_the_class_that_has_them() {
        let request = Qos::low_delay(Duration::from_micros(200))
            .priority(3)
            .message_size(64);
        let Qos::LowDelay(low_delay) = &request else {
            panic!("{request:?}")
        };
        assert_eq!((low_delay.priority, low_delay.message_size), (3, 64));
        assert!(request.is_guaranteed());
        assert_eq!(Qos::default().priority(3), Qos::best_effort(1));
    }

    #[test]
    fn a_deadline_is_the_bound_of_a_low_delay_request() {
        let request = Qos::low_delay(Duration::from_millis(5)).deadline(Duration::from_millis(2));
        assert!(
            matches!(request, Qos::LowDelay(LowDelay { delay, .. }) if delay == Duration::from_millis(2))
        );
        assert_eq!(request.class(), "low_delay");
    }

    #[test]
    fn the_worst_case_of_a_servant_is_declared_by_guaranteed_requests_only() {
        let longest = Duration::from_micros(40);
        let guaranteed = [
            Qos::isochronous(Duration::from_millis(10), 4),
            Qos::burst(1_000_000, 4096),
            Qos::low_delay(Duration::from_micros(200)),
        ];
        for request in guaranteed {
            assert_eq!(request.declared_worst_case(), None);
            assert_eq!(request.worst_case(longest).declared_worst_case(), Some(longest));
        }
        assert_eq!(Qos::default().worst_case(longest), Qos::default());
    }

    #[test]
    fn a_burst_may_be_of_several_messages() {
        let request = Qos::burst(1_000_000, 4096).message_size(512);
        assert!(matches!(
            request,
            Qos::Burst(Burst {
                burst_size: 4096,
                message_size: Some(512),
                ..
            })
        ));
    }
}
