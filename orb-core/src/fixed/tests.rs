// SPDX-License-Identifier: MIT OR Apache-2.0

use proptest::prelude::*;

use super::{Decimal, Fixed, FixedError};
use crate::cdr::{CdrError, Decoder, Encoder, Marshal, Unmarshal};

fn octets<const D: u16, const S: i16>(text: &str) -> Vec<u8> {
    let number: Fixed<D, S> = text.parse().expect("a number of this type");
    let mut encoder = Encoder::native();
    number.marshal(&mut encoder).expect("every number has a CDR form");
    encoder.contiguous().to_vec()
}

fn read<const D: u16, const S: i16>(octets: &[u8]) -> Result<Fixed<D, S>, CdrError> {
    Fixed::unmarshal(&mut Decoder::native(octets))
}

fn decimal(text: &str) -> Decimal {
    text.parse().expect("a decimal number")
}

#[test]
fn an_odd_number_of_digits_fills_the_octets() {
    assert_eq!(octets::<5, 2>("123.45"), [0x12, 0x34, 0x5c]);
    assert_eq!(octets::<5, 2>("-123.45"), [0x12, 0x34, 0x5d]);
}

#[test]
fn an_even_number_of_digits_begins_with_a_zero() {
    assert_eq!(octets::<4, 2>("12.34"), [0x01, 0x23, 0x4c]);
    assert_eq!(octets::<4, 2>("0"), [0x00, 0x00, 0x0c]);
}

#[test]
fn the_longest_numbers_survive() {
    let nines = "9999999999999999999999999999999";
    let packed = octets::<31, 0>(nines);
    assert_eq!(packed.len(), 16);
    assert_eq!(read::<31, 0>(&packed).expect("just written").to_string(), nines);
    assert_eq!(Fixed::<31, 31>::MIN.to_string(), format!("-0.{nines}"));
}

#[test]
fn wrong_nibbles_are_refused() {
    assert_eq!(read::<3, 0>(&[0x1a, 0x3c]), Err(CdrError::BadFixed));
    assert_eq!(read::<3, 0>(&[0x12, 0x3f]), Err(CdrError::BadFixed));
    assert_eq!(read::<3, 0>(&[0x12, 0x35]), Err(CdrError::BadFixed));
    assert_eq!(
        read::<2, 0>(&[0x91, 0x2c]),
        Err(CdrError::BadFixed),
        "the filler must be zero"
    );
    assert_eq!(read::<3, 0>(&[0x12]), Err(CdrError::UnexpectedEnd));
    assert_eq!(Decimal::from_packed(&[0x0c], 33, 0), Err(FixedError::Length));
}

#[test]
fn negative_zero_is_zero() {
    assert_eq!(read::<1, 0>(&[0x0d]), Ok(Fixed::ZERO));
}

#[test]
fn text_is_read_and_shown() {
    for (text, shown) in [
        ("1.50", "1.5"),
        ("-0.05d", "-0.05"),
        (".5", "0.5"),
        ("+7.", "7"),
        ("0000012", "12"),
    ] {
        assert_eq!(decimal(text).to_string(), shown);
    }
    for text in ["", ".", "-", "1e5", "1.2.3", "12a"] {
        assert_eq!(text.parse::<Decimal>(), Err(FixedError::Syntax), "{text}");
    }
    assert_eq!(
        format!(
            "{:>8}|{:<8}|{:08}",
            decimal("1.5"),
            decimal("1.5"),
            decimal("-1.5")
        ),
        "     1.5|1.5     |-00001.5"
    );
}

#[test]
fn too_many_digits_overflow_and_places_are_cut() {
    assert!("1000".parse::<Fixed<5, 2>>().is_err());
    assert_eq!(
        "999.999".parse::<Fixed<5, 2>>().expect("cut").to_string(),
        "999.99"
    );
    assert!("99999999999999999999999999999999".parse::<Decimal>().is_err());
    assert!(Fixed::<3, 1>::try_from(100).is_err());
    assert_eq!(Fixed::<3, 1>::try_from(99).expect("fits").to_string(), "99.0");
}

#[test]
fn a_negative_scale_stands_for_zeros() {
    let number = Fixed::<3, -2>::from_mantissa(-123).expect("three digits");
    assert_eq!(number.to_string(), "-12300");
    assert_eq!(Decimal::from(number), decimal("-12300"));
    assert_eq!("12345".parse::<Fixed<3, -2>>().expect("cut").to_string(), "12300");
}

