// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which types can reach themselves.

use crate::model::{ItemId, ItemKind, Model, Type, ValueKind};

/// For each item the number of the group of items that reach each other; items alone in their group that don't reach
/// themselves have none.
#[derive(Debug)]
pub(super) struct Groups(Vec<Option<usize>>);

impl Groups {
    /// Returns the group of an item, if it can reach itself.
    pub(super) fn of(&self, id: ItemId) -> Option<usize> {
        self.0.get(id.0 as usize).copied().flatten()
    }

    /// Says whether a type leads back into a group.
    pub(super) fn leads_to(&self, ty: &Type, group: Option<usize>) -> bool {
        let mut targets = Vec::new();
        named_in(ty, &mut targets);
        group.is_some() && targets.iter().any(|target| self.of(*target) == group)
    }
}

/// Finds the groups: strongly connected components, by Tarjan's algorithm without recursion.
pub(super) fn groups(model: &Model) -> Groups {
    let edges = edges(model);
    let count = edges.len();
    let mut search = Search {
        index: vec![usize::MAX; count],
        low: vec![0; count],
        on_stack: vec![false; count],
        stack: Vec::new(),
        next: 0,
        groups: vec![None; count],
    };
    for root in 0..count {
        if search.index.get(root) == Some(&usize::MAX) {
            search.run(root, &edges);
        }
    }
    Groups(search.groups)
}

struct Search {
    index: Vec<usize>,
    low: Vec<usize>,
    on_stack: Vec<bool>,
    stack: Vec<usize>,
    next: usize,
    groups: Vec<Option<usize>>,
}

#[allow(
    clippy::indexing_slicing,
    reason = "all indices are of nodes, and every table has one place for each node"
)]
impl Search {
    fn enter(&mut self, node: usize) {
        self.index[node] = self.next;
        self.low[node] = self.next;
        self.next += 1;
        self.stack.push(node);
        self.on_stack[node] = true;
    }

    fn run(&mut self, root: usize, edges: &[Vec<usize>]) {
        let mut path = vec![(root, 0)];
        self.enter(root);
        while let Some((node, edge)) = path.last_mut() {
            let node = *node;
            if let Some(&target) = edges[node].get(*edge) {
                *edge += 1;
                if self.index[target] == usize::MAX {
                    self.enter(target);
                    path.push((target, 0));
                } else if self.on_stack[target] {
                    self.low[node] = self.low[node].min(self.index[target]);
                }
                continue;
            }
            path.pop();
            if let Some((parent, _)) = path.last() {
                self.low[*parent] = self.low[*parent].min(self.low[node]);
            }
            if self.low[node] == self.index[node] {
                self.close(node, edges);
            }
        }
    }

    /// Takes the group whose first node is `root` off the stack.
    fn close(&mut self, root: usize, edges: &[Vec<usize>]) {
        let alone = self.stack.last() == Some(&root) && !edges[root].contains(&root);
        while let Some(node) = self.stack.pop() {
            self.on_stack[node] = false;
            self.groups[node] = (!alone).then_some(root);
            if node == root {
                return;
            }
        }
    }
}

/// For each item the items that a value of it can hold. A base valuetype leads to what derives from it.
fn edges(model: &Model) -> Vec<Vec<usize>> {
    let mut edges: Vec<Vec<usize>> = model.items().map(|_| Vec::new()).collect();
    for (id, item) in model.items() {
        let mut targets = Vec::new();
        match &item.kind {
            ItemKind::Struct(structure) => {
                structure
                    .members
                    .iter()
                    .for_each(|member| named_in(&member.ty, &mut targets));
                targets.extend(structure.base);
            }
            ItemKind::Union(union) => union
                .cases
                .iter()
                .for_each(|case| named_in(&case.member.ty, &mut targets)),
            ItemKind::Exception(exception) => {
                exception
                    .members
                    .iter()
                    .for_each(|member| named_in(&member.ty, &mut targets));
            }
            ItemKind::Typedef(typedef) => named_in(&typedef.ty, &mut targets),
            ItemKind::Valuetype(value) => {
                value
                    .state
                    .iter()
                    .for_each(|state| named_in(&state.member.ty, &mut targets));
                if let ValueKind::Boxed(ty) = &value.kind {
                    named_in(ty, &mut targets);
                }
                for base in value.base.iter().chain(&value.abstract_bases) {
                    targets.push(*base);
                    if let Some(derived) = edges.get_mut(base.0 as usize) {
                        derived.push(id.0 as usize);
                    }
                }
            }
            _ => {}
        }
        if let Some(own) = edges.get_mut(id.0 as usize) {
            own.extend(targets.into_iter().map(|target| target.0 as usize));
        }
    }
    edges
}

/// Collects the items that a type names.
fn named_in(ty: &Type, targets: &mut Vec<ItemId>) {
    match ty {
        Type::Named(id) => targets.push(*id),
        Type::Sequence { element, .. } | Type::Array { element, .. } => named_in(element, targets),
        Type::Map { key, value, .. } => {
            named_in(key, targets);
            named_in(value, targets);
        }
        _ => {}
    }
}
