// SPDX-License-Identifier: MIT OR Apache-2.0
//! One end of a channel of the fabric.

use std::fmt;
use std::hint;
use std::io::IoSlice;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::thread::futex;

use crate::end::{End, Wake, Wakes};
use crate::geometry::Control;
use crate::memory::Memory;
use crate::{
    Carries, Channel, Closed, Counters, Frame, FrameMut, Interest, Packet, Properties, Refusal, Short,
    Violation,
};

use super::credentials;
use super::socket::{Peer, Socket, left};

/// How often one who is awake looks whether the peer is there, while nothing comes of it.
const LOOK: Duration = Duration::from_millis(10);

/// How long one sleeps at most before it looks whether the peer is there, and whether frames came back from other threads.
/// Who dies is noticed within the two.
const NAP: Duration = Duration::from_millis(25);

/// How many times it looks at the memory for each look at the clock.
const LOOKS: u32 = 32;

/// One end of a channel between two processes.
///
/// What was received goes back to its sender when the last user has dropped it, and this end next does something; while it
/// [waits](Self::wait), that is within 25 ms.
///
/// It belongs to one thread at a time, which may [wait](Self::wait) on it, or watch its [descriptor](AsFd) together with
/// many others: that is readable when a notification that was [asked for](Channel::arm) has come, or the peer is gone.
/// Then [`disarm`](Channel::disarm) takes the notification in.
pub struct Circuit {
    end: End,
    socket: Socket,
    spin: Duration,
    /// Rings that came.
    rings: u64,
    /// When it was last looked whether the peer is there, by the caller's clock.
    looked: Duration,
    gone: bool,
    /// The doorbell was asked for.
    listening: bool,
}

impl Circuit {
    pub(super) fn new(end: End, socket: Socket, spin: Duration) -> Self {
        Self {
            end,
            socket,
            spin,
            rings: 0,
            looked: Duration::ZERO,
            gone: false,
            listening: false,
        }
    }

    /// Returns a frame to fill, with room for `capacity` bytes and `head_room` before them; what is in it is transmitted
    /// without a copy. `None` if the other end has them all, or there is none so large.
    pub fn frame(&mut self, capacity: usize, head_room: usize) -> Option<FrameMut> {
        self.end.frame(capacity, head_room)
    }

    /// Returns `length` bytes to fill, page-aligned and with whatever was there before, that may be kept for as long as one
    /// likes: [frozen](FrameMut::freeze), any slice of them is transmitted without a copy ([`Channel::frozen`]), as often as
    /// one likes. They take whole large frames in a row; `None` if those are not there. An eighth of the large frames is
    /// kept for what has to be copied, and so are the small ones.
    pub fn buffer(&mut self, length: usize) -> Option<FrameMut> {
        self.end.buffer(length)
    }

    /// Publishes, and waits until there is something of `interest`, or the deadline has come: for a while it looks for
    /// itself, then it sleeps. Returns whether there is something: the end of the channel is, too.
    pub fn wait(&mut self, interest: Interest, until: Instant) -> bool {
        self.publish();
        if self.is_there(interest) {
            return true;
        }
        if self.spin.is_zero() {
            return self.sleep(interest, until);
        }
        let mut end = None;
        loop {
            if self.look_for(interest) {
                return true;
            }
            let now = Instant::now();
            // Most of what comes while one is awake comes before there is a reason to ask for the time.
            let end =
                *end.get_or_insert_with(|| now.checked_add(self.spin).map_or(until, |end| end.min(until)));
            if now >= end {
                return self.sleep(interest, until);
            }
        }
    }

    /// Looks for something of `interest` without sleeping, for less than a microsecond or so.
    pub fn look_for(&mut self, interest: Interest) -> bool {
        (0..LOOKS).any(|_| {
            hint::spin_loop();
            self.is_there(interest)
        })
    }

    fn is_there(&mut self, interest: Interest) -> bool {
        self.gone || self.end.is_there(interest)
    }

    /// Returns the number of the process at the other end, when it connected or began to listen; `None` if it is not seen from
    /// here.
    #[must_use]
    pub fn peer_process(&self) -> Option<u32> {
        credentials::peer(&self.socket).ok()?.process
    }

    /// Returns its [descriptor](AsFd), which others than its owner may watch.
    #[must_use]
    pub fn descriptor(&self) -> Arc<OwnedFd> {
        Arc::clone(self.socket.descriptor())
    }

    /// Returns what a thread sleeps on that does not keep the circuit meanwhile, because others use it, too.
    #[must_use]
    pub fn sleeper(&self) -> Sleeper {
        Sleeper {
            theirs: self.end.theirs().memory().twin(),
        }
    }

    /// Publishes, and asks for the bell to be rung when something of `interest` happens; `None` if it is there already.
    /// [`Sleeper::sleep`] waits for it, and [`disarm_bell`](Self::disarm_bell) takes back what was asked for. It has nothing
    /// to do with the notification of the [descriptor](AsFd): who asked for both gets both.
    pub fn arm_bell(&mut self, interest: Interest) -> Option<Bell> {
        self.publish();
        // Read before it asks: a bell that rings from then on is not slept through.
        let bell = Bell(self.end.theirs().bell().load(Ordering::Acquire));
        (!self.gone && self.end.arm(interest, Wake::Futex)).then_some(bell)
    }

    /// Takes back what [`arm_bell`](Self::arm_bell) asked for.
    pub fn disarm_bell(&mut self) {
        self.end.disarm(Wake::Futex);
    }

