// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whole messages, in both directions.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    CancelRequest, HEADER_SIZE, LocateReply, LocateRequest, MessageHeader, MessageType, ReplyHeader,
    RequestHeader,
};
use crate::cdr::{CdrError, Decoder, Encoder, Endian, Mark, OrbHandle, Pieces, Version};
use crate::codeset::CodeSets;

/// The header of a reply that needs no second look, but for its size.
const USUAL_REPLY: MessageHeader = MessageHeader {
    version: Version::V1_2,
    endian: Endian::NATIVE,
    more_fragments: false,
    message_type: MessageType::Reply,
    size: 0,
};

/// A whole message as it was received, its fragments joined.
#[derive(Clone, Debug)]
pub struct Message {
    header: MessageHeader,
    /// Header and content, so that positions in it are those of the wire; or their beginning.
    octets: Bytes,
    /// What follows, if that was received in pieces.
    pieces: Option<Arc<Pieces>>,
}

impl Message {
    pub(super) fn new(header: MessageHeader, octets: Bytes) -> Self {
        Self {
            header,
            octets,
            pieces: None,
        }
    }

    /// One that goes on in pieces.
    pub(super) fn in_pieces(header: MessageHeader, octets: Bytes, pieces: Pieces) -> Self {
        Self {
            header,
            octets,
            pieces: Some(Arc::new(pieces)),
        }
    }

    /// Returns the header; its size is that of the whole message.
    #[must_use]
    pub fn header(&self) -> &MessageHeader {
        &self.header
    }

    /// Returns what the message is.
    #[must_use]
    pub fn message_type(&self) -> MessageType {
        self.header.message_type
    }

    /// Returns the message's octets, header included, as far as they were received as one; bulk may follow in pieces.
    #[must_use]
    pub fn octets(&self) -> &Bytes {
        &self.octets
    }

    /// Returns the message's octets, its header included, and nothing else.
    pub(super) fn into_octets(self) -> Bytes {
        self.octets
    }

    /// Makes a decoder of what follows the message header.
    #[inline]
    #[must_use]
    pub fn decoder<'a>(&'a self, codesets: CodeSets, orb: Option<&'a Arc<dyn OrbHandle>>) -> Decoder<'a> {
        let content = self.octets.get(HEADER_SIZE..).unwrap_or_default();
        let decoder = Decoder::new(content, self.header.endian, self.header.version, codesets);
        self.go_on(decoder.with_origin(HEADER_SIZE).with_orb(orb))
    }

    #[inline]
    fn go_on<'a>(&'a self, decoder: Decoder<'a>) -> Decoder<'a> {
        match &self.pieces {
            None => decoder.with_source(&self.octets),
            Some(pieces) => decoder.with_pieces(&self.octets, pieces),
        }
    }

