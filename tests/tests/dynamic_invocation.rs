// SPDX-License-Identifier: MIT OR Apache-2.0
//! Calls of operations that nobody knew when compiling, over a connection and within one ORB.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test stops where something is not as expected, and says so"
)]

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
    task::{Context as TaskContext, Poll, Wake, Waker},
    thread::{self, Thread},
};

use orb_core::{
    any::Any,
    cdr::{CdrError, Decoder, OrbHandle},
    dynamic_invocation::DynamicError,
    dynany::DynAny,
    exception::{SystemException, SystemExceptionKind},
    ior::{IiopProfile, Ior},
    object::ObjectRef,
    orb::{OrbConfig, OrbCore},
    servant::{Adapter, Located, Reply, Request},
    server::{Server, ServerConfig},
    transport::{Endpoint, Transport},
    typecode::TypeCode,
};
use transport_tcp::KernelTcp;
use upcall_tests::{PATIENCE, serving::until};

/// Serves a few operations by hand, as the dynamic skeleton interface would.
#[derive(Debug, Default)]
struct Bench {
    pushed: AtomicI32,
}

impl Bench {
    fn serve(
        &self,
        operation: &str,
        args: &mut Decoder<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<(), SystemException> {
        match operation {
            // boolean stats(in long channel, out double mean, inout long count);
            "stats" => {
                let (channel, count) = (args.long()?, args.long()?);
                reply.ok(|e| {
                    e.boolean(channel == 3);
                    e.double(21.5);
                    e.long(count + 1);
                    Ok(())
                })
            }
            // any echo(in any value);
            "echo" => {
                let value = args.any()?;
                reply.ok(|e| e.any(&value))
            }
            "fail" => reply.user("IDL:OutOfRange:1.0", |e| e.string("8 channels")),
            "push" => {
                self.pushed.fetch_add(args.long()?, Ordering::SeqCst);
                reply.ok(|_| Ok(()))
            }
            _ => Err(CdrError::NotSupported("no such operation").into()),
        }
    }
}

impl Adapter for Bench {
    fn dispatch(&self, request: &Request<'_>, args: &mut Decoder<'_>, reply: &mut Reply<'_>) {
        if let Err(exception) = self.serve(request.operation, args, reply) {
            reply.system(&exception);
        }
    }

    fn locate(&self, _: &[u8]) -> Located {
        Located::Here
    }
}

/// A server with one object, seen from a client's ORB and from its own.
struct Setup {
    bench: Arc<Bench>,
    server: Server,
    cores: [Arc<OrbCore>; 2],
    remote: ObjectRef,
    local: ObjectRef,
}

impl Setup {
    fn new() -> Self {
        let tcp = Arc::new(KernelTcp::new());
        let core = || OrbCore::new(OrbConfig::default(), vec![Arc::clone(&tcp) as Arc<dyn Transport>]);
        let (own, client) = (core(), core());
        let bench = Arc::new(Bench::default());
        let listener = tcp.listen(&Endpoint::iiop("127.0.0.1", 0)).expect("a free port");
        let endpoint = Endpoint::iiop("127.0.0.1", listener.local().port());
        let profile = IiopProfile::new("127.0.0.1", endpoint.port(), &b"bench"[..]);
        let adapter: Arc<dyn Adapter> = Arc::clone(&bench) as _;
        let handle = Some(Arc::clone(&own) as Arc<dyn OrbHandle>);
        let poller = tcp.poller().expect("a poller");
        let server =
            Server::start(ServerConfig::default(), Arc::clone(&adapter), handle, poller).expect("threads");
        server.listen(listener).expect("the listener can be watched");
        assert!(own.set_adapter(adapter));
        own.add_local_endpoint(endpoint);
        let ior = Ior::iiop("IDL:Bench:1.0", &profile);
        let (remote, local) = (client.object(ior.clone()), own.object(ior));
        Self {
            bench,
            server,
            cores: [own, client],
            remote,
            local,
        }
    }

