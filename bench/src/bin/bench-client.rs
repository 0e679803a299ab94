// SPDX-License-Identifier: MIT OR Apache-2.0
//! Our client: see `bench/probe` for what it is told and what it prints.
#![allow(clippy::print_stderr, reason = "a program says what went wrong")]

use std::collections::VecDeque;
use std::process::ExitCode;

use probe::{Counting, Report, Role, Work};
use upcall::{Bytes, Interface};
use upcall_bench::{bench::TargetRef, items, orb};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> ExitCode {
    let result = Role::from_arguments().and_then(|role| match (role.name.as_str(), role.connections) {
        ("load", _) => load(&role).map(|report| report.print("RESULT")),
        (_, 0) => call(&role).map(|report| report.print("RESULT")),
        _ => hold(&role),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("bench-client: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn call(role: &Role) -> Result<Report, String> {
    if role.window > 0 {
        return pipelined(role);
    }
    let orb = orb(false, role.spin).map_err(|error| error.to_string())?;
    let targets: upcall::Result<Vec<TargetRef>> = role
        .address
        .split(',')
        .map(|address| orb.string_to_object(address).map(TargetRef::from))
        .collect();
    let targets = targets.map_err(|error| error.to_string())?;
    let first = targets.first().ok_or("no reference")?;
    if role.threads > 0 {
        return probe::rate(role, |_| {
            Ok::<_, upcall::SystemException>(|| first.nothing().wait())
        });
    }
    match role.work {
        Work::Null => {
            let mut turn = targets.iter().cycle();
            probe::latency(role, || {
                turn.next().map_or(Ok(()), |target| target.nothing().wait())
            })
        }
        Work::Put => {
            let blob = blob(first, role)?;
            probe::latency(role, || first.put(&blob).wait())
        }
        Work::Echo => {
            let items = items();
            probe::latency(role, || {
                first
                    .echo(&items)
                    .wait()
                    .map(|back| drop(std::hint::black_box(back)))
            })
        }
    }
}

/// The argument of each call.
fn blob(target: &TargetRef, role: &Role) -> Result<Bytes, String> {
    if !role.in_place {
        return Ok(vec![7; role.size].into());
    }
    let mut buffer = target.buffer(role.size).map_err(|error| error.to_string())?;
    if !buffer.is_registered() {
        return Err(format!("no {} octets to send from", role.size));
    }
    buffer.fill(7);
    Ok(buffer.freeze())
}

/// Holds connections that have been used once.
fn hold(role: &Role) -> Result<(), String> {
    let role = Role {
        window: 1,
        ..role.clone()
    };
    let flows: Result<Vec<_>, String> = (0..role.connections)
        .map(|_| {
            let mut advance = flow(&role)?;
            advance().map_err(|error| error.to_string())?;
            Ok(advance)
        })
        .collect();
    let flows = flows?;
    probe::serve(&flows.len().to_string());
    Ok(())
}

/// Calls from so many threads, each with a connection of its own and one call at a time.
fn load(role: &Role) -> Result<Report, String> {
    let role = Role {
        threads: role.connections,
        window: 1,
        ..role.clone()
    };
    probe::rate(&role, |_| {
        let mut advance = flow(&role)?;
        Ok(move || advance().map(drop).map_err(|error| error.to_string()))
    })
}

/// Keeps so many calls in flight on each of several connections, or sends as many oneways.
fn pipelined(role: &Role) -> Result<Report, String> {
    let flows: Result<Vec<_>, String> = (0..role.flows).map(|_| flow(role)).collect();
    let mut flows = flows?;
    probe::throughput(role, || {
        flows.iter_mut().try_fold(0, |calls, advance| {
            Ok::<_, upcall::SystemException>(calls + advance()?)
        })
    })
}

/// Opens a connection of its own; what it returns advances it, and says how many calls were answered.
fn flow(role: &Role) -> Result<impl FnMut() -> upcall::Result<usize> + use<>, String> {
    let orb = orb(false, role.spin).map_err(|error| error.to_string())?;
    let address = role.address.split(',').next().unwrap_or_default();
    let target: TargetRef = orb.resolve(address).map_err(|error| error.to_string())?;
    let (window, oneway) = (role.window, role.oneway);
    let mut in_flight = VecDeque::with_capacity(window);
    Ok(move || {
        // Whose the connection is.
        let _ = &orb;
        if oneway {
            (1..window).try_for_each(|_| target.nudge().send())?;
            // It is answered after those.
            target.nothing().wait()?;
            return Ok(window);
        }
        while in_flight.len() < window {
            in_flight.push_back(target.nothing().start()?);
        }
        let half = window.div_ceil(2);
        for pending in in_flight.drain(..half) {
            pending.wait()?;
        }
        Ok(half)
    })
}
