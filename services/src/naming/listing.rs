// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is bound in a context, fetched in batches.

use std::vec;

use super::client::{NamingError, from_idl};
use super::idl::cos_naming::{BindingIteratorRef, BindingType, NamingContextRef};
use super::{Name, idl::cos_naming::Binding};

/// Bindings that one reply carries.
const BATCH: u32 = 128;

/// One name in a context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name, of one component.
    pub name: Name,
    /// Whether it is bound to a context, whose own bindings [`super::Naming::enter`] leads to.
    pub is_context: bool,
}

/// The names in a context, in the service's order.
///
/// What the first reply did not hold is fetched as it is needed; the service's iterator is destroyed with this one.
#[derive(Debug)]
pub struct Listing {
    ready: vec::IntoIter<Binding>,
    rest: Option<BindingIteratorRef>,
}

impl Listing {
    /// Starts to list the context.
    pub(super) fn of(context: &NamingContextRef) -> Result<Self, NamingError> {
        let (bindings, rest) = context.list(BATCH).wait()?;
        Ok(Self {
            ready: bindings.into_iter(),
            rest,
        })
    }

    /// Fetches more; whether there was more.
    fn fetch(&mut self) -> Result<bool, NamingError> {
        let Some(rest) = &self.rest else { return Ok(false) };
        let (more, bindings) = rest.next_n(BATCH).wait()?;
        let some = !bindings.is_empty();
        self.ready = bindings.into_iter();
        if !more || !some {
            self.finish();
        }
        Ok(some)
    }

    fn finish(&mut self) {
        if let Some(rest) = self.rest.take() {
            // Some services destroy an iterator at its end themselves.
            let _ = rest.destroy().wait();
        }
    }
}

impl Iterator for Listing {
    type Item = Result<Entry, NamingError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(binding) = self.ready.next() {
                let is_context = binding.binding_type == BindingType::Ncontext;
                return Some(Ok(Entry {
                    name: from_idl(binding.binding_name),
                    is_context,
                }));
            }
            match self.fetch() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.rest = None;
                    return Some(Err(error));
                }
            }
        }
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        self.finish();
    }
}
