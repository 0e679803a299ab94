// SPDX-License-Identifier: MIT OR Apache-2.0
//! Values of constants, labels and annotation arguments.

use std::fmt;

use super::ItemId;

/// A value known at compile time.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Of any integer type, `octet` and bitmask included.
    Integer(i128),
    /// Of `float`, `double` or `long double`.
    Float(f64),
    /// Of a `fixed` type.
    Fixed(FixedValue),
    /// Of `boolean`.
    Boolean(bool),
    /// Of `char`; ISO 8859-1.
    Char(char),
    /// Of `wchar`.
    WideChar(char),
    /// Of `string`; escapes are applied, so `\xe9` is `é`.
    String(String),
    /// Of `wstring`.
    WideString(String),
    /// An enumerator.
    Enumerator {
        /// The enumeration.
        of: ItemId,
        /// Index in its enumerators.
        index: usize,
    },
    /// A name that is no constant; only in arguments of annotations.
    Name(String),
}

/// An exact decimal: `digits` × 10^-`scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedValue {
    /// All digits as one integer; at most 31 of them.
    pub digits: i128,
    /// How many of them stand after the decimal point.
    pub scale: u16,
}

impl fmt::Display for FixedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = usize::from(self.scale);
        let digits = format!("{:0>width$}", self.digits.unsigned_abs(), width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let sign = if self.digits < 0 { "-" } else { "" };
        if fraction.is_empty() {
            return write!(f, "{sign}{whole}");
        }
        write!(f, "{sign}{whole}.{fraction}")
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Fixed(value) => write!(f, "{value}"),
            Self::Boolean(true) => f.write_str("TRUE"),
            Self::Boolean(false) => f.write_str("FALSE"),
            Self::Char(value) | Self::WideChar(value) => write!(f, "{value:?}"),
            Self::String(value) | Self::WideString(value) => write!(f, "{value:?}"),
            Self::Enumerator { index, .. } => write!(f, "enumerator {index}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}
