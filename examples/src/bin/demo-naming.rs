// SPDX-License-Identifier: MIT OR Apache-2.0
//! The demonstration's naming service, for machines without another: an empty one, until its input ends.
#![allow(clippy::print_stdout, reason = "the demonstration reads where the service is")]

use std::io::Read;

use upcall::Orb;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let orb = Orb::builder().listen("iiop://127.0.0.1:0").build()?;
    let root = services::naming::server::start(&orb)?;
    println!("READY {}", orb.object_to_string(root.context()));
    std::io::stdin().read_to_end(&mut Vec::new())?;
    orb.shutdown();
    Ok(())
}
