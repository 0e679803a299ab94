// SPDX-License-Identifier: MIT OR Apache-2.0
//! Documentation attributes from IDL comments.

use proc_macro2::TokenStream;
use quote::quote;

/// The attributes for an item: its own comment, or `otherwise` if it has none.
pub(crate) fn docs(doc: Option<&str>, otherwise: &str) -> TokenStream {
    let lines = lines(doc.filter(|doc| !doc.trim().is_empty()).unwrap_or(otherwise));
    quote!(#(#[doc = #lines])*)
}

/// The lines of a comment as rustdoc takes them: nothing in them is compiled as an example.
pub(crate) fn lines(doc: &str) -> Vec<String> {
    let mut in_fence = false;
    doc.trim_end()
        .lines()
        .map(|line| {
            let text = line.trim_start();
            let indent = line.len() - text.len();
            if let Some(info) = text.strip_prefix("```") {
                in_fence = !in_fence;
                let language = if in_fence && info.trim().is_empty() {
                    "text"
                } else {
                    info.trim()
                };
                return format!(" ```{language}");
            }
            // From four spaces on Markdown sees code, and rustdoc an example to compile.
            let kept = if in_fence { indent } else { indent.min(3) };
            let line = format!(" {:kept$}{}", "", text.replace('\t', " "));
            line.trim_end().to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indented_text_is_no_example() {
        assert_eq!(lines("Says:\n      x = 1;\n"), [" Says:", "    x = 1;"]);
    }

    #[test]
    fn a_fence_without_language_is_text() {
        assert_eq!(lines("```\n    a\n```"), [" ```text", "     a", " ```"]);
    }

    #[test]
    fn an_empty_comment_is_as_none() {
        assert_eq!(docs(Some("  "), "x").to_string(), docs(None, "x").to_string());
    }
}
