// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a TypeCode is kept: nodes that refer to each other by index, so that recursive types need no reference cycles.

use std::{
    ptr,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;

use super::{Repr, Text, TypeCode, TypeCodeKind, ValueModifier, kind::NODES};

/// Nodes that belong together; the first is the one the graph was made for.
#[derive(Debug)]
pub(crate) struct Graph {
    pub(super) nodes: Box<[Node]>,
    /// The ids of the recursive parts whose enclosing type is not known yet.
    pub(super) open: Box<[Text]>,
    /// The content of the first node's encapsulation, once it was encoded.
    pub(super) encoded: OnceLock<Bytes>,
}

/// From a node to one of its parts.
#[derive(Debug, Clone)]
pub(crate) enum Link {
    /// A node of the same graph.
    Local(u32),
    /// Another TypeCode, complete in itself.
    Foreign(TypeCode),
}

#[derive(Debug, Clone)]
pub(crate) enum Node {
    Simple(TypeCodeKind),
    String {
        wide: bool,
        bound: u32,
    },
    Fixed {
        digits: u16,
        scale: i16,
    },
    /// Kinds that have nothing but a name: object references and their relatives.
    Named {
        kind: TypeCodeKind,
        id: Text,
        name: Text,
    },
    /// An alias or a value box.
    Renamed {
        kind: TypeCodeKind,
        id: Text,
        name: Text,
        content: Link,
    },
    Sequence {
        content: Link,
        bound: u32,
    },
    Array {
        content: Link,
        length: u32,
    },
    /// A struct or an exception.
    Struct {
        kind: TypeCodeKind,
        id: Text,
        name: Text,
        members: Box<[Member]>,
    },
    Union {
        id: Text,
        name: Text,
        discriminator: Link,
        default: Option<usize>,
        cases: Box<[Case]>,
    },
    Enum {
        id: Text,
        name: Text,
        enumerators: Box<[Text]>,
    },
    /// A value or an event.
    Value {
        kind: TypeCodeKind,
        id: Text,
        name: Text,
        modifier: ValueModifier,
        base: Option<Link>,
        members: Box<[ValueMember]>,
    },
    /// Stands for the enclosing type with this id.
    Recursive {
        id: Text,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) name: Text,
    pub(crate) link: Link,
}

#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) label: i64,
    pub(crate) name: Text,
    pub(crate) link: Link,
}

#[derive(Debug, Clone)]
pub(crate) struct ValueMember {
    pub(crate) name: Text,
    pub(crate) link: Link,
    pub(crate) public: bool,
}

/// A node and the graph it is part of.
#[derive(Clone, Copy)]
pub(crate) struct NodeRef<'a> {
    graph: Option<&'a Arc<Graph>>,
    index: u32,
    node: &'a Node,
}

impl<'a> NodeRef<'a> {
    pub(super) fn simple(kind: TypeCodeKind) -> Self {
        Self {
            graph: None,
            index: 0,
            node: simple_node(kind),
        }
    }

    pub(super) fn new(graph: &'a Arc<Graph>, index: u32) -> Self {
        let node = usize::try_from(index)
            .ok()
            .and_then(|index| graph.nodes.get(index));
        Self {
            graph: Some(graph),
            index,
            node: node.unwrap_or(simple_node(TypeCodeKind::Null)),
        }
    }

    pub(crate) fn node(self) -> &'a Node {
        self.node
    }

    pub(super) fn graph(self) -> Option<&'a Arc<Graph>> {
        self.graph
    }

    pub(super) fn index(self) -> u32 {
        self.index
    }

    pub(crate) fn kind(self) -> TypeCodeKind {
        self.node.kind()
    }

    pub(crate) fn follow(self, link: &'a Link) -> NodeRef<'a> {
        match (link, self.graph) {
            (Link::Foreign(other), _) => other.root(),
            (Link::Local(index), Some(graph)) => NodeRef::new(graph, *index),
            (Link::Local(_), None) => NodeRef::simple(TypeCodeKind::Null),
        }
    }

    /// Takes the aliases at the top away.
    pub(crate) fn resolved(self) -> Self {
        let mut current = self;
        // A chain of aliases is finite unless a peer made one that leads back into itself.
        for _ in 0..super::decode::NODE_LIMIT {
            match current.node {
                Node::Renamed {
                    kind: TypeCodeKind::Alias,
                    content,
                    ..
                } => current = current.follow(content),
                _ => return current,
            }
        }
        NodeRef::simple(TypeCodeKind::Null)
    }

    pub(crate) fn to_type_code(self) -> TypeCode {
        match (self.graph, self.node) {
            (_, Node::Simple(kind)) => TypeCode::simple(*kind),
            (Some(graph), _) => TypeCode(Repr::Node(Arc::clone(graph), self.index)),
            (None, node) => TypeCode::simple(node.kind()),
        }
    }

    /// Tells nodes apart.
    pub(crate) fn identity(self) -> *const Node {
        ptr::from_ref(self.node)
    }
}

fn simple_node(kind: TypeCodeKind) -> &'static Node {
    let index = usize::try_from(kind.number()).unwrap_or_default();
    NODES.get(index).unwrap_or(&Node::Simple(TypeCodeKind::Null))
}

