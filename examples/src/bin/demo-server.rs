// SPDX-License-Identifier: MIT OR Apache-2.0
//! The demonstration's server: a sensor, bound in a naming service, that remembers who called what. It prints that for
//! each line of input, and ends with its input.
#![allow(clippy::print_stdout, reason = "a program shows what it does")]

use std::collections::BTreeMap;
use std::io::BufRead;
use std::sync::{Arc, Mutex};

use services::naming::OrbNaming;
use upcall::{Context, Orb, qos::Qos};
use upcall_examples::{NAME, option};

upcall::include_idl!("telemetry");
use telemetry::{OutOfRange, Sample, Sensor, SensorReadError, SensorRef, SensorSkeleton};

/// Calls by who made them and what they called.
type Calls = BTreeMap<(String, String), u64>;

struct Thermometer {
    gain: Mutex<f64>,
    calls: Arc<Mutex<Calls>>,
}

impl Thermometer {
    fn count(&self, cx: &Context) {
        let who = cx
            .peer()
            .map_or_else(|| "this process".to_owned(), ToString::to_string);
        if let Ok(mut calls) = self.calls.lock() {
            *calls.entry((who, cx.operation().to_owned())).or_default() += 1;
        }
    }
}

impl Sensor for Thermometer {
    fn name(&self, cx: &Context) -> upcall::Result<String> {
        self.count(cx);
        Ok("sensor-0".into())
    }

    fn gain(&self, cx: &Context) -> upcall::Result<f64> {
        self.count(cx);
        Ok(self.gain.lock().map_or(1.0, |gain| *gain))
    }

    fn set_gain(&self, cx: &Context, value: f64) -> upcall::Result<()> {
        self.count(cx);
        if let Ok(mut gain) = self.gain.lock() {
            *gain = value;
        }
        Ok(())
    }

    fn read(&self, cx: &Context, channel: i32) -> Result<f64, SensorReadError> {
        self.count(cx);
        if !(0..8).contains(&channel) {
            return Err(OutOfRange {
                why: format!("channel {channel}: there are 8"),
            }
            .into());
        }
        Ok(20.0 + f64::from(channel) / 2.0)
    }

    fn stats(&self, cx: &Context, channel: i32, count: i32) -> upcall::Result<(bool, f64, i32)> {
        self.count(cx);
        Ok((true, 20.0 + f64::from(channel) / 2.0, count.saturating_add(1)))
    }

    fn snapshot(&self, cx: &Context, mask: &[u8]) -> upcall::Result<bytes::Bytes> {
        self.count(cx);
        Ok(bytes::Bytes::copy_from_slice(mask))
    }

    fn push(&self, cx: &Context, _samples: Vec<Sample>) {
        self.count(cx);
    }

    fn peer(&self, cx: &Context) -> upcall::Result<Option<SensorRef>> {
        self.count(cx);
        Ok(None)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let calls = Arc::new(Mutex::new(Calls::new()));
    let orb = Orb::builder()
        .listen("iiop://127.0.0.1:0")
        .init_ref("NameService", option("naming")?)
        .build()?;
    let thermometer = Thermometer {
        gain: Mutex::new(1.0),
        calls: Arc::clone(&calls),
    };
    let sensor: SensorRef = orb
        .root_poa()
        .activate(SensorSkeleton::new(thermometer))
        .id("sensor-0")
        // How fast it goes is what is shown; what the IDL asks for is four calls in 10 ms.
        .qos(Qos::best_effort(1))
        .export()?;
    let naming = orb.naming()?;
    naming.make_contexts(NAME)?;
    naming.rebind(NAME, &sensor)?;
    println!("READY {}", orb.object_to_string(&sensor));
    for line in std::io::stdin().lock().lines() {
        line?;
        let made = calls
            .lock()
            .map(|mut calls| std::mem::take(&mut *calls))
            .unwrap_or_default();
        for ((who, what), count) in made {
            println!("  {count:>6} × {what:<12} from {who}");
        }
        println!("END");
    }
    naming.unbind(NAME)?;
    orb.shutdown();
    Ok(())
}
