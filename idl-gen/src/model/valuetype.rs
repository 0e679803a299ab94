// SPDX-License-Identifier: MIT OR Apache-2.0
//! Valuetypes.

use super::{InterfaceMember, ItemId, Member, Name, Parameter, Type};
use crate::model::Annotation;
use crate::source::Span;

/// A valuetype of any kind.
#[derive(Debug, Default)]
pub struct Valuetype {
    /// Stateful, custom, abstract or a box.
    pub kind: ValueKind,
    /// Whether it was defined, and not only declared forward.
    pub defined: bool,
    /// Whether it was written as an `eventtype` (CORBA 3.3 part 3 §6.7); otherwise it is like any other.
    pub event: bool,
    /// The stateful valuetype it extends.
    pub base: Option<ItemId>,
    /// Whether a receiver that doesn't know it may take it as its base.
    pub truncatable: bool,
    /// Abstract valuetypes it extends, in order.
    pub abstract_bases: Vec<ItemId>,
    /// Interfaces it supports, in order.
    pub supports: Vec<ItemId>,
    /// Types, constants and exceptions defined inside, in order.
    pub definitions: Vec<ItemId>,
    /// Its own state, in order.
    pub state: Vec<StateMember>,
    /// Its initializers, in order.
    pub factories: Vec<Factory>,
    /// Its own operations and attributes, in order.
    pub members: Vec<InterfaceMember>,
    /// Whether a value of it can reach another of it or a base or derived type, through some member.
    pub recursive: bool,
}

/// The kind of a [`Valuetype`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ValueKind {
    /// Has state that the generated code marshals.
    #[default]
    Stateful,
    /// Has state that the application marshals.
    Custom,
    /// Has no state.
    Abstract,
    /// `valuetype Box type;`
    Boxed(Type),
}

/// A member of a valuetype's state.
#[derive(Debug)]
pub struct StateMember {
    /// Whether it is `public`.
    pub public: bool,
    /// The member.
    pub member: Member,
}

/// An initializer of a valuetype; all parameters are `in`.
#[derive(Debug)]
pub struct Factory {
    /// Its name.
    pub name: Name,
    /// The whole declaration.
    pub span: Span,
    /// Its parameters, in order.
    pub parameters: Vec<Parameter>,
    /// Exceptions it may raise.
    pub raises: Vec<ItemId>,
    /// Its doc comment.
    pub doc: Option<String>,
    /// Annotations applied to it.
    pub annotations: Vec<Annotation>,
}
