// SPDX-License-Identifier: MIT OR Apache-2.0
//! A TCP segment's header as values.

use std::ops::BitOr;

use arrayvec::ArrayVec;
use etherparse::{TcpHeader, TcpHeaderSlice, TcpOptionElement};
use transport_apic::Headers;

use super::{Malformed, sequence::Seq};

/// The control bits that matter here (RFC 9293 §3.1). The urgent mechanism is not used: urgent data is in line, as
/// RFC 6093 advises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags(u8);

impl Flags {
    pub(crate) const FIN: Self = Self(0x01);
    pub(crate) const SYN: Self = Self(0x02);
    pub(crate) const RST: Self = Self(0x04);
    pub(crate) const PSH: Self = Self(0x08);
    pub(crate) const ACK: Self = Self(0x10);

    const KNOWN: u8 = 0x1f;

    /// Neither SYN, FIN nor RST, and there is an acknowledgement.
    pub(crate) fn is_ack_alone(self) -> bool {
        self.0 & !Self::PSH.0 == Self::ACK.0
    }

    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for Flags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The timestamps option (RFC 7323 §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timestamps {
    /// The sender's clock: TSval.
    pub(crate) value: u32,
    /// What the sender heard last: TSecr.
    pub(crate) echo: u32,
}

/// Octets from `start` up to `end`, which is not among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) start: Seq,
    pub(crate) end: Seq,
}

/// The header of one segment. What is sent and what is received have the same form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) seq: Seq,
    pub(crate) ack: Seq,
    pub(crate) flags: Flags,
    /// As it stands in the header: not scaled.
    pub(crate) window: u16,
    pub(crate) timestamps: Option<Timestamps>,
    pub(crate) mss: Option<u16>,
    pub(crate) scale: Option<u8>,
    pub(crate) sack_permitted: bool,
    pub(crate) sack: ArrayVec<Block, 4>,
    /// Octets of payload.
    pub(crate) payload: u32,
}

/// The options of a segment that has timestamps and nothing else, before the two numbers.
const TIMESTAMPS_ALONE: [u8; 4] = [1, 1, 8, 10];

impl Segment {
    /// The length of a header with timestamps and no other option.
    pub(crate) const TIMESTAMPED: usize = 32;

    /// How much sequence space it takes: SEG.LEN.
    pub(crate) fn len(&self) -> u32 {
        let controls = u32::from(self.flags.has(Flags::SYN)) + u32::from(self.flags.has(Flags::FIN));
        self.payload + controls
    }

    /// Reads `header`, whose length was checked by who cut it, of a segment with `payload` octets.
    #[inline]
    pub(crate) fn read(header: &[u8], payload: usize) -> Result<Self, Malformed> {
        let (fixed, options) = header.split_first_chunk().ok_or(Malformed::Tcp)?;
        let [
            _,
            _,
            _,
            _,
            s0,
            s1,
            s2,
            s3,
            a0,
            a1,
            a2,
            a3,
            words,
            flags,
            w0,
            w1,
            _,
            _,
            _,
            _,
        ] = *fixed;
        if usize::from(words >> 4) * 4 != header.len() {
            return Err(Malformed::Tcp);
        }
        let mut segment = Self {
            seq: Seq(u32::from_be_bytes([s0, s1, s2, s3])),
            ack: Seq(u32::from_be_bytes([a0, a1, a2, a3])),
            flags: Flags(flags & Flags::KNOWN),
            window: u16::from_be_bytes([w0, w1]),
            payload: u32::try_from(payload).map_err(|_| Malformed::Length)?,
            ..Self::default()
        };
        if let Some((&TIMESTAMPS_ALONE, numbers)) = options.split_first_chunk()
            && let Some((value, echo)) = numbers.split_first_chunk()
            && let Ok(echo) = echo.try_into()
        {
            segment.timestamps = Some(Timestamps {
                value: u32::from_be_bytes(*value),
                echo: u32::from_be_bytes(echo),
            });
        } else if !options.is_empty() {
            let slice = TcpHeaderSlice::from_slice(header).map_err(|_| Malformed::Tcp)?;
            segment.read_options(&slice);
        }
        Ok(segment)
    }

    /// What cannot be read ends the options, and is no reason to drop the segment.
    fn read_options(&mut self, header: &TcpHeaderSlice<'_>) {
        for option in header.options_iterator().map_while(Result::ok) {
            match option {
                TcpOptionElement::Noop => {}
                TcpOptionElement::MaximumSegmentSize(size) => self.mss = Some(size),
                TcpOptionElement::WindowScale(scale) => self.scale = Some(scale),
                TcpOptionElement::SelectiveAcknowledgementPermitted => self.sack_permitted = true,
                TcpOptionElement::SelectiveAcknowledgement(first, rest) => {
                    let blocks = [Some(first)].into_iter().chain(rest).flatten();
                    self.sack = blocks
                        .map(|(start, end)| Block {
                            start: Seq(start),
                            end: Seq(end),
                        })
                        .collect();
                }
                TcpOptionElement::Timestamp(value, echo) => {
                    self.timestamps = Some(Timestamps { value, echo });
                }
            }
        }
    }

