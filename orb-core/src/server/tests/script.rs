// SPDX-License-Identifier: MIT OR Apache-2.0
//! A link that plays what a test says, and an adapter with a few operations.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    os::fd::BorrowedFd,
    sync::Arc,
    thread,
    time::Duration,
};

use bytes::BytesMut;
use parking_lot::{Condvar, Mutex};

use crate::{
    cdr::Decoder,
    exception::SystemException,
    giop::{Assembler, Message},
    servant::{Adapter, Located, Reply, Request},
    server::{Server, ServerConfig},
    transport::{Endpoint, Event, Interest, Link, Poller},
};

/// Plays chunks of octets to a server, and keeps what it sends.
#[derive(Debug)]
pub(super) struct Script {
    link: Arc<Played>,
    limit: usize,
}

#[derive(Debug)]
struct Played {
    chunks: Mutex<VecDeque<Vec<u8>>>,
    sent: Mutex<(Vec<u8>, usize)>,
    end: Endpoint,
}

/// Returns what a server answers to the chunks before the end of the stream.
pub(super) fn answers(chunks: impl IntoIterator<Item = Vec<u8>>) -> Vec<Message> {
    Script::new(chunks).answers()
}

/// Returns the messages that these octets are.
pub(in crate::server) fn messages(octets: &[u8]) -> Vec<Message> {
    let mut assembler = Assembler::default();
    assembler.buffer(octets.len()).extend_from_slice(octets);
    std::iter::from_fn(|| assembler.next_message().expect("the server speaks GIOP")).collect()
}

impl Script {
    pub(super) fn new(chunks: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self {
            link: Arc::new(Played {
                chunks: Mutex::new(chunks.into_iter().filter(|chunk| !chunk.is_empty()).collect()),
                sent: Mutex::default(),
                end: Endpoint::new("script", "memory", 0),
            }),
            limit: ServerConfig::default().max_message_size,
        }
    }

    pub(super) fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    pub(super) fn answers(&self) -> Vec<Message> {
        let config = ServerConfig {
            max_message_size: self.limit,
            ..ServerConfig::default()
        };
        let server =
            Server::start(config, Arc::new(Speaker), None, Arc::new(Idle::default())).expect("threads");
        server.serve(Arc::clone(&self.link) as Arc<dyn Link>);
        server.shutdown();
        messages(&self.link.sent.lock().0)
    }

    /// How often something was sent.
    pub(super) fn sends(&self) -> usize {
        self.link.sent.lock().1
    }
}

impl Link for Played {
    fn send(&self, parts: &[IoSlice<'_>], _: Option<Duration>) -> io::Result<usize> {
        let mut sent = self.sent.lock();
        parts.iter().for_each(|part| sent.0.extend_from_slice(part));
        sent.1 += 1;
        Ok(parts.iter().map(|part| part.len()).sum())
    }

    fn try_send(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.send(parts, None)
    }

    fn recv(&self, buffer: &mut BytesMut, _: Option<Duration>) -> io::Result<usize> {
        let mut chunks = self.chunks.lock();
        let Some(mut chunk) = chunks.pop_front() else {
            return Ok(0);
        };
        let count = chunk.len().min(buffer.capacity() - buffer.len());
        let rest = chunk.split_off(count);
        buffer.extend_from_slice(&chunk);
        if !rest.is_empty() {
            chunks.push_front(rest);
        }
        Ok(count)
    }

    fn try_recv(&self, buffer: &mut BytesMut) -> io::Result<usize> {
        self.recv(buffer, None)
    }

    fn shutdown(&self) {}

    fn peer(&self) -> &Endpoint {
        &self.end
    }

    fn local(&self) -> &Endpoint {
        &self.end
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

/// A poller with nothing to poll.
#[derive(Debug, Default)]
pub(in crate::server) struct Idle {
    woken: Mutex<bool>,
    waking: Condvar,
}

impl Poller for Idle {
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
            self.waking
                .wait_for(&mut woken, timeout.unwrap_or(Duration::from_secs(60)));
        }
        *woken = false;
        Ok(())
    }

    fn wake(&self) -> io::Result<()> {
        *self.woken.lock() = true;
        self.waking.notify_one();
        thread::yield_now();
        Ok(())
    }
}

/// `echo` (a string back), `silent` (no answer), `nul` (a string that has no form on the wire), `twice` (two answers).
#[derive(Debug)]
pub(in crate::server) struct Speaker;

impl Adapter for Speaker {
    fn dispatch(&self, request: &Request<'_>, args: &mut Decoder<'_>, reply: &mut Reply<'_>) {
        let result = match request.operation {
            "echo" => args
                .string()
                .map_err(SystemException::from)
                .and_then(|text| reply.ok(|e| e.string(&text))),
            "nul" => reply.ok(|e| e.string("a\0b")),
            "twice" => reply
                .ok(|e| e.string("first"))
                .and_then(|()| reply.ok(|e| e.string("second"))),
            _ => Ok(()),
        };
        if let Err(exception) = result {
            reply.system(&exception);
        }
    }

    fn locate(&self, _: &[u8]) -> Located {
        Located::Here
    }
}
