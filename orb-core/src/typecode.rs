// SPDX-License-Identifier: MIT OR Apache-2.0
//! TypeCodes: IDL types described at run time (CORBA 3.3 Part 1 §8.11), recursive ones included.
//!
//! Generated code describes its types with the builders ([`TypeCode::structure`], …) inside a [`TypeCodeCell`], which
//! also ends recursion:
//!
//! ```
//! use orb_core::typecode::{TypeCode, TypeCodeCell, Typed};
//!
//! struct Tree;                                       // struct Tree { long value; sequence<Tree> children; };
//!
//! impl Typed for Tree {
//!     fn type_code() -> TypeCode {
//!         static CELL: TypeCodeCell = TypeCodeCell::new("IDL:Tree:1.0");
//!         CELL.get(|| {
//!             TypeCode::structure("IDL:Tree:1.0", "Tree", [
//!                 ("value", i32::type_code()),
//!                 ("children", TypeCode::sequence(Tree::type_code(), 0)),
//!             ])
//!         })
//!     }
//! }
//! assert_eq!(Tree::type_code().member_type(1).and_then(|list| list.content_type()), Some(Tree::type_code()));
//! ```
//!
//! CORBA has no kinds for what IDL 4 added, so these stand for them: `int8` and `uint8` are `octet`; a map is a sequence
//! of structs `{key, value}`; a bitmask is the unsigned integer that holds it.

use std::{borrow::Cow, sync::Arc};

mod build;
mod codec;
mod compare;
mod decode;
mod graph;
mod kind;
mod show;
#[cfg(test)]
mod tests;
mod typed;

pub use {
    build::TypeCodeCell,
    kind::{TypeCodeKind, ValueModifier},
    typed::{Typed, WideChar, WideString},
};
pub(crate) use {
    codec::write_label,
    decode::read_label,
    graph::{Link, Node, NodeRef},
};

use graph::Graph;

/// A text of a TypeCode: static in generated code, owned when it came over the wire.
type Text = Cow<'static, str>;

/// The description of an IDL type; cheap to clone.
///
/// `==` is the standard's `equal`: names and aliases count. See [`Self::equivalent`] for the weaker one.
#[derive(Clone)]
pub struct TypeCode(Repr);

#[derive(Clone)]
enum Repr {
    /// A kind without parameters, or an unbounded string.
    Simple(TypeCodeKind),
    Node(Arc<Graph>, u32),
}

impl TypeCode {
    /// Returns the kind.
    pub fn kind(&self) -> TypeCodeKind {
        self.root().node().kind()
    }

    /// Returns the repository id, of the kinds that have one.
    pub fn id(&self) -> Option<&str> {
        self.root().node().id()
    }

    /// Returns the simple name, of the kinds that have one.
    pub fn name(&self) -> Option<&str> {
        self.root().node().name()
    }

    /// Returns the number of members, of a struct, exception, union, enum or value; else 0.
    pub fn member_count(&self) -> usize {
        self.root().node().member_count()
    }

    /// Returns the name of a member or an enumerator.
    pub fn member_name(&self, index: usize) -> Option<&str> {
        self.root().node().member_name(index)
    }

    /// Returns the type of a member.
    pub fn member_type(&self, index: usize) -> Option<Self> {
        let root = self.root();
        root.node()
            .member_link(index)
            .map(|link| root.follow(link).to_type_code())
    }

    /// Returns the label of a union's member: the discriminator as a number, nothing for the default member.
    ///
    /// Booleans are 0 and 1, characters their code, enumerators their position, `unsigned long long` is wrapped.
    pub fn member_label(&self, index: usize) -> Option<i64> {
        match self.root().node() {
            Node::Union { cases, default, .. } if *default != Some(index) => Some(cases.get(index)?.label),
            _ => None,
        }
    }

    /// Returns whether a member of a value is public.
    pub fn member_is_public(&self, index: usize) -> Option<bool> {
        match self.root().node() {
            Node::Value { members, .. } => members.get(index).map(|member| member.public),
            _ => None,
        }
    }

    /// Returns the discriminator's type, of a union.
    pub fn discriminator_type(&self) -> Option<Self> {
        let root = self.root();
        match root.node() {
            Node::Union { discriminator, .. } => Some(root.follow(discriminator).to_type_code()),
            _ => None,
        }
    }

    /// Returns the index of a union's default member.
    pub fn default_index(&self) -> Option<usize> {
        match self.root().node() {
            Node::Union { default, .. } => *default,
            _ => None,
        }
    }

