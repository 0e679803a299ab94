// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;
use crate::model::AnnotationArgument;
use crate::source::{FileId, Span};

const SPAN: Span = Span::new(FileId(0), 0, 0);

/// The expression for `@realtime` with these arguments, without its spaces.
fn realtime(arguments: &[(&str, Value)]) -> Result<String, String> {
    let argument = |(name, value): &(&str, Value)| AnnotationArgument {
        name: Some((*name).to_owned()),
        value: value.clone(),
        span: SPAN,
    };
    let annotation = Annotation {
        name: "realtime".into(),
        arguments: arguments.iter().map(argument).collect(),
        span: SPAN,
    };
    requested(&[annotation])
        .map(|tokens| tokens.map_or_else(String::new, |it| it.to_string().replace(' ', "")))
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

#[test]
fn without_the_annotation_nothing_is_asked_for() {
    assert!(matches!(requested(&[]), Ok(None)));
}

#[test]
fn isochronous_takes_a_period_and_messages() {
    let made = realtime(&[
        ("class", text("isochronous")),
        ("period", text("10ms")),
        ("messages", Value::Integer(4)),
        ("message_size", text("1KiB")),
        ("deadline", text("1500us")),
    ]);
    assert_eq!(
        made.unwrap(),
        "::upcall::qos::Qos::isochronous(::std::time::Duration::from_millis(10),4)\
         .deadline(::std::time::Duration::from_micros(1500)).message_size(1024)"
    );
}

#[test]
fn burst_takes_a_bandwidth_with_or_without_per_second() {
    for bandwidth in [text("8MB/s"), text("8MB"), Value::Integer(8_000_000)] {
        let made = realtime(&[
            ("class", text("burst")),
            ("bandwidth", bandwidth),
            ("burst_size", text("64 KiB")),
        ]);
        assert_eq!(made.unwrap(), "::upcall::qos::Qos::burst(8000000,65536)");
    }
}

#[test]
fn guaranteed_classes_take_the_worst_case_of_their_servant() {
    let made = realtime(&[
        ("class", text("burst")),
        ("bandwidth", text("8MB/s")),
        ("burst_size", text("64KiB")),
        ("message_size", text("4KiB")),
        ("worst_case", text("20us")),
    ]);
    assert_eq!(
        made.unwrap(),
        "::upcall::qos::Qos::burst(8000000,65536)\
         .worst_case(::std::time::Duration::from_micros(20)).message_size(4096)"
    );
    let refused = realtime(&[("class", text("best_effort")), ("worst_case", text("20us"))]);
    assert!(refused.unwrap_err().contains("has no `worst_case`"));
}

#[test]
fn low_delay_takes_a_priority_that_may_be_negative() {
    let made = realtime(&[
        ("class", text("low-delay")),
        ("delay", text("2s")),
        ("priority", Value::Integer(-3)),
        ("minimum_interval", text("7ns")),
    ]);
    assert_eq!(
        made.unwrap(),
        "::upcall::qos::Qos::low_delay(::std::time::Duration::from_secs(2))\
         .minimum_interval(::std::time::Duration::from_nanos(7)).priority(-3)"
    );
}

#[test]
fn best_effort_is_what_is_meant_without_a_class() {
    assert_eq!(realtime(&[]).unwrap(), "::upcall::qos::Qos::best_effort(1)");
    assert_eq!(
        realtime(&[("weight", Value::Integer(7))]).unwrap(),
        "::upcall::qos::Qos::best_effort(7)"
    );
}

#[test]
fn what_is_wrong_is_said() {
    let cases: &[(&[(&str, Value)], &str)] = &[
        (&[("class", text("fast"))], "no class `fast`"),
        (&[("class", text("isochronous"))], "needs a `period`"),
        (
            &[("class", text("isochronous")), ("period", text("ten"))],
            "a whole number and a unit (ns, us",
        ),
        (
            &[("class", text("isochronous")), ("period", Value::Integer(10))],
            "`period` is a string, not 10",
        ),
        (
            &[("class", text("burst")), ("bandwidth", text("1"))],
            "needs a `burst_size`",
        ),
        (
            &[("class", text("burst")), ("bandwidth", Value::Integer(-1))],
            "`bandwidth` is out of range",
        ),
        (
            &[
                ("class", text("low_delay")),
                ("delay", text("1s")),
                ("period", text("1s")),
            ],
            "has no `period`",
        ),
        (&[("weight", Value::Integer(1 << 40))], "`weight` is out of range"),
        (&[("weight", text("1"))], "`weight` is a number, not \"1\""),
        (
            &[
                ("class", text("low_delay")),
                ("delay", text("99999999999999999999s")),
            ],
            "a whole number and a unit",
        ),
    ];
    for (arguments, expected) in cases {
        let error = realtime(arguments).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}
