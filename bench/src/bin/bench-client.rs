// SPDX-License-Identifier: MIT OR Apache-2.0
//! Our client: see `bench/probe` for what it is told and what it prints.
#![allow(clippy::print_stderr, reason = "a program says what went wrong")]

use std::process::ExitCode;

use probe::{BLOB, Counting, Report, Role, Work};
use upcall_bench::{bench::TargetRef, items, orb};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> ExitCode {
    match Role::from_arguments().and_then(|role| call(&role)) {
        Ok(report) => {
            report.print("RESULT");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("bench-client: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn call(role: &Role) -> Result<Report, String> {
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
            let blob = vec![7; BLOB];
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
