// SPDX-License-Identifier: MIT OR Apache-2.0

use std::fs;
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::net::{SocketAddrUnix, bind, listen};
use tempfile::TempDir;

use super::handshake::{Half, Kind, LENGTH, Message};
use super::socket::Socket;
use super::*;
use crate::conformance::{Cable, Side, conforms};
use crate::{BadGeometry, Channel, Closed, Frame, FrameClass, Interest, Packet, Violation};

const NOW: Duration = Duration::ZERO;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn place() -> (TempDir, Directory) {
    let folder = tempfile::tempdir().expect("a directory");
    let directory = Directory::at(folder.path()).expect("it is ours");
    (folder, directory)
}

/// Both ends of a channel, in one process.
fn pair(config: &Config) -> (Circuit, Circuit) {
    let (_folder, directory) = place();
    let mut listener = Listener::bind(&directory, "test", config.clone()).expect("nobody else has the name");
    let config = config.clone();
    let client = thread::spawn(move || connect(&directory, "test", config, soon()));
    let server = accept(&mut listener);
    (client.join().expect("it ends").expect("it is let in"), server)
}

fn accept(listener: &mut Listener) -> Circuit {
    listener
        .accept(soon())
        .expect("it listens")
        .expect("somebody connects")
}

fn send(circuit: &mut Circuit, bytes: &[u8]) {
    let mut packet = Packet::default();
    packet.headers.append(&[9; 40]).expect("they are short");
    packet.payload.push(circuit.place(bytes).expect("there is room"));
    circuit.transmit(&packet, NOW).expect("there is a slot");
    circuit.publish();
}

fn receive(circuit: &mut Circuit) -> Packet<Frame> {
    assert!(circuit.wait(Interest::Packets, soon()), "something comes");
    circuit.receive(NOW).expect("it is open").expect("it has come")
}

/// Receives until the end, and says why it ended.
fn end(circuit: &mut Circuit) -> Closed {
    loop {
        match circuit.receive(NOW) {
            Err(closed) => return closed,
            Ok(_) => assert!(circuit.wait(Interest::Packets, soon()), "it ends"),
        }
    }
}

fn readable(circuit: &Circuit) -> bool {
    let mut descriptors = [PollFd::new(circuit, PollFlags::IN)];
    poll(&mut descriptors, Some(&rustix::event::Timespec::default())) == Ok(1)
}

/// Two ends, whose time passes by itself.
struct Desk {
    left: Circuit,
    right: Circuit,
    begin: Instant,
}

impl Cable for Desk {
    type End = Circuit;

    fn end(&mut self, which: Side) -> &mut Circuit {
        match which {
            Side::Left => &mut self.left,
            Side::Right => &mut self.right,
        }
    }

    fn now(&self) -> Duration {
        self.begin.elapsed()
    }

    fn pass(&mut self) {
        thread::yield_now();
    }
}

#[test]
fn the_fabric_is_a_backend_as_any() {
    for integrity in [Integrity::Shared, Integrity::Copied] {
        conforms(|| {
            let config = Config {
                integrity,
                ..Config::default()
            };
            let (left, right) = pair(&config);
            let begin = Instant::now();
            Desk { left, right, begin }
        });
    }
}

#[test]
fn packets_go_both_ways_however_large() {
    let (mut client, mut server) = pair(&Config::default());
    for length in [0, 1, 200, 201, 4096, 4097, 65_000] {
        let bytes: Vec<u8> = (0..length).map(|byte: u32| byte.to_le_bytes()[0]).collect();
        send(&mut client, &bytes);
        let got = receive(&mut server);
        assert_eq!(
            got.payload
                .iter()
                .flat_map(|piece| piece.to_vec())
                .collect::<Vec<u8>>(),
            bytes
        );
        server.transmit(&got, NOW).expect("there is a slot");
        server.publish();
        let back = receive(&mut client);
        assert_eq!(
            back.payload
                .iter()
                .flat_map(|piece| piece.to_vec())
                .collect::<Vec<u8>>(),
            bytes
        );
    }
    assert_eq!(server.properties().integrity, Integrity::Shared);
}