    fn both(&self) -> [&ObjectRef; 2] {
        [&self.remote, &self.local]
    }
}

impl Drop for Setup {
    fn drop(&mut self) {
        self.cores.iter().for_each(|core| core.shutdown());
        self.server.shutdown();
    }
}

fn out_of_range() -> TypeCode {
    TypeCode::exception("IDL:OutOfRange:1.0", "OutOfRange", [("why", TypeCode::STRING)])
}

/// Waits for a future on this thread.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut TaskContext::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park_timeout(PATIENCE),
        }
    }
}

#[test]
fn parameters_go_out_and_results_come_back_in_order() {
    let setup = Setup::new();
    for object in setup.both() {
        let call = object
            .request("stats")
            .input(3i32)
            .output(TypeCode::DOUBLE)
            .in_out(7i32);
        let reply = call.returns(TypeCode::BOOLEAN).wait().expect("it is served");
        assert_eq!(reply.result().get::<bool>(), Ok(true));
        let [mean, count] = reply.outputs() else {
            panic!("{reply:?} has other outputs");
        };
        assert_eq!((mean.get::<f64>(), count.get::<i32>()), (Ok(21.5), Ok(8)));
    }
}

#[test]
fn values_of_types_made_at_run_time_travel() {
    let setup = Setup::new();
    let members = [
        ("t", TypeCode::LONGLONG),
        ("names", TypeCode::sequence(TypeCode::STRING, 0)),
    ];
    let sample = TypeCode::structure("IDL:Sample:1.0", "Sample", members);
    let mut dynamic = DynAny::of_type(&sample).expect("a type with values");
    dynamic.insert(9i64).expect("the first member");
    dynamic
        .member("names")
        .expect("a member")
        .insert(vec!["a".to_owned()])
        .expect("a sequence of strings");
    let value = dynamic.to_any().expect("complete");
    for object in setup.both() {
        let reply = object
            .request("echo")
            .input_any(Any::of_any(&value))
            .returns(TypeCode::ANY)
            .wait();
        assert_eq!(reply.expect("it is served").result().get_any(), Ok(value.clone()));
    }
}

#[test]
fn a_declared_exception_comes_as_an_any_and_others_as_unknown() {
    let setup = Setup::new();
    for object in setup.both() {
        match object.request("fail").raises(out_of_range()).wait() {
            Err(DynamicError::User(raised)) => {
                assert_eq!(format!("{raised:?}"), "any(OutOfRange: { why: \"8 channels\" })");
            }
            other => panic!("{other:?} is not what was raised"),
        }
        match object.request("fail").wait() {
            Err(DynamicError::System(exception)) => {
                assert_eq!(exception.kind(), SystemExceptionKind::Unknown)
            }
            other => panic!("{other:?} was not declared"),
        }
        match object.request("none").wait() {
            Err(DynamicError::System(exception)) => {
                assert_eq!(exception.kind(), SystemExceptionKind::NoImplement)
            }
            other => panic!("{other:?} is not served"),
        }
    }
}

#[test]
fn calls_are_deferred_and_awaited() {
    let setup = Setup::new();
    for object in setup.both() {
        let stats = || {
            let call = object
                .request("stats")
                .input(3i32)
                .output(TypeCode::DOUBLE)
                .in_out(7i32);
            call.returns(TypeCode::BOOLEAN).timeout(PATIENCE)
        };
        let pending = stats().start().expect("in flight");
        let awaited = block_on(stats().into_future()).expect("it is served");
        assert_eq!(pending.wait().expect("it is served"), awaited);
        let mut pending = stats().start().expect("in flight");
        let taken = loop {
            match pending.try_take() {
                Some(reply) => break reply,
                None => thread::yield_now(),
            }
        };
        assert_eq!(taken, Ok(awaited));
    }
}

#[test]
fn oneways_come_and_nothing_goes_back() {
    let setup = Setup::new();
    for object in setup.both() {
        object.request("push").input(5i32).send().expect("sent");
    }
    until("both pushes", || setup.bench.pushed.load(Ordering::SeqCst) == 10);
}

#[test]
fn what_cannot_be_sent_is_refused_before_it_is() {
    let setup = Setup::new();
    for object in setup.both() {
        match object.request("echo").input("a\0b".to_owned()).wait() {
            Err(DynamicError::System(exception)) => {
                assert_eq!(exception.kind(), SystemExceptionKind::BadParam)
            }
            other => panic!("{other:?} cannot be"),
        }
    }
}
