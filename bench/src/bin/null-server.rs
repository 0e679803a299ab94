// SPDX-License-Identifier: MIT OR Apache-2.0
//! The smallest server: it is never run, only its size is looked at.
#![allow(clippy::print_stdout, reason = "a server says where it is")]

use upcall_bench::{
    Null,
    bench::{TargetRef, TargetSkeleton},
    orb,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let orb = orb(true, false)?;
    let target: TargetRef = orb.root_poa().activate(TargetSkeleton::new(Null)).export()?;
    println!("{}", orb.object_to_string(&target));
    orb.run()?;
    Ok(())
}
