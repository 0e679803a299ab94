// SPDX-License-Identifier: MIT OR Apache-2.0
//! What every transport must do, tried on real sockets.

use std::{
    io::{self, IoSlice},
    os::fd::{AsRawFd, BorrowedFd},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use orb_core::{
    rtcorba::TcpProtocolProperties,
    transport::{Endpoint, Event, Interest, Link, Listener, Transport},
};
use rustix::net::sockopt;

use crate::{KernelTcp, link::LEAST_BUFFER};

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn listen(host: &str) -> Box<dyn Listener> {
    KernelTcp.listen(&Endpoint::iiop(host, 0)).expect("a free port")
}

fn accept(listener: &dyn Listener) -> Arc<dyn Link> {
    let poller = KernelTcp.poller().expect("a poller");
    poller
        .add(listener.fd().expect("a descriptor"), 1, Interest::READ)
        .expect("watched");
    let mut events = Vec::new();
    loop {
        match listener.accept() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                poller.wait(&mut events, None).expect("an event");
            }
            result => return result.expect("a connection"),
        }
    }
}

fn pair() -> (Arc<dyn Link>, Arc<dyn Link>) {
    let listener = listen("127.0.0.1");
    let client = KernelTcp.connect(listener.local(), soon()).expect("connected");
    (client, accept(listener.as_ref()))
}

#[test]
fn parts_arrive_in_order_as_one_stream() {
    let (client, server) = pair();
    let sent = client.send(
        &[IoSlice::new(b"GI"), IoSlice::new(b"O"), IoSlice::new(b"P")],
        None,
    );
    assert_eq!(sent.expect("sent"), 4);
    let mut buffer = BytesMut::with_capacity(64);
    while buffer.len() < 4 {
        server
            .recv(&mut buffer, Some(Duration::from_secs(10)))
            .expect("received");
    }
    assert_eq!(&buffer[..], b"GIOP");
    assert_eq!(server.peer().port(), client.local().port());
}

#[test]
fn a_wait_without_bytes_ends_as_would_block_for_short_and_long_timeouts() {
    let (client, _server) = pair();
    let mut buffer = BytesMut::with_capacity(64);
    for timeout in [
        Duration::from_millis(1),
        Duration::from_millis(40),
        Duration::from_micros(10),
    ] {
        let error = client
            .recv(&mut buffer, Some(timeout))
            .expect_err("nothing was sent");
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }
    assert_eq!(
        client.try_recv(&mut buffer).expect_err("nothing").kind(),
        io::ErrorKind::WouldBlock
    );
}

#[test]
fn a_peer_that_takes_nothing_stops_the_sender_at_its_timeout() {
    let (client, _server) = pair();
    let block = vec![0_u8; 1 << 20];
    let stopped = (0..1000).find_map(|_| {
        client
            .send(&[IoSlice::new(&block)], Some(Duration::from_millis(5)))
            .err()
    });
    assert_eq!(
        stopped.expect("the buffers are full").kind(),
        io::ErrorKind::WouldBlock
    );
    assert_eq!(
        client.try_send(&[IoSlice::new(&block)]).expect_err("full").kind(),
        io::ErrorKind::WouldBlock
    );
}

#[test]
fn shutdown_ends_a_blocked_receive_and_shows_at_the_peer() {
    let (client, server) = pair();
    let waiting = Arc::clone(&client);
    let waiter = thread::spawn(move || waiting.recv(&mut BytesMut::with_capacity(8), None));
    client.shutdown();
    assert!(matches!(waiter.join().expect("no panic"), Ok(0) | Err(_)));
    assert_eq!(
        server
            .recv(&mut BytesMut::with_capacity(8), None)
            .expect("the end"),
        0
    );
}

#[test]
fn a_refused_connection_names_the_endpoint() {
    let endpoint = listen("127.0.0.1").local().clone();
    let error = KernelTcp.connect(&endpoint, soon()).expect_err("nobody listens");
    assert!(error.to_string().contains(&endpoint.to_string()), "{error}");
    assert!(!error.is_timeout());
}

