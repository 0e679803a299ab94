// SPDX-License-Identifier: MIT OR Apache-2.0

use bytes::Bytes;
use orb_core::typecode::TypeCodeKind;

use super::*;

#[test]
fn an_array_is_read_in_order() {
    let mut next = 0;
    let read: Decoded<[[i32; 2]; 3]> = array(|| {
        array(|| {
            next += 1;
            Ok(next)
        })
    });
    assert_eq!(read, Ok([[1, 2], [3, 4], [5, 6]]));
}

#[test]
fn an_array_stops_at_the_first_failure() {
    let mut calls = 0;
    let read: Decoded<[i32; 5]> = array(|| {
        calls += 1;
        if calls == 3 {
            Err(CdrError::UnexpectedEnd)
        } else {
            Ok(calls)
        }
    });
    assert_eq!(read, Err(CdrError::UnexpectedEnd));
    assert_eq!(calls, 3);
}

#[test]
fn a_bound_holds_for_every_form_of_sequence() {
    assert!(within(vec!["a", "b"], 2).is_ok());
    assert_eq!(within(vec!["a", "b"], 1), Err(CdrError::BoundExceeded(1)));
    assert!(within(Bytes::from_static(b"abc"), 2).is_err());
    assert!(within(&[1, 2, 3][..], 2).is_err());
    assert!(within(std::borrow::Cow::Borrowed(&[1, 2][..]), 2).is_ok());
}

#[test]
fn room_is_made_only_for_what_can_have_come() {
    let data = [0; 100];
    let d = Decoder::native(&data);
    assert_eq!(capacity(&d, 1_000_000, 4), 25);
    assert_eq!(capacity(&d, 3, 4), 3);
    assert_eq!(capacity(&d, 1_000, 0), 100);
}

#[test]
fn a_local_object_cannot_travel() {
    let local: Option<Local<dyn fmt::Debug>> = Some(Local::from(Arc::new(1) as Arc<dyn fmt::Debug>));
    assert_eq!(refuse_local(&local), Err(CdrError::LocalObject));
    assert!(no_local::<Option<Local<dyn fmt::Debug>>>().is_err());
}

#[test]
fn an_unknown_operation_is_named() {
    let answer = no_such_operation("IDL:A:1.0", "fly");
    assert_eq!(answer.kind(), SystemExceptionKind::BadOperation);
    assert!(answer.to_string().contains("fly"), "{answer}");
}

#[test]
fn a_map_is_described_as_a_sequence_of_pairs() {
    let code = map_type_code(TypeCode::STRING, TypeCode::LONG, 3);
    assert_eq!((code.kind(), code.length()), (TypeCodeKind::Sequence, Some(3)));
    let pair = code.content_type().unwrap();
    assert_eq!(
        (pair.member_name(0), pair.member_type(1)),
        (Some("key"), Some(TypeCode::LONG))
    );
}
