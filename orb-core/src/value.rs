// SPDX-License-Identifier: MIT OR Apache-2.0
//! Valuetypes: objects passed by value, with sharing, cycles, truncation, boxes and custom marshalling
//! (CORBA 3.3 Part 1 §9, Part 2 §9.3.4).
//!
//! # What generated code writes
//!
//! For `valuetype Account : truncatable Base { public long number; public Account next; };`
//!
//! ```
//! use std::{any::{Any, TypeId}, sync::Arc};
//! use orb_core::{
//!     cdr::{CdrError, Decoder, Encoder, Marshal, Unmarshal},
//!     typecode::{TypeCode, TypeCodeCell, Typed, ValueModifier},
//!     value::{MostDerived, Value, ValueCell, ValueFactory, ValueType},
//! };
//!
//! #[derive(Debug, Clone, PartialEq, Default)]
//! pub struct Base { pub name: String, #[doc(hidden)] pub most_derived: MostDerived }
//! #[derive(Debug, Clone, PartialEq, Default)]
//! pub struct Account {
//!     pub name: String,                 // inherited state first
//!     pub number: i32,
//!     pub next: ValueCell<Account>,     // a type that can reach itself: see below
//!     #[doc(hidden)] pub most_derived: MostDerived,
//! }
//!
//! impl Typed for Base {
//!     fn type_code() -> TypeCode {
//!         static CELL: TypeCodeCell = TypeCodeCell::new("IDL:Base:1.0");
//!         CELL.get(|| TypeCode::value("IDL:Base:1.0", "Base", ValueModifier::None, None,
//!             [("name", String::type_code(), true)]))
//!     }
//! }
//! impl Value for Base {
//!     fn ids(&self) -> &'static [&'static str] { &["IDL:Base:1.0"] }
//!     fn actual_type(&self) -> TypeCode { Self::type_code() }
//!     fn marshal_state<'a>(&'a self, e: &mut Encoder<'a>) -> Result<(), CdrError> { self.name.marshal(e) }
//!     fn most_derived(&self) -> Option<&Arc<dyn Value>> { self.most_derived.get() }
//! }
//! impl ValueType for Base {
//!     const REPOSITORY_ID: &'static str = "IDL:Base:1.0";
//!     // Every type of the same compilation that derives from it, directly or not.
//!     fn derived() -> &'static [ValueFactory] { const { &[ValueFactory::of::<Account>()] } }
//!     fn unmarshal_state(d: &mut Decoder<'_>) -> Result<Self, CdrError> {
//!         Ok(Self { name: Unmarshal::unmarshal(d)?, most_derived: MostDerived::default() })
//!     }
//! }
//!
//! impl From<Arc<Account>> for Base {    // one for each ancestor; cells are shared, all else is cloned
//!     fn from(value: Arc<Account>) -> Self {
//!         Self { name: value.name.clone(), most_derived: MostDerived::new(value) }
//!     }
//! }
//! impl Typed for Account {
//!     fn type_code() -> TypeCode {
//!         static CELL: TypeCodeCell = TypeCodeCell::new("IDL:Account:1.0");
//!         CELL.get(|| TypeCode::value("IDL:Account:1.0", "Account", ValueModifier::Truncatable,
//!             Some(Base::type_code()),
//!             [("number", i32::type_code(), true), ("next", Account::type_code(), true)]))
//!     }
//! }
//! impl Value for Account {
//!     // Its own id, then those of the bases it may be truncated to, nearest first.
//!     fn ids(&self) -> &'static [&'static str] { &["IDL:Account:1.0", "IDL:Base:1.0"] }
//!     fn actual_type(&self) -> TypeCode { Self::type_code() }
//!     fn marshal_state<'a>(&'a self, e: &mut Encoder<'a>) -> Result<(), CdrError> {
//!         self.name.marshal(e)?;
//!         self.number.marshal(e)?;
//!         self.next.marshal(e)
//!     }
//!     fn upcast(self: Arc<Self>, to: TypeId) -> Option<Arc<dyn Any + Send + Sync>> {
//!         (to == TypeId::of::<Base>()).then(|| Arc::new(Base::from(self)) as _)
//!     }
//!     fn most_derived(&self) -> Option<&Arc<dyn Value>> { self.most_derived.get() }
//! }
//! impl ValueType for Account {
//!     const REPOSITORY_ID: &'static str = "IDL:Account:1.0";
//!     fn unmarshal_state(d: &mut Decoder<'_>) -> Result<Self, CdrError> {
//!         Ok(Self {
//!             name: Unmarshal::unmarshal(d)?,
//!             number: Unmarshal::unmarshal(d)?,
//!             next: Unmarshal::unmarshal(d)?,
//!             most_derived: MostDerived::default(),
//!         })
//!     }
//! }
//!
//! let mut e = Encoder::native();
//! let account = Some(Arc::new(Account { name: "x".into(), number: 7, ..Account::default() }));
//! account.marshal(&mut e)?;
//! let data = e.contiguous();
//! let base: Option<Arc<Base>> = Unmarshal::unmarshal(&mut Decoder::native(&data))?;
//! let account = base.as_ref().and_then(|base| base.downcast::<Account>()).expect("an Account came");
//! assert_eq!(account.number, 7);
//! # Ok::<(), CdrError>(())
//! ```
//!
//! - Members, elements and arguments are `Option<Arc<T>>`, which has [`Marshal`], [`Unmarshal`] and [`Typed`]; inside
//!   state (members of valuetypes, elements of sequences and members of structs used there) a valuetype that can reach
//!   itself is [`ValueCell<T>`], which has them too.
//! - An abstract valuetype and `ValueBase` are `Option<Arc<dyn Value>>`, in state `ValueCell<dyn Value>`.
//! - A boxed value is a struct of one member with the same implementations; its TypeCode is [`TypeCode::value_box`].
//! - A custom valuetype returns `true` from [`Value::is_custom`] and passes `marshal_state` and `unmarshal_state` on to
//!   [`CustomMarshal`], which the user implements for the struct.
//! - A value decoded where nothing but its base is named is found through [`ValueType::derived`] or the process's
//!   factories ([`register`]); generated modules offer a `register_values()` that registers all of theirs, which
//!   positions of type `ValueBase`, of an abstract valuetype or of another compilation's base need.
//! - User types derive `Debug`, `Clone`, `PartialEq` and `Default` as structs do; cells see to cycles.

