// SPDX-License-Identifier: MIT OR Apache-2.0
//! Objects with guarantees: what is granted, what is refused and why, and a change while it runs. Both ends are in this
//! program, each with an ORB of its own, and talk over TCP: `cargo run -p upcall-examples --bin guarantee`.
#![allow(clippy::print_stdout, reason = "a program shows what it does")]

use std::{sync::Mutex, time::Duration};

use upcall::{Context, Orb, poa::ActivateError, qos::Qos};

upcall::include_idl!("drive");
use drive::{Motor, MotorRef, MotorSkeleton};

#[derive(Default)]
struct Wheel {
    speed: Mutex<f64>,
}

impl Motor for Wheel {
    fn speed(&self, _cx: &Context, wanted: f64) -> upcall::Result<f64> {
        let mut speed = self.speed.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        Ok(std::mem::replace(&mut *speed, wanted))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Orb::builder().listen("iiop://127.0.0.1:0").build()?;
    let poa = server.root_poa();
    // The IDL asks for 5 ms, and so has the object admitted: its reference leads to an endpoint of its own.
    let left: MotorRef = poa
        .activate(MotorSkeleton::new(Wheel::default()))
        .id("left")
        .export()?;

    // More than there is: it is said what stands in the way, and what would fit.
    let greedy = Qos::low_delay(Duration::from_millis(1)).worst_case(Duration::from_micros(980));
    let refused = poa
        .activate(MotorSkeleton::new(Wheel::default()))
        .id("right")
        .qos(greedy);
    match refused.export::<MotorRef>() {
        Err(error @ ActivateError::Refused { .. }) => println!("refused: {error}"),
        other => println!("this machine has room for everything: {other:?}"),
    }

    let client = Orb::builder().build()?;
    let motor: MotorRef = client.resolve(&server.object_to_string(&left))?;
    for wanted in 0..20 {
        motor.speed(f64::from(wanted)).wait()?;
    }
    // Rarer from now on, which leaves more to others. The client does not notice.
    poa.set_qos("left", Qos::low_delay(Duration::from_millis(20)))?;
    println!("it turned at {}", motor.speed(0.0).wait()?);
    if let Some(lane) = poa.lane("left")? {
        println!("served {} calls at {:?}", lane.served, lane.endpoints);
        for client in lane.clients {
            println!(
                "a client's upcall: {:?}, guaranteed: {}",
                client.upcall, client.guaranteed
            );
        }
    }
    client.shutdown();
    server.shutdown();
    Ok(())
}
