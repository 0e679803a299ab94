// SPDX-License-Identifier: MIT OR Apache-2.0
//! Handshakes that are not remembered: what SYN agreed on is told in our timestamp, whose echo brings it back (RFC 4987
//! §3.6 leaves the options out; this is what Linux does about it).

use rtu::Time;
use transport_apic::Payload;

use super::Connection;
use crate::engine::segment::{Flags, Segment};

/// The bits of a timestamp that tell options: four of the window's scale, one of SACK.
const BITS: u32 = 5;
const SCALE: u32 = 0b1111;
const SACK: u32 = 0b1_0000;
/// No scale that there may be.
const UNSCALED: u32 = 0b1111;

impl<P: Payload> Connection<P> {
    /// Has the timestamp of what is sent now tell the options that the peer's SYN offered.
    pub(crate) fn tell_options(&mut self, now: Time) {
        let scale = self
            .handshake
            .peer_scale
            .map_or(UNSCALED, |scale| u32::from(scale.min(14)));
        let told = scale | if self.sender.sack { SACK } else { 0 };
        let clock = self.clock.value(now);
        let mut value = clock >> BITS << BITS | told;
        if value > clock {
            // What is sent later must not be earlier.
            value = value.wrapping_sub(1 << BITS);
        }
        self.clock.offset = self.clock.offset.wrapping_add(value.wrapping_sub(clock));
        if !self.clock.on {
            // Nowhere to tell them: they are not used.
            self.handshake.peer_scale = None;
            self.sender.sack = false;
        }
    }

    /// Has a connection that listens be where it would be, had it remembered the SYN that `segment` follows. The peer
    /// offered `mss`.
    pub(crate) fn resume(
        &mut self,
        now: Time,
        mss: u16,
        segment: &Segment,
        pieces: impl IntoIterator<Item = P>,
    ) {
        let told = segment.timestamps.map(|timestamps| timestamps.echo);
        let scale = told.map(|told| told & SCALE).filter(|scale| *scale != UNSCALED);
        let syn = Segment {
            seq: segment.seq - 1,
            flags: Flags::SYN,
            window: segment.window,
            timestamps: segment.timestamps,
            mss: Some(mss),
            scale: scale.and_then(|scale| u8::try_from(scale).ok()),
            sack_permitted: told.is_some_and(|told| told & SACK != 0),
            ..Segment::default()
        };
        self.on_segment(now, &syn, None);
        self.handshake.due = false;
        self.on_segment(now, segment, pieces);
    }
}
