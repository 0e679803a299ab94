// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads a text character by character, joining lines that end in a backslash.

/// A position in a text.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    offset: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str, offset: usize) -> Self {
        let mut cursor = Self { text, offset };
        cursor.join_lines();
        cursor
    }

    pub(super) const fn offset(&self) -> usize {
        self.offset
    }

    /// Goes back to a place that was passed.
    pub(super) const fn set_offset(&mut self, offset: usize) {
        self.offset = offset;
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.offset..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        let c = self.rest().chars().next()?;
        // "\r\n" and a lone "\r" end a line as "\n" does.
        Some(if c == '\r' { '\n' } else { c })
    }

    pub(super) fn peek_second(&self) -> Option<char> {
        let mut ahead = Self {
            text: self.text,
            offset: self.offset,
        };
        ahead.bump();
        ahead.peek()
    }

    pub(super) fn bump(&mut self) {
        let rest = self.rest();
        self.offset += if rest.starts_with("\r\n") {
            2
        } else {
            rest.chars().next().map_or(0, char::len_utf8)
        };
        self.join_lines();
    }

    /// Takes `expected` if it stands here.
    pub(super) fn take(&mut self, expected: &str) -> bool {
        if !self.rest().starts_with(expected) {
            return false;
        }
        for _ in expected.chars() {
            self.bump();
        }
        true
    }

    /// Steps over a backslash at the end of a line together with that end.
    fn join_lines(&mut self) {
        loop {
            let rest = self.rest();
            let joined = ["\\\n", "\\\r\n", "\\\r"]
                .iter()
                .find(|end| rest.starts_with(**end));
            let Some(end) = joined else { return };
            self.offset += end.len();
        }
    }
}
