// SPDX-License-Identifier: MIT OR Apache-2.0
//! Headers that routers take: TCP over IPv4.

#![allow(
    clippy::indexing_slicing,
    reason = "what is not where it should be fails the test"
)]

/// Where the ends are of a channel that carries IP, in networks of 24 bits.
pub(crate) const ADDRESSES: [[u8; 4]; 2] = [[10, 77, 0, 2], [10, 78, 0, 2]];

const NO_OPERATION: u8 = 1;

/// The headers of a segment from one end to the other, with options if they are to be longer than 40 octets, and with those
/// of TCP as they come but for their length.
pub(super) fn headers(ends: [[u8; 4]; 2], length: usize, tcp: &[u8], payload: usize) -> Vec<u8> {
    let options = |octets: usize| octets.saturating_sub(20).div_ceil(4).min(10);
    let tcp_options = options(length.saturating_sub(20));
    let at = 20 + 4 * options(length.saturating_sub(20 + 4 * tcp_options));
    let mut headers = vec![NO_OPERATION; at + 20 + 4 * tcp_options];
    let total = u16::try_from(headers.len() + payload).expect("IP takes no more");
    headers[..2].copy_from_slice(&[0x40 | words(at), 0]);
    headers[2..4].copy_from_slice(&total.to_be_bytes());
    headers[4..12].copy_from_slice(&[0, 0, 0x40, 0, 64, 6, 0, 0]);
    headers[12..20].copy_from_slice(ends.as_flattened());
    let sum = checksum(&headers[..at]);
    headers[10..12].copy_from_slice(&sum);
    headers[at..at + 20].copy_from_slice(tcp);
    headers[at + 12] = words(20 + 4 * tcp_options) << 4;
    headers
}

fn words(octets: usize) -> u8 {
    u8::try_from(octets / 4).expect("a header")
}

/// RFC 1071.
fn checksum(header: &[u8]) -> [u8; 2] {
    let words = header.as_chunks::<2>().0.iter();
    let sum: u32 = words.map(|word| u32::from(u16::from_be_bytes(*word))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let [_, _, high, low] = (!(folded + (folded >> 16))).to_be_bytes();
    [high, low]
}

/// Checks that headers came as they were sent, but for the time to live, and the checksum over it.
pub(super) fn same(sent: &[u8], got: &[u8]) {
    assert_eq!(checksum(&got[..usize::from(got[0] & 15) * 4]), [0, 0]);
    assert!(got[8] <= sent[8]);
    assert_eq!(
        [&got[..8], &got[9..10], &got[12..]],
        [&sent[..8], &sent[9..10], &sent[12..]]
    );
}
