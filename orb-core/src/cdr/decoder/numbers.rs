// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers, alone and in sequences and arrays (CORBA 3.3 Part 2 §9.3.1).

use std::borrow::Cow;

use super::Decoder;
use crate::cdr::{CdrError, Primitive};

impl<'a> Decoder<'a> {
    /// Reads a `boolean`.
    ///
    /// # Errors
    /// [`CdrError::UnexpectedEnd`]; [`CdrError::BadBoolean`] for anything but 0 and 1 (§9.3.1.5).
    #[inline]
    pub fn boolean(&mut self) -> Result<bool, CdrError> {
        match self.octet()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(CdrError::BadBoolean(other)),
        }
    }

    /// Reads the bits of a `long double` (IEEE binary128, aligned to 8: §9.3.1.4).
    ///
    /// # Errors
    /// [`CdrError::UnexpectedEnd`].
    pub fn longdouble_bits(&mut self) -> Result<u128, CdrError> {
        self.align(8)?;
        let bits: u128 = bytemuck::pod_read_unaligned(self.raw(16)?);
        Ok(if self.swap { bits.swap_bytes() } else { bits })
    }

    /// Reads a sequence of primitives.
    ///
    /// # Errors
    /// [`CdrError::UnexpectedEnd`], [`CdrError::LengthBeyondEnd`].
    pub fn primitives<T: Primitive>(&mut self) -> Result<Vec<T>, CdrError> {
        let count = self.sequence_len(None, T::SIZE)?;
        self.primitive_vec(count)
    }

    /// Reads a sequence of primitives where it lies, if it lies aligned and in native order; else a copy.
    ///
    /// # Errors
    /// As [`Self::primitives`].
    pub fn primitives_ref<T: Primitive>(&mut self) -> Result<Cow<'a, [T]>, CdrError> {
        let count = self.sequence_len(None, T::SIZE)?;
        let octets = self.primitive_octets(count, T::SIZE)?;
        if self.swap && T::SIZE > 1 {
            return Ok(Cow::Owned(swapped(octets)));
        }
        Ok(match bytemuck::try_cast_slice(octets) {
            Ok(values) => Cow::Borrowed(values),
            Err(_) => Cow::Owned(copied(octets)),
        })
    }

    /// Reads `count` primitives that follow without a length.
    ///
    /// # Errors
    /// [`CdrError::UnexpectedEnd`].
    pub fn primitive_vec<T: Primitive>(&mut self, count: usize) -> Result<Vec<T>, CdrError> {
        let octets = self.primitive_octets(count, T::SIZE)?;
        Ok(if self.swap && T::SIZE > 1 {
            swapped(octets)
        } else {
            copied(octets)
        })
    }

    /// Reads an array of primitives: no length.
    ///
    /// # Errors
    /// [`CdrError::UnexpectedEnd`].
    pub fn primitive_array<T: Primitive, const N: usize>(&mut self) -> Result<[T; N], CdrError> {
        let octets = self.primitive_octets(N, T::SIZE)?;
        let mut array = [T::zeroed(); N];
        bytemuck::cast_slice_mut(&mut array).copy_from_slice(octets);
        if self.swap {
            array = array.map(T::swapped);
        }
        Ok(array)
    }

    fn primitive_octets(&mut self, count: usize, size: usize) -> Result<&'a [u8], CdrError> {
        if count == 0 {
            // No element, no alignment (§9.3.2.5).
            return Ok(&[]);
        }
        if self.rest.is_empty() {
            self.next_chunk()?;
        }
        self.align(size)?;
        self.raw(count.checked_mul(size).ok_or(CdrError::LengthBeyondEnd)?)
    }
}

macro_rules! fixed {
    ($($(#[$doc:meta])* $name:ident: $t:ty;)*) => {
        impl Decoder<'_> {$(
            $(#[$doc])*
            ///
            /// # Errors
            /// [`CdrError::UnexpectedEnd`].
            #[inline]
            pub fn $name(&mut self) -> Result<$t, CdrError> {
                self.fixed()
            }
        )*}
    };
}

fixed! {
    /// Reads an `octet`.
    octet: u8;
    /// Reads an `int8`.
    int8: i8;
    /// Reads a `short`.
    short: i16;
    /// Reads an `unsigned short`.
    ushort: u16;
    /// Reads a `long`.
    long: i32;
    /// Reads an `unsigned long`.
    ulong: u32;
    /// Reads a `long long`.
    longlong: i64;
    /// Reads an `unsigned long long`.
    ulonglong: u64;
    /// Reads a `float`.
    float: f32;
    /// Reads a `double`.
    double: f64;
}

/// Collects without filling the vector first: that would cost as much as the copy itself.
fn copied<T: Primitive>(octets: &[u8]) -> Vec<T> {
    match bytemuck::try_cast_slice(octets) {
        Ok(values) => values.to_vec(),
        Err(_) => octets
            .chunks_exact(T::SIZE)
            .map(bytemuck::pod_read_unaligned)
            .collect(),
    }
}

fn swapped<T: Primitive>(octets: &[u8]) -> Vec<T> {
    octets
        .chunks_exact(T::SIZE)
        .map(|octets| bytemuck::pod_read_unaligned::<T>(octets).swapped())
        .collect()
}