use std::{
    any::{Any, TypeId},
    fmt,
    sync::Arc,
};

use crate::{
    cdr::{CdrError, Decoder, Encoder, Marshal, Unmarshal},
    typecode::{TypeCode, Typed},
};

mod abstracts;
mod cell;
mod decode;
mod encode;
mod factory;
mod header;
#[cfg(test)]
pub(crate) mod tests;

pub use {
    abstracts::AbstractRef,
    cell::ValueCell,
    factory::{ValueFactory, register},
};

pub(crate) use {
    decode::{ReadValues, read_state, revisit},
    encode::{begin as begin_value, end as end_value, indirection as write_indirection},
    factory::registered,
    header::{Header, peek},
};

/// A valuetype's instance, of whatever type: IDL `ValueBase`.
pub trait Value: Any + Send + Sync + fmt::Debug {
    /// Returns the repository id of its type and those of the types it may be truncated to, nearest first.
    fn ids(&self) -> &'static [&'static str];

    /// Returns the TypeCode of its type.
    fn actual_type(&self) -> TypeCode;

    /// Returns whether the application marshals it (`custom`).
    fn is_custom(&self) -> bool {
        false
    }

    /// Writes its state, inherited members first.
    ///
    /// # Errors
    ///
    /// Those of the members.
    fn marshal_state<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError>;

    /// Returns it as its ancestor `to` (as an `Arc` of that type), if it has that ancestor.
    fn upcast(self: Arc<Self>, to: TypeId) -> Option<Arc<dyn Any + Send + Sync>> {
        let _ = to;
        None
    }

    /// Returns the value it is a view of: one of a derived type.
    fn most_derived(&self) -> Option<&Arc<dyn Value>> {
        None
    }
}

/// A valuetype of which instances exist: neither abstract nor `ValueBase`.
pub trait ValueType: Value + Typed + Sized {
    /// The repository id.
    const REPOSITORY_ID: &'static str;

    /// Returns how to make values of the types derived from this one that are known with it.
    fn derived() -> &'static [ValueFactory] {
        &[]
    }

    /// Reads the state, inherited members first.
    ///
    /// # Errors
    ///
    /// Those of the members.
    fn unmarshal_state(decoder: &mut Decoder<'_>) -> Result<Self, CdrError>;

    /// Returns the value as one of a derived type, if it is one.
    fn downcast<T: ValueType>(&self) -> Option<Arc<T>> {
        T::of_value(self.most_derived()?.clone())
    }
}

