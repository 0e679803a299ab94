// SPDX-License-Identifier: MIT OR Apache-2.0
//! The packets of a running flow: what `upcall capture` writes.
//!
//! A flow over the fabric makes its own packets of IP, which no network sees. Processes of the same user may ask its ORB for
//! copies. The flow puts them into a ring, without waiting or calling the system; what does not fit is dropped and counted.
//! A flow that nobody captures is not slowed.
//!
//! ```no_run
//! # use std::time::Duration;
//! # use upcall::{capture::{Capture, Event}, statistics::Folder};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = Folder::of_user();
//! let orbs = folder.read()?;
//! let (orb, flow) = orbs.iter().find_map(|orb| Some((orb, orb.flows.first()?))).ok_or("there is no flow")?;
//! let mut capture = Capture::start(&folder, orb, flow, 65_535)?;
//! while let Some(Event::Packet(packet)) = capture.next(Duration::from_secs(1))? {
//!     println!("{:?}: {} octets", packet.direction, packet.length);
//! }
//! # Ok(())
//! # }
//! ```

mod ring;
mod station;
mod wire;

#[cfg(test)]
mod tests;

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    time::{Duration, Instant, SystemTime},
};

use bytes::{Buf, Bytes, BytesMut};
pub use orb_core::transport::Direction;

pub(crate) use self::station::{Find, Station};
use self::wire::{Head, Kind, Request};
use crate::statistics::{Flow, Folder, Snapshot};

/// How long an ORB may take to answer: it looks once a second at the latest.
const PATIENCE: Duration = Duration::from_secs(5);

/// Copies of the packets of a flow, until this is dropped.
#[derive(Debug)]
pub struct Capture {
    socket: UnixStream,
    /// What was received and not taken yet.
    buffer: BytesMut,
    ended: bool,
    local: String,
    peer: String,
}

/// What comes of a flow that is captured.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A packet.
    Packet(Packet),
    /// So many packets, from the beginning, were dropped since nobody took them in time.
    Dropped(u64),
    /// The flow has ended, or its process; there is nothing more.
    Ended,
}

/// A packet of IP.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Packet {
    /// When it was sent or received.
    pub time: SystemTime,
    /// Which way it went, seen from the ORB that was asked.
    pub direction: Direction,
    /// The beginning of it, as long as was asked for at most. Checksums are those that travelled: in shared memory TCP's is not
    /// computed.
    pub bytes: Bytes,
    /// The length that it had.
    pub length: u32,
}

/// Why a flow is not captured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// The ORB is not there any more, or does not let itself be asked.
    #[error("process {process} does not answer: {source}")]
    Unreachable {
        /// Its process.
        process: u32,
        /// What the operating system says.
        source: io::Error,
    },
    /// The flow's packets are made by the operating system, between these addresses.
    #[error("the kernel carries this flow, from {local} to {peer}")]
    Kernel {
        /// The end in the process that was asked.
        local: String,
        /// The other one.
        peer: String,
    },
    /// The ORB does not do it.
    #[error("{0}")]
    Refused(String),
}

impl Packet {
    /// Makes one.
    #[must_use]
    pub fn new(time: SystemTime, direction: Direction, bytes: Bytes, length: u32) -> Self {
        Self {
            time,
            direction,
            bytes,
            length,
        }
    }
}

impl Capture {
    /// Begins to capture a flow of an ORB, up to `most` octets of each packet.
    ///
    /// # Errors
    ///
    /// A [`CaptureError`] that says what is in the way.
    pub fn start(folder: &Folder, orb: &Snapshot, flow: &Flow, most: u32) -> Result<Self, CaptureError> {
        let unreachable = |source| CaptureError::Unreachable {
            process: orb.process,
            source,
        };
        let path = folder.station(orb.process, orb.orb);
        let mut socket = UnixStream::connect(path).map_err(unreachable)?;
        if !is_of_this_user(&socket) {
            return Err(unreachable(io::ErrorKind::PermissionDenied.into()));
        }
        let request = Request {
            flow: flow.number,
            most,
        };
        socket
            .set_write_timeout(Some(PATIENCE))
            .and_then(|()| socket.write_all(&request.to_bytes()))
            .map_err(unreachable)?;
        let mut capture = Self {
            socket,
            buffer: BytesMut::new(),
            ended: false,
            local: String::new(),
            peer: String::new(),
        };
        let (head, body) = capture
            .record(PATIENCE)
            .and_then(|record| record.ok_or_else(|| io::ErrorKind::TimedOut.into()))
            .map_err(unreachable)?;
        let text = String::from_utf8_lossy(&body).into_owned();
        let (local, peer) = text.split_once('\n').unwrap_or_default();
        let (local, peer) = (local.to_owned(), peer.to_owned());
        match head.kind {
            Kind::Started => Ok(Self {
                local,
                peer,
                ..capture
            }),
            Kind::Kernel => Err(CaptureError::Kernel { local, peer }),
            _ => Err(CaptureError::Refused(text)),
        }
    }

    /// Returns the end in the process that is asked.
    #[must_use]
    pub fn local(&self) -> &str {
        &self.local
    }

    /// Returns the other end.
    #[must_use]
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// Returns what comes next, if something does in so much time.
    ///
    /// # Errors
    ///
    /// What the operating system says. That the process is gone is no error, but [`Event::Ended`].
    pub fn next(&mut self, time: Duration) -> io::Result<Option<Event>> {
        if self.ended {
            return Ok(Some(Event::Ended));
        }
        let record = match self.record(time) {
            Err(error) if is_end(&error) => {
                self.ended = true;
                return Ok(Some(Event::Ended));
            }
            record => record?,
        };
        let Some((head, bytes)) = record else {
            return Ok(None);
        };
        Ok(Some(match head.kind {
            Kind::Sent | Kind::Received => Event::Packet(Packet {
                time: SystemTime::UNIX_EPOCH + Duration::from_nanos(head.number),
                direction: if head.kind == Kind::Sent {
                    Direction::Sent
                } else {
                    Direction::Received
                },
                bytes,
                length: head.original,
            }),
            Kind::Dropped => Event::Dropped(head.number),
            _ => {
                self.ended = true;
                Event::Ended
            }
        }))
    }

    /// Returns the next record, if it comes in so much time.
    fn record(&mut self, time: Duration) -> io::Result<Option<(Head, Bytes)>> {
        let until = Instant::now() + time;
        let mut last = false;
        loop {
            if let Some(head) = self.buffer.first_chunk() {
                let head = Head::parse(head).ok_or(io::ErrorKind::InvalidData)?;
                let length = Head::SIZE + head.length as usize;
                if self.buffer.len() >= length {
                    let mut record = self.buffer.split_to(length).freeze();
                    record.advance(Head::SIZE);
                    return Ok(Some((head, record)));
                }
            }
            if last {
                return Ok(None);
            }
            let left = until.saturating_duration_since(Instant::now());
            last = left.is_zero();
            let mut some = [0; 1 << 16];
            // A timeout of zero would be none.
            self.socket
                .set_read_timeout(Some(left.max(Duration::from_micros(1))))?;
            match self.socket.read(&mut some) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => self
                    .buffer
                    .extend_from_slice(some.get(..count).unwrap_or_default()),
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock
                    ) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn is_end(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    )
}

/// Whether the process at the other end is one of this user's.
fn is_of_this_user(socket: &UnixStream) -> bool {
    let user = transport_apic::fabric::peer_user(socket);
    user.is_ok_and(|user| user == rustix::process::geteuid().as_raw())
}
