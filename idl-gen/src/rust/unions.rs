// SPDX-License-Identifier: MIT OR Apache-2.0
//! Unions.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::decode::decode;
use super::docs::docs;
use super::encode::{Place, encode};
use super::names::{self, Taken};
use super::scope::Scope;
use super::structs::{default_value, min_size};
use super::ty::Ty;
use super::{typecode, values};
use crate::model::{Case, ItemId, Label, Union};

/// A variant of the Rust enum.
struct Variant {
    name: Ident,
    docs: TokenStream,
    /// The discriminator values of its labels, as expressions.
    labels: Vec<TokenStream>,
    /// Whether it takes the values that no label names.
    takes_rest: bool,
    /// What it holds beside the discriminator.
    ty: Option<Ty>,
}

impl Variant {
    /// Whether it keeps its discriminator, which its labels leave open.
    fn keeps(&self) -> bool {
        self.takes_rest || self.labels.len() != 1
    }
}

/// Emits a union.
pub(crate) fn emit(scope: &Scope<'_>, id: ItemId, it: &Union) -> TokenStream {
    let item = scope.world.model.item(id);
    let idl = scope.world.model.scoped_name(id);
    let docs = docs(item.doc.as_deref(), &format!("Union `{idl}`."));
    let name = names::ident(scope.world.name(id));
    let tag = scope.world.ty(&it.discriminator);
    let tag_type = scope.owned(&tag);
    let variants = variants(scope, id, it, &tag, &idl);
    let declared = variants.iter().map(|variant| declare(scope, variant, &tag_type));
    let discriminators = variants.iter().map(discriminator);
    let (marshal, unmarshal) = (
        marshal(&variants, &tag, &idl),
        unmarshal(scope, it, &variants, &tag, &idl),
    );
    let default = default(scope, &name, it, &variants, &tag);
    let serde = scope.serde(scope.world.is_serializable(&Ty::Data(id)));
    let min_size = min_size(scope, id);
    let typed = typecode::typed(scope, id);
    quote! {
        #docs
        #[derive(Debug, Clone, PartialEq)]
        #serde
        pub enum #name {
            #(#declared)*
        }
        impl #name {
            /// Returns the discriminator.
            pub fn discriminator(&self) -> #tag_type {
                match self {
                    #(#discriminators)*
                }
            }
        }
        #default
        const _: () = {
            use ::upcall::rt;
            impl rt::Marshal for #name {
                #[inline]
                fn marshal<'e>(&'e self, e: &mut rt::Encoder<'e>) -> rt::Encoded {
                    #marshal
                }
            }
            impl rt::Unmarshal for #name {
                const MIN_SIZE: usize = #min_size;
                #[inline]
                fn unmarshal(d: &mut rt::Decoder<'_>) -> rt::Decoded<Self> {
                    #unmarshal
                }
            }
            #typed
            impl rt::AnyValue for #name {}
        };
    }
}

fn variants(scope: &Scope<'_>, id: ItemId, it: &Union, tag: &Ty, idl: &str) -> Vec<Variant> {
    let mut taken = Taken::default();
    let types = scope.world.members(id).into_iter().map(|(_, ty)| ty);
    let mut variants: Vec<Variant> = it
        .cases
        .iter()
        .zip(types)
        .map(|(case, ty)| variant(scope, case, ty, &mut taken, tag, idl))
        .collect();
    let has_default = variants.iter().any(|variant| variant.takes_rest);
    if it.implicit_default && !has_default {
        let name = taken.take("Default", "default");
        variants.push(Variant {
            name: names::ident(&name.name),
            docs: docs(None, "No member: a discriminator that no case names."),
            labels: Vec::new(),
            takes_rest: true,
            ty: None,
        });
    }
    variants
}

fn variant(scope: &Scope<'_>, case: &Case, ty: Ty, taken: &mut Taken, tag: &Ty, idl: &str) -> Variant {
    let member = &case.member;
    let text = &member.name.text;
    let labels = case.labels.iter().filter_map(|label| match label {
        Label::Value(value) => Some(values::value(scope, tag, value)),
        Label::Default => None,
    });
    Variant {
        name: names::ident(&taken.take(&names::camel(text), text).name),
        docs: docs(member.doc.as_deref(), &format!("The member `{text}` of `{idl}`.")),
        labels: labels.collect(),
        takes_rest: case.labels.contains(&Label::Default),
        ty: Some(ty),
    }
}