#[test]
fn what_a_channel_holds_may_wait_at_its_receiver_however_it_comes() {
    let copied = Config {
        integrity: Integrity::Copied,
        ..Config::default()
    };
    for config in [Config::default(), copied] {
        let (mut here, mut there) = pair(&config);
        let holds = there.properties().holds;
        assert!(holds >= 512 << 10, "{holds}");
        for length in [200, 107, 2100, 33_000, 65_000] {
            let mut held = Vec::new();
            while (held.len() + 1) * length <= holds {
                if here.place(&vec![7; length]).is_none() {
                    // What is lent and not copied is the sender's.
                    break;
                }
                send(&mut here, &vec![7; length]);
                held.push(receive(&mut there));
            }
            assert_eq!(there.counters().discarded_no_memory, 0, "{length}");
        }
    }
}

#[test]
fn a_thread_that_sleeps_is_woken() {
    let config = Config {
        spin: Duration::ZERO,
        ..Config::default()
    };
    let (mut client, mut server) = pair(&config);
    let echo = thread::spawn(move || {
        loop {
            match server.receive(NOW) {
                Ok(Some(packet)) => server.transmit(&packet, NOW).expect("there is a slot"),
                Ok(None) => drop(server.wait(Interest::Packets, soon())),
                Err(closed) => return closed,
            }
            server.publish();
        }
    });
    for number in 0..1000_u32 {
        send(&mut client, &number.to_le_bytes());
        assert_eq!(receive(&mut client).payload[0].as_ref(), number.to_le_bytes());
    }
    drop(client);
    assert_eq!(echo.join().expect("it ends"), Closed::ByPeer);
}

#[test]
fn one_may_sleep_without_the_circuit() {
    let (mut client, mut server) = pair(&Config::default());
    let sleeper = server.sleeper();
    let bell = server.arm_bell(Interest::Packets).expect("there is nothing");
    let asleep = thread::spawn(move || sleeper.sleep(bell, Duration::from_secs(20)));
    send(&mut client, b"hello");
    asleep.join().expect("it wakes");
    server.disarm_bell();
    assert!(server.arm_bell(Interest::Packets).is_none(), "there is something");
    assert_eq!(receive(&mut server).payload[0].as_ref(), b"hello");
    // What outlives its circuit still has what it looks at.
    let sleeper = client.sleeper();
    let bell = client.arm_bell(Interest::Packets).expect("there is nothing");
    drop((client, server));
    sleeper.sleep(bell, Duration::from_millis(1));
}

#[test]
fn a_wait_ends_at_its_deadline() {
    let (mut client, _server) = pair(&Config::default());
    assert!(!client.wait(Interest::Packets, Instant::now() + Duration::from_millis(60)));
    assert!(!client.wait(Interest::Packets, Instant::now()));
}

#[test]
fn a_descriptor_tells_of_packets_once_for_each_time_it_is_asked() {
    let (mut client, mut server) = pair(&Config::default());
    assert!(server.arm(Interest::Packets));
    assert!(!readable(&server));
    send(&mut client, b"one");
    send(&mut client, b"two");
    assert!(readable(&server));
    assert_eq!(client.counters().wakes, 1);
    server.disarm();
    assert!(!readable(&server));
    assert!(!server.arm(Interest::Packets), "there is something");
    receive(&mut server);
    receive(&mut server);
    send(&mut client, b"three");
    assert!(!readable(&server), "nobody asked");
}

#[test]
fn who_rings_when_nobody_asked_is_out() {
    let (mut client, mut server) = pair(&Config::default());
    assert!(server.arm(Interest::Packets));
    client.ring_for_test();
    client.ring_for_test();
    assert!(readable(&server));
    server.disarm();
    assert_eq!(end(&mut server), Closed::Violation(Violation::Doorbell));
    assert_eq!(end(&mut client), Closed::ByPeer);
}

#[test]
fn nobody_is_there_where_nobody_listens() {
    let (_folder, directory) = place();
    let outcome = connect(&directory, "test", Config::default(), soon());
    assert!(matches!(outcome, Err(ConnectError::Nobody(_))), "{outcome:?}");
    let outcome = connect(&directory, "../test", Config::default(), soon());
    assert!(matches!(outcome, Err(ConnectError::Name(_))), "{outcome:?}");
}

