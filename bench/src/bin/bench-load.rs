// SPDX-License-Identifier: MIT OR Apache-2.0
//! Loads a server of any ORB with many connections, each with one call at a time, without an ORB of its own.
#![allow(clippy::print_stderr, reason = "a program says what went wrong")]

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use probe::{Report, Role, giop};
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use upcall_bench::Address;

fn main() -> ExitCode {
    let result = Role::from_arguments().and_then(|role| match role.name.as_str() {
        "load" => load(&role),
        "idle" => idle(&role),
        other => Err(format!("no role `{other}`")),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("bench-load: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// A connection and how much of its reply is here.
struct Caller {
    stream: TcpStream,
    received: Vec<u8>,
}

/// Where the reference leads, and the request to send there.
struct Target {
    address: Address,
    request: Vec<u8>,
}

impl Target {
    fn of(references: &str) -> Result<Self, String> {
        let first = references.split(',').next().unwrap_or_default();
        let address = Address::parse_all(first)?
            .into_iter()
            .next()
            .ok_or("no reference")?;
        Ok(Self {
            request: giop::request(&address.key, "nothing", &[]),
            address,
        })
    }

    fn connect(&self) -> io::Result<Caller> {
        let mut caller = Caller {
            stream: self.address.connect()?,
            received: Vec::with_capacity(256),
        };
        caller.send(&self.request)?;
        while !caller.receive()? {}
        Ok(caller)
    }
}

impl Caller {
    fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.received.clear();
        self.stream.write_all(request)
    }

    /// Reads what is there; whether the reply is whole.
    fn receive(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 512];
        let count = self.stream.read(&mut buffer)?;
        if count == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.received
            .extend_from_slice(buffer.get(..count).unwrap_or_default());
        Ok(giop::length(&self.received).is_some_and(|length| self.received.len() >= length))
    }
}

fn connect(role: &Role, target: &Target) -> Result<Vec<Caller>, String> {
    let count = role.connections.max(1);
    let callers: io::Result<Vec<Caller>> = (0..count).map(|_| target.connect()).collect();
    callers.map_err(|error| format!("connecting: {error}"))
}

/// Holds connections that have been used once.
fn idle(role: &Role) -> Result<(), String> {
    let callers = connect(role, &Target::of(&role.address)?)?;
    probe::serve(&callers.len().to_string());
    Ok(())
}

fn load(role: &Role) -> Result<(), String> {
    let target = Target::of(&role.address)?;
    let mut callers = connect(role, &target)?;
    // Time for the server to settle, then for counting.
    calls(&mut callers, &target, role.duration / 4).map_err(|error| error.to_string())?;
    let started = Instant::now();
    let calls = calls(&mut callers, &target, role.duration).map_err(|error| error.to_string())?;
    let mut report = Report::default();
    report.set("calls_per_s", calls as f64 / started.elapsed().as_secs_f64());
    report.print("RESULT");
    Ok(())
}

/// Keeps one call in flight on each connection for that long, and returns how many were answered.
fn calls(callers: &mut [Caller], target: &Target, duration: Duration) -> io::Result<u64> {
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    for (index, caller) in callers.iter_mut().enumerate() {
        epoll::add(
            &poll,
            &caller.stream,
            EventData::new_u64(index as u64),
            EventFlags::IN,
        )?;
        caller.send(&target.request)?;
    }
    let (end, mut answered, mut in_flight) = (Instant::now() + duration, 0, callers.len());
    let mut events = Vec::with_capacity(256);
    while in_flight > 0 {
        events.clear();
        epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), None)?;
        let over = Instant::now() >= end;
        for event in &events {
            let index = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
            let Some(caller) = callers.get_mut(index) else {
                continue;
            };
            if !caller.receive()? {
                continue;
            }
            if over {
                in_flight -= 1;
            } else {
                answered += 1;
                caller.send(&target.request)?;
            }
        }
    }
    Ok(answered)
}
