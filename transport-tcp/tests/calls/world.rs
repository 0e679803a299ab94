// SPDX-License-Identifier: MIT OR Apache-2.0
//! A server with one object on it, and a client.

use std::{
    collections::HashMap,
    future::Future,
    pin::pin,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context as TaskContext, Poll, Wake, Waker},
    thread::{self, Thread},
    time::Duration,
};

use bytes::Bytes;
use orb_core::{
    cdr::{CdrError, Decoder, Encoder, Version},
    codeset::CodeSetInfo,
    exception::{Completed, SystemException, SystemExceptionKind as Kind},
    invoke::{Call, OnewayCall, Operation},
    ior::{IiopProfile, Ior, TaggedComponent},
    object::ObjectRef,
    orb::{OrbConfig, OrbCore},
    servant::{Adapter, Located, Reply, Request},
    server::{Server, ServerConfig},
    transport::{Endpoint, Transport},
};
use transport_tcp::KernelTcp;

const TYPE_ID: &str = "IDL:World/Object:1.0";
const KEY: &[u8] = b"the object";

macro_rules! operation {
    ($name:ident, $wire:literal, $args:ty, $output:ty, |$a:ident, $e:ident| $write:expr, |$d:ident| $read:expr) => {
        pub(crate) struct $name;

        impl Operation for $name {
            const NAME: &'static str = $wire;
            type Args<'a> = $args;
            type Output = $output;
            type Error = SystemException;

            fn marshal<'e, 'a: 'e>($a: &'e Self::Args<'a>, $e: &mut Encoder<'e>) -> Result<(), CdrError> {
                $write
            }

            fn unmarshal($d: &mut Decoder<'_>) -> Result<$output, CdrError> {
                $read
            }
        }
    };
}

fn two(pair: (i32, i32), encoder: &mut Encoder<'_>) -> Result<(), CdrError> {
    encoder.long(pair.0);
    encoder.long(pair.1);
    Ok(())
}

operation!(Add, "add", (i32, i32), i32, |args, e| two(*args, e), |d| d.long());
operation!(Echo, "echo", &'a [u8], Bytes, |args, e| e.octets(args), |d| d
    .bytes());
operation!(Note, "note", (i32, i32), (), |args, e| two(*args, e), |_d| Ok(()));
operation!(Noted, "noted", i32, Vec<i32>, |args, e| two((*args, 0), e), |d| d
    .primitives());
operation!(Hold, "hold", i32, (), |args, e| two((*args, 0), e), |_d| Ok(()));

/// The object as its client sees it.
pub(crate) struct Remote(pub(crate) ObjectRef);

impl Remote {
    pub(crate) fn add(&self, a: i32, b: i32) -> Call<'_, Add> {
        Call::new(&self.0, (a, b))
    }

    pub(crate) fn echo<'a>(&'a self, data: &'a [u8]) -> Call<'a, Echo> {
        Call::new(&self.0, data)
    }

    pub(crate) fn note(&self, thread: i32, n: i32) -> OnewayCall<'_, Note> {
        OnewayCall::new(&self.0, (thread, n))
    }

    pub(crate) fn noted(&self, thread: i32) -> Call<'_, Noted> {
        Call::new(&self.0, thread)
    }

    pub(crate) fn hold(&self, n: i32) -> Call<'_, Hold> {
        Call::new(&self.0, n)
    }
}

/// The object as its server sees it.
#[derive(Debug, Default)]
struct Object {
    notes: Mutex<HashMap<i32, Vec<i32>>>,
    /// How many `hold` calls are inside, and whether they may go.
    held: Mutex<(usize, bool)>,
    changed: Condvar,
    forwards: AtomicUsize,
    place: Mutex<Option<Endpoint>>,
}

impl Object {
    fn serve(
        &self,
        request: &Request<'_>,
        args: &mut Decoder<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<(), SystemException> {
        if let Some(times) = request.object_key.strip_prefix(b"forward ") {
            return self.forward(times, reply);
        }
        match request.operation {
            "add" => {
                let sum = args.long()? + args.long()?;
                reply.ok(|e| {
                    e.long(sum);
                    Ok(())
                })
            }
            "echo" => {
                let data = args.bytes()?;
                reply.ok(|e| e.bytes_shared(&data))
            }
            "note" => {
                self.notes
                    .lock()
                    .expect("sound")
                    .entry(args.long()?)
                    .or_default()
                    .push(args.long()?);
                reply.ok(|_| Ok(()))
            }
            "noted" => {
                let notes = self.notes_of(args.long()?);
                reply.ok(|e| {
                    e.sequence_len(notes.len(), None)?;
                    notes.iter().for_each(|&note| e.long(note));
                    Ok(())
                })
            }
            "hold" => {
                let mut held = self.held.lock().expect("sound");
                held.0 += 1;
                self.changed.notify_all();
                let mut held = self.changed.wait_while(held, |held| !held.1).expect("sound");
                held.0 -= 1;
                drop(held);
                reply.ok(|_| Ok(()))
            }
            other => {
                Err(SystemException::new(Kind::BadOperation, 0, Completed::No).with_message(other.to_owned()))
            }
        }
    }

    fn forward(&self, times: &[u8], reply: &mut Reply<'_>) -> Result<(), SystemException> {
        self.forwards.fetch_add(1, Ordering::Relaxed);
        let times: usize = std::str::from_utf8(times)
            .expect("digits")
            .parse()
            .expect("digits");
        let place = self.place.lock().expect("sound").clone().expect("listening");
        reply.forward(&reference(&place, &forwarded_key(times - 1)), false)
    }

    fn notes_of(&self, thread: i32) -> Vec<i32> {
        self.notes
            .lock()
            .expect("sound")
            .get(&thread)
            .cloned()
            .unwrap_or_default()
    }
}

fn forwarded_key(times: usize) -> Vec<u8> {
    if times == 0 {
        KEY.to_vec()
    } else {
        format!("forward {times}").into_bytes()
    }
}

impl Adapter for Object {
    fn dispatch(&self, request: &Request<'_>, args: &mut Decoder<'_>, reply: &mut Reply<'_>) {
        if let Err(exception) = self.serve(request, args, reply) {
            reply.system(&exception);
        }
    }

