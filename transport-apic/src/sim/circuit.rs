// SPDX-License-Identifier: MIT OR Apache-2.0
//! A channel in virtual time: two links, one for each way.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use super::{BadConditions, Conditions, Link};
use crate::{Carries, Channel, Closed, Counters, Headers, Integrity, Interest, Packet, Properties, Refusal};

/// Packets that are under way at a time, in one direction.
const SLOTS: usize = 1024;

/// The longest packet of a link that has no bound of its own: what IP has.
const LONGEST: usize = 65_535;

/// One end of a simulated channel.
///
/// It knows what time it is from those calls that say so, at either end, and wakes nobody: who sleeps goes by
/// [`next_event`](Channel::next_event).
#[derive(Debug)]
pub struct Circuit {
    wire: Rc<RefCell<Wire>>,
    side: usize,
    /// Transmitted and not published, with the time.
    staged: VecDeque<(Duration, Frame)>,
    counters: Counters,
}

/// What both ends share.
#[derive(Debug)]
struct Wire {
    now: Duration,
    /// By the side that sends.
    ways: [Way; 2],
    properties: Properties,
}

#[derive(Debug)]
struct Way {
    link: Link<Frame>,
    /// Whoever sends this way has closed.
    closed: bool,
}

/// A packet under way: how long its headers are, in one byte; its headers; its payload.
#[derive(Clone, Debug)]
struct Frame(Bytes);

impl AsRef<[u8]> for Frame {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Frame {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl Frame {
    fn new(packet: &Packet<Bytes>) -> Self {
        let headers = packet.headers.as_ref();
        let mut bytes = Vec::with_capacity(1 + packet.len());
        bytes.push(u8::try_from(headers.len()).unwrap_or(u8::MAX));
        bytes.extend(headers);
        packet.payload.iter().for_each(|piece| bytes.extend(piece));
        bytes.into()
    }

    /// Puts the packet into `packet`; none if it is so garbled that it is no packet any more.
    fn unpack(mut self, packet: &mut Packet<Bytes>) -> Option<()> {
        let length = usize::from(*self.0.first()?);
        let headers = self.0.get(1..=length)?;
        packet.headers = Headers::new();
        packet.headers.append(headers).ok()?;
        packet.payload.clear();
        let payload = self.0.split_off(1 + length);
        packet.payload.extend((!payload.is_empty()).then_some(payload));
        Some(())
    }
}

impl Circuit {
    /// Makes both ends of a channel whose links are like this both ways.
    ///
    /// # Errors
    ///
    /// [`BadConditions`], as of a [`Link`].
    pub fn pair(conditions: Conditions, seed: u64) -> Result<(Self, Self), BadConditions> {
        let way = |seed| {
            let conditions = Conditions {
                // The length of the headers is no part of the packet.
                mtu: conditions.mtu.saturating_add(1),
                ..conditions
            };
            Link::new(conditions, seed).map(|link| Way { link, closed: false })
        };
        let wire = Rc::new(RefCell::new(Wire {
            now: Duration::ZERO,
            ways: [way(seed)?, way(seed.wrapping_add(1))?],
            properties: Properties {
                mtu: conditions.mtu.min(LONGEST),
                reliable: is_reliable(&conditions),
                carries: Carries::Anything,
                tells_end: true,
                integrity: Integrity::Copied,
                holds: usize::MAX,
            },
        }));
        let end = |side| Self {
            wire: Rc::clone(&wire),
            side,
            staged: VecDeque::new(),
            counters: Counters::default(),
        };
        Ok((end(0), end(1)))
    }

    /// Says what time it is, to both ends.
    pub fn pass(&self, now: Duration) {
        let mut wire = self.wire.borrow_mut();
        wire.now = wire.now.max(now);
    }

    /// What this end sends on.
    fn outward<T>(&self, look: impl FnOnce(&mut Way) -> T) -> Option<T> {
        self.wire.borrow_mut().ways.get_mut(self.side).map(look)
    }

    /// What this end receives from.
    fn inward<T>(&self, look: impl FnOnce(&mut Way) -> T) -> Option<T> {
        self.wire.borrow_mut().ways.get_mut(1 - self.side).map(look)
    }

    fn is_closed(&self) -> bool {
        self.outward(|way| way.closed).unwrap_or(true)
    }

    fn refuse(&mut self, refusal: Refusal) -> Refusal {
        match refusal {
            Refusal::Full => self.counters.refused_full += 1,
            Refusal::TooLong => self.counters.refused_too_long += 1,
            _ => {}
        }
        refusal
    }
}

/// Whether whatever is sent arrives, in order, once and as it was.
fn is_reliable(conditions: &Conditions) -> bool {
    let evils = [
        conditions.loss,
        conditions.reordering,
        conditions.duplication,
        conditions.corruption,
    ];
    evils.iter().all(|evil| *evil == 0.0) && conditions.burst.is_none() && conditions.rate.is_none()
}

impl Channel for Circuit {
    type Payload = Bytes;

    fn properties(&self) -> Properties {
        self.wire.borrow().properties
    }

    fn place(&mut self, bytes: &[u8]) -> Option<Bytes> {
        (bytes.len() <= self.properties().mtu).then(|| Bytes::copy_from_slice(bytes))
    }

    fn has_slot(&mut self) -> bool {
        let under_way = self.outward(|way| way.link.under_way()).unwrap_or(SLOTS);
        under_way + self.staged.len() < SLOTS
    }

