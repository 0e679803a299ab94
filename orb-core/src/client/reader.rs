// SPDX-License-Identifier: MIT OR Apache-2.0
//! The receiving side of a connection: bytes in, messages out.

use std::{io, time::Duration};

use bytes::BytesMut;

use crate::{
    giop::{Assembler, GiopError, Limits, Message},
    intake::{recv_where_it_lies, wanted_where_it_lies},
    transport::Link,
};

/// The receive buffer's size to begin with.
const FIRST_ROOM: usize = 16 * 1024;

/// The least room there must be to receive; below it the buffer is used again from its start.
const ROOM: usize = 2 * 1024;

/// Room is kept for another message as large as the last one, up to this, so that a reply costs one receive.
const EXPECT_UP_TO: usize = 64 * 1024;

/// A buffer that held a message larger than this is given back to the system.
const KEEP_UP_TO: usize = 256 * 1024;

/// An assembler that keeps its buffer between messages, but not a large one.
#[derive(Debug)]
pub(crate) struct Reader {
    assembler: Assembler,
    has_buffer: bool,
    large: bool,
    /// How large the last message was.
    expected: usize,
}

impl Reader {
    /// Makes a reader without a buffer.
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            assembler: Assembler::new(limits),
            has_buffer: false,
            large: false,
            expected: 0,
        }
    }

    /// Receives from `link`, waiting at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`Link::recv`].
    #[inline]
    pub(crate) fn recv(&mut self, link: &dyn Link, timeout: Option<Duration>) -> io::Result<usize> {
        match wanted_where_it_lies(&self.assembler, link) {
            0 => link.recv(self.buffer(), timeout),
            wanted => recv_where_it_lies(&mut self.assembler, link, wanted, timeout),
        }
    }

    /// Receives from `link` what is there.
    ///
    /// # Errors
    ///
    /// As [`Link::try_recv`].
    #[inline]
    pub(crate) fn try_recv(&mut self, link: &dyn Link) -> io::Result<usize> {
        match wanted_where_it_lies(&self.assembler, link) {
            0 => link.try_recv(self.buffer()),
            wanted => recv_where_it_lies(&mut self.assembler, link, wanted, Some(Duration::ZERO)),
        }
    }

    #[inline]
    fn buffer(&mut self) -> &mut BytesMut {
        let room = if self.has_buffer {
            self.expected.clamp(ROOM, EXPECT_UP_TO)
        } else {
            FIRST_ROOM
        };
        self.has_buffer = true;
        self.assembler.buffer(room)
    }

    /// Takes the next whole message.
    #[inline]
    pub(crate) fn next_message(&mut self) -> Result<Option<Message>, GiopError> {
        let message = self.assembler.next_message()?;
        if let Some(message) = &message {
            self.expected = message.octets().len();
            self.large |= self.expected > KEEP_UP_TO;
        }
        Ok(message)
    }

    /// Tells whether nothing is there that was not taken.
    pub(crate) fn is_idle(&self) -> bool {
        self.assembler.is_idle()
    }

    /// Gives up a large buffer if there is nothing in it.
    #[inline]
    pub(crate) fn rest(&mut self) {
        if self.large && self.assembler.is_idle() {
            self.assembler.release();
            self.large = false;
            self.has_buffer = false;
        }
    }
}
