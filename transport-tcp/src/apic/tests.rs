// SPDX-License-Identifier: MIT OR Apache-2.0
mod buffers;

use std::{io::IoSlice, num::NonZeroU64, thread, time::Duration};

use bytes::{Bytes, BytesMut};
use orb_core::transport::{Interest, Pace};
use tempfile::TempDir;

use transport_apic::Integrity;

use super::*;

const SOON: Duration = Duration::from_secs(10);

/// The least room there is.
const LEAST: usize = 128 * 1024;
/// What is not worth a piece.
const LITTLE: usize = 4096;

/// A fabric of its own.
struct Fabric {
    transport: Arc<Apic>,
    _folder: TempDir,
}

impl Fabric {
    fn new() -> Self {
        Self::with(Config::default())
    }

    fn with(config: Config) -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let directory = Directory::at(folder.path()).expect("it is ours");
        Self {
            transport: Arc::new(Apic::with(directory, config).expect("a fabric")),
            _folder: folder,
        }
    }

    /// Two ends of a connection, the server's second.
    fn pair(&self) -> (Arc<dyn Link>, Arc<dyn Link>) {
        self.pair_with(|_| Ok(()))
    }

    /// Two ends of a connection to a listener that is like that.
    fn pair_with(&self, set: impl FnOnce(&dyn Listener) -> io::Result<()>) -> (Arc<dyn Link>, Arc<dyn Link>) {
        let listener = self
            .transport
            .listen(&Endpoint::new("apic", "", 0))
            .expect("a name");
        set(&*listener).expect("set");
        let endpoint = listener.local().clone();
        let transport = Arc::clone(&self.transport);
        let client = thread::spawn(move || transport.connect(&endpoint, Instant::now() + SOON));
        let server = accepted(&*listener);
        // The server's side of the handshake is done by whoever receives.
        let mut nothing = BytesMut::with_capacity(64);
        while !client.is_finished() {
            drop(server.recv(&mut nothing, Some(Duration::from_millis(5))));
        }
        assert!(nothing.is_empty());
        (client.join().expect("no panic").expect("connected"), server)
    }
}

fn accepted(listener: &dyn Listener) -> Arc<dyn Link> {
    let until = Instant::now() + SOON;
    loop {
        match listener.accept() {
            Ok(link) => return link,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && Instant::now() < until => {
                thread::yield_now();
            }
            Err(error) => panic!("nobody came: {error}"),
        }
    }
}

fn received(link: &dyn Link) -> Vec<u8> {
    let mut buffer = BytesMut::with_capacity(64);
    link.recv(&mut buffer, Some(SOON)).expect("something came");
    buffer.to_vec()
}

#[test]
fn octets_go_both_ways() {
    let fabric = Fabric::new();
    let (client, server) = fabric.pair();
    for round in 0..100 {
        let sent = client.send(&[IoSlice::new(b"pi"), IoSlice::new(b"ng")], Some(SOON));
        assert_eq!(sent.expect("sent"), 4, "round {round}");
        assert_eq!(received(&*server), b"ping");
        server.try_send(&[IoSlice::new(b"pong")]).expect("sent");
        assert_eq!(received(&*client), b"pong");
    }
}

#[test]
fn who_sleeps_is_woken() {
    let fabric = Fabric::new();
    let (client, server) = fabric.pair();
    let answering = thread::spawn(move || {
        for _ in 0..20 {
            assert_eq!(received(&*server), b"ping");
            server.try_send(&[IoSlice::new(b"pong")]).expect("sent");
        }
    });
    for _ in 0..20 {
        // Longer than it spins.
        thread::sleep(Duration::from_millis(2));
        client.try_send(&[IoSlice::new(b"ping")]).expect("sent");
        assert_eq!(received(&*client), b"pong");
    }
    answering.join().expect("it answered");
}

#[test]
fn a_wait_ends_with_its_time() {
    let fabric = Fabric::new();
    let (client, _server) = fabric.pair();
    let mut buffer = BytesMut::with_capacity(64);
    for timeout in [Duration::ZERO, Duration::from_micros(5), Duration::from_millis(3)] {
        let error = client
            .recv(&mut buffer, Some(timeout))
            .expect_err("nothing comes");
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }
    assert_eq!(
        client.try_recv(&mut buffer).expect_err("nothing came").kind(),
        io::ErrorKind::WouldBlock
    );
}

