// SPDX-License-Identifier: MIT OR Apache-2.0
//! Local objects: what IDL names but the wire does not carry.

use std::{fmt, ops::Deref, sync::Arc};

/// A local object, or a value of a native type: shared, and never sent.
///
/// `Local<dyn Foo>` is what a `local interface Foo` or a `native Foo` is as a member or parameter; two are equal if they
/// are the same object.
pub struct Local<T: ?Sized>(Arc<T>);

impl<T: ?Sized> Local<T> {
    /// Returns the object.
    pub fn into_inner(self) -> Arc<T> {
        self.0
    }
}

impl<T: ?Sized> From<Arc<T>> for Local<T> {
    fn from(object: Arc<T>) -> Self {
        Self(object)
    }
}

impl<T: ?Sized> Clone for Local<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: ?Sized> Deref for Local<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized> PartialEq for Local<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T: ?Sized> Eq for Local<T> {}

impl<T: ?Sized> fmt::Debug for Local<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Local")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_object_equals_itself_only() {
        let one: Local<dyn fmt::Debug + Send> = Local::from(Arc::new(1) as Arc<dyn fmt::Debug + Send>);
        let other: Local<dyn fmt::Debug + Send> = Local::from(Arc::new(1) as Arc<dyn fmt::Debug + Send>);
        assert_eq!(one, one.clone());
        assert_ne!(one, other);
        assert_eq!(format!("{:?}", &*one), "1");
    }
}