    fn locate(&self, _: &[u8]) -> Located {
        Located::Here
    }
}

fn profile(endpoint: &Endpoint, key: &[u8]) -> IiopProfile {
    let mut profile = IiopProfile::new(endpoint.host(), endpoint.port(), key.to_vec());
    profile
        .components
        .push(TaggedComponent::code_sets(&CodeSetInfo::ours()));
    profile
}

fn reference(endpoint: &Endpoint, key: &[u8]) -> Ior {
    Ior::iiop(TYPE_ID, &profile(endpoint, key))
}

/// A server and a client.
pub(crate) struct World {
    pub(crate) client: Arc<OrbCore>,
    pub(crate) server: Server,
    pub(crate) endpoint: Endpoint,
    pub(crate) object: Remote,
    served: Arc<Object>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(OrbConfig::default())
    }

    pub(crate) fn with_busy_poll(time: Duration) -> Self {
        let mut config = OrbConfig::default();
        config.busy_poll = time;
        Self::with(config)
    }

    pub(crate) fn with_idle_timeout(time: Duration) -> Self {
        let mut config = OrbConfig::default();
        config.idle_timeout = time;
        Self::with(config)
    }

    fn with(config: OrbConfig) -> Self {
        let served = Arc::new(Object::default());
        let (server, endpoint) = serve(&served, &Endpoint::iiop("127.0.0.1", 0));
        let client = OrbCore::new(config, vec![Arc::new(KernelTcp)]);
        let object = Remote(client.object(reference(&endpoint, KEY)));
        Self {
            client,
            server,
            endpoint,
            object,
            served,
        }
    }

    /// Shuts the server down and starts another at the same endpoint.
    pub(crate) fn restart(&mut self) {
        self.server.shutdown();
        self.server = serve(&self.served, &self.endpoint).0;
    }

    pub(crate) fn unreachable(&self) -> Remote {
        Remote(self.client.object(reference(&unused(), KEY)))
    }

    pub(crate) fn with_alternate_endpoint(&self) -> Remote {
        let mut profile = profile(&unused(), KEY);
        profile.components.push(TaggedComponent::alternate_address(
            self.endpoint.host(),
            self.endpoint.port(),
        ));
        Remote(self.client.object(Ior::iiop(TYPE_ID, &profile)))
    }

    pub(crate) fn with_two_profiles(&self) -> Remote {
        let mut ior = reference(&unused(), KEY);
        ior.profiles.extend(reference(&self.endpoint, KEY).profiles);
        Remote(self.client.object(ior))
    }

    pub(crate) fn with_version(&self, minor: u8) -> Remote {
        let version = Version { major: 1, minor };
        let profile = IiopProfile {
            version,
            ..profile(&self.endpoint, KEY)
        };
        Remote(self.client.object(Ior::iiop(TYPE_ID, &profile)))
    }

    pub(crate) fn forwarded(&self, times: usize) -> Remote {
        Remote(
            self.client
                .object(reference(&self.endpoint, &forwarded_key(times))),
        )
    }

    pub(crate) fn forwards(&self) -> usize {
        self.served.forwards.load(Ordering::Relaxed)
    }

    pub(crate) fn notes(&self, thread: i32) -> Vec<i32> {
        self.served.notes_of(thread)
    }

    /// Waits until a `hold` call is being served.
    pub(crate) fn wait_until_held(&self) {
        let held = self.served.held.lock().expect("sound");
        drop(
            self.served
                .changed
                .wait_while(held, |held| held.0 == 0)
                .expect("sound"),
        );
    }

    /// Lets `hold` calls go.
    pub(crate) fn release(&self) {
        self.served.held.lock().expect("sound").1 = true;
        self.served.changed.notify_all();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.release();
        self.client.shutdown();
        self.server.shutdown();
    }
}

fn serve(object: &Arc<Object>, endpoint: &Endpoint) -> (Server, Endpoint) {
    let listener = KernelTcp.listen(endpoint).expect("a port");
    let endpoint = listener.local().clone();
    let adapter = Arc::clone(object) as Arc<dyn Adapter>;
    let poller = KernelTcp.poller().expect("a poller");
    let server = Server::start(ServerConfig::default(), adapter, None, poller).expect("threads");
    server.listen(listener).expect("watched");
    *object.place.lock().expect("sound") = Some(endpoint.clone());
    (server, endpoint)
}

/// An endpoint where nobody listens.
fn unused() -> Endpoint {
    KernelTcp
        .listen(&Endpoint::iiop("127.0.0.1", 0))
        .expect("a port")
        .local()
        .clone()
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The smallest executor.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut TaskContext::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
