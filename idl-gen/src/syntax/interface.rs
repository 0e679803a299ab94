// SPDX-License-Identifier: MIT OR Apache-2.0
//! Interfaces, operations and attributes as written.

use std::rc::Rc;

use super::{Definition, Ident, Prelude, ScopedName, TypeSpec};
use crate::model::{Direction, InterfaceKind};
use crate::source::Span;

#[derive(Clone, Debug)]
pub(crate) struct InterfaceDecl {
    pub(crate) name: Ident,
    pub(crate) kind: InterfaceKind,
    pub(crate) bases: Vec<ScopedName>,
    pub(crate) body: Vec<Definition>,
}

/// An operation; a factory or finder too, which have no result.
#[derive(Clone, Debug)]
pub(crate) struct OperationDecl {
    pub(crate) name: Ident,
    pub(crate) oneway: Option<Span>,
    pub(crate) result: TypeSpec,
    pub(crate) parameters: Vec<ParameterDecl>,
    pub(crate) raises: Vec<ScopedName>,
    pub(crate) contexts: Vec<(Rc<str>, Span)>,
}

#[derive(Clone, Debug)]
pub(crate) struct ParameterDecl {
    pub(crate) prelude: Prelude,
    pub(crate) direction: Direction,
    pub(crate) direction_span: Span,
    pub(crate) ty: TypeSpec,
    pub(crate) name: Ident,
}

#[derive(Clone, Debug)]
pub(crate) struct AttributeDecl {
    pub(crate) readonly: bool,
    pub(crate) ty: TypeSpec,
    pub(crate) names: Vec<Ident>,
    pub(crate) get_raises: Vec<ScopedName>,
    pub(crate) set_raises: Vec<ScopedName>,
}
