// SPDX-License-Identifier: MIT OR Apache-2.0
//! Loads a server of any ORB with many connections, each with one call at a time, without an ORB of its own.
#![allow(clippy::print_stderr, reason = "a program says what went wrong")]

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use orb_core::ior::Ior;
use probe::{Report, Role};
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

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
    address: (String, u16),
    request: Vec<u8>,
}

impl Target {
    fn of(reference: &str) -> Result<Self, String> {
        let first = reference.split(',').next().unwrap_or_default();
        let ior: Ior = first
            .parse()
            .map_err(|error| format!("the reference: {error:?}"))?;
        let profile = ior
            .iiop_profiles()
            .next()
            .ok_or("the reference has no IIOP profile")?;
        Ok(Self {
            address: (profile.host.clone(), profile.port),
            request: request(&profile.object_key),
        })
    }

    fn connect(&self) -> io::Result<Caller> {
        let stream = TcpStream::connect((self.address.0.as_str(), self.address.1))?;
        stream.set_nodelay(true)?;
        let mut caller = Caller {
            stream,
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
        let size = self
            .received
            .get(8..12)
            .and_then(|size| size.try_into().ok())
            .map(u32::from_le_bytes);
        Ok(size.is_some_and(|size| self.received.len() >= 12 + size as usize))
    }
}

/// A GIOP 1.2 Request for `nothing` in little-endian order (CORBA 3.3 §9.4.1, §9.4.2).
fn request(key: &[u8]) -> Vec<u8> {
    let mut body = vec![1, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0];
    let mut octets = |octets: &[u8], last: &[u8]| {
        let length = u32::try_from(octets.len() + last.len()).unwrap_or(0);
        body.extend_from_slice(&length.to_le_bytes());
        body.extend_from_slice(octets);
        body.extend_from_slice(last);
        body.resize(body.len().next_multiple_of(4), 0);
    };
    octets(key, &[]);
    octets(b"nothing", &[0]);
    body.extend_from_slice(&[0; 4]);
    let mut message = b"GIOP\x01\x02\x01\x00".to_vec();
    message.extend_from_slice(&u32::try_from(body.len()).unwrap_or(0).to_le_bytes());
    message.extend_from_slice(&body);
    message
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
