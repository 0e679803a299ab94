// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading data that was received in pieces.
//!
//! Where a large `sequence<octet>` is a piece of its own, it is handed on as it lies. Whatever else lies in a piece that
//! its sender could change is copied before it is read, together with all the rest: so it is read once, and stays the same.

use bytes::Bytes;

use super::Decoder;
use crate::cdr::CdrError;
use crate::cdr::pieces::{Piece, Pieces};

/// The pieces that a decoder has not come to yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ahead<'a> {
    pieces: &'a Pieces,
    next: usize,
    /// What stands before the pieces: all of the stream's beginning, decoded or not.
    head: &'a Bytes,
}

impl<'a> Decoder<'a> {
    /// Goes on in `pieces` after the data, which is the end of `head`; nobody sets another source.
    #[must_use]
    pub fn with_pieces(mut self, head: &'a Bytes, pieces: &'a Pieces) -> Self {
        self.source = Some(head);
        self.more = pieces.len();
        self.ahead = Some(Ahead {
            pieces,
            next: 0,
            head,
        });
        self
    }

    /// Reads a `sequence<octet>` where it lies, even if that is memory which its sender could change: only for what is handed
    /// on, and interpreted by nobody here.
    ///
    /// # Errors
    /// As [`Self::octets`].
    #[inline]
    pub fn bulk(&mut self) -> Result<&'a [u8], CdrError> {
        let count = self.sequence_len(None, 1)?;
        if count > self.rest.len() && self.more > 0 {
            return Ok(match self.shared(count) {
                Some(piece) => piece,
                None => self.raw(count)?,
            });
        }
        self.raw(count)
    }

    /// The next piece, if it has so many octets and nothing stands before it.
    #[cold]
    pub(super) fn shared(&mut self, count: usize) -> Option<&'a Bytes> {
        let ahead = self.ahead.as_mut().filter(|_| self.rest.is_empty())?;
        match ahead.pieces.get(ahead.next)? {
            Piece::Shared(octets) if octets.len() == count => {
                ahead.next += 1;
                self.skip_to(octets.len(), &[]);
                Some(octets)
            }
            _ => None,
        }
    }

    /// Goes on in what follows, which makes `rest` longer; never an error if there is `more`.
    #[cold]
    pub(super) fn next_piece(&mut self) {
        if let Some(ahead) = self.ahead.as_mut().filter(|_| self.rest.is_empty())
            && let Some(Piece::Own(octets)) = ahead.pieces.get(ahead.next)
        {
            ahead.next += 1;
            return self.skip_to(octets.len(), octets);
        }
        self.make_whole();
    }

    /// Goes over to `rest`, of whose octets the first `length` are those of a piece.
    fn skip_to(&mut self, length: usize, rest: &'a [u8]) {
        self.rest = rest;
        self.more -= length;
        self.end = self.end.wrapping_add(length);
        self.stream_end = self.stream_end.wrapping_add(length);
    }

    /// Goes on in a copy of all that was received, if that is in pieces.
    pub(super) fn make_whole(&mut self) {
        let Some(Ahead { pieces, next, head }) = self.ahead.take() else {
            return;
        };
        let whole = pieces.whole(head);
        let left = self.rest.len() + pieces.len_from(next);
        let start = head.len() - self.whole.len();
        self.source = Some(whole);
        self.whole = whole.get(start..).unwrap_or_default();
        self.rest = whole.get(whole.len() - left..).unwrap_or_default();
        self.end = self.end.wrapping_add(self.more);
        self.stream_end = self.stream_end.wrapping_add(self.more);
        self.more = 0;
    }

    /// Returns what was read since that place of the outermost stream.
    pub(crate) fn since(&mut self, stream_position: usize) -> &'a [u8] {
        if self.stream_position() > self.whole.len() {
            self.make_whole();
        }
        self.whole
            .get(stream_position..self.stream_position())
            .unwrap_or_default()
    }
}
