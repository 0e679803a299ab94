// SPDX-License-Identifier: MIT OR Apache-2.0

mod cells;
mod hostile;
mod inheritance;
mod sharing;
mod standard;
pub(crate) mod types;

use std::sync::Arc;

use bytes::Bytes;

use super::{AnyValueType, Value};
use crate::{
    cdr::{CdrError, Decoder, Encoder, Endian, Marshal, Unmarshal, Version},
    codeset::CodeSets,
};

/// The octets of values, big-endian as the standard shows them.
fn write<T: Marshal>(value: &T) -> Bytes {
    let mut encoder = Encoder::new(Endian::Big, Version::V1_2, CodeSets::NATIVE);
    value.marshal(&mut encoder).expect("it can be written");
    encoder.contiguous()
}

fn read<T: Unmarshal>(octets: &[u8]) -> Result<T, CdrError> {
    let mut decoder = Decoder::new(octets, Endian::Big, Version::V1_2, CodeSets::NATIVE);
    let value = T::unmarshal(&mut decoder)?;
    assert_eq!(decoder.remaining(), 0, "all of it belongs to the value");
    Ok(value)
}

fn trip<T: Marshal + Unmarshal>(value: &T) -> T {
    read(&write(value)).expect("what was written can be read")
}

fn same<T: ?Sized>(left: &Option<Arc<T>>, right: &Option<Arc<T>>) -> bool {
    matches!((left, right), (Some(left), Some(right)) if Arc::ptr_eq(left, right))
}

/// Octets of a message, put together as the standard lists them.
#[derive(Default)]
pub(crate) struct Octets(pub(crate) Vec<u8>);

impl Octets {
    pub(crate) fn long(mut self, value: u32) -> Self {
        while !self.0.len().is_multiple_of(4) {
            self.0.push(0);
        }
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(crate) fn text(self, text: &str) -> Self {
        let mut octets = self.long(u32::try_from(text.len() + 1).expect("short"));
        octets.0.extend(text.as_bytes());
        octets.0.push(0);
        octets
    }

    /// An indirection to the octet at `place`.
    fn back_to(self, place: usize) -> Self {
        let mut octets = self.long(0xffff_ffff);
        let here = octets.0.len();
        octets = octets.long(u32::try_from(here - place).expect("short").wrapping_neg());
        octets
    }

    fn place(&self) -> usize {
        self.0.len().next_multiple_of(4)
    }
}

fn dynamic<T: AnyValueType>(value: &Arc<T>) -> Option<Arc<dyn Value>> {
    Some(Arc::clone(value).into_value())
}
