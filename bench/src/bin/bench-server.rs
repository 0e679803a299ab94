// SPDX-License-Identifier: MIT OR Apache-2.0
//! Our server: see `bench/probe` for what it is told and what it prints.
#![allow(clippy::print_stderr, reason = "a program says what went wrong")]

use std::error::Error;
use std::process::ExitCode;

use probe::{Counting, Role};
use upcall_bench::{
    Null,
    bench::{TargetRef, TargetSkeleton},
    orb,
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

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
    let orb = orb(true, role.spin)?;
    let mut addresses: Vec<String> = Vec::new();
    let step = (role.objects / SHOWN).max(1);
    for index in 0..role.objects {
        let target: TargetRef = orb.root_poa().activate(TargetSkeleton::new(Null)).export()?;
        if index % step == 0 {
            addresses.push(orb.object_to_string(&target));
        }
    }
    probe::serve(&addresses.join(","));
    Ok(())
}
