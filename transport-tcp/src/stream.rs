// SPDX-License-Identifier: MIT OR Apache-2.0
//! A byte stream: one connection of the engine over one reliable channel, which carries nothing else.
//!
//! Pure: whoever owns it gives it the time. What arrives is copied out of the channel once, into the memory in which
//! messages are put together and interpreted, so that a peer cannot change under us what was checked. Where memory is
//! shared, bulk can be handed on where it lies instead, if whoever takes it does not interpret it.

mod queue;

use std::{io::IoSlice, mem, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use orb_core::transport::Direction;
use rtu::{Nanos, Time};
use transport_apic::{Channel, Closed, Integrity, Interest, Packet, Payload, Refusal, Short};

use crate::{
    engine::{Checksums, CongestionControl, Connection, Endpoints, Error, Settings, State},
    tapping::Tapping,
};

/// How many packets are taken in before those in charge look at what became of them.
const BURST: usize = 64;

/// The largest window that there is (RFC 7323 §2.3).
const MOST: usize = 1 << 30;

/// What is worth being sent of something that does not fit as a whole.
const LITTLE: usize = 4096;

/// The longest piece of what is copied: as much as is copied while the peer takes the piece before in.
const LONGEST_COPIED: usize = 1 << 20;

/// The least room that a connection has in each direction.
const LEAST_ROOM: usize = 128 * 1024;

/// A piece so large is not copied together with what comes before it: it may be handed on where it lies.
const BULK: usize = 16 * 1024;

/// The most that comes to lie as one, and is handed on so; what is larger is copied out while it is still coming in, and
/// needs no more memory than is on the way.
const MOST_AS_ONE: usize = 16 << 20;

/// How much of a window is for what stays where its sender has it, and finds no memory at its receiver because it needs none:
/// two messages of the longest kind. What has to be copied leaves so much of the window alone.
const IN_PLACE: usize = 2 * MOST_AS_ONE;

/// What there is no clock for: what a reliable channel takes arrives, as long as both ends live, and who is gone is noticed
/// by the channel.
const NEVER: Nanos = Nanos::from_secs(1 << 32);

/// One connection over one channel.
#[derive(Debug)]
pub(crate) struct Stream<C: Channel> {
    channel: C,
    connection: Connection<C::Payload>,
    /// The packet that goes, and the one that comes: used again and again.
    outgoing: Packet<C::Payload>,
    incoming: Packet<C::Payload>,
    /// What comes and is short.
    short: Short,
    /// The longest of what is sent that is short.
    most_short: usize,
    /// The channel had no room for the one that goes: it goes first.
    refused: bool,
    /// A piece of what has come that did not fit where it was to go, or of which more is to come before it is handed on.
    rest: Option<C::Payload>,
    /// What has come after it and does not lie right behind.
    next: Option<C::Payload>,
    /// More of the rest is waited for.
    gathering: bool,
    /// How much of the bulk that is being sent is yet to be placed, right behind what was.
    behind: usize,
    /// Whether bulk may be handed on where it lies.
    shares: bool,
    /// The longest piece that goes with one segment.
    longest: usize,
    /// How much of what has come finds memory until it is taken.
    holds: usize,
    /// A notification was asked for.
    armed: bool,
    /// Somebody waits to be told of room.
    wants_room: bool,
    /// Nothing came or went since all was said: there is nothing to do before something does.
    settled: bool,
    /// Who looks at its packets.
    tapping: Arc<Tapping>,
}

/// How a stream came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Ended {
    /// The channel did.
    #[error(transparent)]
    Channel(#[from] Closed),
    /// The connection did.
    #[error(transparent)]
    Connection(#[from] Error),
    /// It was closed here.
    #[error("the connection was closed at this end")]
    Here,
}

/// What there was to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// So many octets, appended; never 0. If they leave room, there were no more, or bulk is next.
    Octets(usize),
    /// Nothing for now.
    Nothing,
    /// The peer sends no more.
    End,
}

impl<C: Channel> Stream<C> {
    /// Begins a connection over `channel`.
    pub(crate) fn connect(channel: C, endpoints: Endpoints, isn: u32, now: Time) -> Self {
        Self::new(channel, |mtu, settings| {
            Connection::connect(now, endpoints, isn, mtu, settings)
        })
    }

    /// Waits for the peer to begin one.
    pub(crate) fn listen(channel: C, endpoints: Endpoints, isn: u32, now: Time) -> Self {
        Self::new(channel, |mtu, settings| {
            Connection::listen(now, endpoints, isn, mtu, settings)
        })
    }

    fn new(channel: C, make: impl FnOnce(usize, Settings) -> Connection<C::Payload>) -> Self {
        let properties = channel.properties();
        debug_assert!(properties.reliable, "nothing is sent again");
        // One segment can wait while another is on its way.
        let longest = properties.mtu.saturating_sub(HEADERS).min(LONGEST_COPIED);
        let longest = longest.min(properties.holds / 2);
        let shares = properties.integrity == Integrity::Shared;
        Self {
            connection: make(properties.mtu, reliable(properties.holds, shares)),
            most_short: channel.longest_short().saturating_sub(HEADERS),
            channel,
            outgoing: Packet::default(),
            incoming: Packet::default(),
            short: Short::new(),
            refused: false,
            rest: None,
            next: None,
            gathering: false,
            behind: 0,
            shares,
            longest: longest.max(1),
            holds: properties.holds,
            armed: false,
            wants_room: false,
            settled: false,
            tapping: Arc::default(),
        }
    }

    /// Bounds what is on its way in, and what is sent and not taken by the peer yet, in octets, to no less than 128 KiB. What
    /// stays where its sender has it is counted with the rest, unless the peer was shown a window for that before: it goes
    /// by the widest that it saw, so that stays as it is.
    pub(crate) fn set_budgets(&mut self, receive: usize, send: usize) {
        let octets = |wanted: usize, least: usize, in_place: usize| {
            let wanted = wanted.clamp(least, MOST - IN_PLACE);
            u32::try_from(wanted + in_place).unwrap_or(u32::MAX)
        };
        let shown = self.connection.windows().map_or(0, |(receive, _)| receive);
        let receive = if queue::reserved(shown) > 0 {
            u32::try_from(shown).unwrap_or(u32::MAX)
        } else {
            octets(receive.min(self.holds), LEAST_ROOM.min(self.holds), 0)
        };
        self.connection
            .set_budgets(receive, octets(send, LEAST_ROOM, IN_PLACE));
        self.settled = false;
    }

    /// Moves what has come and what is to go; returns whether the connection is open.
    ///
    /// # Errors
    ///
    /// Why it came to its end.
    pub(crate) fn open(&mut self, now: Time) -> Result<bool, Ended> {
        self.take_in(now)?;
        self.put_out(now)?;
        self.alive()?;
        Ok(!matches!(
            self.connection.state(),
            State::Listen | State::SynSent | State::SynReceived
        ))
    }

    /// Sends as much of `parts` as goes out now, and returns how many octets that was. So nothing is kept here that would
    /// need somebody to come back for it.
    ///
    /// # Errors
    ///
    /// Why it came to its end.
    pub(crate) fn send(&mut self, parts: &[IoSlice<'_>], now: Time) -> Result<usize, Ended> {
        // Who does not get on asks again.
        self.wants_room = false;
        self.settled = false;
        let mut sent = self.send_short(parts, now)?;
        if sent > 0 {
            return Ok(sent);
        }
        sent = self.queue(parts, now)?;
        if sent == 0 {
            // What has come may acknowledge something, and make room.
            self.take_in(now)?;
            sent = self.queue(parts, now)?;
        }
        self.put_out(now)?;
        if sent == 0 {
            self.alive()?;
        }
        Ok(sent)
    }

    /// Writes what is short straight into the channel, if nothing is in its way; all of it, or 0.
    fn send_short(&mut self, parts: &[IoSlice<'_>], now: Time) -> Result<usize, Ended> {
        let (octets, at) = (parts.iter().map(|part| part.len()).sum(), elapsed(now));
        let most = self.most_short.min(self.usable());
        let short = octets <= most && parts.len() <= Packet::<()>::PIECES;
        // The end of bulk lies behind the rest of it.
        let fits = short && self.behind == 0 && !self.refused && self.channel.may_transmit(at).is_ok();
        if !fits || !self.connection.transmit_carried(now, octets, &mut self.outgoing) {
            return Ok(0);
        }
        let headers = self.outgoing.headers.as_ref();
        match self.channel.transmit_short(headers, parts, at) {
            Ok(()) => {}
            Err(Refusal::Closed(closed)) => return Err(closed.into()),
            Err(error) => tracing::error!(%error, octets, "a packet that was promised a slot"),
        }
        let payload = parts.iter().map(|part| &part[..]);
        self.tapping.see_parts(Direction::Sent, headers, payload);
        self.channel.publish();
        Ok(octets)
    }

    /// Takes what has come, as far as there is room behind what is in `buffer`.
    ///
    /// # Errors
    ///
    /// Why it came to its end, if the peer did not close in good order.
    pub(crate) fn receive(&mut self, buffer: &mut BytesMut, now: Time) -> Result<Received, Ended> {
        let before = buffer.len();
        let mut count = self.copy_out(buffer, before);
        // What is left although there is room is bulk.
        while buffer.len() < buffer.capacity() && self.rest.is_none() {
            let ended = match self.take_short(buffer, now) {
                Ok(0) => match self.take_in(now) {
                    Ok(true) => None,
                    Ok(false) => break,
                    Err(ended) => Some(ended),
                },
                Ok(octets) => {
                    count += octets;
                    continue;
                }
                Err(ended) => Some(ended),
            };
            count += self.copy_out(buffer, before);
            match ended {
                Some(_) if count > 0 || self.connection.is_finished() => break,
                Some(ended) => return Err(ended),
                None => {}
            }
        }
        if count > 0 {
            self.acknowledge_at_once(now);
            return Ok(Received::Octets(count));
        }
        if self.connection.is_finished() {
            self.put_out(now).ok();
            return self.alive().map(|()| Received::End);
        }
        self.rest(now)?;
        Ok(Received::Nothing)
    }

    /// Hands on the next `most` octets where they lie, once they are all there; or fewer, if what comes next does not lie
    /// right behind. None of them is the end; `Ok(None)` is nothing for now.
    ///
    /// # Errors
    ///
    /// Why it came to its end, if the peer did not close in good order.
    pub(crate) fn hand_on(&mut self, most: usize, now: Time) -> Result<Option<Bytes>, Ended>
    where
        C::Payload: Into<Bytes>,
    {
        loop {
            if self.gather(most) {
                return Ok(self.gathered(most));
            }
            self.acknowledge_at_once(now);
            match self.take_in(now) {
                Ok(true) => {}
                Ok(false) => break,
                // What came before is taken first.
                Err(_) if self.connection.is_readable() => {}
                Err(ended) if !self.connection.is_finished() => return Err(ended),
                Err(_) => break,
            }
        }
        if self.connection.is_finished() {
            self.put_out(now).ok();
            return match self.gathered(most) {
                None => self.alive().map(|()| Some(Bytes::new())),
                gathered => Ok(gathered),
            };
        }
        self.rest(now)?;
        Ok(None)
    }

    /// Joins what comes next to the rest; returns whether that is all there will be of it.
    fn gather(&mut self, most: usize) -> bool {
        self.gathering = true;
        while self.rest.as_ref().is_none_or(|rest| rest.len() < most) {
            let Some(next) = self.next.take().or_else(|| self.connection.recv()) else {
                return false;
            };
            match &mut self.rest {
                None => self.rest = Some(next),
                Some(rest) => {
                    if !rest.join(&next) {
                        self.next = Some(next);
                        break;
                    }
                }
            }
        }
        true
    }

    /// Takes at most so many octets of the rest.
    fn gathered(&mut self, most: usize) -> Option<Bytes>
    where
        C::Payload: Into<Bytes>,
    {
        self.gathering = false;
        let mut whole = self.rest.take()?;
        if whole.len() > most {
            self.rest = Some(whole.slice(most..whole.len()));
            whole = whole.slice(0..most);
        }
        Some(whole.into())
    }

    /// Acknowledgements go with what is sent next, unless the peer waits for one.
    fn acknowledge_at_once(&mut self, now: Time) {
        if self.connection.is_pending() {
            self.put_out(now).ok();
        }
    }

    /// Sends what only waits for something to go with: nobody knows when that will be.
    pub(crate) fn rest(&mut self, now: Time) -> Result<(), Ended> {
        if !self.settled {
            self.connection.acknowledge();
            self.put_out(now)?;
            self.settled = !self.refused;
        }
        Ok(())
    }

    /// Asks for a notification of what comes, and of `room` if that is wanted; `false` if there is something already, or the
    /// end has come. What waits for something to go with goes out before.
    pub(crate) fn arm(&mut self, room: bool, now: Time) -> bool {
        let interest = self.interest(room, now);
        self.armed = interest.is_some_and(|interest| self.channel.arm(interest));
        self.armed
    }

    /// Returns what of the channel somebody has to wait for who waits for what comes, and for `room` if that is wanted; `None`
    /// if there is something already, or the end has come. What waits for something to go with goes out before.
    pub(crate) fn interest(&mut self, room: bool, now: Time) -> Option<Interest> {
        let is_there = self.next.is_some() || (self.rest.is_some() && !self.gathering);
        if is_there || self.connection.is_readable() || self.rest(now).is_err() {
            return None;
        }
        self.wants_room |= room;
        let for_room = self.refused || (self.wants_room && self.usable() >= LITTLE);
        Some(if for_room {
            Interest::PacketsAndRoom
        } else {
            // An acknowledgement opens the window.
            Interest::Packets
        })
    }

    /// Takes that back.
    pub(crate) fn disarm(&mut self) {
        if mem::take(&mut self.armed) {
            self.channel.disarm();
        }
    }

    /// Returns where its packets can be looked at.
    pub(crate) fn tapping(&self) -> &Arc<Tapping> {
        &self.tapping
    }

    /// Returns what it travels on.
    pub(crate) fn channel(&self) -> &C {
        &self.channel
    }

    /// Returns what it travels on, to wait for it in a way of its own.
    pub(crate) fn channel_mut(&mut self) -> &mut C {
        &mut self.channel
    }

    /// Returns whether there is room now that somebody waits to be told of: once. Whoever takes notifications in has to pass
    /// this one on.
    pub(crate) fn has_found_room(&mut self) -> bool {
        let found = self.wants_room && !self.refused && self.usable() >= LITTLE && self.channel.has_slot();
        self.wants_room &= !found;
        found
    }

    /// Says that nothing more will be sent: what was, still arrives.
    pub(crate) fn shutdown_send(&mut self, now: Time) {
        self.settled = false;
        self.connection.shutdown(now);
        self.put_out(now).ok();
    }

    /// Ends both directions.
    pub(crate) fn shutdown(&mut self, now: Time) {
        self.shutdown_send(now);
        self.channel.close();
    }

    /// Copies what has come, up to bulk, unless that comes first; the buffer was so long `before`.
    fn copy_out(&mut self, buffer: &mut BytesMut, before: usize) -> usize {
        let start = buffer.len();
        self.gathering = false;
        while buffer.len() < buffer.capacity() {
            let rest = self.rest.take().or_else(|| self.next.take());
            let Some(piece) = rest.or_else(|| self.connection.recv()) else {
                break;
            };
            if self.shares && piece.len() >= BULK && buffer.len() > before {
                self.rest = Some(piece);
                break;
            }
            let room = buffer.capacity() - buffer.len();
            let whole = piece.as_ref();
            match whole.get(..room).filter(|part| part.len() < whole.len()) {
                None => buffer.extend_from_slice(whole),
                Some(part) => {
                    buffer.extend_from_slice(part);
                    self.rest = Some(piece.slice(room..piece.len()));
                }
            }
        }
        buffer.len() - start
    }

    /// Copies what is short and next from the channel to where it goes; 0 if there is nothing such.
    fn take_short(&mut self, buffer: &mut BytesMut, now: Time) -> Result<usize, Ended> {
        if !self.channel.peek_short(&mut self.short)? {
            return Ok(0);
        }
        let (headers, payload) = (self.short.headers(), self.short.payload());
        let fits = payload.len() <= buffer.capacity() - buffer.len();
        if !fits || !self.connection.receive_carried(now, headers, payload.len()) {
            return Ok(0);
        }
        let parts = std::iter::once(payload);
        self.tapping.see_parts(Direction::Received, headers, parts);
        buffer.extend_from_slice(payload);
        self.channel.take_short(&self.short);
        self.settled = false;
        Ok(self.short.payload().len())
    }

    /// Takes packets in, if there are some.
    fn take_in(&mut self, now: Time) -> Result<bool, Ended> {
        // Who looks whether the peer is there takes notifications in. Where somebody waits for one, that is left to him.
        let at = if self.armed { Duration::ZERO } else { elapsed(now) };
        for taken in 0..BURST {
            if !self.channel.receive_into(&mut self.incoming, at)? {
                return Ok(taken > 0);
            }
            self.settled = false;
            self.tapping.see(Direction::Received, &self.incoming);
            // What the engine refuses it has counted; the peer sends it again, or not.
            let _ = self.connection.receive(now, &mut self.incoming);
        }
        Ok(true)
    }

    fn put_out(&mut self, now: Time) -> Result<(), Ended> {
        while mem::take(&mut self.refused) || self.connection.transmit_into(now, &mut self.outgoing) {
            match self.channel.transmit(&self.outgoing, elapsed(now)) {
                Ok(()) => self.tapping.see(Direction::Sent, &self.outgoing),
                Err(Refusal::Closed(closed)) => return Err(closed.into()),
                Err(Refusal::TooLong) => {
                    tracing::error!(packet = ?self.outgoing, "a packet that no channel takes")
                }
                Err(_) => {
                    self.refused = true;
                    break;
                }
            }
        }
        self.channel.publish();
        Ok(())
    }

    fn alive(&self) -> Result<(), Ended> {
        match (self.connection.error(), self.connection.state()) {
            (Some(error), _) => Err(error.into()),
            (None, State::Closed) => Err(Ended::Here),
            _ => Ok(()),
        }
    }
}

/// Returns whether so much of one message is to be handed on where it lies, if memory is shared.
pub(crate) fn hands_on(octets: usize) -> bool {
    (BULK..=MOST_AS_ONE).contains(&octets)
}

/// How much of the window is for what stays where it lies.
fn in_place(shares: bool) -> usize {
    if shares { IN_PLACE } else { 0 }
}

/// Headers of the packets of a connection without options.
const HEADERS: usize = 40;

/// Settings for a channel on which nothing is lost: nothing is timed, and an idle connection needs nobody.
fn reliable(holds: usize, shares: bool) -> Settings {
    // As much as a channel's slots have room for: who sends bulk seldom waits for an acknowledgement.
    const BUDGET: usize = 4 << 20;
    let budget = |octets: usize| u32::try_from(octets).unwrap_or(u32::MAX);
    Settings {
        reliable: true,
        first_timeout: NEVER,
        least_timeout: NEVER,
        user_timeout: NEVER,
        delayed_ack: NEVER,
        timestamps: false,
        sack: false,
        checksums: Checksums::Offloaded,
        congestion: CongestionControl::Off,
        send_budget: budget(BUDGET + IN_PLACE),
        // What was sent within the window is never dropped for want of memory: nobody would send it again.
        receive_budget: budget(holds.min(BUDGET) + in_place(shares)),
        ..Settings::default()
    }
}

fn elapsed(now: Time) -> Duration {
    Duration::from_nanos(now.0)
}

#[cfg(test)]
mod tests;
