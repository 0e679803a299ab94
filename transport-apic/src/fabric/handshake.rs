// SPDX-License-Identifier: MIT OR Apache-2.0
//! What two ends say to each other before there is a channel, in messages of fixed size.
//!
//! The listener begins, and says what it has room for; then each shows the other one its memory.
//!
//! | bytes | |
//! |---|---|
//! | 0..8 | `upcallF2` |
//! | 8..10 | 1 from who connects, 2 from who accepts, 3 from who refuses, 4 from who listens |
//! | 10..12 | the reason, of a refusal |
//! | 12..32 | of who connects or accepts: slots; size and count of small frames; of large ones |
//! | 12..20 | of who listens: bytes on their way to it that who connects is to have room for; 0 is as many as it likes |
//!
//! Numbers are little-endian, and what is not used is zero. The memory comes with the messages of who connects and accepts.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use crate::end::End;
use crate::frame::Owner;
use crate::geometry::{FrameClass, Geometry, PAGE};
use crate::memory::{self, Memory, Untrusted};
use crate::pool::{NoPool, Pool};
use crate::{BadGeometry, Integrity};

use super::circuit::Circuit;
use super::credentials::peer_user;
use super::socket::Socket;
use super::{Config, own_user};

const MAGIC: &[u8; 8] = b"upcallF2";
const HEAD: usize = 12;
pub(super) const LENGTH: usize = 32;

/// Why a channel was refused, as its other end says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// Its user is not one that the listener speaks to.
    #[error("it does not speak to this user")]
    User,
    /// What it said cannot be understood: another version, perhaps.
    #[error("it does not understand what was said; it may be of another version")]
    Message,
    /// Its memory is too large, or laid out as it cannot be.
    #[error("it does not take memory of that size and layout")]
    Geometry,
    /// Its memory is not sealed, or no memory.
    #[error("it does not trust the memory that was passed")]
    Memory,
    /// There is no memory or no descriptor left.
    #[error("it has no room for another channel")]
    Room,
}

impl Reason {
    const ALL: [Self; 5] = [
        Self::User,
        Self::Message,
        Self::Geometry,
        Self::Memory,
        Self::Room,
    ];

    fn code(self) -> u16 {
        let place = Self::ALL.iter().position(|reason| *reason == self);
        place.and_then(|place| u16::try_from(place + 1).ok()).unwrap_or(0)
    }

    fn of(code: u16) -> Option<Self> {
        let place = usize::from(code).checked_sub(1)?;
        Self::ALL.get(place).copied()
    }
}

