// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Internet checksum (RFC 1071), over pieces of any length.

/// A sum of 16-bit words in ones' complement, in the order of the machine's bytes, which RFC 1071 §2 (B) allows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Checksum {
    sum: u64,
    odd: bool,
}

impl Checksum {
    /// Adds what follows what was added before.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        let sum = u64::from(fold(sum(bytes)));
        // What starts at an odd place has its bytes the other way round: RFC 1071 §2 (B) again.
        self.sum += if self.odd { sum << 8 } else { sum };
        self.odd ^= bytes.len() % 2 == 1;
    }

    /// Returns the field to send.
    pub(crate) fn finish(self) -> [u8; 2] {
        (!fold(self.sum)).to_ne_bytes()
    }

    /// Returns whether what was added, with its checksum among it, is whole.
    pub(crate) fn is_whole(self) -> bool {
        fold(self.sum) == u16::MAX
    }
}

fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<4>();
    let mut sum: u64 = words
        .iter()
        .map(|word| u64::from(u32::from_ne_bytes(*word)))
        .sum();
    let (pairs, last) = rest.as_chunks::<2>();
    sum += pairs
        .iter()
        .map(|pair| u64::from(u16::from_ne_bytes(*pair)))
        .sum::<u64>();
    if let [last] = last {
        sum += u64::from(u16::from_ne_bytes([*last, 0]));
    }
    sum
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "what does not fit was added in before"
)]
fn fold(sum: u64) -> u16 {
    let sum = (sum >> 32) + (sum & 0xffff_ffff);
    let sum = (sum >> 32) + (sum & 0xffff_ffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    sum as u16
}

#[cfg(test)]
mod tests {
    use etherparse::checksum::Sum16BitWords;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_example_of_rfc_1071_comes_out() {
        let mut checksum = Checksum::default();
        checksum.add(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
        assert_eq!(checksum.finish(), [!0xdd, !0xf2]);
    }

    proptest! {
        #[test]
        fn pieces_sum_as_the_whole_and_as_others_do(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            cuts in proptest::collection::vec(0_usize..300, 0..4),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.push(bytes.len());
            cuts.sort_unstable();
            let mut pieces = Checksum::default();
            let mut from = 0;
            for cut in cuts {
                pieces.add(&bytes[from..cut]);
                from = cut;
            }
            let other = Sum16BitWords::new().add_slice(&bytes).ones_complement();
            prop_assert_eq!(pieces.finish(), other.to_ne_bytes());
        }
    }
}
