// SPDX-License-Identifier: MIT OR Apache-2.0
//! A transport in memory whose peers do what a test says.

use std::{
    collections::{HashMap, VecDeque},
    io::{self, IoSlice},
    os::fd::BorrowedFd,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use orb_core::{
    cdr::{CdrError, Encoder, Endian, Marshal, Version},
    codeset::{CodeSetInfo, CodeSets},
    giop::{self, Assembler, Message, MessageType, ReplyHeader, ReplyStatus, RequestHeader, ServiceContexts},
    ior::{IiopProfile, Ior, TaggedComponent},
    object::ObjectRef,
    orb::{OrbConfig, OrbCore},
    transport::{Endpoint, Event, Interest, Link, Listener, Poller, Transport, TransportError},
};
use parking_lot::{Condvar, Mutex};

/// What a peer does when a message arrives: it looks at it and writes to the wire.
type Peer = dyn FnMut(&Message, &mut Wire) + Send;

/// The peer's side of a connection.
#[derive(Default)]
pub(crate) struct Wire {
    /// What the client has yet to receive, in the pieces in which it will.
    pieces: VecDeque<Bytes>,
    ended: bool,
}

impl Wire {
    /// Sends octets in one piece.
    pub(crate) fn send(&mut self, octets: impl Into<Bytes>) {
        self.pieces.push_back(octets.into());
    }

    /// Sends octets one by one.
    pub(crate) fn trickle(&mut self, octets: &[u8]) {
        for octet in octets {
            self.pieces.push_back(Bytes::copy_from_slice(&[*octet]));
        }
    }

    /// Ends the stream.
    pub(crate) fn end(&mut self) {
        self.ended = true;
    }
}

struct Ends {
    wire: Wire,
    assembler: Assembler,
    /// What the client sent that was no message yet or that the peer has seen.
    seen: Vec<Message>,
}

/// A connection in memory.
pub(crate) struct ScriptedLink {
    endpoint: Endpoint,
    ends: Mutex<Ends>,
    changed: Condvar,
    peer: Arc<Mutex<Box<Peer>>>,
}

impl std::fmt::Debug for ScriptedLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ScriptedLink({})", self.endpoint)
    }
}

impl ScriptedLink {
    /// Lets the peer act without having received anything.
    pub(crate) fn act(&self, act: impl FnOnce(&mut Wire)) {
        act(&mut self.ends.lock().wire);
        self.changed.notify_all();
    }

    /// Returns what the client has sent.
    pub(crate) fn seen(&self) -> Vec<Message> {
        self.ends.lock().seen.clone()
    }

