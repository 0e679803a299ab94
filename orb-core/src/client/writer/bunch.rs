// SPDX-License-Identifier: MIT OR Apache-2.0
//! Short messages of a burst: they are collected, and go out as one.

use std::{
    io::{self, IoSlice},
    sync::atomic::Ordering,
};

use bytes::BytesMut;

use super::{Patience, Surroundings, Turn, WriteError, Writer};

/// How many messages of a burst go out as one.
const BUNCH: usize = 16;

/// The octets of such messages: with headers they fit into a page.
const BUNCH_OCTETS: usize = 3584;

/// Messages of a burst that are to go out as one.
#[derive(Debug, Default)]
pub(super) struct Bunch {
    octets: BytesMut,
    messages: usize,
}

impl Bunch {
    /// Keeps the memory.
    pub(super) fn clear(&mut self) {
        self.octets.clear();
        self.messages = 0;
    }
}

impl Writer {
    /// Collects a message, to be sent along with those that follow; sends all once they are enough. Somebody must
    /// [flush](Self::flush_collected) what [was collected](Self::has_collected), before long.
    pub(crate) fn collect(
        &self,
        around: &impl Surroundings,
        message: &[u8],
        patience: Patience,
    ) -> Result<(), WriteError> {
        let mut parts = [IoSlice::new(message)];
        if !self.take_turn() {
            return self.send(around, &mut parts, patience);
        }
        let turn = Turn { writer: self, around };
        match turn.collect(message) {
            Some(messages) if messages < BUNCH => Ok(()),
            // From here on it may have gone out.
            Some(_) => turn.send_collected().map_err(WriteError::after_sending),
            None => turn.send(&mut parts, patience),
        }
    }

    /// Tells whether messages were collected that are yet to be sent.
    #[inline]
    pub(crate) fn has_collected(&self) -> bool {
        // Relaxed: who has collected something himself sees it, and the executive looks more than once.
        self.collected.load(Ordering::Relaxed)
    }

    /// Sends what was collected, or has whoever is sending do it.
    pub(crate) fn flush_collected(&self, around: &impl Surroundings) -> Result<(), WriteError> {
        if !self.ask_for_more() {
            return Ok(());
        }
        let turn = Turn { writer: self, around };
        turn.drain()
    }
}

impl<S: Surroundings> Turn<'_, S> {
    /// Adds a message to the bunch and returns how many that makes; `None` if it is too long for that, or there is a backlog:
    /// nothing is collected behind one, so that a bunch always comes before it.
    fn collect(&self, message: &[u8]) -> Option<usize> {
        let mut bunch = self.writer.bunch.lock();
        if self.writer.has_backlog() || bunch.octets.len() + message.len() > BUNCH_OCTETS {
            return None;
        }
        bunch.octets.extend_from_slice(message);
        bunch.messages += 1;
        self.writer.collected.store(true, Ordering::Relaxed);
        Some(bunch.messages)
    }

    /// Sends what was collected; what the link does not take now becomes a backlog.
    #[inline(never)]
    pub(super) fn send_collected(&self) -> Result<(), WriteError> {
        let mut bunch = self.writer.bunch.lock();
        self.writer.collected.store(false, Ordering::Relaxed);
        let result = self.send_or_keep(&bunch.octets);
        bunch.clear();
        result
    }

    fn send_or_keep(&self, mut octets: &[u8]) -> Result<(), WriteError> {
        while !octets.is_empty() && !self.writer.has_backlog() {
            match self.around.link().try_send(&[IoSlice::new(octets)]) {
                Ok(count) => octets = octets.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(WriteError::Broken { error, sent: false }),
            }
        }
        if octets.is_empty() {
            return Ok(());
        }
        self.keep(&[IoSlice::new(octets)])
    }
}
