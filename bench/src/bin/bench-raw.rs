// SPDX-License-Identifier: MIT OR Apache-2.0
//! The floor: the same bytes over a TCP connection, with no ORB.
#![allow(clippy::print_stderr, reason = "a program says what went wrong")]

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;

use probe::{BLOB, NULL_REPLY, NULL_REQUEST, Role, Work};

fn main() -> ExitCode {
    let result = Role::from_arguments().and_then(|role| match role.name.as_str() {
        "server" => serve(&role).map_err(|error| error.to_string()),
        "client" => call(&role),
        other => Err(format!("no role `{other}`")),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("bench-raw: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Octets of a request, and of its reply.
fn sizes(work: Work) -> (usize, usize) {
    match work {
        Work::Null => (NULL_REQUEST, NULL_REPLY),
        Work::Put => (NULL_REQUEST + BLOB, NULL_REPLY),
        // 100 structures of 136 octets, there and back.
        Work::Echo => (NULL_REQUEST + 13_604, NULL_REPLY + 13_604),
    }
}

fn serve(role: &Role) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let (work, spin) = (role.work, role.spin);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream, work, spin));
        }
    });
    probe::serve(&address.to_string());
    Ok(())
}

fn answer(mut stream: TcpStream, work: Work, spin: bool) -> io::Result<()> {
    prepare(&stream, spin)?;
    let (request, reply) = sizes(work);
    let (mut incoming, outgoing) = (vec![0; request], vec![0; reply]);
    loop {
        receive(&mut stream, &mut incoming, spin)?;
        send(&mut stream, &outgoing, spin)?;
    }
}

fn call(role: &Role) -> Result<(), String> {
    if role.threads > 0 {
        probe::rate(role, |_| caller(role))?.print("RESULT");
        return Ok(());
    }
    let call = caller(role).map_err(|error| error.to_string())?;
    probe::latency(role, call)?.print("RESULT");
    Ok(())
}

fn caller(role: &Role) -> io::Result<impl FnMut() -> io::Result<()>> {
    let mut stream = TcpStream::connect(&role.address)?;
    let spin = role.spin;
    prepare(&stream, spin)?;
    let (request, reply) = sizes(role.work);
    let (outgoing, mut incoming) = (vec![0; request], vec![0; reply]);
    Ok(move || {
        send(&mut stream, &outgoing, spin)?;
        receive(&mut stream, &mut incoming, spin)
    })
}

fn prepare(stream: &TcpStream, spin: bool) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_nonblocking(spin)
}

fn receive(stream: &mut TcpStream, mut buffer: &mut [u8], spin: bool) -> io::Result<()> {
    if !spin {
        return stream.read_exact(buffer);
    }
    while !buffer.is_empty() {
        match stream.read(buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => buffer = buffer.get_mut(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::hint::spin_loop(),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn send(stream: &mut TcpStream, mut buffer: &[u8], spin: bool) -> io::Result<()> {
    if !spin {
        return stream.write_all(buffer);
    }
    while !buffer.is_empty() {
        match stream.write(buffer) {
            Ok(count) => buffer = buffer.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::hint::spin_loop(),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
