// SPDX-License-Identifier: MIT OR Apache-2.0
//! Streams of requests to the objects of one server, each at a rate of its own, and what is answered of them.

use std::thread;
use std::time::{Duration, Instant};

use probe::Report;

use super::{CLIENT_PRIORITY, load::Load, scheduled, start};
use crate::lab::Lab;
use crate::plan::Pair;
use crate::process::{Server, findings};

/// From one client to the next: a server with guarantees may notice that the first has gone a period later.
const PAUSE: Duration = Duration::from_millis(300);
/// Calls that a client with an ORB has in flight at most; one without has as many as TCP takes.
const WINDOW: &str = "1024";
/// How long answers are counted, in milliseconds.
const MILLIS: u32 = 1_000;

/// What is sent to a server, and what counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Streams {
    /// The objects of a server without guarantees.
    pub(crate) objects: &'static str,
    /// Those of one with.
    pub(crate) periodic: &'static str,
    /// Requests per second to each of them.
    pub(crate) rates: &'static [u32],
    /// Who sends them.
    pub(crate) client: Client,
    /// The value.
    pub(crate) figure: Figure,
}

/// Who sends requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client {
    /// Whether it has an ORB: one that has none only knows sockets.
    pub(crate) orb: bool,
    /// What each request takes of the server's CPU, in microseconds.
    pub(crate) burn: u32,
}

/// What counts of streams.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Figure {
    /// What is left of all answers beside hogs and a flood.
    KeptBesideLoad,
    /// What is left of the first stream's answers when the others stream as well.
    FirstBesideOthers,
    /// How far the stream that is furthest from its share of all answers is from it, as a part of that share.
    Deviation(&'static [f64]),
    /// Context switches of the server for each answer.
    Switches,
}

/// Measures a server.
pub(crate) fn measure(
    lab: &Lab,
    pair: &Pair,
    realtime: bool,
    streams: &Streams,
) -> Result<(f64, Report), String> {
    let server = start(lab, pair, realtime)?;
    let run = |rates: &[u32]| stream(lab, pair, &server, streams.client, rates);
    match streams.figure {
        Figure::KeptBesideLoad => {
            let (alone, _) = run(streams.rates)?;
            thread::sleep(PAUSE);
            let load = Load::start(lab, pair.of)?;
            let (beset, report) = run(streams.rates)?;
            drop(load);
            Ok((beset.iter().sum::<f64>() / alone.iter().sum::<f64>(), report))
        }
        Figure::FirstBesideOthers => {
            let mut first = vec![0; streams.rates.len()];
            for (rate, asked) in first.iter_mut().zip(streams.rates).take(1) {
                *rate = *asked;
            }
            let (alone, _) = run(&first)?;
            thread::sleep(PAUSE);
            let (beside, report) = run(streams.rates)?;
            let kept = beside.iter().zip(&alone).map(|(beside, alone)| beside / alone);
            Ok((kept.take(1).sum(), report))
        }
        Figure::Deviation(shares) => {
            let (rates, report) = run(streams.rates)?;
            Ok((deviation(&rates, shares), report))
        }
        Figure::Switches => thread::scope(|scope| {
            let client = scope.spawn(|| run(streams.rates));
            let switches = switches(lab, &server);
            let (rates, report) = client.join().map_err(|_| "the client's thread panicked")??;
            Ok((switches? / rates.iter().sum::<f64>(), report))
        }),
    }
}

/// Context switches of a server per second, while a client streams: threads that have ended would not be counted.
fn switches(lab: &Lab, server: &Server) -> Result<f64, String> {
    // The client begins to count a quarter later than it begins to stream, and so streams for long enough.
    let half = Duration::from_millis(u64::from(lab.millis(MILLIS) / 2));
    thread::sleep(half);
    let (before, began) = (server.switches()?, Instant::now());
    thread::sleep(half);
    Ok((server.switches()? - before) / began.elapsed().as_secs_f64())
}

/// Streams for a while, and returns the answers per second to each stream.
pub(super) fn stream(
    lab: &Lab,
    pair: &Pair,
    server: &Server,
    client: Client,
    rates: &[u32],
) -> Result<(Vec<f64>, Report), String> {
    let words: Vec<String> = rates.iter().map(u32::to_string).collect();
    let mut command = if client.orb {
        lab.on_the_way_to(pair.of, "bench-orb-stream")?
    } else {
        lab.ours("bench-stream")?
    };
    command
        .args(["stream", "--address", &server.address, "--window", WINDOW])
        .args(["--cpu", &pair.cpus.1.to_string(), "--rates", &words.join(",")])
        .args(["--burn-us", &client.burn.to_string()])
        .args(["--millis", &lab.millis(MILLIS).to_string()]);
    // The client's ticks come in time, whatever else wants its CPU: only the server makes the difference.
    let report = findings(&scheduled(&command, CLIENT_PRIORITY))?;
    let answered = (0..rates.len()).map(|index| {
        let name = format!("stream_{index}");
        report
            .value(&name)
            .ok_or_else(|| format!("the client does not report {name}"))
    });
    let answered = answered.collect::<Result<_, String>>()?;
    Ok((answered, report))
}

fn deviation(rates: &[f64], shares: &[f64]) -> f64 {
    let all: f64 = rates.iter().sum();
    let far = |(rate, share): (&f64, &f64)| (rate / all / share - 1.0).abs();
    rates.iter().zip(shares).map(far).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_furthest_from_its_share_counts() {
        let shares = [0.5, 0.3, 0.2];
        assert!(deviation(&[500.0, 300.0, 200.0], &shares) < 1e-9);
        assert!((deviation(&[100.0, 100.0, 100.0], &shares) - 2.0 / 3.0).abs() < 1e-9);
        assert!((deviation(&[900.0, 0.0, 0.0], &shares) - 1.0).abs() < 1e-9);
    }
}