#[test]
fn a_poller_is_told_of_what_comes_after_it_was_asked() {
    let fabric = Fabric::new();
    let (client, server) = fabric.pair();
    let poller = fabric.transport.poller().expect("a poller");
    let fd = server.fd().expect("a descriptor");
    poller.add(fd, 7, Interest::READ_EDGE).expect("watched");
    let (mut events, mut buffer) = (Vec::new(), BytesMut::with_capacity(64));
    for round in 0..10 {
        assert!(server.watch(Interest::READ_EDGE).is_some(), "nothing is there");
        client.try_send(&[IoSlice::new(b"ping")]).expect("sent");
        poller.wait(&mut events, Some(SOON)).expect("it waits");
        assert!(
            events.iter().any(|event| event.token == 7 && event.readable),
            "round {round}"
        );
        buffer.clear();
        assert_eq!(server.try_recv(&mut buffer).expect("it is there"), 4);
    }
    client.try_send(&[IoSlice::new(b"ping")]).expect("sent");
    assert_eq!(server.watch(Interest::READ_EDGE), None, "it is there already");
}

#[test]
fn a_poller_is_told_of_room() {
    let fabric = Fabric::new();
    let (client, server) = fabric.pair();
    let bulk = vec![7; 1 << 20];
    let mut sent = 0;
    let writable = Interest {
        writable: true,
        ..Interest::READ_ONCE
    };
    loop {
        match client.try_send(&[IoSlice::new(&bulk)]) {
            Ok(count) => sent += count,
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                break;
            }
        }
    }
    let poller = fabric.transport.poller().expect("a poller");
    let interest = client.watch(writable).expect("there is no room");
    poller
        .add(client.fd().expect("a descriptor"), 7, interest)
        .expect("watched");
    let mut buffer = BytesMut::with_capacity(1 << 16);
    let mut received = 0;
    while received < sent {
        buffer.clear();
        received += server.recv(&mut buffer, Some(SOON)).expect("it comes");
    }
    let mut events = Vec::new();
    poller.wait(&mut events, Some(SOON)).expect("it waits");
    assert!(!events.is_empty());
    assert!(client.try_send(&[IoSlice::new(&bulk)]).expect("there is room") > 0);
}

#[test]
fn a_pace_holds_what_is_sent_and_nothing_else() {
    let fabric = Fabric::new();
    let (client, server) = fabric.pair();
    greet(&*client, &*server);
    // A message at once, and then one each hour.
    let rate = NonZeroU64::new(1).expect("one");
    server.set_pace(Some(Pace { rate, burst: 0 }));
    assert_eq!(server.paced_until(), None, "nothing was sent at it");
    let sent = server.try_send(&[IoSlice::new(&[7; 3600])]).expect("one may go");
    assert_eq!(sent, 3600, "all of it");
    let error = server.try_send(&[IoSlice::new(b"x")]).expect_err("it waits");
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    let until = server.paced_until().expect("it is paced");
    assert!(until > Instant::now() + Duration::from_secs(3000));
    let both = Interest {
        writable: true,
        ..Interest::READ_ONCE
    };
    // The acknowledgement that greeting ended with.
    assert!(server.try_recv(&mut BytesMut::with_capacity(1)).is_err());
    assert!(server.watch(both).is_some(), "there is room, and no time");
    // What comes is taken and acknowledged all the same, far beyond a window.
    let bulk = vec![7; 64 * 1024];
    let mut buffer = BytesMut::with_capacity(bulk.len());
    for _ in 0..256 {
        let mut rest = &bulk[..];
        while !rest.is_empty() {
            let sent = client.try_send(&[IoSlice::new(rest)]).expect("there is room");
            rest = &rest[sent..];
            buffer.clear();
            server.recv(&mut buffer, Some(SOON)).expect("it comes");
        }
    }
    server.set_pace(None);
    assert_eq!(server.paced_until(), None);
    assert_eq!(server.try_send(&[IoSlice::new(b"x")]).expect("sent"), 1);
}

#[test]
fn an_open_connection_says_what_may_be_under_way() {
    let fabric = Fabric::new();
    let (client, server) = fabric.pair_with(|listener| listener.set_buffers(300_000, 200_000));
    assert_eq!(server.windows().map(|it| it.receive), Some(300_000));
    greet(&*client, &*server);
    let (here, there) = (client.windows().expect("open"), server.windows().expect("open"));
    // A window is told in units of its scale.
    assert!((300_000 - 1024..=300_000).contains(&here.send), "{here:?}");
    assert_eq!(there.send, 200_000, "the peer takes more");
    server.set_buffers(140_000, 150_000).expect("set");
    let there = server.windows().expect("open");
    assert_eq!((there.receive, there.send), (140_000, 150_000));
}

