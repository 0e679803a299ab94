// SPDX-License-Identifier: MIT OR Apache-2.0
//! What of the flows is looked at, and in which order.

use upcall::statistics::Snapshot;

use super::column::{Column, Row};

/// What is looked at, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct View {
    pub(super) sort: Column,
    pub(super) reversed: bool,
    filter: String,
    /// The filter while it is typed.
    pub(super) typed: Option<String>,
    /// Rows above the first that is shown.
    pub(super) above: usize,
}

/// A key that was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Character(char),
    Enter,
    Escape,
    Erase,
    Left,
    Right,
    /// Scrolls by so many rows.
    Scroll(isize),
}

impl View {
    pub(super) fn new(sort: Column, filter: &str) -> Self {
        Self {
            sort,
            reversed: false,
            filter: filter.to_owned(),
            typed: None,
            above: 0,
        }
    }

    /// The filter in use.
    pub(super) fn filter(&self) -> &str {
        self.typed.as_deref().unwrap_or(&self.filter)
    }

    /// The rows that pass the filter, in order.
    pub(super) fn rows<'a>(&self, snapshots: &'a [Snapshot]) -> Vec<Row<'a>> {
        let filter = self.filter().to_lowercase();
        let all = snapshots
            .iter()
            .flat_map(|orb| orb.flows.iter().map(move |flow| Row { orb, flow }));
        let mut rows: Vec<_> = all.filter(|row| passes(row, &filter)).collect();
        rows.sort_by(|one, other| {
            let order = self.sort.compare(one, other);
            let order = if self.reversed { order.reverse() } else { order };
            // Equal ones do not change places from one look to the next.
            order.then_with(|| name(one).cmp(&name(other)))
        });
        rows
    }

    /// Does what a key stands for; returns whether that is to end.
    pub(super) fn press(&mut self, key: Key) -> bool {
        if let Some(typed) = &mut self.typed {
            match key {
                Key::Character(c) => typed.push(c),
                Key::Erase => drop(typed.pop()),
                Key::Enter => self.filter = self.typed.take().unwrap_or_default(),
                Key::Escape => self.typed = None,
                _ => {}
            }
            self.above = 0;
            return false;
        }
        match key {
            Key::Character('q') => return true,
            Key::Character('r') => self.reversed = !self.reversed,
            Key::Character('/') => self.typed = Some(String::new()),
            Key::Character(c) => self.sort_by_key(c),
            Key::Escape => self.filter.clear(),
            Key::Left => self.sort_beside(Column::ALL.len() - 1),
            Key::Right => self.sort_beside(1),
            Key::Scroll(rows) => self.above = self.above.saturating_add_signed(rows),
            Key::Enter | Key::Erase => {}
        }
        false
    }

    fn sort_by_key(&mut self, key: char) {
        let column = Column::ALL.into_iter().find(|column| column.key().0 == key);
        if let Some(column) = column {
            self.sort_by(column);
        }
    }

    fn sort_beside(&mut self, steps: usize) {
        let at = Column::ALL.iter().position(|column| *column == self.sort);
        let beside = Column::ALL
            .into_iter()
            .cycle()
            .nth(at.unwrap_or_default() + steps);
        if let Some(column) = beside {
            self.sort_by(column);
        }
    }

    fn sort_by(&mut self, column: Column) {
        self.sort = column;
        self.reversed = false;
        self.above = 0;
    }
}

fn passes(row: &Row<'_>, filter: &str) -> bool {
    let names = [
        row.flow.object.as_str(),
        &row.flow.peer,
        &row.orb.program,
        row.flow.class.name(),
    ];
    names.iter().any(|name| name.to_lowercase().contains(filter))
}

fn name<'a>(row: &Row<'a>) -> (u32, u32, &'a str, &'a str) {
    let Row { orb, flow } = *row;
    (orb.process, orb.orb, &flow.object, &flow.peer)
}
