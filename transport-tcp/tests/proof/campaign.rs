// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs that follow from a seed, and what must hold in each.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU64;
use std::time::Duration;

use fastrand::Rng;
use rtu::{Nanos, Time};
use transport_apic::sim::{Burst, Conditions, Link};
use transport_tcp::engine::{CongestionControl, KeepAlive, Settings};

use crate::node::{Failure, Node, Ours, Smol};
use crate::pcap::Pcap;
use crate::talk::{Outcome, Script, Talker};
use crate::world::{Host, World};

/// Which stacks meet, the client's first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pairing {
    OursToOurs,
    OursToSmol,
    SmolToOurs,
    /// Does the proof itself hold?
    SmolToSmol,
}

impl Pairing {
    /// All there are, with their names on the command line.
    pub(crate) const ALL: &[(&str, Self)] = &[
        ("ours-ours", Self::OursToOurs),
        ("ours-smoltcp", Self::OursToSmol),
        ("smoltcp-ours", Self::SmolToOurs),
        ("smoltcp-smoltcp", Self::SmolToSmol),
    ];

    /// Whether it tells anything of our engine.
    pub(crate) fn has_ours(self) -> bool {
        self.is_ours(0) || self.is_ours(1)
    }

    fn is_ours(self, side: usize) -> bool {
        match self {
            Self::OursToOurs => true,
            Self::OursToSmol => side == 0,
            Self::SmolToOurs => side == 1,
            Self::SmolToSmol => false,
        }
    }
}

/// All that a seed decides.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) seed: u64,
    pub(crate) pairing: Pairing,
    pub(crate) addresses: [IpAddr; 2],
    pub(crate) mtu: usize,
    pub(crate) buffers: [usize; 2],
    pub(crate) conditions: [Conditions; 2],
    pub(crate) scripts: [Script; 2],
    /// What our engine's connections are like.
    pub(crate) settings: [Settings; 2],
}

/// What one run came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verdict {
    pub(crate) outcomes: [Outcome; 2],
    pub(crate) took: Nanos,
    pub(crate) lost: u64,
    pub(crate) sent: u64,
}

/// No run takes longer, in virtual time.
pub(crate) const BOUND: Nanos = Nanos::from_secs(3600);

const PORT: u16 = 4711;

impl Setup {
    pub(crate) fn from_seed(seed: u64, pairing: Pairing) -> Self {
        let mut random = Rng::with_seed(seed);
        let (addresses, least_mtu): ([&str; 2], f64) = if random.bool() {
            (["10.0.0.1", "10.0.0.2"], 576.0)
        } else {
            (["fd00::1", "fd00::2"], 1280.0)
        };
        let mtu = log_uniform(&mut random, least_mtu, 9000.0);
        let conditions = [(); 2].map(|()| conditions(&mut random, mtu));
        let buffers = [(); 2].map(|()| log_uniform(&mut random, 2048.0, 262_144.0));
        Self {
            seed,
            pairing,
            addresses: addresses.map(|address| address.parse().expect("an address")),
            mtu,
            buffers,
            conditions,
            scripts: scripts(&mut random),
            settings: buffers.map(|buffer| settings(&mut random, buffer)),
        }
    }

    /// Runs it; the capture is there if asked for, whatever happens.
    pub(crate) fn run(&self, capture: &mut Option<Pcap>) -> Result<Verdict, String> {
        let mut random = Rng::with_seed(!self.seed);
        let [mut client, mut server] = [0, 1].map(|side| Host {
            node: self.node(side, random.u64(..)),
            talker: Talker::new(self.scripts[side].clone(), random.u64(..)),
            link: Link::new(self.conditions[side], random.u64(..)).expect("conditions are possible"),
        });
        server.node.listen(PORT);
        let to = SocketAddr::new(self.addresses[1], PORT);
        let connection = client.node.connect(Time::ZERO, to);
        client.talker.talks_on(connection);
        let mut world = World::new(client, server);
        world.trace = capture.take();
        let ran = world.run(BOUND);
        *capture = world.trace.take();
        ran.and_then(|()| self.judge(&world))
            .map_err(|error| format!("{error} ({}) under {self}", world.state()))
    }

    fn node(&self, side: usize, seed: u64) -> Box<dyn Node> {
        let (address, buffer) = (self.addresses[side], self.buffers[side]);
        if self.pairing.is_ours(side) {
            Box::new(Ours::new(address, self.mtu, self.settings[side], seed))
        } else {
            Box::new(Smol::new(address, self.mtu, buffer, seed))
        }
    }

    /// Whether the outcomes are ones that the links explain; that the bytes were right was seen on the way.
    fn judge(&self, world: &World) -> Result<Verdict, String> {
        let outcomes = [&world.client, &world.server].map(|host| host.talker.outcome());
        let [Some(client), Some(server)] = outcomes else {
            return Err("a side has no outcome".into());
        };
        let aborted = client == Outcome::Aborted || server == Outcome::Aborted;
        // A connection may fail where one in ten questions or answers gets lost: its patience ends.
        let lost = self.conditions.iter().map(lost_share).sum::<f64>();
        // A bad time lasts for a number of packets: for a sender that backs off that is long.
        let bad = lost > 0.1 || self.conditions.iter().any(|link| link.burst.is_some());
        for (outcome, other) in [(client, server), (server, client)] {
            let explained = match outcome {
                Outcome::Complete | Outcome::Aborted => true,
                Outcome::Failed(Failure::Reset) => aborted || bad && other != Outcome::Complete,
                Outcome::Forsaken | Outcome::Failed(Failure::TimedOut) => bad || aborted,
                Outcome::Failed(Failure::Untold) => aborted || bad,
            };
            if !explained {
                return Err("a failure that nothing explains".to_string());
            }
        }
        let counters = world.counters();
        Ok(Verdict {
            outcomes: [client, server],
            took: world.now - Time::ZERO,
            lost: counters
                .iter()
                .map(|link| link.lost + link.lost_in_burst + link.queue_full + link.corrupted)
                .sum(),
            sent: counters.iter().map(|link| link.sent).sum(),
        })
    }
}

