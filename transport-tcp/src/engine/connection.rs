// SPDX-License-Identifier: MIT OR Apache-2.0
//! One connection: its state, and what its user and its timers do to it.

pub(crate) mod input;
mod output;
mod stateless;

#[cfg(test)]
mod tests;

use rtu::{Nanos, Time};
use transport_apic::Payload;

use super::{
    Error, Malformed, SendError, Settings,
    receiver::{LEAST_MSS, Receiver},
    segment::{Flags, Segment},
    sender::Sender,
    sequence::Seq,
    stack::icmp::Trouble,
    wire::{Endpoints, LONGEST_V6, Path, TCP, TCP_HEADER},
};

/// The state of a connection (RFC 9293 §3.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Not a connection yet, or no longer.
    Closed,
    /// Waits for a peer to begin.
    Listen,
    /// Has sent SYN and waits for the peer's.
    SynSent,
    /// Has both SYNs and waits for its own to be acknowledged.
    SynReceived,
    /// Open both ways.
    Established,
    /// Has sent FIN.
    FinWait1,
    /// Has sent FIN, which was acknowledged; the peer may go on sending.
    FinWait2,
    /// The peer has sent FIN; we may go on sending.
    CloseWait,
    /// Both have sent FIN, and ours is not acknowledged yet.
    Closing,
    /// The peer has sent FIN before us, and ours is not acknowledged yet.
    LastAck,
    /// Closed both ways; waits until nothing of it is left in the network.
    TimeWait,
}

impl State {
    /// Whether both sequence spaces are known.
    pub(crate) fn is_synchronized(self) -> bool {
        !matches!(
            self,
            Self::Closed | Self::Listen | Self::SynSent | Self::SynReceived
        )
    }

    /// Whether there is something of the peer's to acknowledge.
    fn may_acknowledge(self) -> bool {
        self.is_synchronized() || self == Self::SynReceived
    }

    /// Whether our side may still send what is queued, FIN among it.
    fn may_transmit(self) -> bool {
        matches!(
            self,
            Self::Established | Self::CloseWait | Self::FinWait1 | Self::Closing | Self::LastAck
        )
    }
}

/// What has happened to a connection since it was asked last. Each is told once, however often it happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// The connection is open.
    pub connected: bool,
    /// There is something to take.
    pub readable: bool,
    /// There is room to send again, after there was none.
    pub writable: bool,
    /// The peer sends no more: after what is there, there is nothing to take.
    pub peer_closed: bool,
    /// Both sides are closed, or the connection has failed: see [`Connection::error`].
    pub closed: bool,
}

/// How often something happened on a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Segments received, acceptable or not.
    pub received: u64,
    /// Segments sent, with those sent again.
    pub sent: u64,
    /// Segments with octets or FIN that were sent again.
    pub retransmitted: u64,
    /// Segments that were not acceptable: old, or none of this connection.
    pub unacceptable: u64,
    /// Segments of which some payload was dropped for want of room for its pieces.
    pub dropped: u64,
}

/// A TCP connection without I/O (RFC 9293). Packets go in and come out; payload is never copied.
///
/// It can be used alone, where packets of one connection come their own way: on a channel there is no table to look in.
/// [`receive`](Self::receive) takes what comes. [`transmit`](Self::transmit) is called until it gives nothing, after any
/// other call and at [`deadline`](Self::deadline).
#[derive(Debug)]
pub struct Connection<P> {
    state: State,
    /// What goes out in a hurry: something may be sent, and nobody has asked since.
    pending: bool,
    /// The user takes and sends no more.
    forgotten: bool,
    /// There was no room, and the user waits for some.
    blocked: bool,
    probe_window: bool,
    events: Events,
    sender: Sender<P>,
    receiver: Receiver<P>,
    clock: Clock,
    path: Path,
    /// Octets of a packet that the path takes.
    mtu: usize,
    settings: Settings,
    handshake: Handshake,
    /// A segment outside of the sequence of things: RST.
    reply: Option<Segment>,
    /// When TIME-WAIT or the wait for a peer that does not close is over.
    until: Option<Time>,
    heard: Time,
    /// Keep-alive probes since.
    probes: u32,
    challenges: Challenges,
    error: Option<Error>,
    /// What ICMP said, in case it comes to nothing (RFC 5461).
    soft_error: Option<Error>,
    counters: Counters,
}

