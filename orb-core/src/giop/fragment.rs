// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sending a message in pieces (CORBA 3.3 Part 2 §9.4.9).

use super::{HEADER_SIZE, MessageHeader, MessageType};
use crate::cdr::{Endian, Version};

/// The request id that precedes the content of a GIOP 1.2 fragment.
const ID_SIZE: usize = 4;

/// One piece of a message: what to send first, and then what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment<'a> {
    head: [u8; HEADER_SIZE + ID_SIZE],
    head_size: usize,
    content: &'a [u8],
}

impl<'a> Fragment<'a> {
    /// Returns the header, and the request id that GIOP 1.2 repeats after it.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        self.head.get(..self.head_size).unwrap_or_default()
    }

    /// Returns the piece of the message's content.
    #[must_use]
    pub fn content(&self) -> &'a [u8] {
        self.content
    }
}

/// Cuts a message into pieces of at most `limit` octets each, headers included, but at least 32: the
/// message itself and then [`MessageType::Fragment`]s. GIOP 1.0 has no fragments and 1.1 only those of
/// requests and replies, so there, and where it is small enough, the message stays whole.
///
/// `message` must be one whole message with its header, as [`super::finish`] leaves it.
#[must_use]
pub fn fragments(message: &[u8], limit: usize) -> Fragments<'_> {
    let (header, content) = match message.split_first_chunk() {
        Some((header, content)) => (MessageHeader::decode(header).ok(), content),
        None => (None, &[][..]),
    };
    let limit = match header {
        Some(header) if can_be_fragmented(&header) => limit.max(32),
        _ => usize::MAX,
    };
    // In GIOP 1.2 each piece but the last is a multiple of eight, and the first octets of every
    // content are the request id.
    let id = content.first_chunk().copied().unwrap_or_default();
    Fragments {
        header,
        content,
        id,
        room: limit / 8 * 8,
        first: true,
    }
}

/// The pieces of a message.
#[derive(Clone, Debug)]
pub struct Fragments<'a> {
    header: Option<MessageHeader>,
    content: &'a [u8],
    id: [u8; ID_SIZE],
    room: usize,
    first: bool,
}

impl<'a> Iterator for Fragments<'a> {
    type Item = Fragment<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut header = self.header?;
        let mut head_size = HEADER_SIZE;
        if !self.first {
            header.message_type = MessageType::Fragment;
            if header.version >= Version::V1_2 {
                head_size += ID_SIZE;
            }
        }
        let cut = self.content.len().min(self.room.saturating_sub(head_size));
        let (content, rest) = self.content.split_at_checked(cut)?;
        header.more_fragments = !rest.is_empty();
        header.size = u32::try_from(content.len() + head_size - HEADER_SIZE).ok()?;
        self.content = rest;
        self.first = false;
        if rest.is_empty() {
            self.header = None;
        }
        let mut head = [0; HEADER_SIZE + ID_SIZE];
        for (to, from) in head.iter_mut().zip(header.encode().into_iter().chain(self.id)) {
            *to = from;
        }
        Some(Fragment {
            head,
            head_size,
            content,
        })
    }
}

/// §9.4.9: requests and replies in GIOP 1.1, the locate messages too in 1.2.
pub(super) fn can_be_fragmented(header: &MessageHeader) -> bool {
    match header.message_type {
        MessageType::Request | MessageType::Reply => header.version >= Version::V1_1,
        MessageType::LocateRequest | MessageType::LocateReply => header.version >= Version::V1_2,
        MessageType::Fragment => true,
        _ => false,
    }
}

/// Reads the request id at the start of GIOP 1.2 content.
pub(super) fn leading_id(content: &[u8], endian: Endian) -> Option<u32> {
    let octets = content.first_chunk().copied()?;
    Some(match endian {
        Endian::Big => u32::from_be_bytes(octets),
        Endian::Little => u32::from_le_bytes(octets),
    })
}