#[test]
fn results_have_the_digits_of_the_idl_rules() {
    let (a, b) = (decimal("12.34"), decimal("5.678"));
    let sum = a.checked_add(b).expect("fits");
    assert_eq!(
        (sum.to_string().as_str(), sum.digits(), sum.scale()),
        ("18.018", 6, 3)
    );
    let product = a.checked_mul(b).expect("fits");
    assert_eq!(
        (product.to_string().as_str(), product.digits(), product.scale()),
        ("70.06652", 8, 5)
    );
    assert_eq!(a.checked_sub(b).expect("fits").to_string(), "6.662");
    assert_eq!(
        decimal("1").checked_div(decimal("8")).expect("fits").to_string(),
        "0.125"
    );
    assert_eq!(
        decimal("1").checked_div(decimal("0")),
        Err(FixedError::DivisionByZero)
    );
    let third = decimal("1").checked_div(decimal("3")).expect("cut to 31 digits");
    assert_eq!(third.to_string(), format!("0.{}", "3".repeat(31)));
}

#[test]
fn results_beyond_31_digits_lose_places_before_they_overflow() {
    let long = decimal("1234567890123456789012345678.9");
    let product = long.checked_mul(decimal("10.01")).expect("cut");
    assert_eq!(product.to_string(), "12358024580135802458013580245.78");
    assert!(long.checked_mul(long).is_err());
    assert!(decimal(&"9".repeat(31)).checked_add(decimal("1")).is_err());
}

#[test]
fn rounding_goes_away_from_zero_and_truncation_towards_it() {
    assert_eq!(decimal("2.345").round(2), Some(decimal("2.35")));
    assert_eq!(decimal("-2.345").round(2), Some(decimal("-2.35")));
    assert_eq!(decimal("-2.345").truncate(2), decimal("-2.34"));
    assert_eq!(decimal("2.5").round(5), Some(decimal("2.5")));
}

#[test]
fn typed_arithmetic_checks_its_type() {
    let one: Fixed<3, 1> = "1.5".parse().expect("fits");
    assert_eq!(one.checked_add(one), Some("3.0".parse().expect("fits")));
    assert_eq!(Fixed::<3, 1>::MAX.checked_add(one), None);
    assert_eq!(one.checked_sub(-one), one.checked_add(one));
    assert_eq!(one.checked_mul(one).expect("cut").to_string(), "2.2");
    assert_eq!(
        one.checked_div(Fixed::<1, 0>::from_mantissa(2).expect("2"))
            .expect("fits")
            .to_string(),
        "0.7"
    );
    assert_eq!(one.convert::<2, 0>().expect("cut").to_string(), "1");
    assert!(Fixed::<3, 0>::MAX.convert::<2, 0>().is_err());
}

#[test]
fn numbers_of_very_different_scale_compare() {
    let tiny = Decimal::new(1, i16::MAX).expect("one digit");
    let huge = Decimal::new(1, i16::MIN).expect("one digit");
    assert!(tiny < huge && -huge < tiny && tiny > decimal("0"));
    assert_eq!(decimal("1.10"), decimal("1.1"));
}

proptest! {
    #[test]
    fn packed_numbers_survive(mantissa in -(10i128.pow(31) - 1)..10i128.pow(31)) {
        let number = Fixed::<31, 4>::from_mantissa(mantissa).expect("31 digits");
        let mut encoder = Encoder::native();
        number.marshal(&mut encoder).expect("has a CDR form");
        prop_assert_eq!(read::<31, 4>(&encoder.contiguous()), Ok(number));
    }

    #[test]
    fn shown_numbers_are_read_back(mantissa in -(10i128.pow(31) - 1)..10i128.pow(31), scale in 0i16..40) {
        let number = Decimal::new(mantissa, scale).expect("31 digits");
        prop_assert_eq!(number.to_string().parse::<Decimal>(), Ok(number));
    }

    #[test]
    fn small_sums_and_products_are_those_of_integers(a in any::<i32>(), b in any::<i32>(), s in 0i16..9, t in 0i16..9) {
        let (left, right) = (Decimal::new(a.into(), s).expect("10 digits"), Decimal::new(b.into(), t).expect("10 digits"));
        let product = Decimal::new(i128::from(a) * i128::from(b), s + t).expect("20 digits");
        prop_assert_eq!(left.checked_mul(right), Ok(product));
        let scaled = |n: i32, by: i16| i128::from(n) * 10i128.pow(u32::from((s.max(t) - by).unsigned_abs()));
        let sum = Decimal::new(scaled(a, s) + scaled(b, t), s.max(t)).expect("20 digits");
        prop_assert_eq!(left.checked_add(right), Ok(sum));
        prop_assert_eq!(left.cmp(&right), scaled(a, s).cmp(&scaled(b, t)));
    }

    #[test]
    fn any_octets_are_read_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..20)) {
        let _ = read::<31, 3>(&octets);
        let _ = read::<8, 3>(&octets);
    }
}
