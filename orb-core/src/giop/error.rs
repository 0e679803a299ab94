// SPDX-License-Identifier: MIT OR Apache-2.0

use super::MessageType;
use crate::cdr::{CdrError, Version};

/// What a peer did wrong on a connection. The answer to each is MessageError and a close (CORBA 3.3
/// Part 2 §9.4.8), unless the peer is to be told more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GiopError {
    /// A message does not begin with `GIOP`.
    #[error("not a GIOP message: it does not begin with the letters GIOP")]
    BadMagic,
    /// A version of GIOP that is not supported here; the answer carries ours (§9.4.1).
    #[error("GIOP {0} is not supported")]
    UnsupportedVersion(Version),
    /// A message type that its version of GIOP does not have.
    #[error("{0} is no GIOP message type")]
    UnknownMessageType(u8),
    /// Flags that its version of GIOP does not have.
    #[error("{0:#x} are no GIOP flags")]
    BadFlags(u8),
    /// A message larger than the limit.
    #[error("a message of {size} octets, above the limit of {limit}")]
    TooLarge {
        /// The size of the message, with its fragments so far.
        size: u64,
        /// The limit.
        limit: usize,
    },
    /// A message type that cannot be fragmented has more fragments, or another message came between
    /// the fragments of a GIOP 1.1 message.
    #[error("a {0:?} message cannot be fragmented here")]
    NotFragmentable(MessageType),
    /// A fragment of no message in progress.
    #[error("a fragment of no message in progress")]
    UnexpectedFragment,
    /// A first fragment with the request id of a message that is in progress already.
    #[error("a second fragmented message with the request id {0}")]
    DuplicateFragment(u32),
    /// A fragment in another version or byte order than the message it continues.
    #[error("a fragment in another version or byte order than its message")]
    FragmentMismatch,
    /// More fragmented messages in progress than the limit.
    #[error("more than {0} fragmented messages in progress")]
    TooManyFragmented(usize),
    /// A message whose content is malformed.
    #[error(transparent)]
    Content(#[from] CdrError),
}
