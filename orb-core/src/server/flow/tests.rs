// SPDX-License-Identifier: MIT OR Apache-2.0
//! Flows over a link that has what a test gave it, and takes what a test lets it take.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    time::Duration,
};

use bytes::BytesMut;
use parking_lot::Mutex;

use super::*;
use crate::{
    exception::{SystemException, SystemExceptionKind},
    giop::{Message, MessageType, ServiceContext, TargetAddress},
    qos::{Granted, context},
    server::{
        Server, ServerConfig,
        tests::{
            echoed, raised, request, request_with,
            script::{Idle, Speaker, messages},
        },
    },
};

#[derive(Debug)]
struct Wire {
    coming: Mutex<VecDeque<Vec<u8>>>,
    ended: Mutex<bool>,
    sent: Mutex<(Vec<u8>, usize)>,
    /// How many octets are taken yet.
    room: Mutex<usize>,
    receives: Mutex<usize>,
    end: Endpoint,
}

impl Wire {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            coming: Mutex::default(),
            ended: Mutex::new(false),
            sent: Mutex::default(),
            room: Mutex::new(usize::MAX),
            receives: Mutex::new(0),
            end: Endpoint::new("script", "memory", 0),
        })
    }

    fn echo(&self, ids: std::ops::Range<u32>) {
        let burst = ids.flat_map(|id| request(id, Version::V1_2, "echo", "text"));
        self.coming.lock().push_back(burst.collect());
    }

    fn answers(&self) -> Vec<Message> {
        messages(&self.sent.lock().0)
    }

    fn answered(&self) -> Vec<u32> {
        self.answers().iter().map(|reply| echoed(reply).0).collect()
    }
}

