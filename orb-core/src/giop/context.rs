// SPDX-License-Identifier: MIT OR Apache-2.0
//! Service contexts: what services send along with requests and replies (CORBA 3.3 Part 2 §9.4.2.1, §8.6.7).

use crate::cdr::{CdrError, Decoder, Encoder};

/// Ids of service contexts that the standard defines (IOP module).
pub mod context_id {
    /// Transaction service.
    pub const TRANSACTION: u32 = 0;
    /// The code sets that a client has chosen for its connection (§7.10.2.5).
    pub const CODE_SETS: u32 = 1;
    /// Bidirectional IIOP (§9.9).
    pub const BI_DIR_IIOP: u32 = 5;
    /// The run time of the sender, for value types.
    pub const SENDING_CONTEXT_RUN_TIME: u32 = 6;
    /// Invocation policies of the messaging service.
    pub const INVOCATION_POLICIES: u32 = 7;
    /// Details of an unknown exception.
    pub const UNKNOWN_EXCEPTION_INFO: u32 = 9;
    /// The priority of an RT-CORBA request.
    pub const RT_CORBA_PRIORITY: u32 = 10;
    /// An extra text of an exception.
    pub const EXCEPTION_DETAIL_MESSAGE: u32 = 14;
    /// Common secure interoperability.
    pub const SECURITY_ATTRIBUTE_SERVICE: u32 = 15;
}

/// One service context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceContext<'a> {
    /// Says which service it belongs to: see [`context_id`].
    pub id: u32,
    /// An encapsulation whose content the service defines.
    pub data: &'a [u8],
}

/// A list of service contexts: one to send, or one that was received and is read on demand.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServiceContexts<'a>(Repr<'a>);

#[derive(Clone, Copy, Debug)]
enum Repr<'a> {
    List(&'a [ServiceContext<'a>]),
    Received(Received<'a>),
}

impl Default for Repr<'_> {
    fn default() -> Self {
        Self::List(&[])
    }
}

/// A list on the wire, which was found well-formed. Starts at a position that is a multiple of four.
#[derive(Clone, Copy, Debug)]
struct Received<'a> {
    octets: &'a [u8],
    count: usize,
    big: bool,
}

impl<'a> ServiceContexts<'a> {
    /// Returns the contexts in order.
    #[must_use]
    pub fn iter(&self) -> ServiceContextIter<'a> {
        ServiceContextIter(self.0)
    }

    /// Returns the data of the first context with this id.
    #[must_use]
    pub fn find(&self, id: u32) -> Option<&'a [u8]> {
        self.iter()
            .find(|context| context.id == id)
            .map(|context| context.data)
    }

    /// Returns how many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self.0 {
            Repr::List(list) => list.len(),
            Repr::Received(received) => received.count,
        }
    }

    /// Tells whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the list.
    ///
    /// # Errors
    /// [`CdrError::TooLong`].
    pub fn encode(&self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        encoder.sequence_len(self.len(), None)?;
        for context in self.iter() {
            encoder.ulong(context.id);
            encoder.octets(context.data)?;
        }
        Ok(())
    }

    /// Reads the list, checking that it is well-formed without looking into the contexts.
    ///
    /// # Errors
    /// [`CdrError`] if it is not.
    pub fn decode(decoder: &mut Decoder<'a>) -> Result<Self, CdrError> {
        let count = decoder.sequence_len(None, 8)?;
        let start = decoder.stream_position();
        for _ in 0..count {
            decoder.ulong()?;
            decoder.octets()?;
        }
        let octets = decoder.since(start);
        let big = decoder.endian() == crate::cdr::Endian::Big;
        Ok(Self(Repr::Received(Received { octets, count, big })))
    }
}

impl<'a> From<&'a [ServiceContext<'a>]> for ServiceContexts<'a> {
    fn from(list: &'a [ServiceContext<'a>]) -> Self {
        Self(Repr::List(list))
    }
}

impl<'a> IntoIterator for ServiceContexts<'a> {
    type Item = ServiceContext<'a>;
    type IntoIter = ServiceContextIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> IntoIterator for &ServiceContexts<'a> {
    type Item = ServiceContext<'a>;
    type IntoIter = ServiceContextIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Equal when the contexts are, wherever they stand.
impl PartialEq for ServiceContexts<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

/// Goes through service contexts.
#[derive(Clone, Debug)]
pub struct ServiceContextIter<'a>(Repr<'a>);

impl<'a> Iterator for ServiceContextIter<'a> {
    type Item = ServiceContext<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Repr::List(list) => {
                let (first, others) = list.split_first()?;
                *list = others;
                Some(*first)
            }
            Repr::Received(received) => received.next(),
        }
    }
}

impl<'a> Received<'a> {
    fn next(&mut self) -> Option<ServiceContext<'a>> {
        self.count = self.count.checked_sub(1)?;
        let id = self.ulong()?;
        let length = usize::try_from(self.ulong()?).ok()?;
        let (data, rest) = self.octets.split_at_checked(length)?;
        let padding = length.wrapping_neg() & 3;
        self.octets = rest.get(padding..).unwrap_or_default();
        Some(ServiceContext { id, data })
    }

    fn ulong(&mut self) -> Option<u32> {
        let (octets, rest) = self.octets.split_first_chunk()?;
        self.octets = rest;
        Some(if self.big {
            u32::from_be_bytes(*octets)
        } else {
            u32::from_le_bytes(*octets)
        })
    }
}