/// Shows each end the window of the other one, which that of the handshake is not (RFC 7323 §2.2).
fn greet(client: &dyn Link, server: &dyn Link) {
    for (from, to) in [(client, server), (server, client)] {
        from.try_send(&[IoSlice::new(&[7; 100])]).expect("sent");
        let mut buffer = BytesMut::with_capacity(200);
        assert_eq!(to.recv(&mut buffer, Some(SOON)).expect("it comes"), 100);
        assert!(to.watch(Interest::READ_ONCE).is_some(), "no more comes");
    }
}

/// How much goes out while nobody takes it.
fn taken_unread(link: &dyn Link) -> usize {
    let bulk = vec![7; 1 << 20];
    let mut taken = 0;
    while let Ok(count) = link.try_send(&[IoSlice::new(&bulk)]) {
        taken += count;
    }
    taken
}

#[test]
fn connections_have_the_room_that_their_listener_was_asked_for() {
    let fabric = Fabric::new();
    for (asked, has) in [(0, LEAST), (300_000, 300_000), (700_000, 700_000)] {
        let (client, server) = fabric.pair_with(|listener| listener.set_buffers(asked, 0));
        greet(&*client, &*server);
        let taken = taken_unread(&*client);
        // Less by what a window is rounded down, and what is too little for a piece.
        assert!((has - LITTLE..=has).contains(&taken), "{asked}: {taken}");
    }
}

#[test]
fn what_is_on_its_way_out_has_the_room_that_was_asked_for() {
    let fabric = Fabric::new();
    for (asked, has) in [(0, LEAST), (300_000, 300_000), (2 << 20, 2 << 20)] {
        let (client, server) = fabric.pair_with(|listener| listener.set_buffers(0, asked));
        greet(&*client, &*server);
        let taken = taken_unread(&*server);
        assert!((has - LITTLE..=has).contains(&taken), "{asked}: {taken}");
    }
}

/// The other end was shown more before, which it goes on by.
#[test]
fn who_is_given_less_room_when_it_is_open_receives_for_ever() {
    const EACH: usize = 8 * 1024;
    let fabric = Fabric::new();
    let (client, server) = fabric.pair();
    greet(&*client, &*server);
    client.set_buffers(200_000, 0).expect("set");
    let mut buffer = BytesMut::with_capacity(2 * EACH);
    for round in 0..1000 {
        let sent = server.try_send(&[IoSlice::new(&[7; EACH])]);
        let mut left = sent.unwrap_or_else(|error| panic!("round {round}: {error}"));
        while left > 0 {
            buffer.clear();
            left -= client.recv(&mut buffer, Some(SOON)).expect("it comes");
        }
        assert!(client.watch(Interest::READ_ONCE).is_some(), "no more comes");
    }
}

#[test]
fn an_open_connection_is_given_other_room() {
    let fabric = Fabric::new();
    let (client, server) = fabric.pair_with(|listener| listener.set_buffers(140_000, 0));
    // As far as the scale of its window allows, which was said in the handshake.
    server.set_buffers(260_000, 0).expect("set");
    greet(&*client, &*server);
    let taken = taken_unread(&*client);
    assert!((260_000 - LITTLE..=260_000).contains(&taken), "{taken}");
    client.set_buffers(0, 200_000).expect("set");
    assert_eq!(taken_unread(&*client), 0, "what is on its way out has less now");
}

#[test]
fn bulk_and_its_end_arrive() {
    let fabric = Fabric::new();
    let (client, server) = fabric.pair();
    let bulk: Vec<u8> = (0..=250).cycle().take(20_000_000).collect();
    let copy = bulk.clone();
    let sending = thread::spawn(move || {
        let mut rest = &copy[..];
        while !rest.is_empty() {
            let sent = client.send(&[IoSlice::new(rest)], Some(SOON)).expect("sent");
            rest = &rest[sent..];
        }
        client.shutdown_send();
        let mut buffer = BytesMut::with_capacity(64);
        assert_eq!(client.recv(&mut buffer, Some(SOON)).expect("an end"), 0);
    });
    let mut received = BytesMut::with_capacity(bulk.len() + 1);
    while server.recv(&mut received, Some(SOON)).expect("it comes") > 0 {}
    assert!(received == bulk);
    server.shutdown();
    sending.join().expect("it was told of the end");
}

