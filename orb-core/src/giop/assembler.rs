// SPDX-License-Identifier: MIT OR Apache-2.0
//! Octets in, whole messages out.

use bytes::{Bytes, BytesMut};

use super::fragment::{can_be_fragmented, leading_id};
use super::{GiopError, HEADER_SIZE, Message, MessageHeader, MessageType};
use crate::cdr::{Pieces, Version};

/// How large a message may be unless the ORB is told otherwise: 64 MiB.
pub const DEFAULT_MESSAGE_LIMIT: usize = 64 << 20;

/// What one step of growing a large message's buffer adds at least.
const GROWTH: usize = 1 << 20;

/// What a peer may make an [`Assembler`] hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The octets of one message, and of all fragmented messages in progress together. Defaults to
    /// [`DEFAULT_MESSAGE_LIMIT`].
    pub message: usize,
    /// How many fragmented messages may be in progress. Defaults to 32.
    pub fragmented: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: DEFAULT_MESSAGE_LIMIT,
            fragmented: 32,
        }
    }
}

/// A message of which some fragments came.
#[derive(Debug)]
struct Partial {
    /// Which message; GIOP 1.1 has no ids, and one such message at a time.
    id: Option<u32>,
    header: MessageHeader,
    octets: BytesMut,
    /// Its request was taken back: what still comes of it is thrown away.
    cancelled: bool,
}

/// Finds the messages in what a connection delivers, and joins their fragments (CORBA 3.3 Part 2
/// §9.4.9).
///
/// It owns the receive buffer: receive into [`Assembler::buffer`], then take messages with
/// [`Assembler::next_message`] until there are none. Messages share the buffer, so nothing is copied;
/// once they are dropped, the buffer is used again, so nothing is allocated either.
#[derive(Debug)]
pub struct Assembler {
    buffer: BytesMut,
    /// What follows in the message that is under way, if that is received in pieces. Then the buffer has its beginning.
    pieces: Pieces,
    limits: Limits,
    partials: Vec<Partial>,
    /// The octets in `partials`.
    pub(super) held: usize,
}

