// SPDX-License-Identifier: MIT OR Apache-2.0

use proptest::prelude::*;

use super::LongDouble;
use crate::{
    cdr::{Decoder, Encoder, Endian, Marshal, Unmarshal, Version},
    codeset::CodeSets,
};

#[test]
fn the_bits_are_those_of_binary128() {
    assert_eq!(
        LongDouble::from(1.0).to_bits(),
        0x3fff_0000_0000_0000_0000_0000_0000_0000
    );
    assert_eq!(
        LongDouble::from(-2.5).to_bits(),
        0xc000_4000_0000_0000_0000_0000_0000_0000
    );
    assert_eq!(
        LongDouble::from(0.1).to_bits(),
        0x3ffb_9999_9999_9999_a000_0000_0000_0000
    );
    assert_eq!(
        LongDouble::from(f64::INFINITY).to_bits(),
        LongDouble::INFINITY.to_bits()
    );
    // 2^-1074, the least subnormal f64, is normal here.
    assert_eq!(
        LongDouble::from(f64::from_bits(1)).to_bits(),
        0x3bcd_0000_0000_0000_0000_0000_0000_0000
    );
}

#[test]
fn both_byte_orders_are_exact() {
    let value = LongDouble::from_bits(0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f);
    for endian in [Endian::Big, Endian::Little] {
        let mut encoder = Encoder::new(endian, Version::V1_2, CodeSets::NATIVE);
        encoder.octet(1);
        value.marshal(&mut encoder).expect("every number has a CDR form");
        let octets = encoder.contiguous();
        assert_eq!(octets.len(), 24, "aligned to 8");
        let mut order: Vec<u8> = (0..16).collect();
        if endian == Endian::Little {
            order.reverse();
        }
        assert_eq!(octets[8..], order);
        let mut decoder = Decoder::new(&octets, endian, Version::V1_2, CodeSets::NATIVE);
        decoder.octet().expect("there");
        assert_eq!(
            LongDouble::unmarshal(&mut decoder).map(LongDouble::to_bits),
            Ok(value.to_bits())
        );
    }
}

#[test]
fn conversion_rounds_to_nearest_even() {
    let one = LongDouble::from(1.0).to_bits();
    let half_ulp = 1u128 << 59;
    assert_eq!(
        LongDouble::from_bits(one + half_ulp).to_f64(),
        1.0,
        "a tie goes to the even neighbour"
    );
    assert_eq!(
        LongDouble::from_bits(one + half_ulp + 1).to_f64(),
        1.0 + f64::EPSILON
    );
    assert_eq!(
        LongDouble::from_bits(one + 3 * half_ulp).to_f64(),
        1.0 + 2.0 * f64::EPSILON
    );
    assert_eq!(LongDouble::from_bits(one - 1).to_f64(), 1.0);
}

#[test]
fn conversion_reaches_the_ends_of_the_range() {
    let max = LongDouble::from(f64::MAX).to_bits();
    assert_eq!(LongDouble::from_bits(max + (1 << 59)).to_f64(), f64::INFINITY);
    assert_eq!(LongDouble::from_bits(max + (1 << 59) - 1).to_f64(), f64::MAX);
    let least = LongDouble::from(f64::from_bits(1)).to_bits();
    let half = least - (1 << 112);
    assert_eq!(
        LongDouble::from_bits(half).to_f64(),
        0.0,
        "a tie between 0 and the least goes to 0"
    );
    assert_eq!(LongDouble::from_bits(half + 1).to_f64().to_bits(), 1);
    assert_eq!(LongDouble::from_bits(half - (1 << 112)).to_f64(), 0.0);
    assert_eq!(LongDouble::from_bits(1).to_f64(), 0.0);
    assert!(LongDouble::from_bits(1 << 127).to_f64().is_sign_negative());
    assert!(LongDouble::NAN.to_f64().is_nan() && LongDouble::from(f64::NAN).is_nan());
}

#[test]
fn comparison_is_that_of_ieee() {
    assert_eq!(LongDouble::from(0.0), LongDouble::from(-0.0));
    assert_ne!(LongDouble::NAN, LongDouble::NAN);
    assert!(LongDouble::from(-2.0) < LongDouble::from(-1.0));
    assert!(LongDouble::from(-1.0) < LongDouble::from(1.0) && LongDouble::from(1) < LongDouble::INFINITY);
    assert_eq!(LongDouble::from(3u32), LongDouble::from(3.0f32));
}

#[test]
fn short_numbers_are_shown_as_f64_and_others_in_full() {
    assert_eq!(LongDouble::from(0.5).to_string(), "0.5");
    assert_eq!(LongDouble::INFINITY.to_string(), "inf");
    // 1 + 2^-112: the digits that follow 1.000….
    let next = LongDouble::from_bits(LongDouble::from(1.0).to_bits() + 1);
    assert_eq!(next.to_string(), "1.00000000000000000000000000000000019e0");
    assert_eq!(
        format!("{:?}", LongDouble::from_bits(1)),
        "6.47517511943802511092443895822764655e-4966"
    );
    let max = LongDouble::from_bits(LongDouble::INFINITY.to_bits() - 1);
    assert_eq!(max.to_string(), "1.18973149535723176508575932662800702e4932");
    let tenth = LongDouble::from_bits(0xbffb_9999_9999_9999_9999_9999_9999_999a);
    assert_eq!(tenth.to_string(), "-1.00000000000000000000000000000000005e-1");
}

proptest! {
    #[test]
    fn every_double_survives(bits in any::<u64>()) {
        let value = f64::from_bits(bits);
        let back = LongDouble::from(value).to_f64();
        prop_assert!(back.to_bits() == bits || (value.is_nan() && back.is_nan()));
    }

    #[test]
    fn doubles_compare_alike(left in any::<f64>(), right in any::<f64>()) {
        prop_assert_eq!(LongDouble::from(left).partial_cmp(&LongDouble::from(right)), left.partial_cmp(&right));
    }

    #[test]
    fn rounding_is_monotonic_and_near(bits in any::<u128>()) {
        let value = LongDouble::from_bits(bits);
        let rounded = LongDouble::from(value.to_f64());
        if value.is_finite() && rounded.is_finite() {
            let up = LongDouble::from(value.to_f64().next_up());
            let down = LongDouble::from(value.to_f64().next_down());
            prop_assert!(down < value && value < up);
        }
        let _ = value.to_string();
    }
}