/// All of it lies in frames in a row, however its parts were sent and came in, but for what is too much for that.
#[test]
fn bulk_is_handed_on_as_one_where_it_lies() {
    let fabric = Fabric::new();
    let (client, server) = fabric.pair();
    for size in [20_000, 65_536, 1_000_003, 5_000_001, 16 << 20] {
        let bulk: Vec<u8> = (0..=250).cycle().take(size).collect();
        let copy = bulk.clone();
        let client = Arc::clone(&client);
        let sending = thread::spawn(move || {
            let mut rest = &copy[..];
            let head = [IoSlice::new(b"head"), IoSlice::new(rest)];
            rest = &rest[client.send(&head, Some(SOON)).expect("sent") - 4..];
            while !rest.is_empty() {
                rest = &rest[client.send(&[IoSlice::new(rest)], Some(SOON)).expect("sent")..];
            }
            client.send(&[IoSlice::new(b"tail")], Some(SOON)).expect("sent");
        });
        assert!(server.hands_on(size));
        assert_eq!(received(&*server), b"head", "{size}: it ends where bulk begins");
        let lies = server.recv_where_it_lies(size, Some(SOON)).expect("it comes");
        assert!(lies == bulk, "{size}: {} at once", lies.len());
        assert_eq!(received(&*server), b"tail");
        sending.join().expect("no panic");
    }
    assert!(!server.hands_on(1000) && !server.hands_on((16 << 20) + 1));
}

#[test]
fn bulk_is_copied_where_memory_is_not_shared() {
    let mut config = Config::default();
    config.integrity = Integrity::Copied;
    let fabric = Fabric::with(config);
    let (client, server) = fabric.pair();
    assert!(!server.hands_on(65_536));
    client.try_send(&[IoSlice::new(&[7; 50_000])]).expect("sent");
    let mut buffer = BytesMut::with_capacity(65_536);
    while buffer.len() < 50_000 {
        server.recv(&mut buffer, Some(SOON)).expect("it comes");
    }
    assert!(buffer[..] == [7; 50_000]);
}

#[test]
fn a_peer_that_is_gone_ends_a_wait() {
    let fabric = Fabric::new();
    let (client, server) = fabric.pair();
    let waiting = thread::spawn(move || {
        let mut buffer = BytesMut::with_capacity(64);
        client.recv(&mut buffer, Some(SOON))
    });
    thread::sleep(Duration::from_millis(5));
    drop(server);
    let ended = waiting.join().expect("no panic");
    assert!(
        matches!(&ended, Ok(0))
            || ended
                .as_ref()
                .is_err_and(|error| error.kind() != io::ErrorKind::WouldBlock),
        "{ended:?}"
    );
}

#[test]
fn a_name_beside_another_begins_like_it_and_is_taken_back() {
    let fabric = Fabric::new();
    let server = Endpoint::new("apic", "telemetry", 0);
    let [one, other] = [0, 1].map(|_| fabric.transport.listen_beside(&server).expect("a name"));
    let begins = |listener: &dyn Listener| listener.local().host().starts_with("telemetry-");
    assert!(begins(&*one) && begins(&*other));
    assert_ne!(one.local(), other.local());
    let longest = Endpoint::new("apic", "n".repeat(64), 0);
    fabric
        .transport
        .listen_beside(&longest)
        .expect("it is not too long");
    let endpoint = one.local().clone();
    drop(one);
    let gone = fabric.transport.connect(&endpoint, Instant::now() + SOON);
    let error = gone.expect_err("nobody is there").source;
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}

#[test]
fn nobody_is_reached_where_nobody_listens() {
    let fabric = Fabric::new();
    let nobody = Endpoint::new("apic", "nobody", 0);
    let error = fabric
        .transport
        .connect(&nobody, Instant::now() + SOON)
        .expect_err("nobody is there");
    assert_eq!(error.source.kind(), io::ErrorKind::ConnectionRefused);
    assert!(error.to_string().contains("apic://nobody"), "{error}");
    let wrong = Endpoint::new("apic", "../x", 0);
    assert!(fabric.transport.listen(&wrong).is_err());
}
