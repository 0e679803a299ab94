// SPDX-License-Identifier: MIT OR Apache-2.0
//! The demonstration's client: finds the sensor in a naming service and calls it in every way there is.
#![allow(clippy::print_stdout, reason = "a program shows what it does")]

use std::time::{Duration, Instant};

use services::naming::OrbNaming;
use upcall::{Histogram, Orb};
use upcall_examples::{NAME, option};

upcall::include_idl!("telemetry");
use telemetry::{Sample, SensorReadError, SensorRef, Unit};

/// Calls of each kind whose round trips are counted.
const ROUNDS: i32 = 2000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let orb = Orb::builder()
        .init_ref("NameService", option("naming")?)
        .build()?;
    let sensor: SensorRef = orb.naming()?.resolve(NAME)?;
    println!(
        "found `{}` as {NAME} in the naming service",
        sensor.name().wait()?
    );
    blocking(&sensor)?;
    deferred(&sensor)?;
    tokio::runtime::Builder::new_current_thread()
        .build()?
        .block_on(asynchronous(&sensor))?;
    oneway(&sensor)?;
    orb.shutdown();
    Ok(())
}

fn blocking(sensor: &SensorRef) -> Result<(), Box<dyn std::error::Error>> {
    println!("blocking:  read(3) = {}", sensor.read(3).wait()?);
    let (ok, mean, count) = sensor.stats(3, 7).wait()?;
    println!("           stats(3, 7) = ({ok}, {mean}, {count})");
    sensor.set_gain(1.5).wait()?;
    println!("           gain = {}", sensor.gain().wait()?);
    println!(
        "           snapshot of {} octets",
        sensor.snapshot(&[7; 4096]).wait()?.len()
    );
    println!(
        "           peer is {}",
        if sensor.peer().wait()?.is_some() {
            "another sensor"
        } else {
            "nil"
        }
    );
    match sensor.read(9).wait() {
        Err(SensorReadError::OutOfRange(error)) => {
            println!("           read(9) raises OutOfRange: {}", error.why)
        }
        Err(SensorReadError::System(error)) => return Err(error.into()),
        Ok(value) => println!("           read(9) = {value}?"),
    }
    let mut trips = Histogram::new();
    for channel in 0..ROUNDS {
        let started = Instant::now();
        sensor.read(channel % 8).wait()?;
        trips.record(started.elapsed());
    }
    show("blocking read", &trips);
    Ok(())
}

fn deferred(sensor: &SensorRef) -> Result<(), Box<dyn std::error::Error>> {
    let started = Instant::now();
    let pending: Result<Vec<_>, _> = (0..8).map(|channel| sensor.read(channel).start()).collect();
    let values: Result<Vec<f64>, _> = pending?.into_iter().map(|pending| pending.wait()).collect();
    println!(
        "deferred:  8 reads in flight at once = {:?} in {:.1?}",
        values?,
        started.elapsed()
    );
    Ok(())
}

async fn asynchronous(sensor: &SensorRef) -> Result<(), SensorReadError> {
    println!(
        "async:     read(5) = {}",
        sensor.read(5).timeout(Duration::from_secs(1)).await?
    );
    let mut trips = Histogram::new();
    for channel in 0..ROUNDS {
        let started = Instant::now();
        sensor.read(channel % 8).await?;
        trips.record(started.elapsed());
    }
    show("async read", &trips);
    Ok(())
}

fn oneway(sensor: &SensorRef) -> Result<(), Box<dyn std::error::Error>> {
    let samples: Vec<Sample> = (0..3)
        .map(|t| Sample {
            t,
            value: 21.5,
            unit: Unit::Celsius,
        })
        .collect();
    for _ in 0..10 {
        sensor.push(&samples).send()?;
    }
    // Oneways of a connection arrive in order, so this one's reply means that they are there.
    sensor.name().wait()?;
    println!("oneway:    10 times push of 3 samples");
    Ok(())
}

fn show(what: &str, trips: &Histogram) {
    let percentile = |percent| trips.percentile(percent).unwrap_or_default();
    let (median, ninetieth, last) = (percentile(50.0), percentile(90.0), percentile(99.0));
    println!(
        "round trips of {} {what}s: p50 {median:.1?}, p90 {ninetieth:.1?}, p99 {last:.1?}",
        trips.count()
    );
    println!("{trips}");
}
