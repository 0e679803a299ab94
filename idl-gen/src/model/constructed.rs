// SPDX-License-Identifier: MIT OR Apache-2.0
//! Structures, unions, enumerations, bit sets and exceptions.

use super::{Annotation, ItemId, Name, Type, Value};

/// A structure.
#[derive(Debug, Default)]
pub struct Struct {
    /// The structure it extends (IDL 4.2 §7.4.13.4.1); its members come first.
    pub base: Option<ItemId>,
    /// Its own members, in order.
    pub members: Vec<Member>,
    /// Whether a value of it can contain another (through a sequence).
    pub recursive: bool,
    /// Types defined inside it by its members.
    pub definitions: Vec<ItemId>,
    /// Whether it was defined, and not only declared (the checks refuse uses of the latter).
    pub defined: bool,
}

/// A user exception.
#[derive(Debug, Default)]
pub struct Exception {
    /// Its members, in order.
    pub members: Vec<Member>,
    /// Types defined inside it by its members.
    pub definitions: Vec<ItemId>,
}

/// A member of a struct, exception, union or valuetype, of one declarator.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name.
    pub name: Name,
    /// Its type, array dimensions included.
    pub ty: Type,
    /// Its doc comment.
    pub doc: Option<String>,
    /// Annotations applied to it.
    pub annotations: Vec<Annotation>,
    /// Whether a value of the enclosing type can be reached through it.
    pub recursive: bool,
}

/// A union.
#[derive(Debug)]
pub struct Union {
    /// The discriminator's type, possibly a typedef.
    pub discriminator: Type,
    /// Its cases, in order.
    pub cases: Vec<Case>,
    /// Whether there are discriminator values that no case takes; then the union may hold no member.
    pub implicit_default: bool,
    /// The discriminator value that no label names (the least from zero up); what a mapping uses for the default case or the implicit default.
    /// `None` when the labels name all values.
    pub default_discriminator: Option<Value>,
    /// Whether a value of it can contain another (through a sequence).
    pub recursive: bool,
    /// Types defined inside it by its members (an enum as discriminator too).
    pub definitions: Vec<ItemId>,
    /// Whether it was defined, and not only declared.
    pub defined: bool,
}

/// One case of a [`Union`].
#[derive(Debug)]
pub struct Case {
    /// Its labels, in order; at least one.
    pub labels: Vec<Label>,
    /// What it holds.
    pub member: Member,
}

/// A label of a [`Case`].
#[derive(Clone, Debug, PartialEq)]
pub enum Label {
    /// `case value:`, converted to the discriminator's type.
    Value(Value),
    /// `default:`
    Default,
}

/// An enumeration.
#[derive(Debug, Default)]
pub struct Enum {
    /// Its enumerators, in order.
    pub enumerators: Vec<Enumerator>,
}

/// An enumerator. Its IDL scope is that around the enumeration.
#[derive(Debug)]
pub struct Enumerator {
    /// Its name.
    pub name: Name,
    /// Its value: the position, or what `@value` says.
    pub value: u32,
    /// Its repository id.
    pub repository_id: String,
    /// Its doc comment.
    pub doc: Option<String>,
    /// Annotations applied to it.
    pub annotations: Vec<Annotation>,
}

/// A set of bit fields.
#[derive(Debug, Default)]
pub struct Bitset {
    /// The bitset it extends.
    pub base: Option<ItemId>,
    /// Its own fields, in order.
    pub fields: Vec<Bitfield>,
    /// Number of bits, inherited ones included; at most 64.
    pub bits: u8,
}

/// A field of a [`Bitset`].
#[derive(Debug)]
pub struct Bitfield {
    /// Its name; `None` for padding.
    pub name: Option<Name>,
    /// Its type: as given, else the least that holds it (`boolean`, `octet`, `unsigned short`, …).
    pub ty: Type,
    /// Position of its lowest bit.
    pub position: u8,
    /// Number of bits, 1 to 64.
    pub width: u8,
    /// Its doc comment.
    pub doc: Option<String>,
    /// Annotations applied to it.
    pub annotations: Vec<Annotation>,
}

/// A set of flags.
#[derive(Debug)]
pub struct Bitmask {
    /// Its width, 1 to 64: 32, or what `@bit_bound` says.
    pub bit_bound: u8,
    /// Its flags, in order.
    pub flags: Vec<BitFlag>,
}

/// A flag of a [`Bitmask`].
#[derive(Debug)]
pub struct BitFlag {
    /// Its name.
    pub name: Name,
    /// Its bit: one above the flag before, or what `@position` says.
    pub position: u8,
    /// Its doc comment.
    pub doc: Option<String>,
    /// Annotations applied to it.
    pub annotations: Vec<Annotation>,
}
