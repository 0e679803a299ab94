// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages that callers have encoded and somebody else sends, in order.

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Instant,
};

use bytes::BytesMut;
use crossbeam_queue::ArrayQueue;
use parking_lot::{Condvar, Mutex};

use crate::nested;

/// A bounded queue between any number of callers and one sender. Callers take turns; the sender, who may be more urgent than
/// all of them and have the CPU of one who has not finished, waits for nobody. Buffers go round, so that nobody allocates once
/// they have grown.
#[derive(Debug)]
pub(super) struct Ring {
    queued: ArrayQueue<BytesMut>,
    /// Buffers that were sent, to be filled again. There are fewer than it has places: so the sender never meets a caller who
    /// is just taking one, and for whom the queue would have him spin.
    free: ArrayQueue<BytesMut>,
    /// Octets that may wait; a message that finds nothing before it may be larger.
    most: usize,
    octets: AtomicUsize,
    /// How many are queued for good, how many of them the sender has taken, and sent. What is not entered is not taken, though
    /// it may have its place already.
    entered: AtomicU64,
    taken: AtomicU64,
    sent: AtomicU64,
    /// Callers that wait for something to be sent.
    waiting: AtomicUsize,
    /// The turn of a caller, who finds out whether it is closed.
    callers: Mutex<bool>,
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
        let places = messages.max(1);
        Self {
            queued: ArrayQueue::new(places),
            // One is in the sender's hands, and one in a caller's.
            free: ArrayQueue::new(places.saturating_add(3)),
            most: octets,
            octets: AtomicUsize::new(0),
            entered: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            callers: Mutex::new(false),
            changed: Condvar::new(),
        }
    }

    /// Copies a message into the queue, if there is room.
    pub(super) fn try_put<'p>(&self, parts: impl Iterator<Item = &'p [u8]> + Clone) -> Put {
        self.put(*self.callers.lock(), parts)
    }

    /// Copies a message into the queue; waits for room until `deadline`, and returns `Full` if there was none.
    pub(super) fn put_by<'p>(&self, parts: impl Iterator<Item = &'p [u8]> + Clone, deadline: Instant) -> Put {
        let mut put = self.try_put(parts.clone());
        if put == Put::Full {
            self.wait(deadline, |closed| {
                put = self.put(closed, parts.clone());
                put != Put::Full
            });
        }
        put
    }

    /// In the caller's turn.
    fn put<'p>(&self, closed: bool, parts: impl Iterator<Item = &'p [u8]> + Clone) -> Put {
        if closed {
            return Put::Closed;
        }
        let size = parts.clone().map(<[u8]>::len).sum();
        let before = self.octets.load(Ordering::Relaxed);
        if self.queued.is_full() || before > 0 && before + size > self.most {
            return Put::Full;
        }
        let mut message = self.free.pop().unwrap_or_default();
        parts.for_each(|part| message.extend_from_slice(part));
        // Only here something is put in, and there was room.
        drop(self.queued.push(message));
        self.octets.fetch_add(size, Ordering::Relaxed);
        // SeqCst, as for `sent` and `waiting`: who waits sees what was sent, or is seen to wait.
        self.entered.fetch_add(1, Ordering::SeqCst);
        Put::Queued
    }

    /// Waits until all is sent that was queued before; `false` if that is not by `deadline`.
    pub(super) fn wait_for_all(&self, deadline: Instant) -> bool {
        let entered = self.entered.load(Ordering::SeqCst);
        let all = || self.sent.load(Ordering::SeqCst) >= entered;
        all() || self.wait(deadline, |closed| closed || all())
    }

    fn wait(&self, deadline: Instant, mut ready: impl FnMut(bool) -> bool) -> bool {
        let _blocking = nested::about_to_block();
        let mut turn = self.callers.lock();
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut is_ready = ready(*turn);
        while !is_ready {
            let late = self.changed.wait_until(&mut turn, deadline).timed_out();
            is_ready = ready(*turn);
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
        let turn = self.callers.try_lock();
        if turn.is_some() {
            self.changed.notify_all();
        }
        turn.is_some()
    }

    /// Tells the sender whether there is nothing to send.
    pub(super) fn is_empty(&self) -> bool {
        self.entered.load(Ordering::SeqCst) == self.taken.load(Ordering::Relaxed)
    }

    /// Takes the next message; [`Ring::sent`] comes next.
    pub(super) fn take(&self) -> Option<BytesMut> {
        if self.is_empty() {
            return None;
        }
        // Callers take turns, so what is entered is whole, and so is all before it: this does not spin.
        let message = self.queued.pop()?;
        self.taken.fetch_add(1, Ordering::Relaxed);
        Some(message)
    }

    /// Takes back the buffer of a message that was sent.
    pub(super) fn sent(&self, mut message: BytesMut) {
        self.octets.fetch_sub(message.len(), Ordering::Relaxed);
        if message.capacity() <= self.most {
            message.clear();
            drop(self.free.push(message));
        }
        self.sent.fetch_add(1, Ordering::SeqCst);
    }

    /// Takes nothing more, and returns what is left, for whoever then sends it.
    pub(super) fn close(&self) -> impl Iterator<Item = BytesMut> {
        *self.callers.lock() = true;
        self.changed.notify_all();
        std::iter::from_fn(|| self.take())
    }
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

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