fn declare(scope: &Scope<'_>, variant: &Variant, tag_type: &TokenStream) -> TokenStream {
    let (docs, name) = (&variant.docs, &variant.name);
    let tag = variant.keeps().then(|| quote!(#tag_type,));
    let held = variant.ty.as_ref().map(|ty| scope.owned(ty));
    quote!(#docs #name(#tag #held),)
}

fn discriminator(variant: &Variant) -> TokenStream {
    let name = &variant.name;
    match (variant.keeps(), &variant.ty, variant.labels.as_slice()) {
        (true, Some(_), _) => quote!(Self::#name(tag, _) => *tag,),
        (true, None, _) => quote!(Self::#name(tag) => *tag,),
        (false, _, labels) => quote!(Self::#name(_) => #(#labels)*,),
    }
}

/// The pattern of the discriminator values a variant may have, if it keeps its discriminator: those that it must have, or
/// those that it must not.
fn marshal(variants: &[Variant], tag: &Ty, idl: &str) -> TokenStream {
    let named: Vec<_> = variants.iter().flat_map(|variant| &variant.labels).collect();
    let arms = variants.iter().map(|variant| {
        let name = &variant.name;
        let check = variant.keeps().then(|| check(variant, &named, idl));
        let value = variant.ty.as_ref().map(|_| quote!(value));
        let (pattern, place) = if variant.keeps() {
            (quote!(Self::#name(tag, #value)), Place::Borrowed(quote!(tag)))
        } else {
            let label = &variant.labels;
            (quote!(Self::#name(#value)), Place::Owned(quote!(#(#label)*)))
        };
        let write_tag = encode(tag, &place, 0);
        let write = variant
            .ty
            .as_ref()
            .map(|ty| encode(ty, &Place::Borrowed(quote!(value)), 0));
        quote!(#pattern => { #check #write_tag #write })
    });
    quote! {
        match self {
            #(#arms)*
        }
        Ok(())
    }
}

/// The statement that refuses a discriminator which belongs to another variant.
fn check(variant: &Variant, named: &[&TokenStream], idl: &str) -> Option<TokenStream> {
    let refuse = format!("a discriminator of another member of {idl}");
    let refuse = quote!(return Err(rt::CdrError::BadParam(#refuse)););
    if variant.takes_rest {
        let own: Vec<String> = variant.labels.iter().map(ToString::to_string).collect();
        let others: Vec<_> = named
            .iter()
            .filter(|label| !own.contains(&label.to_string()))
            .collect();
        (!others.is_empty()).then(|| quote!(if matches!(self.discriminator(), #(#others)|*) { #refuse }))
    } else {
        let labels = &variant.labels;
        Some(quote!(if !matches!(self.discriminator(), #(#labels)|*) { #refuse }))
    }
}

fn unmarshal(scope: &Scope<'_>, it: &Union, variants: &[Variant], tag: &Ty, idl: &str) -> TokenStream {
    let read_tag = decode(scope, tag, 0);
    let make = |variant: &Variant| {
        let name = &variant.name;
        let kept = variant.keeps().then(|| quote!(tag,));
        let held = variant.ty.as_ref().map(|ty| decode(scope, ty, 0));
        quote!(Self::#name(#kept #held))
    };
    let labelled = variants
        .iter()
        .filter(|variant| !variant.takes_rest)
        .map(|variant| {
            let (labels, value) = (&variant.labels, make(variant));
            quote!(#(#labels)|* => #value,)
        });
    let rest = match variants.iter().find(|variant| variant.takes_rest) {
        Some(variant) => {
            let value = make(variant);
            Some(quote!(tag => #value,))
        }
        None => covers_nothing_else(it, tag)
            .then(|| quote!(_ => return Err(rt::CdrError::BadDiscriminator(#idl)),)),
    };
    let value = quote! {
        let tag = #read_tag;
        Ok(match tag {
            #(#labelled)*
            #rest
        })
    };
    if it.recursive {
        quote!(d.nested(|d| { #value }))
    } else {
        value
    }
}

/// Whether Rust wants an arm for the rest although the labels name every value there is: it knows that of `bool` and
/// of enums.
fn covers_nothing_else(it: &Union, tag: &Ty) -> bool {
    use super::ty::Prim;
    it.implicit_default || !matches!(tag, Ty::Prim(Prim::Boolean) | Ty::Copied(_))
}

fn default(
    scope: &Scope<'_>,
    name: &Ident,
    it: &Union,
    variants: &[Variant],
    tag: &Ty,
) -> Option<TokenStream> {
    let first = variants.first()?;
    let ty = first.ty.as_ref()?;
    if !scope.world.has_default(ty) {
        return None;
    }
    let variant = &first.name;
    let kept = if first.keeps() {
        let label = match (first.labels.first(), &it.default_discriminator) {
            (Some(label), _) => label.clone(),
            (None, Some(value)) => values::value(scope, tag, value),
            (None, None) => return None,
        };
        Some(quote!(#label,))
    } else {
        None
    };
    let value = default_value(ty);
    Some(quote! {
        impl ::std::default::Default for #name {
            fn default() -> Self {
                Self::#variant(#kept #value)
            }
        }
    })
}
