// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages that callers have encoded and somebody else sends, in order.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    thread,
    time::Instant,
};

use bytes::BytesMut;
use crossbeam_queue::ArrayQueue;
use parking_lot::{Condvar, Mutex};

use crate::nested;

/// A bounded queue between any number of callers and one sender. Neither takes a lock while there is room, nor allocates
/// once the buffers have grown.
#[derive(Debug)]
pub(super) struct Ring {
    queued: ArrayQueue<BytesMut>,
    /// Buffers that were sent, to be filled again.
    free: ArrayQueue<BytesMut>,
    /// Octets that may wait; a message that finds nothing before it may be larger.
    most: usize,
    octets: AtomicUsize,
    /// How many were queued, and how many of them sent.
    entered: AtomicU64,
    sent: AtomicU64,
    /// Callers that are putting something in.
    entering: AtomicUsize,
    closed: AtomicBool,
    /// Callers that wait for something to be sent.
    waiting: AtomicUsize,
    gate: Mutex<()>,
    changed: Condvar,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    Queued,
    Full,
    Closed,
}

impl Ring {
    /// Makes one for so many messages and octets.
    pub(super) fn new(messages: usize, octets: usize) -> Self {
        Self {
            queued: ArrayQueue::new(messages.max(1)),
            free: ArrayQueue::new(messages.max(1)),
            most: octets,
            octets: AtomicUsize::new(0),
            entered: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            entering: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            gate: Mutex::new(()),
            changed: Condvar::new(),
        }
    }

