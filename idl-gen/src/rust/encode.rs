// SPDX-License-Identifier: MIT OR Apache-2.0
//! Statements that write a value of some type to the encoder `e`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};

use super::ty::{Prim, Ty};

/// Where the value to write is found.
#[derive(Clone)]
pub(crate) enum Place {
    /// An expression of the type itself that can be borrowed: `self.x`.
    Owned(TokenStream),
    /// An expression of a reference to it, or of its borrowed form (`&str`, `&[T]`).
    Borrowed(TokenStream),
}

impl Place {
    fn borrow(&self) -> TokenStream {
        match self {
            Self::Owned(place) => quote!(&#place),
            Self::Borrowed(place) => place.clone(),
        }
    }

    fn copy(&self) -> TokenStream {
        match self {
            Self::Owned(place) => place.clone(),
            Self::Borrowed(place) => quote!(*#place),
        }
    }

    /// The value for a method call on it.
    fn receiver(&self) -> &TokenStream {
        match self {
            Self::Owned(place) | Self::Borrowed(place) => place,
        }
    }
}

/// Whether the trait's implementation for the Rust type is what the IDL type wants: no bounds, nothing wide.
pub(crate) fn is_plain(ty: &Ty) -> bool {
    match ty {
        Ty::Prim(prim) => *prim != Prim::Wchar,
        Ty::Text { wide, bound } => !wide && bound.is_none(),
        Ty::Sequence { element, bound } => bound.is_none() && is_plain(element),
        Ty::Array { element, .. } => is_plain(element),
        Ty::Map { .. } | Ty::Local(_) | Ty::Native(_) | Ty::Context(_) => false,
        _ => true,
    }
}

/// The statements that write what is at `place`. `depth` numbers the variables of nested loops.
pub(crate) fn encode(ty: &Ty, place: &Place, depth: usize) -> TokenStream {
    match ty {
        Ty::Prim(prim) => {
            let (method, value, ask) = (
                method(*prim),
                place.copy(),
                prim.may_be_refused().then(|| quote!(?)),
            );
            quote!(e.#method(#value) #ask;)
        }
        Ty::Text { wide, bound } => text(*wide, *bound, &place.borrow()),
        Ty::Sequence { element, bound } => sequence(element, *bound, place, depth),
        Ty::Array { element, .. } => array(element, place, depth),
        Ty::Map { key, value, bound } => map(key, value, *bound, place, depth),
        Ty::Any => call(&quote!(any), place),
        Ty::TypeCode => call(&quote!(type_code), place),
        Ty::Local(_) | Ty::Native(_) => {
            let value = place.borrow();
            quote!(rt::refuse_local(#value)?;)
        }
        Ty::Context(patterns) => {
            let value = place.borrow();
            quote!(rt::context::encode(e, #value, &[#(#patterns),*])?;)
        }
        _ => {
            let value = place.borrow();
            quote!(rt::Marshal::marshal(#value, e)?;)
        }
    }
}

fn method(prim: Prim) -> Ident {
    Ident::new(prim.method(), Span::call_site())
}

fn call(method: &TokenStream, place: &Place) -> TokenStream {
    let value = place.borrow();
    quote!(e.#method(#value)?;)
}

fn text(wide: bool, bound: Option<u32>, value: &TokenStream) -> TokenStream {
    match (wide, bound) {
        (false, None) => quote!(e.string(#value)?;),
        (true, None) => quote!(e.wstring(#value)?;),
        (false, Some(bound)) => quote!(e.string_bounded(#value, #bound)?;),
        (true, Some(bound)) => quote!(e.wstring_bounded(#value, #bound)?;),
    }
}

/// `Some(n)` or `None`, for the bound of a sequence.
pub(crate) fn optional(bound: Option<u32>) -> TokenStream {
    match bound {
        None => quote!(None),
        Some(bound) => quote!(Some(#bound)),
    }
}

fn sequence(element: &Ty, bound: Option<u32>, place: &Place, depth: usize) -> TokenStream {
    let (values, receiver) = (place.borrow(), place.receiver());
    if let Ty::Prim(prim) = element
        && prim.in_blocks()
    {
        let check = bound.map(|bound| quote!(rt::check_bound(#receiver.len(), #bound)?;));
        let write = if element.is_octet() {
            quote!(e.octets(#values)?;)
        } else {
            quote!(e.primitives(#values)?;)
        };
        return quote!(#check #write);
    }
    if bound.is_none() && is_plain(element) {
        return quote!(rt::Marshal::marshal(#values, e)?;);
    }
    let (item, bound) = (format_ident!("item{depth}"), optional(bound));
    let each = encode(element, &Place::Borrowed(quote!(#item)), depth + 1);
    quote! {
        e.sequence_len(#receiver.len(), #bound)?;
        for #item in #values {
            #each
        }
    }
}

fn array(element: &Ty, place: &Place, depth: usize) -> TokenStream {
    let values = place.borrow();
    if let Ty::Prim(prim) = element
        && prim.in_blocks()
    {
        return if element.is_octet() {
            quote!(e.octets_array(#values);)
        } else {
            quote!(e.primitive_array(#values);)
        };
    }
    if is_plain(element) {
        return quote!(rt::Marshal::marshal(#values, e)?;);
    }
    let item = format_ident!("item{depth}");
    let each = encode(element, &Place::Borrowed(quote!(#item)), depth + 1);
    quote! {
        for #item in #values {
            #each
        }
    }
}

fn map(key: &Ty, value: &Ty, bound: Option<u32>, place: &Place, depth: usize) -> TokenStream {
    let (entries, receiver, bound) = (place.borrow(), place.receiver(), optional(bound));
    let (from, to) = (format_ident!("key{depth}"), format_ident!("value{depth}"));
    let write_key = encode(key, &Place::Borrowed(quote!(#from)), depth + 1);
    let write_value = encode(value, &Place::Borrowed(quote!(#to)), depth + 1);
    quote! {
        e.sequence_len(#receiver.len(), #bound)?;
        for (#from, #to) in #entries {
            #write_key
            #write_value
        }
    }
}
