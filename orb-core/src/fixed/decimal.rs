// SPDX-License-Identifier: MIT OR Apache-2.0
//! Decimal numbers whose digits and scale are known at run time.

use std::{cmp::Ordering, fmt, str::FromStr};

use super::{FixedError, MAX_DIGITS};

/// `10^exponent`; exponents above 38 are taken as 38.
pub(super) const fn power_of_ten(exponent: u16) -> i128 {
    let exponent = if exponent > 38 { 38 } else { exponent };
    10i128.pow(exponent as u32)
}

/// A decimal number with its digits and scale: the `fixed` of constant expressions, of `any` and of `DynAny`.
#[derive(Clone, Copy)]
pub struct Decimal {
    mantissa: i128,
    digits: u16,
    scale: i16,
}

impl Decimal {
    pub(super) const fn from_parts(mantissa: i128, digits: u16, scale: i16) -> Self {
        Self {
            mantissa,
            digits,
            scale,
        }
    }

    /// Creates the number `mantissa × 10^-scale`, or nothing if it has more than 31 digits.
    pub fn new(mantissa: i128, scale: i16) -> Option<Self> {
        let digits = count_digits(mantissa);
        (digits <= MAX_DIGITS).then_some(Self {
            mantissa,
            digits,
            scale,
        })
    }

    /// Returns the number times `10^scale`, which is an integer.
    pub const fn mantissa(self) -> i128 {
        self.mantissa
    }

    /// Returns the number of digits of its type.
    pub const fn digits(self) -> u16 {
        self.digits
    }

    /// Returns the number of digits behind the point.
    pub const fn scale(self) -> i16 {
        self.scale
    }

    /// Brings the number to `digits` and `scale`, cutting off what does not fit behind the point.
    ///
    /// # Errors
    ///
    /// [`FixedError::Overflow`] if there are too many digits before the point.
    pub fn fit(self, digits: u16, scale: i16) -> Result<Self, FixedError> {
        let overflow = FixedError::Overflow { digits, scale };
        let mantissa = rescale(self.mantissa, self.scale, scale).ok_or(overflow)?;
        if digits > MAX_DIGITS || count_digits(mantissa) > digits {
            return Err(overflow);
        }
        Ok(Self {
            mantissa,
            digits,
            scale,
        })
    }

    /// Rounds to `scale` digits behind the point, halves away from zero.
    pub fn round(self, scale: i16) -> Option<Self> {
        if scale >= self.scale {
            return Some(self);
        }
        let one_more = rescale(self.mantissa, self.scale, scale.checked_add(1)?)?;
        Self::new((one_more + 5 * one_more.signum()) / 10, scale)
    }

    /// Cuts off all but `scale` digits behind the point.
    pub fn truncate(self, scale: i16) -> Self {
        if scale >= self.scale {
            return self;
        }
        rescale(self.mantissa, self.scale, scale)
            .and_then(|mantissa| Self::new(mantissa, scale))
            .unwrap_or(self)
    }

    /// Adds: `fixed<max(d1-s1,d2-s2)+max(s1,s2)+1, max(s1,s2)>`.
    ///
    /// # Errors
    ///
    /// [`FixedError::Overflow`] if the sum needs more than 31 digits before the point.
    pub fn checked_add(self, other: Self) -> Result<Self, FixedError> {
        let scale = self.scale.max(other.scale);
        let whole = self.whole_digits().max(other.whole_digits());
        let sum = Wide::new(self.mantissa)
            .shift(scale, self.scale)
            .zip(Wide::new(other.mantissa).shift(scale, other.scale));
        let sum = sum.and_then(|(left, right)| left.add(right));
        let sum = sum.ok_or(FixedError::Overflow {
            digits: MAX_DIGITS,
            scale,
        })?;
        sum.into_decimal(whole + i32::from(scale) + 1, scale)
    }

    /// Subtracts, by the rule of [`Self::checked_add`].
    ///
    /// # Errors
    ///
    /// As [`Self::checked_add`].
    pub fn checked_sub(self, other: Self) -> Result<Self, FixedError> {
        self.checked_add(-other)
    }

