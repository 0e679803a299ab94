// SPDX-License-Identifier: MIT OR Apache-2.0
//! What travels on a channel: headers apart from payload.

mod split;

use std::{fmt, ops::Range};

use arrayvec::ArrayVec;
use bytes::Bytes;

/// Bytes that are shared and never copied: a part of a frame, or of any other memory that outlives its users.
///
/// Cloning and slicing count a reference, at most; the memory goes back to its owner with the last of them, on whichever
/// thread that is.
pub trait Payload: AsRef<[u8]> + Clone + fmt::Debug {
    /// Returns the part `range`, in bytes from the beginning, of the same memory.
    ///
    /// # Panics
    ///
    /// If `range` lies outside.
    #[must_use]
    fn slice(&self, range: Range<usize>) -> Self;

    /// Makes this the whole of itself and `next`, if that lies right behind it in the same memory; or else changes nothing,
    /// and returns `false`. Defaults to that.
    #[must_use]
    fn join(&mut self, _next: &Self) -> bool {
        false
    }

    /// Returns the length in bytes.
    fn len(&self) -> usize {
        self.as_ref().len()
    }

    /// Returns whether there is nothing.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Payload for Bytes {
    fn slice(&self, range: Range<usize>) -> Self {
        Self::slice(self, range)
    }
}

/// The headers of one packet, copied out of memory that a peer might write.
#[derive(Clone)]
pub struct Headers {
    bytes: [u8; Headers::MOST],
    /// How many of them there are.
    length: usize,
}

impl Headers {
    /// The most bytes: IPv6 without extension headers (40), and TCP with all its options (60); rounded up to cache lines.
    pub const MOST: usize = 128;

    /// Makes headers of nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bytes: [0; Self::MOST],
            length: 0,
        }
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    ///
    /// [`TooLong`] if there would be more than [`MOST`](Self::MOST); nothing is appended then.
    #[inline]
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        let rest = self.bytes.get_mut(self.length..);
        let room = rest.and_then(|rest| rest.get_mut(..bytes.len()));
        room.ok_or(TooLong { bytes: bytes.len() })?.copy_from_slice(bytes);
        self.length += bytes.len();
        Ok(())
    }

    /// Forgets what was there.
    #[inline]
    pub fn clear(&mut self) {
        self.length = 0;
    }

    /// Takes `length` bytes out of `words`, in the order of the machine, instead of what was there.
    pub(crate) fn load(&mut self, length: usize, words: impl Iterator<Item = u64>) -> Result<(), TooLong> {
        if length > Self::MOST {
            return Err(TooLong { bytes: length });
        }
        let (chunks, _) = self.bytes.as_chunks_mut::<8>();
        for (chunk, word) in chunks.iter_mut().zip(words) {
            *chunk = word.to_ne_bytes();
        }
        self.length = length;
        Ok(())
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.as_ref() == other.as_ref()
    }
}

impl Eq for Headers {}

impl Default for Headers {
    fn default() -> Self {
        Self::new()
    }
}

impl AsRef<[u8]> for Headers {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&self.bytes)
    }
}

impl AsMut<[u8]> for Headers {
    #[inline]
    fn as_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(..self.length).unwrap_or_default()
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.as_ref()).finish()
    }
}

/// Headers longer than any there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} more bytes of headers are beyond the {} there may be", Headers::MOST)]
pub struct TooLong {
    /// How many bytes were too many.
    pub bytes: usize,
}

/// One IP packet: its headers (network and transport layer), and pieces of payload that follow each other.
#[derive(Clone, Debug)]
pub struct Packet<P> {
    /// The headers of IP and of TCP or UDP.
    pub headers: Headers,
    /// What follows them, in order; pieces lie where their owners put them.
    pub payload: ArrayVec<P, { Packet::<()>::PIECES }>,
}

impl<P> Default for Packet<P> {
    fn default() -> Self {
        Self {
            headers: Headers::new(),
            payload: ArrayVec::new(),
        }
    }
}

impl Packet<()> {
    /// The most pieces of payload in a packet.
    pub const PIECES: usize = 8;
}

impl<P: Payload> Packet<P> {
    /// Returns the length of the whole packet, in bytes.
    pub fn len(&self) -> usize {
        self.headers.as_ref().len() + self.payload_len()
    }

    /// Returns the length of the payload, in bytes.
    pub fn payload_len(&self) -> usize {
        self.payload.iter().map(Payload::len).sum()
    }

    /// Lets go of all that is in it, so that it can be used again.
    #[inline]
    pub fn clear(&mut self) {
        self.headers.clear();
        self.payload.clear();
    }

    /// Returns whether there is nothing in it, not even headers.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_have_a_bound() {
        let mut headers = Headers::new();
        headers.append(&[1; 100]).expect("there is room");
        assert_eq!(headers.append(&[2; 29]), Err(TooLong { bytes: 29 }));
        assert_eq!(
            headers.as_ref(),
            [1; 100],
            "what was too long left nothing behind"
        );
        headers.append(&[2; 28]).expect("that is all there is");
    }

    #[test]
    fn the_pieces_of_a_packet_add_up() {
        let whole = Bytes::from_static(b"one and two");
        let mut headers = Headers::new();
        headers.append(&[0; 40]).expect("there is room");
        let mut packet = Packet {
            headers,
            payload: ArrayVec::new(),
        };
        packet.payload.push(Payload::slice(&whole, 0..4));
        packet.payload.push(Payload::slice(&whole, 4..11));
        assert_eq!((packet.len(), packet.payload_len()), (51, 11));
    }
}
