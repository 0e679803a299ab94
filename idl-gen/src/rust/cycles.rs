// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which types can refer to each other in a circle through valuetypes: there, and only there, a reference to a value is a
//! cell that can be set later.

use std::collections::HashSet;

use crate::model::{ItemId, ItemKind, Member, Model, Type, ValueKind};

/// The circles, each with a number.
#[derive(Debug, Default)]
pub(crate) struct Cycles {
    /// By item, and last of all for "any value": the circle it belongs to.
    of: Vec<Option<u32>>,
}

impl Cycles {
    /// Finds the circles of a model.
    pub(crate) fn new(model: &Model) -> Self {
        let edges = edges(model);
        let back = reversed(&edges);
        let any_value = edges.len().saturating_sub(1);
        let mut cycles = Self {
            of: vec![None; edges.len()],
        };
        let values = model
            .items()
            .filter(|(_, item)| matches!(item.kind, ItemKind::Valuetype(_)));
        let starts = values.map(|(id, _)| id.0 as usize).chain([any_value]);
        for (number, start) in (0u32..).zip(starts) {
            if cycles.of.get(start).is_some_and(Option::is_some) {
                continue;
            }
            let behind = reachable(&back, start);
            for node in reachable(&edges, start).intersection(&behind) {
                if let Some(slot) = cycles.of.get_mut(*node) {
                    *slot = Some(number);
                }
            }
        }
        cycles
    }

    /// Whether what `owner` says of a value of type `target` (or of any type, for none) may close a circle.
    pub(crate) fn closes(&self, owner: ItemId, target: Option<ItemId>) -> bool {
        let target = match target {
            Some(id) => self.of.get(id.0 as usize),
            None => self.of.last(),
        };
        let owner = self.of.get(owner.0 as usize).copied().flatten();
        owner.is_some() && target.copied().flatten() == owner
    }
}

/// What each item may contain; the last node stands for "any value".
fn edges(model: &Model) -> Vec<Vec<usize>> {
    let count = model.items().count();
    let mut edges = vec![Vec::new(); count + 1];
    for (id, item) in model.items() {
        let from = id.0 as usize;
        let mut targets = Targets {
            model,
            any_value: count,
            found: Vec::new(),
        };
        match &item.kind {
            ItemKind::Struct(it) => {
                targets.members(&it.members);
                targets.found.extend(it.base.map(|base| base.0 as usize));
            }
            ItemKind::Exception(it) => targets.members(&it.members),
            ItemKind::Union(it) => it.cases.iter().for_each(|case| targets.mention(&case.member.ty)),
            ItemKind::Typedef(it) => targets.mention(&it.ty),
            ItemKind::Valuetype(it) => {
                it.state
                    .iter()
                    .for_each(|state| targets.mention(&state.member.ty));
                if let ValueKind::Boxed(ty) = &it.kind {
                    targets.mention(ty);
                }
                if let Some(base) = it.base {
                    targets.found.push(base.0 as usize);
                    // Where the base is expected, this may come.
                    push(&mut edges, base.0 as usize, from);
                }
                push(&mut edges, count, from);
            }
            _ => {}
        }
        if let Some(own) = edges.get_mut(from) {
            own.extend(targets.found);
        }
    }
    edges
}

fn push(edges: &mut [Vec<usize>], from: usize, to: usize) {
    if let Some(own) = edges.get_mut(from) {
        own.push(to);
    }
}

/// Collects what a definition mentions.
struct Targets<'m> {
    model: &'m Model,
    any_value: usize,
    found: Vec<usize>,
}

impl Targets<'_> {
    fn members(&mut self, members: &[Member]) {
        members.iter().for_each(|member| self.mention(&member.ty));
    }

    fn mention(&mut self, ty: &Type) {
        match ty {
            Type::Sequence { element, .. } | Type::Array { element, .. } => self.mention(element),
            Type::Map { key, value, .. } => {
                self.mention(key);
                self.mention(value);
            }
            Type::ValueBase => self.found.push(self.any_value),
            Type::Named(id) => match &self.model.item(*id).kind {
                ItemKind::Valuetype(it) if it.kind == ValueKind::Abstract || !it.defined => {
                    self.found.push(self.any_value);
                }
                _ => self.found.push(id.0 as usize),
            },
            _ => {}
        }
    }
}

fn reversed(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut back = vec![Vec::new(); edges.len()];
    for (from, targets) in edges.iter().enumerate() {
        targets.iter().for_each(|to| push(&mut back, *to, from));
    }
    back
}

/// What can be reached in at least one step.
fn reachable(edges: &[Vec<usize>], start: usize) -> HashSet<usize> {
    let mut seen = HashSet::new();
    let mut open = vec![start];
    while let Some(node) = open.pop() {
        for next in edges.get(node).into_iter().flatten() {
            if seen.insert(*next) {
                open.push(*next);
            }
        }
    }
    seen
}