    /// Copies a message into the queue, if there is room.
    pub(super) fn try_put<'p>(&self, parts: impl Iterator<Item = &'p [u8]> + Clone) -> Put {
        // SeqCst, here and in `close`: either this is seen to be under way there, or the end is seen here.
        self.entering.fetch_add(1, Ordering::SeqCst);
        let put = if self.closed.load(Ordering::SeqCst) {
            Put::Closed
        } else {
            self.put(parts)
        };
        self.entering.fetch_sub(1, Ordering::SeqCst);
        put
    }

    fn put<'p>(&self, parts: impl Iterator<Item = &'p [u8]> + Clone) -> Put {
        let size = parts.clone().map(<[u8]>::len).sum();
        let before = self.octets.fetch_add(size, Ordering::Relaxed);
        if before > 0 && before + size > self.most {
            self.octets.fetch_sub(size, Ordering::Relaxed);
            return Put::Full;
        }
        let mut message = self.free.pop().unwrap_or_default();
        parts.for_each(|part| message.extend_from_slice(part));
        if self.queued.push(message).is_err() {
            self.octets.fetch_sub(size, Ordering::Relaxed);
            return Put::Full;
        }
        self.entered.fetch_add(1, Ordering::SeqCst);
        Put::Queued
    }

    /// Copies a message into the queue; waits for room until `deadline`, and returns `Full` if there was none.
    pub(super) fn put_by<'p>(&self, parts: impl Iterator<Item = &'p [u8]> + Clone, deadline: Instant) -> Put {
        let mut put = self.try_put(parts.clone());
        if put == Put::Full {
            self.wait(deadline, || {
                put = self.try_put(parts.clone());
                put != Put::Full
            });
        }
        put
    }

    /// Waits until all is sent that was queued before; `false` if that is not by `deadline`.
    pub(super) fn wait_for_all(&self, deadline: Instant) -> bool {
        let entered = self.entered.load(Ordering::SeqCst);
        let all = || self.sent.load(Ordering::SeqCst) >= entered || self.closed.load(Ordering::SeqCst);
        all() || self.wait(deadline, all)
    }

    fn wait(&self, deadline: Instant, mut ready: impl FnMut() -> bool) -> bool {
        let _blocking = nested::about_to_block();
        let mut gate = self.gate.lock();
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut is_ready = ready();
        while !is_ready {
            let late = self.changed.wait_until(&mut gate, deadline).timed_out();
            is_ready = ready();
            if late {
                break;
            }
        }
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        is_ready
    }

    /// Wakes who waits. `false`: somebody is about to wait and may miss it, so it is to be called again.
    pub(super) fn wake(&self) -> bool {
        if self.waiting.load(Ordering::SeqCst) == 0 {
            return true;
        }
        // Who holds the gate may be an ordinary thread, for which a real-time one does not wait.
        let gate = self.gate.try_lock();
        if gate.is_some() {
            self.changed.notify_all();
        }
        gate.is_some()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queued.is_empty()
    }

    /// Takes the next message; [`Ring::sent`] comes next.
    pub(super) fn take(&self) -> Option<BytesMut> {
        self.queued.pop()
    }

    /// Takes back the buffer of a message that was sent.
    pub(super) fn sent(&self, mut message: BytesMut) {
        self.octets.fetch_sub(message.len(), Ordering::Relaxed);
        self.sent.fetch_add(1, Ordering::SeqCst);
        if message.capacity() <= self.most {
            message.clear();
            // Of more buffers than there are places none is needed.
            drop(self.free.push(message));
        }
    }

    /// Takes nothing more, and returns what is left, for whoever then sends it.
    pub(super) fn close(&self) -> impl Iterator<Item = BytesMut> {
        self.closed.store(true, Ordering::SeqCst);
        while self.entering.load(Ordering::SeqCst) > 0 {
            thread::yield_now();
        }
        let _gate = self.gate.lock();
        self.changed.notify_all();
        std::iter::from_fn(|| self.queued.pop())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn put(ring: &Ring, message: &[u8]) -> Put {
        ring.try_put([message].into_iter())
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn messages_and_octets_are_bounded_but_one_message_always_fits() {
        let ring = Ring::new(2, 10);
        assert_eq!(put(&ring, &[1; 50]), Put::Queued);
        assert_eq!(put(&ring, &[2]), Put::Full);
        let large = ring.take().unwrap();
        assert_eq!(put(&ring, &[2]), Put::Full, "it is not sent yet");
        ring.sent(large);
        assert_eq!(
            [put(&ring, &[3; 5]), put(&ring, &[4; 5]), put(&ring, &[5; 0])],
            [Put::Queued, Put::Queued, Put::Full]
        );
        assert_eq!(ring.take().unwrap(), [3; 5][..]);
    }

    #[test]
    fn buffers_go_round_unless_they_grew_too_large() {
        let ring = Ring::new(4, 100);
        assert_eq!(put(&ring, &[1; 80]), Put::Queued);
        let first = ring.take().unwrap();
        let place = first.as_ptr();
        ring.sent(first);
        assert_eq!(put(&ring, &[2; 60]), Put::Queued);
        let second = ring.take().unwrap();
        assert_eq!((second.as_ptr(), &second[..]), (place, &[2; 60][..]));
        ring.sent(second);
        assert_eq!(put(&ring, &[3; 5000]), Put::Queued);
        ring.sent(ring.take().unwrap());
        assert!(ring.free.is_empty());
    }

    #[test]
    fn who_waits_for_room_gets_it_when_something_was_sent() {
        let ring = Ring::new(1, 100);
        assert_eq!(put(&ring, b"one"), Put::Queued);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| ring.put_by([&b"two"[..]].into_iter(), soon()));
            while ring.waiting.load(Ordering::SeqCst) == 0 {
                thread::yield_now();
            }
            ring.sent(ring.take().unwrap());
            while !ring.wake() {
                thread::yield_now();
            }
            assert_eq!(waiting.join().unwrap(), Put::Queued);
        });
        assert_eq!(
            ring.put_by([&b"three"[..]].into_iter(), Instant::now()),
            Put::Full
        );
        assert_eq!(ring.take().unwrap(), b"two"[..]);
    }

    #[test]
    fn who_waits_for_what_was_before_does_not_wait_for_what_comes_after() {
        let ring = Ring::new(4, 100);
        assert!(ring.wait_for_all(Instant::now()));
        assert_eq!(put(&ring, b"one"), Put::Queued);
        assert!(!ring.wait_for_all(Instant::now()));
        thread::scope(|scope| {
            let waiting = scope.spawn(|| ring.wait_for_all(soon()));
            while ring.waiting.load(Ordering::SeqCst) == 0 {
                thread::yield_now();
            }
            assert_eq!(put(&ring, b"two"), Put::Queued);
            ring.sent(ring.take().unwrap());
            while !ring.wake() {
                thread::yield_now();
            }
            assert!(waiting.join().unwrap());
        });
        assert!(!ring.is_empty());
    }

    #[test]
    fn the_end_turns_everybody_away_and_loses_nothing() {
        let ring = Ring::new(1, 100);
        assert_eq!(put(&ring, b"one"), Put::Queued);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| ring.put_by([&b"two"[..]].into_iter(), soon()));
            while ring.waiting.load(Ordering::SeqCst) == 0 {
                thread::yield_now();
            }
            let left: Vec<_> = ring.close().collect();
            assert_eq!(left, [&b"one"[..]]);
            assert_eq!(waiting.join().unwrap(), Put::Closed);
        });
        assert!(ring.wait_for_all(Instant::now()));
        assert_eq!(put(&ring, b"three"), Put::Closed);
    }

    #[test]
    fn what_many_put_in_comes_out_once_and_in_the_order_of_each() {
        let ring = Ring::new(8, 1000);
        let all = thread::scope(|scope| {
            for caller in 0..4_u8 {
                let ring = &ring;
                scope.spawn(move || {
                    for number in 0..100_u8 {
                        let put = ring.put_by([&[caller][..], &[number]].into_iter(), soon());
                        assert_eq!(put, Put::Queued);
                    }
                });
            }
            let mut all = Vec::new();
            while all.len() < 400 {
                match ring.take() {
                    Some(message) => {
                        all.push((message[0], message[1]));
                        ring.sent(message);
                    }
                    None => thread::yield_now(),
                }
                ring.wake();
            }
            all
        });
        for caller in 0..4 {
            let numbers = all.iter().filter(|(from, _)| *from == caller);
            assert!(numbers.map(|(_, number)| *number).eq(0..100));
        }
    }
}
