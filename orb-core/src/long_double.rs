// SPDX-License-Identifier: MIT OR Apache-2.0
//! IDL `long double`: IEEE 754 binary128, kept exactly as it travels.

use std::{cmp::Ordering, fmt};

use crate::cdr::{CdrError, Decoder, Encoder, Marshal, Unmarshal};

mod decimal;
#[cfg(test)]
mod tests;

const FRACTION_BITS: u32 = 112;
const FRACTION: u128 = (1 << FRACTION_BITS) - 1;
const SIGN: u128 = 1 << 127;
const EXPONENT: u32 = 0x7fff;
const BIAS: i32 = 16383;

/// An IDL `long double`: IEEE 754 binary128 (1 sign bit, 15 of exponent, 112 of fraction).
///
/// The ORB carries it without loss; to compute, convert it to `f64`, which rounds to nearest, ties to even.
#[derive(Clone, Copy, Default)]
pub struct LongDouble(u128);

impl LongDouble {
    /// Positive infinity.
    pub const INFINITY: Self = Self((EXPONENT as u128) << FRACTION_BITS);

    /// A quiet NaN.
    pub const NAN: Self = Self(((EXPONENT as u128) << FRACTION_BITS) | 1 << (FRACTION_BITS - 1));

    /// Creates the number from its bits, most significant first.
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// Converts from `f64`, exactly.
    pub const fn from_f64(value: f64) -> Self {
        const DOWN: u32 = FRACTION_BITS - 52;
        let bits = value.to_bits();
        let sign = ((bits >> 63) as u128) << 127;
        let fraction = bits & ((1 << 52) - 1);
        let exponent = ((bits >> 52) & 0x7ff) as u128;
        let (exponent, fraction) = match exponent {
            0x7ff => (EXPONENT as u128, (fraction as u128) << DOWN),
            0 if fraction == 0 => (0, 0),
            0 => {
                // Subnormal: shift the first set bit into the hidden place.
                let shift = fraction.leading_zeros() - 11;
                let exponent = BIAS.unsigned_abs() - 1022 - shift;
                (exponent as u128, ((fraction << shift) as u128) << DOWN & FRACTION)
            }
            exponent => (exponent + 16383 - 1023, (fraction as u128) << DOWN),
        };
        Self(sign | exponent << FRACTION_BITS | fraction)
    }

    /// Returns the bits of the number.
    pub const fn to_bits(self) -> u128 {
        self.0
    }

    /// Returns whether the number is a NaN.
    pub const fn is_nan(self) -> bool {
        self.exponent_field() == EXPONENT && self.fraction() != 0
    }

    /// Returns whether the number is neither infinite nor a NaN.
    pub const fn is_finite(self) -> bool {
        self.exponent_field() != EXPONENT
    }

    /// Returns whether the sign bit is set.
    pub const fn is_sign_negative(self) -> bool {
        self.0 & SIGN != 0
    }

    /// Converts to the nearest `f64`, ties to even; what is too large becomes infinite.
    pub fn to_f64(self) -> f64 {
        let sign = u64::from(self.is_sign_negative()) << 63;
        let fraction = self.fraction();
        if self.exponent_field() == EXPONENT {
            let payload = u64::try_from(fraction >> 60).unwrap_or_default();
            let quiet = if fraction == 0 { 0 } else { 1 << 51 };
            return f64::from_bits(sign | 0x7ff << 52 | quiet | payload);
        }
        if self.exponent_field() == 0 {
            // The greatest subnormal binary128 is far below the least binary64.
            return f64::from_bits(sign);
        }
        let significand = fraction | 1 << FRACTION_BITS;
        let exponent = self.exponent_field().cast_signed() - BIAS;
        f64::from_bits(sign | round_to_f64(significand, exponent))
    }

    const fn fraction(self) -> u128 {
        self.0 & FRACTION
    }

    const fn exponent_field(self) -> u32 {
        (self.0 >> FRACTION_BITS) as u32 & EXPONENT
    }
}

/// The bits of the `f64` nearest to `significand × 2^(exponent - 112)`.
fn round_to_f64(significand: u128, exponent: i32) -> u64 {
    const DROPPED: u32 = FRACTION_BITS - 52;
    if exponent > 1023 {
        return 0x7ff << 52;
    }
    let (shift, base) = if exponent >= -1022 {
        // The hidden bit adds one to the exponent, so it starts one lower.
        (DROPPED, u64::from((exponent + 1022).unsigned_abs()) << 52)
    } else {
        (DROPPED + (-1022 - exponent).unsigned_abs(), 0)
    };
    if shift > FRACTION_BITS + 2 {
        return 0;
    }
    let kept = u64::try_from(significand >> shift).unwrap_or_default();
    let rest = significand & ((1 << shift) - 1);
    let half = 1 << (shift - 1);
    let up = rest > half || (rest == half && kept & 1 == 1);
    // A carry out of the fraction moves into the exponent, which is just right.
    base + kept + u64::from(up)
}

impl From<f64> for LongDouble {
    fn from(value: f64) -> Self {
        Self::from_f64(value)
    }
}

impl From<f32> for LongDouble {
    fn from(value: f32) -> Self {
        f64::from(value).into()
    }
}

impl From<i32> for LongDouble {
    fn from(value: i32) -> Self {
        f64::from(value).into()
    }
}

impl From<u32> for LongDouble {
    fn from(value: u32) -> Self {
        f64::from(value).into()
    }
}

impl PartialEq for LongDouble {
    /// Compares as IEEE 754 does: zeros are equal, a NaN equals nothing.
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for LongDouble {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        if self.is_nan() || other.is_nan() {
            return None;
        }
        let key = |value: &Self| {
            let magnitude = (value.0 & !SIGN).cast_signed();
            if value.is_sign_negative() {
                -magnitude
            } else {
                magnitude
            }
        };
        Some(key(self).cmp(&key(other)))
    }
}

impl fmt::Display for LongDouble {
    /// Shows the number as `f64` does if it is one, else with 36 significant digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = self.to_f64();
        if !self.is_finite() || Self::from(short).0 == self.0 {
            return fmt::Display::fmt(&short, f);
        }
        let exponent = match self.exponent_field().cast_signed() {
            0 => 1,
            field => field,
        };
        let hidden = u128::from(self.exponent_field() != 0) << FRACTION_BITS;
        let power = exponent - BIAS - FRACTION_BITS.cast_signed();
        let text = decimal::scientific(self.fraction() | hidden, power);
        f.pad_integral(!self.is_sign_negative(), "", &text)
    }
}

impl fmt::Debug for LongDouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = self.to_f64();
        if !self.is_finite() || Self::from(short).0 == self.0 {
            return fmt::Debug::fmt(&short, f);
        }
        fmt::Display::fmt(self, f)
    }
}

impl Encoder<'_> {
    /// Writes a `long double`.
    pub fn longdouble(&mut self, value: LongDouble) {
        self.longdouble_bits(value.to_bits());
    }
}

impl Decoder<'_> {
    /// Reads a `long double`.
    ///
    /// # Errors
    /// [`CdrError::UnexpectedEnd`].
    pub fn longdouble(&mut self) -> Result<LongDouble, CdrError> {
        self.longdouble_bits().map(LongDouble::from_bits)
    }
}

impl Marshal for LongDouble {
    fn marshal<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        encoder.longdouble(*self);
        Ok(())
    }
}

impl Unmarshal for LongDouble {
    const MIN_SIZE: usize = 16;

    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        decoder.longdouble()
    }
}
