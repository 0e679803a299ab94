// SPDX-License-Identifier: MIT OR Apache-2.0
//! How values are made whose type only the data names.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

use super::{Value, ValueType};
use crate::{
    cdr::{CdrError, Decoder},
    typecode::TypeCode,
};

/// How to make values of one type.
#[derive(Clone, Copy)]
pub struct ValueFactory {
    id: &'static str,
    type_code: fn() -> TypeCode,
    unmarshal: fn(&mut Decoder<'_>) -> Result<Arc<dyn Value>, CdrError>,
}

impl ValueFactory {
    /// Returns the factory of `T`.
    pub const fn of<T: ValueType>() -> Self {
        Self {
            id: T::REPOSITORY_ID,
            type_code: T::type_code,
            unmarshal: unmarshal::<T>,
        }
    }

    /// Returns the repository id of the values it makes.
    pub const fn id(&self) -> &'static str {
        self.id
    }

    /// Returns the TypeCode of the values it makes.
    pub fn type_code(&self) -> TypeCode {
        (self.type_code)()
    }

    pub(super) fn read_state(&self, decoder: &mut Decoder<'_>) -> Result<Arc<dyn Value>, CdrError> {
        (self.unmarshal)(decoder)
    }
}

fn unmarshal<T: ValueType>(decoder: &mut Decoder<'_>) -> Result<Arc<dyn Value>, CdrError> {
    Ok(Arc::new(T::unmarshal_state(decoder)?))
}

impl fmt::Debug for ValueFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ValueFactory").field(&self.id).finish()
    }
}

static REGISTERED: LazyLock<RwLock<HashMap<&'static str, ValueFactory>>> = LazyLock::new(RwLock::default);

/// Makes this process able to read values of these types wherever a base of theirs, an abstract valuetype or
/// `ValueBase` is expected. Registering a type again does nothing.
pub fn register(factories: &[ValueFactory]) {
    let mut registered = REGISTERED.write().unwrap_or_else(PoisonError::into_inner);
    registered.extend(factories.iter().map(|factory| (factory.id, *factory)));
}

/// The registered factory for a repository id.
pub(crate) fn registered(id: &str) -> Option<ValueFactory> {
    REGISTERED
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .get(id)
        .copied()
}