    /// Returns the bound of a string or sequence (0 is unbounded), or the length of an array.
    pub fn length(&self) -> Option<u32> {
        match self.root().node() {
            Node::Simple(TypeCodeKind::String | TypeCodeKind::WString) => Some(0),
            Node::String { bound, .. } | Node::Sequence { bound, .. } => Some(*bound),
            Node::Array { length, .. } => Some(*length),
            _ => None,
        }
    }

    /// Returns what a sequence, array, alias or value box contains.
    pub fn content_type(&self) -> Option<Self> {
        let root = self.root();
        root.node().content().map(|link| root.follow(link).to_type_code())
    }

    /// Returns the number of digits of a `fixed`.
    pub fn fixed_digits(&self) -> Option<u16> {
        match self.root().node() {
            Node::Fixed { digits, .. } => Some(*digits),
            _ => None,
        }
    }

    /// Returns the number of digits behind the point of a `fixed`.
    pub fn fixed_scale(&self) -> Option<i16> {
        match self.root().node() {
            Node::Fixed { scale, .. } => Some(*scale),
            _ => None,
        }
    }

    /// Returns the modifier of a value.
    pub fn type_modifier(&self) -> Option<ValueModifier> {
        match self.root().node() {
            Node::Value { modifier, .. } => Some(*modifier),
            _ => None,
        }
    }

    /// Returns the concrete value that a value inherits from.
    pub fn concrete_base_type(&self) -> Option<Self> {
        let root = self.root();
        match root.node() {
            Node::Value { base, .. } => base.as_ref().map(|link| root.follow(link).to_type_code()),
            _ => None,
        }
    }

    /// Returns the type with the aliases at its top taken away.
    pub fn resolved(&self) -> Self {
        self.root().resolved().to_type_code()
    }

    /// Returns whether the description is complete: no recursive part still waits for its enclosing type.
    pub fn is_complete(&self) -> bool {
        match &self.0 {
            Repr::Simple(_) => true,
            Repr::Node(graph, _) => graph.open.is_empty(),
        }
    }

    pub(crate) fn root(&self) -> NodeRef<'_> {
        match &self.0 {
            Repr::Simple(kind) => NodeRef::simple(*kind),
            Repr::Node(graph, index) => NodeRef::new(graph, *index),
        }
    }

    const fn simple(kind: TypeCodeKind) -> Self {
        Self(Repr::Simple(kind))
    }
}

/// The types that need no parameters.
impl TypeCode {
    /// No value: what an empty `any` holds.
    pub const NULL: Self = Self::simple(TypeCodeKind::Null);
    /// `void`.
    pub const VOID: Self = Self::simple(TypeCodeKind::Void);
    /// `short`.
    pub const SHORT: Self = Self::simple(TypeCodeKind::Short);
    /// `long`.
    pub const LONG: Self = Self::simple(TypeCodeKind::Long);
    /// `unsigned short`.
    pub const USHORT: Self = Self::simple(TypeCodeKind::UShort);
    /// `unsigned long`.
    pub const ULONG: Self = Self::simple(TypeCodeKind::ULong);
    /// `float`.
    pub const FLOAT: Self = Self::simple(TypeCodeKind::Float);
    /// `double`.
    pub const DOUBLE: Self = Self::simple(TypeCodeKind::Double);
    /// `boolean`.
    pub const BOOLEAN: Self = Self::simple(TypeCodeKind::Boolean);
    /// `char`.
    pub const CHAR: Self = Self::simple(TypeCodeKind::Char);
    /// `octet`.
    pub const OCTET: Self = Self::simple(TypeCodeKind::Octet);
    /// `any`.
    pub const ANY: Self = Self::simple(TypeCodeKind::Any);
    /// `TypeCode`.
    pub const TYPE_CODE: Self = Self::simple(TypeCodeKind::TypeCode);
    /// `long long`.
    pub const LONGLONG: Self = Self::simple(TypeCodeKind::LongLong);
    /// `unsigned long long`.
    pub const ULONGLONG: Self = Self::simple(TypeCodeKind::ULongLong);
    /// `long double`.
    pub const LONGDOUBLE: Self = Self::simple(TypeCodeKind::LongDouble);
    /// `wchar`.
    pub const WCHAR: Self = Self::simple(TypeCodeKind::WChar);
    /// An unbounded `string`.
    pub const STRING: Self = Self::simple(TypeCodeKind::String);
    /// An unbounded `wstring`.
    pub const WSTRING: Self = Self::simple(TypeCodeKind::WString);
}

impl Default for TypeCode {
    /// Returns [`Self::NULL`].
    fn default() -> Self {
        Self::NULL
    }
}