    fn transmit(&mut self, packet: &Packet<Bytes>, now: Duration) -> Result<(), Refusal> {
        self.pass(now);
        if self.is_closed() {
            return Err(Closed::Here.into());
        }
        if packet.len() > self.properties().mtu {
            return Err(self.refuse(Refusal::TooLong));
        }
        if !self.has_slot() {
            return Err(self.refuse(Refusal::Full));
        }
        self.counters.transmitted += 1;
        self.counters.transmitted_bytes += packet.len() as u64;
        self.counters.copied_bytes += packet.payload_len() as u64;
        self.staged.push_back((now, Frame::new(packet)));
        Ok(())
    }

    fn publish(&mut self) {
        let staged = std::mem::take(&mut self.staged);
        self.outward(|way| {
            staged
                .into_iter()
                .for_each(|(at, frame)| way.link.send(at, frame))
        });
    }

    fn receive_into(&mut self, packet: &mut Packet<Bytes>, now: Duration) -> Result<bool, Closed> {
        self.pass(now);
        packet.payload.clear();
        if self.is_closed() {
            return Err(Closed::Here);
        }
        while let Some(frame) = self.inward(|way| way.link.receive(now)).flatten() {
            if frame.unpack(packet).is_some() {
                self.counters.received += 1;
                self.counters.received_bytes += packet.len() as u64;
                return Ok(true);
            }
            self.counters.discarded_malformed += 1;
        }
        packet.headers = Headers::new();
        packet.payload.clear();
        let is_over = self.inward(|way| way.closed && way.link.under_way() == 0);
        if is_over.unwrap_or(true) {
            return Err(Closed::ByPeer);
        }
        Ok(false)
    }

    fn arm(&mut self, interest: Interest) -> bool {
        let now = self.wire.borrow().now;
        let has_come = self.inward(|way| {
            let arrives = way.link.next_arrival();
            arrives.map_or(way.closed, |at| at <= now)
        });
        let has_room = interest == Interest::PacketsAndRoom && self.has_slot();
        !(has_room || self.is_closed() || has_come.unwrap_or(true))
    }

    fn disarm(&mut self) {}

    fn next_event(&self) -> Option<Duration> {
        self.inward(|way| way.link.next_arrival()).flatten()
    }

    fn counters(&self) -> Counters {
        self.counters
    }

    fn close(&mut self) {
        self.staged.clear();
        self.outward(|way| way.closed = true);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::conformance::{Cable, Side, conforms};

    struct Simulated {
        left: Circuit,
        right: Circuit,
        now: Duration,
    }

    impl Cable for Simulated {
        type End = Circuit;

        fn end(&mut self, which: Side) -> &mut Circuit {
            match which {
                Side::Left => &mut self.left,
                Side::Right => &mut self.right,
            }
        }

        fn now(&self) -> Duration {
            self.now
        }

        fn pass(&mut self) {
            self.now += Duration::from_micros(100);
            self.left.pass(self.now);
        }
    }

    fn cable(conditions: Conditions) -> Simulated {
        let (left, right) = Circuit::pair(conditions, 42).expect("good conditions");
        Simulated {
            left,
            right,
            now: Duration::ZERO,
        }
    }

    #[test]
    fn the_simulation_is_a_backend_as_any() {
        for conditions in [
            Conditions::default(),
            Conditions {
                delay: Duration::from_millis(7),
                jitter: Duration::from_millis(3),
                mtu: 1500,
                ..Conditions::default()
            },
        ] {
            assert!(cable(conditions).left.properties().reliable);
            conforms(|| cable(conditions));
        }
    }

    #[test]
    fn bad_links_are_not_called_reliable_and_what_they_garble_harms_nobody() {
        let conditions = Conditions {
            loss: 0.1,
            duplication: 0.1,
            reordering: 0.1,
            corruption: 0.5,
            ..Conditions::default()
        };
        let mut cable = cable(conditions);
        assert!(!cable.left.properties().reliable);
        let mut packet = Packet::default();
        packet.headers.append(&[1; 40]).expect("they are short");
        let (mut whole, mut came) = (0, 0);
        for _ in 0..1000 {
            cable.left.transmit(&packet, cable.now).expect("there is room");
            cable.left.publish();
            cable.pass();
            while let Some(got) = cable.right.receive(cable.now).expect("it is open") {
                came += 1;
                whole += usize::from(got.headers.as_ref() == [1; 40]);
            }
        }
        let counters = cable.right.counters();
        assert!(
            counters.discarded_malformed > 0,
            "a length was garbled: {counters:?}"
        );
        assert!(0 < whole && whole < came, "{whole} of {came}");
    }

    #[test]
    fn who_sleeps_knows_for_how_long() {
        let mut cable = cable(Conditions {
            delay: Duration::from_millis(5),
            ..Conditions::default()
        });
        let now = Duration::from_millis(1);
        cable
            .left
            .transmit(&Packet::default(), now)
            .expect("there is room");
        assert_eq!(cable.right.next_event(), None, "nothing was published");
        cable.left.publish();
        assert_eq!(cable.right.next_event(), Some(Duration::from_millis(6)));
        assert!(cable.right.arm(Interest::Packets), "it has not come");
        cable.right.pass(Duration::from_millis(6));
        assert!(!cable.right.arm(Interest::Packets));
    }
}