    fn sleep(&mut self, interest: Interest, until: Instant) -> bool {
        let sleeper = self.sleeper();
        loop {
            let Some(bell) = self.arm_bell(interest) else {
                return true;
            };
            let left = left(until);
            sleeper.sleep(bell, left);
            self.disarm_bell();
            if self.is_there(interest) {
                return true;
            }
            self.look();
            if left.is_zero() {
                return self.gone;
            }
        }
    }

    /// Looks whether the peer is there, and takes rings in, for who knows from elsewhere that there is something to see. What it
    /// published before it was gone is received first.
    pub fn look(&mut self) {
        let most = (self.end.naps() + 1).saturating_sub(self.rings);
        match self.socket.look(most) {
            Peer::Gone => self.gone = true,
            Peer::Alive { rings } => {
                self.rings += rings;
                // One for each time it was asked for, at most.
                if self.rings > self.end.naps() {
                    self.end.fail(Violation::Doorbell);
                }
            }
        }
    }

    #[cfg(test)]
    pub(super) fn ring_for_test(&self) {
        self.socket.ring();
    }

    fn ring_bell(&self) {
        let bell = self.end.ours().bell();
        // Release: pairs with the Acquire of `arm_bell`.
        bell.fetch_add(1, Ordering::Release);
        wake_all(bell);
    }
}

/// What a thread sleeps on, that has [asked](Circuit::arm_bell) to be woken.
#[derive(Debug)]
pub struct Sleeper {
    theirs: Memory,
}

/// A bell that was asked for, and had not been rung.
#[derive(Clone, Copy, Debug)]
pub struct Bell(u32);

impl Sleeper {
    /// Sleeps until the bell is rung, or `most` is over, or for a reason of the system's: look again, whatever it was. It
    /// never sleeps for more than 25 ms, so that whoever looks with [`receive`](Channel::receive) afterwards learns in time
    /// that the peer is gone.
    pub fn sleep(&self, bell: Bell, most: Duration) {
        let timeout = Timespec::try_from(most.min(NAP)).ok();
        if let (Some(word), false) = (self.theirs.half_word(Control::Bell.word()), most.is_zero()) {
            // An error means: look again.
            let _ = futex::wait(word, futex::Flags::empty(), bell.0, timeout.as_ref());
        }
    }
}

impl Channel for Circuit {
    type Payload = Frame;

    fn properties(&self) -> Properties {
        Properties {
            mtu: self.end.mtu(),
            reliable: true,
            carries: Carries::Anything,
            tells_end: true,
            integrity: self.end.integrity(),
            holds: self.end.holds(),
        }
    }

    fn place(&mut self, bytes: &[u8]) -> Option<Frame> {
        self.end.place(bytes)
    }

    fn place_run(&mut self, bytes: &[u8], behind: usize) -> Option<Frame> {
        self.end.place_run(bytes, behind)
    }

    fn frozen(&mut self, bytes: &[u8]) -> Option<Frame> {
        self.end.frozen(bytes)
    }

    fn has_slot(&mut self) -> bool {
        self.end.has_slot()
    }

    fn transmit(&mut self, packet: &Packet<Frame>, now: Duration) -> Result<(), Refusal> {
        self.end.transmit(packet, now)
    }

    fn longest_short(&self) -> usize {
        Short::MOST
    }

    fn may_transmit(&mut self, now: Duration) -> Result<(), Refusal> {
        self.end.may_transmit(now).map(drop)
    }

    fn transmit_short(
        &mut self,
        headers: &[u8],
        parts: &[IoSlice<'_>],
        now: Duration,
    ) -> Result<(), Refusal> {
        self.end.transmit_short(headers, parts, now)
    }

    fn peek_short(&mut self, short: &mut Short) -> Result<bool, Closed> {
        self.end.peek_short(short)
    }

    fn take_short(&mut self, short: &Short) {
        self.end.take_short(short);
    }

    fn publish(&mut self) {
        let Wakes { futex, doorbell } = self.end.publish();
        if futex {
            self.ring_bell();
        }
        if doorbell {
            self.socket.ring();
        }
    }

    fn receive_into(&mut self, packet: &mut Packet<Frame>, now: Duration) -> Result<bool, Closed> {
        let gone = self.gone;
        let received = self.end.receive_into(packet);
        if received == Ok(false) {
            // What it published before it was gone is received by now.
            if gone {
                return Err(self.end.peer_gone());
            }
            if now.saturating_sub(self.looked) >= LOOK {
                self.looked = now;
                self.look();
            }
        }
        received
    }

    fn arm(&mut self, interest: Interest) -> bool {
        self.publish();
        self.listening = !self.gone && self.end.arm(interest, Wake::Doorbell);
        self.listening
    }

    fn disarm(&mut self) {
        self.end.disarm(Wake::Doorbell);
        if self.listening {
            self.listening = false;
            self.look();
        }
    }

    fn counters(&self) -> Counters {
        self.end.counters()
    }

    fn close(&mut self) {
        self.publish();
        self.end.close();
        // It wakes whoever watches the socket, at either end; who sleeps on a bell is woken as well.
        self.ring_bell();
        wake_all(self.end.theirs().bell());
        self.socket.hang_up();
    }
}

/// Wakes whoever sleeps on a bell.
fn wake_all(bell: &AtomicU32) {
    // It fails for a word that is no futex only.
    let _ = futex::wake(bell, futex::Flags::empty(), i32::MAX.unsigned_abs());
}

impl AsFd for Circuit {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Circuit {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Circuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Circuit")
            .field("ended", &self.end.ended())
            .field("counters", &self.end.counters())
            .finish_non_exhaustive()
    }
}
