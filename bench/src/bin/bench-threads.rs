// SPDX-License-Identifier: MIT OR Apache-2.0
//! A control: a thread for each connection, without an ORB.
#![allow(clippy::print_stderr, reason = "a program says what went wrong")]

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;

use probe::{Role, giop};

fn main() -> ExitCode {
    match Role::from_arguments().and_then(|role| serve(&role).map_err(|error| error.to_string())) {
        // The measurement is over: nothing is worth an orderly shutdown.
        Ok(()) => std::process::exit(0),
        Err(reason) => {
            eprintln!("bench-threads: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn serve(role: &Role) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let references = (0..role.objects).map(|index| giop::reference(&address, index));
    let references: Vec<String> = references.collect();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream));
        }
    });
    probe::serve(&references.join(","));
    Ok(())
}

/// Answers until the peer has gone, or can't be understood.
fn answer(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut session, mut replies, mut buffer) = (giop::Session::default(), Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        session
            .serve(buffer.get(..count).unwrap_or_default(), &mut replies)
            .map_err(io::Error::other)?;
        stream.write_all(&replies)?;
        replies.clear();
    }
}
