// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every way to end a connection, with the kernel at the other end.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use bytes::Bytes;
use rustix::net::sockopt::set_socket_linger;
use transport_tcp::engine::{Error, Settings, State};

use crate::apart::apart;
use crate::applications::{End, Says, Then};
use crate::host::Host;
use crate::machine::{call, noise};
use crate::{HERE, PORT};

/// Runs `machine` with a connection to a host that says `says`; gives how it ended there.
fn ending(says: &[u8], then: Then, machine: impl FnOnce(TcpStream)) -> End {
    let (ends, ended) = channel();
    let application = Says::new(PORT, None, Bytes::copy_from_slice(says), then, ends);
    let _host = Host::start(HERE, Settings::default(), application);
    machine(call(HERE.host(PORT)));
    told(&ended)
}

fn told(ended: &Receiver<End>) -> End {
    let end = ended.recv_timeout(Duration::from_secs(30));
    end.expect("the host learns of the end")
}

fn read(stream: &mut TcpStream) -> Vec<u8> {
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).unwrap();
    heard
}

#[test]
fn ours_closes_first() {
    apart("ours_closes_first", || {
        let end = ending(b"that is all", Then::Shutdown, |mut stream| {
            assert_eq!(read(&mut stream), b"that is all");
            stream.write_all(b"half closed is half open").unwrap();
        });
        assert_eq!(end.heard, b"half closed is half open");
        assert_eq!(
            (end.error, end.state),
            (None, State::TimeWait),
            "who closes first waits"
        );
    });
}

#[test]
fn theirs_closes_first() {
    apart("theirs_closes_first", || {
        let end = ending(b"hello", Then::Wait, |mut stream| {
            stream.shutdown(Shutdown::Write).unwrap();
            assert_eq!(read(&mut stream), b"hello");
        });
        assert_eq!((end.error, end.state), (None, State::Closed));
    });
}

#[test]
fn both_close_with_data_under_way() {
    apart("both_close_with_data_under_way", || {
        let (mine, yours) = (noise(500_000), noise(400_000));
        let end = ending(&mine, Then::Shutdown, |mut stream| {
            let mut writer = stream.try_clone().unwrap();
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    writer.write_all(&yours).unwrap();
                    writer.shutdown(Shutdown::Write).unwrap();
                });
                assert!(read(&mut stream) == mine);
            });
        });
        assert!(end.heard == yours);
        assert_eq!(end.error, None);
    });
}

#[test]
fn a_reset_of_theirs_is_an_error_of_ours() {
    apart("a_reset_of_theirs_is_an_error_of_ours", || {
        for size in [10, 10_000_000] {
            let end = ending(&noise(size), Then::Wait, |mut stream| {
                stream.read_exact(&mut [0; 10]).unwrap();
                set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
            });
            assert_eq!((end.error, end.state), (Some(Error::Reset), State::Closed));
        }
    });
}

#[test]
fn a_reset_of_ours_is_an_error_of_theirs() {
    apart("a_reset_of_ours_is_an_error_of_theirs", || {
        ending(b"enough", Then::Abort, |mut stream| {
            stream.write_all(b"go on").unwrap();
            let failed = stream.read_to_end(&mut Vec::new()).unwrap_err();
            assert_eq!(failed.kind(), ErrorKind::ConnectionReset);
        });
    });
}

#[test]
fn nobody_listens() {
    apart("nobody_listens", || {
        let (ends, ended) = channel();
        let free = TcpListener::bind("0.0.0.0:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let to = (HERE.machine(), free).into();
        let application = Says::new(PORT, Some(to), Bytes::new(), Then::Shutdown, ends);
        let _host = Host::start(HERE, Settings::default(), application);
        assert_eq!(told(&ended).error, Some(Error::Refused));
        let refused = TcpStream::connect(HERE.host(PORT + 1)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    });
}