/// The timestamps of both ends (RFC 7323).
#[derive(Debug, Default)]
struct Clock {
    /// Both ends send them.
    on: bool,
    /// What is added to our milliseconds, so that they tell nothing about us (§7.1).
    offset: u32,
    /// TS.Recent, and when it was taken.
    recent: u32,
    recent_at: Time,
    /// Last.ACK.sent.
    acknowledged: Seq,
}

/// What only the handshake needs.
#[derive(Debug)]
struct Handshake {
    iss: Seq,
    /// Began with a peer's SYN: a failure is nobody's error.
    passive: bool,
    due: bool,
    /// When SYN was sent first and last, and how often.
    began: Time,
    last: Time,
    count: u32,
    /// What the peer offered.
    peer_mss: u16,
    peer_scale: Option<u8>,
}

/// Answers to segments that should not be, so many in a while: two ends that disagree must not flood each other, and a
/// stranger learns nothing by counting (RFC 5961 §7).
#[derive(Debug, Default)]
struct Challenges {
    since: Time,
    count: u32,
}

impl<P: Payload> Connection<P> {
    /// Makes a connection that begins now: active OPEN. `isn` is its initial sequence number (see
    /// [`SequenceNumbers`](super::SequenceNumbers)), `mtu` the longest packet that the link takes, in octets; over
    /// 65,535 only for a link over IPv4 whose other end knows the same.
    #[must_use]
    pub fn connect(now: Time, endpoints: Endpoints, isn: u32, mtu: usize, settings: Settings) -> Self {
        let mut connection = Self::new(now, endpoints, isn, mtu, settings);
        connection.open(now);
        connection
    }

    /// Makes a connection that waits for the peer to begin: passive OPEN with a peer that is known.
    #[must_use]
    pub fn listen(now: Time, endpoints: Endpoints, isn: u32, mtu: usize, settings: Settings) -> Self {
        let mut connection = Self::new(now, endpoints, isn, mtu, settings);
        connection.state = State::Listen;
        connection.handshake.passive = true;
        connection
    }

    fn new(now: Time, endpoints: Endpoints, isn: u32, mtu: usize, settings: Settings) -> Self {
        let iss = Seq(isn);
        let budget = settings.receive_budget;
        let most = if endpoints.remote.is_ipv4() {
            usize::MAX
        } else {
            LONGEST_V6
        };
        let mtu = mtu.min(most);
        Self {
            state: State::Closed,
            pending: false,
            forgotten: false,
            blocked: false,
            probe_window: false,
            events: Events::default(),
            sender: Sender::new(iss, &settings),
            receiver: Receiver::new(budget, settings.most_pieces(budget), settings.delayed_ack),
            clock: Clock {
                // Any number will do, as long as it is another one for another connection.
                offset: isn.rotate_left(16),
                ..Clock::default()
            },
            path: Path::new(endpoints, TCP, settings.checksums).over(mtu),
            mtu,
            handshake: Handshake {
                iss,
                passive: false,
                due: false,
                began: now,
                last: now,
                count: 0,
                peer_mss: 0,
                peer_scale: None,
            },
            settings,
            reply: None,
            until: None,
            heard: now,
            probes: 0,
            challenges: Challenges::default(),
            error: None,
            soft_error: None,
            counters: Counters::default(),
        }
    }

    /// Begins a connection that has only listened so far: active OPEN of a passive one (RFC 9293 §3.10.1). Elsewhere nothing
    /// happens.
    pub fn open(&mut self, now: Time) {
        if matches!(self.state, State::Closed | State::Listen) && self.error.is_none() {
            self.state = State::SynSent;
            self.handshake.passive = false;
            self.handshake.began = now;
            self.handshake.due = true;
            self.pending = true;
        }
    }

