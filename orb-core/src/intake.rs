// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bulk on its way from a link into a message: it is left where it lies, if the link hands it on so.

use std::{io, time::Duration};

use crate::{giop::Assembler, transport::Link};

/// Pieces smaller than this are copied.
const WORTH_KEEPING: usize = 16 * 1024;

/// Returns how much of the message that is under way is to be received where it lies; 0 if it is to be copied.
#[inline]
pub(crate) fn wanted_where_it_lies(assembler: &Assembler, link: &dyn Link) -> usize {
    match assembler.wanted() {
        // What is small is not even looked at, unless it is the end of something large.
        0..WORTH_KEEPING if assembler.is_in_pieces() => assembler.wanted_in_pieces(),
        0..WORTH_KEEPING => 0,
        wanted if assembler.is_in_pieces() || link.hands_on(wanted) => assembler.wanted_in_pieces(),
        _ => 0,
    }
}

/// Receives so much of it, or some of that.
///
/// # Errors
///
/// As [`Link::recv`].
#[cold]
pub(crate) fn recv_where_it_lies(
    assembler: &mut Assembler,
    link: &dyn Link,
    wanted: usize,
    timeout: Option<Duration>,
) -> io::Result<usize> {
    let octets = link.recv_where_it_lies(wanted, timeout)?;
    let count = octets.len();
    if count >= WORTH_KEEPING {
        assembler.pieces().append_shared(octets);
    } else {
        assembler.pieces().append(&octets);
    }
    Ok(count)
}
