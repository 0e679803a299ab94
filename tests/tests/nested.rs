// SPDX-License-Identifier: MIT OR Apache-2.0
//! Calls made while serving calls, and callbacks into the caller, find somebody who serves them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test stops where something is not as expected, and says so"
)]

use std::{
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};

use orb_core::{
    cdr::{CdrError, Decoder, Encoder, OrbHandle},
    exception::{Completed, SystemException, SystemExceptionKind},
    invoke::{Call, Operation},
    ior::{IiopProfile, Ior},
    object::ObjectRef,
    orb::{OrbConfig, OrbCore},
    servant::{Adapter, Located, Reply, Request},
    server::{Server, ServerConfig},
    transport::{Endpoint, Transport},
};
use transport_tcp::KernelTcp;
use upcall_tests::PATIENCE;

/// `unsigned long bounce(in unsigned long times)`: calls the partner that often, to and fro, and counts.
struct Bounce;

impl Operation for Bounce {
    const NAME: &'static str = "bounce";
    type Args<'a> = u32;
    type Output = u32;
    type Error = SystemException;

    fn marshal<'e, 'a: 'e>(times: &'e u32, encoder: &mut Encoder<'e>) -> Result<(), CdrError> {
        encoder.ulong(*times);
        Ok(())
    }

    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<u32, CdrError> {
        decoder.ulong()
    }
}

/// A process, as it were: an ORB with one object.
#[derive(Debug)]
struct Side {
    core: Arc<OrbCore>,
    server: Server,
    player: Arc<Player>,
    object: ObjectRef,
}

#[derive(Debug, Default)]
struct Player {
    partner: OnceLock<ObjectRef>,
}

impl Player {
    fn bounce(&self, times: u32) -> Result<u32, SystemException> {
        if times == 0 {
            return Ok(0);
        }
        let partner = self.partner.get().expect("the game is set up");
        Ok(1 + Call::<Bounce>::new(partner, times - 1).wait()?)
    }
}

impl Adapter for Player {
    fn dispatch(&self, _: &Request<'_>, args: &mut Decoder<'_>, reply: &mut Reply<'_>) {
        let answer = args
            .ulong()
            .map_err(SystemException::from)
            .and_then(|times| self.bounce(times));
        match answer {
            Ok(count) => reply
                .ok(|e| {
                    e.ulong(count);
                    Ok(())
                })
                .expect("a number can be encoded"),
            Err(exception) => reply.system(&exception),
        }
    }

    fn locate(&self, _: &[u8]) -> Located {
        Located::Here
    }
}

impl Side {
    fn new(config: ServerConfig) -> Self {
        let tcp = Arc::new(KernelTcp::new());
        let core = OrbCore::new(OrbConfig::default(), vec![Arc::clone(&tcp) as Arc<dyn Transport>]);
        let player = Arc::new(Player::default());
        let listener = tcp.listen(&Endpoint::iiop("127.0.0.1", 0)).expect("a free port");
        let profile = IiopProfile::new("127.0.0.1", listener.local().port(), &b"player"[..]);
        let server = Server::start(
            config,
            Arc::clone(&player) as Arc<dyn Adapter>,
            Some(Arc::clone(&core) as Arc<dyn OrbHandle>),
            tcp.poller().expect("a poller"),
        )
        .expect("threads");
        server.listen(listener).expect("the listener can be watched");
        let object = core.object(Ior::iiop("IDL:Player:1.0", &profile));
        Self {
            core,
            server,
            player,
            object,
        }
    }

    /// The other side's object, as this side's ORB calls it.
    fn meet(&self, other: &Self) {
        let seen_from_here = self.core.object(other.object.ior().clone());
        self.player.partner.set(seen_from_here).expect("met only once");
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        self.core.shutdown();
        self.server.shutdown();
    }
}

fn pair(config: &ServerConfig) -> (Side, Side) {
    let (a, b) = (Side::new(config.clone()), Side::new(config.clone()));
    a.meet(&b);
    b.meet(&a);
    (a, b)
}

#[test]
fn callbacks_over_one_connection_do_not_deadlock() {
    let (a, b) = pair(&ServerConfig::default());
    for times in [1, 2, 3, 4, 17, 40] {
        assert_eq!(a.player.bounce(times), Ok(times));
    }
    assert_eq!(b.server.connection_count(), 1, "A calls B over one connection");
    assert_eq!(a.server.connection_count(), 1, "B calls A over one connection");
}

#[test]
fn callbacks_do_not_deadlock_without_the_watchdogs_help() {
    let mut config = ServerConfig::default();
    config.linger = Duration::from_secs(5);
    let (a, _b) = pair(&config);
    for _ in 0..200 {
        assert_eq!(a.player.bounce(5), Ok(5));
    }
}

#[test]
fn a_process_may_call_itself_through_its_own_connection() {
    let side = Side::new(ServerConfig::default());
    side.meet(&side);
    assert_eq!(side.player.bounce(12), Ok(12));
    assert_eq!(side.server.connection_count(), 1);
}

#[test]
fn callbacks_of_many_threads_do_not_deadlock() {
    let (a, b) = pair(&ServerConfig::default());
    thread::scope(|scope| {
        for side in [&a, &b, &a, &b, &a, &b] {
            scope.spawn(move || {
                for _ in 0..50 {
                    assert_eq!(side.player.bounce(6), Ok(6));
                }
            });
        }
    });
}

#[test]
fn nesting_deeper_than_the_limit_of_requests_is_refused_and_does_not_hang() {
    let mut config = ServerConfig::default();
    config.max_requests = 4;
    config.queue_time = Duration::from_millis(50);
    let (a, _b) = pair(&config);
    let refused = Call::<Bounce>::new(a.player.partner.get().expect("set up"), 30)
        .timeout(PATIENCE)
        .wait()
        .expect_err("too deep");
    assert_eq!(refused.kind(), SystemExceptionKind::Transient);
    assert_eq!(refused.completed(), Completed::No);
    assert_eq!(a.player.bounce(3), Ok(3));
}