    /// Multiplies: `fixed<d1+d2, s1+s2>`.
    ///
    /// # Errors
    ///
    /// [`FixedError::Overflow`] if the product needs more than 31 digits before the point.
    pub fn checked_mul(self, other: Self) -> Result<Self, FixedError> {
        let scale = self.scale.saturating_add(other.scale);
        let product = Wide::new(self.mantissa).multiply(other.mantissa);
        product.into_decimal(i32::from(self.digits) + i32::from(other.digits), scale)
    }

    /// Divides: `fixed<(d1-s1+s2)+s, s>` with `s` as large as 31 digits allow.
    ///
    /// # Errors
    ///
    /// [`FixedError::DivisionByZero`]; [`FixedError::Overflow`] if the quotient needs more than 31 digits before the
    /// point.
    pub fn checked_div(self, other: Self) -> Result<Self, FixedError> {
        if other.mantissa == 0 {
            return Err(FixedError::DivisionByZero);
        }
        // 31 more digits in the dividend give at least 31 significant digits in the quotient.
        let dividend = Wide::new(self.mantissa).push_zeros(MAX_DIGITS);
        let scale = self.scale.saturating_sub(other.scale).saturating_add(31);
        let quotient = dividend.divide(other.mantissa);
        let exact = quotient.into_decimal(i32::MAX, scale)?;
        Ok(exact.without_trailing_zeros())
    }

    fn without_trailing_zeros(mut self) -> Self {
        while self.scale > 0 && self.mantissa % 10 == 0 {
            self.mantissa /= 10;
            self.scale -= 1;
        }
        self.digits = count_digits(self.mantissa).max(1);
        self
    }

    fn whole_digits(self) -> i32 {
        i32::from(self.digits) - i32::from(self.scale)
    }

    /// Packs the number as CDR does: two digits an octet, the sign in the last nibble (CORBA 3.3 §9.3.2.8).
    pub fn to_packed(self) -> PackedDecimal {
        let length = usize::from(self.digits) / 2 + 1;
        let mut octets = [0u8; 16];
        let mut rest = self.mantissa.unsigned_abs();
        let mut nibble = if self.mantissa < 0 { 0xd } else { 0xc };
        for (index, octet) in octets.iter_mut().take(length).rev().enumerate() {
            let low = if index == 0 { nibble } else { take_digit(&mut rest) };
            nibble = take_digit(&mut rest);
            *octet = nibble << 4 | low;
        }
        PackedDecimal { octets, length }
    }

    /// Reads a packed decimal of `digits` digits.
    ///
    /// # Errors
    ///
    /// [`FixedError::Length`], [`FixedError::Digit`] or [`FixedError::Sign`] by what is wrong with it.
    pub fn from_packed(packed: &[u8], digits: u16, scale: i16) -> Result<Self, FixedError> {
        if digits > MAX_DIGITS || packed.len() != usize::from(digits) / 2 + 1 {
            return Err(FixedError::Length);
        }
        let mut mantissa = 0i128;
        let mut nibbles = packed.iter().flat_map(|octet| [octet >> 4, octet & 0xf]);
        for position in 0..packed.len() * 2 - 1 {
            let digit = nibbles.next().unwrap_or(0xf);
            // With an even number of digits the first nibble only fills the octet.
            let filler = position == 0 && digits.is_multiple_of(2);
            if digit > 9 || (filler && digit != 0) {
                return Err(FixedError::Digit);
            }
            mantissa = mantissa * 10 + i128::from(digit);
        }
        match nibbles.next() {
            Some(0xc) => Ok(Self {
                mantissa,
                digits,
                scale,
            }),
            Some(0xd) => Ok(Self {
                mantissa: -mantissa,
                digits,
                scale,
            }),
            _ => Err(FixedError::Sign),
        }
    }
}

/// A number packed for CDR.
#[derive(Debug, Clone, Copy)]
pub struct PackedDecimal {
    octets: [u8; 16],
    length: usize,
}

impl AsRef<[u8]> for PackedDecimal {
    fn as_ref(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }
}

fn take_digit(rest: &mut u128) -> u8 {
    let digit = u8::try_from(*rest % 10).unwrap_or_default();
    *rest /= 10;
    digit
}

