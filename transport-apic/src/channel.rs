// SPDX-License-Identifier: MIT OR Apache-2.0
//! One flow's circuit through the adapter, whatever carries it.

use std::io::IoSlice;
use std::time::Duration;

use crate::{Packet, Payload, Short};

/// A virtual circuit: packets go in at one end and come out at the other, for one flow only (or for one host: [`tun`](crate::tun)).
///
/// Nothing here blocks. `now` is the time since a beginning that the caller chose, the same for all calls; it never goes
/// back. What is transmitted stays the caller's: the channel counts references to payload for as long as it needs them.
///
/// ```no_run
/// # use std::time::Duration;
/// # use transport_apic::{Channel, Closed, Packet};
/// fn echo<C: Channel>(channel: &mut C, now: Duration) -> Result<(), Closed> {
///     let mut packet = Packet::default();
///     while channel.receive_into(&mut packet, now)? {
///         let _ = channel.transmit(&packet, now);
///     }
///     channel.publish();
///     Ok(())
/// }
/// ```
pub trait Channel {
    /// The memory that payload lies in.
    type Payload: Payload;

    /// Returns what holds of this channel for as long as it lives.
    fn properties(&self) -> Properties;

    /// Copies `bytes` to where this channel transmits from without another copy; `None` while there is no room, or if there
    /// never will be for so many.
    fn place(&mut self, bytes: &[u8]) -> Option<Self::Payload>;

    /// Copies `bytes` as [`place`](Self::place) does, as a piece of something large of which `behind` more bytes follow: if
    /// there is memory enough, they come to lie right behind, so that the other end can have all of it as one. Defaults to
    /// placing each piece for itself.
    fn place_run(&mut self, bytes: &[u8], _behind: usize) -> Option<Self::Payload> {
        self.place(bytes)
    }

    /// Returns `bytes` as payload without a copy, if they lie where this channel transmits from and nobody will write them any
    /// more before that is dropped. Defaults to `None`.
    fn frozen(&mut self, _bytes: &[u8]) -> Option<Self::Payload> {
        None
    }

    /// Returns whether there is a place on the transmit ring for one more packet.
    fn has_slot(&mut self) -> bool;

    /// Puts a packet on the transmit ring; the other end sees it after [`publish`](Self::publish).
    ///
    /// # Errors
    ///
    /// A [`Refusal`] that says what is in the way; then nothing of the packet was taken.
    fn transmit(&mut self, packet: &Packet<Self::Payload>, now: Duration) -> Result<(), Refusal>;

    /// Returns the longest packet that [`transmit_short`](Self::transmit_short) takes and [`peek_short`](Self::peek_short)
    /// gives: headers, rounded up to a whole number of 8 bytes, and payload. Defaults to 0: none.
    fn longest_short(&self) -> usize {
        0
    }

    /// Returns whether a short packet would be taken now.
    ///
    /// # Errors
    ///
    /// What is in the way.
    fn may_transmit(&mut self, _now: Duration) -> Result<(), Refusal> {
        if self.has_slot() {
            Ok(())
        } else {
            Err(Refusal::Full)
        }
    }

    /// Puts a short packet on the transmit ring: `headers`, and copies of `parts` behind them. They need no place of their own.
    ///
    /// # Errors
    ///
    /// What [`may_transmit`](Self::may_transmit) said, and nothing else, for one that is no longer than
    /// [`longest_short`](Self::longest_short); nothing of it was taken then.
    fn transmit_short(
        &mut self,
        _headers: &[u8],
        _parts: &[IoSlice<'_>],
        _now: Duration,
    ) -> Result<(), Refusal> {
        Err(Refusal::TooLong)
    }

    /// Copies the next packet on the receive ring, if it is a short one with payload, and leaves it there; false if not. So
    /// payload can be had where the caller wants it; who has no use for it so [receives](Self::receive_into) it.
    ///
    /// # Errors
    ///
    /// As [`receive_into`](Self::receive_into).
    fn peek_short(&mut self, _short: &mut Short) -> Result<bool, Closed> {
        Ok(false)
    }

    /// Takes off the receive ring what [`peek_short`](Self::peek_short) gave, and nobody received since.
    fn take_short(&mut self, _short: &Short) {}

    /// Shows the other end all that was transmitted since the last time, and wakes it if it asked for that.
    fn publish(&mut self);

    /// Takes the next packet off the receive ring into `packet`, which is used again and again; false if none has come, and
    /// nothing is in it then.
    ///
    /// # Errors
    ///
    /// [`Closed`] once all is received that came before the end, and from then on.
    fn receive_into(&mut self, packet: &mut Packet<Self::Payload>, now: Duration) -> Result<bool, Closed>;

    /// Takes the next packet off the receive ring, if one has come, as a packet of its own.
    ///
    /// # Errors
    ///
    /// As [`receive_into`](Self::receive_into).
    fn receive(&mut self, now: Duration) -> Result<Option<Packet<Self::Payload>>, Closed> {
        let mut packet = Packet::default();
        Ok(self.receive_into(&mut packet, now)?.then_some(packet))
    }

    /// Asks for a notification when something of `interest` happens; `false` if it is there already, and nothing was asked
    /// for. At most one notification comes for each time it is asked for: from then on they are masked.
    fn arm(&mut self, interest: Interest) -> bool;

    /// Takes back what [`arm`](Self::arm) asked for; a notification may be under way all the same.
    fn disarm(&mut self);

    /// Returns when it would have something to do without any notification: what is under way arrives, or its pace lets it
    /// transmit again; `None` if it waits for nothing of the kind.
    fn next_event(&self) -> Option<Duration> {
        None
    }

    /// Returns what this end has done so far.
    fn counters(&self) -> Counters;

    /// Ends the circuit; the other end receives what was published before, and then learns of it if the channel
    /// [says so](Properties::tells_end).
    fn close(&mut self);
}

/// What holds of a channel for as long as it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Properties {
    /// The longest packet, headers and payload, in bytes.
    pub mtu: usize,
    /// Whether what is published arrives, once, in order and unharmed, as long as both ends live.
    pub reliable: bool,
    /// What it takes for a packet.
    pub carries: Carries,
    /// Whether an end learns that the other one was closed, or is gone.
    pub tells_end: bool,
    /// What the receiver may believe of payload.
    pub integrity: Integrity,
    /// How many bytes of payload find memory at this end until its application drops some, however they come.
    pub holds: usize,
}

