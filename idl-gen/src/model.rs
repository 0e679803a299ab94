// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an IDL compilation means: every definition resolved, checked and numbered.
//!
//! The front end makes a [`Model`] of all inputs of one compilation; a back end reads it. Definitions lie in an arena and
//! refer to each other by [`ItemId`]; what is private to one definition (members, parameters, types without a name) lies
//! inside it. Everything in a model has passed the checks of the standard, so a back end need not repeat them.
//!
//! Several inputs make one model. A definition that two inputs reach through `#include` is in it once, and belongs to the
//! input that came first ([`Item::input`]). A module that is opened several times is one item.

use std::path::PathBuf;

pub use self::annotation::{Annotation, AnnotationArgument};
pub use self::constructed::{
    BitFlag, Bitfield, Bitmask, Bitset, Case, Enum, Enumerator, Exception, Label, Member, Struct, Union,
};
pub use self::interface::{
    Attribute, Direction, Interface, InterfaceKind, InterfaceMember, Operation, Parameter,
};
pub use self::types::{Primitive, Type};
pub use self::value::{FixedValue, Value};
pub use self::valuetype::{Factory, StateMember, ValueKind, Valuetype};
use crate::source::{FileId, SourceMap, Span};

mod annotation;
mod constructed;
mod interface;
mod query;
mod types;
mod value;
mod valuetype;

/// Identifies an [`Item`] of its [`Model`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemId(pub(crate) u32);

/// Everything that one compilation defines.
#[derive(Debug, Default)]
pub struct Model {
    /// The inputs, in the order they were given.
    pub inputs: Vec<Input>,
    /// What stands at file scope, in order of (first) declaration.
    pub definitions: Vec<ItemId>,
    /// The files that were read.
    pub sources: SourceMap,
    pub(crate) items: Vec<Item>,
}

/// One file given to the compiler.
#[derive(Clone, Debug)]
pub struct Input {
    /// The path as it was given.
    pub path: PathBuf,
    /// The file's name without directories and extension; the generated file is `<stem>.rs`.
    pub stem: String,
    /// The file.
    pub file: FileId,
}

/// An identifier as the source spells it, without the escaping underscore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The identifier; this is also what goes over the wire.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// A definition with a name and a repository id.
#[derive(Debug)]
pub struct Item {
    /// The name.
    pub name: Name,
    /// The scope it stands in; `None` at file scope.
    pub parent: Option<ItemId>,
    /// The names of all enclosing scopes and its own: `["Telemetry", "Sensor"]`.
    pub path: Vec<String>,
    /// The repository id, with prefixes, versions, `#pragma ID` and `typeid` applied: `IDL:Telemetry/Sensor:1.0`.
    pub repository_id: String,
    /// The whole definition; of a module its first opening.
    pub span: Span,
    /// Index in [`Model::inputs`] of the input that brought it.
    ///
    /// A module belongs to the input that opens it first; what other inputs add to it names those.
    pub input: usize,
    /// Whether it stands in that input itself, and not in a file it includes.
    pub main: bool,
    /// The text of the doc comment before it, markers and common indentation removed.
    pub doc: Option<String>,
    /// Annotations applied to it, in order.
    pub annotations: Vec<Annotation>,
    /// What it is.
    pub kind: ItemKind,
}

/// What an [`Item`] is.
#[derive(Debug)]
#[non_exhaustive]
pub enum ItemKind {
    /// A module, all of its openings together.
    Module(Module),
    /// An interface: unconstrained, local or abstract; also one that is only declared.
    Interface(Interface),
    /// A valuetype of any kind, boxed ones and event types included; also one that is only declared.
    Valuetype(Valuetype),
    /// A structure.
    Struct(Struct),
    /// A union.
    Union(Union),
    /// An enumeration.
    Enum(Enum),
    /// A set of bit fields (IDL 4.2 §7.4.13.4.3.2).
    Bitset(Bitset),
    /// A set of flags (IDL 4.2 §7.4.13.4.3.3).
    Bitmask(Bitmask),
    /// A user exception.
    Exception(Exception),
    /// A typedef; each declarator is an item of its own.
    Typedef(Typedef),
    /// A constant.
    Const(Const),
    /// A type that only the language mapping can express.
    Native,
    /// A construct that is accepted and checked but has no Rust form here (CORBA components).
    ///
    /// As a type it stands for an object reference when `is_object` is set.
    NotGenerated(NotGenerated),
}

/// A module.
#[derive(Debug, Default)]
pub struct Module {
    /// What stands in it, in order of (first) declaration, over all openings.
    pub definitions: Vec<ItemId>,
    /// Where its name stands at each opening.
    pub openings: Vec<Span>,
}

/// A typedef of one declarator.
#[derive(Debug)]
pub struct Typedef {
    /// The type it names; an array if the declarator has dimensions.
    pub ty: Type,
}

/// A constant.
#[derive(Debug)]
pub struct Const {
    /// Its type as declared, possibly a typedef.
    pub ty: Type,
    /// Its value, converted to the type and checked against its range.
    pub value: Value,
}

/// A definition that no Rust is generated for.
#[derive(Debug)]
pub struct NotGenerated {
    /// What it is, for people: `component`, `home`, `porttype`, …
    pub what: &'static str,
    /// Whether references to it are object references (components and homes).
    pub is_object: bool,
    /// Definitions that stand inside it (a home may hold types); they are ordinary items.
    pub definitions: Vec<ItemId>,
}