impl Node {
    pub(crate) fn kind(&self) -> TypeCodeKind {
        match self {
            Self::Simple(kind)
            | Self::Named { kind, .. }
            | Self::Renamed { kind, .. }
            | Self::Struct { kind, .. }
            | Self::Value { kind, .. } => *kind,
            Self::String { wide: false, .. } => TypeCodeKind::String,
            Self::String { wide: true, .. } => TypeCodeKind::WString,
            Self::Fixed { .. } => TypeCodeKind::Fixed,
            Self::Sequence { .. } => TypeCodeKind::Sequence,
            Self::Array { .. } => TypeCodeKind::Array,
            Self::Union { .. } => TypeCodeKind::Union,
            Self::Enum { .. } => TypeCodeKind::Enum,
            Self::Recursive { .. } => TypeCodeKind::Null,
        }
    }

    pub(crate) fn id(&self) -> Option<&str> {
        match self {
            Self::Named { id, .. }
            | Self::Renamed { id, .. }
            | Self::Struct { id, .. }
            | Self::Union { id, .. }
            | Self::Enum { id, .. }
            | Self::Value { id, .. }
            | Self::Recursive { id } => Some(id),
            _ => None,
        }
    }

    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Named { name, .. }
            | Self::Renamed { name, .. }
            | Self::Struct { name, .. }
            | Self::Union { name, .. }
            | Self::Enum { name, .. }
            | Self::Value { name, .. } => Some(name),
            _ => None,
        }
    }

    pub(crate) fn member_count(&self) -> usize {
        match self {
            Self::Struct { members, .. } => members.len(),
            Self::Union { cases, .. } => cases.len(),
            Self::Enum { enumerators, .. } => enumerators.len(),
            Self::Value { members, .. } => members.len(),
            _ => 0,
        }
    }

    pub(crate) fn member_name(&self, index: usize) -> Option<&str> {
        match self {
            Self::Struct { members, .. } => members.get(index).map(|member| &*member.name),
            Self::Union { cases, .. } => cases.get(index).map(|case| &*case.name),
            Self::Enum { enumerators, .. } => enumerators.get(index).map(|name| &**name),
            Self::Value { members, .. } => members.get(index).map(|member| &*member.name),
            _ => None,
        }
    }

    pub(crate) fn member_link(&self, index: usize) -> Option<&Link> {
        match self {
            Self::Struct { members, .. } => members.get(index).map(|member| &member.link),
            Self::Union { cases, .. } => cases.get(index).map(|case| &case.link),
            Self::Value { members, .. } => members.get(index).map(|member| &member.link),
            _ => None,
        }
    }

    pub(crate) fn content(&self) -> Option<&Link> {
        match self {
            Self::Renamed { content, .. } | Self::Sequence { content, .. } | Self::Array { content, .. } => {
                Some(content)
            }
            _ => None,
        }
    }

    /// Returns the index of the union's member that a discriminator selects.
    pub(crate) fn selected_case(&self, discriminator: i64) -> Option<usize> {
        let Self::Union { cases, default, .. } = self else {
            return None;
        };
        let mut labelled = cases
            .iter()
            .enumerate()
            .filter(|(index, _)| Some(*index) != *default);
        labelled
            .find(|(_, case)| case.label == discriminator)
            .map(|(index, _)| index)
            .or(*default)
    }

    pub(super) fn each_link(&mut self, visit: &mut dyn FnMut(&mut Link)) {
        match self {
            Self::Renamed { content, .. } | Self::Sequence { content, .. } | Self::Array { content, .. } => {
                visit(content);
            }
            Self::Struct { members, .. } => members.iter_mut().for_each(|member| visit(&mut member.link)),
            Self::Union {
                discriminator, cases, ..
            } => {
                visit(discriminator);
                cases.iter_mut().for_each(|case| visit(&mut case.link));
            }
            Self::Value { base, members, .. } => {
                base.iter_mut().for_each(&mut *visit);
                members.iter_mut().for_each(|member| visit(&mut member.link));
            }
            Self::Simple(_)
            | Self::String { .. }
            | Self::Fixed { .. }
            | Self::Named { .. }
            | Self::Enum { .. }
            | Self::Recursive { .. } => {}
        }
    }

    /// Takes all names away but the ids.
    pub(super) fn strip_names(&mut self) {
        let blank = |name: &mut Text| *name = Text::Borrowed("");
        match self {
            Self::Named { name, .. } | Self::Renamed { name, .. } => blank(name),
            Self::Struct { name, members, .. } => {
                blank(name);
                members.iter_mut().for_each(|member| blank(&mut member.name));
            }
            Self::Union { name, cases, .. } => {
                blank(name);
                cases.iter_mut().for_each(|case| blank(&mut case.name));
            }
            Self::Enum {
                name, enumerators, ..
            } => {
                blank(name);
                enumerators.iter_mut().for_each(blank);
            }
            Self::Value { name, members, .. } => {
                blank(name);
                members.iter_mut().for_each(|member| blank(&mut member.name));
            }
            _ => {}
        }
    }
}
