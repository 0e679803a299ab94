// SPDX-License-Identifier: MIT OR Apache-2.0
//! A server with one object whose servant is written by hand, and a client that speaks GIOP octet by octet: to show
//! how the server treats clients that misbehave.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use orb_core::{
    cdr::{CdrError, Decoder, Encoder, Endian, Version},
    codeset::CodeSets,
    context::Context,
    exception::{Completed, SystemException, SystemExceptionKind, minor},
    giop::{
        self, Assembler, CancelRequest, LocateRequest, Message, MessageType, RequestHeader, ResponseFlags,
        ServiceContext, ServiceContexts, TargetAddress,
    },
    servant::{Adapter, Located, Reply, Request, Servant},
    server::{Server, ServerConfig},
    transport::{Endpoint, Transport},
};
use transport_tcp::KernelTcp;

use crate::PATIENCE;

/// The key of the one object.
pub const KEY: &[u8] = b"object";

/// The one object and its adapter.
///
/// Operations: `null`; `echo` (octets back); `wait` (until [`Gate::open`]); `count` (a oneway); `panic`; `large`
/// (so many octets).
#[derive(Debug, Default)]
pub struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
    waiting: AtomicUsize,
    /// How often `count` was called.
    pub counted: AtomicUsize,
    /// How many requests of `wait` found themselves cancelled.
    pub cancelled: AtomicUsize,
}

impl Gate {
    /// Lets all `wait` operations, present and future, return.
    pub fn open(&self) {
        *self.open.lock().expect("no test panics with it") = true;
        self.opened.notify_all();
    }

    /// Waits until so many `wait` operations are in progress.
    pub fn expect_waiting(&self, count: usize) {
        until("requests are in progress", || {
            self.waiting.load(Ordering::SeqCst) >= count
        });
    }

