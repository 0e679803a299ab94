// SPDX-License-Identifier: MIT OR Apache-2.0
//! What operators do (IDL 4.2 §7.4.1.4.3).

use crate::model::{FixedValue, Value};
use crate::syntax::BinaryOperator;

/// Most digits of a fixed-point number.
const DIGITS: usize = 31;

/// Two operands of one kind.
#[derive(Clone, Copy, Debug)]
pub(super) enum Operands {
    Integers(i128, i128),
    Floats(f64, f64),
    Fixed(FixedValue, FixedValue),
}

/// Applies an operator; in the error `{}` stands for it.
pub(super) fn apply(operator: BinaryOperator, operands: Operands) -> Result<Value, String> {
    match operands {
        Operands::Integers(left, right) => integers(operator, left, right).map(Value::Integer),
        Operands::Floats(left, right) => floats(operator, left, right).map(Value::Float),
        Operands::Fixed(left, right) => fixed(operator, left, right).map(Value::Fixed),
    }
}

fn integers(operator: BinaryOperator, left: i128, right: i128) -> Result<i128, String> {
    let shift = || match u32::try_from(right) {
        Ok(by @ 0..=63) => Ok(by),
        _ => Err(format!(
            "the right operand of `{{}}` must be 0 to 63, not {right}"
        )),
    };
    // Operands have 64 bits, so no result leaves 128.
    Ok(match operator {
        BinaryOperator::Or => left | right,
        BinaryOperator::Xor => left ^ right,
        BinaryOperator::And => left & right,
        BinaryOperator::ShiftLeft => left << shift()?,
        BinaryOperator::ShiftRight => left >> shift()?,
        BinaryOperator::Add => left + right,
        BinaryOperator::Subtract => left - right,
        BinaryOperator::Multiply => left * right,
        BinaryOperator::Divide | BinaryOperator::Remainder if right == 0 => return Err(by_zero()),
        BinaryOperator::Divide => left / right,
        BinaryOperator::Remainder => left % right,
    })
}

fn floats(operator: BinaryOperator, left: f64, right: f64) -> Result<f64, String> {
    let value = match operator {
        BinaryOperator::Add => left + right,
        BinaryOperator::Subtract => left - right,
        BinaryOperator::Multiply => left * right,
        BinaryOperator::Divide if right == 0.0 => return Err(by_zero()),
        BinaryOperator::Divide => left / right,
        _ => return Err(String::from("`{}` does not apply to floating-point numbers")),
    };
    if value.is_finite() {
        Ok(value)
    } else {
        Err(String::from("the result of `{}` exceeds `double`"))
    }
}

fn fixed(operator: BinaryOperator, left: FixedValue, right: FixedValue) -> Result<FixedValue, String> {
    let exceeds = || String::from("the result of `{}` has more than 31 digits before the point");
    match operator {
        BinaryOperator::Add => sum(left, right).ok_or_else(exceeds),
        BinaryOperator::Subtract => sum(
            left,
            FixedValue {
                digits: -right.digits,
                scale: right.scale,
            },
        )
        .ok_or_else(exceeds),
        BinaryOperator::Multiply => product(left, right).ok_or_else(exceeds),
        BinaryOperator::Divide if right.digits == 0 => Err(by_zero()),
        BinaryOperator::Divide => quotient(left, right).ok_or_else(exceeds),
        _ => Err(String::from("`{}` does not apply to fixed-point numbers")),
    }
}

fn by_zero() -> String {
    String::from("division by zero")
}

/// How many digits a number has; none if it is zero.
pub(super) fn digits(value: i128) -> usize {
    if value == 0 {
        0
    } else {
        value.unsigned_abs().to_string().len()
    }
}

/// Cuts a number to at most `scale` digits after the point, and drops zeroes at its end.
pub(super) fn truncated(mut value: FixedValue, scale: u16) -> FixedValue {
    while value.scale > scale || (value.scale > 0 && value.digits % 10 == 0) {
        value.digits /= 10;
        value.scale -= 1;
    }
    value
}

/// Cuts a number to 31 digits; `None` if those before the point are more.
fn fitted(mut value: FixedValue) -> Option<FixedValue> {
    while digits(value.digits) > DIGITS || usize::from(value.scale) > DIGITS {
        if value.scale == 0 {
            return None;
        }
        value.digits /= 10;
        value.scale -= 1;
    }
    Some(truncated(value, value.scale))
}

fn sum(left: FixedValue, right: FixedValue) -> Option<FixedValue> {
    let (mut left, mut right) = (left, right);
    while left.scale != right.scale {
        let (low, high) = if left.scale < right.scale {
            (&mut left, &mut right)
        } else {
            (&mut right, &mut left)
        };
        // What has no place beside the other's leading digits is cut off.
        if digits(low.digits) < 37 {
            low.digits *= 10;
            low.scale += 1;
        } else {
            high.digits /= 10;
            high.scale -= 1;
        }
    }
    fitted(FixedValue {
        digits: left.digits.checked_add(right.digits)?,
        scale: left.scale,
    })
}

