// SPDX-License-Identifier: MIT OR Apache-2.0
//! The machine's side: sockets of the kernel.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

/// No test waits longer for the kernel.
const PATIENCE: Duration = Duration::from_secs(60);

/// Bytes that differ everywhere, and always in the same way.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(length as u64).fill(&mut bytes);
    bytes
}

/// Connects to our host.
pub(crate) fn call(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&to, PATIENCE).unwrap();
    with_patience(&stream);
    stream
}

fn with_patience(stream: &TcpStream) {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
}

/// Sends `bytes`, closes, and reads them back until the other side closes too; both at the same time.
pub(crate) fn exchange(stream: TcpStream, bytes: &[u8], chunk: usize) {
    with_patience(&stream);
    let mut writer = stream.try_clone().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            for part in bytes.chunks(chunk) {
                writer.write_all(part).unwrap();
            }
            writer.shutdown(Shutdown::Write).unwrap();
        });
        check(stream, bytes);
    });
}

/// As [`exchange`], but reads only some time after all has come to a halt.
pub(crate) fn exchange_late(stream: TcpStream, bytes: &[u8]) {
    let mut writer = stream.try_clone().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            writer.write_all(bytes).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        });
        thread::sleep(Duration::from_millis(2500));
        check(stream, bytes);
    });
}

fn check(mut stream: TcpStream, bytes: &[u8]) {
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).unwrap();
    assert_eq!(heard.len(), bytes.len());
    assert!(heard == bytes, "the bytes that came back are others");
}

/// Sends a message, and reads it back.
pub(crate) fn ping(stream: &mut TcpStream, message: &[u8]) {
    stream.write_all(message).unwrap();
    let mut answer = vec![0; message.len()];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, message);
}
