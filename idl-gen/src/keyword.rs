// SPDX-License-Identifier: MIT OR Apache-2.0
//! The words of the language (IDL 4.2 §7.2.4).

/// Words of the first CORBA; no name may differ from them only in case.
const FIRST: [&str; 35] = [
    "any",
    "attribute",
    "boolean",
    "case",
    "char",
    "const",
    "context",
    "default",
    "double",
    "enum",
    "exception",
    "FALSE",
    "float",
    "in",
    "inout",
    "interface",
    "long",
    "module",
    "Object",
    "octet",
    "oneway",
    "out",
    "raises",
    "readonly",
    "sequence",
    "short",
    "string",
    "struct",
    "switch",
    "TRUE",
    "typedef",
    "unsigned",
    "union",
    "void",
    "fixed",
];

/// Words that came with later CORBA. Names that differ from them in case stand in the OMG's own files.
const LATER: [&str; 32] = [
    "abstract",
    "component",
    "consumes",
    "custom",
    "emits",
    "eventtype",
    "factory",
    "finder",
    "getraises",
    "home",
    "import",
    "local",
    "manages",
    "multiple",
    "native",
    "primarykey",
    "private",
    "provides",
    "public",
    "publishes",
    "setraises",
    "supports",
    "truncatable",
    "typeid",
    "typeprefix",
    "uses",
    "ValueBase",
    "valuetype",
    "wchar",
    "wstring",
    "typeId",
    "typePrefix",
];

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
    /// The same for a word that came later; this is let pass with a warning.
    DiffersFromLater(&'static str),
}

/// Says how a word stands to the keywords.
pub(crate) fn standing(word: &str) -> Standing {
    if SOFT.contains(&word) {
        return Standing::Recent;
    }
    if FIRST.contains(&word) || LATER.contains(&word) {
        return Standing::Keyword;
    }
    if let Some(keyword) = FIRST.iter().find(|keyword| keyword.eq_ignore_ascii_case(word)) {
        return Standing::DiffersInCase(keyword);
    }
    let later = LATER.iter().find(|keyword| keyword.eq_ignore_ascii_case(word));
    later.map_or(Standing::Free, |keyword| Standing::DiffersFromLater(keyword))
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
        assert_eq!(standing("Factory"), Standing::DiffersFromLater("factory"));
        assert_eq!(standing("map"), Standing::Recent);
        assert_eq!(standing("Map"), Standing::Free);
        assert_eq!(standing("x"), Standing::Free);
    }
}
