// SPDX-License-Identifier: MIT OR Apache-2.0
//! Globs over POA paths and object ids.

use std::fmt;

/// A pattern: `?` is any one octet, `*` any within a name, `**` any at all, `[a-z]` one of those, `\` takes what follows
/// as it is.
///
/// Matching takes time in the product of both lengths at worst, whatever the pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    text: String,
    tokens: Vec<Token>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Octet(u8),
    AnyOctet,
    /// Any octets but the separator.
    AnyName,
    /// Any octets.
    Anything,
    Set {
        negated: bool,
        ranges: Vec<(u8, u8)>,
    },
}

/// What separates the names of a path.
const SEPARATOR: u8 = b'/';
/// The longest pattern, in bytes.
const LONGEST: usize = 1024;

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GlobError {
    /// A `[` without its `]`.
    #[error("`[` without `]`")]
    OpenSet,
    /// A set without members, or with a range that runs backwards.
    #[error("a set is empty or runs backwards")]
    BadSet,
    /// A `\` at the end.
    #[error("`\\` with nothing after it")]
    OpenEscape,
    /// More than 1,024 bytes.
    #[error("a pattern has at most 1,024 bytes")]
    TooLong,
}

impl Glob {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`GlobError`] for what is wrong with it.
    pub fn new(text: &str) -> Result<Self, GlobError> {
        if text.len() > LONGEST {
            return Err(GlobError::TooLong);
        }
        let mut tokens = Vec::new();
        let mut rest = text.bytes().peekable();
        while let Some(octet) = rest.next() {
            tokens.push(match octet {
                b'?' => Token::AnyOctet,
                b'*' if rest.next_if_eq(&b'*').is_some() => Token::Anything,
                b'*' => Token::AnyName,
                b'[' => set(&mut rest)?,
                b'\\' => Token::Octet(rest.next().ok_or(GlobError::OpenEscape)?),
                octet => Token::Octet(octet),
            });
        }
        Ok(Self {
            text: text.to_owned(),
            tokens,
        })
    }

    /// Returns whether the whole of `name` is as the pattern says.
    pub fn matches(&self, name: &[u8]) -> bool {
        // The positions in the pattern that what was read so far leads to.
        let mut reached = vec![false; self.tokens.len() + 1];
        if let Some(first) = reached.first_mut() {
            *first = true;
        }
        self.skip_stars(&mut reached);
        for &octet in name {
            let mut next = vec![false; reached.len()];
            for (at, token) in self.tokens.iter().enumerate() {
                if reached.get(at) == Some(&true) && token.takes(octet) {
                    let to = if token.is_star() { at } else { at + 1 };
                    next.get_mut(to).into_iter().for_each(|it| *it = true);
                }
            }
            self.skip_stars(&mut next);
            reached = next;
        }
        reached.last() == Some(&true)
    }

    /// A star may stand for nothing.
    fn skip_stars(&self, reached: &mut [bool]) {
        for (at, token) in self.tokens.iter().enumerate() {
            if token.is_star() && reached.get(at) == Some(&true) {
                reached.get_mut(at + 1).into_iter().for_each(|it| *it = true);
            }
        }
    }
}

impl Token {
    fn is_star(&self) -> bool {
        matches!(self, Self::AnyName | Self::Anything)
    }

    fn takes(&self, octet: u8) -> bool {
        match self {
            Self::Octet(own) => *own == octet,
            Self::AnyOctet | Self::AnyName => octet != SEPARATOR,
            Self::Anything => true,
            Self::Set { negated, ranges } => {
                let within = ranges.iter().any(|(from, to)| (from..=to).contains(&&octet));
                within != *negated && octet != SEPARATOR
            }
        }
    }
}

/// The rest of a set, after its `[`.
fn set(rest: &mut std::iter::Peekable<std::str::Bytes<'_>>) -> Result<Token, GlobError> {
    let negated = rest.next_if(|it| matches!(it, b'!' | b'^')).is_some();
    let mut ranges = Vec::new();
    loop {
        let from = match rest.next().ok_or(GlobError::OpenSet)? {
            b']' if ranges.is_empty() => return Err(GlobError::BadSet),
            b']' => return Ok(Token::Set { negated, ranges }),
            b'\\' => rest.next().ok_or(GlobError::OpenEscape)?,
            octet => octet,
        };
        let to = match rest.next_if_eq(&b'-') {
            None => from,
            Some(_) => rest.next().ok_or(GlobError::OpenSet)?,
        };
        if to < from {
            return Err(GlobError::BadSet);
        }
        ranges.push((from, to));
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Glob::new(pattern).unwrap().matches(name.as_bytes())
    }

    #[test]
    fn a_star_stays_within_a_name_and_two_do_not() {
        assert!(matches("sensor-*", "sensor-12"));
        assert!(matches("sensor-*", "sensor-"));
        assert!(!matches("sensor-*", "a-sensor-12"));
        assert!(matches("a/*/c", "a/b/c"));
        assert!(!matches("a/*", "a/b/c"));
        assert!(matches("a/**", "a/b/c"));
        assert!(matches("**", ""));
        assert!(!matches("?", "/"));
        assert!(!matches("", "a"));
    }

    #[test]
    fn sets_and_escapes() {
        assert!(matches("ch[0-36]", "ch6"));
        assert!(!matches("ch[0-36]", "ch4"));
        assert!(matches("ch[!0-3]", "ch4"));
        assert!(!matches("ch[!0-3]", "ch/"));
        assert!(matches(r"a\*b", "a*b"));
        assert!(!matches(r"a\*b", "aab"));
        assert!(matches(r"[\]x]", "]"));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        assert_eq!(Glob::new("a["), Err(GlobError::OpenSet));
        assert_eq!(Glob::new("a[]"), Err(GlobError::BadSet));
        assert_eq!(Glob::new("[z-a]"), Err(GlobError::BadSet));
        assert_eq!(Glob::new("a\\"), Err(GlobError::OpenEscape));
        assert_eq!(Glob::new(&"a".repeat(1025)), Err(GlobError::TooLong));
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let pattern = "*a".repeat(200) + "b";
        assert!(!matches(&pattern, &"a".repeat(400)));
    }

    /// The definition, naively: what each token may take, tried in turn.
    fn oracle(tokens: &[Token], name: &[u8]) -> bool {
        let Some((token, rest)) = tokens.split_first() else {
            return name.is_empty();
        };
        let taken = name.split_first().is_some_and(|(octet, after)| {
            token.takes(*octet) && oracle(if token.is_star() { tokens } else { rest }, after)
        });
        taken || (token.is_star() && oracle(rest, name))
    }

    proptest! {
        #[test]
        fn it_matches_what_the_definition_says(pattern in "[ab/?*]{0,8}", name in "[ab/]{0,8}") {
            let glob = Glob::new(&pattern).unwrap();
            prop_assert_eq!(glob.matches(name.as_bytes()), oracle(&glob.tokens, name.as_bytes()));
        }

        #[test]
        fn no_text_makes_it_panic(pattern in "\\PC{0,16}", name in any::<Vec<u8>>()) {
            if let Ok(glob) = Glob::new(&pattern) {
                glob.matches(&name);
            }
        }
    }
}