fn count_digits(mantissa: i128) -> u16 {
    let magnitude = mantissa.unsigned_abs();
    magnitude
        .checked_ilog10()
        .map_or(0, |log| u16::try_from(log + 1).unwrap_or(u16::MAX))
}

/// The mantissa at another scale; nothing if it grows out of the type.
fn rescale(mantissa: i128, from: i16, to: i16) -> Option<i128> {
    if mantissa == 0 {
        return Some(0);
    }
    let shift = i32::from(to) - i32::from(from);
    let Ok(exponent) = u16::try_from(shift.unsigned_abs()) else {
        return (shift < 0).then_some(0);
    };
    match (shift >= 0, exponent > 38) {
        (true, true) => None,
        (true, false) => mantissa.checked_mul(power_of_ten(exponent)),
        (false, true) => Some(0),
        (false, false) => Some(mantissa / power_of_ten(exponent)),
    }
}

/// Digits beyond what 128 bits hold, for intermediate results: least significant first.
struct Wide {
    negative: bool,
    digits: [u8; Self::LENGTH],
}

impl Wide {
    const LENGTH: usize = 96;

    fn new(value: i128) -> Self {
        let mut rest = value.unsigned_abs();
        let mut digits = [0; Self::LENGTH];
        for digit in digits.iter_mut().take(39) {
            *digit = take_digit(&mut rest);
        }
        Self {
            negative: value < 0,
            digits,
        }
    }

    fn push_zeros(mut self, count: u16) -> Self {
        self.digits.rotate_right(usize::from(count) % Self::LENGTH);
        self
    }

    /// The number at a greater scale; nothing if the scales are too far apart to matter.
    fn shift(self, to: i16, from: i16) -> Option<Self> {
        let zeros = u16::try_from(i32::from(to) - i32::from(from)).ok()?;
        let zero = self.digits.iter().all(|digit| *digit == 0);
        match zeros {
            _ if zero => Some(self),
            0..=62 => Some(self.push_zeros(zeros)),
            _ => None,
        }
    }

    fn add(mut self, mut other: Self) -> Option<Self> {
        if self.negative != other.negative && self.magnitude_order(&other) == Ordering::Less {
            std::mem::swap(&mut self, &mut other);
        }
        let subtract = self.negative != other.negative;
        let mut carry = 0i8;
        for (left, right) in self.digits.iter_mut().zip(other.digits) {
            let right = right.cast_signed();
            let sum = left.cast_signed() + carry + if subtract { -right } else { right };
            carry = sum.div_euclid(10);
            *left = sum.rem_euclid(10).cast_unsigned();
        }
        (carry == 0).then_some(self)
    }

    fn magnitude_order(&self, other: &Self) -> Ordering {
        self.digits.iter().rev().cmp(other.digits.iter().rev())
    }

    fn multiply(self, by: i128) -> Self {
        let factor = Self::new(by);
        let mut columns = [0u32; Self::LENGTH];
        for (shift, digit) in factor.digits.iter().take(39).enumerate() {
            for (column, own) in columns.iter_mut().skip(shift).zip(self.digits) {
                *column += u32::from(*digit) * u32::from(own);
            }
        }
        let mut carry = 0;
        let digits = columns.map(|column| {
            let sum = column + carry;
            carry = sum / 10;
            u8::try_from(sum % 10).unwrap_or_default()
        });
        Self {
            negative: self.negative != factor.negative,
            digits,
        }
    }

    fn divide(mut self, by: i128) -> Self {
        let divisor = by.unsigned_abs();
        let mut remainder = 0u128;
        for digit in self.digits.iter_mut().rev() {
            remainder = remainder * 10 + u128::from(*digit);
            *digit = u8::try_from(remainder / divisor).unwrap_or_default();
            remainder %= divisor;
        }
        self.negative = self.negative != (by < 0);
        self
    }

