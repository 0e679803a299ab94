// SPDX-License-Identifier: MIT OR Apache-2.0
//! The transport over a TUN device, with sockets of the kernel's for peers.

use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use orb_core::rtcorba::TcpProtocolProperties;
use orb_core::transport::{Endpoint, Event, Interest, Link, Poller, Transport, TransportError};
use rustix::net::sockopt;
use transport_tcp::TunTcp;
use transport_tcp::tun::Config;

use crate::apart::apart;
use crate::machine::{call, noise};
use crate::{HERE, PORT};

const PATIENCE: Duration = Duration::from_secs(30);
const MOMENT: Duration = Duration::from_millis(20);

fn config() -> Config {
    Config {
        device: HERE.device.into(),
        networks: vec!["10.77.0.2/24".parse().unwrap()],
        machines: Vec::new(),
        mtu: 1500,
    }
}

fn transport() -> TunTcp {
    TunTcp::start(&config()).unwrap_or_else(|error| panic!("{error}"))
}

fn connect(transport: &TunTcp, host: &str, port: u16) -> Result<Arc<dyn Link>, TransportError> {
    transport.connect(&Endpoint::iiop(host, port), Instant::now() + PATIENCE)
}

/// A link of ours, and the kernel's end of it.
fn pair(transport: &TunTcp) -> (Arc<dyn Link>, TcpStream) {
    let listener = TcpListener::bind((HERE.machine(), 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let link = connect(transport, "10.77.0.1", port).unwrap();
    let (stream, from) = listener.accept().unwrap();
    assert_eq!(
        from.to_string(),
        format!("{}:{}", link.local().host(), link.local().port())
    );
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    (link, stream)
}

fn send(link: &dyn Link, bytes: &[u8]) {
    let mut sent = 0;
    while sent < bytes.len() {
        sent += link
            .send(&[IoSlice::new(&bytes[sent..])], Some(PATIENCE))
            .unwrap();
    }
}

/// So many octets, or all until the end.
fn receive(link: &dyn Link, count: usize) -> Vec<u8> {
    let mut heard = Vec::new();
    while heard.len() < count {
        let mut buffer = BytesMut::with_capacity(5000);
        if link.recv(&mut buffer, Some(PATIENCE)).unwrap() == 0 {
            break;
        }
        heard.extend(&buffer);
    }
    heard
}

fn watched(transport: &TunTcp, link: &dyn Link, interest: Interest) -> Arc<dyn Poller> {
    let poller = transport.poller().unwrap();
    let told = link.watch(interest).expect("there is nothing yet");
    poller.add(link.fd().unwrap(), 7, told).unwrap();
    poller
}

fn events(poller: &dyn Poller, time: Duration) -> Vec<Event> {
    let mut events = Vec::new();
    poller.wait(&mut events, Some(time)).unwrap();
    events
}

#[test]
fn links_carry_streams_both_ways() {
    apart("links_carry_streams_both_ways", || {
        let transport = transport();
        let (link, mut stream) = pair(&transport);
        let parts = [
            IoSlice::new(b"GIOP"),
            IoSlice::new(b""),
            IoSlice::new(b"and more"),
        ];
        assert_eq!(link.try_send(&parts).unwrap(), 12);
        stream.read_exact(&mut [0; 12]).unwrap();
        let bytes = noise(5 << 20);
        thread::scope(|scope| {
            scope.spawn(|| send(&*link, &bytes));
            scope.spawn(|| (&stream).write_all(&bytes).unwrap());
            scope.spawn(|| assert!(receive(&*link, bytes.len()) == bytes));
            let mut heard = vec![0; bytes.len()];
            (&stream).read_exact(&mut heard).unwrap();
            assert!(heard == bytes);
        });
        link.shutdown_send();
        assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
        stream.write_all(b"half closed is half open").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(receive(&*link, usize::MAX), b"half closed is half open");
    });
}

#[test]
fn listeners_tell_pollers_of_connections() {
    apart("listeners_tell_pollers_of_connections", || {
        let transport = transport();
        let listener = transport.listen(&Endpoint::iiop("10.77.0.2", 0)).unwrap();
        let port = listener.local().port();
        assert_ne!(port, 0);
        let poller = transport.poller().unwrap();
        poller
            .add(listener.fd().unwrap(), 7, Interest::READ_EDGE)
            .unwrap();
        for _ in 0..2 {
            assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
            let streams = [call(HERE.host(port)), call(HERE.host(port))];
            assert_eq!(
                events(&*poller, PATIENCE).first().map(|event| event.token),
                Some(7)
            );
            for stream in streams {
                let link = loop {
                    match listener.accept() {
                        Ok(link) => break link,
                        Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                    }
                };
                assert_eq!(link.peer().host(), "10.77.0.1");
                send(&*link, stream.local_addr().unwrap().to_string().as_bytes());
            }
        }
        let taken = transport.listen(&Endpoint::iiop("10.77.0.2", port)).unwrap_err();
        assert_eq!(taken.source.kind(), ErrorKind::AddrInUse);
        drop(listener);
        let refused = TcpStream::connect(HERE.host(port)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        transport.listen(&Endpoint::iiop("10.77.0.2", port)).unwrap();
    });
}

#[test]
fn who_waits_is_told_by_its_poller() {
    apart("who_waits_is_told_by_its_poller", || {
        let transport = transport();
        let (link, mut stream) = pair(&transport);
        let mut buffer = BytesMut::with_capacity(100);
        for interest in [Interest::READ_ONCE, Interest::READ_EDGE] {
            let poller = watched(&transport, &*link, interest);
            assert!(events(&*poller, MOMENT).is_empty());
            stream.write_all(b"ping").unwrap();
            assert!(events(&*poller, PATIENCE)[0].readable);
            assert_eq!(link.watch(interest), None, "it is there already");
            buffer.clear();
            assert_eq!(link.try_recv(&mut buffer).unwrap(), 4);
            let nothing = link.try_recv(&mut buffer).unwrap_err();
            assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
            poller.remove(link.fd().unwrap()).unwrap();
        }
        let begun = Instant::now();
        let late = link.recv(&mut buffer, Some(MOMENT)).unwrap_err();
        assert_eq!(late.kind(), ErrorKind::WouldBlock);
        assert!(begun.elapsed() >= MOMENT);
    });
}

#[test]
fn who_waits_for_room_is_told_when_the_peer_has_read() {
    apart("who_waits_for_room_is_told_when_the_peer_has_read", || {
        let transport = transport();
        let (link, mut stream) = pair(&transport);
        let mut sent = 0;
        let filled = Instant::now();
        // The kernel's window takes some, as it grows.
        while filled.elapsed() < PATIENCE {
            match link.send(&[IoSlice::new(&[7; 100_000])], Some(10 * MOMENT)) {
                Ok(count) => sent += count,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    break;
                }
            }
        }
        let poller = watched(&transport, &*link, Interest::WRITE_ONCE);
        assert!(events(&*poller, MOMENT).is_empty());
        // Another thread's receive does not take this away.
        let nothing = link.try_recv(&mut BytesMut::with_capacity(10)).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
        stream.read_exact(&mut vec![0; sent]).unwrap();
        assert_eq!(events(&*poller, PATIENCE).len(), 1);
        assert_eq!(link.try_send(&[IoSlice::new(b"more")]).unwrap(), 4);
    });
}

#[test]
fn what_cannot_be_reached_is_an_error_in_time() {
    apart("what_cannot_be_reached_is_an_error_in_time", || {
        let transport = transport();
        let free = TcpListener::bind((HERE.machine(), 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let refused = connect(&transport, "10.77.0.1", free).unwrap_err();
        assert_eq!(refused.source.kind(), ErrorKind::ConnectionRefused, "{refused}");
        let own = connect(&transport, "10.77.0.2", free).unwrap_err();
        assert!(own.to_string().contains("own address"), "{own}");
        // Nobody answers there, since the machine forwards nothing.
        let silent = Endpoint::iiop("10.77.0.9", PORT);
        let late = transport.connect(&silent, Instant::now() + MOMENT).unwrap_err();
        assert!(late.is_timeout(), "{late}");
    });
}

#[test]
fn an_end_wakes_all_who_wait() {
    apart("an_end_wakes_all_who_wait", || {
        let transport = transport();
        let (link, mut stream) = pair(&transport);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| receive(&*link, 1));
            thread::sleep(MOMENT);
            link.shutdown();
            assert!(waiting.join().unwrap().is_empty());
        });
        assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0, "the peer sees it, too");
        let (link, stream) = pair(&transport);
        rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| link.recv(&mut BytesMut::with_capacity(10), Some(PATIENCE)));
            thread::sleep(MOMENT);
            drop(stream);
            let failed = waiting.join().unwrap().unwrap_err();
            assert_eq!(failed.kind(), ErrorKind::ConnectionReset);
        });
    });
}

