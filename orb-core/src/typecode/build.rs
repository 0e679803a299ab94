// SPDX-License-Identifier: MIT OR Apache-2.0
//! Making TypeCodes.

use std::{
    cell::RefCell,
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use super::{
    Graph, Link, Node, Repr, Text, TypeCode, TypeCodeKind, ValueModifier,
    graph::{Case, Member, ValueMember},
};

impl TypeCode {
    /// A `string` of at most `bound` characters; 0 is unbounded.
    pub fn string(bound: u32) -> Self {
        match bound {
            0 => Self::STRING,
            _ => Self::from_node(Node::String { wide: false, bound }),
        }
    }

    /// A `wstring` of at most `bound` characters; 0 is unbounded.
    pub fn wstring(bound: u32) -> Self {
        match bound {
            0 => Self::WSTRING,
            _ => Self::from_node(Node::String { wide: true, bound }),
        }
    }

    /// A `fixed<digits,scale>`.
    pub fn fixed(digits: u16, scale: i16) -> Self {
        Self::from_node(Node::Fixed { digits, scale })
    }

    /// A `sequence` of at most `bound` elements; 0 is unbounded.
    pub fn sequence(element: Self, bound: u32) -> Self {
        Self::from_node(Node::Sequence {
            content: Link::Foreign(element),
            bound,
        })
    }

    /// An array of one dimension; more dimensions are arrays of arrays, the last one innermost.
    pub fn array(element: Self, length: u32) -> Self {
        Self::from_node(Node::Array {
            content: Link::Foreign(element),
            length,
        })
    }

    /// A `typedef`.
    pub fn alias(id: impl Into<Text>, name: impl Into<Text>, content: Self) -> Self {
        Self::renamed(TypeCodeKind::Alias, id.into(), name.into(), content)
    }

    /// A boxed value.
    pub fn value_box(id: impl Into<Text>, name: impl Into<Text>, content: Self) -> Self {
        Self::renamed(TypeCodeKind::ValueBox, id.into(), name.into(), content)
    }

    /// An `interface`: a reference to an object of it.
    pub fn interface(id: impl Into<Text>, name: impl Into<Text>) -> Self {
        Self::named(TypeCodeKind::ObjRef, id.into(), name.into())
    }

    /// `Object`: a reference to any object.
    pub fn object() -> Self {
        static OBJECT: OnceLock<TypeCode> = OnceLock::new();
        OBJECT
            .get_or_init(|| Self::interface("IDL:omg.org/CORBA/Object:1.0", "Object"))
            .clone()
    }

    /// An `abstract interface`.
    pub fn abstract_interface(id: impl Into<Text>, name: impl Into<Text>) -> Self {
        Self::named(TypeCodeKind::AbstractInterface, id.into(), name.into())
    }

    /// A `local interface`.
    pub fn local_interface(id: impl Into<Text>, name: impl Into<Text>) -> Self {
        Self::named(TypeCodeKind::LocalInterface, id.into(), name.into())
    }

    /// A `native` type.
    pub fn native(id: impl Into<Text>, name: impl Into<Text>) -> Self {
        Self::named(TypeCodeKind::Native, id.into(), name.into())
    }

    /// A `component`.
    pub fn component(id: impl Into<Text>, name: impl Into<Text>) -> Self {
        Self::named(TypeCodeKind::Component, id.into(), name.into())
    }

    /// A `home`.
    pub fn home(id: impl Into<Text>, name: impl Into<Text>) -> Self {
        Self::named(TypeCodeKind::Home, id.into(), name.into())
    }

    /// A `struct` with its members' names and types.
    pub fn structure<N: Into<Text>>(
        id: impl Into<Text>,
        name: impl Into<Text>,
        members: impl IntoIterator<Item = (N, Self)>,
    ) -> Self {
        Self::record(TypeCodeKind::Struct, id.into(), name.into(), members)
    }

    /// An `exception` with its members' names and types.
    pub fn exception<N: Into<Text>>(
        id: impl Into<Text>,
        name: impl Into<Text>,
        members: impl IntoIterator<Item = (N, Self)>,
    ) -> Self {
        Self::record(TypeCodeKind::Except, id.into(), name.into(), members)
    }

    /// An `enum` with its enumerators.
    pub fn enumeration<N: Into<Text>>(
        id: impl Into<Text>,
        name: impl Into<Text>,
        enumerators: impl IntoIterator<Item = N>,
    ) -> Self {
        let enumerators = enumerators.into_iter().map(Into::into).collect();
        Self::from_node(Node::Enum {
            id: id.into(),
            name: name.into(),
            enumerators,
        })
    }

    /// A `union`: one case for each label, `(label, name, type)`; the label of the default case is `None`.
    ///
    /// A label is the discriminator as a number: see [`Self::member_label`]. A member with several labels is several
    /// cases.
    pub fn union<N: Into<Text>>(
        id: impl Into<Text>,
        name: impl Into<Text>,
        discriminator: Self,
        cases: impl IntoIterator<Item = (Option<i64>, N, Self)>,
    ) -> Self {
        let mut default = None;
        let case = |(index, (label, name, content)): (usize, (Option<i64>, N, Self))| {
            if label.is_none() {
                default = Some(index);
            }
            Case {
                label: label.unwrap_or_default(),
                name: name.into(),
                link: Link::Foreign(content),
            }
        };
        let cases = cases.into_iter().enumerate().map(case).collect();
        let discriminator = Link::Foreign(discriminator);
        Self::from_node(Node::Union {
            id: id.into(),
            name: name.into(),
            discriminator,
            default,
            cases,
        })
    }

    /// A `valuetype`: its concrete base, if any, and its own state members, `(name, type, public)`.
    pub fn value<N: Into<Text>>(
        id: impl Into<Text>,
        name: impl Into<Text>,
        modifier: ValueModifier,
        base: Option<Self>,
        members: impl IntoIterator<Item = (N, Self, bool)>,
    ) -> Self {
        Self::value_of_kind(
            TypeCodeKind::Value,
            (id.into(), name.into()),
            modifier,
            base,
            members,
        )
    }

    /// An `eventtype`: as [`Self::value`].
    pub fn event<N: Into<Text>>(
        id: impl Into<Text>,
        name: impl Into<Text>,
        modifier: ValueModifier,
        base: Option<Self>,
        members: impl IntoIterator<Item = (N, Self, bool)>,
    ) -> Self {
        Self::value_of_kind(
            TypeCodeKind::Event,
            (id.into(), name.into()),
            modifier,
            base,
            members,
        )
    }

    /// `ValueBase`: any value.
    pub fn value_base() -> Self {
        static BASE: OnceLock<TypeCode> = OnceLock::new();
        BASE.get_or_init(|| {
            let members: [(&str, Self, bool); 0] = [];
            Self::value(
                "IDL:omg.org/CORBA/ValueBase:1.0",
                "ValueBase",
                ValueModifier::None,
                None,
                members,
            )
        })
        .clone()
    }

    /// Stands for the enclosing type with this id, until it is built into it.
    pub fn recursive(id: impl Into<Text>) -> Self {
        Self::from_node(Node::Recursive { id: id.into() })
    }

    /// Returns the type without the names that are optional on the wire; the ids stay (§8.11.3).
    pub fn compact(&self) -> Self {
        let mut copy = Copy {
            nodes: Vec::new(),
            known: HashMap::new(),
            resolved: None,
            everything: true,
        };
        copy.import(self);
        copy.nodes.iter_mut().for_each(Node::strip_names);
        match &self.0 {
            Repr::Simple(_) => self.clone(),
            Repr::Node(graph, _) => Self::from_graph(copy.nodes, graph.open.clone()),
        }
    }

    fn named(kind: TypeCodeKind, id: Text, name: Text) -> Self {
        Self::from_node(Node::Named { kind, id, name })
    }

    fn renamed(kind: TypeCodeKind, id: Text, name: Text, content: Self) -> Self {
        Self::from_node(Node::Renamed {
            kind,
            id,
            name,
            content: Link::Foreign(content),
        })
    }

    fn record<N: Into<Text>>(
        kind: TypeCodeKind,
        id: Text,
        name: Text,
        members: impl IntoIterator<Item = (N, Self)>,
    ) -> Self {
        let member = |(name, content): (N, Self)| Member {
            name: name.into(),
            link: Link::Foreign(content),
        };
        let members = members.into_iter().map(member).collect();
        Self::from_node(Node::Struct {
            kind,
            id,
            name,
            members,
        })
    }

    fn value_of_kind<N: Into<Text>>(
        kind: TypeCodeKind,
        (id, name): (Text, Text),
        modifier: ValueModifier,
        base: Option<Self>,
        members: impl IntoIterator<Item = (N, Self, bool)>,
    ) -> Self {
        let member = |(name, content, public): (N, Self, bool)| ValueMember {
            name: name.into(),
            link: Link::Foreign(content),
            public,
        };
        let members = members.into_iter().map(member).collect();
        let base = base.map(Link::Foreign);
        Self::from_node(Node::Value {
            kind,
            id,
            name,
            modifier,
            base,
            members,
        })
    }

    /// Builds a node whose parts are foreign; those that wait for it are copied, so that they can refer to it.
    fn from_node(mut node: Node) -> Self {
        let mut open: Vec<Text> = Vec::new();
        if let Node::Recursive { id } = &node {
            open.push(id.clone());
        }
        node.each_link(&mut |link| {
            if let Link::Foreign(Self(Repr::Node(graph, _))) = link {
                open.extend(graph.open.iter().cloned());
            }
        });
        if open.is_empty() || matches!(node, Node::Recursive { .. }) {
            return Self::from_graph(vec![node], open.into());
        }
        open.sort_unstable();
        open.dedup();
        let own = node.id().map(|id| Text::Owned(id.to_owned()));
        open.retain(|id| Some(id) != own.as_ref());
        let mut copy = Copy {
            nodes: vec![Node::Simple(TypeCodeKind::Null)],
            known: HashMap::new(),
            resolved: own,
            everything: false,
        };
        node.each_link(&mut |link| {
            if let Link::Foreign(part) = &*link {
                *link = copy.import(part);
            }
        });
        if let Some(first) = copy.nodes.first_mut() {
            *first = node;
        }
        Self::from_graph(copy.nodes, open.into())
    }

    pub(super) fn from_graph(nodes: Vec<Node>, open: Box<[Text]>) -> Self {
        Self(Repr::Node(
            Arc::new(Graph {
                nodes: nodes.into(),
                open,
                encoded: OnceLock::new(),
            }),
            0,
        ))
    }
}

/// Copies nodes of other graphs into a new one.
struct Copy {
    nodes: Vec<Node>,
    known: HashMap<*const Node, u32>,
    /// The id of the first node, which recursive parts with that id become.
    resolved: Option<Text>,
    /// Whether complete parts are copied too.
    everything: bool,
}

impl Copy {
    fn import(&mut self, part: &TypeCode) -> Link {
        if matches!(part.0, Repr::Simple(_)) || (!self.everything && part.is_complete()) {
            return Link::Foreign(part.clone());
        }
        let root = part.root();
        if let (Node::Recursive { id }, Some(own)) = (root.node(), &self.resolved)
            && id == own
        {
            return Link::Local(0);
        }
        if let Some(known) = self.known.get(&root.identity()) {
            return Link::Local(*known);
        }
        let place = self.nodes.len();
        let Ok(index) = u32::try_from(place) else {
            return Link::Foreign(TypeCode::NULL);
        };
        self.known.insert(root.identity(), index);
        let mut node = root.node().clone();
        self.nodes.push(Node::Simple(TypeCodeKind::Null));
        node.each_link(&mut |link| *link = self.import(&root.follow(link).to_type_code()));
        if let Some(slot) = self.nodes.get_mut(place) {
            *slot = node;
        }
        Link::Local(index)
    }
}

/// Where generated code keeps the TypeCode of a type with a repository id.
///
/// It is built on first use. While it is being built, asking for it again gives a recursive placeholder, so that
/// recursive types, mutually recursive ones too, just name their parts.
#[derive(Debug)]
pub struct TypeCodeCell {
    id: &'static str,
    complete: OnceLock<TypeCode>,
}

thread_local! {
    static IN_PROGRESS: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

impl TypeCodeCell {
    /// Makes an empty cell for the type with this repository id.
    pub const fn new(id: &'static str) -> Self {
        Self {
            id,
            complete: OnceLock::new(),
        }
    }

    /// Returns the repository id.
    pub const fn id(&self) -> &'static str {
        self.id
    }

    /// Returns the TypeCode, which `build` makes if it is not there yet.
    pub fn get(&self, build: impl FnOnce() -> TypeCode) -> TypeCode {
        if let Some(complete) = self.complete.get() {
            return complete.clone();
        }
        if IN_PROGRESS.with_borrow(|stack| stack.contains(&self.id)) {
            return TypeCode::recursive(self.id);
        }
        let guard = InProgress::enter(self.id);
        let built = build();
        drop(guard);
        if built.is_complete() {
            return self.complete.get_or_init(|| built).clone();
        }
        // Part of a greater recursive type that is being built: only that one is complete.
        built
    }
}

/// Takes the id off the stack again, also when building panics.
struct InProgress;

impl InProgress {
    fn enter(id: &'static str) -> Self {
        IN_PROGRESS.with_borrow_mut(|stack| stack.push(id));
        Self
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        IN_PROGRESS.with_borrow_mut(|stack| {
            stack.pop();
        });
    }
}
