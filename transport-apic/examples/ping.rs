// SPDX-License-Identifier: MIT OR Apache-2.0
//! Round trips over the fabric between two processes on two processors, awake and asleep, beside what the machine can do
//! at best: one word in shared memory, and a futex.
//!
//! `cargo run --release -p upcall-transport-apic --example ping -- [ROUNDS]`

#![allow(clippy::print_stdout, reason = "a program that prints figures")]

use std::env;
use std::error::Error;
use std::hint::spin_loop;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, futex, sched_setaffinity};
use transport_apic::fabric::{Circuit, Config, Directory, Listener, connect};
use transport_apic::{Channel, Frame, Integrity, Interest, Packet};

type Outcome<T> = Result<T, Box<dyn Error>>;

const HERE: usize = 0;
const THERE: usize = 1;
/// As long as the headers of IPv4, and of TCP with time stamps.
const HEADERS: [u8; 52] = [0; 52];
/// Every this many rounds the clock is read.
const BATCH: u32 = 100;

fn main() -> Outcome<()> {
    let mut arguments = env::args().skip(1);
    match arguments.next().as_deref() {
        Some("echo") => echo(&arguments.next().ok_or("where?")?),
        rounds => measure(rounds.map_or(Ok(1_000_000), str::parse)?),
    }
}

fn measure(rounds: u32) -> Outcome<()> {
    pin(HERE)?;
    println!("one word, awake         {}", word(rounds)?);
    println!("one futex, asleep       {}", futexes(rounds / 50)?);
    let directory = Directory::at(env::temp_dir().join(format!("upcall-ping-{}", std::process::id())))?;
    let mut peer = Peer::start(&directory)?;
    for (name, bytes, integrity) in [
        ("fabric, headers only", 0, Integrity::Shared),
        ("fabric, 100 bytes", 100, Integrity::Shared),
        ("fabric, 1 KiB shared", 1024, Integrity::Shared),
        ("fabric, 32 KiB shared", 32_768, Integrity::Shared),
        ("fabric, 32 KiB copied", 32_768, Integrity::Copied),
    ] {
        let mut circuit = peer.accept(integrity, Duration::MAX)?;
        println!("{name:22}  {}", trips(&mut circuit, rounds, bytes)?);
    }
    let mut circuit = peer.accept(Integrity::Shared, Duration::ZERO)?;
    println!(
        "fabric, asleep          {}",
        trips(&mut circuit, rounds / 50, 100)?
    );
    drop(circuit);
    peer.child.wait()?;
    std::fs::remove_dir_all(directory.path())?;
    Ok(())
}

/// Nanoseconds of round trips, each the mean of a batch.
struct Figures {
    median: u128,
    ninety_nine: u128,
}

impl Figures {
    fn of(mut batches: Vec<Duration>) -> Self {
        batches.sort_unstable();
        let at = |part: usize| {
            let batch = batches.get((batches.len() * part / 100).min(batches.len() - 1));
            batch.map_or(0, |batch| batch.as_nanos() / u128::from(BATCH))
        };
        Self {
            median: at(50),
            ninety_nine: at(99),
        }
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:6} ns   (p99 {:6} ns)", self.median, self.ninety_nine)
    }
}

fn batches(rounds: u32, mut round: impl FnMut() -> Outcome<()>) -> Outcome<Figures> {
    let mut batches = Vec::new();
    for _ in 0..(rounds / BATCH).max(2) {
        let begin = Instant::now();
        for _ in 0..BATCH {
            round()?;
        }
        batches.push(begin.elapsed());
    }
    Ok(Figures::of(batches))
}

/// A process that sends back whatever comes.
struct Peer {
    listener: Listener,
    child: Child,
    directory: Directory,
}

impl Peer {
    fn start(directory: &Directory) -> Outcome<Self> {
        let listener = Listener::bind(directory, "ping", Config::default())?;
        let child = Command::new(env::current_exe()?)
            .arg("echo")
            .arg(directory.path())
            .spawn()?;
        Ok(Self {
            listener,
            child,
            directory: directory.clone(),
        })
    }

    fn accept(&mut self, integrity: Integrity, spin: Duration) -> Outcome<Circuit> {
        // The name is taken by one listener at a time.
        let mut config = Config::default();
        config.integrity = integrity;
        config.spin = spin;
        let name = format!("ping-{integrity:?}-{}", spin.is_zero());
        let mut listener = Listener::bind(&self.directory, &name, config)?;
        let mut control = self.listener.accept(soon())?.ok_or("the peer does not come")?;
        let mut packet = Packet::default();
        packet
            .payload
            .push(control.place(name.as_bytes()).ok_or("no room")?);
        control.transmit(&packet, Duration::ZERO)?;
        control.publish();
        Ok(listener.accept(soon())?.ok_or("the peer does not come back")?)
    }
}

