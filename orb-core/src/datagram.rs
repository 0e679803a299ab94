// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages that travel in datagrams of their own, as TAO and JacORB send them by DIOP: which are taken, and which are lost.
//!
//! A datagram is one whole GIOP message: a Request that nobody waits for. There are no connections, so each says for itself all
//! that is to be known, such as its code sets. Ours are numbered by their senders, so that a server sees what it did not get.

mod senders;
mod stamp;

use crate::{
    cdr::Decoder,
    codeset::CodeSets,
    giop::{HEADER_SIZE, MessageHeader, MessageType, RequestHeader, ResponseFlags},
};

pub(crate) use self::{
    senders::{Arrival, Senders},
    stamp::{ID, Stamp, Stamps},
};

/// The most octets that a message may have to travel in a datagram: those of UDP over IPv4 (RFC 768, RFC 791 §3.1). IPv6 would
/// take 20 more, and a message must not depend on that.
pub const LONGEST: usize = 65_507;

/// What became of the datagrams that came to a server, until now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatagramCounters {
    /// Requests that were served.
    pub taken: u64,
    /// Dropped: not one whole GIOP message, but less, more, a fragment of one, or something else.
    pub malformed: u64,
    /// Dropped: longer than the server takes messages.
    pub too_long: u64,
    /// Dropped: a message that is to be answered, or that is no Request.
    pub unanswerable: u64,
    /// Dropped: one that had come before, or so late that nobody can tell.
    pub repeated: u64,
    /// Messages that had not come when a later one of the same sender did. Only senders that number theirs are counted.
    pub missing: u64,
    /// Missing ones that came after all, and were served.
    pub late: u64,
    /// Dropped before anybody saw them, for want of room: the server does not keep up. Those of senders that number theirs are
    /// missing as well.
    pub overruns: u64,
}

impl DatagramCounters {
    /// Returns how many messages were lost on their way, as far as their senders number them.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.missing.saturating_sub(self.late)
    }
}

/// Why a datagram is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Discarded {
    Malformed,
    TooLong,
    Unanswerable,
}

/// Checks that a datagram is one whole request without a reply, of at most `most` octets behind its header; returns its number,
/// if it has one.
pub(crate) fn read(datagram: &[u8], most: usize) -> Result<Option<Stamp>, Discarded> {
    let malformed = |_| Discarded::Malformed;
    let (header, content) = datagram.split_first_chunk().ok_or(Discarded::Malformed)?;
    let message = MessageHeader::decode(header).map_err(malformed)?;
    if usize::try_from(message.size) != Ok(content.len()) || message.more_fragments {
        return Err(Discarded::Malformed);
    }
    if content.len() > most {
        return Err(Discarded::TooLong);
    }
    if message.message_type != MessageType::Request {
        return Err(Discarded::Unanswerable);
    }
    let decoder = Decoder::new(content, message.endian, message.version, CodeSets::UNNEGOTIATED);
    let request = RequestHeader::decode(&mut decoder.with_origin(HEADER_SIZE));
    let request = request.map_err(|_| Discarded::Malformed)?;
    if request.response != ResponseFlags::None {
        return Err(Discarded::Unanswerable);
    }
    Ok(request.service_contexts.find(ID).and_then(Stamp::decode))
}

#[cfg(test)]
mod tests;
