// SPDX-License-Identifier: MIT OR Apache-2.0
//! Expressions that read a value of some type from the decoder `d`.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote};

use super::encode::{is_plain, optional};
use super::scope::Scope;
use super::ty::{Prim, Ty};

/// The expression, of the owned type, with `?` where it can fail. `depth` numbers the variables of nested loops.
pub(crate) fn decode(scope: &Scope<'_>, ty: &Ty, depth: usize) -> TokenStream {
    match ty {
        Ty::Prim(prim) => {
            let method = method(*prim);
            quote!(d.#method()?)
        }
        Ty::Text { wide, bound } => text(*wide, *bound),
        Ty::Sequence { element, bound } => sequence(scope, element, *bound, depth),
        Ty::Array { element, len } => array(scope, element, *len, depth),
        Ty::Map { key, value, bound } => map(scope, key, value, *bound, depth),
        Ty::Any => quote!(d.any()?),
        Ty::TypeCode => quote!(d.type_code()?),
        Ty::Local(_) | Ty::Native(_) => quote!(rt::no_local()?),
        Ty::Context(_) => quote!(rt::context::decode(d)?),
        _ => quote!(rt::Unmarshal::unmarshal(d)?),
    }
}

/// How a servant's argument is read, and how it is then given to the servant.
pub(crate) struct Argument {
    /// The expression that reads it.
    pub(crate) read: TokenStream,
    /// Whether the servant is given a reference to what was read.
    pub(crate) by_reference: bool,
}

/// Reads an argument in the form the servant takes it: borrowed from the message where it can be.
pub(crate) fn decode_argument(scope: &Scope<'_>, ty: &Ty) -> Argument {
    match ty {
        Ty::Text {
            wide: false,
            bound: None,
        } => Argument {
            read: quote!(d.str_ref()?),
            by_reference: true,
        },
        Ty::Text { .. } => Argument {
            read: decode(scope, ty, 0),
            by_reference: true,
        },
        Ty::Sequence { element, bound } if element.is_octet() => {
            let read = match bound {
                None => quote!(d.bulk()?),
                Some(bound) => quote!(rt::within(d.bulk()?, #bound)?),
            };
            Argument {
                read,
                by_reference: false,
            }
        }
        Ty::Sequence { element, bound } => match element.as_ref() {
            Ty::Prim(prim) if prim.in_blocks() => {
                let rust = Ident::new(prim.rust(), Span::call_site());
                let read = match bound {
                    None => quote!(d.primitives_ref::<#rust>()?),
                    Some(bound) => quote!(rt::within(d.primitives_ref::<#rust>()?, #bound)?),
                };
                Argument {
                    read,
                    by_reference: true,
                }
            }
            Ty::Prim(_) if bound.is_none() && is_plain(element) => {
                // What is borrowed later does not say what is to be read.
                let owned = scope.owned(ty);
                Argument {
                    read: quote!(<#owned as rt::Unmarshal>::unmarshal(d)?),
                    by_reference: true,
                }
            }
            Ty::Prim(_) => Argument {
                read: decode(scope, ty, 0),
                by_reference: true,
            },
            _ => Argument {
                read: decode(scope, ty, 0),
                by_reference: false,
            },
        },
        _ => Argument {
            read: decode(scope, ty, 0),
            by_reference: false,
        },
    }
}

fn method(prim: Prim) -> Ident {
    Ident::new(prim.method(), Span::call_site())
}

fn text(wide: bool, bound: Option<u32>) -> TokenStream {
    match (wide, bound) {
        (false, None) => quote!(d.string()?),
        (true, None) => quote!(d.wstring()?),
        (false, Some(bound)) => quote!(d.string_bounded(#bound)?),
        (true, Some(bound)) => quote!(d.wstring_bounded(#bound)?),
    }
}

fn sequence(scope: &Scope<'_>, element: &Ty, bound: Option<u32>, depth: usize) -> TokenStream {
    if let Ty::Prim(prim) = element
        && prim.in_blocks()
    {
        let rust = Ident::new(prim.rust(), Span::call_site());
        return match (element.is_octet(), bound) {
            (true, None) => quote!(d.bytes()?),
            (true, Some(bound)) => quote!(rt::within(d.bytes()?, #bound)?),
            (false, None) => quote!(d.primitives::<#rust>()?),
            (false, Some(bound)) => quote!(rt::within(d.primitives::<#rust>()?, #bound)?),
        };
    }
    if bound.is_none() && is_plain(element) {
        return quote!(rt::Unmarshal::unmarshal(d)?);
    }
    let (len, seq) = (format_ident!("len{depth}"), format_ident!("seq{depth}"));
    let (bound, least) = (optional(bound), least(scope, element));
    let each = decode(scope, element, depth + 1);
    let vec = scope.prelude("Vec");
    quote!({
        let #len = d.sequence_len(#bound, #least)?;
        let mut #seq = #vec::with_capacity(rt::capacity(d, #len, #least));
        d.enter()?;
        for _ in 0..#len {
            #seq.push(#each);
        }
        d.leave();
        #seq
    })
}

/// The fewest octets an element takes, against which a count is checked: at least 1, so that a count is always bounded by
/// what was received.
fn least(scope: &Scope<'_>, element: &Ty) -> Literal {
    Literal::u64_unsuffixed(scope.min_size(element).clamp(1, u64::from(u32::MAX)))
}

fn array(scope: &Scope<'_>, element: &Ty, len: u32, depth: usize) -> TokenStream {
    if let Ty::Prim(prim) = element
        && prim.in_blocks()
    {
        let (rust, len) = (
            Ident::new(prim.rust(), Span::call_site()),
            Literal::u32_unsuffixed(len),
        );
        return quote!(d.primitive_array::<#rust, #len>()?);
    }
    let each = decode(scope, element, depth + 1);
    quote!(rt::array(|| Ok(#each))?)
}

fn map(scope: &Scope<'_>, key: &Ty, value: &Ty, bound: Option<u32>, depth: usize) -> TokenStream {
    let (len, entries) = (format_ident!("len{depth}"), format_ident!("map{depth}"));
    let least = scope
        .min_size(key)
        .saturating_add(scope.min_size(value))
        .clamp(1, u64::from(u32::MAX));
    let (bound, least) = (optional(bound), Literal::u64_unsuffixed(least));
    let (read_key, read_value) = (decode(scope, key, depth + 1), decode(scope, value, depth + 1));
    let (make, add) = if key.is_ordered() {
        (
            quote!(::std::collections::BTreeMap::new()),
            quote!(insert(#read_key, #read_value)),
        )
    } else {
        (
            quote!(::std::vec::Vec::with_capacity(#len)),
            quote!(push((#read_key, #read_value))),
        )
    };
    quote!({
        let #len = d.sequence_len(#bound, #least)?;
        let mut #entries = #make;
        d.enter()?;
        for _ in 0..#len {
            #entries.#add;
        }
        d.leave();
        #entries
    })
}