/// Multiplies digit by digit, since the product has up to 62 digits.
fn product(left: FixedValue, right: FixedValue) -> Option<FixedValue> {
    let mut places = vec![0u32; 2 * DIGITS + 2];
    for (i, a) in low_to_high(left.digits).into_iter().enumerate() {
        for (j, b) in low_to_high(right.digits).into_iter().enumerate() {
            if let Some(place) = places.get_mut(i + j) {
                *place += a * b;
            }
        }
    }
    let mut carry = 0;
    for place in &mut places {
        let total = *place + carry;
        *place = total % 10;
        carry = total / 10;
    }
    while places.last() == Some(&0) {
        places.pop();
    }
    let mut scale = left.scale + right.scale;
    let surplus = places.len().saturating_sub(DIGITS);
    let cut = u16::try_from(surplus).ok()?;
    scale = scale.checked_sub(cut)?;
    let magnitude = places
        .iter()
        .skip(surplus)
        .rev()
        .fold(0i128, |value, digit| value * 10 + i128::from(*digit));
    let negative = (left.digits < 0) != (right.digits < 0);
    fitted(FixedValue {
        digits: if negative { -magnitude } else { magnitude },
        scale,
    })
}

fn low_to_high(value: i128) -> Vec<u32> {
    value
        .unsigned_abs()
        .to_string()
        .bytes()
        .rev()
        .map(|byte| u32::from(byte - b'0'))
        .collect()
}

fn quotient(left: FixedValue, right: FixedValue) -> Option<FixedValue> {
    let divisor = right.digits.unsigned_abs();
    let mut rest = left.digits.unsigned_abs();
    let mut value = rest / divisor;
    rest %= divisor;
    let mut scale = i32::from(left.scale) - i32::from(right.scale);
    while (rest != 0 && digits(i128::try_from(value).ok()?) < DIGITS && scale < 31) || scale < 0 {
        rest *= 10;
        value = value.checked_mul(10)?.checked_add(rest / divisor)?;
        rest %= divisor;
        scale += 1;
    }
    let magnitude = i128::try_from(value).ok()?;
    let negative = (left.digits < 0) != (right.digits < 0);
    fitted(FixedValue {
        digits: if negative { -magnitude } else { magnitude },
        scale: u16::try_from(scale).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> FixedValue {
        let plain = text.trim_start_matches('-');
        let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
        let digits: i128 = format!("{whole}{fraction}").parse().unwrap();
        let sign = if text.starts_with('-') { -1 } else { 1 };
        FixedValue {
            digits: sign * digits,
            scale: u16::try_from(fraction.len()).unwrap(),
        }
    }

    fn check(left: &str, operator: BinaryOperator, right: &str, expected: &str) {
        let result = fixed(operator, decimal(left), decimal(right)).map(|value| value.to_string());
        assert_eq!(result.as_deref(), Ok(expected), "{left} {operator:?} {right}");
    }

    #[test]
    fn fixed_point_arithmetic_is_exact() {
        check("1.25", BinaryOperator::Add, "0.75", "2");
        check("1", BinaryOperator::Subtract, "0.001", "0.999");
        check("-1.5", BinaryOperator::Multiply, "0.5", "-0.75");
        check("1", BinaryOperator::Divide, "8", "0.125");
        check("0.5", BinaryOperator::Divide, "0.0001", "5000");
        check(
            "10",
            BinaryOperator::Divide,
            "3",
            "3.333333333333333333333333333333",
        );
    }

    #[test]
    fn results_of_more_than_31_digits_lose_those_after_the_point_only() {
        let nines = "9".repeat(31);
        check(
            &format!("0.{nines}"),
            BinaryOperator::Multiply,
            "0.1",
            &format!("0.0{}", "9".repeat(30)),
        );
        assert!(fixed(BinaryOperator::Multiply, decimal(&nines), decimal("10")).is_err());
        assert!(fixed(BinaryOperator::Add, decimal(&nines), decimal("1")).is_err());
        check(&nines, BinaryOperator::Add, "0.5", &nines);
    }

    #[test]
    fn integers_divide_toward_zero_and_never_by_zero() {
        assert_eq!(integers(BinaryOperator::Divide, -7, 2), Ok(-3));
        assert_eq!(integers(BinaryOperator::Remainder, -7, 2), Ok(-1));
        assert!(integers(BinaryOperator::Divide, 1, 0).is_err());
        assert!(integers(BinaryOperator::ShiftLeft, 1, 64).is_err());
        assert!(floats(BinaryOperator::Divide, 1.0, 0.0).is_err());
        assert!(floats(BinaryOperator::Multiply, 1e300, 1e300).is_err());
        assert!(floats(BinaryOperator::Or, 1.0, 1.0).is_err());
    }
}
