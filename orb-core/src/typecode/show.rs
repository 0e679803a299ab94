// SPDX-License-Identifier: MIT OR Apache-2.0
//! Showing TypeCodes to people.

use std::fmt;

use super::{Node, NodeRef, TypeCode, TypeCodeKind};

/// How deep [`fmt::Debug`] goes into types without a name.
const DEPTH: u8 = 8;

impl fmt::Display for TypeCode {
    /// Writes the type as IDL would name it: `sequence<Telemetry::Sample>` is `sequence<Sample>` here.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        reference(f, self.root(), DEPTH)
    }
}

impl fmt::Debug for TypeCode {
    /// Writes the type as IDL would declare it; types inside are named, not declared.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = self.root();
        match root.node() {
            Node::Struct { .. } | Node::Union { .. } | Node::Value { .. } | Node::Enum { .. } => {
                declaration(f, root)
            }
            Node::Renamed { kind, content, .. } => {
                write!(f, "{} {} = ", kind.idl(), label(root))?;
                reference(f, root.follow(content), DEPTH)
            }
            Node::Named { kind, .. } => write!(f, "{} {}", kind.idl(), label(root)),
            _ => reference(f, root, DEPTH),
        }
    }
}

/// The name, or else the id.
fn label(node: NodeRef<'_>) -> &str {
    let name = node.node().name().filter(|name| !name.is_empty());
    name.or(node.node().id()).unwrap_or_default()
}

fn reference(f: &mut fmt::Formatter<'_>, node: NodeRef<'_>, depth: u8) -> fmt::Result {
    let Some(deeper) = depth.checked_sub(1) else {
        return f.write_str("…");
    };
    let inner = |f: &mut fmt::Formatter<'_>, link| reference(f, node.follow(link), deeper);
    match node.node() {
        Node::Simple(kind) => f.write_str(kind.idl()),
        Node::String { bound, .. } => write!(f, "{}<{bound}>", node.kind().idl()),
        Node::Fixed { digits, scale } => write!(f, "fixed<{digits},{scale}>"),
        Node::Sequence { content, bound } => {
            f.write_str("sequence<")?;
            inner(f, content)?;
            if *bound > 0 {
                write!(f, ",{bound}")?;
            }
            f.write_str(">")
        }
        Node::Array { .. } => {
            // IDL has the element first and the dimensions from the outermost to the innermost.
            let (mut current, mut dimensions) = (node, Vec::new());
            while let Node::Array { content, length } = current.node()
                && dimensions.len() < usize::from(DEPTH)
            {
                dimensions.push(*length);
                current = current.follow(content);
            }
            reference(f, current, deeper)?;
            dimensions.iter().try_for_each(|length| write!(f, "[{length}]"))
        }
        _ => f.write_str(label(node)),
    }
}

fn declaration(f: &mut fmt::Formatter<'_>, node: NodeRef<'_>) -> fmt::Result {
    write!(f, "{} {}", node.kind().idl(), label(node))?;
    match node.node() {
        Node::Union { discriminator, .. } => {
            f.write_str(" switch(")?;
            reference(f, node.follow(discriminator), DEPTH)?;
            f.write_str(")")?;
        }
        Node::Value { base: Some(base), .. } => write!(f, ": {}", label(node.follow(base)))?,
        _ => {}
    }
    f.write_str(" {")?;
    for index in 0..node.node().member_count() {
        f.write_str(if index == 0 {
            " "
        } else if node.kind() == TypeCodeKind::Enum {
            ", "
        } else {
            "; "
        })?;
        member(f, node, index)?;
    }
    f.write_str(" }")
}

fn member(f: &mut fmt::Formatter<'_>, node: NodeRef<'_>, index: usize) -> fmt::Result {
    if let Node::Union { default, cases, .. } = node.node() {
        match cases.get(index) {
            Some(case) if *default != Some(index) => write!(f, "case {}: ", case.label)?,
            _ => f.write_str("default: ")?,
        }
    }
    if let Some(link) = node.node().member_link(index) {
        reference(f, node.follow(link), DEPTH)?;
        f.write_str(" ")?;
    }
    f.write_str(node.node().member_name(index).unwrap_or_default())
}

impl fmt::Debug for super::Repr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&TypeCode(self.clone()), f)
    }
}

impl fmt::Debug for NodeRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        reference(f, *self, DEPTH)
    }
}
