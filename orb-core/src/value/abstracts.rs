// SPDX-License-Identifier: MIT OR Apache-2.0
//! Abstract interfaces: an object by reference or a value by value, as it turns out (CORBA 3.3 Part 1 §11).

use std::sync::Arc;

use super::Value;
use crate::{
    any::AnyValue,
    cdr::{CdrError, Decoder, Encoder, Marshal, Unmarshal},
    object::ObjectRef,
    typecode::{TypeCode, Typed},
};

/// What stands where IDL has an abstract interface or `AbstractBase`; `Option<AbstractRef>` is its type there.
#[derive(Debug, Clone, PartialEq)]
pub enum AbstractRef {
    /// A reference to an object that supports the interface.
    Object(ObjectRef),
    /// A value that supports the interface.
    Value(Arc<dyn Value>),
}

/// A flag, then a reference or a value; nothing is a null value (CORBA 3.3 Part 2 §9.3.7).
impl Marshal for Option<AbstractRef> {
    fn marshal<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        encoder.boolean(matches!(self, Some(AbstractRef::Object(_))));
        match self {
            Some(AbstractRef::Object(object)) => encoder.object(Some(object)),
            Some(AbstractRef::Value(value)) => encoder.value(Some(value)),
            None => encoder.value::<dyn Value>(None),
        }
    }
}

impl Unmarshal for Option<AbstractRef> {
    const MIN_SIZE: usize = 5;

    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        if decoder.boolean()? {
            return Ok(decoder.object()?.map(AbstractRef::Object));
        }
        Ok(decoder.value()?.map(AbstractRef::Value))
    }
}

impl Typed for Option<AbstractRef> {
    fn type_code() -> TypeCode {
        TypeCode::abstract_interface("IDL:omg.org/CORBA/AbstractBase:1.0", "AbstractBase")
    }
}

impl AnyValue for Option<AbstractRef> {}

impl PartialEq for dyn Value {
    /// Compares identities: values whose types are not known have no other equality.
    fn eq(&self, other: &Self) -> bool {
        std::ptr::addr_eq(self, other)
    }
}