    /// Appends the header, with a checksum of zero, to `headers`, which end with the IP header.
    pub(crate) fn write(&self, ports: [u8; 4], headers: &mut Headers) {
        let options = self.has_options();
        let mut bytes = [0; Self::TIMESTAMPED];
        let [fixed @ .., _, _, _, _, _, _, _, _, _, _, _, _] = &mut bytes;
        *fixed = self.fixed(ports, 5);
        let written = match self.timestamps {
            None if !options => headers.append(fixed),
            Some(timestamps) if !options => {
                *fixed = self.fixed(ports, 8);
                if let Some(rest) = bytes.last_chunk_mut::<12>() {
                    *rest = alone(timestamps);
                }
                headers.append(&bytes)
            }
            _ => self.write_options(*fixed, headers),
        };
        debug_assert!(
            written.is_ok(),
            "the headers of IP and TCP have room for the longest"
        );
    }

    fn has_options(&self) -> bool {
        self.mss.is_some() || self.scale.is_some() || self.sack_permitted || !self.sack.is_empty()
    }

    /// The part of a header that is always there, of `words` 32-bit words with its options.
    fn fixed(&self, ports: [u8; 4], words: u8) -> [u8; 20] {
        let [p0, p1, p2, p3] = ports;
        let [s0, s1, s2, s3] = self.seq.0.to_be_bytes();
        let [a0, a1, a2, a3] = self.ack.0.to_be_bytes();
        let [w0, w1] = self.window.to_be_bytes();
        let Flags(flags) = self.flags;
        [
            p0,
            p1,
            p2,
            p3,
            s0,
            s1,
            s2,
            s3,
            a0,
            a1,
            a2,
            a3,
            words << 4,
            flags,
            w0,
            w1,
            0,
            0,
            0,
            0,
        ]
    }

    fn write_options(&self, fixed: [u8; 20], headers: &mut Headers) -> Result<(), transport_apic::TooLong> {
        let mut options: ArrayVec<TcpOptionElement, 5> = ArrayVec::new();
        options.extend(self.mss.map(TcpOptionElement::MaximumSegmentSize));
        if self.sack_permitted {
            options.push(TcpOptionElement::SelectiveAcknowledgementPermitted);
        }
        options.extend(
            self.timestamps
                .map(|at| TcpOptionElement::Timestamp(at.value, at.echo)),
        );
        options.extend(self.scale.map(TcpOptionElement::WindowScale));
        let mut blocks = self.sack.iter().map(|block| (block.start.0, block.end.0));
        if let Some(first) = blocks.next() {
            let mut rest = [None; 3];
            // With timestamps there is room for three.
            let room = if self.timestamps.is_some() { 2 } else { 3 };
            for (place, block) in rest.iter_mut().zip(blocks.take(room)) {
                *place = Some(block);
            }
            options.push(TcpOptionElement::SelectiveAcknowledgement(first, rest));
        }
        let Ok((mut header, _)) = TcpHeader::from_slice(&fixed) else {
            return headers.append(&fixed);
        };
        let fits = header.set_options(&options).is_ok();
        debug_assert!(fits, "no segment has options of more than 40 octets");
        headers.append(&header.to_bytes())
    }
}

fn alone(timestamps: Timestamps) -> [u8; 12] {
    let [n0, n1, kind, length] = TIMESTAMPS_ALONE;
    let [v0, v1, v2, v3] = timestamps.value.to_be_bytes();
    let [e0, e1, e2, e3] = timestamps.echo.to_be_bytes();
    [n0, n1, kind, length, v0, v1, v2, v3, e0, e1, e2, e3]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn options() -> impl Strategy<Value = Segment> {
        let block = (any::<u32>(), any::<u32>()).prop_map(|(start, end)| Block {
            start: Seq(start),
            end: Seq(end),
        });
        let stamps = (any::<u32>(), any::<u32>()).prop_map(|(value, echo)| Timestamps { value, echo });
        let syn = (
            any::<Option<u16>>(),
            proptest::option::of(0_u8..15),
            any::<bool>(),
        );
        let sack = proptest::collection::vec(block, 0..4);
        (proptest::option::of(stamps), proptest::option::of(syn), sack).prop_map(|(timestamps, syn, sack)| {
            let (mss, scale, sack_permitted) = syn.unwrap_or_default();
            Segment {
                timestamps,
                mss,
                scale,
                sack_permitted,
                // A SYN has no blocks: both do not fit.
                sack: if syn.is_some() {
                    ArrayVec::new()
                } else {
                    sack.into_iter().collect()
                },
                ..Segment::default()
            }
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(
            seq: u32, ack: u32, flags in 0_u8..0x20, window: u16, with in options(),
        ) {
            let segment = Segment { seq: Seq(seq), ack: Seq(ack), flags: Flags(flags), window, payload: 7, ..with };
            let mut headers = Headers::new();
            segment.write([1, 2, 3, 4], &mut headers);
            prop_assert_eq!(Segment::read(headers.as_ref(), 7), Ok(segment));
            let header = TcpHeaderSlice::from_slice(headers.as_ref()).expect("a header");
            prop_assert_eq!((header.source_port(), header.destination_port()), (0x102, 0x304));
            prop_assert_eq!(header.slice().len(), headers.as_ref().len());
        }

        #[test]
        fn any_octets_read_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Segment::read(&bytes, 0);
        }
    }
}
