// SPDX-License-Identifier: MIT OR Apache-2.0
//! IDL identifiers in Rust's letter cases, and the names Rust keeps for itself.

use std::collections::HashMap;

use proc_macro2::{Ident, Span};

/// Rust's keywords, reserved ones included, that a raw identifier can spell.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait",
    "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Keywords that can't be raw identifiers.
const UNSPEAKABLE: &[&str] = &["self", "Self", "super", "crate", "_", "static_"];

/// Splits an IDL identifier into words: at underscores, where a small letter meets a capital, and before the last
/// capital of an acronym (`HTTPServer` is `HTTP`, `Server`).
fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    for part in name.split('_').filter(|part| !part.is_empty()) {
        let letters: Vec<char> = part.chars().collect();
        let mut word = String::new();
        let mut small = false;
        for (at, &letter) in letters.iter().enumerate() {
            let next_is_small = letters.get(at + 1).is_some_and(char::is_ascii_lowercase);
            let starts = letter.is_ascii_uppercase() && (small || next_is_small);
            if starts && !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            // A digit belongs to whatever stands before it.
            small = letter.is_ascii_lowercase() || (small && letter.is_ascii_digit());
            word.push(letter);
        }
        words.push(word);
    }
    words
}

/// The name in `UpperCamelCase`: a type, a trait or a variant.
pub(crate) fn camel(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for word in words(name) {
        // Digits that met lose their boundary (`v1_2` would be `V12`, as would `v12`).
        let meets =
            out.ends_with(|c: char| c.is_ascii_digit()) && word.starts_with(|c: char| c.is_ascii_digit());
        if meets {
            out.push('_');
        }
        let mut letters = word.chars();
        if let Some(first) = letters.next() {
            out.push(first.to_ascii_uppercase());
        }
        out.extend(letters.map(|letter| letter.to_ascii_lowercase()));
    }
    spoken(out, name)
}

/// The name in `snake_case`: a module, an operation, a member or a parameter.
pub(crate) fn snake(name: &str) -> String {
    let joined = words(name).join("_").to_ascii_lowercase();
    spoken(joined, name)
}

/// The name of a module: one that hides neither a primitive type nor the generated code's own import.
pub(crate) fn module(name: &str) -> String {
    const TAKEN: &[&str] = &[
        "bool", "char", "str", "u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "f32", "f64", "usize",
        "rt",
    ];
    let snake = snake(name);
    if TAKEN.contains(&snake.as_str()) {
        format!("{snake}_")
    } else {
        snake
    }
}

/// The name in `SCREAMING_SNAKE_CASE`: a constant.
pub(crate) fn screaming(name: &str) -> String {
    let joined = words(name).join("_").to_ascii_uppercase();
    spoken(joined, name)
}

/// Keeps a name usable where the case conversion left nothing or a leading digit.
fn spoken(converted: String, name: &str) -> String {
    match converted.chars().next() {
        None => format!("x{name}"),
        Some(first) if first.is_ascii_digit() => format!("_{converted}"),
        Some(_) if UNSPEAKABLE.contains(&converted.as_str()) => format!("{converted}_"),
        Some(_) => converted,
    }
}

/// The identifier for a name that is already in its Rust form, raw where it is a keyword.
pub(crate) fn ident(name: &str) -> Ident {
    if KEYWORDS.contains(&name) {
        Ident::new_raw(name, Span::call_site())
    } else {
        Ident::new(name, Span::call_site())
    }
}

/// The Rust names given out in one Rust scope, so that no two definitions get the same.
#[derive(Debug, Default, Clone)]
pub(crate) struct Taken {
    /// Which IDL name holds a Rust name.
    names: HashMap<String, String>,
}

/// What [`Taken::take`] gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Given {
    /// The Rust name to use.
    pub(crate) name: String,
    /// The IDL name that had the wanted one first, when another had to be chosen.
    pub(crate) instead_of: Option<String>,
}

impl Taken {
    /// A scope in which these names are held by the generator itself.
    pub(crate) fn reserving(names: &[&str]) -> Self {
        let names = names
            .iter()
            .map(|name| ((*name).to_owned(), String::new()))
            .collect();
        Self { names }
    }

    /// Gives `wanted`, or with as many trailing underscores as it takes to be alone, to the IDL name `owner`.
    pub(crate) fn take(&mut self, wanted: &str, owner: &str) -> Given {
        let instead_of = self.names.get(wanted).cloned();
        let mut name = wanted.to_owned();
        while self.names.contains_key(&name) {
            name.push('_');
        }
        self.names.insert(name.clone(), owner.to_owned());
        Given { name, instead_of }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_upper_camel() {
        for (idl, rust) in [
            ("SampleSeq", "SampleSeq"),
            ("CELSIUS", "Celsius"),
            ("NVList", "NvList"),
            ("sample_seq", "SampleSeq"),
            ("UTF8String", "Utf8String"),
            ("v1_2", "V1_2"),
            ("IDLType", "IdlType"),
            ("ABC_DEF", "AbcDef"),
            ("self", "Self_"),
            ("ThreadPoolId", "ThreadPoolId"),
        ] {
            assert_eq!(camel(idl), rust, "{idl}");
        }
    }

    #[test]
    fn operations_are_snake_case() {
        for (idl, rust) in [
            ("getHTTPServer", "get_http_server"),
            ("bind_new_context", "bind_new_context"),
            ("_get_name", "get_name"),
            ("CosNaming", "cos_naming"),
            ("Telemetry", "telemetry"),
            ("self", "self_"),
            ("utf8String", "utf8_string"),
        ] {
            assert_eq!(snake(idl), rust, "{idl}");
        }
    }

    #[test]
    fn constants_scream() {
        assert_eq!(screaming("maxSize"), "MAX_SIZE");
        assert_eq!(screaming("LIMIT"), "LIMIT");
    }

    #[test]
    fn a_keyword_becomes_a_raw_identifier() {
        assert_eq!(ident("type").to_string(), "r#type");
        assert_eq!(ident("kind").to_string(), "kind");
    }

    #[test]
    fn the_later_of_two_names_that_meet_gets_an_underscore() {
        let mut taken = Taken::reserving(&["cx"]);
        assert_eq!(
            taken.take("foo", "Foo"),
            Given {
                name: "foo".into(),
                instead_of: None
            }
        );
        assert_eq!(
            taken.take("foo", "FOO"),
            Given {
                name: "foo_".into(),
                instead_of: Some("Foo".into())
            }
        );
        assert_eq!(taken.take("cx", "cx").name, "cx_");
        assert!(taken.names.contains_key("foo_"));
    }
}
