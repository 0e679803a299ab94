// SPDX-License-Identifier: MIT OR Apache-2.0
//! What literals mean (IDL 4.2 §7.2.6).

use crate::model::FixedValue;

/// A numeric literal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Number {
    Integer(i128),
    Float(f64),
    Fixed(FixedValue),
}

/// The largest integer any IDL type holds.
const LARGEST: i128 = u64::MAX as i128;

/// Most digits of a fixed-point number (IDL 4.2 §7.4.1.4.4.2.4).
const FIXED_DIGITS: usize = 31;

/// Reads a numeric literal.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn number(text: &str) -> Result<Number, String> {
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return integer(digits, 16, "hexadecimal");
    }
    if let Some(fixed) = text.strip_suffix(['d', 'D']) {
        return fixed_point(fixed).map(Number::Fixed);
    }
    if text.contains(['.', 'e', 'E']) {
        return float(text);
    }
    match text.strip_prefix('0') {
        Some("") => Ok(Number::Integer(0)),
        Some(digits) => integer(digits, 8, "octal"),
        None => integer(text, 10, "decimal"),
    }
}

fn integer(digits: &str, radix: u32, what: &str) -> Result<Number, String> {
    if digits.is_empty() {
        return Err(format!("{what} literal without digits"));
    }
    if let Some(bad) = digits.chars().find(|c| !c.is_digit(radix)) {
        return Err(format!("`{bad}` is no {what} digit"));
    }
    let digits = digits.trim_start_matches('0');
    let value = if digits.is_empty() {
        Some(0)
    } else {
        i128::from_str_radix(digits, radix).ok()
    };
    match value {
        Some(value) if value <= LARGEST => Ok(Number::Integer(value)),
        _ => Err(String::from("integer literal exceeds `unsigned long long`")),
    }
}

fn float(text: &str) -> Result<Number, String> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..)),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return Err(String::from("malformed floating-point literal"));
    }
    if let Some(exponent) = exponent {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if exponent.is_empty() || !digits(exponent) {
            return Err(String::from(
                "floating-point literal without digits in its exponent",
            ));
        }
    }
    let value: f64 = text
        .parse()
        .map_err(|_| String::from("malformed floating-point literal"))?;
    if value.is_finite() {
        return Ok(Number::Float(value));
    }
    Err(String::from("floating-point literal exceeds `double`"))
}

fn fixed_point(text: &str) -> Result<FixedValue, String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return Err(String::from("malformed fixed-point literal"));
    }
    let fraction = fraction.trim_end_matches('0');
    let all = format!("{}{fraction}", whole.trim_start_matches('0'));
    if all.len() > FIXED_DIGITS || fraction.len() > FIXED_DIGITS {
        return Err(format!("fixed-point literal has more than {FIXED_DIGITS} digits"));
    }
    let digits = if all.is_empty() {
        0
    } else {
        all.parse().unwrap_or(0)
    };
    let scale = u16::try_from(fraction.len()).unwrap_or(0);
    Ok(FixedValue { digits, scale })
}

/// Applies the escapes of a character or string literal (IDL 4.2 §7.2.6.2).
///
/// # Errors
/// What is wrong with it. The offset counts characters of the literal, its opening quote not included.
pub(crate) fn unescape(text: &str, wide: bool) -> Result<String, (usize, String)> {
    let mut result = String::with_capacity(text.len());
    let mut rest = text.chars().enumerate().peekable();
    while let Some((at, c)) = rest.next() {
        if c != '\\' {
            if !wide && u32::from(c) > 0xff {
                return Err((
                    at,
                    format!("`{c}` is not in ISO 8859-1; a wide literal `L\"…\"` can hold it"),
                ));
            }
            result.push(c);
            continue;
        }
        let Some((_, escaped)) = rest.next() else {
            return Err((at, String::from("nothing to escape after `\\`")));
        };
        let mut digits = |first: Option<char>, radix: u32, most: usize| {
            let mut value = first.and_then(|c| c.to_digit(radix)).unwrap_or(0);
            let mut count = usize::from(first.is_some());
            while count < most {
                let Some(digit) = rest.peek().and_then(|(_, c)| c.to_digit(radix)) else {
                    break;
                };
                value = value * radix + digit;
                count += 1;
                rest.next();
            }
            (value, count)
        };
        let (value, least) = match escaped {
            'n' => (0x0a, 0),
            't' => (0x09, 0),
            'v' => (0x0b, 0),
            'b' => (0x08, 0),
            'r' => (0x0d, 0),
            'f' => (0x0c, 0),
            'a' => (0x07, 0),
            '\\' | '?' | '\'' | '"' => (u32::from(escaped), 0),
            '0'..='7' => (digits(Some(escaped), 8, 3).0, 0),
            'x' => {
                let (value, count) = digits(None, 16, 2);
                (value, usize::from(count == 0))
            }
            'u' if wide => {
                let (value, count) = digits(None, 16, 4);
                (value, usize::from(count == 0))
            }
            'u' => return Err((at, String::from("`\\u` is only for wide characters and strings"))),
            other => return Err((at, format!("unknown escape `\\{other}`"))),
        };
        if least > 0 {
            return Err((at, format!("`\\{escaped}` needs a hexadecimal digit")));
        }
        if !wide && value > 0xff {
            return Err((at, String::from("octal escape exceeds `\\377`")));
        }
        let decoded = char::from_u32(value);
        result.push(decoded.ok_or_else(|| {
            (
                at,
                format!("U+{value:04X} is half of a surrogate pair, not a character"),
            )
        })?);
    }
    Ok(result)
}

#[cfg(test)]
mod tests;