/// What a channel takes for a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    /// Any headers and any payload: nobody looks at them on the way.
    Anything,
    /// IP packets, whole in themselves: routers look at their headers, and change what is theirs to change.
    Ip,
}

/// What the receiver of payload may believe of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// It lies where its sender could still write it: never interpret it in place unless the sender is trusted not to.
    Shared,
    /// It was copied once to memory that the receiver alone can write.
    Copied,
}

/// What a sleeper waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Packets, or the end.
    Packets,
    /// The above; and room on the transmit ring or among the frames.
    PacketsAndRoom,
}

/// Why a packet was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The transmit ring is full until the other end has received.
    #[error("the transmit ring is full")]
    Full,
    /// It has payload that must be placed, and there is no frame for it until the other end, or the application, drops some.
    #[error("no frame is free to place the payload in")]
    NoFrame,
    /// It would exceed the channel's pace before that time.
    #[error("the channel's pace allows no more until {until:?}")]
    Paced {
        /// When it may go.
        until: Duration,
    },
    /// It is longer than the MTU, or cannot be described in a slot, and never can be sent.
    #[error("the packet is longer than the channel's MTU")]
    TooLong,
    /// It is no IP packet, on a channel that carries [nothing else](Carries::Ip).
    #[error("the packet is not IP, and the channel carries nothing else")]
    NotIp,
    /// The channel is at its end.
    #[error(transparent)]
    Closed(#[from] Closed),
}

/// Why a channel came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Closed {
    /// This end closed it.
    #[error("the channel was closed at this end")]
    Here,
    /// The other end closed it.
    #[error("the channel was closed by the peer")]
    ByPeer,
    /// The other end's process is gone, or hung up without a word.
    #[error("the channel's peer is gone")]
    PeerGone,
    /// The interface that it goes through was deleted.
    #[error("the channel's device is gone")]
    DeviceGone,
    /// The other end broke the rules.
    #[error("the channel's peer broke the rules: {0}")]
    Violation(#[from] Violation),
}

/// Which rule the other end broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// It published more slots than the ring has, or took back some.
    #[error("the index of its transmit ring is out of bounds")]
    PublishedIndex,
    /// It consumed slots that were not published.
    #[error("its index of our transmit ring is out of bounds")]
    ConsumedIndex,
    /// It returned more frames than the ring of completions has, or took back some.
    #[error("the index of its completion ring is out of bounds")]
    ReturnedIndex,
    /// It collected completions that were not there.
    #[error("its index of our completion ring is out of bounds")]
    CollectedIndex,
    /// A descriptor has longer headers than there are.
    #[error("a descriptor has longer headers than there are")]
    HeaderLength,
    /// A descriptor has more pieces, or more payload in its slot, than there may be.
    #[error("a descriptor has more payload than there may be")]
    PayloadLength,
    /// A descriptor names a frame that is none.
    #[error("a descriptor names a frame that is none")]
    FrameIndex,
    /// A descriptor leaves its frame.
    #[error("a descriptor leaves its frame")]
    FrameBounds,
    /// A frame was sent more often than anybody can count.
    #[error("a frame was sent too often before it came back")]
    FrameCount,
    /// A completion names a frame that is none, or was not out, or not so often.
    #[error("a completion is of a frame that was not out")]
    Completion,
    /// It rang when nobody had asked to be woken.
    #[error("it rang the doorbell when nobody slept")]
    Doorbell,
}

/// What one end of a channel has done; each counts from the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Packets transmitted.
    pub transmitted: u64,
    /// Their bytes, headers too.
    pub transmitted_bytes: u64,
    /// Packets received.
    pub received: u64,
    /// Their bytes, headers too.
    pub received_bytes: u64,
    /// Bytes of payload that were copied, on their way out or in.
    pub copied_bytes: u64,
    /// Times that the other end had to be woken, each a system call.
    pub wakes: u64,
    /// Packets that came and were dropped because no memory was left to take them: the application keeps what it received.
    pub discarded_no_memory: u64,
    /// Packets that came and were dropped because they were longer than may be, or made no sense.
    pub discarded_malformed: u64,
    /// Packets refused for [`Refusal::Full`].
    pub refused_full: u64,
    /// Packets refused for [`Refusal::NoFrame`].
    pub refused_no_frame: u64,
    /// Packets refused for [`Refusal::Paced`].
    pub refused_paced: u64,
    /// Packets refused for [`Refusal::TooLong`].
    pub refused_too_long: u64,
    /// Packets refused for [`Refusal::NotIp`].
    pub refused_not_ip: u64,
    /// Packets that were transmitted, and that the device would not take: its interface is down, or the machine forbids it.
    pub lost: u64,
}
