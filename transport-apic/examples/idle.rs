// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many channels of one server, of which one at a time has something to do: what each costs in memory, and how long it takes
//! to be heard among them.
//!
//! `cargo run --release -p upcall-transport-apic --example idle -- [CHANNELS]`

#![allow(clippy::print_stdout, reason = "a program that prints figures")]

use std::env;
use std::error::Error;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use transport_apic::fabric::{Circuit, Config, Directory, Listener, connect};
use transport_apic::{Channel, Interest, Packet};

type Outcome<T> = Result<T, Box<dyn Error>>;

const NOW: Duration = Duration::ZERO;

fn main() -> Outcome<()> {
    allow_descriptors()?;
    let mut arguments = env::args().skip(1);
    match arguments.next().as_deref() {
        Some("client") => {
            let count = arguments.next().ok_or("how many?")?.parse()?;
            client(&arguments.next().ok_or("where?")?, count)
        }
        count => serve(count.map_or(Ok(10_000), str::parse)?),
    }
}

fn serve(count: usize) -> Outcome<()> {
    let directory = Directory::at(env::temp_dir().join(format!("upcall-idle-{}", std::process::id())))?;
    let mut listener = Listener::bind(&directory, "idle", Config::default())?;
    let mut child = Command::new(env::current_exe()?)
        .args(["client", &count.to_string()])
        .arg(directory.path())
        .spawn()?;
    let before = memory("self")?;
    let events = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut circuits = Vec::with_capacity(count);
    while circuits.len() < count {
        let mut circuit = listener.accept(soon())?.ok_or("nobody connects")?;
        let data = EventData::new_u64(circuits.len() as u64);
        epoll::add(&events, &circuit, data, EventFlags::IN | EventFlags::ET)?;
        // One that has something to say already is heard below.
        let asleep = circuit.arm(Interest::Packets);
        circuits.push(circuit);
        if !asleep {
            answer(circuits.last_mut());
        }
    }
    let mut ready = Vec::with_capacity(64);
    let mut closed = 0;
    let mut shown = false;
    while closed < count {
        ready.clear();
        let patience = Timespec::try_from(Duration::from_secs(60))?;
        if epoll::wait(
            &events,
            rustix::buffer::spare_capacity(&mut ready),
            Some(&patience),
        )? == 0
        {
            return Err("nothing comes".into());
        }
        for event in &ready {
            let index = usize::try_from(event.data.u64())?;
            if answer(circuits.get_mut(index)) {
                closed += 1;
                if !shown {
                    shown = true;
                    let each = memory("self")?.saturating_sub(before) / count as u64;
                    println!("{count} channels: the server has {each} bytes for each of them");
                }
            }
        }
    }
    child.wait()?;
    fs::remove_dir_all(directory.path())?;
    Ok(())
}

/// Answers what there is, and asks to be woken for more; true if that was the end.
fn answer(circuit: Option<&mut Circuit>) -> bool {
    let Some(circuit) = circuit else { return false };
    loop {
        circuit.disarm();
        loop {
            match circuit.receive(NOW) {
                Ok(Some(packet)) => drop(circuit.transmit(&packet, NOW)),
                Ok(None) => break,
                Err(_) => return true,
            }
        }
        circuit.publish();
        if circuit.arm(Interest::Packets) {
            return false;
        }
    }
}

fn client(directory: &str, count: usize) -> Outcome<()> {
    let directory = Directory::at(directory)?;
    let before = memory("self")?;
    let mut circuits = Vec::with_capacity(count);
    for _ in 0..count {
        circuits.push(connect(&directory, "idle", Config::default(), soon())?);
    }
    let mut times = Vec::new();
    // Each is used once or so, far apart.
    for circuit in &mut circuits {
        let begin = Instant::now();
        let mut packet = Packet::default();
        packet.headers.append(&[0; 52])?;
        packet
            .payload
            .push(circuit.place(&[7; 100]).ok_or("no frame is free")?);
        circuit.transmit(&packet, NOW)?;
        drop(packet);
        if !circuit.wait(Interest::Packets, soon()) || circuit.receive(NOW)?.is_none() {
            return Err("no answer".into());
        }
        circuit.publish();
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    println!("{count} channels: answered among them in {median:?} (median)");
    let each = memory("self")?.saturating_sub(before) / count as u64;
    println!("{count} channels: the client has {each} bytes for each of them");
    Ok(())
}

/// What a process has, in bytes; of what several have mapped, its share.
fn memory(process: &str) -> Outcome<u64> {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number.and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) * 1024
    };
    Ok(field(&rollup, "Pss:") + field(&status, "VmPTE:"))
}

/// A channel has one descriptor, and two more while it is made.
fn allow_descriptors() -> Outcome<()> {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    Ok(setrlimit(Resource::Nofile, most)?)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}
