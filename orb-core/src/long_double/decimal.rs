// SPDX-License-Identifier: MIT OR Apache-2.0
//! Exact conversion of `significand × 2^power` to decimal, by big integers.

/// Significant digits that tell any two binary128 numbers apart.
const SIGNIFICANT: usize = 36;

/// A natural number: base 10^9, least significant first.
struct Natural(Vec<u64>);

const BASE: u64 = 1_000_000_000;

impl Natural {
    fn new(mut value: u128) -> Self {
        let mut limbs = Vec::new();
        while value > 0 {
            limbs.push(u64::try_from(value % u128::from(BASE)).unwrap_or_default());
            value /= u128::from(BASE);
        }
        Self(limbs)
    }

    fn multiply(&mut self, by: u64) {
        let mut carry = 0;
        for limb in &mut self.0 {
            let product = *limb * by + carry;
            *limb = product % BASE;
            carry = product / BASE;
        }
        while carry > 0 {
            self.0.push(carry % BASE);
            carry /= BASE;
        }
    }

    fn multiply_power(&mut self, base: u64, mut exponent: u32, per_step: u32) {
        while exponent > 0 {
            let step = exponent.min(per_step);
            self.multiply(base.pow(step));
            exponent -= step;
        }
    }

    fn digits(&self) -> String {
        use std::fmt::Write as _;
        let mut limbs = self.0.iter().rev();
        let mut text = limbs.next().map(u64::to_string).unwrap_or_default();
        for limb in limbs {
            // Writing to a string can't fail.
            let _ = write!(text, "{limb:09}");
        }
        text
    }
}

/// `significand × 2^power` as `d.ddd…e±x`, rounded to 36 significant digits.
pub(super) fn scientific(significand: u128, power: i32) -> String {
    let mut number = Natural::new(significand);
    // m × 2^-p = m × 5^p / 10^p; 2^29 and 5^12 times a limb stay within 64 bits.
    let shift = if power >= 0 {
        number.multiply_power(2, power.unsigned_abs(), 29);
        0
    } else {
        number.multiply_power(5, power.unsigned_abs(), 12);
        power
    };
    let digits = number.digits();
    let length = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let (digits, carried) = round(&digits);
    let exponent = length - 1 + shift + i32::from(carried);
    let digits = digits.trim_end_matches('0');
    match digits.split_at_checked(1) {
        None => "0".to_owned(),
        Some((first, "")) => format!("{first}e{exponent}"),
        Some((first, rest)) => format!("{first}.{rest}e{exponent}"),
    }
}

/// The first digits, rounded by the others; whether that made the number one digit longer.
fn round(digits: &str) -> (String, bool) {
    let Some((kept, rest)) = digits.split_at_checked(SIGNIFICANT) else {
        return (digits.to_owned(), false);
    };
    if !matches!(rest.as_bytes().first(), Some(b'5'..=b'9')) {
        return (kept.to_owned(), false);
    }
    let mut kept = kept.as_bytes().to_vec();
    for digit in kept.iter_mut().rev() {
        if *digit < b'9' {
            *digit += 1;
            return (String::from_utf8_lossy(&kept).into_owned(), false);
        }
        *digit = b'0';
    }
    ("1".to_owned(), true)
}
