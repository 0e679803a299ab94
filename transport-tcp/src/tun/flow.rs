// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who waits for what on one connection, and how they are told.

use std::{
    io,
    mem::take,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
};

use bytes::Bytes;
use orb_core::transport::Interest;
use parking_lot::Condvar;
use rustix::event::{EventfdFlags, eventfd};

/// A descriptor that is readable once it was rung.
#[derive(Debug)]
pub(super) struct Bell(OwnedFd);

impl Bell {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    pub(super) fn ring(&self) {
        // A counter that is full has been rung.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }

    pub(super) fn silence(&self) {
        // It may not have been rung.
        let _ = rustix::io::read(&self.0, &mut [0; 8]);
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// What those use who wait: threads sleep on the one, pollers watch the other.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) changed: Condvar,
    pub(super) bell: Bell,
}

impl Flow {
    pub(super) fn new() -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            changed: Condvar::new(),
            bell: Bell::new()?,
        }))
    }
}

/// What somebody wants to be told of, or was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) readable: bool,
    pub(super) writable: bool,
}

impl Wanted {
    fn or(self, other: Self) -> Self {
        Self {
            readable: self.readable || other.readable,
            writable: self.writable || other.writable,
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            readable: self.readable && other.readable,
            writable: self.writable && other.writable,
        }
    }
}

impl From<Interest> for Wanted {
    fn from(interest: Interest) -> Self {
        Self {
            readable: interest.readable,
            writable: interest.writable,
        }
    }
}

/// One connection, as the host knows it beside the engine.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) flow: Arc<Flow>,
    /// A piece of what has come that did not fit where it was to go.
    pub(super) rest: Option<Bytes>,
    /// It was ended here: nothing comes any more.
    pub(super) ended: bool,
    /// What a poller is to be told of.
    armed: Wanted,
    /// What it was told of since it asked last.
    rung: Wanted,
}

impl Entry {
    pub(super) fn new(flow: Arc<Flow>) -> Self {
        Self {
            flow,
            rest: None,
            ended: false,
            armed: Wanted::default(),
            rung: Wanted::default(),
        }
    }

    /// Tells those who wait what there is now.
    pub(super) fn tell(&mut self, news: Wanted) {
        self.flow.changed.notify_all();
        let wanted = news.and(self.armed);
        if wanted != Wanted::default() {
            self.armed.readable &= !wanted.readable;
            self.armed.writable &= !wanted.writable;
            self.rung = self.rung.or(wanted);
            self.flow.bell.ring();
        }
    }

    /// Has the bell tell of what is `wanted`; `false` if some of that is there, as `now` says.
    pub(super) fn arm(&mut self, wanted: Wanted, now: Wanted) -> bool {
        if wanted.and(now) != Wanted::default() {
            return false;
        }
        // Nobody has to be told any more of what came and went; what was promised to somebody else, and is there, stays told.
        let rung = take(&mut self.rung);
        self.rung = rung.and(now);
        if rung != Wanted::default() && self.rung == Wanted::default() {
            self.flow.bell.silence();
        }
        self.armed = self.armed.or(rung).or(wanted);
        true
    }

    /// Somebody receives, and will find what comes.
    pub(super) fn attend(&mut self) {
        self.armed.readable = false;
    }
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    const NOTHING: Wanted = Wanted {
        readable: false,
        writable: false,
    };
    const READABLE: Wanted = Wanted {
        readable: true,
        writable: false,
    };
    const WRITABLE: Wanted = Wanted {
        readable: false,
        writable: true,
    };

    fn entry() -> Entry {
        Entry::new(Flow::new().unwrap())
    }

    fn rings(entry: &Entry) -> bool {
        let mut ready = [PollFd::new(&entry.flow.bell, PollFlags::IN)];
        poll(&mut ready, Some(&Timespec::default())).unwrap() > 0
    }

    #[test]
    fn who_asked_is_told_once() {
        let mut entry = entry();
        entry.tell(READABLE);
        assert!(!rings(&entry), "nobody asked");
        assert!(entry.arm(READABLE, NOTHING));
        entry.tell(WRITABLE);
        assert!(!rings(&entry), "that was not asked for");
        entry.tell(READABLE);
        assert!(rings(&entry));
        assert!(entry.arm(READABLE, NOTHING));
        assert!(!rings(&entry), "what came was taken, and it is asked for anew");
        entry.tell(READABLE);
        assert!(rings(&entry));
    }

    #[test]
    fn what_is_there_already_is_not_waited_for() {
        let mut entry = entry();
        assert!(!entry.arm(READABLE, READABLE));
        assert!(entry.arm(READABLE, WRITABLE));
    }

    #[test]
    fn who_receives_takes_back_what_it_asked_for_and_no_more() {
        let mut entry = entry();
        assert!(entry.arm(READABLE.or(WRITABLE), NOTHING));
        entry.attend();
        entry.tell(READABLE);
        assert!(!rings(&entry), "who receives finds it");
        entry.tell(WRITABLE);
        assert!(rings(&entry), "who waits for room still does");
    }

    #[test]
    fn what_one_was_told_is_not_lost_when_another_one_asks() {
        let mut entry = entry();
        assert!(entry.arm(WRITABLE, NOTHING));
        entry.tell(WRITABLE);
        assert!(
            entry.arm(READABLE, WRITABLE),
            "there is room, and nothing to read"
        );
        assert!(rings(&entry), "who waits for room may not have looked yet");
        assert!(entry.arm(READABLE, NOTHING), "the room has gone");
        assert!(!rings(&entry));
        entry.tell(WRITABLE);
        assert!(rings(&entry), "and comes again");
    }
}
