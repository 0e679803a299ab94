// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waiting for many sockets with epoll.

use std::{
    fmt, io,
    mem::MaybeUninit,
    os::fd::{BorrowedFd, OwnedFd},
    time::Duration,
};

use orb_core::transport::{Event, Interest, Poller};
use rustix::event::{
    EventfdFlags, Timespec,
    epoll::{self, EventData, EventFlags},
    eventfd,
};

/// The token of the descriptor that wakes a waiting thread.
const WAKE: u64 = u64::MAX;

/// How many events one wait reports at most.
const BATCH: usize = 64;

/// An epoll instance with an eventfd to wake it.
pub struct EpollPoller {
    epoll: OwnedFd,
    wake: OwnedFd,
}

impl EpollPoller {
    /// Creates a poller that watches nothing.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        // Edge-triggered: each write wakes one thread, and nobody has to read it back.
        epoll::add(
            &epoll,
            &wake,
            EventData::new_u64(WAKE),
            EventFlags::IN | EventFlags::ET,
        )?;
        Ok(Self { epoll, wake })
    }
}

impl fmt::Debug for EpollPoller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EpollPoller")
            .field("epoll", &self.epoll)
            .finish_non_exhaustive()
    }
}

fn flags(interest: Interest) -> EventFlags {
    let mut flags = EventFlags::empty();
    flags.set(EventFlags::IN | EventFlags::RDHUP, interest.readable);
    flags.set(EventFlags::OUT, interest.writable);
    flags.set(EventFlags::ET, interest.edge);
    flags.set(EventFlags::ONESHOT, interest.oneshot);
    flags
}

fn event(raw: &epoll::Event) -> Option<Event> {
    // Copied out first: the kernel's structure is packed.
    let (flags, token) = (raw.flags, raw.data.u64());
    let closed = flags.intersects(EventFlags::HUP | EventFlags::RDHUP | EventFlags::ERR);
    let readable = closed || flags.contains(EventFlags::IN);
    (token != WAKE).then_some(Event {
        token,
        readable,
        writable: flags.contains(EventFlags::OUT),
        closed,
    })
}

impl Poller for EpollPoller {
    fn add(&self, source: BorrowedFd<'_>, token: u64, interest: Interest) -> io::Result<()> {
        Ok(epoll::add(
            &self.epoll,
            source,
            EventData::new_u64(token),
            flags(interest),
        )?)
    }

    fn modify(&self, source: BorrowedFd<'_>, token: u64, interest: Interest) -> io::Result<()> {
        Ok(epoll::modify(
            &self.epoll,
            source,
            EventData::new_u64(token),
            flags(interest),
        )?)
    }

    fn remove(&self, source: BorrowedFd<'_>) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, source)?)
    }

    fn wait(&self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<()> {
        events.clear();
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let mut raw = [const { MaybeUninit::uninit() }; BATCH];
        match epoll::wait(&self.epoll, &mut raw, timeout.as_ref()) {
            Ok((happened, _)) => events.extend(happened.iter().filter_map(event)),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn wake(&self) -> io::Result<()> {
        match rustix::io::write(&self.wake, &1_u64.to_ne_bytes()) {
            // A full counter has woken everybody already.
            Ok(_) | Err(rustix::io::Errno::AGAIN) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
