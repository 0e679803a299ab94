// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a tap is put on a stream, to see its packets.

use std::{
    io, mem,
    sync::atomic::{AtomicBool, Ordering},
};

use arrayvec::ArrayVec;
use orb_core::transport::{Direction, Tap};
use parking_lot::Mutex;
use transport_apic::{Packet, Payload};

/// What a stream shares with whoever may want to see its packets. While there is no tap, a packet costs a branch.
#[derive(Debug, Default)]
pub(crate) struct Tapping {
    /// Whether there is a tap. Relaxed: the lock orders all else, and a packet more or less does not matter.
    on: AtomicBool,
    tap: Mutex<Option<Box<dyn Tap>>>,
}

impl Tapping {
    /// Shows a packet to the tap, if there is one.
    #[inline]
    pub(crate) fn see<P: Payload>(&self, direction: Direction, packet: &Packet<P>) {
        let pieces = packet.payload.iter().map(AsRef::as_ref);
        self.see_parts(direction, packet.headers.as_ref(), pieces);
    }

    /// The same, with payload that is in no packet; no tap is shown more parts of it than a packet has.
    #[inline]
    pub(crate) fn see_parts<'a>(
        &self,
        direction: Direction,
        headers: &'a [u8],
        payload: impl Iterator<Item = &'a [u8]>,
    ) {
        if self.on.load(Ordering::Relaxed) {
            self.show(direction, headers, payload);
        }
    }

    #[cold]
    fn show<'a>(&self, direction: Direction, headers: &'a [u8], payload: impl Iterator<Item = &'a [u8]>) {
        // Who puts the tap on or takes it off has the lock for an instant, which no flow waits for.
        if let Some(Some(tap)) = self.tap.try_lock().as_deref_mut() {
            let mut parts = ArrayVec::<&[u8], { 1 + Packet::<()>::PIECES }>::new();
            parts.push(headers);
            parts.extend(payload.take(Packet::<()>::PIECES));
            tap.packet(direction, &parts);
        }
    }

    /// Puts a tap on.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::ResourceBusy`] if there is one.
    pub(crate) fn put_on(&self, tap: Box<dyn Tap>) -> io::Result<()> {
        let mut place = self.tap.lock();
        if place.is_some() {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        *place = Some(tap);
        self.on.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Takes it off.
    pub(crate) fn take_off(&self) {
        self.on.store(false, Ordering::Relaxed);
        let tap = mem::take(&mut *self.tap.lock());
        // Without the lock, since that may take its time.
        drop(tap);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;

    type Seen = Arc<Mutex<Vec<(Direction, Vec<u8>)>>>;

    #[derive(Debug)]
    struct Notes(Seen);

    impl Tap for Notes {
        fn packet(&mut self, direction: Direction, parts: &[&[u8]]) {
            self.0.lock().push((direction, parts.concat()));
        }
    }

    fn packet(text: &'static [u8]) -> Packet<Bytes> {
        let mut packet = Packet::default();
        packet.headers.append(b"headers ").expect("there is room");
        packet.payload.push(Bytes::from_static(text));
        packet.payload.push(Bytes::from_static(b"."));
        packet
    }

    #[test]
    fn a_tap_sees_whole_packets_while_it_is_on() {
        let (tapping, seen) = (Tapping::default(), Seen::default());
        tapping.see(Direction::Sent, &packet(b"before"));
        tapping
            .put_on(Box::new(Notes(Arc::clone(&seen))))
            .expect("there is none");
        tapping.see(Direction::Sent, &packet(b"one"));
        tapping.see(Direction::Received, &packet(b"two"));
        tapping.take_off();
        tapping.see(Direction::Sent, &packet(b"after"));
        let expected = [
            (Direction::Sent, b"headers one.".to_vec()),
            (Direction::Received, b"headers two.".to_vec()),
        ];
        assert_eq!(*seen.lock(), expected);
        assert_eq!(Arc::strong_count(&seen), 1, "the tap is gone");
    }

    #[test]
    fn there_is_one_tap_at_a_time() {
        let (tapping, seen) = (Tapping::default(), Seen::default());
        let put_on = || tapping.put_on(Box::new(Notes(Arc::clone(&seen))));
        put_on().expect("there is none");
        let refused = put_on().expect_err("there is one");
        assert_eq!(refused.kind(), io::ErrorKind::ResourceBusy);
        tapping.take_off();
        put_on().expect("there is none any more");
    }

    #[test]
    fn a_flow_does_not_wait_for_whoever_changes_the_tap() {
        let (tapping, seen) = (Tapping::default(), Seen::default());
        tapping
            .put_on(Box::new(Notes(Arc::clone(&seen))))
            .expect("there is none");
        let changing = tapping.tap.lock();
        tapping.see(Direction::Sent, &packet(b"one"));
        drop(changing);
        assert!(seen.lock().is_empty());
    }
}
