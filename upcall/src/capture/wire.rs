// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an ORB and whoever captures one of its flows say to each other: records, in the byte order of their machine.

/// What a request begins with, the version of all this included.
const MAGIC: [u8; 8] = *b"upcallC1";

/// The longest that follows the head of a record: more than a packet of IP.
pub(super) const LONGEST: usize = 1 << 17;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// The flow, by its number.
    pub(super) flow: u64,
    /// How many octets of each packet.
    pub(super) most: u32,
}

/// What stands before each record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: Kind,
    /// Octets that follow.
    pub(super) length: u32,
    /// Of a packet: its length as it travelled.
    pub(super) original: u32,
    /// Of a packet: nanoseconds since the epoch of Unix. Of drops: how many there were.
    pub(super) number: u64,
}

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A packet that was sent.
    Sent,
    /// A packet that was received.
    Received,
    /// How many packets found no room so far.
    Dropped,
    /// Packets will come; a text with both ends, one in a line.
    Started,
    /// The operating system has the packets; a text likewise.
    Kernel,
    /// There will be none, and the text says why.
    Refused,
    /// There are no more.
    Ended,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Sent,
        Self::Received,
        Self::Dropped,
        Self::Started,
        Self::Kernel,
        Self::Refused,
        Self::Ended,
    ];
}

/// So many octets, one after the other.
fn filled<const SIZE: usize>(octets: impl Iterator<Item = u8>) -> [u8; SIZE] {
    let mut bytes = [0; SIZE];
    bytes
        .iter_mut()
        .zip(octets)
        .for_each(|(place, octet)| *place = octet);
    bytes
}

impl Request {
    pub(super) const SIZE: usize = 20;

    pub(super) fn to_bytes(self) -> [u8; Self::SIZE] {
        let values = MAGIC.into_iter().chain(self.flow.to_ne_bytes());
        filled(values.chain(self.most.to_ne_bytes()))
    }

    pub(super) fn parse(bytes: &[u8; Self::SIZE]) -> Option<Self> {
        let (magic, rest) = bytes.split_first_chunk()?;
        let (flow, rest) = rest.split_first_chunk()?;
        let (most, _) = rest.split_first_chunk()?;
        (*magic == MAGIC).then_some(Self {
            flow: u64::from_ne_bytes(*flow),
            most: u32::from_ne_bytes(*most),
        })
    }
}

impl Head {
    pub(super) const SIZE: usize = 20;

    pub(super) fn to_bytes(self) -> [u8; Self::SIZE] {
        let lengths = self
            .length
            .to_ne_bytes()
            .into_iter()
            .chain(self.original.to_ne_bytes());
        let values = (self.kind as u32).to_ne_bytes().into_iter().chain(lengths);
        filled(values.chain(self.number.to_ne_bytes()))
    }

    /// Returns the head that `bytes` begin with, and what follows it; `None` if they are no head.
    pub(super) fn parse(bytes: &[u8; Self::SIZE]) -> Option<Self> {
        let (kind, rest) = bytes.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (original, rest) = rest.split_first_chunk()?;
        let (number, _) = rest.split_first_chunk()?;
        let kind = usize::try_from(u32::from_ne_bytes(*kind)).ok()?;
        let length = u32::from_ne_bytes(*length);
        Some(Self {
            kind: *Kind::ALL.get(kind)?,
            length: (length as usize <= LONGEST).then_some(length)?,
            original: u32::from_ne_bytes(*original),
            number: u64::from_ne_bytes(*number),
        })
    }
}

/// Returns a record with a text.
pub(super) fn text(kind: Kind, text: &str) -> Vec<u8> {
    let text = text.as_bytes();
    let text = text.get(..LONGEST).unwrap_or(text);
    let head = Head {
        kind,
        length: u32::try_from(text.len()).unwrap_or_default(),
        original: 0,
        number: 0,
    };
    [&head.to_bytes(), text].concat()
}

/// Returns a record of how many packets found no room.
pub(super) fn dropped(count: u64) -> [u8; Head::SIZE] {
    let head = Head {
        kind: Kind::Dropped,
        length: 0,
        original: 0,
        number: count,
    };
    head.to_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let request = Request {
            flow: 7 << 40,
            most: 96,
        };
        assert_eq!(Request::parse(&request.to_bytes()), Some(request));
        for kind in Kind::ALL {
            let head = Head {
                kind,
                length: 1500,
                original: 60_000,
                number: 1 << 60,
            };
            assert_eq!(Head::parse(&head.to_bytes()), Some(head));
        }
        let text = text(Kind::Refused, "no");
        assert_eq!(text.len(), Head::SIZE + 2);
    }

    #[test]
    fn what_is_none_of_it_is_not_taken_for_it() {
        assert_eq!(Request::parse(&[0; Request::SIZE]), None);
        assert_eq!(Head::parse(&[0xff; Head::SIZE]), None, "no such kind");
        let mut long = dropped(1);
        let length = u32::try_from(LONGEST + 1).unwrap();
        long[4..8].copy_from_slice(&length.to_ne_bytes());
        assert_eq!(Head::parse(&long), None, "longer than any packet");
    }
}
