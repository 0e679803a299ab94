// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a segment costs on its way out and in: of the engine alone, and of a whole link over the fabric, with the clock,
//! lock, stream, engine and channel.
//!
//! `cargo run --release -p upcall-transport-tcp --example segments [-- ROUNDS [OCTETS]]` prints nanoseconds. Instructions,
//! which are the same on a busy machine, are counted one way at a time, by the names of the functions below:
//!
//! ```sh
//! valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect=segments::engine_out segments 10000
//! ```

#![allow(clippy::print_stdout, reason = "a program that prints figures")]

use std::{
    env,
    error::Error,
    hint::black_box,
    io::IoSlice,
    net::SocketAddr,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use orb_core::transport::{Endpoint, Link, Transport};
use rtu::{Nanos, Time};
use transport_apic::{
    Packet,
    fabric::{Config, Directory},
};
use transport_tcp::{
    Apic,
    engine::{Checksums, CongestionControl, Connection, Endpoints, Settings},
};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// A request without arguments has about as many.
const OCTETS: usize = 96;

fn main() -> Outcome<()> {
    let mut arguments = env::args().skip(1);
    let rounds: u32 = arguments.next().map_or(Ok(1_000_000), |rounds| rounds.parse())?;
    let octets = arguments.next().map_or(Ok(OCTETS), |octets| octets.parse())?;
    println!("engine  {} ns for a segment, out and in", engine(rounds, octets)?);
    println!("link    {} ns for a segment, out and in", link(rounds, octets)?);
    Ok(())
}

/// Sends `rounds` segments each way, one at a time.
fn engine(rounds: u32, octets: usize) -> Outcome<u128> {
    let (mut one, mut other) = connections();
    let mut packet = Packet::default();
    let piece = Bytes::from(vec![7; octets]);
    let begun = Instant::now();
    for _ in 0..rounds {
        for _ in 0..2 {
            engine_out(&mut one, &piece, &mut packet);
            engine_in(&mut other, &mut packet);
            carried_out(&mut one, octets, &mut packet);
            carried_in(&mut other, octets, &packet);
            std::mem::swap(&mut one, &mut other);
        }
    }
    Ok(begun.elapsed().as_nanos() / u128::from(2 * rounds))
}

fn connections() -> (Connection<Bytes>, Connection<Bytes>) {
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
    let mut one = Connection::connect(NOW, Endpoints { local, remote }, 7, 9000, settings);
    let back = Endpoints {
        local: remote,
        remote: local,
    };
    let mut other = Connection::listen(NOW, back, 8, 9000, settings);
    for _ in 0..4 {
        while let Some(mut packet) = one.transmit(NOW) {
            let _ = other.receive(NOW, &mut packet);
        }
        std::mem::swap(&mut one, &mut other);
    }
    (one, other)
}

const NOW: Time = Time(1);

#[inline(never)]
fn engine_out(connection: &mut Connection<Bytes>, piece: &Bytes, packet: &mut Packet<Bytes>) {
    let _ = connection.send(piece.clone());
    connection.transmit_into(NOW, packet);
    // Whoever drives it asks until there is nothing more.
    connection.transmit_into(NOW, &mut Packet::default());
}

/// As [`engine_out`] and [`engine_in`], of octets that the caller carries.
#[inline(never)]
fn carried_out(connection: &mut Connection<Bytes>, octets: usize, packet: &mut Packet<Bytes>) {
    let _ = connection.transmit_carried(NOW, octets, packet);
}

#[inline(never)]
fn carried_in(connection: &mut Connection<Bytes>, octets: usize, packet: &Packet<Bytes>) {
    let _ = connection.receive_carried(NOW, packet.headers.as_ref(), octets);
}

#[inline(never)]
fn engine_in(connection: &mut Connection<Bytes>, packet: &mut Packet<Bytes>) {
    let _ = connection.receive(NOW, packet);
    while let Some(piece) = connection.recv() {
        black_box(piece);
    }
}

/// The same by links of one process.
fn link(rounds: u32, octets: usize) -> Outcome<u128> {
    let directory = Directory::at(env::temp_dir().join(format!("upcall-segments-{}", std::process::id())))?;
    let transport = Apic::with(directory.clone(), Config::default())?;
    let (mut one, mut other) = links(&transport)?;
    let message = vec![7; octets];
    let mut buffer = BytesMut::with_capacity(2 * octets);
    let begun = Instant::now();
    for _ in 0..rounds {
        for _ in 0..2 {
            link_out(&*one, &message);
            link_in(&*other, &mut buffer);
            buffer.clear();
            std::mem::swap(&mut one, &mut other);
        }
    }
    let taken = begun.elapsed().as_nanos() / u128::from(2 * rounds);
    std::fs::remove_dir_all(directory.path())?;
    Ok(taken)
}

type Ends = (Arc<dyn Link>, Arc<dyn Link>);

fn links(transport: &Apic) -> Outcome<Ends> {
    let listener = transport.listen(&Endpoint::new(Apic::SCHEME, "segments", 0))?;
    let deadline = Instant::now() + Duration::from_secs(10);
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            loop {
                match listener.accept() {
                    Ok(link) => {
                        // It takes part in the handshake.
                        while link.try_recv(&mut BytesMut::with_capacity(1)).is_err() {
                            thread::yield_now();
                        }
                        return link;
                    }
                    Err(_) => thread::yield_now(),
                }
            }
        });
        let one = transport.connect(listener.local(), deadline)?;
        one.try_send(&[IoSlice::new(&[0])])?;
        let other = other.join().map_err(|_| "the listener")?;
        Ok((one, other))
    })
}

#[inline(never)]
fn link_out(link: &dyn Link, message: &[u8]) {
    let _ = link.try_send(&[IoSlice::new(message)]);
}

#[inline(never)]
fn link_in(link: &dyn Link, buffer: &mut BytesMut) {
    let _ = link.try_recv(buffer);
}
