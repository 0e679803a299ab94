// SPDX-License-Identifier: MIT OR Apache-2.0
//! Channels between processes: one that is killed, and one that is hostile.

#![cfg(not(loom))]

use std::env;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use transport_apic::fabric::{Circuit, Config, Directory, Listener, connect};
use transport_apic::{Channel, Closed, Frame, Integrity, Interest, Packet};

const NOW: Duration = Duration::ZERO;
const ROLE: &str = "UPCALL_TEST_ROLE";
const PLACE: &str = "UPCALL_TEST_DIRECTORY";
const SEED: &str = "UPCALL_TEST_SEED";

/// Tests that look at what the process has open take turns.
static TURN: Mutex<()> = Mutex::new(());

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

/// This program once more, as one that connects.
fn spawn(role: &str, directory: &Directory, seed: u64) -> Child {
    Command::new(env::current_exe().expect("this program"))
        .args(["--exact", "child", "--nocapture"])
        .env(ROLE, role)
        .env(PLACE, directory.path())
        .env(SEED, seed.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts")
}

/// What the other tests start; on its own it does nothing.
#[test]
fn child() {
    let Ok(role) = env::var(ROLE) else { return };
    // Whatever becomes of the tests, nobody is left behind who keeps a CPU.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .expect("it is allowed");
    let directory = Directory::at(env::var(PLACE).expect("a directory")).expect("it is ours");
    let seed = env::var(SEED).expect("a seed").parse().expect("a number");
    let circuit = connect(&directory, "test", Config::default(), soon()).expect("somebody listens");
    match role.as_str() {
        "echo" => drop(echo(circuit)),
        "scribble" => scribble(circuit, seed),
        other => panic!("{other}"),
    }
}

fn packet(circuit: &mut Circuit, bytes: &[u8]) -> Option<Packet<Frame>> {
    let mut packet = Packet::default();
    packet.headers.append(&[9; 40]).expect("they are short");
    packet.payload.push(circuit.place(bytes)?);
    Some(packet)
}

fn content(packet: &Packet<Frame>) -> Vec<u8> {
    packet.payload.iter().flat_map(|piece| piece.to_vec()).collect()
}

/// Sends something and returns what comes back.
fn ask(circuit: &mut Circuit, bytes: &[u8]) -> Vec<u8> {
    let question = packet(circuit, bytes).expect("there is room");
    circuit.transmit(&question, NOW).expect("it is open");
    circuit.publish();
    loop {
        assert!(circuit.wait(Interest::Packets, soon()), "it answers");
        if let Some(answer) = circuit.receive(NOW).expect("it is open") {
            return content(&answer);
        }
    }
}

fn echo(mut circuit: Circuit) -> Closed {
    loop {
        match circuit.receive(NOW) {
            Ok(Some(packet)) => drop(circuit.transmit(&packet, NOW)),
            Ok(None) => drop(circuit.wait(
                Interest::PacketsAndRoom,
                Instant::now() + Duration::from_millis(1),
            )),
            Err(closed) => return closed,
        }
        circuit.publish();
    }
}

/// Writes at random over all memory that it can write and the other end reads, and works on meanwhile.
fn scribble(mut circuit: Circuit, seed: u64) {
    let maps = fs::read_to_string("/proc/self/maps").expect("there is one");
    let ours = maps
        .lines()
        .find(|line| line.contains("upcall-fabric") && line.contains(" rw-s "));
    let range = ours
        .and_then(|line| line.split(' ').next())
        .expect("it is mapped");
    let (start, end) = range.split_once('-').expect("a range");
    let address = |hex| u64::from_str_radix(hex, 16).expect("an address");
    let (start, length) = (address(start), address(end) - address(start));
    thread::spawn(move || {
        let memory = OpenOptions::new()
            .write(true)
            .open("/proc/self/mem")
            .expect("it is ours");
        let mut random = fastrand::Rng::with_seed(seed);
        loop {
            // Indices and slots lie in the first pages.
            let reach = if random.bool() { 20_480 } else { length };
            let at = random.u64(0..reach / 8) * 8;
            let value = random.u64(..) >> random.u32(0..64);
            memory
                .write_all_at(&value.to_ne_bytes(), start + at)
                .expect("it is ours");
            // Sometimes all is well for a while.
            if random.u8(..) == 0 {
                thread::sleep(Duration::from_micros(random.u64(0..500)));
            }
        }
    });
    let until = Instant::now() + Duration::from_secs(5);
    while Instant::now() < until {
        for length in [10, 3000] {
            if let Some(packet) = packet(&mut circuit, &vec![1; length]) {
                let _ = circuit.transmit(&packet, NOW);
            }
        }
        circuit.publish();
        let _ = circuit.receive(NOW);
    }
}

/// What this process has open and mapped of channels.
fn held() -> (usize, usize) {
    let open = fs::read_dir("/proc/self/fd").expect("there is one").count();
    let maps = fs::read_to_string("/proc/self/maps").expect("there is one");
    (
        open,
        maps.lines().filter(|line| line.contains("upcall-fabric")).count(),
    )
}

fn listen(integrity: Integrity) -> (TempDir, Directory, Listener) {
    let folder = tempfile::tempdir().expect("a directory");
    let directory = Directory::at(folder.path()).expect("it is ours");
    let mut config = Config::default();
    config.integrity = integrity;
    let listener = Listener::bind(&directory, "test", config).expect("nobody else has the name");
    (folder, directory, listener)
}

fn accept(listener: &mut Listener) -> Circuit {
    listener
        .accept(soon())
        .expect("it listens")
        .expect("somebody connects")
}

#[test]
fn one_that_is_killed_is_noticed_and_leaves_nothing_behind() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (_folder, directory, mut listener) = listen(Integrity::Shared);
    let before = held();
    for round in 0..20_u8 {
        let mut child = spawn("echo", &directory, 0);
        let mut circuit = accept(&mut listener);
        let mut kept = None;
        let closed = loop {
            if let Some(packet) = packet(&mut circuit, &vec![round; 2000]) {
                let _ = circuit.transmit(&packet, NOW);
            }
            circuit.publish();
            match circuit.receive(NOW) {
                Ok(Some(packet)) if kept.is_none() => {
                    kept = Some(packet);
                    // In the middle of whatever it does.
                    child.kill().expect("it is ours");
                }
                Ok(Some(_)) => {}
                Ok(None) => drop(circuit.wait(Interest::Packets, soon())),
                Err(closed) => break closed,
            }
        };
        assert_eq!(closed, Closed::PeerGone);
        drop(circuit);
        let kept = kept.expect("it was received");
        assert_eq!(content(&kept), vec![round; 2000], "what is held stays");
        drop(kept);
        child.wait().expect("it is dead");
    }
    assert_eq!(held(), before);
}

