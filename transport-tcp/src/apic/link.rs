// SPDX-License-Identifier: MIT OR Apache-2.0
//! One connection over the fabric.

use std::{
    io::{self, IoSlice},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use orb_core::{
    cdr::BY_REFERENCE,
    transport::{Endpoint, Interest, Link, Pace, Registered, Tap, Windows},
};
use parking_lot::{Mutex, MutexGuard};
use rtu::{Nanos, Time};
use transport_apic::{Channel, Closed, FrameMut, Integrity, Pacer, fabric};

use super::now;
use crate::{
    pacing,
    stream::{self, Ended, Received, Stream},
    tapping::Tapping,
};

/// How long a sleeper sleeps at most before it looks again whether its peer is there.
const NAP: Duration = Duration::from_millis(50);
/// How long one sleeps who waits for room.
const SHORT_NAP: Duration = Duration::from_micros(50);

/// A connection over the fabric.
///
/// It belongs to whoever holds the lock; a thread that looks for what comes lets go of it when another one wants to send.
#[derive(Debug)]
pub(crate) struct ApicLink {
    held: Mutex<Held>,
    /// The channel's descriptor, to be lent without its lock.
    descriptor: Arc<OwnedFd>,
    /// What one sleeps on without the lock.
    sleeper: fabric::Sleeper,
    /// Whether bulk is handed on where it lies.
    shares: bool,
    /// How long to look for what comes before sleeping, and whether that has been worth it.
    spin: Duration,
    luck: Luck,
    /// The stream's, to be had without its lock.
    tapping: Arc<Tapping>,
    local: Endpoint,
    peer: Endpoint,
}

impl ApicLink {
    pub(super) fn new(
        stream: Stream<fabric::Circuit>,
        spin: Duration,
        local: Endpoint,
        peer: Endpoint,
    ) -> Self {
        Self {
            descriptor: stream.channel().descriptor(),
            shares: stream.channel().properties().integrity == Integrity::Shared,
            sleeper: stream.channel().sleeper(),
            tapping: Arc::clone(stream.tapping()),
            held: Mutex::new(Held {
                stream,
                at: now(),
                pacer: None,
            }),
            spin,
            luck: Luck::default(),
            local,
            peer,
        }
    }

    /// Waits until the connection is open.
    pub(super) fn open(&self, deadline: Instant) -> io::Result<()> {
        let mut held = self.held.lock();
        loop {
            let at = held.tick();
            if held.stream.open(at).map_err(broken)? {
                return Ok(());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.nap(&mut held, left);
        }
    }

    /// Sleeps until something comes, or for a while, and lets go of the lock meanwhile. Who else asks for a notification gets
    /// that as well.
    fn nap(&self, held: &mut MutexGuard<'_, Held>, most: Duration) {
        // Nobody watches the descriptor while somebody waits here; each notification would cost the peer a system call.
        held.stream.disarm();
        let at = held.tick();
        let Some(interest) = held.stream.interest(false, at) else {
            return;
        };
        if let Some(bell) = held.stream.channel_mut().arm_bell(interest) {
            MutexGuard::unlocked(held, || self.sleeper.sleep(bell, most));
            held.tick();
            held.stream.channel_mut().disarm_bell();
        }
    }

    /// Receives what comes within `timeout`.
    fn wait_for<T>(
        &self,
        timeout: Option<Duration>,
        mut receive: impl FnMut(&mut Held) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut spin = self.luck.wanted(self.spin);
        let mut until = None;
        loop {
            let time = timeout.map_or(spin, |timeout| spin.min(timeout));
            let found = self.look_for(&mut receive, time);
            if !spin.is_zero() {
                self.luck.learn(found.is_ok());
            }
            match found {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
            let left = match timeout {
                Some(timeout) => {
                    let now = Instant::now();
                    // What was spent looking counts as well.
                    let until = *until.get_or_insert(now + timeout.saturating_sub(time));
                    until.saturating_duration_since(now)
                }
                None => NAP,
            };
            if left.is_zero() {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            spin = Duration::ZERO;
            let mut held = self.held.lock();
            if held.stream.has_found_room() {
                // Whoever waits for it may be known to the caller only.
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.nap(&mut held, left);
        }
    }

    /// Looks for what comes, for a while.
    fn look_for<T>(
        &self,
        receive: &mut impl FnMut(&mut Held) -> io::Result<T>,
        time: Duration,
    ) -> io::Result<T> {
        let mut held = self.held.lock();
        let mut end = None;
        loop {
            match receive(&mut held) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
            let at = held.at;
            if at >= *end.get_or_insert(at + Nanos::from(time)) {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            held.stream
                .channel_mut()
                .look_for(transport_apic::Interest::Packets);
            MutexGuard::bump(&mut held);
        }
    }
}

/// What belongs to whoever holds the lock.
#[derive(Debug)]
struct Held {
    stream: Stream<fabric::Circuit>,
    /// When the clock was read last. It is read when there is nothing to do: nothing is timed where nothing is lost, but now
    /// and then somebody has to look whether the peer is there.
    at: Time,
    /// How fast it may send: by messages, so that what has begun to go goes on.
    pacer: Option<Pacer>,
}

impl Held {
    fn tick(&mut self) -> Time {
        self.at = now();
        self.at
    }

    /// Sends as much as goes out now; 0 as well if it is not the time for that.
    fn send(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.paced_until().is_some() {
            return Ok(0);
        }
        let sent = self.stream.send(parts, self.at).map_err(broken)?;
        if let Some(pacer) = &mut self.pacer {
            pacer.spend(sent, elapsed(self.at));
        }
        Ok(sent)
    }

    /// When it may send again, if not now.
    fn paced_until(&mut self) -> Option<Duration> {
        let pacer = self.pacer?;
        pacer.allows(elapsed(self.tick())).err()
    }

    fn receive(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        match self.stream.receive(buffer, self.at) {
            Ok(Received::Octets(count)) => Ok(count),
            Ok(Received::Nothing) => {
                self.tick();
                Err(io::ErrorKind::WouldBlock.into())
            }
            Ok(Received::End) => Ok(0),
            Err(ended) => Err(broken(ended)),
        }
    }

    fn hand_on(&mut self, most: usize) -> io::Result<Bytes> {
        let handed = self.stream.hand_on(most, self.at).map_err(broken)?;
        handed.ok_or_else(|| {
            self.tick();
            io::ErrorKind::WouldBlock.into()
        })
    }
}

/// Whether what comes was there in time lately, when one looked for it before sleeping. It never is where both ends share a
/// CPU, or the peer takes long; so it is tried ever more rarely there, down to once in 64 times.
#[derive(Debug, Default)]
struct Luck {
    /// In a row.
    misses: AtomicU32,
    /// How often not to try before the next time.
    pause: AtomicU32,
}

impl Luck {
    const MOST: u32 = 6;

    /// Returns how long to look: `time`, or not at all. Relaxed: one thread receives at a time.
    fn wanted(&self, time: Duration) -> Duration {
        match self.pause.load(Ordering::Relaxed) {
            0 => time,
            pause => {
                self.pause.store(pause - 1, Ordering::Relaxed);
                Duration::ZERO
            }
        }
    }

    fn learn(&self, found: bool) {
        let misses = if found {
            0
        } else {
            (self.misses.load(Ordering::Relaxed) + 1).min(Self::MOST)
        };
        self.misses.store(misses, Ordering::Relaxed);
        self.pause.store((1 << misses) - 1, Ordering::Relaxed);
    }
}

fn elapsed(now: Time) -> Duration {
    Duration::from_nanos(now.0)
}

fn broken(ended: Ended) -> io::Error {
    let kind = match ended {
        Ended::Channel(Closed::Here) | Ended::Here => io::ErrorKind::NotConnected,
        Ended::Channel(_) | Ended::Connection(_) => io::ErrorKind::ConnectionReset,
    };
    io::Error::new(kind, ended)
}

impl Link for ApicLink {
    /// Who waits for room does not ask for a notification: that is the receiver's, and may be watched for by a poller.
    fn send(&self, parts: &[IoSlice<'_>], timeout: Option<Duration>) -> io::Result<usize> {
        let mut begun = None;
        loop {
            match self.try_send(parts) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
            let waited = begun.get_or_insert_with(Instant::now).elapsed();
            if timeout.is_some_and(|timeout| waited >= timeout) {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            if waited < self.spin {
                std::hint::spin_loop();
            } else {
                let left = timeout.map_or(Duration::MAX, |timeout| timeout.saturating_sub(waited));
                let paced = self.paced_until().map_or(SHORT_NAP, |at| at - Instant::now());
                thread::sleep(paced.max(SHORT_NAP).min(left));
            }
        }
    }

    fn try_send(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut held = self.held.lock();
        match held.send(parts)? {
            0 if parts.iter().any(|part| !part.is_empty()) => {
                held.tick();
                Err(io::ErrorKind::WouldBlock.into())
            }
            sent => Ok(sent),
        }
    }

    fn recv(&self, buffer: &mut BytesMut, timeout: Option<Duration>) -> io::Result<usize> {
        self.wait_for(timeout, |held| held.receive(buffer))
    }

    fn try_recv(&self, buffer: &mut BytesMut) -> io::Result<usize> {
        let mut held = self.held.lock();
        held.stream.disarm();
        held.receive(buffer)
    }

    fn hands_on(&self, octets: usize) -> bool {
        self.shares && stream::hands_on(octets)
    }

    fn recv_where_it_lies(&self, most: usize, timeout: Option<Duration>) -> io::Result<Bytes> {
        if timeout == Some(Duration::ZERO) {
            let mut held = self.held.lock();
            held.stream.disarm();
            return held.hand_on(most);
        }
        self.wait_for(timeout, |held| held.hand_on(most))
    }

    /// What is copied when it is encoded need not lie there.
    fn buffer(&self, octets: usize) -> Option<Box<dyn Registered>> {
        let mut held = (octets >= BY_REFERENCE).then(|| self.held.lock())?;
        let frames = held.stream.channel_mut().buffer(octets)?;
        Some(Box::new(Buffer(frames)))
    }

    fn shutdown(&self) {
        let mut held = self.held.lock();
        let at = held.tick();
        held.stream.shutdown(at);
    }

    fn shutdown_send(&self) {
        let mut held = self.held.lock();
        let at = held.tick();
        held.stream.shutdown_send(at);
    }

    /// The ring and the frames stay as they are: both ends have mapped them.
    fn set_buffers(&self, receive: usize, send: usize) -> io::Result<()> {
        self.held.lock().stream.set_budgets(receive, send);
        Ok(())
    }

    fn set_pace(&self, pace: Option<Pace>) {
        pacing::set(&mut self.held.lock().pacer, pace);
    }

    fn paced_until(&self) -> Option<Instant> {
        self.held.lock().paced_until().map(pacing::instant)
    }

    fn windows(&self) -> Option<Windows> {
        let (receive, send) = self.held.lock().stream.windows()?;
        Some(Windows { receive, send })
    }

    fn peer(&self) -> &Endpoint {
        &self.peer
    }

    fn local(&self) -> &Endpoint {
        &self.local
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.descriptor.as_fd())
    }

    fn hung_up(&self) {
        self.held.lock().stream.channel_mut().look();
    }

    fn watch(&self, interest: Interest) -> Option<Interest> {
        let mut held = self.held.lock();
        let at = held.tick();
        // Of the time to send no descriptor tells.
        let room = interest.writable && held.paced_until().is_none();
        // A descriptor that tells of anything does so by being readable.
        held.stream.arm(room, at).then_some(Interest {
            readable: true,
            writable: false,
            ..interest
        })
    }

    fn tap(&self, tap: Box<dyn Tap>) -> io::Result<()> {
        self.tapping.put_on(tap)
    }

    fn untap(&self) {
        self.tapping.take_off();
    }
}

/// Frames of the channel.
struct Buffer(FrameMut);

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref()
    }
}

impl AsMut<[u8]> for Buffer {
    fn as_mut(&mut self) -> &mut [u8] {
        self.0.as_mut()
    }
}

impl Registered for Buffer {
    fn freeze(self: Box<Self>) -> Bytes {
        self.0.freeze().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_never_finds_anything_looks_ever_more_rarely_until_it_does() {
        let (luck, time) = (Luck::default(), Duration::from_micros(20));
        let tries = |count: u32| {
            (0..count)
                .filter(|_| {
                    let looked = !luck.wanted(time).is_zero();
                    if looked {
                        luck.learn(false);
                    }
                    looked
                })
                .count()
        };
        assert_eq!(tries(64), 6);
        assert_eq!(tries(640), 10);
        luck.learn(true);
        assert_eq!(luck.wanted(time), time);
    }
}
