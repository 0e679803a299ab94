// SPDX-License-Identifier: MIT OR Apache-2.0
//! Our server: see `bench/probe` for what it is told and what it prints.
#![allow(clippy::print_stderr, reason = "a program says what went wrong")]

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use probe::{Counting, Periodic, Role};
use upcall::{Orb, qos::Qos};
use upcall_bench::{
    Null,
    bench::{TargetRef, TargetSkeleton},
    orb,
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Octets of the messages of streams, without headers.
const MESSAGE: usize = 64;
/// References that a client gets, spread over all objects.
const SHOWN: usize = 64;

fn main() -> ExitCode {
    match Role::from_arguments().and_then(|role| serve(&role).map_err(|error| error.to_string())) {
        // The measurement is over: nothing is worth an orderly shutdown.
        Ok(()) => std::process::exit(0),
        Err(reason) => {
            eprintln!("bench-server: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn serve(role: &Role) -> Result<(), Box<dyn Error>> {
    let mut guarantees: Vec<Qos> = role.periodic.iter().map(isochronous).collect();
    if role.guarantee {
        guarantees = vec![low_delay(); role.objects];
    }
    let orb = if guarantees.is_empty() {
        orb(true, role.spin)?
    } else {
        let cpus = role.cpu.and_then(|cpu| u32::try_from(cpu).ok());
        Orb::builder()
            .listen("iiop://127.0.0.1:0")
            .rt_cpus(cpus)
            .build()?
    };
    let objects = role.objects.max(guarantees.len());
    let mut guarantees = guarantees.into_iter();
    let mut addresses: Vec<String> = Vec::new();
    let step = (objects / SHOWN).max(1);
    for index in 0..objects {
        let mut activation = orb.root_poa().activate(TargetSkeleton::new(Null));
        if let Some(qos) = guarantees.next() {
            activation = activation.qos(qos);
        }
        let target: TargetRef = activation.export()?;
        if index % step == 0 {
            addresses.push(orb.object_to_string(&target));
        }
    }
    probe::serve(&addresses.join(","));
    Ok(())
}

/// What a guaranteed object is given: a call every 0.4 ms at most, each answered within a millisecond.
fn low_delay() -> Qos {
    Qos::low_delay(Duration::from_millis(1))
        .minimum_interval(Duration::from_micros(400))
        .worst_case(Duration::from_micros(20))
}

fn isochronous(asked: &Periodic) -> Qos {
    Qos::isochronous(asked.period, asked.messages)
        .message_size(MESSAGE)
        .worst_case(asked.worst_case)
}
