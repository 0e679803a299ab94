// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client of `server`: run it in the folder where that wrote `sensor.ior`.
#![allow(clippy::print_stdout, reason = "a program shows what it does")]

use std::time::Duration;

upcall::include_idl!("telemetry");
use telemetry::{Sample, SensorReadError, SensorRef, Unit};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let orb = upcall::Orb::builder().build()?;
    // Also IOR:…, corbaloc:… and corbaname:….
    let sensor: SensorRef = orb.resolve("file:sensor.ior")?;

    println!("{} reads {}", sensor.name().wait()?, sensor.read(3).wait()?);
    let (ok, mean, count) = sensor.stats(3, 7).wait()?;
    println!("stats: {ok}, mean {mean}, count {count}");

    // Deferred: in flight while this thread does something else.
    let pending = sensor.read(4).timeout(Duration::from_millis(500)).start()?;
    println!("and channel 4 reads {}", pending.wait()?);

    // Oneway: nothing comes back.
    sensor
        .push(&[Sample {
            t: 0,
            value: 21.5,
            unit: Unit::Celsius,
        }])
        .send()?;

    match sensor.read(9).wait() {
        Err(SensorReadError::OutOfRange(error)) => println!("channel 9: {}", error.why),
        Err(SensorReadError::System(error)) => return Err(error.into()),
        Ok(value) => println!("channel 9 reads {value}"),
    }
    Ok(())
}