    /// Queues `piece`; it is let go when the peer has acknowledged all of it. What is sent before the connection is open goes
    /// out as it opens.
    ///
    /// # Errors
    ///
    /// [`SendError::Full`] if the connection's budget does not take it (a piece longer than that is never taken, unless
    /// nothing else is queued), [`SendError::Closed`] if the sending side is closed. The piece is in the error.
    pub fn send(&mut self, piece: P) -> Result<(), SendError<P>> {
        match self.state {
            State::Listen | State::SynSent | State::SynReceived | State::Established | State::CloseWait => {}
            _ => return Err(SendError::Closed(piece)),
        }
        if self.forgotten || self.sender.is_finishing() {
            return Err(SendError::Closed(piece));
        }
        let length = u32::try_from(piece.len()).ok().filter(|length| *length < 1 << 30);
        let Some(length) = length.filter(|length| self.sender.takes(*length)) else {
            self.blocked = true;
            return Err(SendError::Full(piece));
        };
        if length > 0 {
            self.sender.queue(piece, length);
            self.pending = true;
        }
        Ok(())
    }

    /// Returns how many octets may still be queued.
    pub fn room(&self) -> usize {
        self.sender.room() as usize
    }

    /// Returns how many octets the peer's window has room for, after what is queued, and the budget too: those would go out
    /// at once, but for congestion. 0 before the connection is open.
    pub fn usable(&self) -> usize {
        self.sender.usable() as usize
    }

    /// Returns how many octets may be under way at a time, in and out, while nothing is; `None` before the connection is open.
    /// The first is our window at its widest, the other what the peer's and the budget have in common.
    pub fn windows(&self) -> Option<(usize, usize)> {
        let (receive, send) = (self.receiver.most_window(), self.sender.widest());
        (send > 0).then_some((receive as usize, send as usize))
    }

    /// Changes [`Settings::receive_budget`] and [`Settings::send_budget`] from now on. A window that was shown is not taken back
    /// (RFC 9293 §3.8.6.2.1), and one that is open grows no further than its scale allows.
    pub fn set_budgets(&mut self, receive: u32, send: u32) {
        let settings = &mut self.settings;
        (settings.receive_budget, settings.send_budget) = (receive, send);
        self.receiver.resize(receive, settings.most_pieces(receive));
        self.sender.resize(send, settings.most_pieces(send));
        self.pending |= self.receiver.is_due(Time::ZERO);
    }

    /// Takes the next piece that has come in order, where it lies, and opens the window by it. None if there is none; then
    /// [`is_finished`](Self::is_finished) tells whether there will be.
    pub fn recv(&mut self) -> Option<P> {
        let piece = self.take()?;
        self.consumed(piece.len());
        Some(piece)
    }

    /// Takes the next piece as [`recv`](Self::recv) does, and leaves the window as it is until [`consumed`](Self::consumed):
    /// for memory that is the connection's own, and free only when it is let go.
    pub fn take(&mut self) -> Option<P> {
        self.receiver.take()
    }

    /// Opens the window by `octets` of what was taken.
    pub fn consumed(&mut self, octets: usize) {
        self.receiver.consumed(u32::try_from(octets).unwrap_or(u32::MAX));
        self.pending |= self.receiver.is_due(Time::ZERO);
    }

    /// Sends an acknowledgement that waits for something to go with, if there is one: nothing will go out for a while.
    pub fn acknowledge(&mut self) {
        if self.receiver.deadline().is_some() {
            self.receiver.acknowledge_now();
            self.pending = true;
        }
    }

    /// Returns whether something has come in order that was not taken yet.
    pub fn is_readable(&self) -> bool {
        self.receiver.has_ready()
    }

