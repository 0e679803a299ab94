// SPDX-License-Identifier: MIT OR Apache-2.0
//! Data that was received in pieces: bulk is left where it lies, what is interpreted is not.

use std::sync::OnceLock;

use bytes::{Bytes, BytesMut};

/// What follows the beginning of a stream of CDR, in pieces that lie in different places.
#[derive(Debug, Default)]
pub struct Pieces {
    list: Vec<Piece>,
    len: usize,
    /// All of the stream as one, once somebody needed that.
    whole: OnceLock<Bytes>,
}

/// One of them.
#[derive(Debug)]
pub(super) enum Piece {
    /// Octets that nobody else can change.
    Own(BytesMut),
    /// Octets that their sender could still change: they are handed on as they are, or copied before they are interpreted.
    Shared(Bytes),
}

impl Pieces {
    /// Returns how many octets there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Appends a copy of `octets`.
    pub fn append(&mut self, octets: &[u8]) {
        self.len += octets.len();
        if let Some(Piece::Own(last)) = self.list.last_mut() {
            return last.extend_from_slice(octets);
        }
        self.list.push(Piece::Own(octets.into()));
    }

    /// Appends `octets` as they lie.
    pub fn append_shared(&mut self, octets: Bytes) {
        self.len += octets.len();
        self.list.push(Piece::Shared(octets));
    }

    pub(super) fn get(&self, index: usize) -> Option<&Piece> {
        self.list.get(index)
    }

    /// How many octets there are from the piece `index` on.
    pub(super) fn len_from(&self, index: usize) -> usize {
        let rest = self.list.get(index..).unwrap_or_default();
        rest.iter().map(|piece| piece.octets().len()).sum()
    }

    /// Returns a copy of all, after `head`, which is always the same. It is made once.
    pub(super) fn whole(&self, head: &[u8]) -> &Bytes {
        self.whole.get_or_init(|| {
            let mut whole = Vec::with_capacity(head.len() + self.len);
            whole.extend_from_slice(head);
            for piece in &self.list {
                whole.extend_from_slice(piece.octets());
            }
            whole.into()
        })
    }
}

impl Piece {
    fn octets(&self) -> &[u8] {
        match self {
            Self::Own(octets) => octets,
            Self::Shared(octets) => octets,
        }
    }
}