    fn take(ends: &mut Ends, buffer: &mut BytesMut) -> io::Result<usize> {
        match ends.wire.pieces.pop_front() {
            Some(mut piece) => {
                // No more than there is room for, as a socket would.
                let count = piece.len().min(buffer.capacity() - buffer.len());
                buffer.extend_from_slice(&piece.split_to(count));
                if !piece.is_empty() {
                    ends.wire.pieces.push_front(piece);
                }
                Ok(count)
            }
            None if ends.wire.ended => Ok(0),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Link for ScriptedLink {
    fn send(&self, parts: &[IoSlice<'_>], _: Option<Duration>) -> io::Result<usize> {
        self.try_send(parts)
    }

    fn try_send(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut ends = self.ends.lock();
        let mut count = 0;
        for part in parts {
            ends.assembler.buffer(part.len()).extend_from_slice(part);
            count += part.len();
        }
        while let Some(message) = ends.assembler.next_message().expect("the client sends GIOP") {
            (self.peer.lock())(&message, &mut ends.wire);
            ends.seen.push(message);
        }
        self.changed.notify_all();
        Ok(count)
    }

    fn recv(&self, buffer: &mut BytesMut, timeout: Option<Duration>) -> io::Result<usize> {
        let mut ends = self.ends.lock();
        let deadline = Instant::now() + timeout.unwrap_or(Duration::from_secs(60));
        loop {
            match Self::take(&mut ends, buffer) {
                Err(_) if !self.changed.wait_until(&mut ends, deadline).timed_out() => {}
                result => return result,
            }
        }
    }

    fn try_recv(&self, buffer: &mut BytesMut) -> io::Result<usize> {
        Self::take(&mut self.ends.lock(), buffer)
    }

    fn shutdown(&self) {
        self.act(Wire::end);
    }

    fn peer(&self) -> &Endpoint {
        &self.endpoint
    }

    fn local(&self) -> &Endpoint {
        &self.endpoint
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// Nobody tells of what is there already.
    fn watch(&self, interest: Interest) -> Option<Interest> {
        self.ends.lock().wire.pieces.is_empty().then_some(interest)
    }
}

/// A network of scripted peers.
#[derive(Default)]
pub(crate) struct Network {
    peers: Mutex<HashMap<u16, Arc<Mutex<Box<Peer>>>>>,
    links: Mutex<Vec<Arc<ScriptedLink>>>,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Network")
    }
}

impl Network {
    /// Puts a peer at a port.
    pub(crate) fn at(&self, port: u16, peer: impl FnMut(&Message, &mut Wire) + Send + 'static) {
        self.peers
            .lock()
            .insert(port, Arc::new(Mutex::new(Box::new(peer))));
    }

    /// Takes the peer at a port away; its connections stay.
    pub(crate) fn nobody_at(&self, port: u16) {
        self.peers.lock().remove(&port);
    }

    /// Returns the connections in the order they were made.
    pub(crate) fn links(&self) -> Vec<Arc<ScriptedLink>> {
        self.links.lock().clone()
    }
}

#[derive(Debug)]
struct Scripted(Arc<Network>);

impl Transport for Scripted {
    fn scheme(&self) -> &str {
        Endpoint::IIOP
    }

    fn connect(&self, endpoint: &Endpoint, _: Instant) -> Result<Arc<dyn Link>, TransportError> {
        let Some(peer) = self.0.peers.lock().get(&endpoint.port()).cloned() else {
            return Err(TransportError::new(
                "connect to",
                endpoint,
                io::ErrorKind::ConnectionRefused.into(),
            ));
        };
        let ends = Ends {
            wire: Wire::default(),
            assembler: Assembler::default(),
            seen: Vec::new(),
        };
        let link = Arc::new(ScriptedLink {
            endpoint: endpoint.clone(),
            ends: Mutex::new(ends),
            changed: Condvar::new(),
            peer,
        });
        self.0.links.lock().push(Arc::clone(&link));
        Ok(link)
    }

    fn listen(&self, endpoint: &Endpoint) -> Result<Box<dyn Listener>, TransportError> {
        Err(TransportError::new(
            "listen at",
            endpoint,
            io::ErrorKind::Unsupported.into(),
        ))
    }

    fn poller(&self) -> io::Result<Arc<dyn Poller>> {
        Ok(Arc::new(Sleeper::default()))
    }
}

/// A poller for links that cannot be polled: it only sleeps.
#[derive(Debug, Default)]
struct Sleeper {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Poller for Sleeper {
    fn add(&self, _: BorrowedFd<'_>, _: u64, _: Interest) -> io::Result<()> {
        Ok(())
    }

    fn modify(&self, _: BorrowedFd<'_>, _: u64, _: Interest) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, _: BorrowedFd<'_>) -> io::Result<()> {
        Ok(())
    }

    fn wait(&self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<()> {
        events.clear();
        let mut woken = self.woken.lock();
        if !*woken {
            self.changed
                .wait_for(&mut woken, timeout.unwrap_or(Duration::from_secs(1)));
        }
        *woken = false;
        Ok(())
    }

    fn wake(&self) -> io::Result<()> {
        *self.woken.lock() = true;
        self.changed.notify_all();
        Ok(())
    }
}

/// An ORB on a network of its own.
pub(crate) fn orb(config: OrbConfig) -> (Arc<OrbCore>, Arc<Network>) {
    let network = Arc::new(Network::default());
    let transport: Arc<dyn Transport> = Arc::new(Scripted(Arc::clone(&network)));
    (OrbCore::new(config, vec![transport]), network)
}

/// A reference to the object `key` at a port.
pub(crate) fn object(core: &Arc<OrbCore>, port: u16, key: &str) -> ObjectRef {
    core.object(ior(port, key))
}

pub(crate) fn ior(port: u16, key: &str) -> Ior {
    let mut profile = IiopProfile::new("scripted", port, key.as_bytes().to_vec());
    profile
        .components
        .push(TaggedComponent::code_sets(&CodeSetInfo::ours()));
    Ior::iiop("IDL:Scripted:1.0", &profile)
}

/// Reads the header of a request.
pub(crate) fn header(message: &Message) -> RequestHeader<'_> {
    message.request(CodeSets::NATIVE, None).expect("a request").0
}

/// Makes a reply to `request`.
pub(crate) fn reply(
    request: &Message,
    status: ReplyStatus,
    write: impl FnOnce(&mut Encoder<'_>) -> Result<(), CdrError>,
) -> Bytes {
    reply_in(Endian::NATIVE, request, status, write)
}

pub(crate) fn reply_in(
    endian: Endian,
    request: &Message,
    status: ReplyStatus,
    write: impl FnOnce(&mut Encoder<'_>) -> Result<(), CdrError>,
) -> Bytes {
    let mut encoder = Encoder::new(endian, request.header().version, CodeSets::NATIVE);
    giop::begin(&mut encoder, MessageType::Reply);
    let request_id = request.request_id().expect("an id");
    let header = ReplyHeader {
        request_id,
        status,
        service_contexts: ServiceContexts::default(),
    };
    header.encode(&mut encoder).expect("encoded");
    let padding = giop::begin_body(&mut encoder);
    write(&mut encoder).expect("encoded");
    giop::finish(&mut encoder, Some(padding)).expect("encoded");
    encoder.contiguous()
}

/// Makes a reply with one value.
pub(crate) fn reply_with(message: &Message, status: ReplyStatus, value: &impl Marshal) -> Bytes {
    let mut octets = Encoder::native();
    value.marshal(&mut octets).expect("encoded");
    let octets = octets.contiguous();
    reply(message, status, |encoder| {
        encoder.raw(&octets);
        Ok(())
    })
}

/// A reply with one number.
pub(crate) fn number(request: &Message, value: i32) -> Bytes {
    reply(request, ReplyStatus::NoException, |encoder| {
        encoder.long(value);
        Ok(())
    })
}

/// A peer that answers every request with the number it carries, plus one.
pub(crate) fn successor(message: &Message, wire: &mut Wire) {
    if message.message_type() == MessageType::Request {
        let value = argument(message);
        wire.send(number(message, value + 1));
    }
}

/// The number a request carries.
pub(crate) fn argument(message: &Message) -> i32 {
    let (_, mut body) = message.request(CodeSets::NATIVE, None).expect("a request");
    body.long().expect("a number")
}

pub(crate) fn close() -> Bytes {
    Bytes::copy_from_slice(&giop::close_connection(Version::V1_2))
}