#[test]
fn a_deadline_in_the_past_is_a_timeout() {
    let listener = listen("127.0.0.1");
    let error = KernelTcp
        .connect(listener.local(), Instant::now())
        .expect_err("too late");
    assert!(error.is_timeout());
}

#[test]
fn names_are_resolved() {
    let listener = listen("127.0.0.1");
    let endpoint = Endpoint::iiop("localhost", listener.local().port());
    KernelTcp.connect(&endpoint, soon()).expect("localhost");
}

#[test]
fn ipv6_works_where_the_machine_has_it() {
    let Ok(listener) = KernelTcp.listen(&Endpoint::iiop("::1", 0)) else {
        return;
    };
    let client = KernelTcp.connect(listener.local(), soon()).expect("connected");
    assert_eq!(client.peer().to_string(), listener.local().to_string());
}

#[test]
fn an_empty_host_listens_everywhere() {
    let listener = listen("");
    KernelTcp
        .connect(&Endpoint::iiop("127.0.0.1", listener.local().port()), soon())
        .expect("over IPv4");
}

#[test]
fn a_one_shot_event_comes_once_until_it_is_armed_again() {
    let (client, server) = pair();
    let poller = KernelTcp.poller().expect("a poller");
    let fd = server.fd().expect("a descriptor");
    poller.add(fd, 7, Interest::READ_ONCE).expect("added");
    client.send(&[IoSlice::new(b"x")], None).expect("sent");
    let mut events = Vec::new();
    poller.wait(&mut events, None).expect("an event");
    assert_eq!(
        events,
        [Event {
            token: 7,
            readable: true,
            writable: false,
            closed: false
        }]
    );
    poller.wait(&mut events, Some(Duration::ZERO)).expect("none");
    assert!(events.is_empty());
    poller.modify(fd, 7, Interest::READ_ONCE).expect("armed");
    poller.wait(&mut events, None).expect("an event");
    assert_eq!(events.len(), 1);
    poller.remove(fd).expect("removed");
}

#[test]
fn a_peer_that_goes_is_an_event() {
    let (client, server) = pair();
    let poller = KernelTcp.poller().expect("a poller");
    poller
        .add(server.fd().expect("a descriptor"), 3, Interest::READ_EDGE)
        .expect("added");
    drop(client);
    let mut events = Vec::new();
    poller.wait(&mut events, None).expect("an event");
    assert!(events.iter().any(|event| event.closed && event.token == 3));
}

#[test]
fn a_wake_up_is_kept_for_the_next_wait() {
    let poller = KernelTcp.poller().expect("a poller");
    poller.wake().expect("woken");
    let mut events = vec![Event {
        token: 0,
        readable: true,
        writable: false,
        closed: false,
    }];
    poller.wait(&mut events, None).expect("returns");
    assert!(events.is_empty());
}

#[test]
fn connections_inherit_the_buffers_of_their_listener() {
    let listener = listen("127.0.0.1");
    listener.set_buffers(300_000, 200_000).expect("set");
    let _client = KernelTcp.connect(listener.local(), soon()).expect("connected");
    let server = accept(listener.as_ref());
    let fd = server.fd().expect("a socket");
    assert_eq!(sockopt::socket_recv_buffer_size(fd).expect("an option"), 600_000);
    assert_eq!(sockopt::socket_send_buffer_size(fd).expect("an option"), 400_000);
}

/// How many octets a connection takes whose peer reads nothing.
fn taken_unread(link: &dyn Link) -> usize {
    let (mut taken, mut refused) = (0, 0);
    // The peer's window may just be filling.
    while refused < 20 && taken < 8 << 20 {
        match link.try_send(&[IoSlice::new(&[0; 1024])]) {
            Ok(count) => (taken, refused) = (taken + count, 0),
            Err(_) => {
                refused += 1;
                thread::sleep(Duration::from_millis(2));
            }
        }
    }
    taken
}

