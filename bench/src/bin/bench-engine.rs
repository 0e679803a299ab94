// SPDX-License-Identifier: MIT OR Apache-2.0
//! The TCP engine by itself, as it runs over a reliable channel: what a segment costs on its way out, and on its way in.
//! The two ways are functions of their own, so that callgrind can count the instructions of either.
#![allow(clippy::print_stderr, reason = "a program says what went wrong")]

use std::mem::swap;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Instant;

use bytes::Bytes;
use probe::{NULL_REQUEST, Report};
use rtu::{Nanos, Time};
use transport_apic::Packet;
use transport_tcp::engine::{Checksums, CongestionControl, Connection, Endpoints, Error, Settings, State};

/// Segments that are on their way together: so many that reading the clock does not count.
const BURST: usize = 64;
const BURSTS: usize = 4_000;
const MTU: usize = 9_000;
/// There is no other time: nothing is timed on a reliable channel.
const NOW: Time = Time(1);

fn main() -> ExitCode {
    let bursts = match std::env::args().nth(1).map(|word| word.parse()) {
        None => BURSTS,
        Some(Ok(bursts)) => bursts,
        Some(Err(_)) => {
            eprintln!("bench-engine: how many bursts?");
            return ExitCode::FAILURE;
        }
    };
    match measure(bursts) {
        Ok(report) => {
            report.print("RESULT");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("bench-engine: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Bursts in alternating directions; acknowledgements go with the next burst back.
fn measure(bursts: usize) -> Result<Report, String> {
    let (mut here, mut there) = connected()?;
    let mut packets: Vec<Packet<Bytes>> = (0..BURST).map(|_| Packet::default()).collect();
    let (mut out, mut into) = (Vec::with_capacity(bursts), Vec::with_capacity(bursts));
    for _ in 0..bursts {
        let begun = Instant::now();
        let sent = packets
            .iter_mut()
            .map(|packet| usize::from(segment_out(&mut here, NULL_REQUEST, packet)))
            .sum::<usize>();
        if sent < BURST {
            return Err("the engine did not take a segment".into());
        }
        let between = Instant::now();
        let octets: usize = packets
            .iter()
            .map(|packet| segment_in(&mut there, NULL_REQUEST, packet))
            .sum();
        into.push(between.elapsed().as_nanos() as f64 / BURST as f64);
        out.push((between - begun).as_nanos() as f64 / BURST as f64);
        if octets != BURST * NULL_REQUEST {
            return Err("the engine lost something".into());
        }
        swap(&mut here, &mut there);
    }
    let mut report = Report::default();
    report.set("out_ns", median(out));
    report.set("in_ns", median(into));
    report.set("segments", (bursts * BURST) as f64);
    Ok(report)
}

/// As a stream sends what is short: its octets never become the engine's.
#[inline(never)]
fn segment_out(connection: &mut Connection<Bytes>, octets: usize, packet: &mut Packet<Bytes>) -> bool {
    connection.transmit_carried(NOW, octets, packet)
}

/// Returns how many octets came.
#[inline(never)]
fn segment_in(connection: &mut Connection<Bytes>, octets: usize, packet: &Packet<Bytes>) -> usize {
    let came = connection.receive_carried(NOW, packet.headers.as_ref(), octets);
    if came { octets } else { 0 }
}

/// Both ends of a connection, which is open.
fn connected() -> Result<(Connection<Bytes>, Connection<Bytes>), String> {
    let settings = Settings {
        reliable: true,
        timestamps: false,
        sack: false,
        checksums: Checksums::Offloaded,
        congestion: CongestionControl::Off,
        delayed_ack: Nanos::from_secs(1),
        ..Settings::default()
    };
    let [local, remote] = [1, 2].map(|host| SocketAddr::from(([127, 0, 0, host], 2809)));
    let endpoints = |local, remote| Endpoints { local, remote };
    let mut here = Connection::connect(NOW, endpoints(local, remote), 7, MTU, settings);
    let mut there = Connection::listen(NOW, endpoints(remote, local), 8, MTU, settings);
    // SYN, SYN and ACK, ACK; and once more, so that the same end is the first.
    for _ in 0..4 {
        while let Some(mut packet) = here.transmit(NOW) {
            let received = there.receive(NOW, &mut packet);
            received.map_err(|error| error.to_string())?;
        }
        swap(&mut here, &mut there);
    }
    let open = |end: &Connection<Bytes>| end.state() == State::Established;
    let failed = here.error().unwrap_or(Error::Unreachable);
    (open(&here) && open(&there))
        .then_some((here, there))
        .ok_or_else(|| failed.to_string())
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}
