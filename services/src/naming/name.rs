// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names written as strings (Naming Service 1.3 §2.4).

use std::fmt;
use std::str::FromStr;

/// The longest name that is read from a string, in components.
const MAX_COMPONENTS: usize = 1024;

/// One step of a name: an id and a kind, either of which may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct NameComponent {
    /// What the binding is called.
    pub id: String,
    /// What kind of thing it is; often empty.
    pub kind: String,
}

/// A path through naming contexts, as `id.kind/id.kind`; `/`, `.` and `\` within a part are written
/// with a `\` before them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Name(pub Vec<NameComponent>);

/// Why a string is not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The string, or one component between two `/`, is empty.
    #[error("component {component} of the name is empty (write `.` for an empty id and kind)")]
    EmptyComponent {
        /// Which one, from 1.
        component: usize,
    },
    /// A component has more than one `.` that is not escaped.
    #[error(
        "component {component} of the name has more than one `.` (write `\\.` for a dot within an id or kind)"
    )]
    SecondDot {
        /// Which one, from 1.
        component: usize,
    },
    /// A component ends in `.`: an id without a kind is written without the dot (§2.4.2).
    #[error("component {component} of the name ends in `.` (leave the dot out when there is no kind)")]
    TrailingDot {
        /// Which one, from 1.
        component: usize,
    },
    /// `\` stands before something other than `/`, `.` or `\`.
    #[error(
        "component {component} of the name has a `\\` that escapes nothing (only `\\/`, `\\.` and `\\\\` are known)"
    )]
    BadEscape {
        /// Which one, from 1.
        component: usize,
    },
    /// The name is longer than 1,024 components.
    #[error("the name has more than 1024 components")]
    TooLong,
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let mut name = Vec::new();
        let mut part = Part::default();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            let component = name.len() + 1;
            match c {
                '/' => {
                    name.push(std::mem::take(&mut part).finish(component)?);
                    if name.len() >= MAX_COMPONENTS {
                        return Err(NameError::TooLong);
                    }
                }
                '.' => part.dot(component)?,
                '\\' => match chars.next() {
                    Some(escaped @ ('/' | '.' | '\\')) => part.push(escaped),
                    _ => return Err(NameError::BadEscape { component }),
                },
                other => part.push(other),
            }
        }
        let component = name.len() + 1;
        name.push(part.finish(component)?);
        Ok(Name(name))
    }
}

/// A component while it is being read.
#[derive(Default)]
struct Part {
    id: String,
    kind: Option<String>,
}

impl Part {
    fn push(&mut self, c: char) {
        self.kind.as_mut().unwrap_or(&mut self.id).push(c);
    }

    fn dot(&mut self, component: usize) -> Result<(), NameError> {
        if self.kind.is_some() {
            return Err(NameError::SecondDot { component });
        }
        self.kind = Some(String::new());
        Ok(())
    }

    fn finish(self, component: usize) -> Result<NameComponent, NameError> {
        match self.kind {
            None if self.id.is_empty() => Err(NameError::EmptyComponent { component }),
            None => Ok(NameComponent {
                id: self.id,
                kind: String::new(),
            }),
            Some(kind) if kind.is_empty() && !self.id.is_empty() => Err(NameError::TrailingDot { component }),
            Some(kind) => Ok(NameComponent { id: self.id, kind }),
        }
    }
}

impl fmt::Display for NameComponent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_escaped(f, &self.id)?;
        // An empty id and kind are a lone `.` (§2.4.2).
        if !self.kind.is_empty() || self.id.is_empty() {
            f.write_str(".")?;
            write_escaped(f, &self.kind)?;
        }
        Ok(())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, component) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("/")?;
            }
            component.fmt(f)?;
        }
        Ok(())
    }
}

fn write_escaped(f: &mut fmt::Formatter<'_>, part: &str) -> fmt::Result {
    for c in part.chars() {
        if matches!(c, '/' | '.' | '\\') {
            f.write_str("\\")?;
        }
        fmt::Write::write_char(f, c)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn component(id: &str, kind: &str) -> NameComponent {
        NameComponent {
            id: id.into(),
            kind: kind.into(),
        }
    }

    #[test]
    fn reads_the_examples_of_the_standard() {
        // Naming Service 1.3 §2.4.1 and §2.4.2.
        let name: Name = "a/./c.d/.e".parse().unwrap();
        assert_eq!(
            name.0,
            [
                component("a", ""),
                component("", ""),
                component("c", "d"),
                component("", "e")
            ]
        );
        let name: Name = r"a/x\/y\/z/b".parse().unwrap();
        assert_eq!(
            name.0,
            [component("a", ""), component("x/y/z", ""), component("b", "")]
        );
        let name: Name = r"a\.b.c\.d".parse().unwrap();
        assert_eq!(name.0, [component("a.b", "c.d")]);
    }

    #[test]
    fn says_which_component_is_wrong_and_why() {
        let error = |text: &str| text.parse::<Name>().unwrap_err();
        assert_eq!(error(""), NameError::EmptyComponent { component: 1 });
        assert_eq!(error("/a"), NameError::EmptyComponent { component: 1 });
        assert_eq!(error("a//b"), NameError::EmptyComponent { component: 2 });
        assert_eq!(error("a/b/"), NameError::EmptyComponent { component: 3 });
        assert_eq!(error("a/b.c.d"), NameError::SecondDot { component: 2 });
        assert_eq!(error("a.b/c."), NameError::TrailingDot { component: 2 });
        assert_eq!(error(r"a\b"), NameError::BadEscape { component: 1 });
        assert_eq!(error("a\\"), NameError::BadEscape { component: 1 });
        assert_eq!(error(&"a/".repeat(2000)), NameError::TooLong);
    }

    proptest! {
        #[test]
        fn every_name_survives_the_way_through_a_string(
            parts in prop::collection::vec((".{0,6}", ".{0,6}"), 1..6),
        ) {
            let name = Name(parts.into_iter().map(|(id, kind)| NameComponent { id, kind }).collect());
            prop_assert_eq!(name.to_string().parse::<Name>().unwrap(), name);
        }

        #[test]
        fn no_string_makes_it_panic(text in ".{0,40}") {
            if let Ok(name) = text.parse::<Name>() {
                prop_assert_eq!(name.to_string().parse::<Name>().unwrap(), name);
            }
        }
    }
}
