// SPDX-License-Identifier: MIT OR Apache-2.0
//! The operations that every object has (CORBA 3.3 Part 2 §9.4.2.1).

use super::ObjectRef;
use crate::{
    cdr::{CdrError, Decoder, Encoder},
    exception::{Result, SystemException, SystemExceptionKind as Kind},
    invoke::{Call, Operation},
};

/// `_is_a`.
#[derive(Debug)]
pub struct IsA;

impl Operation for IsA {
    const NAME: &'static str = "_is_a";
    type Args<'a> = (&'a str,);
    type Output = bool;
    type Error = SystemException;

    fn marshal<'e, 'a: 'e>(
        args: &'e Self::Args<'a>,
        encoder: &mut Encoder<'e>,
    ) -> std::result::Result<(), CdrError> {
        encoder.identifier(args.0)
    }

    fn unmarshal(decoder: &mut Decoder<'_>) -> std::result::Result<bool, CdrError> {
        decoder.boolean()
    }

    fn on_servant(servant: &dyn crate::servant::Servant, args: &Self::Args<'_>) -> Option<Result<bool>> {
        Some(Ok(servant.is_a(args.0)))
    }
}

/// `_non_existent`.
#[derive(Debug)]
pub(super) struct NonExistent;

impl Operation for NonExistent {
    const NAME: &'static str = "_non_existent";
    type Args<'a> = ();
    type Output = bool;
    type Error = SystemException;

    fn marshal<'e, 'a: 'e>(_args: &'e (), _encoder: &mut Encoder<'e>) -> std::result::Result<(), CdrError> {
        Ok(())
    }

    fn unmarshal(decoder: &mut Decoder<'_>) -> std::result::Result<bool, CdrError> {
        decoder.boolean()
    }

    fn on_servant(servant: &dyn crate::servant::Servant, _args: &()) -> Option<Result<bool>> {
        Some(Ok(servant.non_existent()))
    }
}

pub(super) fn non_existent(object: &ObjectRef) -> Result<bool> {
    match Call::<NonExistent>::new(object, ()).wait() {
        Err(exception) if exception.kind() == Kind::ObjectNotExist => Ok(true),
        answer => answer,
    }
}
