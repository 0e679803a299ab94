// SPDX-License-Identifier: MIT OR Apache-2.0
//! The types whose CDR form is their memory in one of the two byte orders.

use bytemuck::Pod;

mod sealed {
    pub trait Sealed {}
}

/// A fixed-size number: its CDR form is its memory, swapped when the byte orders differ, aligned to
/// its size (CORBA 3.3 Part 2 §9.3.1.1). Sealed: `u8`, `i8`, the integers of IDL, `f32` and `f64`.
pub trait Primitive: Pod + sealed::Sealed {
    /// The size in octets, which is the alignment too.
    const SIZE: usize;

    /// Returns the number with its octets in the opposite order.
    #[must_use]
    fn swapped(self) -> Self;

    /// Writes the number, in native order, where `place` begins; false if it is too short.
    #[doc(hidden)]
    fn put(self, place: &mut [u8]) -> bool;
}

macro_rules! integers {
    ($($t:ty),*) => {$(
        impl sealed::Sealed for $t {}
        impl Primitive for $t {
            const SIZE: usize = size_of::<$t>();
            #[inline]
            fn swapped(self) -> Self {
                self.swap_bytes()
            }

            #[inline]
            fn put(self, place: &mut [u8]) -> bool {
                match place.first_chunk_mut() {
                    Some(place) => {
                        *place = self.to_ne_bytes();
                        true
                    }
                    None => false,
                }
            }
        }
    )*};
}

macro_rules! floats {
    ($($t:ty),*) => {$(
        impl sealed::Sealed for $t {}
        impl Primitive for $t {
            const SIZE: usize = size_of::<$t>();
            #[inline]
            fn swapped(self) -> Self {
                Self::from_bits(self.to_bits().swap_bytes())
            }

            #[inline]
            fn put(self, place: &mut [u8]) -> bool {
                match place.first_chunk_mut() {
                    Some(place) => {
                        *place = self.to_ne_bytes();
                        true
                    }
                    None => false,
                }
            }
        }
    )*};
}

integers!(u8, i8, u16, i16, u32, i32, u64, i64);
floats!(f32, f64);
