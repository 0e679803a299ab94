// SPDX-License-Identifier: MIT OR Apache-2.0
//! Comparing TypeCodes (CORBA 3.3 Part 1 §8.11.1).

use std::collections::HashSet;

use super::{Link, Node, NodeRef, TypeCode};

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// All operations give the same results.
    Equal,
    /// Values of the one are values of the other.
    Equivalent,
    /// A value of the left can be read where the right is expected: its bounds may be narrower.
    Readable,
}

impl TypeCode {
    /// Returns whether the types are the same but for aliases and, where both have ids, names.
    pub fn equivalent(&self, other: &Self) -> bool {
        compare(self, other, How::Equivalent)
    }

    /// Returns whether a value of this type can be read as one of `other`: equivalent but for narrower bounds.
    pub(crate) fn readable_as(&self, other: &Self) -> bool {
        compare(self, other, How::Readable)
    }
}

impl PartialEq for TypeCode {
    fn eq(&self, other: &Self) -> bool {
        compare(self, other, How::Equal)
    }
}

impl Eq for TypeCode {}

fn compare(left: &TypeCode, right: &TypeCode, how: How) -> bool {
    let mut comparison = Comparison {
        how,
        begun: HashSet::new(),
        work: vec![(left.root(), right.root())],
    };
    while let Some((left, right)) = comparison.work.pop() {
        if !comparison.nodes(left, right) {
            return false;
        }
    }
    true
}

/// The pairs still to be compared, and those already begun: these are taken as equal, which ends recursion and keeps
/// shared parts from being compared again and again.
struct Comparison<'a> {
    how: How,
    begun: HashSet<(*const Node, *const Node)>,
    work: Vec<(NodeRef<'a>, NodeRef<'a>)>,
}

impl<'a> Comparison<'a> {
    fn nodes(&mut self, left: NodeRef<'a>, right: NodeRef<'a>) -> bool {
        let (left, right) = match self.how {
            How::Equal => (left, right),
            How::Equivalent | How::Readable => (left.resolved(), right.resolved()),
        };
        if left.identity() == right.identity() || !self.begun.insert((left.identity(), right.identity())) {
            return true;
        }
        if left.kind() != right.kind() {
            return false;
        }
        match self.how {
            How::Equal
                if left.node().id() != right.node().id() || left.node().name() != right.node().name() =>
            {
                return false;
            }
            How::Equivalent | How::Readable => {
                if let (Some(left), Some(right)) = (left.node().id(), right.node().id())
                    && !left.is_empty()
                    && !right.is_empty()
                {
                    return left == right;
                }
            }
            How::Equal => {}
        }
        self.contents(left, right)
    }

    fn contents(&mut self, left: NodeRef<'a>, right: NodeRef<'a>) -> bool {
        match (left.node(), right.node()) {
            (Node::Simple(_), Node::Simple(_)) | (Node::Named { .. }, Node::Named { .. }) => true,
            (Node::Recursive { id }, Node::Recursive { id: other }) => id == other,
            (Node::String { .. } | Node::Simple(_), Node::String { .. } | Node::Simple(_)) => {
                self.bounds(length(left), length(right))
            }
            (Node::Fixed { digits, scale }, Node::Fixed { digits: d, scale: s }) => digits == d && scale == s,
            (Node::Sequence { content, bound }, Node::Sequence { content: c, bound: b }) => {
                self.push(left, content, right, c);
                self.bounds(*bound, *b)
            }
            (
                Node::Array { content, length },
                Node::Array {
                    content: c,
                    length: l,
                },
            ) => {
                self.push(left, content, right, c);
                length == l
            }
            (Node::Renamed { content, .. }, Node::Renamed { content: c, .. }) => {
                self.push(left, content, right, c);
                true
            }
            (Node::Struct { .. }, Node::Struct { .. }) => self.members(left, right),
            (Node::Enum { .. }, Node::Enum { .. }) => {
                left.node().member_count() == right.node().member_count() && self.member_names(left, right)
            }
            (Node::Union { .. }, Node::Union { .. }) => self.unions(left, right),
            (Node::Value { .. }, Node::Value { .. }) => self.values(left, right),
            _ => false,
        }
    }

    fn bounds(&self, left: u32, right: u32) -> bool {
        let narrower = right == 0 || (left != 0 && left <= right);
        left == right || (self.how == How::Readable && narrower)
    }

    fn unions(&mut self, left: NodeRef<'a>, right: NodeRef<'a>) -> bool {
        let (
            Node::Union {
                discriminator,
                default,
                cases,
                ..
            },
            Node::Union {
                discriminator: other,
                default: other_default,
                cases: other_cases,
                ..
            },
        ) = (left.node(), right.node())
        else {
            return false;
        };
        self.push(left, discriminator, right, other);
        let labels = cases
            .iter()
            .map(|case| case.label)
            .eq(other_cases.iter().map(|case| case.label));
        default == other_default && labels && self.members(left, right)
    }

    fn values(&mut self, left: NodeRef<'a>, right: NodeRef<'a>) -> bool {
        let (
            Node::Value {
                modifier,
                base,
                members,
                ..
            },
            Node::Value {
                modifier: other,
                base: other_base,
                members: other_members,
                ..
            },
        ) = (left.node(), right.node())
        else {
            return false;
        };
        match (base, other_base) {
            (Some(base), Some(other)) => self.push(left, base, right, other),
            (None, None) => {}
            _ => return false,
        }
        let visible = members
            .iter()
            .map(|member| member.public)
            .eq(other_members.iter().map(|member| member.public));
        modifier == other && visible && self.members(left, right)
    }

    fn members(&mut self, left: NodeRef<'a>, right: NodeRef<'a>) -> bool {
        let (own, others) = (left.node(), right.node());
        for index in 0..own.member_count() {
            if let (Some(link), Some(other)) = (own.member_link(index), others.member_link(index)) {
                self.push(left, link, right, other);
            }
        }
        own.member_count() == others.member_count() && self.member_names(left, right)
    }

    fn member_names(&self, left: NodeRef<'a>, right: NodeRef<'a>) -> bool {
        let same = |index| left.node().member_name(index) == right.node().member_name(index);
        self.how != How::Equal || (0..left.node().member_count()).all(same)
    }

    fn push(&mut self, left: NodeRef<'a>, link: &'a Link, right: NodeRef<'a>, other: &'a Link) {
        self.work.push((left.follow(link), right.follow(other)));
    }
}

fn length(node: NodeRef<'_>) -> u32 {
    match node.node() {
        Node::String { bound, .. } => *bound,
        _ => 0,
    }
}
