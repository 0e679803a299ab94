// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can be wrong with CDR data, in either direction.

use crate::exception::{Completed, SystemException, SystemExceptionKind as Kind, minor};

/// Says why data could not be encoded or decoded. Small, and never allocates.
///
/// [`SystemException`]'s `From` is the one place that maps it to a CORBA system exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CdrError {
    /// The data ends before the value does.
    #[error("the data ends before the value does")]
    UnexpectedEnd,
    /// A length or count claims more than the data holds.
    #[error("a length is larger than the data that follows it")]
    LengthBeyondEnd,
    /// A string or sequence is longer than its IDL bound.
    #[error("longer than the bound of {0}")]
    BoundExceeded(u32),
    /// A string or sequence to send has more than 2^32 - 1 elements.
    #[error("too long for a CDR length")]
    TooLong,
    /// A string contains a NUL, which CORBA strings cannot carry (CORBA 3.3 Part 1 §7.11.3.2).
    #[error("a string contains a NUL")]
    EmbeddedNul,
    /// A string does not end with the NUL that §9.3.2.7 demands.
    #[error("a string lacks its terminating NUL")]
    MissingNul,
    /// A string's length is 0, which leaves no room for its terminator.
    #[error("a string's length is zero")]
    ZeroLengthString,
    /// A boolean that is neither 0 nor 1.
    #[error("{0} is no boolean")]
    BadBoolean(u8),
    /// A value outside the enumerators of the named enum.
    #[error("{value} is no enumerator of {name}")]
    BadEnum {
        /// The IDL name of the enum.
        name: &'static str,
        /// What was on the wire.
        value: u32,
    },
    /// A union discriminator that selects no case of the named union, which has no default.
    #[error("the discriminator selects no case of {0}")]
    BadDiscriminator(&'static str),
    /// A character that the transmission code set cannot carry, or bytes that are no character of it.
    #[error("a character does not exist in the code set in use")]
    BadCharacter,
    /// Wide characters, which GIOP 1.0 does not have, came over it or were to be sent over it.
    #[error("wide characters cannot travel over GIOP 1.0")]
    WideInGiop10,
    /// Wide characters without a negotiated code set for them.
    #[error("no wide code set was negotiated")]
    NoWideCodeSet,
    /// Values nest deeper than the decoder allows.
    #[error("nested too deeply")]
    TooDeep,
    /// A byte-order octet that is neither 0 nor 1.
    #[error("{0} is no byte order")]
    BadByteOrder(u8),
    /// A TypeCode that is malformed, for the reason given.
    #[error("bad TypeCode: {0}")]
    BadTypeCode(&'static str),
    /// An Any whose value does not fit its TypeCode, for the reason given.
    #[error("bad Any: {0}")]
    BadAny(&'static str),
    /// An indirection that does not lead to an earlier value.
    #[error("an indirection leads nowhere")]
    BadIndirection,
    /// A valuetype that is malformed, for the reason given.
    #[error("bad valuetype: {0}")]
    BadValue(&'static str),
    /// A valuetype nobody here can make (no factory, not truncatable).
    #[error("no factory for the valuetype")]
    NoValueFactory,
    /// A fixed-point value with a wrong digit or sign.
    #[error("bad fixed-point value")]
    BadFixed,
    /// A local object, which cannot be marshalled.
    #[error("a local object cannot be sent")]
    LocalObject,
    /// An object reference that is malformed, for the reason given.
    #[error("bad object reference: {0}")]
    BadReference(&'static str),
    /// A GIOP message that is malformed, for the reason given.
    #[error("bad GIOP message: {0}")]
    BadMessage(&'static str),
    /// An argument that cannot be sent, for the reason given.
    #[error("{0}")]
    BadParam(&'static str),
    /// What was asked for is not supported here.
    #[error("not supported: {0}")]
    NotSupported(&'static str),
}

impl CdrError {
    /// Returns the kind and minor code that CORBA 3.3 Part 1 Annex A gives this error.
    #[must_use]
    pub fn system_exception(self) -> (Kind, u32) {
        match self {
            Self::BoundExceeded(_) | Self::EmbeddedNul | Self::TooLong | Self::BadParam(_) => {
                (Kind::BadParam, 0)
            }
            Self::BadCharacter => (Kind::DataConversion, minor::CHARACTER_NOT_IN_CODE_SET),
            Self::WideInGiop10 => (Kind::Marshal, minor::WIDE_IN_GIOP_1_0),
            Self::NoWideCodeSet => (Kind::BadParam, minor::NO_WIDE_CODE_SET),
            Self::NoValueFactory => (Kind::Marshal, minor::NO_VALUE_FACTORY),
            Self::LocalObject => (Kind::Marshal, minor::LOCAL_OBJECT),
            Self::BadTypeCode(_) => (Kind::BadTypecode, 0),
            Self::TooDeep => (Kind::ImpLimit, 0),
            Self::NotSupported(_) => (Kind::NoImplement, 0),
            Self::BadReference(_) => (Kind::InvObjref, 0),
            _ => (Kind::Marshal, 0),
        }
    }
}

impl From<CdrError> for SystemException {
    /// Maps the error to its exception, completed `NO`: a decoder of replies says otherwise with
    /// [`SystemException::with_completed`].
    #[cold]
    fn from(error: CdrError) -> Self {
        let (kind, minor) = error.system_exception();
        Self::new(kind, minor, Completed::No).with_message(error.to_string())
    }
}
