// SPDX-License-Identifier: MIT OR Apache-2.0
//! Streams requests to the objects of a server of ours as `bench-stream` does, with an ORB: so by whatever way leads there,
//! the fabric too. Each stream has a connection of its own, a thread that sends, one that takes the answers, and so many calls
//! between them at most (`--window`).
#![allow(clippy::print_stderr, reason = "a program says what went wrong")]

use std::convert::Infallible;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Instant;

use orb_core::invoke::Operation;
use probe::{Report, Role};
use upcall::{Pending, SystemException};
use upcall_bench::{
    bench::TargetRef,
    orb,
    pace::{self, Pace},
};

fn main() -> ExitCode {
    match Role::from_arguments().and_then(|role| run(&role)) {
        Ok(report) => {
            report.print("RESULT");
            // What is still in flight need not be cancelled call by call.
            std::process::exit(0)
        }
        Err(reason) => {
            eprintln!("bench-orb-stream: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Streams for a while, and then for as long as is counted.
fn run(role: &Role) -> Result<Report, String> {
    let addresses: Vec<&str> = role.address.split(',').collect();
    if addresses.len() != role.rates.len() {
        return Err(format!(
            "{} rates for {} objects",
            role.rates.len(),
            addresses.len()
        ));
    }
    let answered: Vec<Arc<AtomicU64>> = role.rates.iter().map(|_| Arc::default()).collect();
    let (tell, told) = mpsc::channel();
    for ((address, rate), answered) in addresses.iter().zip(&role.rates).zip(&answered) {
        let stream = Stream {
            address: (*address).to_owned(),
            pace: Pace::of(*rate),
            burn: u32::try_from(role.burn.as_micros()).unwrap_or(u32::MAX),
            window: role.window,
            answered: Arc::clone(answered),
            tell: tell.clone(),
        };
        thread::spawn(move || stream.run());
    }
    for _ in &answered {
        told.recv().map_err(|_| "a stream panicked")??;
    }
    let count = || -> Vec<u64> {
        let counts = answered.iter().map(|count| count.load(Ordering::Relaxed));
        counts.collect()
    };
    thread::sleep(role.duration / 4);
    let (before, began) = (count(), Instant::now());
    thread::sleep(role.duration);
    let (after, elapsed) = (count(), began.elapsed());
    told.try_iter().collect::<Result<(), String>>()?;
    let counted: Vec<u64> = after
        .iter()
        .zip(&before)
        .map(|(after, before)| after - before)
        .collect();
    Ok(pace::report(&counted, elapsed))
}

/// Requests to one object.
struct Stream {
    address: String,
    pace: Pace,
    /// What each takes of the server's CPU, in microseconds.
    burn: u32,
    window: usize,
    answered: Arc<AtomicU64>,
    /// Hears that there is a connection, and then what goes wrong.
    tell: Sender<Result<(), String>>,
}

impl Stream {
    fn run(mut self) {
        let Err(error) = self.send();
        // Whoever has all answers that count does not listen.
        let _ = self.tell.send(Err(error.to_string()));
    }

    /// Sends what is due, or as much of it as there is room for. A guaranteed flow belongs to the thread that calls.
    fn send(&mut self) -> Result<Infallible, Box<dyn Error>> {
        let orb = orb(false, false)?;
        let target: TargetRef = orb.resolve(&self.address)?;
        target.work(self.burn).wait()?;
        let (started, in_flight) = mpsc::sync_channel(self.window);
        let (answered, tell) = (Arc::clone(&self.answered), self.tell.clone());
        thread::spawn(move || {
            // Whoever has all answers that count does not listen.
            let _ = take(in_flight, &answered).or_else(|error| tell.send(Err(error.to_string())));
        });
        self.tell.send(Ok(()))?;
        for passed in pace::ticks() {
            // What did not fit is not offered again.
            for _ in 0..self.pace.due(passed).min(self.window) {
                started.send(target.work(self.burn).start()?)?;
            }
        }
        Err("time ended".into())
    }
}

/// Takes the answers as they come.
fn take<O>(in_flight: Receiver<Pending<O>>, answered: &AtomicU64) -> upcall::Result<()>
where
    O: Operation<Error = SystemException>,
{
    for pending in in_flight {
        pending.wait()?;
        answered.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
