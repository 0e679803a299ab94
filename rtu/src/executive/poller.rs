// SPDX-License-Identifier: MIT OR Apache-2.0
//! Descriptors that RTUs wait for: an epoll set for each thread, in which it can sleep as well.
//!
//! A descriptor is watched for one event. Then the kernel keeps it masked until its RTU, having taken what there was, watches
//! it again: however much comes in, it wakes nobody meanwhile.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::epoll::{self, Event, EventData, EventFlags};
use rustix::fd::{AsFd, OwnedFd};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

use crate::Time;

use super::bell::Bell;
use super::clock::timespec;

/// How many events are taken at a time, so that a look at the descriptors is short.
const EVENTS: usize = 64;
/// Stands for the bell, which only ends the sleep.
const BELL: u64 = u64::MAX;
/// Stands for the timer.
const TIMER: u64 = u64::MAX - 1;

/// What of a descriptor is waited for. Errors and the peer's end count as both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interest {
    /// There is something to read, or to accept.
    Readable,
    /// There is room to write.
    Writable,
    /// One or the other.
    Both,
}

/// The descriptors that RTUs of a thread wait for. Any thread may add to it.
#[derive(Debug)]
pub(super) struct Poller {
    set: OwnedFd,
    timer: OwnedFd,
    used: AtomicBool,
}

impl Poller {
    pub(super) fn new(bell: &Bell) -> io::Result<Self> {
        let set = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        // Edge-triggered, they need not be read.
        for (end, data) in [(bell.event(), BELL), (&timer, TIMER)] {
            let flags = EventFlags::IN | EventFlags::ET;
            epoll::add(&set, end, EventData::new_u64(data), flags)?;
        }
        Ok(Self {
            set,
            timer,
            used: AtomicBool::new(false),
        })
    }

    /// Whether a descriptor was ever watched: else the thread need not look.
    pub(super) fn is_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    /// Watches a descriptor for one event. Returns whether it is the first one ever.
    pub(super) fn watch(&self, descriptor: impl AsFd, index: u32, interest: Interest) -> io::Result<bool> {
        let flags = match interest {
            Interest::Readable => EventFlags::IN | EventFlags::RDHUP,
            Interest::Writable => EventFlags::OUT,
            Interest::Both => EventFlags::IN | EventFlags::RDHUP | EventFlags::OUT,
        };
        let (data, flags) = (EventData::new_u64(index.into()), flags | EventFlags::ONESHOT);
        let again = epoll::modify(&self.set, &descriptor, data, flags);
        if again == Err(rustix::io::Errno::NOENT) {
            epoll::add(&self.set, &descriptor, data, flags)?;
        } else {
            again?;
        }
        Ok(!self.used.swap(true, Ordering::Relaxed))
    }

    /// Watches a descriptor no more. One that it did not watch is no error.
    pub(super) fn unwatch(&self, descriptor: impl AsFd) -> io::Result<()> {
        match epoll::delete(&self.set, descriptor) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// A thread's own part of its poller: what has come, and when the timer rings.
pub(super) struct Events {
    buffer: [Event; EVENTS],
    count: usize,
    armed: Option<Time>,
}

impl Events {
    pub(super) fn new() -> Self {
        let empty = Event {
            flags: EventFlags::empty(),
            data: EventData::new_u64(BELL),
        };
        Self {
            buffer: [empty; EVENTS],
            count: 0,
            armed: None,
        }
    }

    /// Looks what has come.
    pub(super) fn look(&mut self, poller: &Poller) {
        self.wait(poller, Some(&Timespec::default()));
    }

    /// Sleeps until something comes, the bell rings or a time has come.
    pub(super) fn sleep(&mut self, poller: &Poller, until: Option<Time>) {
        if self.armed != until {
            let timer = Itimerspec {
                it_interval: Timespec::default(),
                // Zero would be never.
                it_value: until.map_or_else(Timespec::default, |until| timespec(Time(until.0.max(1)))),
            };
            // It fails for times that are none only.
            let _ = timerfd_settime(&poller.timer, TimerfdTimerFlags::ABSTIME, &timer);
            self.armed = until;
        }
        self.wait(poller, None);
    }

    fn wait(&mut self, poller: &Poller, timeout: Option<&Timespec>) {
        // A signal ends it early.
        self.count = epoll::wait(&poller.set, &mut self.buffer[..], timeout).unwrap_or(0);
    }

    /// Whether the last look or sleep brought anything.
    pub(super) fn any(&self) -> bool {
        self.count > 0
    }

    /// Hands over whom the last look or sleep brought something.
    pub(super) fn take(&mut self, mut each: impl FnMut(u32)) {
        for event in self.buffer.iter().take(std::mem::take(&mut self.count)) {
            let data = event.data;
            match data.u64() {
                // It rings once, be it while nobody sleeps: for the same time it has to be set again.
                TIMER => self.armed = None,
                data => u32::try_from(data).into_iter().for_each(&mut each),
            }
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("count", &self.count)
            .field("armed", &self.armed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread, time::Duration};

    use super::*;
    use crate::{Nanos, executive::clock};

    #[test]
    fn a_timer_that_rang_while_nobody_slept_rings_again() {
        let bell = Bell::new().unwrap();
        let poller = Poller::new(&bell).unwrap();
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            let mut events = Events::new();
            // Woken before the time has come.
            let until = clock::now() + Nanos::from_millis(5);
            let _ = rustix::io::write(bell.event(), &1_u64.to_ne_bytes());
            events.sleep(&poller, Some(until));
            while clock::now() <= until {}
            events.look(&poller);
            assert!(events.any());
            events.take(|index| panic!("{index} watches nothing"));
            events.sleep(&poller, Some(until));
            tell.send(events.any()).unwrap();
        });
        assert_eq!(told.recv_timeout(Duration::from_secs(10)), Ok(true));
    }
}
