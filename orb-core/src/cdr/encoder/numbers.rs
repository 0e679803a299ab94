// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers, alone and in sequences and arrays (CORBA 3.3 Part 2 §9.3.1).

use super::{Encoder, Part};
use crate::cdr::{CdrError, Endian, Primitive};

/// Up to this many octets a sequence is written with its length in one step.
const SMALL: usize = 256;

/// Octets per step when swapping a slice: small enough to stay in the first-level cache.
const SWAP_BLOCK: usize = 512;

impl<'a> Encoder<'a> {
    #[inline]
    fn fixed<T: Primitive>(&mut self, value: T) {
        self.output.put(if self.swap { value.swapped() } else { value });
    }

    /// Writes a `boolean`: 1 or 0 (§9.3.1.5).
    #[inline]
    pub fn boolean(&mut self, value: bool) {
        self.octet(u8::from(value));
    }

    /// Writes an `octet`.
    #[inline]
    pub fn octet(&mut self, value: u8) {
        self.output.put(value);
    }

    /// Writes the 16 octets of a `long double` (IEEE binary128, aligned to 8: §9.3.1.4), given as the
    /// number whose bits they are.
    pub fn longdouble_bits(&mut self, bits: u128) {
        let octets = match self.endian {
            Endian::Big => bits.to_be_bytes(),
            Endian::Little => bits.to_le_bytes(),
        };
        self.output.append(8, &octets);
    }

    /// Writes a sequence of primitives; large ones in native order are kept by reference.
    ///
    /// # Errors
    /// [`CdrError::TooLong`].
    #[inline]
    pub fn primitives<T: Primitive>(&mut self, values: &'a [T]) -> Result<(), CdrError> {
        let octets = bytemuck::cast_slice(values);
        if octets.len() > SMALL || self.swap || values.is_empty() {
            self.sequence_len(values.len(), None)?;
            self.primitive_array(values);
            return Ok(());
        }
        let count = u32::try_from(values.len()).map_err(|_| CdrError::TooLong)?;
        self.output.append_counted(count, T::SIZE, octets, 0);
        Ok(())
    }

    /// Writes an array of primitives: no length; large ones in native order are kept by reference.
    #[inline]
    pub fn primitive_array<T: Primitive>(&mut self, values: &'a [T]) {
        if values.is_empty() {
            // The first element would be aligned; without one there is no padding (§9.3.2.5).
            return;
        }
        if self.swap && T::SIZE > 1 {
            return self.swapped(values);
        }
        let octets: &'a [u8] = bytemuck::cast_slice(values);
        if octets.len() >= self.by_reference {
            self.align(T::SIZE);
            self.insert(Part::Borrowed(octets));
        } else {
            self.output.append(T::SIZE, octets);
        }
    }

    fn swapped<T: Primitive>(&mut self, values: &[T]) {
        let mut block = [T::zeroed(); SWAP_BLOCK];
        for chunk in values.chunks(SWAP_BLOCK / T::SIZE) {
            let block = block.get_mut(..chunk.len()).unwrap_or_default();
            for (to, from) in block.iter_mut().zip(chunk) {
                *to = from.swapped();
            }
            self.output.append(T::SIZE, bytemuck::cast_slice(block));
        }
    }
}

macro_rules! fixed {
    ($($(#[$doc:meta])* $name:ident: $t:ty;)*) => {
        impl Encoder<'_> {$(
            $(#[$doc])*
            #[inline]
            pub fn $name(&mut self, value: $t) {
                self.fixed(value);
            }
        )*}
    };
}

fixed! {
    /// Writes an `int8`.
    int8: i8;
    /// Writes a `short`.
    short: i16;
    /// Writes an `unsigned short`.
    ushort: u16;
    /// Writes a `long`.
    long: i32;
    /// Writes an `unsigned long`.
    ulong: u32;
    /// Writes a `long long`.
    longlong: i64;
    /// Writes an `unsigned long long`.
    ulonglong: u64;
    /// Writes a `float`.
    float: f32;
    /// Writes a `double`.
    double: f64;
}
