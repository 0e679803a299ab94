// SPDX-License-Identifier: MIT OR Apache-2.0
//! What two applications say to each other on one connection, and whether each heard all of it.

use fastrand::Rng;
use rtu::{Nanos, Time};

use crate::node::{Connection, Failure, Node, Phase, Received};

/// What one side does with its connection.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    /// What it sends.
    pub(crate) says: Vec<u8>,
    /// What it must hear.
    pub(crate) hears: Vec<u8>,
    /// Whether it closes when it has sent all, or only when it has heard all too.
    pub(crate) closes_first: bool,
    /// It aborts once it has heard so many bytes.
    pub(crate) aborts_at: Option<usize>,
    /// The probability that it rests after it has read, so that its window fills up.
    pub(crate) rests: f64,
    /// The most bytes that it writes or reads at once.
    pub(crate) chunk: usize,
}

/// How it ended for one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All was sent and heard, and both sides closed.
    Complete,
    /// It aborted, as it was told.
    Aborted,
    /// The other side is gone, its reset was lost, and this one has nothing to send that would find out.
    Forsaken,
    /// The connection failed.
    Failed(Failure),
}

/// One side of a conversation.
pub(crate) struct Talker {
    script: Script,
    connection: Option<Connection>,
    said: usize,
    heard: usize,
    heard_end: bool,
    closed: bool,
    rests_until: Time,
    random: Rng,
    outcome: Option<Outcome>,
}

impl Talker {
    pub(crate) fn new(script: Script, seed: u64) -> Self {
        Self {
            script,
            connection: None,
            said: 0,
            heard: 0,
            heard_end: false,
            closed: false,
            rests_until: Time::ZERO,
            random: Rng::with_seed(seed),
            outcome: None,
        }
    }

    pub(crate) fn talks_on(&mut self, connection: Connection) {
        self.connection = Some(connection);
    }

    pub(crate) fn has_connection(&self) -> bool {
        self.connection.is_some()
    }

    /// How it ended, once it has.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// The other side is gone and will not say so.
    pub(crate) fn is_forsaken(&mut self) {
        self.outcome.get_or_insert(Outcome::Forsaken);
    }

    /// When it reads again, if it rests.
    pub(crate) fn wakes(&self, now: Time) -> Option<Time> {
        (self.outcome.is_none() && self.rests_until > now).then_some(self.rests_until)
    }

    /// For messages about a run that went wrong.
    pub(crate) fn progress(&self) -> String {
        let Script { says, hears, .. } = &self.script;
        format!(
            "said {} of {}, heard {} of {}{}{}, {:?}",
            self.said,
            says.len(),
            self.heard,
            hears.len(),
            if self.heard_end { " and the end" } else { "" },
            if self.closed { ", closed" } else { "" },
            self.outcome
        )
    }

    /// Does what can be done now; says whether anything was.
    pub(crate) fn step(&mut self, node: &mut dyn Node, now: Time) -> Result<bool, String> {
        let Some(connection) = self.connection.filter(|_| self.outcome.is_none()) else {
            return Ok(false);
        };
        // What had arrived before a reset is read first.
        let read = self.read(node, connection, now)?;
        if self.outcome.is_some() {
            return Ok(true);
        }
        match node.phase(connection) {
            Phase::Opening => return Ok(read),
            Phase::Failed(failure) => {
                self.outcome = Some(Outcome::Failed(failure));
                return Ok(true);
            }
            Phase::Over if self.heard_end && self.closed => {
                self.outcome = Some(Outcome::Complete);
                return Ok(true);
            }
            Phase::Over if !read && self.rests_until <= now => {
                return Err(format!("the connection is over with {}", self.progress()));
            }
            Phase::Open | Phase::Over => {}
        }
        let wrote = self.write(node, connection, now);
        Ok(read || wrote)
    }

    fn write(&mut self, node: &mut dyn Node, connection: Connection, now: Time) -> bool {
        if self.said < self.script.says.len() {
            let chunk = self.random.usize(1..=self.script.chunk);
            let upto = self.script.says.len().min(self.said + chunk);
            let took = node.send(now, connection, &self.script.says[self.said..upto]);
            self.said += took;
            return took > 0;
        }
        if !self.closed && (self.script.closes_first || self.heard_end) {
            node.close(now, connection);
            self.closed = true;
            return true;
        }
        false
    }

    fn read(&mut self, node: &mut dyn Node, connection: Connection, now: Time) -> Result<bool, String> {
        if self.heard_end || self.rests_until > now {
            return Ok(false);
        }
        let most = self.random.usize(1..=self.script.chunk);
        match node.recv(now, connection, most) {
            Received::Nothing => Ok(false),
            Received::Bytes(bytes) => {
                self.hear(&bytes)?;
                if self.script.aborts_at.is_some_and(|at| self.heard >= at) {
                    node.abort(now, connection);
                    self.outcome = Some(Outcome::Aborted);
                } else if self.random.f64() < self.script.rests {
                    self.rests_until = now + Nanos::from_millis(self.random.u64(1..3000));
                }
                Ok(true)
            }
            Received::End if self.heard == self.script.hears.len() => {
                self.heard_end = true;
                Ok(true)
            }
            Received::End => Err(format!("the end came too early: {}", self.progress())),
        }
    }

    fn hear(&mut self, bytes: &[u8]) -> Result<(), String> {
        let expected = self.script.hears.get(self.heard..self.heard + bytes.len());
        if expected == Some(bytes) {
            self.heard += bytes.len();
            return Ok(());
        }
        let expected = self.script.hears.get(self.heard..).unwrap_or_default();
        let good = bytes
            .iter()
            .zip(expected)
            .take_while(|(one, other)| one == other)
            .count();
        Err(format!(
            "wrong bytes from offset {} on: {}",
            self.heard + good,
            self.progress()
        ))
    }
}
