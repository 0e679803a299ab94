// SPDX-License-Identifier: MIT OR Apache-2.0
//! Changes one thing in an IDL file, so that it is probably wrong.

use super::chance::Chance;

/// Applies one change that follows from the seed; says what it was.
pub(crate) fn mutated(text: &str, seed: u64) -> (String, String) {
    let mut chance = Chance::of(seed ^ 0xdead_beef);
    let tokens = tokens(text);
    let places: Vec<usize> = (0..tokens.len()).filter(|&i| !is_space(tokens[i])).collect();
    let at = *chance.pick(&places);
    let words: Vec<&str> = tokens
        .iter()
        .copied()
        .filter(|t| t.starts_with(|c: char| c.is_ascii_alphabetic()))
        .collect();
    let numbers: Vec<usize> = places
        .iter()
        .copied()
        .filter(|&i| tokens[i].starts_with(|c: char| c.is_ascii_digit()))
        .collect();
    let names: Vec<usize> = places.iter().copied().filter(|&i| is_name(tokens[i])).collect();
    let mut changed: Vec<String> = tokens.iter().map(|token| (*token).to_owned()).collect();
    let what = match chance.below(8) {
        0 => {
            changed[at].clear();
            format!("`{}` left out", tokens[at])
        }
        1 => {
            changed[at] = format!("{0} {0}", tokens[at]);
            format!("`{}` twice", tokens[at])
        }
        2 if !numbers.is_empty() => {
            let at = *chance.pick(&numbers);
            changed[at] = String::from(*chance.pick(&[
                "0",
                "-1",
                "70000",
                "5000000000",
                "1.5",
                "\"x\"",
                "'c'",
                "TRUE",
            ]));
            format!("`{}` for `{}`", changed[at], tokens[at])
        }
        3 | 4 if names.len() > 1 => {
            let (at, other) = (*chance.pick(&names), *chance.pick(&names));
            changed[at] = tokens[other].to_owned();
            format!("`{}` for `{}`", changed[at], tokens[at])
        }
        5 if !names.is_empty() => {
            let at = *chance.pick(&names);
            let upper = tokens[at].to_ascii_uppercase();
            changed[at] = if upper == tokens[at] {
                tokens[at].to_ascii_lowercase()
            } else {
                upper
            };
            format!("`{}` for `{}`", changed[at], tokens[at])
        }
        _ => {
            changed[at] = (*chance.pick(&words)).to_owned();
            format!("`{}` for `{}`", changed[at], tokens[at])
        }
    };
    (changed.concat(), what)
}

fn is_space(token: &str) -> bool {
    token.starts_with(char::is_whitespace) || token.starts_with('#') || token.starts_with("//")
}

/// Says whether a token is a name that the generator made.
fn is_name(token: &str) -> bool {
    token.len() > 1
        && token.starts_with(|c: char| c.is_ascii_alphabetic())
        && token[1..].bytes().all(|b| b.is_ascii_digit())
}

/// Cuts a text into words, numbers, literals, marks and the space between; a directive or comment is one piece.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '#' | '/' => rest.find('\n').unwrap_or(rest.len()),
            '"' | '\'' => quoted(rest, first),
            c if c.is_whitespace() => rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len()),
            c if c.is_ascii_digit() || c == '.' => rest
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '.')
                .unwrap_or(rest.len()),
            c if c.is_ascii_alphabetic() => rest
                .find(|c: char| !c.is_ascii_alphanumeric())
                .unwrap_or(rest.len()),
            ':' if rest.starts_with("::") => 2,
            c => c.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after;
    }
    tokens
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}