    fn pass(&self) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let open = self.open.lock().expect("no test panics with it");
        let waited = self.opened.wait_timeout_while(open, PATIENCE, |open| !*open);
        drop(waited);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Servant for Gate {
    fn repository_id(&self) -> &str {
        "IDL:Gate:1.0"
    }

    fn is_a(&self, id: &str) -> bool {
        id == "IDL:Gate:1.0"
    }

    fn dispatch(
        &self,
        cx: &Context<'_>,
        args: &mut Decoder<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<(), SystemException> {
        match cx.operation() {
            "null" => reply.ok(|_| Ok(())),
            "echo" => {
                let octets = args.octets()?;
                reply.ok(|e| e.octets(octets))
            }
            "wait" => {
                self.pass();
                self.cancelled
                    .fetch_add(usize::from(cx.is_cancelled()), Ordering::SeqCst);
                reply.ok(|_| Ok(()))
            }
            "count" => {
                self.counted.fetch_add(1, Ordering::SeqCst);
                reply.ok(|_| Ok(()))
            }
            "large" => {
                let octets = vec![7; args.ulong()? as usize];
                reply.ok(|e| e.octets(&octets))
            }
            "panic" => panic!("as asked"),
            _ => Err(SystemException::new(
                SystemExceptionKind::BadOperation,
                minor::UNKNOWN_OPERATION,
                Completed::No,
            )),
        }
    }
}

impl Adapter for Gate {
    fn dispatch(&self, request: &Request<'_>, args: &mut Decoder<'_>, reply: &mut Reply<'_>) {
        if request.object_key != KEY {
            return reply.system(&SystemException::new(
                SystemExceptionKind::ObjectNotExist,
                0,
                Completed::No,
            ));
        }
        let cx = Context::new(request.object_key, request.operation, request.origin);
        if let Err(exception) = Servant::dispatch(self, &cx, args, reply) {
            reply.system(&exception);
        }
    }

    fn locate(&self, object_key: &[u8]) -> Located {
        if object_key == KEY {
            Located::Here
        } else {
            Located::Unknown
        }
    }
}

/// A running server; stops when dropped.
#[derive(Debug)]
pub struct Serving {
    /// The server.
    pub server: Server,
    /// Its one object.
    pub gate: Arc<Gate>,
    address: SocketAddr,
}

impl Serving {
    /// Starts a server on a free port of the loopback interface.
    #[must_use]
    pub fn start(config: ServerConfig) -> Self {
        let tcp = KernelTcp::new();
        let gate = Arc::new(Gate::default());
        let listener = tcp.listen(&Endpoint::iiop("127.0.0.1", 0)).expect("a free port");
        let port = listener.local().port();
        let poller = tcp.poller().expect("a poller");
        let adapter = Arc::clone(&gate) as Arc<dyn Adapter>;
        let server = Server::start(config, adapter, None, poller).expect("threads");
        server.listen(listener).expect("the listener can be watched");
        Self {
            server,
            gate,
            address: ([127, 0, 0, 1], port).into(),
        }
    }

    /// Connects to it.
    #[must_use]
    pub fn connect(&self) -> Peer {
        Peer::new(self.address)
    }

    /// Connects without the comfort of a [`Peer`].
    #[must_use]
    pub fn socket(&self) -> TcpStream {
        TcpStream::connect(self.address).expect("the server accepts")
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.gate.open();
        self.server.shutdown();
    }
}

/// A client that sends what it is told to.
#[derive(Debug)]
pub struct Peer {
    /// The connection.
    pub stream: TcpStream,
    assembler: Assembler,
    /// The version of what is sent next.
    pub version: Version,
    /// The byte order of what is sent next.
    pub endian: Endian,
    next_id: u32,
}

impl Peer {
    /// Connects to a server.
    ///
    /// # Panics
    /// If it does not accept.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server accepts");
        stream.set_nodelay(true).expect("a TCP socket");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a timeout above zero");
        stream
            .set_write_timeout(Some(PATIENCE))
            .expect("a timeout above zero");
        Self {
            stream,
            assembler: Assembler::default(),
            version: Version::V1_2,
            endian: Endian::NATIVE,
            next_id: 1,
        }
    }

    /// Encodes a message.
    pub fn message<'a>(
        &self,
        message_type: MessageType,
        write: impl FnOnce(&mut Encoder<'a>) -> Result<(), CdrError>,
    ) -> Vec<u8> {
        let mut encoder = Encoder::new(self.endian, self.version, CodeSets::UNNEGOTIATED);
        giop::begin(&mut encoder, message_type);
        write(&mut encoder).expect("it can be encoded");
        giop::finish(&mut encoder, None).expect("it is not too large");
        encoder.contiguous().to_vec()
    }

    /// Encodes a request with the next id, with `octets` as its argument if there are any.
    pub fn request(&mut self, operation: &str, octets: &[u8]) -> Vec<u8> {
        self.request_to(KEY, operation, ResponseFlags::Target, octets)
    }

    /// Encodes a request to any object.
    pub fn request_to(
        &mut self,
        key: &[u8],
        operation: &str,
        response: ResponseFlags,
        octets: &[u8],
    ) -> Vec<u8> {
        self.request_with(key, operation, response, &[], octets)
    }

    /// Encodes a request with service contexts.
    pub fn request_with(
        &mut self,
        key: &[u8],
        operation: &str,
        response: ResponseFlags,
        contexts: &[ServiceContext<'_>],
        octets: &[u8],
    ) -> Vec<u8> {
        self.request_of(key, operation, response, contexts, |encoder| {
            if octets.is_empty() {
                return Ok(());
            }
            let _ = giop::begin_body(encoder);
            encoder.octets(octets)
        })
    }

    /// Encodes a request with service contexts and a body.
    pub fn request_of<'a>(
        &mut self,
        key: &'a [u8],
        operation: &'a str,
        response: ResponseFlags,
        contexts: &'a [ServiceContext<'a>],
        body: impl FnOnce(&mut Encoder<'a>) -> Result<(), CdrError>,
    ) -> Vec<u8> {
        let id = self.next_id;
        self.next_id += 1;
        self.message(MessageType::Request, |encoder| {
            RequestHeader {
                request_id: id,
                response,
                target: TargetAddress::Key(key),
                operation,
                service_contexts: ServiceContexts::from(contexts),
            }
            .encode(encoder)?;
            body(encoder)
        })
    }

    /// Returns the id of the last request.
    #[must_use]
    pub fn last_id(&self) -> u32 {
        self.next_id - 1
    }

    /// Encodes a locate request.
    #[must_use]
    pub fn locate(&self, id: u32, key: &[u8]) -> Vec<u8> {
        self.message(MessageType::LocateRequest, |encoder| {
            LocateRequest {
                request_id: id,
                target: TargetAddress::Key(key),
            }
            .encode(encoder)
        })
    }

    /// Encodes a cancel request.
    #[must_use]
    pub fn cancel(&self, request_id: u32) -> Vec<u8> {
        self.message(MessageType::CancelRequest, |encoder| {
            CancelRequest { request_id }.encode(encoder);
            Ok(())
        })
    }

    /// Sends octets.
    pub fn send(&mut self, octets: &[u8]) {
        self.stream.write_all(octets).expect("the server takes it");
    }

    /// Receives the next message; `None` at the end of the stream (a reset included).
    pub fn receive(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.assembler.next_message().expect("the server speaks GIOP") {
                return Some(message);
            }
            let mut octets = [0; 64 * 1024];
            match self.stream.read(&mut octets) {
                Ok(0) => return None,
                Ok(count) => self
                    .assembler
                    .buffer(count)
                    .extend_from_slice(octets.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("no answer: {error}"),
            }
        }
    }

    /// Calls an operation, and returns the reply.
    pub fn call(&mut self, operation: &str, octets: &[u8]) -> Message {
        let request = self.request(operation, octets);
        self.send(&request);
        self.receive().expect("the server answers")
    }

    /// Calls `null` and expects its reply.
    pub fn expect_service(&mut self) {
        let reply = self.call("null", &[]);
        let id = self.last_id();
        let (header, _) = reply.reply(CodeSets::UNNEGOTIATED, None).expect("a reply");
        assert_eq!(header.request_id, id);
        assert_eq!(header.status, giop::ReplyStatus::NoException);
    }

    /// Expects the end of the stream, after messages that are returned.
    pub fn expect_end(&mut self) -> Vec<MessageType> {
        let mut types = Vec::new();
        while let Some(message) = self.receive() {
            types.push(message.message_type());
        }
        types
    }
}

/// Waits until `condition` holds.
///
/// # Panics
/// If it does not for too long.
pub fn until(what: &str, condition: impl Fn() -> bool) {
    let end = std::time::Instant::now() + PATIENCE;
    while !condition() {
        assert!(std::time::Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
