// SPDX-License-Identifier: MIT OR Apache-2.0
//! The syntax tree: IDL as written, names not yet looked up.

use std::rc::Rc;

pub(crate) use self::expression::{BinaryOperator, Expression, ExpressionKind, Literal, UnaryOperator};
pub(crate) use self::interface::{AttributeDecl, InterfaceDecl, OperationDecl, ParameterDecl};
use crate::model::{InterfaceKind, Primitive};
use crate::source::Span;
use crate::token::Marker;

mod expression;
mod interface;

/// An identifier, its escaping underscore removed.
#[derive(Clone, Debug)]
pub(crate) struct Ident {
    pub(crate) text: Rc<str>,
    pub(crate) span: Span,
}

/// `A::B` or `::A::B`.
#[derive(Clone, Debug)]
pub(crate) struct ScopedName {
    pub(crate) absolute: bool,
    /// At least one.
    pub(crate) parts: Vec<Ident>,
    pub(crate) span: Span,
}

impl ScopedName {
    pub(crate) fn text(&self) -> String {
        let parts: Vec<&str> = self.parts.iter().map(|part| &*part.text).collect();
        format!("{}{}", if self.absolute { "::" } else { "" }, parts.join("::"))
    }
}

/// What stands before a definition.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prelude {
    pub(crate) doc: Option<Rc<str>>,
    pub(crate) annotations: Vec<AnnotationUse>,
}

/// `@name(...)`
#[derive(Clone, Debug)]
pub(crate) struct AnnotationUse {
    pub(crate) name: ScopedName,
    pub(crate) arguments: Vec<(Option<Ident>, Expression)>,
    pub(crate) span: Span,
}

/// A definition, a member of an interface, or a marker between them.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub(crate) prelude: Prelude,
    pub(crate) span: Span,
    pub(crate) kind: DefinitionKind,
}

#[derive(Clone, Debug)]
pub(crate) enum DefinitionKind {
    Module {
        name: Ident,
        body: Vec<Definition>,
    },
    Interface(InterfaceDecl),
    InterfaceForward {
        name: Ident,
        kind: InterfaceKind,
    },
    Value(ValueDecl),
    ValueForward {
        name: Ident,
        is_abstract: bool,
        event: bool,
    },
    ValueBox {
        name: Ident,
        ty: TypeSpec,
    },
    Struct {
        name: Ident,
        base: Option<ScopedName>,
        members: Vec<MemberDecl>,
    },
    StructForward {
        name: Ident,
    },
    Union(UnionDecl),
    UnionForward {
        name: Ident,
    },
    Enum {
        name: Ident,
        enumerators: Vec<(Prelude, Ident)>,
    },
    Bitset {
        name: Ident,
        base: Option<ScopedName>,
        fields: Vec<BitfieldDecl>,
    },
    Bitmask {
        name: Ident,
        flags: Vec<(Prelude, Ident)>,
    },
    Exception {
        name: Ident,
        members: Vec<MemberDecl>,
    },
    Typedef {
        ty: TypeSpec,
        declarators: Vec<Declarator>,
    },
    Const {
        name: Ident,
        ty: TypeSpec,
        value: Expression,
    },
    Native {
        name: Ident,
    },
    TypeId {
        name: ScopedName,
        id: Ident,
    },
    TypePrefix {
        name: ScopedName,
        prefix: Ident,
    },
    Import {
        name: Option<ScopedName>,
    },
    Operation(OperationDecl),
    Attribute(AttributeDecl),
    State {
        public: bool,
        member: MemberDecl,
    },
    Factory(OperationDecl),
    Component(ComponentDecl),
    /// A template module, its instance or its alias: accepted, and not looked into.
    Template {
        name: Ident,
        what: &'static str,
    },
    AnnotationDefinition {
        name: Ident,
    },
    Marker {
        marker: Marker,
        text: Rc<str>,
    },
}

/// A valuetype or event type with a body.
#[derive(Clone, Debug)]
pub(crate) struct ValueDecl {
    pub(crate) name: Ident,
    pub(crate) is_abstract: bool,
    pub(crate) custom: bool,
    pub(crate) event: bool,
    pub(crate) truncatable: Option<Span>,
    pub(crate) bases: Vec<ScopedName>,
    pub(crate) supports: Vec<ScopedName>,
    pub(crate) body: Vec<Definition>,
}

/// A member with one or more declarators.
#[derive(Clone, Debug)]
pub(crate) struct MemberDecl {
    pub(crate) prelude: Prelude,
    pub(crate) ty: TypeSpec,
    pub(crate) declarators: Vec<Declarator>,
}

/// A name with array dimensions.
#[derive(Clone, Debug)]
pub(crate) struct Declarator {
    pub(crate) name: Ident,
    pub(crate) dimensions: Vec<Expression>,
}

#[derive(Clone, Debug)]
pub(crate) struct UnionDecl {
    pub(crate) name: Ident,
    pub(crate) discriminator: TypeSpec,
    pub(crate) cases: Vec<CaseDecl>,
}

#[derive(Clone, Debug)]
pub(crate) struct CaseDecl {
    pub(crate) labels: Vec<LabelDecl>,
    /// With exactly one declarator.
    pub(crate) member: MemberDecl,
}

#[derive(Clone, Debug)]
pub(crate) enum LabelDecl {
    Value(Expression),
    Default(Span),
}

#[derive(Clone, Debug)]
pub(crate) struct BitfieldDecl {
    pub(crate) prelude: Prelude,
    pub(crate) width: Expression,
    pub(crate) ty: Option<TypeSpec>,
    /// None for padding.
    pub(crate) names: Vec<Ident>,
}

/// A component, home, porttype or connector, defined or only declared.
#[derive(Clone, Debug)]
pub(crate) struct ComponentDecl {
    pub(crate) what: &'static str,
    pub(crate) name: Ident,
    pub(crate) forward: bool,
    pub(crate) base: Option<ScopedName>,
    pub(crate) supports: Vec<ScopedName>,
    /// Of a home: the component it manages.
    pub(crate) manages: Option<ScopedName>,
    /// Of a home: its primary key.
    pub(crate) key: Option<ScopedName>,
    pub(crate) ports: Vec<PortDecl>,
    pub(crate) body: Vec<Definition>,
}

/// `provides X y;` and the like.
#[derive(Clone, Debug)]
pub(crate) struct PortDecl {
    pub(crate) what: &'static str,
    /// `None` for `Object`.
    pub(crate) ty: Option<ScopedName>,
    pub(crate) name: Ident,
}

/// A type as written.
#[derive(Clone, Debug)]
pub(crate) struct TypeSpec {
    pub(crate) span: Span,
    pub(crate) kind: TypeKind,
}

#[derive(Clone, Debug)]
pub(crate) enum TypeKind {
    Primitive(Primitive),
    String {
        wide: bool,
        bound: Option<Expression>,
    },
    Fixed(Option<(Expression, Expression)>),
    Sequence {
        element: Box<TypeSpec>,
        bound: Option<Expression>,
    },
    Map {
        key: Box<TypeSpec>,
        value: Box<TypeSpec>,
        bound: Option<Expression>,
    },
    Name(ScopedName),
    Any,
    Object,
    ValueBase,
    Void,
    /// A type defined where it is used.
    Constructed(Box<Definition>),
}