/// What went wrong before there was a channel.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The other end is of a user that this one does not speak to.
    #[error("the other end is a process of user {0}, who is not allowed")]
    User(u32),
    /// The other end said something that cannot be understood.
    #[error("the other end's message cannot be understood: its {0} is wrong")]
    Message(&'static str),
    /// The other end's memory is laid out as it cannot be.
    #[error("the other end's memory is not taken: {0}")]
    Geometry(#[from] BadGeometry),
    /// The other end's memory is not trusted.
    #[error("the other end's memory is not taken: {0}")]
    Memory(#[from] Untrusted),
    /// The other end hung up.
    #[error("the other end hung up")]
    HungUp,
    /// The other end refused, and said why.
    #[error("the other end refused: {0}")]
    Refused(Reason),
    /// There is no memory to pass. Memory files may be forbidden: sandboxes do that.
    #[error("no memory can be made to share with the other end: {0}")]
    NoMemory(io::Error),
    /// There is no memory for payload that is copied.
    #[error(transparent)]
    NoPool(#[from] NoPool),
    /// The system refused something else.
    #[error("the socket of the channel failed: {0}")]
    System(#[from] io::Error),
}

impl HandshakeError {
    /// What the other end is told.
    pub(super) fn reason(&self) -> Reason {
        match self {
            Self::User(_) => Reason::User,
            Self::Geometry(_) => Reason::Geometry,
            Self::Memory(_) => Reason::Memory,
            Self::NoMemory(_) | Self::NoPool(_) => Reason::Room,
            _ => Reason::Message,
        }
    }
}

/// Who says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum Kind {
    Connect = 1,
    Accept = 2,
}

const REFUSE: u16 = 3;
const LISTEN: u16 = 4;

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    Offer(Kind, Geometry),
    Refuse(Reason),
    /// Bytes on their way to the listener that who connects is to have room for.
    Listen(u64),
}

impl Message {
    pub(super) fn encode(&self) -> [u8; LENGTH] {
        let (kind, reason) = match self {
            Self::Offer(kind, _) => (*kind as u16, 0),
            Self::Refuse(reason) => (REFUSE, reason.code()),
            Self::Listen(_) => (LISTEN, 0),
        };
        let mut bytes = [0; LENGTH];
        let (head, body) = bytes.split_at_mut(HEAD);
        fill(
            head,
            MAGIC
                .iter()
                .copied()
                .chain(kind.to_le_bytes())
                .chain(reason.to_le_bytes()),
        );
        match self {
            Self::Offer(_, it) => {
                let numbers = [
                    it.slots,
                    it.small.size,
                    it.small.count,
                    it.large.size,
                    it.large.count,
                ];
                fill(body, numbers.into_iter().flat_map(u32::to_le_bytes));
            }
            Self::Listen(room) => fill(body, room.to_le_bytes().into_iter()),
            Self::Refuse(_) => {}
        }
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, HandshakeError> {
        let wrong = HandshakeError::Message;
        let (magic, rest) = bytes.split_first_chunk::<8>().ok_or(wrong("length"))?;
        let (kind, rest) = rest.split_first_chunk::<2>().ok_or(wrong("length"))?;
        let (reason, body) = rest.split_first_chunk::<2>().ok_or(wrong("length"))?;
        let body: &[u8; LENGTH - HEAD] = body.try_into().map_err(|_| wrong("length"))?;
        if magic != MAGIC {
            return Err(wrong("version"));
        }
        match u16::from_le_bytes(*kind) {
            1 => Ok(Self::Offer(Kind::Connect, geometry(body))),
            2 => Ok(Self::Offer(Kind::Accept, geometry(body))),
            REFUSE => {
                let reason = Reason::of(u16::from_le_bytes(*reason)).ok_or(wrong("reason"))?;
                Ok(Self::Refuse(reason))
            }
            LISTEN => Ok(Self::Listen(room(body))),
            _ => Err(wrong("kind")),
        }
    }
}

fn fill(to: &mut [u8], from: impl Iterator<Item = u8>) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = from);
}

/// What is wrong with it shows when it is checked.
fn geometry(body: &[u8; LENGTH - HEAD]) -> Geometry {
    let mut numbers = body
        .as_chunks::<4>()
        .0
        .iter()
        .map(|bytes| u32::from_le_bytes(*bytes));
    let mut next = || numbers.next().unwrap_or_default();
    Geometry {
        slots: next(),
        small: FrameClass {
            size: next(),
            count: next(),
        },
        large: FrameClass {
            size: next(),
            count: next(),
        },
    }
}

/// However much it is, who takes it takes no more than it can.
fn room(body: &[u8; LENGTH - HEAD]) -> u64 {
    body.first_chunk().copied().map_or(0, u64::from_le_bytes)
}

/// Our half of a channel, made and yet to be shown.
pub(super) struct Half {
    memory: Memory,
    file: OwnedFd,
    geometry: Geometry,
}

impl Half {
    pub(super) fn new(geometry: Geometry) -> Result<Self, HandshakeError> {
        let length = usize::try_from(geometry.bytes()).unwrap_or(usize::MAX);
        let (mapping, file) = memory::create(length).map_err(HandshakeError::NoMemory)?;
        let memory = Memory::new(mapping, geometry.words());
        Ok(Self {
            memory,
            file,
            geometry,
        })
    }

    pub(super) fn show(&self, socket: &Socket, kind: Kind) -> io::Result<()> {
        let offer = Message::Offer(kind, self.geometry);
        socket.send(&offer.encode(), Some(self.file.as_fd()))
    }

    /// Joins it to the other end's half, whose user was checked.
    pub(super) fn join(
        self,
        theirs: Offered,
        socket: Socket,
        config: &Config,
    ) -> Result<Circuit, HandshakeError> {
        let integrity = if theirs.user == own_user() {
            config.integrity
        } else {
            Integrity::Copied
        };
        let private = Pool::private(private(integrity, theirs.geometry))?;
        let ours = Owner::new(self.memory, self.geometry);
        let theirs = Owner::new(theirs.memory, theirs.geometry);
        let end = End::new(ours, theirs, private, integrity, config.pace);
        Ok(Circuit::new(end, socket, config.spin))
    }
}

/// The frames for what is copied: of short packets only, or of everything. What is not used takes no memory.
fn private(integrity: Integrity, theirs: Geometry) -> Geometry {
    match integrity {
        Integrity::Copied => theirs,
        Integrity::Shared => Geometry {
            large: FrameClass { size: PAGE, count: 0 },
            small: FrameClass {
                size: PAGE,
                count: 1152,
            },
            ..theirs
        },
    }
}

/// The other end's half, checked and mapped.
pub(super) struct Offered {
    memory: Memory,
    geometry: Geometry,
    user: u32,
}

/// Looks for the other end's message, with what was passed; `None` while it has not come.
fn heard(
    socket: &Socket,
    config: &Config,
) -> Result<Option<(Message, Option<OwnedFd>, u32)>, HandshakeError> {
    let user = peer_user(socket)?;
    if !config.peers.allow(user) {
        return Err(HandshakeError::User(user));
    }
    let mut bytes = [0; LENGTH];
    let Some((length, passed)) = socket.receive(&mut bytes)? else {
        return Ok(None);
    };
    match length {
        0 => return Err(HandshakeError::HungUp),
        LENGTH => {}
        _ => return Err(HandshakeError::Message("length")),
    }
    match Message::decode(&bytes)? {
        Message::Refuse(reason) => Err(HandshakeError::Refused(reason)),
        message => Ok(Some((message, passed, user))),
    }
}

/// Looks for what the listener has room for; `None` while it has not said so.
pub(super) fn offered_room(socket: &Socket, config: &Config) -> Result<Option<u64>, HandshakeError> {
    match heard(socket, config)? {
        None => Ok(None),
        Some((Message::Listen(room), ..)) => Ok(Some(room)),
        Some(_) => Err(HandshakeError::Message("kind")),
    }
}

/// Looks for the other end's memory; `None` while it has not come.
pub(super) fn offered(
    socket: &Socket,
    expected: Kind,
    config: &Config,
) -> Result<Option<Offered>, HandshakeError> {
    let Some((message, passed, user)) = heard(socket, config)? else {
        return Ok(None);
    };
    let geometry = match message {
        Message::Offer(kind, geometry) if kind == expected => geometry,
        _ => return Err(HandshakeError::Message("kind")),
    };
    geometry.check(config.most_peer_bytes)?;
    let file = passed.ok_or(HandshakeError::Message("memory"))?;
    let length = usize::try_from(geometry.bytes()).unwrap_or(usize::MAX);
    let mapping = memory::open(file.as_fd(), length)?;
    let memory = Memory::new(mapping, geometry.words());
    Ok(Some(Offered {
        memory,
        geometry,
        user,
    }))
}

/// Takes what a fuzzer says for the other end's message.
#[cfg(fuzzing)]
pub fn consume_message(bytes: &[u8]) {
    let Ok(message) = Message::decode(bytes) else {
        return;
    };
    assert_eq!(Message::decode(&message.encode()).ok(), Some(message));
    let most = Config::default().most_peer_bytes;
    if let Message::Offer(_, geometry) = message
        && geometry.check(most).is_ok()
    {
        assert!(geometry.words() as u64 * 8 <= geometry.bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_they_were_written_and_nothing_else_is() {
        let offer = Message::Offer(Kind::Accept, Geometry::default());
        let bytes = offer.encode();
        assert_eq!(Message::decode(&bytes).ok(), Some(offer));
        for reason in Reason::ALL {
            let refusal = Message::Refuse(reason);
            assert_eq!(Message::decode(&refusal.encode()).ok(), Some(refusal));
        }
        let room = Message::Listen(u64::MAX - 1);
        assert_eq!(Message::decode(&room.encode()).ok(), Some(room));
        let wrong = |at: usize, value: u8| {
            let mut bytes = bytes;
            bytes[at] = value;
            match Message::decode(&bytes) {
                Err(HandshakeError::Message(field)) => field,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(wrong(7, b'1'), "version");
        assert_eq!(wrong(8, 9), "kind");
        assert_eq!(wrong(8, 3), "reason");
        for length in 0..LENGTH {
            assert!(Message::decode(&bytes[..length]).is_err());
        }
    }
}
