// SPDX-License-Identifier: MIT OR Apache-2.0
//! The members through which values can refer to each other in cycles.

use std::{
    cell::RefCell,
    fmt,
    sync::{Arc, PoisonError, RwLock, Weak},
    thread::LocalKey,
};

use super::{AnyValueType, Value, ValueType};
use crate::{
    cdr::{CdrError, Decoder, Encoder, Marshal, Unmarshal},
    typecode::{TypeCode, Typed},
};

/// A member or element that refers to a value, or to none, and can be set when the value that holds it is already
/// shared: so values can refer to each other in cycles.
///
/// When a cycle comes over the wire, the reference that closes it is weak: the cycle lives as long as the value that
/// was decoded first, and is freed with it. A program that closes a cycle itself chooses: [`Self::set`] is strong,
/// so the values keep each other alive until a cell is set again; [`Self::set_weak`] is not.
pub struct ValueCell<T: ?Sized>(Arc<RwLock<Content<T>>>);

enum Content<T: ?Sized> {
    Strong(Option<Arc<T>>),
    /// The value itself, which may be of a type derived from `T`.
    Weak(Weak<dyn Value>),
}

impl<T: ?Sized> Clone for Content<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Strong(value) => Self::Strong(value.clone()),
            Self::Weak(value) => Self::Weak(value.clone()),
        }
    }
}

impl<T: AnyValueType + ?Sized> ValueCell<T> {
    /// Refers to `value`.
    pub fn new(value: Option<Arc<T>>) -> Self {
        Self(Arc::new(RwLock::new(Content::Strong(value))))
    }

    /// Returns the value referred to; nothing if there is none or a weak reference has outlived it.
    pub fn get(&self) -> Option<Arc<T>> {
        match &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            Content::Strong(value) => value.clone(),
            Content::Weak(value) => T::of_value(value.upgrade()?),
        }
    }

    /// Refers to `value` from now on.
    pub fn set(&self, value: Option<Arc<T>>) {
        self.put(Content::Strong(value));
    }

    /// Refers to `value` from now on, as long as others keep it alive.
    pub fn set_weak(&self, value: &Arc<T>) {
        let value = Arc::clone(value).into_value();
        let actual = value.most_derived().unwrap_or(&value);
        self.put(Content::Weak(Arc::downgrade(actual)));
    }

    fn put(&self, content: Content<T>) {
        let old = {
            let mut place = self.0.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *place, content)
        };
        // What it referred to may refer back to this cell, so it must not be locked any more.
        drop(old);
    }
}

impl<T: ?Sized> ValueCell<T> {
    /// Returns the same cell: setting one sets the other. Values use it that are views of one of a derived type.
    #[must_use]
    pub fn shared(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: ?Sized> Clone for ValueCell<T> {
    /// Returns a new cell that refers to the same value.
    fn clone(&self) -> Self {
        let content = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        Self(Arc::new(RwLock::new(content)))
    }
}

impl<T: ?Sized> Default for ValueCell<T> {
    fn default() -> Self {
        Self(Arc::new(RwLock::new(Content::Strong(None))))
    }
}

impl<T: AnyValueType + ?Sized> From<Option<Arc<T>>> for ValueCell<T> {
    fn from(value: Option<Arc<T>>) -> Self {
        Self::new(value)
    }
}

impl<T: AnyValueType + ?Sized> From<Arc<T>> for ValueCell<T> {
    fn from(value: Arc<T>) -> Self {
        Self::new(Some(value))
    }
}

thread_local! {
    /// What is being shown by this thread, and which pairs it is comparing: where a cycle ends.
    static SHOWN: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
    static COMPARED: RefCell<Vec<(usize, usize)>> = const { RefCell::new(Vec::new()) };
}

/// Takes the last mark off the stack again, also when the work panics.
struct Pop<M: 'static>(&'static LocalKey<RefCell<Vec<M>>>);

impl<M> Drop for Pop<M> {
    fn drop(&mut self) {
        self.0.with_borrow_mut(|stack| {
            stack.pop();
        });
    }
}

/// Runs `work` with `mark` on the stack, unless it is there already or the stack is deep.
fn once<M: PartialEq, R>(
    stack: &'static LocalKey<RefCell<Vec<M>>>,
    mark: M,
    work: impl FnOnce() -> R,
) -> Option<R> {
    const DEEPEST: usize = 256;
    let enter = stack.with_borrow_mut(|stack| {
        let enter = stack.len() < DEEPEST && !stack.contains(&mark);
        if enter {
            stack.push(mark);
        }
        enter
    });
    enter.then(|| {
        let _pop = Pop(stack);
        work()
    })
}

fn address<T: ?Sized>(value: &Arc<T>) -> usize {
    Arc::as_ptr(value).addr()
}

impl<T: PartialEq + AnyValueType + ?Sized> PartialEq for ValueCell<T> {
    /// Compares the values, cyclic ones too.
    fn eq(&self, other: &Self) -> bool {
        match (self.get(), other.get()) {
            (None, None) => true,
            (Some(left), Some(right)) => {
                let pair = (address(&left), address(&right));
                // A pair that is being compared further out is equal if all the rest is.
                Arc::ptr_eq(&left, &right) || once(&COMPARED, pair, || *left == *right).unwrap_or(true)
            }
            _ => false,
        }
    }
}

impl<T: AnyValueType + ?Sized> fmt::Debug for ValueCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(value) = self.get() else {
            return f.write_str("None");
        };
        once(&SHOWN, address(&value), || value.fmt(f)).unwrap_or_else(|| f.write_str("…"))
    }
}

impl<T: AnyValueType + ?Sized> Marshal for ValueCell<T> {
    fn marshal<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        let value = self.get();
        encoder.copying(|encoder| encoder.value(value.as_ref()))
    }
}

impl<T: AnyValueType + ?Sized> Unmarshal for ValueCell<T> {
    const MIN_SIZE: usize = 4;

    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        let cell = Self::default();
        let late = cell.shared();
        let value = decoder.value_or_later(move |value: &Arc<dyn Value>| {
            late.put(Content::Weak(Arc::downgrade(value)));
        })?;
        if value.is_some() {
            cell.set(value);
        }
        Ok(cell)
    }
}

impl<T: ValueType> Typed for ValueCell<T> {
    fn type_code() -> TypeCode {
        T::type_code()
    }
}

impl Typed for ValueCell<dyn Value> {
    fn type_code() -> TypeCode {
        TypeCode::value_base()
    }
}
