// SPDX-License-Identifier: MIT OR Apache-2.0
//! Doc comments: `///`, `//@`, `/** */`.

use std::rc::Rc;

/// Collects the doc comments before a token.
///
/// Comments that an empty line separates from the token, or from the next comment, are of something else: a licence, say.
#[derive(Debug, Default)]
pub(super) struct Doc {
    lines: Vec<String>,
    ended_lines: usize,
}

impl Doc {
    /// Takes a comment that begins with `//`.
    pub(super) fn line(&mut self, text: &str) {
        let plain = text.strip_prefix("//").unwrap_or(text);
        let doc = match plain.strip_prefix('/').or_else(|| plain.strip_prefix('@')) {
            // A row of slashes is decoration, and `///<` belongs to what stands before.
            Some(doc) if !doc.starts_with(['/', '<']) => doc,
            _ => {
                self.ended_lines = 0;
                return;
            }
        };
        self.begin();
        self.lines
            .push(doc.strip_prefix(' ').unwrap_or(doc).trim_end().to_owned());
    }

    /// Takes what stands between `/*` and `*/`.
    pub(super) fn block(&mut self, text: &str) {
        let Some(doc) = text
            .strip_prefix('*')
            .filter(|doc| !doc.starts_with(['*', '<']) && !doc.is_empty())
        else {
            self.ended_lines = 0;
            return;
        };
        self.begin();
        self.lines.extend(unstarred(doc));
    }

    pub(super) fn line_ended(&mut self) {
        self.ended_lines += 1;
        if self.ended_lines > 1 {
            self.lines.clear();
        }
    }

    /// Returns what was collected, and begins anew.
    pub(super) fn take(&mut self) -> Option<Rc<str>> {
        self.ended_lines = 0;
        let lines = std::mem::take(&mut self.lines);
        let text = lines.join("\n");
        let text = text.trim_matches('\n');
        (!text.trim().is_empty()).then(|| Rc::from(text))
    }

    fn begin(&mut self) {
        self.ended_lines = 0;
    }
}

/// Takes the stars off the front of the lines, and the indentation they have in common.
fn unstarred(text: &str) -> Vec<String> {
    let mut lines: Vec<&str> = text.lines().collect();
    let rest = lines.iter().skip(1).filter(|line| !line.trim().is_empty());
    let starred = rest.clone().all(|line| line.trim_start().starts_with('*'));
    for (index, line) in lines.iter_mut().enumerate() {
        let trimmed = line.trim_start();
        if index == 0 {
            *line = trimmed;
        } else if starred {
            *line = trimmed.strip_prefix('*').unwrap_or(trimmed);
        }
    }
    let indent = lines.iter().skip(1).filter(|line| !line.trim().is_empty());
    let indent = indent
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or(0);
    let dedent = |(index, line): (usize, &&str)| {
        let line = if index == 0 {
            line
        } else {
            line.get(indent..).unwrap_or_else(|| line.trim_start())
        };
        line.trim_end().to_owned()
    };
    lines.iter().enumerate().map(dedent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_common_indentation_are_removed() {
        assert_eq!(
            unstarred(" First.\n   * Second\n   *   code\n   "),
            ["First.", "Second", "  code", ""]
        );
        assert_eq!(unstarred("\n    First.\n      more\n"), ["", "First.", "  more"]);
    }

    #[test]
    fn an_empty_line_separates_a_licence_from_what_follows() {
        let mut doc = Doc::default();
        doc.line("/// licence");
        doc.line_ended();
        doc.line_ended();
        assert_eq!(doc.take(), None);
        doc.line("/// about it");
        doc.line_ended();
        doc.line("//@ more");
        doc.line_ended();
        assert_eq!(doc.take().as_deref(), Some("about it\nmore"));
    }

    #[test]
    fn rows_of_slashes_and_stars_are_no_doc() {
        let mut doc = Doc::default();
        doc.line("//////");
        doc.block("****");
        doc.block("");
        doc.line("// plain");
        doc.line("///< of the one before");
        assert_eq!(doc.take(), None);
    }
}
