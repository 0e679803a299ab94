// SPDX-License-Identifier: MIT OR Apache-2.0
//! In steady state a call allocates nothing: neither the caller, nor the server, nor both where they are one process.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test stops where something is not as expected, and says so"
)]
#![allow(
    unsafe_code,
    reason = "a global allocator is unsafe by nature; this one only counts"
)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    any::{Any, TypeId},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use orb_core::{
    cdr::{CdrError, Decoder, Encoder},
    invoke::{Call, OnewayCall, Operation, SyncScope},
    servant::{Reply, Servant},
};
use upcall::{Context, Interface, ObjectRef, Orb, SystemException, qos::Qos};

struct Counting;

/// Counts on all threads: servers have threads of their own.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// One test at a time.
static TURN: Mutex<()> = Mutex::new(());

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The fewest allocations that 100 runs of `work` took in one of several rounds: background threads may do something
/// of their own in any one of them.
fn fewest(mut work: impl FnMut()) -> usize {
    (0..2000).for_each(|_| work());
    let round = |_| {
        let before = COUNT.load(Ordering::Relaxed);
        (0..100).for_each(|_| work());
        COUNT.load(Ordering::Relaxed) - before
    };
    (0..20).map(round).min().unwrap_or_default()
}

trait Adder: Send + Sync {
    fn add(&self, cx: &Context<'_>, a: i32, b: i32) -> upcall::Result<i32>;
}

struct Add;

impl Operation for Add {
    const NAME: &'static str = "add";
    type Args<'a> = (i32, i32);
    type Output = i32;
    type Error = SystemException;

    fn marshal<'e, 'a: 'e>(args: &'e (i32, i32), encoder: &mut Encoder<'e>) -> Result<(), CdrError> {
        encoder.long(args.0);
        encoder.long(args.1);
        Ok(())
    }

    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<i32, CdrError> {
        decoder.long()
    }

    fn collocated(facet: &dyn Any, cx: &Context<'_>, args: &(i32, i32)) -> Option<upcall::Result<i32>> {
        Some(facet.downcast_ref::<Arc<dyn Adder>>()?.add(cx, args.0, args.1))
    }

    fn facet() -> TypeId {
        TypeId::of::<Arc<dyn Adder>>()
    }
}

struct Skeleton(Arc<dyn Adder>);

struct Calculator;

impl Adder for Calculator {
    fn add(&self, _: &Context<'_>, a: i32, b: i32) -> upcall::Result<i32> {
        Ok(a + b)
    }
}

impl Servant for Skeleton {
    fn repository_id(&self) -> &str {
        "IDL:Adder:1.0"
    }

    fn is_a(&self, id: &str) -> bool {
        id == self.repository_id()
    }

    fn facet(&self, wanted: TypeId) -> Option<&dyn Any> {
        (wanted == Add::facet()).then_some(&self.0 as &dyn Any)
    }

    fn dispatch(
        &self,
        cx: &Context<'_>,
        args: &mut Decoder<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<(), SystemException> {
        let sum = self.0.add(cx, args.long()?, args.long()?)?;
        reply.ok(|encoder| {
            encoder.long(sum);
            Ok(())
        })
    }
}

fn server() -> (Orb, ObjectRef) {
    let orb = Orb::builder()
        .environment(false)
        .fabric(None)
        .listen("iiop://127.0.0.1:0")
        .build()
        .expect("built");
    let object = orb
        .root_poa()
        .activate(Skeleton(Arc::new(Calculator)))
        .export()
        .expect("exported");
    (orb, object)
}

#[test]
fn a_call_between_two_orbs_allocates_nothing_on_either_side() {
    let _turn = TURN.lock();
    let (server, object) = server();
    let client = Orb::builder().environment(false).build().expect("built");
    let remote = client
        .string_to_object(&server.object_to_string(&object))
        .expect("a reference");
    assert!(!remote.is_local());
    let call = || assert_eq!(Call::<Add>::new(&remote, (1, 2)).wait(), Ok(3));
    assert_eq!(fewest(call), 0);
    server.shutdown();
}

#[test]
fn a_oneway_allocates_nothing_on_either_side() {
    let _turn = TURN.lock();
    let (server, object) = server();
    let client = Orb::builder().environment(false).build().expect("built");
    let remote = client
        .string_to_object(&server.object_to_string(&object))
        .expect("a reference");
    let push = || {
        let call = OnewayCall::<Add>::new(&remote, (1, 2));
        call.sync_scope(SyncScope::WithTransport).send().expect("sent");
    };
    assert_eq!(fewest(push), 0);
    server.shutdown();
}

#[test]
fn on_a_flow_of_its_own_a_client_allocates_nothing_either() {
    let _turn = TURN.lock();
    let (server, object) = server();
    let client = Orb::builder().environment(false).statistics(None);
    let client = client.real_time(|machine| machine.page = upcall::poa::Page::None);
    let client = client.build().expect("built");
    let remote = client
        .string_to_object(&server.object_to_string(&object))
        .expect("a reference");
    let qos = Qos::isochronous(Duration::from_millis(2), 20).message_size(64);
    let own = remote.with_qos(qos).expect("granted");
    assert!(own.granted().is_some());
    // Encoded here, sent by an upcall.
    let push = || {
        let call = OnewayCall::<Add>::new(&own, (1, 2));
        call.sync_scope(SyncScope::WithTransport).send().expect("sent");
    };
    assert_eq!(fewest(push), 0);
    let call = || assert_eq!(Call::<Add>::new(&own, (1, 2)).wait(), Ok(3));
    assert_eq!(fewest(call), 0);
    client.shutdown();
    server.shutdown();
}

#[test]
fn a_call_within_one_orb_makes_no_message_and_allocates_nothing() {
    let _turn = TURN.lock();
    let (orb, object) = server();
    // A reference that came from elsewhere is found to be local too.
    let again = orb
        .string_to_object(&orb.object_to_string(&object))
        .expect("a reference");
    for reference in [&object, &again] {
        assert!(reference.is_local());
        let call = || assert_eq!(Call::<Add>::new(reference, (1, 2)).wait(), Ok(3));
        assert_eq!(fewest(call), 0);
    }
    assert_eq!(
        Call::<Add>::new(&object, (1, 2))
            .start()
            .and_then(upcall::Pending::wait),
        Ok(3)
    );
    orb.shutdown();
}
