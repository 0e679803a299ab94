// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a short message costs on its way out and in over a link of the fabric: lock, stream, engine and channel, without the
//! ORB. What the engine costs by itself is a row of `cargo xtask bench apic`.
//!
//! `cargo run --release -p upcall-transport-tcp --example segments [-- ROUNDS [OCTETS]]` prints nanoseconds. Instructions,
//! which are the same on a busy machine, are counted one way at a time, by the names of the functions below; there are two
//! messages in a round:
//!
//! ```sh
//! valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect=segments::link_out segments 10000
//! ```

#![allow(clippy::print_stdout, reason = "a program that prints figures")]

use std::{
    env,
    error::Error,
    io::IoSlice,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use orb_core::transport::{Endpoint, Link, Transport};
use transport_apic::fabric::{Config, Directory};
use transport_tcp::Apic;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// A request without arguments has about as many.
const OCTETS: usize = 96;

fn main() -> Outcome<()> {
    let mut arguments = env::args().skip(1);
    let rounds: u32 = arguments.next().map_or(Ok(1_000_000), |rounds| rounds.parse())?;
    let octets = arguments.next().map_or(Ok(OCTETS), |octets| octets.parse())?;
    println!("{} ns for a message, out and in", link(rounds, octets)?);
    Ok(())
}

/// Sends `rounds` messages each way, one at a time, between two links of one process.
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
            let mut link = None;
            while Instant::now() < deadline {
                // It takes part in the handshake, until the first octet comes.
                match &link {
                    None => link = listener.accept().ok(),
                    Some(link) if link.try_recv(&mut BytesMut::with_capacity(1)).is_ok() => break,
                    Some(_) => {}
                }
                thread::yield_now();
            }
            link
        });
        let one = transport.connect(listener.local(), deadline)?;
        one.try_send(&[IoSlice::new(&[0])])?;
        let other = other.join().map_err(|_| "the listener panicked")?;
        Ok((one, other.ok_or("nobody connected")?))
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