/// What the application implements for a `custom` valuetype.
pub trait CustomMarshal: Sized {
    /// Writes the state as [`Self::unmarshal`] reads it.
    ///
    /// # Errors
    ///
    /// What is wrong with the state.
    fn marshal(&self, encoder: &mut Encoder<'_>) -> Result<(), CdrError>;

    /// Reads what [`Self::marshal`] wrote.
    ///
    /// # Errors
    ///
    /// What is wrong with the data.
    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self, CdrError>;
}

mod sealed {
    pub trait Sealed {}
    impl<T: super::ValueType> Sealed for T {}
    impl Sealed for dyn super::Value {}
}

/// What can stand behind an `Arc` or in a [`ValueCell`]: every [`ValueType`], and `dyn Value`.
pub trait AnyValueType: Value + sealed::Sealed {
    /// Returns the value as one of this type, if it is one or is derived from it.
    #[doc(hidden)]
    fn of_value(value: Arc<dyn Value>) -> Option<Arc<Self>>;

    /// Returns the value without its type.
    #[doc(hidden)]
    fn into_value(self: Arc<Self>) -> Arc<dyn Value>;

    #[doc(hidden)]
    fn as_value(&self) -> &dyn Value;

    /// Returns how to make one, unless only a factory of the actual type can.
    #[doc(hidden)]
    fn formal() -> Option<(ValueFactory, &'static [ValueFactory])>;
}

impl<T: ValueType> AnyValueType for T {
    fn of_value(value: Arc<dyn Value>) -> Option<Arc<Self>> {
        let any: Arc<dyn Any + Send + Sync> = Arc::clone(&value) as _;
        any.downcast()
            .ok()
            .or_else(|| value.upcast(TypeId::of::<T>())?.downcast().ok())
    }

    fn into_value(self: Arc<Self>) -> Arc<dyn Value> {
        self
    }

    fn as_value(&self) -> &dyn Value {
        self
    }

    fn formal() -> Option<(ValueFactory, &'static [ValueFactory])> {
        Some((ValueFactory::of::<T>(), T::derived()))
    }
}

impl AnyValueType for dyn Value {
    fn of_value(value: Arc<dyn Value>) -> Option<Arc<Self>> {
        Some(value)
    }

    fn into_value(self: Arc<Self>) -> Arc<dyn Value> {
        self
    }

    fn as_value(&self) -> &dyn Value {
        self
    }

    fn formal() -> Option<(ValueFactory, &'static [ValueFactory])> {
        None
    }
}

impl dyn Value {
    /// Returns the value as one of `T`, if it is one or is derived from it.
    pub fn downcast<T: ValueType>(self: Arc<Self>) -> Option<Arc<T>> {
        let actual = self.most_derived().cloned().unwrap_or(self);
        T::of_value(actual)
    }
}

/// Where a value seen as its base keeps what it really is; a hidden member of generated valuetypes.
///
/// It takes no part in comparisons.
#[derive(Clone, Default)]
pub struct MostDerived(Option<Arc<dyn Value>>);

impl MostDerived {
    /// Keeps `value`.
    pub fn new(value: Arc<dyn Value>) -> Self {
        Self(Some(value.most_derived().cloned().unwrap_or(value)))
    }

    /// Returns the value, if the one seen is not it already.
    pub fn get(&self) -> Option<&Arc<dyn Value>> {
        self.0.as_ref()
    }
}

impl PartialEq for MostDerived {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for MostDerived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            self.0
                .as_ref()
                .and_then(|value| value.ids().first())
                .copied()
                .unwrap_or("itself"),
        )
    }
}

impl<T: AnyValueType + ?Sized> Marshal for Option<Arc<T>> {
    fn marshal<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        encoder.value(self.as_ref())
    }
}

impl<T: AnyValueType + ?Sized> Unmarshal for Option<Arc<T>> {
    const MIN_SIZE: usize = 4;

    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        decoder.value()
    }
}

impl<T: ValueType> Typed for Option<Arc<T>> {
    fn type_code() -> TypeCode {
        T::type_code()
    }
}

impl Typed for Option<Arc<dyn Value>> {
    fn type_code() -> TypeCode {
        TypeCode::value_base()
    }
}
