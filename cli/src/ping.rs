// SPDX-License-Identifier: MIT OR Apache-2.0
//! `upcall ping`: asks a live object of any ORB whether it is there, and measures how far away it is.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use upcall::{Histogram, ObjectRef, Orb, SystemException, SystemExceptionKind};

use crate::failure::Failure;
use crate::interrupt;
use crate::output::say;

/// What every object supports (CORBA 3.3 Part 1 §8.3).
const OBJECT: &str = "IDL:omg.org/CORBA/Object:1.0";
/// Calls before those that are counted: they open the connection and warm both ends up.
const WARM_UP: u64 = 3;

/// Whom to call, and how often.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// IOR:…, corbaloc:…, corbaname:… or file:…
    url: String,
    /// How many round trips to count
    #[arg(short, long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// Milliseconds between two of them
    #[arg(short, long, default_value_t = 0)]
    interval: u64,
    /// Seconds after which a call is given up
    #[arg(short = 'W', long, default_value_t = 5.0, value_parser = seconds)]
    timeout: f64,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value < 1e6 => Ok(value),
        _ => Err("a number of seconds above 0".into()),
    }
}

/// Pings, and returns what to print at the end.
pub(crate) fn run(orb: &Orb, options: &Options) -> Result<String, Failure> {
    let about = |error: SystemException| {
        Failure::new(format!("{}: {error}", options.url)).hint(hint(&options.url, &error))
    };
    let object = orb.string_to_object(&options.url).map_err(about)?;
    let object = object.with_timeout(Duration::from_secs_f64(options.timeout));
    say(format_args!("{}\n", identity(&object).map_err(about)?))?;
    let stop = interrupt::flag();
    let interval = Duration::from_millis(options.interval);
    let outcome = measure(options.count, interval, &stop, || object.non_existent());
    let text = outcome.describe();
    if outcome.failures.is_empty() {
        return Ok(text);
    }
    say(format_args!("{}\n", text.trim_end()))?;
    let answers = format!("{} calls were not answered", outcome.failures.len());
    Err(Failure::new(answers).hint("`upcall ior` shows where a reference leads"))
}

/// What may help.
fn hint(url: &str, error: &SystemException) -> &'static str {
    match error.kind() {
        SystemExceptionKind::BadParam if url.contains("rir:") => {
            "give the initial reference with -ORBInitRef NAME=URL"
        }
        SystemExceptionKind::BadParam => "a URL is IOR:…, corbaloc:…, corbaname:… or file:…",
        SystemExceptionKind::ObjectNotExist => {
            "the server is there, but not the object; what is not persistent ends with the server that made it"
        }
        _ => "`upcall ior` shows where a reference leads",
    }
}

/// What the object says of itself.
fn identity(object: &ObjectRef) -> Result<String, SystemException> {
    let type_id = object.ior().type_id.clone();
    let mut text = String::new();
    let wanted = if type_id.is_empty() {
        OBJECT
    } else {
        type_id.as_str()
    };
    let is_a = object.is_a(wanted).wait()?;
    let _ = writeln!(text, "_is_a({wanted}): {is_a}");
    let _ = write!(text, "_non_existent: {}", object.non_existent()?);
    Ok(text)
}

/// What came of the calls.
#[derive(Debug, Default)]
struct Outcome {
    trips: Histogram,
    failures: Vec<String>,
    interrupted: bool,
}

fn measure(
    count: u64,
    interval: Duration,
    stop: &AtomicBool,
    mut call: impl FnMut() -> Result<bool, SystemException>,
) -> Outcome {
    let mut outcome = Outcome::default();
    for turn in 0..count + WARM_UP {
        if stop.load(Ordering::Relaxed) {
            outcome.interrupted = true;
            break;
        }
        let started = Instant::now();
        match call() {
            Ok(_) if turn < WARM_UP => {}
            Ok(_) => outcome.trips.record(started.elapsed()),
            Err(error) => {
                outcome.failures.push(error.to_string());
                // An object that is not there will not come back within so many calls.
                if outcome.failures.len() >= 10 {
                    break;
                }
            }
        }
        if !interval.is_zero() {
            thread::sleep(interval);
        }
    }
    outcome
}

impl Outcome {
    fn describe(&self) -> String {
        let mut text = String::new();
        let answered = self.trips.count();
        let _ = write!(text, "{answered} round trips of _non_existent");
        let _ = match self.failures.len() {
            0 => writeln!(text, "{}", if self.interrupted { ", interrupted" } else { "" }),
            failed => writeln!(
                text,
                ", {failed} failed: {}",
                self.failures.last().map_or("", String::as_str)
            ),
        };
        if answered == 0 {
            return text;
        }
        let shown = |value: Option<Duration>| format!("{:.1?}", value.unwrap_or_default());
        let _ = writeln!(
            text,
            "min {}, mean {}",
            shown(self.trips.min()),
            shown(self.trips.mean())
        );
        let percentiles = [50.0, 90.0, 99.0, 99.9];
        let words =
            percentiles.map(|percent| format!("p{percent} {}", shown(self.trips.percentile(percent))));
        let _ = writeln!(
            text,
            "{}, max {}\n{}",
            words.join(", "),
            shown(self.trips.max()),
            self.trips
        );
        text
    }
}

#[cfg(test)]
mod tests {
    use upcall::{Completed, SystemExceptionKind};

    use super::*;

    fn refused() -> SystemException {
        SystemException::new(SystemExceptionKind::Transient, 0, Completed::No)
    }

    #[test]
    fn warm_up_calls_are_not_counted() {
        let mut calls = 0;
        let outcome = measure(5, Duration::ZERO, &AtomicBool::new(false), || {
            calls += 1;
            Ok(false)
        });
        assert_eq!((outcome.trips.count(), calls), (5, 5 + WARM_UP));
        assert!(outcome.describe().contains("p99.9"), "{}", outcome.describe());
    }

    #[test]
    fn an_object_that_fails_ten_times_is_given_up() {
        let outcome = measure(1000, Duration::ZERO, &AtomicBool::new(false), || Err(refused()));
        assert_eq!((outcome.trips.count(), outcome.failures.len()), (0, 10));
        assert!(outcome.describe().contains("10 failed"), "{}", outcome.describe());
    }

    #[test]
    fn an_interrupt_ends_it_with_what_was_counted() {
        let stop = AtomicBool::new(false);
        let mut calls = 0;
        let outcome = measure(1000, Duration::ZERO, &stop, || {
            calls += 1;
            stop.store(calls == 10, Ordering::Relaxed);
            Ok(false)
        });
        assert!(outcome.interrupted && outcome.trips.count() == 10 - WARM_UP);
    }

    #[test]
    fn a_time_limit_is_a_positive_number() {
        assert_eq!(seconds("0.5"), Ok(0.5));
        assert!(seconds("0").is_err() && seconds("-1").is_err() && seconds("x").is_err());
    }
}
