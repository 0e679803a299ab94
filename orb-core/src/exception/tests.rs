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