#[test]
fn what_is_not_sent_yet_has_the_room_that_was_asked_for_and_no_more() {
    let taken = |room| {
        let listener = listen("127.0.0.1");
        listener.set_buffers(0, room).expect("set");
        let client = KernelTcp.connect(listener.local(), soon()).expect("connected");
        let server = accept(listener.as_ref());
        client.set_buffers(0, room).expect("set");
        for link in [&client, &server] {
            let fd = link.fd().expect("a socket");
            let unsent = integer(fd, libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT);
            assert_eq!(usize::try_from(unsent), Ok(room), "connections inherit it");
        }
        taken_unread(client.as_ref())
    };
    // Both have the same send buffer, which is the least that there is.
    let (small, large) = (taken(8192), taken(LEAST_BUFFER));
    assert!(small + 65_536 < large, "{small}, {large}");
}

/// What the kernel says of a connection.
fn properties(link: &dyn Link) -> TcpProtocolProperties {
    let fd = link.fd().expect("a socket");
    let half = |bytes: usize| u32::try_from(bytes / 2).expect("a size");
    TcpProtocolProperties {
        send_buffer_size: half(sockopt::socket_send_buffer_size(fd).expect("an option")),
        recv_buffer_size: half(sockopt::socket_recv_buffer_size(fd).expect("an option")),
        keep_alive: sockopt::socket_keepalive(fd).expect("an option"),
        dont_route: dont_route(fd),
        no_delay: sockopt::tcp_nodelay(fd).expect("an option"),
    }
}

fn dont_route(fd: BorrowedFd<'_>) -> bool {
    integer(fd, libc::SOL_SOCKET, libc::SO_DONTROUTE) != 0
}

fn integer(fd: BorrowedFd<'_>, level: libc::c_int, option: libc::c_int) -> libc::c_int {
    let mut value: libc::c_int = -1;
    let mut size = libc::socklen_t::try_from(size_of_val(&value)).expect("small");
    #[allow(unsafe_code, reason = "rustix has no such option")]
    // SAFETY: the kernel writes `size` octets at most to `value`, which has as many, and one length to `size`.
    let result = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            level,
            option,
            (&raw mut value).cast(),
            &raw mut size,
        )
    };
    assert_eq!(result, 0, "an option");
    value
}

#[test]
fn both_ends_of_a_connection_are_as_their_side_wants_them() {
    let (client, server) = pair();
    for link in [&client, &server] {
        let default = properties(link.as_ref());
        assert!(
            default.no_delay && default.keep_alive && !default.dont_route,
            "{default:?}"
        );
    }
    let wanted = |send_buffer_size, recv_buffer_size| TcpProtocolProperties {
        send_buffer_size,
        recv_buffer_size,
        keep_alive: false,
        dont_route: true,
        no_delay: false,
    };
    let listener = listen("127.0.0.1");
    listener.set_properties(&wanted(40_000, 50_000)).expect("set");
    let client = KernelTcp.connect_with(listener.local(), soon(), &wanted(60_000, 70_000));
    let client = client.expect("connected");
    assert_eq!(properties(client.as_ref()), wanted(60_000, 70_000));
    assert_eq!(
        properties(accept(listener.as_ref()).as_ref()),
        wanted(40_000, 50_000)
    );
}

#[test]
fn buffers_are_as_large_as_was_asked_for() {
    let (_client, server) = pair();
    let size = || {
        let fd = server.fd().expect("a socket");
        let receive = sockopt::socket_recv_buffer_size(fd).expect("an option");
        (receive, sockopt::socket_send_buffer_size(fd).expect("an option"))
    };
    for (receive, send) in [(262_144, 131_072), (524_288, 262_144), (131_072, 131_072)] {
        server.set_buffers(receive, send).expect("set");
        assert_eq!(size(), (2 * receive, 2 * send));
    }
    // Less than a window needs is not given to anybody.
    server.set_buffers(0, 0).expect("set");
    assert_eq!(size(), (262_144, 262_144));
    // More than the system gives to anybody is no error.
    server.set_buffers(usize::MAX, usize::MAX).expect("set");
    assert!(size().0 > 262_144);
}
