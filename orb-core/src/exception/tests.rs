// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;
use crate::cdr::Endian;

#[test]
fn every_kind_survives_the_wire() {
    for &kind in SystemExceptionKind::ALL {
        let sent = SystemException::new(kind, minor::OMG | 7, Completed::Maybe);
        let mut encoder = Encoder::native();
        sent.marshal(&mut encoder).unwrap();
        let data = encoder.contiguous();
        assert_eq!(
            SystemException::unmarshal(&mut Decoder::native(&data)).unwrap(),
            sent
        );
    }
}

#[test]
fn one_that_is_not_standard_becomes_unknown() {
    let mut encoder = Encoder::native();
    encoder.string("IDL:acme.com/STRANGE:1.0").unwrap();
    encoder.ulong(9);
    encoder.ulong(0);
    let data = encoder.contiguous();
    let received = SystemException::unmarshal(&mut Decoder::native(&data)).unwrap();
    assert_eq!(received.kind(), SystemExceptionKind::Unknown);
    assert_eq!(received.minor(), minor::UNKNOWN_SYSTEM_EXCEPTION);
    assert_eq!(received.completed(), Completed::Yes);
    assert!(received.to_string().contains("acme.com"));
}

#[test]
fn display_says_what_and_why() {
    let error = SystemException::new(
        SystemExceptionKind::Transient,
        minor::NO_USABLE_PROFILE,
        Completed::No,
    )
    .with_message("connection refused")
    .with_context("connecting to 10.0.0.1:2809");
    assert_eq!(
        error.to_string(),
        "TRANSIENT (minor 2, not completed): connecting to 10.0.0.1:2809: connection refused"
    );
    let plain = SystemException::new(SystemExceptionKind::Timeout, 0, Completed::Maybe);
    assert_eq!(
        plain.to_string(),
        "TIMEOUT (perhaps completed): the deadline passed"
    );
}

#[test]
fn a_completion_status_beyond_the_enum_is_rejected() {
    let mut encoder = Encoder::new(
        Endian::Big,
        crate::cdr::Version::V1_0,
        crate::codeset::CodeSets::NATIVE,
    );
    encoder
        .string(SystemExceptionKind::Marshal.repository_id())
        .unwrap();
    encoder.ulong(0);
    encoder.ulong(3);
    let data = encoder.contiguous();
    let mut decoder = Decoder::new(
        &data,
        Endian::Big,
        crate::cdr::Version::V1_0,
        crate::codeset::CodeSets::NATIVE,
    );
    assert!(matches!(
        SystemException::unmarshal(&mut decoder),
        Err(CdrError::BadEnum { value: 3, .. })
    ));
}

#[test]
fn names_and_repository_ids_lead_to_their_kind() {
    for &kind in SystemExceptionKind::ALL {
        assert_eq!(SystemExceptionKind::from_name(kind.name()), Some(kind));
        assert_eq!(
            SystemExceptionKind::from_repository_id(kind.repository_id()),
            Some(kind)
        );
        assert_eq!(kind.to_string(), kind.name());
        assert!(!kind.meaning().is_empty());
    }
    for other in [
        "",
        "IDL:omg.org/CORBA/BAD_PARAM:2.0",
        "IDL:omg.org/CORBA/bad_param:1.0",
        "BAD_PARAM",
    ] {
        assert_eq!(SystemExceptionKind::from_repository_id(other), None, "{other}");
    }
}

#[test]
fn all_of_the_standard_are_there() {
    // CORBA 3.3 Part 1 §7.14.3 and those of the services.
    assert_eq!(SystemExceptionKind::ALL.len(), 40);
    let mut names: Vec<_> = SystemExceptionKind::ALL.iter().map(|kind| kind.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 40);
}

#[test]
fn minor_codes_of_others_are_shown_as_they_are() {
    assert_eq!(minor::code_of_omg(minor::NO_WIDE_CODE_SET), Some(23));
    assert_eq!(minor::code_of_omg(0x4154_0001), None);
    assert_eq!(minor::code_of_omg(minor::UPCALL | 3), None);
    let error = SystemException::new(SystemExceptionKind::Internal, 0x4154_0001, Completed::Yes);
    assert_eq!(
        error.to_string(),
        "INTERNAL (minor 0x41540001, completed): the ORB is in an inconsistent state"
    );
}

#[test]
fn context_and_completion_are_added_on_the_way_up() {
    let error = SystemException::from(CdrError::UnexpectedEnd);
    assert_eq!(error.completed(), Completed::No);
    let error = error
        .with_completed(Completed::Yes)
        .with_context("reading the reply of read");
    assert_eq!(error.completed(), Completed::Yes);
    assert_eq!(
        error.message(),
        Some("reading the reply of read: the data ends before the value does")
    );
    let bare =
        SystemException::new(SystemExceptionKind::Timeout, 0, Completed::Maybe).with_context("calling read");
    assert_eq!(bare.message(), Some("calling read"));
}

#[test]
fn every_prefix_of_an_exception_is_an_error() {
    let mut encoder = Encoder::native();
    let sent = SystemException::new(
        SystemExceptionKind::BadOperation,
        minor::UNKNOWN_OPERATION,
        Completed::No,
    );
    sent.marshal(&mut encoder).unwrap();
    let data = encoder.contiguous();
    for length in 0..data.len() {
        let error = SystemException::unmarshal(&mut Decoder::native(&data[..length])).unwrap_err();
        assert!(
            matches!(error, CdrError::UnexpectedEnd | CdrError::LengthBeyondEnd),
            "{length}"
        );
    }
}

#[test]
fn a_recorded_exception_of_another_orb_is_read() {
    // OBJECT_NOT_EXIST with a minor of omniORB's, big-endian.
    let data = b"\0\0\0\x27IDL:omg.org/CORBA/OBJECT_NOT_EXIST:1.0\0\0\x41\x54\0\x01\0\0\0\x01";
    let mut decoder = Decoder::new(
        data,
        Endian::Big,
        crate::cdr::Version::V1_2,
        crate::codeset::CodeSets::UNNEGOTIATED,
    );
    let read = SystemException::unmarshal(&mut decoder).unwrap();
    assert_eq!(read.kind(), SystemExceptionKind::ObjectNotExist);
    assert_eq!(
        (read.minor(), read.completed(), decoder.remaining()),
        (0x4154_0001, Completed::No, 0)
    );
}