#[test]
fn a_name_is_free_again_when_its_listener_is_gone() {
    let (folder, directory) = place();
    let listener = Listener::bind(&directory, "test", Config::default()).expect("it is free");
    let outcome = Listener::bind(&directory, "test", Config::default());
    assert!(matches!(outcome, Err(ListenError::InUse(_))), "{outcome:?}");
    drop(listener);
    assert!(!folder.path().join("test.socket").exists());
    // What one that was killed leaves behind.
    fs::write(folder.path().join("test.socket"), b"").expect("it is ours");
    Listener::bind(&directory, "test", Config::default()).expect("it is free");
}

#[test]
fn those_of_other_users_are_refused_on_both_sides() {
    let (_folder, directory) = place();
    let others = Config {
        peers: Peers::Users(vec![own_user() + 1]),
        ..Config::default()
    };
    let mut listener = Listener::bind(&directory, "test", others.clone()).expect("it is free");
    let client = thread::spawn({
        let directory = directory.clone();
        move || connect(&directory, "test", Config::default(), soon())
    });
    while listener.refused() == 0 {
        let outcome = listener.accept(Instant::now() + Duration::from_millis(10));
        assert!(outcome.expect("it listens").is_none());
    }
    let refused = |outcome| match outcome {
        Err(ConnectError::Handshake { source, .. }) => source,
        other => panic!("{other:?}"),
    };
    let why = refused(client.join().expect("it ends"));
    assert!(matches!(why, HandshakeError::Refused(Reason::User)), "{why}");
    let why = refused(connect(&directory, "test", others, soon()));
    assert!(
        matches!(why, HandshakeError::User(user) if user == own_user()),
        "{why}"
    );
}

/// Connects by hand, says something, and returns what the listener answers.
fn answer(bytes: &[u8], passed: Option<std::os::fd::BorrowedFd<'_>>) -> Message {
    let (_folder, directory) = place();
    let config = Config {
        most_peer_bytes: 48 << 20,
        ..Config::default()
    };
    let mut listener = Listener::bind(&directory, "test", config).expect("it is free");
    let name = "test".parse().expect("a name");
    let socket = Socket::connect(&directory.socket(&name), soon()).expect("it listens");
    socket.send(bytes, passed).expect("there is room");
    assert!(listener.try_accept().expect("it listens").is_none());
    assert_eq!(listener.refused(), 1);
    let told = || {
        let mut told = [0; LENGTH];
        let got = socket.receive(&mut told).expect("it is there");
        assert_eq!(got.map(|(length, _)| length), Some(LENGTH));
        Message::decode(&told).expect("it is one of ours")
    };
    assert_eq!(told(), Message::Listen(0), "the listener begins");
    told()
}

#[test]
fn who_says_something_wrong_is_told_why_it_is_refused() {
    let geometry = Geometry::default();
    let offer = |geometry| Message::Offer(Kind::Connect, geometry).encode();
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let unsealed = memfd_create("test", flags).expect("a memory file");
    ftruncate(&unsealed, geometry.bytes()).expect("it grows");
    let refused = Message::Refuse;
    assert_eq!(answer(b"hello", None), refused(Reason::Message));
    assert_eq!(
        answer(&offer(geometry), None),
        refused(Reason::Message),
        "no memory"
    );
    assert_eq!(
        answer(&offer(geometry), Some(unsealed.as_fd())),
        refused(Reason::Memory)
    );
    let large = Geometry {
        large: FrameClass {
            size: 1 << 20,
            count: 48,
        },
        ..geometry
    };
    assert_eq!(
        answer(&offer(large), Some(unsealed.as_fd())),
        refused(Reason::Geometry)
    );
    let wrong = Geometry { slots: 3, ..geometry };
    assert_eq!(
        answer(&offer(wrong), Some(unsealed.as_fd())),
        refused(Reason::Geometry)
    );
    let accept = Message::Offer(Kind::Accept, geometry).encode();
    assert_eq!(answer(&accept, Some(unsealed.as_fd())), refused(Reason::Message));
}