#[test]
fn one_that_scribbles_over_its_memory_harms_its_own_channel_only() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut reasons = Vec::new();
    for (seed, integrity) in (0_u8..).zip([Integrity::Shared, Integrity::Copied].repeat(10)) {
        let (_folder, directory, mut listener) = listen(integrity);
        let mut honest_process = spawn("echo", &directory, 0);
        let mut honest = accept(&mut listener);
        let mut hostile_process = spawn("scribble", &directory, u64::from(seed));
        let mut hostile = accept(&mut listener);
        let mut read = 0;
        let closed = loop {
            let sent = vec![seed; 1 + read % 5000];
            if let Some(packet) = packet(&mut hostile, &sent) {
                let _ = hostile.transmit(&packet, NOW);
            }
            hostile.publish();
            // What has gone wrong with the one does not show at the other.
            assert_eq!(ask(&mut honest, &sent), sent);
            match hostile.receive(NOW) {
                Ok(packet) => read += packet.map_or(7, |packet| content(&packet).len()),
                Err(closed) => break closed,
            }
            let _ = hostile.wait(Interest::PacketsAndRoom, Instant::now());
        };
        reasons.push(closed);
        hostile_process.kill().expect("it is ours");
        hostile_process.wait().expect("it is dead");
        drop(honest);
        honest_process.wait().expect("it ends");
    }
    println!("{reasons:?}");
    let violations = reasons
        .iter()
        .filter(|closed| matches!(closed, Closed::Violation(_)));
    assert!(violations.count() >= 5, "{reasons:?}");
}
