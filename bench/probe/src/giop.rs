// SPDX-License-Identifier: MIT OR Apache-2.0
//! As much of GIOP as a server without an ORB needs to answer the bench's clients (CORBA 3.3 Part 2 §9.4): what ways to run
//! connections come to, with nothing else on top. Little-endian messages of version 1.2, unfragmented.

use std::time::Duration;

use crate::burn;

/// Octets of a message's header.
const HEADER: usize = 12;
/// The longest message that is taken.
const LONGEST: usize = 1 << 16;

const REQUEST: u8 = 0;
const REPLY: u8 = 1;
const LOCATE_REQUEST: u8 = 3;
const LOCATE_REPLY: u8 = 4;
const OBJECT_HERE: u32 = 1;

/// The reference of a server's object `index`, for any ORB.
pub fn reference(address: &str, index: usize) -> String {
    format!("corbaloc:iiop:1.2@{address}/{index}")
}

/// A GIOP 1.2 Request with a reply, for an operation with these arguments (CDR of one that begins at a multiple of 8).
pub fn request(key: &[u8], operation: &str, arguments: &[u8]) -> Vec<u8> {
    let mut message = header(REQUEST);
    // Request id, response expected, and the target by its key.
    message.extend_from_slice(&[1, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]);
    let mut octets = |octets: &[u8], last: &[u8]| {
        let length = u32::try_from(octets.len() + last.len()).unwrap_or(0);
        message.extend_from_slice(&length.to_le_bytes());
        message.extend_from_slice(octets);
        message.extend_from_slice(last);
        message.resize(message.len().next_multiple_of(4), 0);
    };
    octets(key, &[]);
    octets(operation.as_bytes(), &[0]);
    message.extend_from_slice(&[0; 4]);
    if !arguments.is_empty() {
        message.resize(message.len().next_multiple_of(8), 0);
        message.extend_from_slice(arguments);
    }
    finish(message)
}

/// Returns the length of the message that `octets` begin with, as soon as they tell.
pub fn length(octets: &[u8]) -> Option<usize> {
    let size = octets.get(8..HEADER)?.try_into().ok().map(u32::from_le_bytes)?;
    Some(HEADER + usize::try_from(size).ok()?)
}

/// What has come on a connection, and is no whole message yet.
#[derive(Debug, Default)]
pub struct Session(Vec<u8>);

impl Session {
    /// Serves all requests that are complete with what was `received`, and adds their replies to `replies`.
    ///
    /// # Errors
    ///
    /// Says why the peer can't be understood.
    pub fn serve(&mut self, received: &[u8], replies: &mut Vec<u8>) -> Result<(), &'static str> {
        self.0.extend_from_slice(received);
        let mut rest = self.0.as_slice();
        while let Some(length) = length(rest) {
            if length > LONGEST {
                return Err("a message is too long");
            }
            let Some((message, next)) = rest.split_at_checked(length) else {
                break;
            };
            answer(message, replies).ok_or("a message is not understood")?;
            rest = next;
        }
        let served = self.0.len() - rest.len();
        self.0.drain(..served);
        Ok(())
    }
}

/// Does what a request asks for and adds the reply.
fn answer(message: &[u8], replies: &mut Vec<u8>) -> Option<()> {
    let mut reader = Reader { message, at: HEADER };
    let kind = match message.get(..8)? {
        [b'G', b'I', b'O', b'P', 1, 2, 1, kind] => *kind,
        _ => return None,
    };
    let id = reader.long()?;
    let (kind, words) = match kind {
        REQUEST => {
            let (expected, target) = (reader.long()? & 0xff, reader.long()? & 0xffff);
            if target != 0 {
                return None;
            }
            reader.octets()?;
            work(reader.octets()?, &mut reader)?;
            if expected == 0 {
                return Some(());
            }
            // No exception, no service contexts.
            (REPLY, [id, 0, 0].as_slice().to_vec())
        }
        LOCATE_REQUEST => (LOCATE_REPLY, vec![id, OBJECT_HERE]),
        // Nothing else asks for an answer.
        _ => return Some(()),
    };
    let mut reply = header(kind);
    reply.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    replies.extend_from_slice(&finish(reply));
    Some(())
}

/// The servant.
fn work(operation: &[u8], reader: &mut Reader<'_>) -> Option<()> {
    match operation {
        b"nothing\0" => Some(()),
        b"work\0" => {
            for _ in 0..reader.long()? {
                reader.long()?;
                reader.octets()?;
            }
            reader.at = reader.at.next_multiple_of(8);
            burn(Duration::from_micros(reader.long()?.into()));
            Some(())
        }
        _ => None,
    }
}

fn header(kind: u8) -> Vec<u8> {
    let mut message = b"GIOP\x01\x02\x01".to_vec();
    message.push(kind);
    message.extend_from_slice(&[0; 4]);
    message
}

/// Puts the size in, now that it is known.
fn finish(mut message: Vec<u8>) -> Vec<u8> {
    let size = u32::try_from(message.len() - HEADER).unwrap_or(0);
    if let Some(place) = message.get_mut(8..HEADER) {
        place.copy_from_slice(&size.to_le_bytes());
    }
    message
}

struct Reader<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn long(&mut self) -> Option<u32> {
        let at = self.at.next_multiple_of(4);
        self.at = at.checked_add(4)?;
        let octets = self.message.get(at..self.at)?;
        octets.try_into().ok().map(u32::from_le_bytes)
    }

    fn octets(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.long()?).ok()?;
        let from = self.at;
        self.at = from.checked_add(length)?;
        self.message.get(from..self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_answered_however_they_are_cut() {
        let stream = [
            request(b"key", "nothing", &[]),
            request(b"another", "work", &1_u32.to_le_bytes()),
        ]
        .concat();
        for cut in 0..stream.len() {
            let (mut session, mut replies) = (Session::default(), Vec::new());
            let (first, second) = stream.split_at(cut);
            session.serve(first, &mut replies).expect("understood");
            session.serve(second, &mut replies).expect("understood");
            assert_eq!(replies.len(), 2 * crate::NULL_REPLY, "cut at {cut}");
            assert_eq!(length(&replies), Some(crate::NULL_REPLY));
        }
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        let serve = |octets: &[u8]| Session::default().serve(octets, &mut Vec::new());
        let good = request(b"key", "nothing", &[]);
        assert!(serve(&good).is_ok());
        for at in [0, 4, 5, 6, 20, 24] {
            let mut bad = good.clone();
            bad[at] = 0x7f;
            assert!(serve(&bad).is_err(), "octet {at}");
        }
        let endless = [&good[..8], &u32::MAX.to_le_bytes()].concat();
        assert!(serve(&endless).is_err());
        assert!(serve(&request(b"key", "other", &[])).is_err());
    }
}
