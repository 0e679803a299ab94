// SPDX-License-Identifier: MIT OR Apache-2.0
//! What other modules hang on to a stream: the ORB behind it and a table of their own.

use std::any::Any;
use std::fmt::Debug;

/// What a decoder hands to object references it makes: the ORB they belong to.
///
/// `Arc<dyn OrbHandle>` coerces to `Arc<dyn Any + Send + Sync>`, so the ORB's own modules get their
/// type back with `Arc::downcast`.
pub trait OrbHandle: Any + Send + Sync + Debug {}

pub(super) type Extension = Option<Box<dyn Any + Send>>;

pub(super) fn extension_of<T: Any + Send + Default>(slot: &mut Extension) -> &mut T {
    if !slot.as_ref().is_some_and(|table| table.is::<T>()) {
        *slot = Some(Box::<T>::default());
    }
    slot.as_mut()
        .and_then(|table| table.downcast_mut())
        .expect("a table of this type was just put here")
}

pub(super) fn take_extension_of<T: Any + Send + Default>(slot: &mut Extension) -> Box<T> {
    slot.take()
        .and_then(|table| table.downcast().ok())
        .unwrap_or_default()
}
