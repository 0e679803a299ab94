// SPDX-License-Identifier: MIT OR Apache-2.0
//! What went wrong, and what may help.

use std::fmt;

/// An error for people: what went wrong, and often a hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    what: String,
    hint: Option<String>,
}

impl Failure {
    /// What went wrong, with the thing it concerns first.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            hint: None,
        }
    }

    /// Adds what may help.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_stands_on_its_own_line() {
        let failure = Failure::new("no such file").hint("look elsewhere");
        assert_eq!(failure.to_string(), "no such file\nhint: look elsewhere");
        assert_eq!(Failure::new("broken").to_string(), "broken");
    }
}
