// SPDX-License-Identifier: MIT OR Apache-2.0
//! Streams requests to the objects of a server of any ORB, each at a rate of its own that does not depend on the answers,
//! and counts those. What the network does not take in time is not offered again, so a flood stays a flood.
#![allow(clippy::print_stderr, reason = "a program says what went wrong")]

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;

use probe::{Report, Role, giop};
use upcall_bench::{
    Address,
    pace::{self, Pace},
};

/// The most requests of a stream that are sent in one tick.
const MOST: usize = 1024;

fn main() -> ExitCode {
    match Role::from_arguments().and_then(|role| stream(&role)) {
        Ok(report) => {
            report.print("RESULT");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("bench-stream: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Streams for a while, and then for as long as is counted.
fn stream(role: &Role) -> Result<Report, String> {
    let addresses = Address::parse_all(&role.address)?;
    if addresses.len() != role.rates.len() {
        return Err(format!(
            "{} rates for {} objects",
            role.rates.len(),
            addresses.len()
        ));
    }
    let streams = addresses.iter().zip(&role.rates);
    let streams: io::Result<Vec<Stream>> = streams
        .map(|(address, rate)| Stream::open(address, *rate, role.burn))
        .collect();
    let mut streams = streams.map_err(|error| format!("connecting: {error}"))?;
    run(&mut streams, role.duration / 4).map_err(|error| error.to_string())?;
    let settled: Vec<u64> = streams.iter().map(|stream| stream.answered).collect();
    let elapsed = run(&mut streams, role.duration).map_err(|error| error.to_string())?;
    let answered = streams.iter().zip(&settled);
    let answered: Vec<u64> = answered
        .map(|(stream, before)| stream.answered - before)
        .collect();
    Ok(pace::report(&answered, elapsed))
}

/// Sends and receives, tick by tick; returns how long that really took.
fn run(streams: &mut [Stream], duration: Duration) -> io::Result<Duration> {
    let mut elapsed = Duration::ZERO;
    for passed in pace::ticks() {
        for stream in &mut *streams {
            stream.send(passed)?;
            stream.receive()?;
        }
        elapsed += passed;
        if elapsed >= duration {
            break;
        }
    }
    Ok(elapsed)
}

/// One connection.
struct Stream {
    socket: TcpStream,
    pace: Pace,
    /// Octets of one request.
    request: usize,
    /// Many of them.
    requests: Vec<u8>,
    /// Octets of the first of them that were sent with the last ones.
    begun: usize,
    received: Vec<u8>,
    answered: u64,
}

impl Stream {
    fn open(address: &Address, rate: u32, burn: Duration) -> io::Result<Self> {
        let microseconds = u32::try_from(burn.as_micros()).unwrap_or(u32::MAX);
        let request = giop::request(&address.key, "work", &microseconds.to_le_bytes());
        let socket = address.connect()?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            pace: Pace::of(rate),
            request: request.len(),
            requests: request.repeat(MOST),
            begun: 0,
            received: Vec::with_capacity(1 << 16),
            answered: 0,
        })
    }

    /// Sends what has become due, or as much of it as is taken.
    fn send(&mut self, passed: Duration) -> io::Result<()> {
        let count = self.pace.due(passed);
        // The rest of one that was begun comes first.
        let end = (count + usize::from(self.begun > 0)).min(MOST) * self.request;
        let octets = self.requests.get(self.begun..end).unwrap_or_default();
        if octets.is_empty() {
            return Ok(());
        }
        match self.socket.write(octets) {
            Ok(sent) => self.begun = (self.begun + sent) % self.request,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Counts what has been answered.
    fn receive(&mut self) -> io::Result<()> {
        let mut buffer = [0; 1 << 14];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => self
                    .received
                    .extend_from_slice(buffer.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        let mut rest = self.received.as_slice();
        while let Some((_, next)) = giop::length(rest).and_then(|length| rest.split_at_checked(length)) {
            self.answered += 1;
            rest = next;
        }
        let taken = self.received.len() - rest.len();
        self.received.drain(..taken);
        Ok(())
    }
}
