// SPDX-License-Identifier: MIT OR Apache-2.0
//! Interfaces, operations and attributes.

use super::{Annotation, ItemId, Name, Type};
use crate::source::Span;

/// An interface.
#[derive(Debug, Default)]
pub struct Interface {
    /// Unconstrained, local or abstract.
    pub kind: InterfaceKind,
    /// Whether it was defined, and not only declared forward. References to the latter can be passed, not called.
    pub defined: bool,
    /// Its direct bases, in order.
    pub bases: Vec<ItemId>,
    /// All bases, direct and indirect, each once, a base before what inherits it.
    pub all_bases: Vec<ItemId>,
    /// Types, constants and exceptions defined inside, in order.
    pub definitions: Vec<ItemId>,
    /// Its own operations and attributes, in order.
    pub members: Vec<InterfaceMember>,
}

/// What calls an interface permits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InterfaceKind {
    /// Can be called from anywhere.
    #[default]
    Unconstrained,
    /// Only within the process (CORBA 3.3 part 1 §7.8.7); its references can't be passed over the wire.
    Local,
    /// Passed as an object reference or as a value, whichever it is at run time.
    Abstract,
}

/// An operation or an attribute.
#[derive(Debug)]
pub enum InterfaceMember {
    /// An operation.
    Operation(Operation),
    /// An attribute of one declarator.
    Attribute(Attribute),
}

/// An operation.
#[derive(Debug)]
pub struct Operation {
    /// Its name.
    pub name: Name,
    /// Its repository id.
    pub repository_id: String,
    /// The whole declaration.
    pub span: Span,
    /// Whether the caller gets no answer; then there is no result, `out`, `inout` or exception.
    pub oneway: bool,
    /// Its result; `None` for `void`.
    pub result: Option<Type>,
    /// Its parameters, in order.
    pub parameters: Vec<Parameter>,
    /// Exceptions it may raise, in order, each once. An item is an exception or, for `raises` of an imported native, native.
    pub raises: Vec<ItemId>,
    /// Names of the context properties passed with a request.
    pub contexts: Vec<String>,
    /// Its doc comment.
    pub doc: Option<String>,
    /// Annotations applied to it.
    pub annotations: Vec<Annotation>,
}

/// A parameter.
#[derive(Debug)]
pub struct Parameter {
    /// Which way it goes.
    pub direction: Direction,
    /// Its type.
    pub ty: Type,
    /// Its name.
    pub name: Name,
    /// Annotations applied to it.
    pub annotations: Vec<Annotation>,
}

/// Which way a parameter goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client.
    In,
    /// To the client.
    Out,
    /// Both.
    InOut,
}

/// An attribute of one declarator.
#[derive(Debug)]
pub struct Attribute {
    /// Its name.
    pub name: Name,
    /// Its repository id.
    pub repository_id: String,
    /// The whole declaration.
    pub span: Span,
    /// Whether it can't be set.
    pub readonly: bool,
    /// Its type.
    pub ty: Type,
    /// Exceptions reading it may raise.
    pub get_raises: Vec<ItemId>,
    /// Exceptions setting it may raise.
    pub set_raises: Vec<ItemId>,
    /// Its doc comment.
    pub doc: Option<String>,
    /// Annotations applied to it.
    pub annotations: Vec<Annotation>,
}
