// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two hosts, a cable between them, and a clock that jumps to whatever happens next.

use std::time::Duration;

use rtu::{Nanos, Time};
use transport_apic::sim::{Counters, Link};

use crate::node::Node;
use crate::pcap::Pcap;
use crate::talk::{Outcome, Talker};

/// One end of the cable.
pub(crate) struct Host {
    pub(crate) node: Box<dyn Node>,
    pub(crate) talker: Talker,
    /// What it sends goes in here.
    pub(crate) link: Link<Vec<u8>>,
}

impl Host {
    /// Talks, sends, and hands over what has arrived at the other end; gives how many steps that were.
    fn drive(&mut self, other: &mut Self, now: Time, trace: &mut Option<Pcap>) -> Result<u64, String> {
        let mut steps = u64::from(self.talker.step(self.node.as_mut(), now)?);
        while let Some(packet) = self.node.transmit(now).filter(|_| steps < STEPS_AT_ONCE) {
            steps += 1;
            if let Some(trace) = trace {
                trace.write(now, &packet);
            }
            self.link.send(since_start(now), packet);
        }
        // A timer may have ended the connection.
        steps += u64::from(self.talker.step(self.node.as_mut(), now)?);
        while let Some(packet) = self.link.receive(since_start(now)) {
            steps += 1;
            other.node.receive(now, packet);
        }
        Ok(steps)
    }
}

/// A client and a server.
pub(crate) struct World {
    pub(crate) client: Host,
    pub(crate) server: Host,
    pub(crate) now: Time,
    /// How many packets went in at either end, or a step was made, at most; so that no loop is endless.
    steps: u64,
    /// Deadlines in a row that had passed when they were set.
    vain: u32,
    pub(crate) trace: Option<Pcap>,
}

const VAIN: u32 = 1000;
/// Steps at one time, and in a whole run, after which two stacks are taken to talk for ever.
const STEPS_AT_ONCE: u64 = 20_000;
const STEPS: u64 = 2_000_000;

impl World {
    pub(crate) fn new(client: Host, server: Host) -> Self {
        Self {
            client,
            server,
            now: Time::ZERO,
            steps: 0,
            vain: 0,
            trace: None,
        }
    }

    /// Runs until both sides have an outcome and nothing is under way, or `bound` is reached.
    pub(crate) fn run(&mut self, bound: Nanos) -> Result<(), String> {
        loop {
            self.run_instant()?;
            if self.is_over() {
                return Ok(());
            }
            let Some(next) = self.next_event() else {
                return self.end_quietly();
            };
            // A deadline that has passed and changed nothing must not stop the clock, but is not the rule either.
            if next > self.now {
                self.vain = 0;
            } else {
                self.vain += 1;
            }
            if self.vain > VAIN {
                return Err("somebody wants to be asked at once, and then has nothing to say".to_owned());
            }
            self.now = next.max(self.now + Nanos(1));
            if self.now > Time::ZERO + bound {
                return Err(format!("not over after {bound}"));
            }
        }
    }

    /// How the run stands, for people.
    pub(crate) fn state(&self) -> String {
        format!(
            "at {}: client {}; server {}",
            self.now - Time::ZERO,
            self.client.talker.progress(),
            self.server.talker.progress()
        )
    }

    /// What the two directions did.
    pub(crate) fn counters(&self) -> [Counters; 2] {
        [self.client.link.counters(), self.server.link.counters()]
    }

    /// Does all that can be done without time passing.
    fn run_instant(&mut self) -> Result<(), String> {
        let at_most = STEPS.min(self.steps + STEPS_AT_ONCE);
        loop {
            let before = self.steps;
            if !self.server.talker.has_connection()
                && let Some(connection) = self.server.node.accept()
            {
                self.server.talker.talks_on(connection);
            }
            let Self {
                client,
                server,
                trace,
                ..
            } = self;
            self.steps += client.drive(server, self.now, trace)?;
            self.steps += server.drive(client, self.now, trace)?;
            if self.steps == before {
                return Ok(());
            }
            if self.steps > at_most {
                return Err(format!("no end of packets: {} steps", self.steps));
            }
        }
    }

    fn is_over(&self) -> bool {
        [&self.client, &self.server]
            .iter()
            .all(|host| host.talker.outcome().is_some())
    }

    /// Who waits for a side that is gone, and whose last word was lost, waits for ever without keep-alive.
    fn end_quietly(&mut self) -> Result<(), String> {
        let gone = |host: &Host| matches!(host.talker.outcome(), Some(Outcome::Aborted | Outcome::Failed(_)));
        if gone(&self.client) {
            self.server.talker.is_forsaken();
        }
        if gone(&self.server) {
            self.client.talker.is_forsaken();
        }
        self.is_over()
            .then_some(())
            .ok_or_else(|| "nothing will ever happen again".to_owned())
    }

    fn next_event(&mut self) -> Option<Time> {
        let now = self.now;
        [&mut self.client, &mut self.server]
            .into_iter()
            .flat_map(|host| {
                let arrives = host.link.next_arrival().map(|at| Time::ZERO + Nanos::from(at));
                [arrives, host.node.deadline(now), host.talker.wakes(now)]
            })
            .flatten()
            .min()
    }
}

fn since_start(now: Time) -> Duration {
    (now - Time::ZERO).into()
}