#[test]
fn a_device_that_is_deleted_ends_all_links() {
    apart("a_device_that_is_deleted_ends_all_links", || {
        let transport = transport();
        let (link, _stream) = pair(&transport);
        let poller = watched(&transport, &*link, Interest::READ_ONCE);
        let deleted = Command::new("ip")
            .args(["link", "del", HERE.device])
            .status()
            .unwrap();
        assert!(deleted.success());
        assert_eq!(events(&*poller, PATIENCE).len(), 1);
        let failed = link
            .recv(&mut BytesMut::with_capacity(10), Some(PATIENCE))
            .unwrap_err();
        assert!(failed.to_string().contains("the TUN device is gone"), "{failed}");
        assert!(link.try_send(&[IoSlice::new(b"lost")]).is_err());
        let late = connect(&transport, "10.77.0.1", PORT).unwrap_err();
        assert!(late.to_string().contains("the TUN device is gone"), "{late}");
    });
}

#[test]
fn what_was_sent_arrives_though_the_transport_ends() {
    apart("what_was_sent_arrives_though_the_transport_ends", || {
        for _ in 0..3 {
            let transport = transport();
            let (link, mut stream) = pair(&transport);
            let bytes = noise(900_000);
            let reader = thread::spawn(move || {
                let mut heard = Vec::new();
                stream.read_to_end(&mut heard).unwrap();
                heard
            });
            send(&*link, &bytes);
            // Whoever still has a link does not keep the device.
            transport.stop();
            assert_eq!(
                link.try_send(&[IoSlice::new(b"late")]).unwrap_err().kind(),
                ErrorKind::NotConnected
            );
            let late = connect(&transport, "10.77.0.1", PORT).unwrap_err();
            assert_eq!(late.source.kind(), ErrorKind::NotConnected);
            // The device is free again at once.
            assert!(reader.join().unwrap() == bytes);
        }
    });
}