impl Link for Wire {
    fn send(&self, _: &[IoSlice<'_>], _: Option<Duration>) -> io::Result<usize> {
        panic!("a flow blocks for nobody");
    }

    fn try_send(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        if *self.ended.lock() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let mut room = self.room.lock();
        let octets: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
        let count = octets.len().min(*room);
        if count == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        *room -= count;
        let mut sent = self.sent.lock();
        sent.0.extend_from_slice(&octets[..count]);
        sent.1 += 1;
        Ok(count)
    }

    fn recv(&self, _: &mut BytesMut, _: Option<Duration>) -> io::Result<usize> {
        panic!("a flow blocks for nobody");
    }

    fn try_recv(&self, buffer: &mut BytesMut) -> io::Result<usize> {
        *self.receives.lock() += 1;
        match self.coming.lock().pop_front() {
            Some(chunk) => {
                buffer.extend_from_slice(&chunk);
                Ok(chunk.len())
            }
            None if *self.ended.lock() => Ok(0),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn shutdown(&self) {
        *self.ended.lock() = true;
    }

    fn shutdown_send(&self) {}

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

fn server() -> Server {
    server_with(ServerConfig::default())
}

fn server_with(config: ServerConfig) -> Server {
    Server::start(config, Arc::new(Speaker), None, Arc::new(Idle::default())).expect("threads")
}

fn flow(server: &Server, wire: &Arc<Wire>) -> Flow {
    let config = FlowConfig {
        max_message_size: 4096,
        adapter: Arc::new(Speaker),
    };
    let link = Arc::clone(wire) as Arc<dyn Link>;
    server.adopt(link, config).expect("room for a connection")
}

#[test]
fn what_has_come_is_served_at_once_and_answered_together() {
    let (server, wire) = (server(), Wire::new());
    let mut flow = flow(&server, &wire);
    assert_eq!(flow.run(|| true), Run::Drained);
    wire.echo(0..20);
    assert_eq!(flow.run(|| true), Run::Drained);
    assert_eq!(wire.answered(), Vec::from_iter(0..20));
    assert_eq!((wire.sent.lock().1, flow.messages()), (1, 20));
    wire.shutdown();
    assert_eq!(flow.run(|| true), Run::Ended);
    drop(flow);
    server.shutdown();
}

#[test]
fn a_run_stops_after_any_message_and_goes_on_from_there() {
    let (server, wire) = (server(), Wire::new());
    let mut flow = flow(&server, &wire);
    wire.echo(0..3);
    for served in 1..=2 {
        assert_eq!(flow.run(|| false), Run::NotDone);
        assert_eq!(wire.answered(), Vec::from_iter(0..served));
    }
    assert_eq!(*wire.receives.lock(), 1, "what is there needs no receive");
    // The last that has come: there is nothing more to do.
    assert_eq!(flow.run(|| false), Run::NotDone);
    assert_eq!(flow.run(|| false), Run::Drained);
    assert_eq!(wire.answered(), [0, 1, 2]);
    drop(flow);
    server.shutdown();
}

#[test]
fn one_call_is_one_receive_and_one_send() {
    let (server, wire) = (server(), Wire::new());
    let mut flow = flow(&server, &wire);
    for id in 0..10 {
        wire.echo(id..id + 1);
        assert_eq!(flow.run(|| false), Run::Drained);
    }
    assert_eq!((*wire.receives.lock(), wire.sent.lock().1), (10, 10));
    drop(flow);
    server.shutdown();
}

#[test]
fn a_peer_that_takes_no_replies_is_not_served_before_it_does() {
    let (server, wire) = (server(), Wire::new());
    let mut flow = flow(&server, &wire);
    *wire.room.lock() = 10;
    wire.echo(0..1);
    wire.echo(1..2);
    assert_eq!(flow.run(|| true), Run::Blocked);
    assert_eq!(flow.run(|| true), Run::Blocked);
    assert_eq!(flow.messages(), 1);
    *wire.room.lock() = usize::MAX;
    assert_eq!(flow.run(|| true), Run::Drained);
    assert_eq!(wire.answered(), [0, 1]);
    drop(flow);
    server.shutdown();
}

/// A request that asks for quality of service.
fn asking(id: u32, qos: &Qos) -> Vec<u8> {
    let data = context::encode_request(qos);
    let contexts = [ServiceContext {
        id: context::ID,
        data: &data,
    }];
    let target = TargetAddress::Key(b"key");
    request_with(id, Version::V1_2, "echo", "text", &contexts, target)
}

fn grant(reply: &Message) -> Option<Granted> {
    let (header, _) = reply.reply(CodeSets::UNNEGOTIATED, None).expect("a reply");
    context::decode_grant(header.service_contexts.find(context::ID)?)
}

#[test]
fn a_request_that_asks_waits_for_a_verdict_and_what_follows_waits_behind_it() {
    let granted = Granted {
        qos: Qos::best_effort(7),
        probation: false,
        period: Duration::ZERO,
        messages: 1,
        deadline: Duration::ZERO,
    };
    let refused = SystemException::from(SystemExceptionKind::NoResources);
    let verdicts = [
        Verdict::Granted(granted.clone()),
        Verdict::Refused(refused),
        Verdict::Unheard,
    ];
    for verdict in verdicts {
        let (server, wire) = (server(), Wire::new());
        let mut flow = flow(&server, &wire);
        let burst = (0..5).flat_map(|id| match id {
            2 => asking(id, &granted.qos),
            id => request(id, Version::V1_2, "echo", "text"),
        });
        wire.coming.lock().push_back(burst.collect());
        assert_eq!(flow.run(|| true), Run::Asked);
        assert_eq!(flow.run(|| true), Run::Asked);
        assert_eq!(flow.asked(), Some(&granted.qos));
        assert_eq!(wire.answered(), [0, 1]);
        flow.decide(verdict.clone());
        assert_eq!(flow.run(|| true), Run::Drained);
        assert_eq!((flow.asked(), flow.messages()), (None, 5));
        let answers = wire.answers();
        match &verdict {
            Verdict::Granted(granted) => assert_eq!(grant(&answers[2]).as_ref(), Some(granted)),
            Verdict::Refused(_) => assert_eq!(raised(&answers[2]), SystemExceptionKind::NoResources),
            Verdict::Unheard => assert_eq!((grant(&answers[2]), echoed(&answers[2]).0), (None, 2)),
        }
        assert_eq!([3, 4].map(|at| echoed(&answers[at]).0), [3, 4]);
        drop(flow);
        server.shutdown();
    }
}

#[test]
fn what_is_granted_meanwhile_is_told_once_with_the_next_reply() {
    let granted = Granted {
        qos: Qos::low_delay(Duration::from_millis(3)),
        probation: false,
        period: Duration::from_millis(3),
        messages: 1,
        deadline: Duration::from_millis(3),
    };
    let (server, wire) = (server(), Wire::new());
    let mut flow = flow(&server, &wire);
    flow.announce(granted.clone());
    let burst = (0..3).flat_map(|id| request(id, Version::V1_2, "echo", "text"));
    wire.coming.lock().push_back(burst.collect());
    assert_eq!(flow.run(|| true), Run::Drained);
    let told: Vec<_> = wire.answers().iter().map(grant).collect();
    assert_eq!(told, [Some(granted.clone()), None, None]);
    // A grant that was asked for is news enough.
    let other = Granted {
        qos: Qos::best_effort(2),
        ..granted.clone()
    };
    flow.announce(granted);
    wire.coming.lock().push_back(asking(3, &other.qos));
    assert_eq!(flow.run(|| true), Run::Asked);
    flow.decide(Verdict::Granted(other.clone()));
    wire.coming
        .lock()
        .push_back(request(4, Version::V1_2, "echo", "text"));
    assert_eq!(flow.run(|| true), Run::Drained);
    let told: Vec<_> = wire.answers()[3..].iter().map(grant).collect();
    assert_eq!(told, [Some(other), None]);
    drop(flow);
    server.shutdown();
}

#[test]
fn what_makes_no_sense_or_is_too_large_is_answered_and_is_the_end() {
    let large = request(1, Version::V1_2, "echo", &"x".repeat(5000));
    for octets in [b"GET / HTTP/1.1\r\n\r\n".to_vec(), large] {
        let (server, wire) = (server(), Wire::new());
        let mut flow = flow(&server, &wire);
        wire.coming.lock().push_back(octets);
        wire.echo(0..3);
        assert_ne!(flow.run(|| true), Run::Ended, "the peer closes first");
        let types: Vec<_> = wire.answers().iter().map(Message::message_type).collect();
        assert_eq!(types, [MessageType::MessageError]);
        *wire.ended.lock() = true;
        assert_eq!(flow.run(|| true), Run::Ended);
        drop(flow);
        server.shutdown();
    }
}

#[test]
fn a_flow_that_is_dropped_says_goodbye_and_is_counted_no_more() {
    let (server, wire) = (server(), Wire::new());
    let mut flow = flow(&server, &wire);
    wire.echo(0..1);
    flow.run(|| true);
    assert_eq!(server.connection_count(), 1);
    drop(flow);
    assert_eq!(server.connection_count(), 0);
    let last = wire.answers().pop().expect("a message");
    assert_eq!(last.message_type(), MessageType::CloseConnection);
    assert!(*wire.ended.lock());
    server.shutdown();
}

#[test]
fn what_a_peer_sent_before_it_went_is_served_no_further() {
    let (server, wire) = (server(), Wire::new());
    let mut flow = flow(&server, &wire);
    wire.echo(0..20);
    wire.shutdown();
    let mut left = 3;
    let run = flow.run(|| {
        left -= 1;
        left > 0
    });
    assert_eq!((run, flow.messages()), (Run::Ended, 3));
    server.shutdown();
}

#[test]
fn no_flow_begins_on_a_server_that_stops_or_is_full() {
    let (server, wire) = (server(), Wire::new());
    server.shutdown();
    let config = FlowConfig {
        max_message_size: 4096,
        adapter: Arc::new(Speaker),
    };
    assert!(server.adopt(Arc::clone(&wire) as Arc<dyn Link>, config).is_none());
    assert!(*wire.ended.lock(), "its connection is closed");
}

#[test]
fn shutdown_ends_flows_and_serves_nothing_more() {
    let (server, wire) = (server(), Wire::new());
    let mut flow = flow(&server, &wire);
    let stopping = std::thread::spawn(move || server.shutdown());
    while !*wire.ended.lock() {
        std::thread::yield_now();
    }
    wire.echo(0..1);
    flow.run(|| true);
    let types: Vec<_> = wire.answers().iter().map(Message::message_type).collect();
    assert_eq!(types, [MessageType::CloseConnection]);
    drop(flow);
    stopping.join().expect("shutdown does not panic");
}

#[test]
fn a_connection_that_is_served_once_is_answered_once() {
    let (server, wire) = (server(), Wire::new());
    wire.echo(5..8);
    server.serve_once(Arc::clone(&wire) as Arc<dyn Link>, Arc::new(Speaker));
    while wire.answers().len() < 2 {
        std::thread::yield_now();
    }
    let answers = wire.answers();
    assert_eq!(answers.len(), 2);
    assert_eq!(echoed(&answers[0]).0, 5);
    assert_eq!(answers[1].message_type(), MessageType::CloseConnection);
    wire.shutdown();
    server.shutdown();
}

#[test]
fn a_connection_that_is_served_once_and_asks_nothing_is_given_up() {
    let config = ServerConfig {
        stall_timeout: Duration::from_millis(10),
        idle_timeout: None,
        ..ServerConfig::default()
    };
    let (server, wire) = (server_with(config), Wire::new());
    server.serve_once(Arc::clone(&wire) as Arc<dyn Link>, Arc::new(Speaker));
    while !*wire.ended.lock() {
        std::thread::yield_now();
    }
    assert!(wire.answers().is_empty());
    server.shutdown();
}
