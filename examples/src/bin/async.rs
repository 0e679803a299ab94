// SPDX-License-Identifier: MIT OR Apache-2.0
//! The same client with `.await`: run it in the folder where `server` wrote `sensor.ior`. Any executor does; this one
//! is tokio's on a single thread.
#![allow(clippy::print_stdout, reason = "a program shows what it does")]

use std::time::Duration;

upcall::include_idl!("telemetry");
use telemetry::SensorRef;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    runtime.block_on(calls())
}

async fn calls() -> Result<(), Box<dyn std::error::Error>> {
    let orb = upcall::Orb::builder().build()?;
    let sensor: SensorRef = orb.resolve("file:sensor.ior")?;

    // All in flight on one connection at once.
    let (one, two, three) = tokio::try_join!(
        async { sensor.read(1).timeout(Duration::from_secs(1)).await },
        async { sensor.read(2).await },
        async { sensor.read(3).await },
    )?;
    println!("channels 1 to 3 read {one}, {two} and {three}");

    // Dropping a call that is under way cancels it.
    tokio::select! {
        value = async { sensor.read(4).await } => println!("channel 4 reads {}", value?),
        () = tokio::time::sleep(Duration::from_millis(200)) => println!("channel 4 takes too long"),
    }
    Ok(())
}
