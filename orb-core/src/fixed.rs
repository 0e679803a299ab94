// SPDX-License-Identifier: MIT OR Apache-2.0
//! IDL `fixed`: exact decimal numbers of up to 31 digits.
//!
//! [`Fixed`] has its digits and scale in its type, as IDL declares them; [`Decimal`] carries them at run time and
//! computes by the rules of IDL's constant expressions (OMG IDL 4.2 §7.4.1.4.3).

use std::{fmt, str::FromStr};

use crate::cdr::{CdrError, Decoder, Encoder, Marshal, Unmarshal};

mod decimal;
#[cfg(test)]
mod tests;

pub use decimal::Decimal;

/// The greatest number of digits a `fixed` may have.
pub const MAX_DIGITS: u16 = 31;

/// Why a decimal operation has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FixedError {
    /// The number has more digits before the decimal point than the type holds.
    #[error("the number has more digits before the point than fixed<{digits},{scale}> holds")]
    Overflow {
        /// The digits of the type.
        digits: u16,
        /// The scale of the type.
        scale: i16,
    },
    /// The text is not a decimal number.
    #[error("not a decimal number")]
    Syntax,
    /// The divisor is zero.
    #[error("division by zero")]
    DivisionByZero,
    /// A nibble that should be a decimal digit is not.
    #[error("a nibble of the packed decimal is not a digit")]
    Digit,
    /// The last nibble is neither C (plus) nor D (minus).
    #[error("the sign nibble of the packed decimal is neither C nor D")]
    Sign,
    /// The packed decimal has the wrong number of octets.
    #[error("the packed decimal has the wrong length")]
    Length,
}

/// An IDL `fixed<D,S>`: a decimal number of `D` digits of which `S` stand behind the point.
///
/// `D` is 1 to 31; a negative `S` means zeros before the point that are not kept. Conversions to fewer places behind
/// the point cut off, as the IDL rules for `fixed` do; [`Decimal::round`] rounds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Fixed<const D: u16, const S: i16> {
    mantissa: i128,
}

impl<const D: u16, const S: i16> Fixed<D, S> {
    /// Zero.
    pub const ZERO: Self = Self { mantissa: 0 };

    /// The greatest number of this type.
    pub const MAX: Self = Self {
        mantissa: decimal::power_of_ten(D) - 1,
    };

    /// The least number of this type.
    pub const MIN: Self = Self {
        mantissa: 1 - decimal::power_of_ten(D),
    };

    /// Creates the number `mantissa × 10^-S`, or nothing if it has more than `D` digits.
    pub const fn from_mantissa(mantissa: i128) -> Option<Self> {
        let limit = decimal::power_of_ten(D);
        if mantissa < limit && mantissa > -limit {
            Some(Self { mantissa })
        } else {
            None
        }
    }

    /// Returns the number times `10^S`, which is an integer.
    pub const fn mantissa(self) -> i128 {
        self.mantissa
    }

    /// Returns the number of digits, `D`.
    pub const fn digits(self) -> u16 {
        D
    }

    /// Returns the number of digits behind the point, `S`.
    pub const fn scale(self) -> i16 {
        S
    }

    /// Adds, or returns nothing if the sum does not fit.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Self::from_mantissa(self.mantissa.checked_add(other.mantissa)?)
    }

    /// Subtracts, or returns nothing if the difference does not fit.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        Self::from_mantissa(self.mantissa.checked_sub(other.mantissa)?)
    }

    /// Multiplies, cutting off what does not fit behind the point.
    ///
    /// # Errors
    ///
    /// [`FixedError::Overflow`] if the product has too many digits before the point.
    pub fn checked_mul<const E: u16, const T: i16>(self, other: Fixed<E, T>) -> Result<Self, FixedError> {
        Decimal::from(self).checked_mul(Decimal::from(other))?.try_into()
    }

    /// Divides, cutting off what does not fit behind the point.
    ///
    /// # Errors
    ///
    /// [`FixedError::DivisionByZero`]; [`FixedError::Overflow`] if the quotient has too many digits before the point.
    pub fn checked_div<const E: u16, const T: i16>(self, other: Fixed<E, T>) -> Result<Self, FixedError> {
        Decimal::from(self).checked_div(Decimal::from(other))?.try_into()
    }

    /// Converts to another number of digits and scale, cutting off what does not fit behind the point.
    ///
    /// # Errors
    ///
    /// [`FixedError::Overflow`] if there are too many digits before the point.
    pub fn convert<const E: u16, const T: i16>(self) -> Result<Fixed<E, T>, FixedError> {
        Decimal::from(self).try_into()
    }
}

impl<const D: u16, const S: i16> std::ops::Neg for Fixed<D, S> {
    type Output = Self;

    fn neg(self) -> Self {
        Self {
            mantissa: -self.mantissa,
        }
    }
}

impl<const D: u16, const S: i16> From<Fixed<D, S>> for Decimal {
    fn from(value: Fixed<D, S>) -> Self {
        Decimal::from_parts(value.mantissa, D, S)
    }
}

impl<const D: u16, const S: i16> TryFrom<Decimal> for Fixed<D, S> {
    type Error = FixedError;

    fn try_from(value: Decimal) -> Result<Self, FixedError> {
        let fitted = value.fit(D, S)?;
        Self::from_mantissa(fitted.mantissa()).ok_or(FixedError::Overflow { digits: D, scale: S })
    }
}

macro_rules! from_integers {
    ($($integer:ty)*) => { $(
        impl<const D: u16, const S: i16> TryFrom<$integer> for Fixed<D, S> {
            type Error = FixedError;

            fn try_from(value: $integer) -> Result<Self, FixedError> {
                Decimal::from(value).try_into()
            }
        }
    )* };
}
from_integers!(i8 i16 i32 i64 u8 u16 u32 u64);

impl<const D: u16, const S: i16> FromStr for Fixed<D, S> {
    type Err = FixedError;

    fn from_str(text: &str) -> Result<Self, FixedError> {
        text.parse::<Decimal>()?.try_into()
    }
}

impl<const D: u16, const S: i16> fmt::Display for Fixed<D, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Decimal::from(*self), f)
    }
}

impl<const D: u16, const S: i16> fmt::Debug for Fixed<D, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Packed decimal, half an octet a digit (CORBA 3.3 Part 2 §9.3.2.8).
impl<const D: u16, const S: i16> Marshal for Fixed<D, S> {
    fn marshal<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        encoder.raw(Decimal::from(*self).to_packed().as_ref());
        Ok(())
    }
}

impl<const D: u16, const S: i16> Unmarshal for Fixed<D, S> {
    const MIN_SIZE: usize = D as usize / 2 + 1;

    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        let packed = decoder.raw(Self::MIN_SIZE)?;
        let number = Decimal::from_packed(packed, D, S).map_err(|_| CdrError::BadFixed)?;
        Self::from_mantissa(number.mantissa()).ok_or(CdrError::BadFixed)
    }
}