impl Default for Assembler {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Assembler {
    /// Makes an assembler, which holds no memory yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            buffer: BytesMut::new(),
            pieces: Pieces::default(),
            limits,
            partials: Vec::new(),
            held: 0,
        }
    }

    /// Changes how large a message may be; one that has begun is seen by the new limit too.
    pub fn limit_messages(&mut self, bytes: usize) {
        self.limits.message = bytes;
    }

    /// Returns the buffer to append received octets to, with room for the message that is under way
    /// (a very large one step by step, so that nobody makes us reserve what he does not send) and at
    /// least `room` octets.
    pub fn buffer(&mut self, room: usize) -> &mut BytesMut {
        let wanted = self.wanted().min(GROWTH.max(self.buffer.len()));
        self.buffer.reserve(wanted.max(room));
        &mut self.buffer
    }

    /// Returns how many octets are missing from the message that is under way: at least those of its
    /// header. 0 if there is a whole message to take, or a wrong one.
    #[must_use]
    pub fn wanted(&self) -> usize {
        let Some(header) = self.buffer.first_chunk() else {
            return HEADER_SIZE - self.buffer.len();
        };
        match MessageHeader::decode(header).and_then(|header| self.total(&header)) {
            Ok(total) => total.saturating_sub(self.buffer.len() + self.pieces.len()),
            Err(_) => 0,
        }
    }

    /// Returns how many octets are missing from the message that is under way, if they may be received in pieces; else 0.
    /// Once one of them was, all of them must be.
    #[must_use]
    pub fn wanted_in_pieces(&self) -> usize {
        let Some(Ok(header)) = self.buffer.first_chunk().map(MessageHeader::decode) else {
            return 0;
        };
        let carries_data = matches!(header.message_type, MessageType::Request | MessageType::Reply);
        if carries_data && self.is_simple(&header) {
            self.wanted()
        } else {
            0
        }
    }

    /// Returns whether the message that is under way is received in pieces.
    #[inline]
    #[must_use]
    pub fn is_in_pieces(&self) -> bool {
        !self.pieces.is_empty()
    }

    /// Returns where to put what is received in pieces: no more than is [wanted so](Self::wanted_in_pieces).
    pub fn pieces(&mut self) -> &mut Pieces {
        &mut self.pieces
    }

    /// Whether a message is no fragment, and comes between none.
    fn is_simple(&self, header: &MessageHeader) -> bool {
        !header.more_fragments && self.partials.is_empty() && header.message_type != MessageType::Fragment
    }

    /// Tells whether nothing was received that was not taken: no part of a message, no fragment.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.buffer.is_empty() && self.partials.is_empty()
    }

    /// Gives up the buffer's memory while there is nothing in it.
    pub fn release(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }

    /// Takes a buffer to receive into, if there is none yet; one that is given around serves many connections.
    #[inline]
    pub fn lend(&mut self, buffer: impl FnOnce() -> BytesMut) {
        if self.buffer.capacity() == 0 {
            self.buffer = buffer();
        }
    }

    /// Gives the buffer back while there is nothing in it.
    pub fn take_buffer(&mut self) -> Option<BytesMut> {
        (self.buffer.is_empty() && self.buffer.capacity() != 0).then(|| std::mem::take(&mut self.buffer))
    }

    /// Takes the memory of a large message back, from its beginning, if nobody else holds it: so the next one comes
    /// to where this one was.
    pub fn recycle(&mut self, message: Message) {
        if self.buffer.is_empty() {
            // Lets go of its share first.
            self.buffer = BytesMut::new();
            if let Ok(mut buffer) = message.into_octets().try_into_mut() {
                buffer.clear();
                self.buffer = buffer;
            }
        }
    }

    /// Takes the next whole message, if there is one.
    ///
    /// # Errors
    /// [`GiopError`] when the peer broke the rules or a limit: nothing more can be taken then, and the
    /// connection is to be closed.
    pub fn next_message(&mut self) -> Result<Option<Message>, GiopError> {
        loop {
            let Some(octets) = self.buffer.first_chunk() else {
                return Ok(None);
            };
            let header = MessageHeader::decode(octets)?;
            let total = self.total(&header)?;
            if self.buffer.len() < total {
                return Ok(self.take_pieces(header, total));
            }
            if self.is_simple(&header) {
                let octets = self.buffer.split_to(total).freeze();
                return Ok(Some(Message::new(header, octets)));
            }
            if let Some(message) = self.take_fragment(header, total)? {
                return Ok(Some(message));
            }
        }
    }

    /// Takes a message that was received in pieces, if it is whole.
    fn take_pieces(&mut self, header: MessageHeader, total: usize) -> Option<Message> {
        if self.buffer.len() + self.pieces.len() < total {
            return None;
        }
        let pieces = std::mem::take(&mut self.pieces);
        Some(Message::in_pieces(header, self.buffer.split().freeze(), pieces))
    }

    /// Takes a message that is a fragment, or comes between fragments; returns what is whole now.
    #[cold]
    fn take_fragment(&mut self, header: MessageHeader, total: usize) -> Result<Option<Message>, GiopError> {
        self.check(&header)?;
        let octets = self.buffer.split_to(total).freeze();
        if header.message_type == MessageType::Fragment {
            return self.continue_with(header, &octets);
        }
        if header.more_fragments {
            self.begin(header, &octets)?;
            return Ok(None);
        }
        self.forget_cancelled(&header, &octets);
        Ok(Some(Message::new(header, octets)))
    }

    /// The size of a message with its header, within the limit.
    fn total(&self, header: &MessageHeader) -> Result<usize, GiopError> {
        let size = u64::from(header.size);
        match usize::try_from(size) {
            Ok(octets) if octets <= self.limits.message => Ok(octets + HEADER_SIZE),
            _ => Err(GiopError::TooLarge {
                size,
                limit: self.limits.message,
            }),
        }
    }

    /// Before any of a message is taken: may it be fragmented, may it come now?
    fn check(&self, header: &MessageHeader) -> Result<(), GiopError> {
        if header.more_fragments && !can_be_fragmented(header) {
            return Err(GiopError::NotFragmentable(header.message_type));
        }
        // GIOP 1.1 has no ids, so only the next fragment may follow a fragment; control messages,
        // which cannot be mistaken for one, do no harm.
        let carries_data = matches!(header.message_type, MessageType::Request | MessageType::Reply);
        if carries_data && self.partials.iter().any(|partial| partial.id.is_none()) {
            return Err(GiopError::NotFragmentable(header.message_type));
        }
        Ok(())
    }

    fn begin(&mut self, header: MessageHeader, octets: &Bytes) -> Result<(), GiopError> {
        let content = octets.get(HEADER_SIZE..).unwrap_or_default();
        let id = match header.version {
            Version::V1_1 => None,
            _ => Some(leading_id(content, header.endian).ok_or(GiopError::UnexpectedFragment)?),
        };
        if let Some(index) = self.position(id) {
            if !self.partials.get(index).is_some_and(|partial| partial.cancelled) {
                return Err(id.map_or(GiopError::FragmentMismatch, GiopError::DuplicateFragment));
            }
            self.partials.swap_remove(index);
        }
        if self.partials.len() >= self.limits.fragmented {
            self.partials.retain(|partial| !partial.cancelled);
        }
        if self.partials.len() >= self.limits.fragmented {
            return Err(GiopError::TooManyFragmented(self.limits.fragmented));
        }
        self.hold(octets.len())?;
        self.partials.push(Partial {
            id,
            header,
            octets: octets.as_ref().into(),
            cancelled: false,
        });
        Ok(())
    }

    fn continue_with(&mut self, header: MessageHeader, octets: &Bytes) -> Result<Option<Message>, GiopError> {
        let content = octets.get(HEADER_SIZE..).unwrap_or_default();
        let (id, content) = match header.version {
            Version::V1_1 => (None, content),
            _ => {
                let id = leading_id(content, header.endian).ok_or(GiopError::UnexpectedFragment)?;
                (Some(id), content.get(4..).unwrap_or_default())
            }
        };
        let index = self.position(id).ok_or(GiopError::UnexpectedFragment)?;
        let Some(partial) = self.partials.get_mut(index) else {
            return Ok(None);
        };
        if (partial.header.version, partial.header.endian) != (header.version, header.endian) {
            return Err(GiopError::FragmentMismatch);
        }
        if !partial.cancelled {
            partial.octets.extend_from_slice(content);
            self.hold(content.len())?;
        }
        if header.more_fragments {
            return Ok(None);
        }
        let partial = self.partials.swap_remove(index);
        self.held -= partial.octets.len();
        if partial.cancelled {
            Ok(None)
        } else {
            partial.into_message().map(Some)
        }
    }

    /// Of a request that is taken back while only its beginning is here, the rest may still come or
    /// not.
    fn forget_cancelled(&mut self, header: &MessageHeader, octets: &Bytes) {
        if header.message_type != MessageType::CancelRequest {
            return;
        }
        let id = octets
            .get(HEADER_SIZE..)
            .and_then(|content| leading_id(content, header.endian));
        let partial = self
            .partials
            .iter_mut()
            .find(|partial| id.is_some() && partial.id == id);
        if let Some(partial) = partial {
            partial.cancelled = true;
            self.held -= std::mem::take(&mut partial.octets).len();
        }
    }

    fn position(&self, id: Option<u32>) -> Option<usize> {
        self.partials.iter().position(|partial| partial.id == id)
    }

    fn hold(&mut self, octets: usize) -> Result<(), GiopError> {
        let held = self.held.saturating_add(octets);
        let limit = self.limits.message.saturating_add(HEADER_SIZE);
        if held > limit {
            let size = u64::try_from(held).unwrap_or(u64::MAX);
            return Err(GiopError::TooLarge {
                size,
                limit: self.limits.message,
            });
        }
        self.held = held;
        Ok(())
    }
}

impl Partial {
    fn into_message(mut self) -> Result<Message, GiopError> {
        let size = self.octets.len() - HEADER_SIZE;
        self.header.more_fragments = false;
        self.header.size = u32::try_from(size).map_err(|_| GiopError::TooLarge {
            size: u64::MAX,
            limit: usize::MAX,
        })?;
        if let Some(start) = self.octets.first_chunk_mut() {
            *start = self.header.encode();
        }
        Ok(Message::new(self.header, self.octets.freeze()))
    }
}