/// The share of packets that a link does not bring whole, apart from its queue.
fn lost_share(conditions: &Conditions) -> f64 {
    let in_bursts = conditions.burst.map_or(0.0, |burst| {
        burst.begins / (burst.begins + burst.ends) * burst.loss
    });
    conditions.loss + conditions.corruption + in_bursts
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            seed, mtu, buffers, ..
        } = self;
        write!(f, "seed {seed}: MTU {mtu}, buffers {buffers:?}")?;
        for (who, side) in [("client", 0), ("server", 1)] {
            let script = &self.scripts[side];
            let Script {
                closes_first,
                aborts_at,
                rests,
                chunk,
                ..
            } = script;
            write!(
                f,
                "\n  {who} says {} bytes in chunks of {chunk}, ",
                script.says.len()
            )?;
            write!(
                f,
                "closes first: {closes_first}, aborts at {aborts_at:?}, rests {rests:.2}"
            )?;
            write!(f, "\n  {who}'s link {:?}", self.conditions[side])?;
        }
        Ok(())
    }
}

/// A number whose every order of magnitude is as probable as any other.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between two positive numbers that fit"
)]
fn log_uniform(random: &mut Rng, least: f64, most: f64) -> usize {
    (least.ln() + random.f64() * (most.ln() - least.ln())).exp() as usize
}

/// Each evil is absent in half of the runs, and else comes with a probability of up to 20 %.
fn conditions(random: &mut Rng, mtu: usize) -> Conditions {
    let mut evil = || if random.bool() { 0.0 } else { 0.2 * random.f64() };
    let (loss, reordering, duplication, corruption) = (evil(), evil(), evil(), evil());
    let micros = |micros: usize| Duration::from_micros(micros as u64);
    let delay = micros(log_uniform(random, 1.0, 200_000.0));
    Conditions {
        delay,
        jitter: delay.mul_f64(random.f64()),
        rate: NonZeroU64::new(log_uniform(random, 50_000.0, 1e9) as u64).filter(|_| random.bool()),
        queue: 2 * mtu + log_uniform(random, 1.0, 262_144.0),
        loss,
        burst: (random.u8(..) < 64).then(|| Burst {
            begins: 0.01 * random.f64(),
            ends: 0.1 + 0.9 * random.f64(),
            loss: random.f64(),
        }),
        reordering,
        held_back: delay.mul_f64(2.0 * random.f64()) + micros(100),
        duplication,
        corruption,
        mtu,
    }
}

fn settings(random: &mut Rng, buffer: usize) -> Settings {
    let buffer = u32::try_from(buffer).expect("a buffer is small");
    Settings {
        send_budget: buffer,
        receive_budget: buffer,
        delayed_ack: Nanos::from_millis(if random.bool() { 0 } else { 40 }),
        nagle: random.bool(),
        // Who only listens finds out that its peer is gone.
        keep_alive: Some(KeepAlive {
            idle: Nanos::from_secs(60),
            interval: Nanos::from_secs(10),
            probes: 12,
        }),
        congestion: random
            .choice([CongestionControl::Cubic, CongestionControl::NewReno])
            .expect("there are some"),
        timestamps: random.u8(..) < 192,
        sack: random.u8(..) < 192,
        window_scaling: random.u8(..) < 192,
        ..Settings::default()
    }
}

fn scripts(random: &mut Rng) -> [Script; 2] {
    let [one, two] = [(); 2].map(|()| {
        // Nothing at all is a message too.
        let mut bytes = vec![0; log_uniform(random, 1.0, 100_000.0) - 1];
        random.fill(&mut bytes);
        bytes
    });
    let closing = random.u8(0..3);
    let mut script = |says: &Vec<u8>, hears: &Vec<u8>, side: u8| Script {
        says: says.clone(),
        hears: hears.clone(),
        closes_first: closing != side,
        aborts_at: (random.u8(..) < 16).then(|| random.usize(1..=hears.len().max(1))),
        rests: if random.bool() { 0.0 } else { 0.1 * random.f64() },
        chunk: log_uniform(random, 16.0, 65_536.0).max(says.len().max(hears.len()) / 100),
    };
    [script(&one, &two, 0), script(&two, &one, 1)]
}

/// What many runs came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) runs: u64,
    pub(crate) complete: u64,
    pub(crate) aborted: u64,
    pub(crate) failed: u64,
    pub(crate) sent: u64,
    pub(crate) lost: u64,
    pub(crate) longest: Nanos,
}

impl Tally {
    pub(crate) fn count(&mut self, verdict: &Verdict) {
        self.runs += 1;
        let is = |outcome| verdict.outcomes.contains(&outcome);
        if is(Outcome::Aborted) {
            self.aborted += 1;
        } else if verdict.outcomes == [Outcome::Complete; 2] {
            self.complete += 1;
        } else {
            self.failed += 1;
        }
        self.sent += verdict.sent;
        self.lost += verdict.lost;
        self.longest = self.longest.max(verdict.took);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            runs,
            complete,
            aborted,
            failed,
            sent,
            lost,
            longest,
        } = self;
        write!(
            f,
            "{runs} runs: {complete} complete, {aborted} aborted, {failed} failed as the links explain; "
        )?;
        write!(f, "{lost} of {sent} packets lost; the longest took {longest}")
    }
}
