// SPDX-License-Identifier: MIT OR Apache-2.0
//! The words of the language (IDL 4.2 §7.2.4).

/// Words that can't be names, in any case.
const HARD: [&str; 60] = [
    "abstract",
    "any",
    "attribute",
    "boolean",
    "case",
    "char",
    "component",
    "const",
    "consumes",
    "context",
    "custom",
    "default",
    "double",
    "emits",
    "enum",
    "eventtype",
    "exception",
    "factory",
    "FALSE",
    "finder",
    "fixed",
    "float",
    "getraises",
    "home",
    "import",
    "in",
    "inout",
    "interface",
    "local",
    "long",
    "manages",
    "module",
    "multiple",
    "native",
    "Object",
    "octet",
    "oneway",
    "out",
    "primarykey",
    "private",
    "provides",
    "public",
    "publishes",
    "raises",
    "readonly",
    "sequence",
    "setraises",
    "short",
    "string",
    "struct",
    "supports",
    "switch",
    "TRUE",
    "truncatable",
    "typedef",
    "typeid",
    "typeprefix",
    "union",
    "unsigned",
    "uses",
];

const HARD_TOO: [&str; 5] = ["ValueBase", "valuetype", "void", "wchar", "wstring"];

/// Words that came with IDL 4; older IDL uses them as names, so they are words only where the grammar wants them.
const SOFT: [&str; 19] = [
    "alias",
    "bitfield",
    "bitmask",
    "bitset",
    "connector",
    "int16",
    "int32",
    "int64",
    "int8",
    "map",
    "mirrorport",
    "port",
    "porttype",
    "typename",
    "uint16",
    "uint32",
    "uint64",
    "uint8",
    "mirror",
];

/// Words that begin a definition; a parser that lost its way looks for them.
const OPENERS: [&str; 26] = [
    "abstract",
    "bitmask",
    "bitset",
    "component",
    "connector",
    "const",
    "custom",
    "enum",
    "eventtype",
    "exception",
    "home",
    "import",
    "interface",
    "local",
    "module",
    "native",
    "porttype",
    "struct",
    "typedef",
    "typeid",
    "typeprefix",
    "union",
    "valuetype",
    "attribute",
    "readonly",
    "oneway",
];

/// How a word stands to the keywords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is none.
    Free,
    /// It is one.
    Keyword,
    /// It is one of IDL 4 that older IDL uses as a name.
    Recent,
    /// It differs from this one only in case, which isn't allowed.
    DiffersInCase(&'static str),
}

/// Says how a word stands to the keywords.
pub(crate) fn standing(word: &str) -> Standing {
    if SOFT.contains(&word) {
        return Standing::Recent;
    }
    match HARD
        .iter()
        .chain(&HARD_TOO)
        .find(|keyword| keyword.eq_ignore_ascii_case(word))
    {
        None => Standing::Free,
        Some(keyword) if *keyword == word => Standing::Keyword,
        Some(keyword) => Standing::DiffersInCase(keyword),
    }
}

/// Says whether a word begins a definition.
pub(crate) fn opens_definition(word: &str) -> bool {
    OPENERS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_compared_without_case() {
        assert_eq!(standing("struct"), Standing::Keyword);
        assert_eq!(standing("Struct"), Standing::DiffersInCase("struct"));
        assert_eq!(standing("object"), Standing::DiffersInCase("Object"));
        assert_eq!(standing("map"), Standing::Recent);
        assert_eq!(standing("Map"), Standing::Free);
        assert_eq!(standing("x"), Standing::Free);
    }
}