    /// Reads a request: its header, and a decoder at its body.
    ///
    /// # Errors
    /// [`CdrError`] if the header is malformed.
    #[inline]
    pub fn request<'a>(
        &'a self,
        codesets: CodeSets,
        orb: Option<&'a Arc<dyn OrbHandle>>,
    ) -> Result<(RequestHeader<'a>, Decoder<'a>), CdrError> {
        let mut decoder = self.decoder(codesets, orb);
        let content = self.octets.get(HEADER_SIZE..).unwrap_or_default();
        let common = if self.header.version == Version::V1_2 && self.header.endian == Endian::NATIVE {
            RequestHeader::decode_common(content)
        } else {
            None
        };
        let header = match common {
            Some((header, size)) => {
                decoder.skip(size)?;
                header
            }
            None => RequestHeader::decode(&mut decoder)?,
        };
        skip_padding(&mut decoder)?;
        Ok((header, decoder))
    }

    /// Reads a reply: its header, and a decoder at its body.
    ///
    /// # Errors
    /// [`CdrError`] if the header is malformed.
    pub fn reply<'a>(
        &'a self,
        codesets: CodeSets,
        orb: Option<&'a Arc<dyn OrbHandle>>,
    ) -> Result<(ReplyHeader<'a>, Decoder<'a>), CdrError> {
        let mut decoder = self.decoder(codesets, orb);
        let header = ReplyHeader::decode(&mut decoder)?;
        skip_padding(&mut decoder)?;
        Ok((header, decoder))
    }

    /// Makes a decoder of the results if this is a plain reply: GIOP 1.2 in our byte order, no exception, no service
    /// contexts. Spares reading the header of the reply that is usual.
    #[inline]
    pub(crate) fn plain_results<'a>(
        &'a self,
        codesets: CodeSets,
        orb: Option<&'a Arc<dyn OrbHandle>>,
    ) -> Option<Decoder<'a>> {
        // Request id, status NO_EXCEPTION, and the number of service contexts; then the body is aligned.
        const BODY: usize = HEADER_SIZE + 12;
        let usual = MessageHeader {
            size: self.header.size,
            ..USUAL_REPLY
        };
        let (start, body) = self.octets.split_at_checked(BODY)?;
        if self.header != usual || start.get(HEADER_SIZE + 4..)? != [0; 8] {
            return None;
        }
        let decoder = Decoder::new(body, Endian::NATIVE, Version::V1_2, codesets);
        Some(self.go_on(decoder.with_origin(BODY).with_orb(orb)))
    }

    /// Reads a locate request.
    ///
    /// # Errors
    /// [`CdrError`] if the header is malformed.
    pub fn locate_request(&self) -> Result<LocateRequest<'_>, CdrError> {
        LocateRequest::decode(&mut self.decoder(CodeSets::UNNEGOTIATED, None))
    }

    /// Reads the answer to a locate request: its header, and a decoder at its body.
    ///
    /// # Errors
    /// [`CdrError`] if the header is malformed.
    pub fn locate_reply<'a>(
        &'a self,
        codesets: CodeSets,
        orb: Option<&'a Arc<dyn OrbHandle>>,
    ) -> Result<(LocateReply, Decoder<'a>), CdrError> {
        let mut decoder = self.decoder(codesets, orb);
        Ok((LocateReply::decode(&mut decoder)?, decoder))
    }

    /// Reads the request id that is taken back.
    ///
    /// # Errors
    /// [`CdrError`] if the message is too short.
    pub fn cancel_request(&self) -> Result<CancelRequest, CdrError> {
        CancelRequest::decode(&mut self.decoder(CodeSets::UNNEGOTIATED, None))
    }

    /// Returns the request id of whatever message has one, as far as it can be read even where the
    /// rest of the header is malformed.
    #[must_use]
    pub fn request_id(&self) -> Option<u32> {
        if self.header.version >= Version::V1_2 && self.header.endian == Endian::NATIVE {
            // It comes first in every message that has one.
            let bare = matches!(
                self.header.message_type,
                MessageType::CloseConnection | MessageType::MessageError
            );
            let content = self.octets.get(HEADER_SIZE..).and_then(<[u8]>::first_chunk);
            return content
                .filter(|_| !bare)
                .map(|octets| u32::from_ne_bytes(*octets));
        }
        let mut decoder = self.decoder(CodeSets::UNNEGOTIATED, None);
        match self.header.message_type {
            MessageType::Request | MessageType::Reply if self.header.version < Version::V1_2 => {
                super::ServiceContexts::decode(&mut decoder).ok()?;
                decoder.ulong().ok()
            }
            MessageType::CloseConnection | MessageType::MessageError => None,
            _ => decoder.ulong().ok(),
        }
    }
}

/// In GIOP 1.2 the body of a request or reply starts at a multiple of eight; where there is no body
/// there is no padding either (§9.4.2.2, §9.4.3.2).
#[inline]
fn skip_padding(decoder: &mut Decoder<'_>) -> Result<(), CdrError> {
    if decoder.version() < Version::V1_2 || decoder.remaining() == 0 {
        return Ok(());
    }
    decoder.align(8)
}

/// Where padding was put before a body; [`finish`] takes it back if no body came.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Padding {
    before: Mark,
    after: usize,
}

/// Begins a message: writes its header, whose size [`finish`] fills in. The encoder must be at its
/// start, and its version and byte order are the message's.
pub fn begin(encoder: &mut Encoder<'_>, message_type: MessageType) {
    debug_assert!(encoder.is_empty(), "a message begins where its encoder does");
    let header = MessageHeader {
        version: encoder.version(),
        endian: encoder.endian(),
        more_fragments: false,
        message_type,
        size: 0,
    };
    encoder.raw(&header.encode());
}

/// Begins the body of a request or reply.
pub fn begin_body(encoder: &mut Encoder<'_>) -> Padding {
    let before = encoder.mark();
    if encoder.version() >= Version::V1_2 {
        encoder.align(8);
    }
    Padding {
        before,
        after: encoder.position(),
    }
}

/// Ends a message: fills in its size, and drops the padding if no body followed it.
///
/// # Errors
/// [`CdrError::TooLong`] above 2^32 - 1 octets.
pub fn finish(encoder: &mut Encoder<'_>, padding: Option<Padding>) -> Result<(), CdrError> {
    if let Some(padding) = padding
        && encoder.position() == padding.after
    {
        encoder.rewind(padding.before);
    }
    let size = encoder.len().saturating_sub(HEADER_SIZE);
    encoder.patch_size(u32::try_from(size).map_err(|_| CdrError::TooLong)?);
    Ok(())
}

/// Returns the message that announces an orderly close.
#[must_use]
pub fn close_connection(version: Version) -> [u8; HEADER_SIZE] {
    bare(version, MessageType::CloseConnection)
}

/// Returns the message that says that the last one made no sense. `version` is the one of the peer's
/// message, or ours where that is not supported here (§9.4.1).
#[must_use]
pub fn message_error(version: Version) -> [u8; HEADER_SIZE] {
    bare(version, MessageType::MessageError)
}

fn bare(version: Version, message_type: MessageType) -> [u8; HEADER_SIZE] {
    MessageHeader {
        version,
        endian: Endian::NATIVE,
        more_fragments: false,
        message_type,
        size: 0,
    }
    .encode()
}
