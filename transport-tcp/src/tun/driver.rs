// SPDX-License-Identifier: MIT OR Apache-2.0
//! The engine behind a device: what comes is taken in, and what is due is sent.

use std::{
    fmt, io,
    os::fd::BorrowedFd,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rtu::{Nanos, Time};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use transport_apic::{
    Channel, Closed, Packet,
    tun::{Circuit, Tun},
};

use crate::engine::Stack;

/// Packets that are taken in, and packets that are sent, before something else is done.
const BURST: usize = 64;
const SENT_AT_ONCE: usize = 1024;

/// Sees each packet that passes, as the pieces that it lies in.
type Tap = Box<dyn FnMut(Time, &[&[u8]]) + Send>;

/// A [`Stack`] behind a TUN device.
///
/// It has no thread: whoever owns it uses the [`stack`](Self::stack), gives it a [`turn`](Self::turn) afterwards, and
/// [`wait`]s until there is something to do again.
pub struct Driver {
    channel: Circuit,
    stack: Stack<Bytes>,
    tap: Option<Tap>,
    began: Instant,
}

impl Driver {
    /// Puts `stack` behind `tun`, whose MTU is the stack's, or longer: what is longer than the device's is lost.
    #[must_use]
    pub fn new(tun: Tun, stack: Stack<Bytes>) -> Self {
        Self {
            channel: Circuit::new(tun),
            stack,
            tap: None,
            began: Instant::now(),
        }
    }

    /// Returns the device's descriptor, which is readable when a packet waits; none once it was closed.
    pub fn device(&self) -> Option<BorrowedFd<'_>> {
        self.channel.device()
    }

    /// Has `tap` see every packet from now on, as the pieces that it lies in.
    pub fn tap(&mut self, tap: impl FnMut(Time, &[&[u8]]) + Send + 'static) {
        self.tap = Some(Box::new(tap));
    }

    /// Returns the time that the stack goes by.
    pub fn now(&self) -> Time {
        Time::ZERO + Nanos::from(self.began.elapsed())
    }

    /// Returns the stack, to be used; a [`turn`](Self::turn) or a [`flush`](Self::flush) belongs behind that.
    pub fn stack(&mut self) -> &mut Stack<Bytes> {
        &mut self.stack
    }

    /// Takes packets in and sends what is due, a bounded number of each. Returns whether there may be more to do at once.
    ///
    /// # Errors
    ///
    /// Once the device is gone; [`io::ErrorKind::NotConnected`] once it was closed.
    pub fn turn(&mut self) -> io::Result<bool> {
        let more = self.receive().map_err(|closed| match closed {
            Closed::Here => io::ErrorKind::NotConnected.into(),
            closed => io::Error::other(closed),
        })?;
        self.flush();
        Ok(more || self.is_due())
    }

    fn receive(&mut self) -> Result<bool, Closed> {
        let (now, since) = (self.now(), self.began.elapsed());
        for taken in 0..BURST {
            let Some(packet) = self.channel.receive(since)? else {
                return Ok(taken > 0);
            };
            show(&mut self.tap, now, &packet);
            // What is none is nothing to us: the kernel sends all sorts of things to a new interface.
            let _ = self.stack.receive(now, packet);
        }
        Ok(true)
    }

    /// Sends what is due, a bounded number of packets.
    pub fn flush(&mut self) {
        let (now, since) = (self.now(), self.began.elapsed());
        for _ in 0..SENT_AT_ONCE {
            if !self.has_slot() {
                break;
            }
            let Some(packet) = self.stack.transmit(now) else {
                break;
            };
            match self.channel.transmit(&packet, since) {
                Ok(()) => show(&mut self.tap, now, &packet),
                // The MTU of the device is less than the host believes, or there is no device: as good as lost.
                Err(refusal) => tracing::debug!(%refusal, "a packet is lost"),
            }
        }
        self.channel.publish();
    }

    fn has_slot(&mut self) -> bool {
        self.channel.has_slot() || {
            self.channel.publish();
            self.channel.has_slot()
        }
    }

    /// Lets go of the device; nothing comes or goes any more.
    pub fn close(&mut self) {
        self.channel.close();
    }

    /// Returns whether something waits for room in the device.
    pub fn is_stuck(&self) -> bool {
        self.channel.is_backed_up()
    }

    /// Returns whether a [`flush`](Self::flush) has something to do now, as far as the device lets it.
    pub fn is_due(&self) -> bool {
        !self.is_stuck() && self.stack.deadline() == Some(Time::ZERO)
    }

    /// Returns when there is something to do at the latest, whatever comes; none if there is nothing.
    pub fn deadline(&self) -> Option<Time> {
        self.stack.deadline()
    }
}

fn show(tap: &mut Option<Tap>, now: Time, packet: &Packet<Bytes>) {
    if let Some(tap) = tap {
        let pieces = packet.payload.iter().map(AsRef::as_ref);
        let pieces: Vec<&[u8]> = [packet.headers.as_ref()].into_iter().chain(pieces).collect();
        tap(now, &pieces);
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}

/// Waits until a packet waits at `device`, it has `room` if that is asked for, `bell` is readable, or the `longest` time is over
/// (none: for ever). Returns whether the bell was it, perhaps among others.
///
/// # Errors
///
/// What the kernel says; an interruption by a signal is none.
pub fn wait(
    device: BorrowedFd<'_>,
    room: bool,
    bell: BorrowedFd<'_>,
    longest: Option<Duration>,
) -> io::Result<bool> {
    let mut interest = PollFlags::IN;
    interest.set(PollFlags::OUT, room);
    let mut ready = [
        PollFd::from_borrowed_fd(device, interest),
        PollFd::from_borrowed_fd(bell, PollFlags::IN),
    ];
    let longest = longest.and_then(|longest| Timespec::try_from(longest).ok());
    match poll(&mut ready, longest.as_ref()) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let [_, bell] = ready;
    Ok(bell.revents().contains(PollFlags::IN))
}
