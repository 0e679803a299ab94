// SPDX-License-Identifier: MIT OR Apache-2.0
//! The smallest complete server: `cargo run -p upcall-examples --bin server`, then the same with `--bin client`.
//!
//! It writes its reference to `sensor.ior` and serves until Ctrl-C.

use upcall::{Context, Orb, qos::Qos};

upcall::include_idl!("telemetry");
use telemetry::{OutOfRange, Sample, Sensor, SensorReadError, SensorRef, SensorSkeleton};

struct Thermometer;

impl Sensor for Thermometer {
    fn name(&self, _cx: &Context) -> upcall::Result<String> {
        Ok("t0".into())
    }

    fn gain(&self, _cx: &Context) -> upcall::Result<f64> {
        Ok(1.0)
    }

    fn set_gain(&self, _cx: &Context, _value: f64) -> upcall::Result<()> {
        Ok(())
    }

    fn read(&self, _cx: &Context, channel: i32) -> Result<f64, SensorReadError> {
        if channel > 7 {
            return Err(OutOfRange {
                why: "8 channels".into(),
            }
            .into());
        }
        Ok(21.5)
    }

    fn stats(&self, _cx: &Context, _channel: i32, count: i32) -> upcall::Result<(bool, f64, i32)> {
        // The result, out and inout in IDL order.
        Ok((true, 21.5, count + 1))
    }

    fn snapshot(&self, _cx: &Context, mask: &[u8]) -> upcall::Result<bytes::Bytes> {
        // `mask` borrows the receive buffer.
        Ok(bytes::Bytes::copy_from_slice(mask))
    }

    fn push(&self, _cx: &Context, _samples: Vec<Sample>) {}

    fn peer(&self, _cx: &Context) -> upcall::Result<Option<SensorRef>> {
        Ok(None)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let orb = Orb::builder()
        .listen("iiop://127.0.0.1:2809")
        .listen("apic://telemetry")
        .build()?;
    let sensor: SensorRef = orb
        .root_poa()
        .activate(SensorSkeleton::new(Thermometer))
        // A system id otherwise.
        .id("sensor-0")
        // Overrides @realtime and the QoS file.
        .qos(Qos::low_delay(std::time::Duration::from_micros(200)))
        .export()?;
    std::fs::write("sensor.ior", orb.object_to_string(&sensor))?;
    orb.run()?;
    Ok(())
}
