// SPDX-License-Identifier: MIT OR Apache-2.0
//! What asks something of the demonstration's plant: clients that call a motor so often, or hogs that want the CPU. It ends
//! after so many seconds.
#![allow(clippy::print_stdout, reason = "a program shows what it does")]

use std::{
    hint,
    str::FromStr,
    thread,
    time::{Duration, Instant},
};

use upcall::Orb;
use upcall_examples::option;

upcall::include_idl!("drive");
use drive::MotorRef;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seconds: u64 = number("seconds", 60)?;
    let end = Instant::now() + Duration::from_secs(seconds);
    let hogs: u32 = number("hogs", 0)?;
    let clients: u32 = number("clients", 0)?;
    let load = Load {
        motor: option("motor").unwrap_or_default(),
        batch: number("batch", 1)?,
        every: Duration::from_micros(number("every-us", 0)?),
    };
    thread::scope(|scope| {
        for _ in 0..hogs {
            scope.spawn(|| {
                while Instant::now() < end {
                    hint::spin_loop();
                }
            });
        }
        let clients: Vec<_> = (0..clients).map(|_| scope.spawn(|| load.call(end))).collect();
        println!("READY");
        // The first that fails speaks for all.
        clients
            .into_iter()
            .try_for_each(|client| client.join().unwrap_or(Ok(())))
    })?;
    Ok(())
}

/// The value of `--name`, or else `default`.
fn number<T: FromStr<Err: std::fmt::Display>>(name: &str, default: T) -> Result<T, String> {
    match option(name) {
        Ok(text) => text.parse().map_err(|error| format!("--{name} {text}: {error}")),
        Err(_) => Ok(default),
    }
}

/// What a client does: so many calls at once, so often.
struct Load {
    motor: String,
    batch: u32,
    every: Duration,
}

impl Load {
    fn call(&self, end: Instant) -> Result<(), String> {
        // An ORB for each, and so a connection.
        let orb = Orb::builder().build().map_err(|error| error.to_string())?;
        let motor: MotorRef = orb.resolve(&self.motor).map_err(|error| error.to_string())?;
        let mut next = Instant::now();
        while next < end {
            let calls: Result<Vec<_>, _> = (0..self.batch).map(|_| motor.speed(1.0).start()).collect();
            for call in calls.map_err(|error| error.to_string())? {
                call.wait().map_err(|error| error.to_string())?;
            }
            next = (next + self.every).max(Instant::now());
            thread::sleep(next - Instant::now());
        }
        orb.shutdown();
        Ok(())
    }
}