    /// The result of a rule that gives `digits` and `scale`: digits behind the point are cut until 31 are left.
    fn into_decimal(self, digits: i32, scale: i16) -> Result<Decimal, FixedError> {
        let used = self
            .digits
            .iter()
            .rposition(|digit| *digit != 0)
            .map_or(0, |index| index + 1);
        let cut = used.saturating_sub(usize::from(MAX_DIGITS));
        let overflow = FixedError::Overflow {
            digits: MAX_DIGITS,
            scale,
        };
        let lost = i16::try_from(cut).map_err(|_| overflow)?;
        let scale = scale.saturating_sub(lost);
        if lost > 0 && scale < 0 {
            return Err(overflow);
        }
        let magnitude = self
            .digits
            .iter()
            .take(used)
            .skip(cut)
            .rev()
            .fold(0, |sum, digit| sum * 10 + i128::from(*digit));
        let mantissa = if self.negative { -magnitude } else { magnitude };
        let digits = digits.clamp(i32::from(count_digits(mantissa)).max(1), i32::from(MAX_DIGITS));
        Ok(Decimal {
            mantissa,
            digits: u16::try_from(digits).unwrap_or(MAX_DIGITS),
            scale,
        })
    }
}

impl std::ops::Neg for Decimal {
    type Output = Self;

    fn neg(self) -> Self {
        Self {
            mantissa: -self.mantissa,
            ..self
        }
    }
}

macro_rules! from_integers {
    ($($integer:ty)*) => { $(
        impl From<$integer> for Decimal {
            fn from(value: $integer) -> Self {
                let mantissa = i128::from(value);
                Self { mantissa, digits: count_digits(mantissa).max(1), scale: 0 }
            }
        }
    )* };
}
from_integers!(i8 i16 i32 i64 u8 u16 u32 u64);

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    /// Compares the numbers, whatever their scale.
    fn cmp(&self, other: &Self) -> Ordering {
        let signs = self.mantissa.signum().cmp(&other.mantissa.signum());
        if signs.is_ne() || self.mantissa == 0 {
            return signs;
        }
        let scale = self.scale.max(other.scale);
        let left = Wide::new(self.mantissa).shift(scale, self.scale);
        let right = Wide::new(other.mantissa).shift(scale, other.scale);
        let magnitudes = match (left, right) {
            (Some(left), Some(right)) => left.magnitude_order(&right),
            // Sixty-two zeros more than the other: greater whatever its digits are.
            (None, _) => Ordering::Greater,
            (_, None) => Ordering::Less,
        };
        if self.mantissa < 0 {
            magnitudes.reverse()
        } else {
            magnitudes
        }
    }
}

impl FromStr for Decimal {
    type Err = FixedError;

    /// Reads `[+-]digits[.digits][d]`; zeros before the number and behind the last place do not count as digits.
    fn from_str(text: &str) -> Result<Self, FixedError> {
        let text = text.trim();
        let text = text.strip_suffix(['d', 'D']).unwrap_or(text);
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(FixedError::Syntax);
        }
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.trim_end_matches('0');
        let mut mantissa = 0i128;
        for character in whole.chars().chain(fraction.chars()) {
            let digit = character.to_digit(10).ok_or(FixedError::Syntax)?;
            let longer = mantissa
                .checked_mul(10)
                .and_then(|shifted| shifted.checked_add(digit.into()));
            mantissa = longer.ok_or(FixedError::Overflow {
                digits: MAX_DIGITS,
                scale: 0,
            })?;
        }
        let scale = i16::try_from(fraction.len()).map_err(|_| FixedError::Syntax)?;
        let mantissa = if negative { -mantissa } else { mantissa };
        Self::new(mantissa, scale).ok_or(FixedError::Overflow {
            digits: MAX_DIGITS,
            scale,
        })
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.mantissa.unsigned_abs();
        let mut text = magnitude.to_string();
        match usize::try_from(self.scale) {
            Ok(0) => {}
            Ok(scale) => {
                let text_with_zeros = format!("{text:0>width$}", width = scale + 1);
                let (whole, fraction) = text_with_zeros.split_at(text_with_zeros.len() - scale);
                text = format!("{whole}.{fraction}");
            }
            Err(_) if magnitude == 0 => {}
            Err(_) => text.extend(std::iter::repeat_n('0', usize::from(self.scale.unsigned_abs()))),
        }
        f.pad_integral(self.mantissa >= 0, "", &text)
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