    /// Returns whether the peer has closed, or the connection is over, and everything was taken.
    pub fn is_finished(&self) -> bool {
        let open = matches!(
            self.state,
            State::Listen
                | State::SynSent
                | State::SynReceived
                | State::Established
                | State::FinWait1
                | State::FinWait2
        );
        !open && !self.receiver.has_ready()
    }

    /// Closes the sending side, after what is queued: CLOSE of RFC 9293 §3.10.4. The peer may go on sending.
    pub fn shutdown(&mut self, now: Time) {
        match self.state {
            State::Listen | State::SynSent => self.enter_closed(None),
            State::SynReceived | State::Established => {
                self.sender.finish();
                if self.state == State::Established {
                    self.state = State::FinWait1;
                }
            }
            State::CloseWait => {
                self.sender.finish();
                self.state = State::LastAck;
            }
            _ => {}
        }
        self.heard = self.heard.max(now);
        self.pending = true;
    }

    /// Closes both sides: what is queued is still sent, and what comes is an error of the peer's. If something has come that
    /// was not taken, the peer is told so with a reset (RFC 9293 §3.6.1).
    pub fn close(&mut self, now: Time) {
        if self.receiver.has_ready() && self.state.is_synchronized() && self.state != State::TimeWait {
            return self.abort();
        }
        self.forgotten = true;
        self.shutdown(now);
        if self.state == State::FinWait2 {
            self.until = Some(now + self.settings.orphan_timeout);
        }
    }

    /// Ends the connection at once: the peer gets a reset, and what was queued is let go (RFC 9293 §3.10.5).
    pub fn abort(&mut self) {
        if self.state.is_synchronized() && self.state != State::TimeWait || self.state == State::SynReceived {
            self.reply = Some(Segment {
                seq: self.sender.nxt,
                ack: self.receiver.nxt,
                flags: Flags::RST | Flags::ACK,
                ..Segment::default()
            });
        }
        self.forgotten = true;
        self.pending = true;
        self.receiver.clear();
        self.enter_closed(None);
    }

    /// Takes the news that the path takes packets of no more than `mtu` octets. Longer ones than before are not believed in,
    /// and less than the least that IP allows is not either (RFC 8201 §4, RFC 1191 §3).
    pub fn shorten_packets(&mut self, mtu: usize) {
        let least = if self.path.endpoints.remote.is_ipv4() {
            552
        } else {
            1280
        };
        let mtu = mtu.max(least);
        if mtu < self.mtu {
            self.mtu = mtu;
            if self.state.is_synchronized() {
                self.sender.shorten(self.segment_size());
            }
            self.pending = true;
        }
    }

    /// Returns where the connection is.
    pub fn state(&self) -> State {
        self.state
    }

    /// Returns why the connection is over, if it failed.
    pub fn error(&self) -> Option<Error> {
        self.error
    }

    /// Returns who talks to whom.
    pub fn endpoints(&self) -> Endpoints {
        self.path.endpoints
    }

    /// Returns how often something happened.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Returns the smoothed round-trip time; none before one was measured.
    pub fn round_trip(&self) -> Option<Nanos> {
        self.sender.rtt.smoothed()
    }

    /// Returns what happened since the last call.
    pub fn take_events(&mut self) -> Events {
        std::mem::take(&mut self.events)
    }

    /// Returns whether the connection is over and has nothing more to say.
    pub fn is_over(&self) -> bool {
        self.state == State::Closed && self.reply.is_none()
    }

    /// Returns whether there may be something to [`transmit`](Self::transmit) at once, whatever the time.
    pub fn is_pending(&self) -> bool {
        self.pending
    }