/// What a listener says to who connects, and what becomes of it.
fn connected_to(greeting: &[u8]) -> Result<Circuit, ConnectError> {
    let (_folder, directory) = place();
    let name = "test".parse().expect("a name");
    let socket = super::socket::open().expect("a socket");
    let address = SocketAddrUnix::new(directory.socket(&name)).expect("it is short");
    bind(&socket, &address).expect("it is free");
    listen(&socket, 1).expect("it listens");
    let client = thread::spawn(move || connect(&directory, "test", Config::default(), soon()));
    let peer = Socket::new(rustix::net::accept(&socket).expect("it connects"));
    peer.send(greeting, None).expect("there is room");
    assert!(peer.wait(soon()).expect("a socket"), "it answers, or is gone");
    let mut said = [0; LENGTH];
    if let Ok(Some((LENGTH, Some(_memory)))) = peer.receive(&mut said) {
        let half = Half::new(Geometry::default()).expect("memory");
        half.show(&peer, Kind::Accept).expect("there is room");
        let offer = Message::decode(&said).expect("it is one of ours");
        assert!(matches!(offer, Message::Offer(Kind::Connect, geometry) if geometry.check(64 << 20).is_ok()));
    }
    drop(peer);
    client.join().expect("it does not panic")
}

#[test]
fn whatever_a_listener_wants_who_connects_brings_no_more_than_there_may_be() {
    for room in [0, u64::MAX] {
        connected_to(&Message::Listen(room).encode()).expect("it brings what it can");
    }
    let offer = Message::Offer(Kind::Accept, Geometry::default()).encode();
    for wrong in [&offer[..], b"hello"] {
        let outcome = connected_to(wrong);
        assert!(
            matches!(
                outcome,
                Err(ConnectError::Handshake {
                    source: HandshakeError::Message(_),
                    ..
                })
            ),
            "{outcome:?}"
        );
    }
}

#[test]
fn both_ends_have_the_room_that_the_listener_says() {
    let (_folder, directory) = place();
    let mut listener = Listener::bind(&directory, "test", Config::default()).expect("it is free");
    listener.set_room(300 * 256, 600 * 256);
    let client = thread::spawn(move || connect(&directory, "test", Config::default(), soon()));
    let mut server = accept(&mut listener);
    let mut client = client.join().expect("it ends").expect("it is let in");
    assert_eq!(server.peer_process(), Some(std::process::id()));
    // One packet for each slot, and no more.
    for (circuit, slots) in [(&mut client, 512), (&mut server, 1024)] {
        let packet = Packet::default();
        let sent = (0..2048).take_while(|_| circuit.transmit(&packet, Duration::ZERO).is_ok());
        assert_eq!(sent.count(), slots);
    }
}

#[test]
fn those_who_say_nothing_keep_nobody_out() {
    let (_folder, directory) = place();
    let mut listener = Listener::bind(&directory, "test", Config::default()).expect("it is free");
    let name: Name = "test".parse().expect("a name");
    let silent: Vec<Socket> = (0..40)
        .map(|_| Socket::connect(&directory.socket(&name), soon()).expect("it listens"))
        .collect();
    let client = thread::spawn(move || connect(&directory, "test", Config::default(), soon()));
    let mut server = accept(&mut listener);
    let mut client = client.join().expect("it ends").expect("it is let in");
    send(&mut client, b"hello");
    assert_eq!(receive(&mut server).payload[0].as_ref(), b"hello");
    assert!(listener.refused() >= 8);
    drop(silent);
}

#[test]
fn a_listener_that_does_not_answer_is_waited_for_until_the_deadline() {
    let (_folder, directory) = place();
    let _listener = Listener::bind(&directory, "test", Config::default()).expect("it is free");
    let until = Instant::now() + Duration::from_millis(50);
    let outcome = connect(&directory, "test", Config::default(), until);
    assert!(matches!(outcome, Err(ConnectError::TimedOut(_))), "{outcome:?}");
}

#[test]
fn ones_own_geometry_is_checked_first() {
    let (_folder, directory) = place();
    let config = Config {
        geometry: Geometry {
            slots: 3,
            ..Geometry::default()
        },
        ..Config::default()
    };
    let outcome = Listener::bind(&directory, "test", config);
    assert!(
        matches!(outcome, Err(ListenError::Geometry(BadGeometry::Slots(3)))),
        "{outcome:?}"
    );
}
