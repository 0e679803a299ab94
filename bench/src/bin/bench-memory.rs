// SPDX-License-Identifier: MIT OR Apache-2.0
//! The floor of the fabric: a word in memory that two processes share, polled or slept on, with no ORB. An argument is
//! copied there once, as who sends it must.
#![allow(clippy::print_stderr, reason = "a program says what went wrong")]

use std::fs::{File, OpenOptions};
use std::hint::spin_loop;
use std::io;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use probe::{Role, Work};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::thread::futex;

use area::Area;

#[path = "bench-memory/area.rs"]
mod area;

fn main() -> ExitCode {
    let result = Role::from_arguments().and_then(|role| match role.name.as_str() {
        "server" => serve(&role).map_err(|error| error.to_string()),
        "client" => call(&role),
        other => Err(format!("no role `{other}`")),
    });
    match result {
        // The measurement is over: the thread that answers ends with the process.
        Ok(()) => std::process::exit(0),
        Err(reason) => {
            eprintln!("bench-memory: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn serve(role: &Role) -> io::Result<()> {
    let memory = File::from(memfd_create("upcall-bench", MemfdFlags::CLOEXEC)?);
    let area = Area::map(&memory, role.size)?;
    let address = format!(
        "/proc/{}/fd/{}",
        std::process::id(),
        std::os::fd::AsRawFd::as_raw_fd(&memory)
    );
    let spin = role.spin;
    thread::spawn(move || answer(&area, spin));
    probe::serve(&address);
    Ok(())
}

fn answer(area: &Area, spin: bool) {
    let words = area.words();
    for number in 1.. {
        until(&words.asked, number, spin);
        say(&words.answered, number, spin);
    }
}

fn call(role: &Role) -> Result<(), String> {
    let memory = OpenOptions::new().read(true).write(true).open(&role.address);
    let memory = memory.map_err(|error| format!("{}: {error}", role.address))?;
    let mut area = Area::map(&memory, role.size).map_err(|error| error.to_string())?;
    let blob = match role.work {
        Work::Put => vec![7; role.size],
        Work::Null | Work::Echo => Vec::new(),
    };
    let (spin, mut number) = (role.spin, 0);
    let report = probe::latency(role, || {
        number += 1;
        area.place(&blob);
        say(&area.words().asked, number, spin);
        until(&area.words().answered, number, spin);
        Ok::<_, String>(())
    });
    report?.print("RESULT");
    Ok(())
}

/// Acquire: sees what was placed before the number was said.
fn until(word: &AtomicU32, number: u32, spin: bool) {
    loop {
        let seen = word.load(Ordering::Acquire);
        if seen == number {
            return;
        }
        if spin {
            spin_loop();
        } else {
            // Whatever it returns for, the word tells.
            let _ = futex::wait(word, futex::Flags::empty(), seen, None);
        }
    }
}

/// Release: pairs with the Acquire of [`until`].
fn say(word: &AtomicU32, number: u32, spin: bool) {
    word.store(number, Ordering::Release);
    if !spin {
        // Nobody may be asleep.
        let _ = futex::wake(word, futex::Flags::empty(), 1);
    }
}
