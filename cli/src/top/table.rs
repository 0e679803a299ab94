// SPDX-License-Identifier: MIT OR Apache-2.0
//! The table as text.

use upcall::statistics::Snapshot;

use super::column::{Column, Row};
use super::view::View;

/// Characters of a cell.
const WIDEST: usize = 40;

/// The cells of a table, as wide as they have to be.
#[derive(Debug)]
pub(super) struct Table {
    widths: [usize; Column::ALL.len()],
    rows: Vec<[String; Column::ALL.len()]>,
}

impl Table {
    pub(super) fn of(rows: &[Row<'_>]) -> Self {
        let cells = |row: &Row<'_>| Column::ALL.map(|column| clipped(column.cell(row)));
        let rows: Vec<_> = rows.iter().map(cells).collect();
        let mut widths = Column::ALL.map(|column| column.title().chars().count());
        for (index, width) in widths.iter_mut().enumerate() {
            let cells = rows.iter().filter_map(|row| row.get(index));
            *width = cells.map(|cell| cell.chars().count()).fold(*width, usize::max);
        }
        Self { widths, rows }
    }

    /// The titles, each with its column.
    pub(super) fn titles(&self) -> impl Iterator<Item = (Column, String)> + '_ {
        Column::ALL
            .iter()
            .zip(&self.widths)
            .map(|(column, width)| (*column, padded(*column, column.title(), *width)))
    }

    pub(super) fn lines(&self) -> impl ExactSizeIterator<Item = String> + '_ {
        self.rows.iter().map(|row| {
            let cells = Column::ALL.iter().zip(row).zip(&self.widths);
            let cells = cells.map(|((column, cell), width)| padded(*column, cell, *width));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
    }
}

/// What there is, in one line.
pub(super) fn summary(snapshots: &[Snapshot], shown: usize) -> String {
    let listed: usize = snapshots.iter().map(|orb| orb.flows.len()).sum();
    let left_out: u64 = snapshots.iter().map(|orb| orb.left_out).sum();
    let mut summary = match (snapshots.len(), listed) {
        (0, _) => return "no Upcall process of this user serves anything now".to_owned(),
        (orbs, 0) => format!("{} without clients", counted(orbs, "ORB")),
        (orbs, _) => format!("{} of {}", counted(listed, "flow"), counted(orbs, "ORB")),
    };
    if shown < listed {
        summary.push_str(&format!(", {shown} shown"));
    }
    if left_out > 0 {
        summary.push_str(&format!(", {left_out} more not listed"));
    }
    summary
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// Renders it as a whole.
pub(super) fn render(snapshots: &[Snapshot], view: &View) -> String {
    let rows = view.rows(snapshots);
    let mut text = format!("{}\n", summary(snapshots, rows.len()));
    if rows.is_empty() {
        return text;
    }
    let table = Table::of(&rows);
    let titles: Vec<String> = table.titles().map(|(_, title)| title).collect();
    for line in std::iter::once(titles.join("  ").trim_end().to_owned()).chain(table.lines()) {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

fn padded(column: Column, cell: &str, width: usize) -> String {
    if column.is_text() {
        format!("{cell:<width$}")
    } else {
        format!("{cell:>width$}")
    }
}

fn clipped(cell: String) -> String {
    if cell.chars().count() <= WIDEST {
        return cell;
    }
    let mut clipped: String = cell.chars().take(WIDEST - 1).collect();
    clipped.push('…');
    clipped
}
