// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;

#[test]
fn integers_are_read_in_three_bases() {
    assert_eq!(number("0"), Ok(Number::Integer(0)));
    assert_eq!(number("00"), Ok(Number::Integer(0)));
    assert_eq!(number("42"), Ok(Number::Integer(42)));
    assert_eq!(number("017"), Ok(Number::Integer(15)));
    assert_eq!(number("0xFf"), Ok(Number::Integer(255)));
    assert_eq!(number("0xd"), Ok(Number::Integer(13)));
    assert_eq!(
        number("18446744073709551615"),
        Ok(Number::Integer(i128::from(u64::MAX)))
    );
}

#[test]
fn floats_need_digits_on_one_side_of_the_point() {
    assert_eq!(number("1."), Ok(Number::Float(1.0)));
    assert_eq!(number(".5"), Ok(Number::Float(0.5)));
    assert_eq!(number("1e3"), Ok(Number::Float(1000.0)));
    assert_eq!(number("2.5E-1"), Ok(Number::Float(0.25)));
}

#[test]
fn fixed_literals_drop_zeroes_at_both_ends() {
    let fixed = |digits, scale| Ok(Number::Fixed(FixedValue { digits, scale }));
    assert_eq!(number("0123.450d"), fixed(12345, 2));
    assert_eq!(number("10d"), fixed(10, 0));
    assert_eq!(number(".5D"), fixed(5, 1));
    assert_eq!(number("0d"), fixed(0, 0));
    assert_eq!(
        number(&format!("{}d", "9".repeat(31))),
        fixed(10i128.pow(31) - 1, 0)
    );
}

#[test]
fn malformed_numbers_are_refused() {
    for text in [
        "0x",
        "08",
        "1x",
        "0xg",
        "1e",
        "1e+",
        "1.2.3",
        "18446744073709551616",
        "1e999",
        "1u",
        ".d",
        "1.2.3d",
    ] {
        assert!(number(text).is_err(), "{text}");
    }
    assert!(number(&format!("{}d", "9".repeat(32))).is_err());
    assert!(number(&"9".repeat(10_000)).is_err());
}

#[test]
fn escapes_are_applied() {
    assert_eq!(
        unescape(r#"a\n\t\\\?\'\"b"#, false).as_deref(),
        Ok("a\n\t\\?'\"b")
    );
    assert_eq!(unescape(r"\101\x41\7", false).as_deref(), Ok("AA\u{7}"));
    assert_eq!(unescape(r"\xe9", false).as_deref(), Ok("é"));
    assert_eq!(unescape(r"\u20acx", true).as_deref(), Ok("€x"));
}

#[test]
fn bad_escapes_say_where_they_stand() {
    assert_eq!(unescape(r"ab\q", false).unwrap_err().0, 2);
    assert!(unescape(r"\u20ac", false).is_err());
    assert!(unescape(r"\ud800", true).is_err());
    assert!(unescape(r"\x", false).is_err());
    assert!(unescape(r"\777", false).is_err());
    assert!(unescape("\\", false).is_err());
    assert!(unescape("€", false).is_err());
}
