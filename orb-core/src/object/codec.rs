// SPDX-License-Identifier: MIT OR Apache-2.0
//! Object references on the wire (CORBA 3.3 Part 2 §9.3.6).

use std::{any::Any, sync::Arc};

use super::{Interface, ObjectRef, detached};
use crate::{
    cdr::{CdrError, Decoder, Encoder, Marshal, OrbHandle, Unmarshal},
    ior::Ior,
    orb::OrbCore,
    typecode::{TypeCode, Typed},
};

impl Encoder<'_> {
    /// Writes an object reference; `None` is nil.
    ///
    /// # Errors
    ///
    /// [`CdrError`] if the reference is too long.
    pub fn object(&mut self, object: Option<&ObjectRef>) -> Result<(), CdrError> {
        match object {
            // The reference may not live as long as the encoder: its parts are copied.
            Some(object) => self.ior(object.ior()),
            None => self.ior(&Ior::nil()),
        }
    }

    fn ior(&mut self, ior: &Ior) -> Result<(), CdrError> {
        self.identifier(&ior.type_id)?;
        self.sequence_len(ior.profiles.len(), None)?;
        for profile in &ior.profiles {
            self.ulong(profile.tag);
            self.sequence_len(profile.data.len(), None)?;
            self.raw(&profile.data);
        }
        Ok(())
    }
}

impl Decoder<'_> {
    /// Reads an object reference; nil is `None`. It belongs to the decoder's ORB.
    ///
    /// # Errors
    ///
    /// [`CdrError`] if the data is no reference.
    pub fn object(&mut self) -> Result<Option<ObjectRef>, CdrError> {
        let ior = Ior::unmarshal(self)?;
        if ior.is_nil() {
            return Ok(None);
        }
        let core = self.orb().and_then(core_of);
        Ok(Some(ObjectRef::new(core.as_ref().unwrap_or(detached()), ior)))
    }
}

fn core_of(handle: &Arc<dyn OrbHandle>) -> Option<Arc<OrbCore>> {
    let any: Arc<dyn Any + Send + Sync> = Arc::clone(handle) as _;
    any.downcast().ok()
}

impl Marshal for ObjectRef {
    fn marshal<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        self.ior().marshal(encoder)
    }
}

/// A reference of any interface; `None` is nil.
impl<I: Interface> Marshal for Option<I> {
    fn marshal<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        encoder.object(self.as_ref().map(AsRef::as_ref))
    }
}

/// A reference of any interface; `None` is nil. The object is not asked whether it supports the interface.
impl<I: Interface> Unmarshal for Option<I> {
    const MIN_SIZE: usize = Ior::MIN_SIZE;

    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        Ok(decoder.object()?.map(I::from))
    }
}

impl<I: Interface + Typed> Typed for Option<I> {
    fn type_code() -> TypeCode {
        I::type_code()
    }
}

impl Typed for ObjectRef {
    fn type_code() -> TypeCode {
        TypeCode::object()
    }
}
