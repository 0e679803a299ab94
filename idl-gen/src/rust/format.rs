// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tokens to text.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::Parser;

/// Formats items as they stand `depth` modules deep.
///
/// # Errors
/// The syntax error, if the generator produced what is not Rust; a bug of the generator.
pub(crate) fn format(items: TokenStream, depth: usize, out: &mut String) -> Result<(), syn::Error> {
    let mut file = syn::parse2::<syn::File>(items)?;
    if depth == 0 {
        file.items.iter_mut().for_each(allow);
    }
    let text = prettyplease::unparse(&file);
    let margin = "    ".repeat(depth);
    for line in text.lines() {
        if !line.is_empty() {
            out.push_str(&margin);
            out.push_str(line);
        }
        out.push('\n');
    }
    Ok(())
}

/// Allows in an item that stands at the top what IDL, not the user, is responsible for.
fn allow(item: &mut syn::Item) {
    let attributes = match item {
        syn::Item::Const(it) => &mut it.attrs,
        syn::Item::Enum(it) => &mut it.attrs,
        syn::Item::Fn(it) => &mut it.attrs,
        syn::Item::Impl(it) => &mut it.attrs,
        syn::Item::Mod(it) => &mut it.attrs,
        syn::Item::Struct(it) => &mut it.attrs,
        syn::Item::Trait(it) => &mut it.attrs,
        syn::Item::Type(it) => &mut it.attrs,
        _ => return,
    };
    let allowed = quote! {
        #[allow(dead_code, unreachable_pub, clippy::all, rustdoc::all, reason = "names, comments and shapes are IDL's")]
    };
    attributes.extend(syn::Attribute::parse_outer.parse2(allowed).into_iter().flatten());
}