#[test]
fn addresses_elsewhere_are_the_kernels() {
    apart("addresses_elsewhere_are_the_kernels", || {
        let up = Command::new("ip")
            .args(["link", "set", "lo", "up"])
            .status()
            .unwrap();
        assert!(up.success());
        let transport = transport();
        let listener = transport.listen(&Endpoint::iiop("127.0.0.1", 0)).unwrap();
        let stream = TcpStream::connect(("127.0.0.1", listener.local().port())).unwrap();
        assert_eq!(stream.peer_addr().unwrap().port(), listener.local().port());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let link = connect(&transport, "127.0.0.1", port).unwrap();
        assert_eq!(link.local().host(), "127.0.0.1");
    });
}

/// How much the machine gets rid of while nobody reads here.
fn sent_to_nobody(stream: &TcpStream) -> usize {
    stream.set_nonblocking(true).unwrap();
    let chunk = [0; 10_000];
    until_it_rests(|| (&*stream).write(&chunk))
}

/// How much goes out here while the machine does not read.
fn sent_by(link: &dyn Link) -> usize {
    let chunk = [0; 10_000];
    until_it_rests(|| link.try_send(&[IoSlice::new(&chunk)]))
}

/// Writes until nothing more is taken for a while.
fn until_it_rests(mut write: impl FnMut() -> std::io::Result<usize>) -> usize {
    let (mut total, mut rested) = (0, 0);
    while rested < 20 {
        match write() {
            Ok(count) => (total, rested) = (total + count, 0),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                rested += 1;
                thread::sleep(MOMENT);
            }
            Err(error) => panic!("{error}"),
        }
    }
    total
}

