// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests to objects of POAs with the main-thread model, as the ORB gives them to the adapter.

use orb_core::{
    cdr::{Decoder, Encoder, Endian, Version},
    codeset::CodeSets,
    context::{Context, Incoming, Origin},
    giop::{Assembler, ReplyStatus, ServiceContext, ServiceContexts},
    servant::{Adapter, CollocatedError, Delivery, Reply, ReplyTo, Request, Servant},
    transport::Endpoint,
};

use super::*;
use crate::{
    Cookie, ObjectAdapter, Poa, ServantLocator, ServantManagerError, Threads, adapter::tests::key_of,
};

const ID: &str = "IDL:Test/Teller:1.0";

/// Tells what it knows: on which thread it was called is in the log.
#[derive(Clone, Default)]
struct Teller(Arc<Mutex<Vec<ThreadId>>>);

impl Teller {
    fn note(&self) {
        self.0.lock().push(thread::current().id());
    }
}

impl Servant for Teller {
    fn repository_id(&self) -> &str {
        ID
    }
    fn is_a(&self, id: &str) -> bool {
        self.note();
        id == ID
    }
    fn non_existent(&self) -> bool {
        self.note();
        false
    }
    fn dispatch(
        &self,
        cx: &Context<'_>,
        args: &mut Decoder<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<(), SystemException> {
        self.note();
        match cx.operation() {
            "tell" => {
                let (number, octets) = (args.double()?, args.bytes()?);
                let peer = cx.peer().map(ToString::to_string).unwrap_or_default();
                let contexts: Vec<u8> = cx
                    .service_contexts()
                    .flat_map(|context| context.data)
                    .copied()
                    .collect();
                reply.ok(|encoder| {
                    encoder.double(number);
                    encoder.bytes_shared(&octets)?;
                    encoder.string(&peer)?;
                    encoder.raw(&contexts);
                    encoder.raw(cx.object_id());
                    Ok(())
                })
            }
            "raise" => reply.user("IDL:Test/No:1.0", |encoder| encoder.string("no")),
            "refuse" => Err(SystemExceptionKind::NoPermission.into()),
            _ => Ok(()),
        }
    }
}

fn main_thread_poa(adapter: &ObjectAdapter, name: &str) -> Poa {
    adapter
        .root()
        .create(name)
        .user_ids()
        .main_thread()
        .build()
        .unwrap()
}

fn key(poa: &Poa, teller: &Teller) -> bytes::Bytes {
    let reference: orb_core::object::ObjectRef = poa.activate(teller.clone()).id("t").export().unwrap();
    key_of(&reference)
}

#[derive(Default)]
struct Kept(Vec<u8>);

impl Delivery for Kept {
    fn deliver(&mut self, message: &[std::io::IoSlice<'_>]) {
        assert!(self.0.is_empty(), "one request has one reply");
        message.iter().for_each(|part| self.0.extend_from_slice(part));
    }
}

/// Sends a request as a connection would; returns the reply's status and body.
fn send(
    adapter: &ObjectAdapter,
    object_key: &[u8],
    operation: &str,
    write: impl FnOnce(&mut Encoder<'_>),
) -> (ReplyStatus, Vec<u8>) {
    let endian = Endian::NATIVE.opposite();
    // The body begins at 4 modulo 8, which arguments are aligned by.
    let mut encoder = Encoder::new(endian, Version::V1_1, CodeSets::NATIVE);
    encoder.ulong(0);
    write(&mut encoder);
    let octets = encoder.contiguous();
    let mut args = Decoder::new(&octets, endian, Version::V1_1, CodeSets::NATIVE).with_source(&octets);
    args.skip(4).unwrap();
    let contexts = [ServiceContext {
        id: 99,
        data: b"(context)",
    }];
    let (peer, cancelled) = (Endpoint::iiop("peer", 9), Arc::default());
    let incoming = Incoming {
        peer: &peer,
        deadline: None,
        response_expected: true,
        cancelled: &cancelled,
        service_contexts: ServiceContexts::from(&contexts[..]),
        orb: None,
    };
    let request = Request {
        object_key,
        operation,
        origin: Origin::Remote(&incoming),
    };
    let to = ReplyTo {
        request_id: 5,
        version: Version::V1_2,
        codesets: CodeSets::NATIVE,
        expected: true,
    };
    let (mut buffer, mut kept) = (bytes::BytesMut::new(), Kept::default());
    adapter.dispatch(
        &request,
        &mut args,
        &mut Reply::new(to, &mut buffer, &mut kept, None),
    );
    let mut assembler = Assembler::default();
    assembler.buffer(kept.0.len()).extend_from_slice(&kept.0);
    let message = assembler.next_message().unwrap().unwrap();
    let (header, mut body) = message.reply(CodeSets::NATIVE, None).unwrap();
    assert_eq!(header.request_id, 5);
    (header.status, body.rest().to_vec())
}

/// An adapter whose main thread serves, and that thread's id.
fn serving() -> (ObjectAdapter, Serving) {
    let adapter = crate::adapter::tests::adapter(1);
    let over = Arc::new(AtomicBool::new(false));
    let thread = spawn_serving(adapter.main_thread(), &over);
    let main = Arc::clone(adapter.main_thread());
    (
        adapter,
        Serving {
            main,
            over,
            thread: Some(thread),
        },
    )
}

#[test]
fn a_request_and_its_answer_cross_whole() {
    let (adapter, mut serving) = serving();
    let teller = Teller::default();
    let poa = main_thread_poa(&adapter, "p");
    let key = key(&poa, &teller);
    let large = vec![7; 100_000];
    let (status, body) = send(&adapter, &key, "tell", |encoder| {
        encoder.double(0.5);
        encoder.sequence_len(large.len(), None).unwrap();
        encoder.raw(&large);
    });
    assert_eq!(status, ReplyStatus::NoException);
    let mut body = Decoder::native(&body);
    assert_eq!(body.double(), Ok(0.5));
    assert_eq!(body.octets(), Ok(&large[..]));
    assert_eq!(body.string().unwrap(), "iiop://peer:9");
    assert_eq!(body.rest(), b"(context)t");
    assert_eq!(*teller.0.lock(), [serving.id()]);
    serving.stop();
}

#[test]
fn exceptions_cross_and_a_missing_answer_is_noticed() {
    let (adapter, mut serving) = serving();
    let teller = Teller::default();
    let key = key(&main_thread_poa(&adapter, "p"), &teller);
    let (status, body) = send(&adapter, &key, "raise", |_| ());
    assert_eq!(status, ReplyStatus::UserException);
    let mut body = Decoder::native(&body);
    assert_eq!(body.string().unwrap(), "IDL:Test/No:1.0");
    assert_eq!(body.string().unwrap(), "no");
    for (operation, id) in [("refuse", "NO_PERMISSION"), ("nothing", "INTERNAL")] {
        let (status, body) = send(&adapter, &key, operation, |_| ());
        assert_eq!(status, ReplyStatus::SystemException);
        assert!(
            Decoder::native(&body).string().unwrap().contains(id),
            "{operation}"
        );
    }
    assert_eq!(*teller.0.lock(), [serving.id(); 3]);
    serving.stop();
}

#[test]
fn what_every_object_is_asked_is_asked_on_the_main_thread() {
    let (adapter, mut serving) = serving();
    let teller = Teller::default();
    let key = key(&main_thread_poa(&adapter, "p"), &teller);
    let (_, body) = send(&adapter, &key, "_is_a", |encoder| encoder.string(ID).unwrap());
    assert_eq!(body, [1]);
    let (_, body) = send(&adapter, &key, "_non_existent", |_| ());
    assert_eq!(body, [0]);
    assert_eq!(*teller.0.lock(), [serving.id(); 2]);
    serving.stop();
}

#[test]
fn all_main_thread_poas_have_one_thread_and_others_have_not() {
    let (adapter, mut serving) = serving();
    let teller = Teller::default();
    for name in ["a", "b"] {
        let key = key(&main_thread_poa(&adapter, name), &teller);
        send(&adapter, &key, "raise", |_| ());
    }
    let other = adapter.root().create("c").user_ids().build().unwrap();
    send(&adapter, &key(&other, &teller), "raise", |_| ());
    let main = serving.id();
    assert_eq!(*teller.0.lock(), [main, main, thread::current().id()]);
    serving.stop();
}

#[test]
fn a_default_servant_is_called_on_the_main_thread() {
    let (adapter, mut serving) = serving();
    let poa = adapter
        .root()
        .create("p")
        .user_ids()
        .main_thread()
        .use_default_servant()
        .build()
        .unwrap();
    let teller = Teller::default();
    poa.set_default_servant(Arc::new(teller.clone())).unwrap();
    let key = key_of(&poa.create_reference(b"x", ID).unwrap());
    assert_eq!(
        send(&adapter, &key, "raise", |_| ()).0,
        ReplyStatus::UserException
    );
    assert_eq!(*teller.0.lock(), [serving.id()]);
    serving.stop();
}

/// Notes on which threads it is called.
struct Locator(Teller);

impl ServantLocator for Locator {
    fn preinvoke(
        &self,
        object_id: &[u8],
        poa: &Poa,
        _: &str,
    ) -> Result<(Arc<dyn Servant>, Cookie), ServantManagerError> {
        self.0.note();
        match object_id {
            b"elsewhere" => Err(ServantManagerError::Forward(
                poa.create_reference(b"there", ID).unwrap(),
            )),
            b"refused" => Err(SystemException::from(SystemExceptionKind::NoPermission).into()),
            _ => Ok((Arc::new(self.0.clone()), Box::new(()))),
        }
    }
    fn postinvoke(&self, _: &[u8], _: &Poa, _: &str, _: Cookie, _: Arc<dyn Servant>) {
        self.0.note();
    }
}

#[test]
fn a_locator_is_called_on_the_main_thread_around_its_servant() {
    let (adapter, mut serving) = serving();
    let poa = adapter.root().create("p").user_ids().main_thread();
    let poa = poa.non_retain().use_servant_manager().build().unwrap();
    let teller = Teller::default();
    poa.set_servant_locator(Locator(teller.clone())).unwrap();
    let ask = |id: &[u8]| {
        let key = key_of(&poa.create_reference(id, ID).unwrap());
        send(&adapter, &key, "raise", |_| ()).0
    };
    assert_eq!(ask(b"x"), ReplyStatus::UserException);
    assert_eq!(*teller.0.lock(), [serving.id(); 3]);
    assert_eq!(ask(b"elsewhere"), ReplyStatus::LocationForward);
    assert_eq!(ask(b"refused"), ReplyStatus::SystemException);
    serving.stop();
}

#[test]
fn a_collocated_call_is_made_on_the_main_thread_and_sent_from_others() {
    let adapter = crate::adapter::tests::adapter(1);
    let teller = Teller::default();
    let key = key(&main_thread_poa(&adapter, "p"), &teller);
    let call = || {
        let mut called = false;
        let result = adapter.collocated(&key, "op", &mut |_, _| called = true);
        (called, result)
    };
    assert!(matches!(call(), (false, Err(CollocatedError::NotLocal))));
    adapter.main_thread().perform_work();
    assert!(matches!(call(), (true, Ok(()))));
    thread::scope(|scope| {
        let elsewhere = scope.spawn(|| matches!(call(), (false, Err(CollocatedError::NotLocal))));
        assert!(elsewhere.join().unwrap());
    });
}

#[test]
fn an_object_that_waits_for_the_main_thread_stays_until_its_request_ends() {
    let adapter = crate::adapter::tests::adapter(1);
    let teller = Teller::default();
    let poa = main_thread_poa(&adapter, "p");
    assert_eq!(poa.policies().threads, Threads::Main);
    let key = key(&poa, &teller);
    thread::scope(|scope| {
        let request = scope.spawn(|| send(&adapter, &key, "raise", |_| ()).0);
        until(|| adapter.main_thread().work_pending());
        poa.destroy(true, None).unwrap();
        assert!(adapter.main_thread().perform_work());
        assert_eq!(request.join().unwrap(), ReplyStatus::UserException);
    });
}

#[test]
fn the_main_thread_serves_who_waits_for_it_while_it_waits_for_the_end_of_a_poa() {
    let adapter = crate::adapter::tests::adapter(1);
    let poa = main_thread_poa(&adapter, "p");
    let key = key(&poa, &Teller::default());
    adapter.main_thread().perform_work();
    thread::scope(|scope| {
        let request = scope.spawn(|| send(&adapter, &key, "raise", |_| ()).0);
        until(|| adapter.main_thread().work_pending());
        poa.destroy(true, Some(LONGEST_WAIT)).unwrap();
        assert_eq!(request.join().unwrap(), ReplyStatus::UserException);
    });
}