fn trips(circuit: &mut Circuit, rounds: u32, bytes: usize) -> Outcome<Figures> {
    batches(rounds, || {
        let mut packet = Packet::default();
        fill(circuit, &mut packet, bytes)?;
        circuit.transmit(&packet, Duration::ZERO)?;
        let received = next(circuit)?;
        assert_eq!(received.payload_len(), bytes, "what comes back is what was sent");
        Ok(())
    })
}

/// As an encoder would, but for the encoding: the content changes hands where it lies.
fn fill(circuit: &mut Circuit, packet: &mut Packet<Frame>, bytes: usize) -> Outcome<()> {
    packet.headers.append(&HEADERS)?;
    if bytes > 0 {
        let mut frame = circuit.frame(bytes, 0).ok_or("no frame is free")?;
        frame.advance(bytes)?;
        packet.payload.push(frame.freeze());
    }
    Ok(())
}

fn next(circuit: &mut Circuit) -> Outcome<Packet<Frame>> {
    loop {
        if !circuit.wait(Interest::Packets, soon()) {
            return Err("nothing comes".into());
        }
        if let Some(packet) = circuit.receive(Duration::ZERO)? {
            return Ok(packet);
        }
    }
}

fn echo(directory: &str) -> Outcome<()> {
    pin(THERE)?;
    let directory = Directory::at(directory)?;
    loop {
        let mut control = match connect(&directory, "ping", Config::default(), soon()) {
            Ok(control) => control,
            // There is no more to do.
            Err(_) => return Ok(()),
        };
        let Ok(packet) = next(&mut control) else {
            return Ok(());
        };
        let name = packet.payload.first().ok_or("which?")?;
        let name = std::str::from_utf8(name)?;
        let mut config = Config::default();
        config.spin = if name.ends_with("true") {
            Duration::ZERO
        } else {
            Duration::MAX
        };
        if name.contains("Copied") {
            config.integrity = Integrity::Copied;
        }
        let mut circuit = connect(&directory, name, config, soon())?;
        while let Ok(asked) = next(&mut circuit) {
            let mut answer = Packet::default();
            fill(&mut circuit, &mut answer, asked.payload_len())?;
            circuit.transmit(&answer, Duration::ZERO)?;
            circuit.publish();
        }
    }
}

/// The floor: one word goes to and fro.
fn word(rounds: u32) -> Outcome<Figures> {
    let words = Arc::new([AtomicU32::new(0), AtomicU32::new(0)].map(Line));
    let other = {
        let words = Arc::clone(&words);
        thread::spawn(move || {
            let _ = pin(THERE);
            let [asked, answered] = &*words;
            for number in 1..=batches_of(rounds) {
                while asked.0.load(Ordering::Acquire) != number {
                    spin_loop();
                }
                answered.0.store(number, Ordering::Release);
            }
        })
    };
    let [asked, answered] = &*words;
    let mut number = 0;
    let figures = batches(rounds, || {
        number += 1;
        asked.0.store(number, Ordering::Release);
        while answered.0.load(Ordering::Acquire) != number {
            spin_loop();
        }
        Ok(())
    })?;
    other.join().map_err(|_| "the other thread panicked")?;
    Ok(figures)
}

/// A word with a cache line of its own, and the one that is fetched with it.
#[repr(align(128))]
struct Line(AtomicU32);

/// The floor for sleepers: two threads wake each other.
fn futexes(rounds: u32) -> Outcome<Figures> {
    let words = Arc::new([AtomicU32::new(0), AtomicU32::new(0)].map(Line));
    let flags = futex::Flags::empty();
    let until = move |word: &AtomicU32, number: u32| {
        loop {
            let seen = word.load(Ordering::Acquire);
            if seen == number {
                return;
            }
            let _ = futex::wait(word, flags, seen, None);
        }
    };
    let say = move |word: &AtomicU32, number: u32| {
        word.store(number, Ordering::Release);
        let _ = futex::wake(word, flags, 1);
    };
    let other = {
        let words = Arc::clone(&words);
        thread::spawn(move || {
            let _ = pin(THERE);
            let [asked, answered] = &*words;
            for number in 1..=batches_of(rounds) {
                until(&asked.0, number);
                say(&answered.0, number);
            }
        })
    };
    let [asked, answered] = &*words;
    let mut number = 0;
    let figures = batches(rounds, || {
        number += 1;
        say(&asked.0, number);
        until(&answered.0, number);
        Ok(())
    })?;
    other.join().map_err(|_| "the other thread panicked")?;
    Ok(figures)
}

fn batches_of(rounds: u32) -> u32 {
    (rounds / BATCH).max(2) * BATCH
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

fn pin(cpu: usize) -> Outcome<()> {
    let mut cpus = CpuSet::new();
    cpus.set(cpu);
    Ok(sched_setaffinity(None, &cpus)?)
}
