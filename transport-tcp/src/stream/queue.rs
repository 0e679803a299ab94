// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is sent and not short: where it lies, or placed where the channel transmits from.

use std::io::IoSlice;

use rtu::Time;
use transport_apic::{Channel, Packet, Payload};

use super::{BULK, Ended, IN_PLACE, LITTLE, Stream, hands_on};

impl<C: Channel> Stream<C> {
    /// Queues as much of `parts` as goes out now, and sends what fills packets.
    pub(super) fn queue(&mut self, parts: &[IoSlice<'_>], now: Time) -> Result<usize, Ended> {
        let (mut sent, mut pieces, mut gathered) = (0, 0, 0);
        for part in parts {
            let mut left = &part[..];
            while !left.is_empty() {
                let Some(placed) = self.place(left, self.longest - gathered) else {
                    return Ok(sent);
                };
                let length = placed.len();
                if self.connection.send(placed).is_err() {
                    return Ok(sent);
                }
                (sent, pieces, gathered) = (sent + length, pieces + 1, gathered + length);
                left = left.get(length..).unwrap_or_default();
                // What fits into one packet goes with one.
                if pieces == Packet::<()>::PIECES || gathered >= self.longest {
                    self.put_out(now)?;
                    (pieces, gathered) = (0, 0);
                }
            }
        }
        Ok(sent)
    }

    /// Returns how many octets of what finds memory at its receiver may be under way at a time, in and out; `None` before the
    /// connection is open.
    pub(crate) fn windows(&self) -> Option<(usize, usize)> {
        let (receive, send) = self.connection.windows()?;
        Some((receive - reserved(receive), send - reserved(send)))
    }

    /// How much more of that may be sent.
    pub(super) fn usable(&self) -> usize {
        let window = self.connection.windows().map_or(0, |(_, send)| send);
        self.connection.usable().saturating_sub(reserved(window))
    }

    /// The beginning of what lies where it is transmitted from, as much as goes out now. The peer would copy what is short.
    fn in_place(&self, whole: &C::Payload) -> Option<C::Payload> {
        let usable = self.connection.usable().min(whole.len());
        (usable >= whole.len().min(BULK)).then(|| whole.slice(0..usable))
    }

    /// Places the beginning of what is `left`, as much as goes out now with a packet that has so much room; or takes it as it
    /// lies, whatever the room.
    fn place(&mut self, left: &[u8], room: usize) -> Option<C::Payload> {
        if self.refused || !self.channel.has_slot() {
            return None;
        }
        if left.len() >= LITTLE
            && let Some(whole) = self.channel.frozen(left)
        {
            return self.in_place(&whole);
        }
        let usable = self.usable();
        if usable < left.len().min(LITTLE) {
            return None;
        }
        [room, room.min(LITTLE)].into_iter().find_map(|most| {
            let piece = left.get(..most.min(usable)).unwrap_or(left);
            let behind = left.len() - piece.len();
            self.place_bulk(piece, behind)
                .or_else(|| self.channel.place(piece))
        })
    }

    /// Places a piece of bulk, of which so much more is `behind`.
    fn place_bulk(&mut self, piece: &[u8], behind: usize) -> Option<C::Payload> {
        if self.behind == 0 && piece.len() + behind < BULK {
            return None;
        }
        self.behind = if hands_on(piece.len() + behind) || self.behind > 0 {
            behind
        } else {
            0
        };
        self.channel.place_run(piece, self.behind)
    }
}

/// How much of a window is for what stays where it lies. The first that is shown, in a SYN, has nothing for that.
pub(super) fn reserved(window: usize) -> usize {
    if window > IN_PLACE { IN_PLACE } else { 0 }
}