/// What a connection takes either way, of the machine's end and of ours, while nobody reads.
fn rooms(stream: &TcpStream, link: &dyn Link) -> [usize; 2] {
    [sent_to_nobody(stream), sent_by(link)]
}

/// Sockets of the machine with as little room as it gives, so that what is taken is our room.
fn narrow(socket: impl std::os::fd::AsFd) {
    sockopt::set_socket_send_buffer_size(&socket, 4096).unwrap();
    sockopt::set_socket_recv_buffer_size(&socket, 4096).unwrap();
}

#[test]
fn connections_have_the_room_that_their_properties_say() {
    const LARGE: usize = 1 << 20;
    const SMALL: usize = 100_000;
    apart("connections_have_the_room_that_their_properties_say", || {
        let transport = transport();
        let small = TcpProtocolProperties {
            send_buffer_size: 20_000,
            recv_buffer_size: 20_000,
            ..TcpProtocolProperties::default()
        };
        let machine = TcpListener::bind((HERE.machine(), 0)).unwrap();
        narrow(&machine);
        let endpoint = Endpoint::iiop("10.77.0.1", machine.local_addr().unwrap().port());
        let connect = |properties: &TcpProtocolProperties| {
            let deadline = Instant::now() + PATIENCE;
            let link = transport.connect_with(&endpoint, deadline, properties).unwrap();
            (link, machine.accept().unwrap().0)
        };
        let (link, stream) = connect(&TcpProtocolProperties::default());
        assert!(rooms(&stream, &*link).iter().all(|taken| *taken >= LARGE));
        let (link, stream) = connect(&small);
        let taken = rooms(&stream, &*link);
        assert!(
            taken.iter().all(|taken| (20_000..SMALL).contains(taken)),
            "{taken:?}"
        );

        let listener = transport.listen(&Endpoint::iiop("10.77.0.2", 0)).unwrap();
        let accept = || {
            let stream = call((HERE.host(0).ip(), listener.local().port()).into());
            narrow(&stream);
            let link = until_there(|| listener.accept());
            (link, stream)
        };
        let (link, stream) = accept();
        assert!(sent_to_nobody(&stream) >= LARGE);
        link.set_buffers(LARGE, 20_000).unwrap();
        let taken = sent_by(&*link);
        assert!((20_000..SMALL).contains(&taken), "{taken}");
        listener.set_properties(&small).unwrap();
        let (link, stream) = accept();
        let taken = sent_to_nobody(&stream);
        assert!((20_000..SMALL).contains(&taken), "{taken}");
        link.set_buffers(2 * LARGE, LARGE).unwrap();
        assert!(
            sent_to_nobody(&stream) > 0,
            "a window may grow, as far as its scale allows"
        );
    });
}

fn until_there<T>(mut attempt: impl FnMut() -> std::io::Result<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        match attempt() {
            Err(error) if error.kind() == ErrorKind::WouldBlock && Instant::now() < until => {
                thread::sleep(Duration::from_millis(1));
            }
            result => return result.unwrap(),
        }
    }
}
