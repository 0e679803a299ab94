// SPDX-License-Identifier: MIT OR Apache-2.0
//! The demonstration's second server: three motors, of which two have a guarantee. It prints their references, and ends
//! with its input.
#![allow(clippy::print_stdout, reason = "a program shows what it does")]

use std::{sync::Mutex, time::Duration};

use upcall::{Context, Orb, qos::Qos};

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
    let orb = Orb::builder().listen("iiop://127.0.0.1:0").build()?;
    let declared = |qos: Qos| qos.message_size(256).worst_case(Duration::from_micros(300));
    let motors = [
        ("axis", declared(Qos::isochronous(Duration::from_millis(10), 4))),
        ("stop", declared(Qos::low_delay(Duration::from_millis(5)))),
        ("log", Qos::best_effort(1)),
    ];
    let mut references = Vec::new();
    for (id, qos) in motors {
        let wheel = MotorSkeleton::new(Wheel::default());
        let motor: MotorRef = orb.root_poa().activate(wheel).id(id).qos(qos).export()?;
        references.push(orb.object_to_string(&motor));
    }
    println!("READY {}", references.join(" "));
    // Nothing is asked of it; it is there until whoever started it has had enough.
    let _ = std::io::stdin().lines().count();
    orb.shutdown();
    Ok(())
}
