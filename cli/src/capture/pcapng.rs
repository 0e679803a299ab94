// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files in the format of Wireshark (draft-ietf-opsawg-pcapng): one section, and one interface that carries packets of IP.
//!
//! Every write is of whole blocks, so what is there is a valid file at any time.

use std::io::{self, Write};
use std::time::SystemTime;

use upcall::capture::{Direction, Packet};

/// Packets begin with the header of IPv4 or IPv6.
const LINKTYPE_RAW: u16 = 101;

// Types of blocks (§4).
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

/// Tells the byte order (§4.1).
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

/// What a file is about.
#[derive(Clone, Debug)]
pub(super) struct About<'a> {
    /// The interface.
    pub(super) name: &'a str,
    /// More of it.
    pub(super) description: &'a str,
    /// Octets of a packet that are kept at most.
    pub(super) most: u32,
}

/// Writes a file.
#[derive(Debug)]
pub(super) struct Pcapng<W> {
    writer: W,
    block: Vec<u8>,
}

impl<W: Write> Pcapng<W> {
    /// Begins it.
    ///
    /// # Errors
    ///
    /// What the writer says, as of all that follows.
    pub(super) fn new(writer: W, about: &About<'_>) -> io::Result<Self> {
        let mut file = Self {
            writer,
            block: Vec::new(),
        };
        file.write(SECTION_HEADER, |block| {
            block.extend(BYTE_ORDER_MAGIC.to_le_bytes());
            // Version 1.0, of a length that is not known.
            block.extend([1, 0, 0, 0]);
            block.extend(u64::MAX.to_le_bytes());
            option(block, 4, concat!("upcall ", env!("CARGO_PKG_VERSION")).as_bytes());
            end_of_options(block);
        })?;
        file.write(INTERFACE_DESCRIPTION, |block| {
            block.extend(LINKTYPE_RAW.to_le_bytes());
            block.extend([0; 2]);
            block.extend(about.most.to_le_bytes());
            option(block, 2, about.name.as_bytes());
            option(block, 3, about.description.as_bytes());
            // Times are nanoseconds.
            option(block, 9, &[9]);
            end_of_options(block);
        })?;
        Ok(file)
    }

    pub(super) fn packet(&mut self, packet: &Packet) -> io::Result<()> {
        self.write(ENHANCED_PACKET, |block| {
            block.extend(0_u32.to_le_bytes());
            block.extend(time(packet.time));
            block.extend(length(&packet.bytes).to_le_bytes());
            block.extend(packet.length.to_le_bytes());
            padded(block, &packet.bytes);
            let direction: u32 = match packet.direction {
                Direction::Received => 1,
                Direction::Sent => 2,
            };
            option(block, 2, &direction.to_le_bytes());
            end_of_options(block);
        })
    }

    /// Says how many packets there were, those that were dropped included, and ends the file.
    pub(super) fn finish(mut self, now: SystemTime, received: u64, dropped: u64) -> io::Result<()> {
        self.write(INTERFACE_STATISTICS, |block| {
            block.extend(0_u32.to_le_bytes());
            block.extend(time(now));
            option(block, 4, &received.to_le_bytes());
            option(block, 5, &dropped.to_le_bytes());
            end_of_options(block);
        })?;
        self.flush()
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }

    fn write(&mut self, kind: u32, fill: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        self.block.clear();
        self.block.extend(kind.to_le_bytes());
        self.block.extend([0; 4]);
        fill(&mut self.block);
        let length = (length(&self.block) + 4).to_le_bytes();
        self.block.extend(length);
        if let Some(place) = self.block.get_mut(4..8) {
            place.copy_from_slice(&length);
        }
        self.writer.write_all(&self.block)
    }
}

/// The time in nanoseconds, the upper half first (§4.3).
fn time(time: SystemTime) -> impl Iterator<Item = u8> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let nanos = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX).to_le_bytes();
    let (lower, upper) = nanos.split_at(4);
    let halves = [upper, lower].concat();
    halves.into_iter()
}

fn option(block: &mut Vec<u8>, code: u16, value: &[u8]) {
    // Longer values have no form (§3.5).
    let value = value.get(..usize::from(u16::MAX)).unwrap_or(value);
    block.extend(code.to_le_bytes());
    block.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
    padded(block, value);
}

fn end_of_options(block: &mut Vec<u8>) {
    block.extend([0; 4]);
}

/// Appends it, and zeros up to the next multiple of four.
fn padded(block: &mut Vec<u8>, value: &[u8]) {
    block.extend(value);
    block.resize(block.len().next_multiple_of(4), 0);
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use upcall::Bytes;

    use super::*;

    const ABOUT: About<'_> = About {
        name: "apic",
        description: "a flow",
        most: 96,
    };

    /// The blocks of a file: their types and bodies.
    fn blocks(mut file: &[u8]) -> Vec<(u32, Vec<u8>)> {
        let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
        let mut blocks = Vec::new();
        while !file.is_empty() {
            let length = number(&file[4..8]) as usize;
            assert!(length.is_multiple_of(4) && length >= 12);
            assert_eq!(number(&file[length - 4..length]) as usize, length);
            blocks.push((number(&file[..4]), file[8..length - 4].to_vec()));
            file = &file[length..];
        }
        blocks
    }

    #[test]
    fn blocks_are_whole_and_aligned_whatever_is_in_them() {
        let mut file = Vec::new();
        let mut writer = Pcapng::new(&mut file, &ABOUT).unwrap();
        for length in 0..9_u32 {
            let packet = upcall::capture::Packet::new(
                SystemTime::UNIX_EPOCH + Duration::from_nanos(0x0102_0304_0506_0708),
                Direction::Received,
                Bytes::from(vec![0xff; length as usize]),
                length + 1000,
            );
            writer.packet(&packet).unwrap();
        }
        writer.finish(SystemTime::UNIX_EPOCH, 9, 5).unwrap();
        let blocks = blocks(&file);
        let kinds: Vec<u32> = blocks.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds[..2], [SECTION_HEADER, INTERFACE_DESCRIPTION]);
        assert_eq!(kinds[2..11], [ENHANCED_PACKET; 9]);
        assert_eq!(kinds[11..], [INTERFACE_STATISTICS]);
        assert_eq!(blocks[1].1[..8], [101, 0, 0, 0, 96, 0, 0, 0]);
        let packet = &blocks[2 + 5].1;
        assert_eq!(packet[4..12], [4, 3, 2, 1, 8, 7, 6, 5]);
        assert_eq!(packet[12..20], [5, 0, 0, 0, 0xed, 3, 0, 0]);
        assert_eq!(packet[20..28], [0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0]);
        assert_eq!(packet[28..36], [2, 0, 4, 0, 1, 0, 0, 0], "received");
        let statistics = &blocks[11].1;
        assert_eq!(statistics[12..24], [4, 0, 8, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(statistics[24..36], [5, 0, 8, 0, 5, 0, 0, 0, 0, 0, 0, 0]);
    }
}
