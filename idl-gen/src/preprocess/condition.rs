// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which conditional groups of a file are open, and whether text in them counts.

use crate::source::Span;

/// The open `#if`s of one file.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    opening: Span,
    /// Text of the current branch counts.
    active: bool,
    /// A branch was taken, or the whole group stands in skipped text.
    decided: bool,
    otherwise: Option<Span>,
}

impl Conditions {
    pub(super) fn active(&self) -> bool {
        self.groups.last().is_none_or(|group| group.active)
    }

    /// Says whether the condition of an `#elif` here would be looked at.
    pub(super) fn undecided(&self) -> bool {
        self.groups
            .last()
            .is_some_and(|group| !group.decided && group.otherwise.is_none())
    }

    pub(super) fn open_group(&mut self, opening: Span, holds: bool) {
        let outer = self.active();
        let group = Group {
            opening,
            active: outer && holds,
            decided: !outer || holds,
            otherwise: None,
        };
        self.groups.push(group);
    }

    /// Begins an `#elif` branch.
    pub(super) fn next_branch(&mut self, holds: bool) -> Result<(), Misplaced> {
        let group = self.groups.last_mut().ok_or(Misplaced::NoIf)?;
        if let Some(span) = group.otherwise {
            return Err(Misplaced::AfterElse(span));
        }
        group.active = holds && !group.decided;
        group.decided |= holds;
        Ok(())
    }

    /// Begins the `#else` branch.
    pub(super) fn last_branch(&mut self, span: Span) -> Result<(), Misplaced> {
        let holds = self.undecided();
        self.next_branch(holds)?;
        if let Some(group) = self.groups.last_mut() {
            group.otherwise = Some(span);
        }
        Ok(())
    }

    pub(super) fn close_group(&mut self) -> Result<(), Misplaced> {
        self.groups.pop().map(drop).ok_or(Misplaced::NoIf)
    }

    /// Where the groups begin that were never closed.
    pub(super) fn open(&self) -> impl Iterator<Item = Span> {
        self.groups.iter().map(|group| group.opening)
    }
}

/// Why a directive can't stand where it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misplaced {
    NoIf,
    AfterElse(Span),
}
