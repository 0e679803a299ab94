// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bit fields, packed into one integer.

use super::{CdrError, Decoded, Encoded};

/// A type of a bit field.
pub trait Field: Copy {
    /// The value's bits; those of a negative number with its sign to the left.
    fn to_bits(self) -> u64;
    /// The value with these low `width` bits.
    fn from_bits(bits: u64, width: u8) -> Option<Self>;
}

impl Field for bool {
    fn to_bits(self) -> u64 {
        u64::from(self)
    }

    fn from_bits(bits: u64, _width: u8) -> Option<Self> {
        Some(bits != 0)
    }
}

macro_rules! unsigned {
    ($($t:ty)*) => {$(
        impl Field for $t {
            fn to_bits(self) -> u64 {
                u64::from(self)
            }

            fn from_bits(bits: u64, _width: u8) -> Option<Self> {
                Self::try_from(bits).ok()
            }
        }
    )*};
}

macro_rules! signed {
    ($($t:ty)*) => {$(
        impl Field for $t {
            fn to_bits(self) -> u64 {
                i64::from(self).cast_unsigned()
            }

            fn from_bits(bits: u64, width: u8) -> Option<Self> {
                let unused = 64 - u32::from(width.clamp(1, 64));
                Self::try_from((bits << unused).cast_signed() >> unused).ok()
            }
        }
    )*};
}

unsigned!(u8 u16 u32 u64);
signed!(i8 i16 i32 i64);

fn mask(width: u8) -> u64 {
    1u64.checked_shl(width.into()).map_or(u64::MAX, |bit| bit - 1)
}

/// Puts a field into `bits`.
///
/// # Errors
/// [`CdrError::BadParam`] if the value needs more bits than the field has.
pub fn put<T: Field + PartialEq>(bits: &mut u64, value: T, position: u8, width: u8) -> Encoded {
    let own = value.to_bits() & mask(width);
    if T::from_bits(own, width) != Some(value) {
        return Err(CdrError::BadParam("a bit field's value is wider than the field"));
    }
    *bits |= own << position;
    Ok(())
}

/// Takes a field out of `bits`.
///
/// # Errors
/// [`CdrError::BadParam`] if the field is wider than its type.
pub fn get<T: Field>(bits: u64, position: u8, width: u8) -> Decoded<T> {
    T::from_bits((bits >> position) & mask(width), width)
        .ok_or(CdrError::BadParam("a bit field is wider than its type"))
}

/// The integer that travels.
///
/// # Errors
/// [`CdrError::BadParam`] if the fields do not fit; the IDL compiler chose one that they fit.
pub fn narrow<T: TryFrom<u64>>(bits: u64) -> Decoded<T> {
    T::try_from(bits).map_err(|_| CdrError::BadParam("bit fields are wider than their bitset"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_every_sign_come_back() {
        let mut bits = 0;
        put(&mut bits, true, 0, 1).unwrap();
        put(&mut bits, 5u8, 1, 3).unwrap();
        put(&mut bits, -3i16, 4, 10).unwrap();
        put(&mut bits, u32::MAX, 20, 32).unwrap();
        assert_eq!(get(bits, 0, 1), Ok(true));
        assert_eq!(get(bits, 1, 3), Ok(5u8));
        assert_eq!(get(bits, 4, 10), Ok(-3i16));
        assert_eq!(get(bits, 20, 32), Ok(u32::MAX));
    }

    #[test]
    fn a_value_wider_than_its_field_is_refused() {
        assert!(put(&mut 0, 8u8, 0, 3).is_err());
        assert!(put(&mut 0, 4i8, 0, 3).is_err());
        assert!(put(&mut 0, -4i8, 0, 3).is_ok());
        assert!(put(&mut 0, u64::MAX, 0, 64).is_ok());
    }
}