    /// Returns when [`transmit`](Self::transmit) must be called at the latest: [`Time::ZERO`] for at once, none for not
    /// before something else is called.
    pub fn deadline(&self) -> Option<Time> {
        if self.pending {
            return Some(Time::ZERO);
        }
        let handshake = matches!(self.state, State::SynSent | State::SynReceived)
            .then(|| self.handshake.last + self.sender.rtt.timeout());
        let receiver = self.receiver.deadline().filter(|_| self.state.may_acknowledge());
        [
            handshake,
            self.keep_alive_at(),
            self.until,
            receiver,
            self.sender.deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// When a peer that is silent is asked whether it is there (RFC 9293 §3.8.4).
    fn keep_alive_at(&self) -> Option<Time> {
        let keep_alive = self.settings.keep_alive?;
        let wanted = matches!(
            self.state,
            State::Established | State::CloseWait | State::FinWait2
        ) && self.sender.is_idle();
        wanted.then(|| self.heard + keep_alive.idle + keep_alive.interval * u64::from(self.probes))
    }

    /// Takes what ICMP says about the segment `seq` of ours.
    pub(crate) fn on_trouble(&mut self, seq: Seq, trouble: Trouble) {
        if seq < self.sender.una || seq >= self.sender.nxt {
            return;
        }
        let opening = matches!(self.state, State::SynSent | State::SynReceived);
        match trouble {
            Trouble::TooBig(mtu) => self.shorten_packets(mtu),
            Trouble::Hard if opening => self.enter_closed(Some(Error::Refused)),
            // Not believed of a connection that works: RFC 5461 §2.2, RFC 9293 §3.9.2.2.
            Trouble::Hard | Trouble::Soft => self.soft_error = Some(Error::Unreachable),
        }
    }

    fn enter_closed(&mut self, error: Option<Error>) {
        if self.state != State::TimeWait && self.state != State::Closed {
            self.events.closed = true;
        }
        self.state = State::Closed;
        self.error = error;
        self.until = None;
        self.sender.clear();
        self.receiver.acknowledged();
    }

    fn enter_time_wait(&mut self, now: Time) {
        if self.state != State::TimeWait {
            self.events.closed = true;
        }
        self.state = State::TimeWait;
        self.sender.clear();
        self.until = Some(now + self.settings.time_wait);
    }

    /// What a full segment has of payload, by what the peer offered and the path takes (RFC 6691).
    fn segment_size(&self) -> u32 {
        let offered = match self.handshake.peer_mss {
            0 => LEAST_MSS,
            // As much as the path takes: RFC 2675 §5.2.
            u16::MAX => u32::MAX,
            mss => u32::from(mss).max(SMALLEST_MSS),
        };
        let options = if self.clock.on {
            Segment::TIMESTAMPED - TCP_HEADER
        } else {
            0
        };
        let options = u32::try_from(options).unwrap_or(0);
        offered.min(self.longest_segment()).max(SMALLEST_MSS) - options
    }

    /// What we offer: all ones for any length.
    fn own_mss(&self) -> u16 {
        u16::try_from(self.longest_segment()).unwrap_or(u16::MAX)
    }

    /// The payload of a packet without options that the link takes.
    fn longest_segment(&self) -> u32 {
        let payload = self.mtu.saturating_sub(self.path.ip_header() + TCP_HEADER);
        u32::try_from(payload).unwrap_or(u32::MAX)
    }
}

/// A peer that offers less wants to see us work.
const SMALLEST_MSS: u32 = 64;

impl Challenges {
    /// Whether one more answer is allowed.
    fn allow(&mut self, now: Time) -> bool {
        const MOST: u32 = 10;
        const WHILE: Nanos = Nanos::from_millis(500);
        if now - self.since > WHILE {
            self.since = now;
            self.count = 0;
        }
        self.count += 1;
        self.count <= MOST
    }
}

impl Clock {
    fn value(&self, now: Time) -> u32 {
        milliseconds(now).wrapping_add(self.offset)
    }

    /// The latest moment at which our clock said `echo`.
    fn sent(&self, now: Time, echo: u32) -> Option<Time> {
        let age = self.value(now).wrapping_sub(echo);
        let sent = (now.0 / 1_000_000).checked_sub(u64::from(age))?;
        Some(Time((sent + 1) * 1_000_000))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the clock of timestamps wraps around"
)]
fn milliseconds(now: Time) -> u32 {
    (now.0 / 1_000_000) as u32
}
