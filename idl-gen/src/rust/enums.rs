// SPDX-License-Identifier: MIT OR Apache-2.0
//! Enumerations, bit masks and bit sets.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::quote;

use super::docs::docs;
use super::names::{self, Taken};
use super::scope::Scope;
use super::stamp::{Holes, Stamp};
use super::ty::{Prim, Ty};
use super::world::bit_holder;
use super::{Item, typecode};
use crate::model::{Bitfield, Bitmask, Bitset, Enum, ItemId, ItemKind};

/// The Rust names of an enumeration's variants, in order.
pub(crate) fn variants(of: &Enum) -> Vec<Ident> {
    let mut taken = Taken::default();
    of.enumerators
        .iter()
        .map(|enumerator| {
            let idl = &enumerator.name.text;
            names::ident(&taken.take(&names::camel(idl), idl).name)
        })
        .collect()
}

/// Emits an enumeration.
pub(crate) fn emit_enum(scope: &Scope<'_>, id: ItemId, it: &Enum, out: &mut Vec<Item>) {
    let item = scope.world.model.item(id);
    let idl = scope.world.model.scoped_name(id);
    let docs_of_enum = docs(item.doc.as_deref(), &format!("Enumeration `{idl}`."));
    let name = names::ident(scope.world.name(id));
    let variants = variants(it);
    let values: Vec<_> = it
        .enumerators
        .iter()
        .map(|one| Literal::u32_unsuffixed(one.value))
        .collect();
    let declared = it.enumerators.iter().zip(&variants).zip(&values).enumerate();
    let declared = declared.map(|(at, ((one, variant), value))| {
        let docs = docs(one.doc.as_deref(), &format!("`{}`", one.name.text));
        let default = (at == 0).then(|| quote!(#[default]));
        quote!(#docs #default #variant = #value,)
    });
    let serde = scope.serde(true);
    let declaration = quote! {
        #docs_of_enum
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        #serde
        #[repr(u32)]
        pub enum #name {
            #(#declared)*
        }
    };
    out.push(declaration.into());
    let (repository_id, simple) = (&item.repository_id, &item.name.text);
    let arms = values
        .iter()
        .zip(&variants)
        .map(|(value, variant)| quote!(#value => Ok(Self::#variant),));
    let codes = it.enumerators.iter().map(|one| {
        let text = &one.name.text;
        quote!(#text,)
    });
    let holes = Holes::default()
        .inline("name", quote!(#name))
        .inline("idl", quote!(#idl))
        .inline("simple", quote!(#simple))
        .arms("arms", arms.collect())
        .elements("id", vec![quote!(#repository_id,)])
        .elements("codes", codes.collect());
    out.push(
        Stamp {
            frame: enum_frame,
            holes,
        }
        .into(),
    );
}

fn enum_frame(holes: &Holes) -> TokenStream {
    let (name, idl, simple) = (holes.get("name"), holes.get("idl"), holes.get("simple"));
    let (arms, id, codes) = (holes.get("arms"), holes.get("id"), holes.get("codes"));
    quote! {
        const _: () = {
            use ::upcall::rt;
            impl rt::TryFrom<u32> for #name {
                type Error = rt::CdrError;
                #[inline]
                fn try_from(value: u32) -> rt::Decoded<Self> {
                    match value {
                        #arms
                        value => Err(rt::CdrError::BadEnum { name: #idl, value }),
                    }
                }
            }
            impl rt::Marshal for #name {
                #[inline]
                fn marshal<'e>(&'e self, e: &mut rt::Encoder<'e>) -> rt::Encoded {
                    e.ulong(*self as u32);
                    Ok(())
                }
            }
            impl rt::Unmarshal for #name {
                const MIN_SIZE: usize = 4;
                #[inline]
                fn unmarshal(d: &mut rt::Decoder<'_>) -> rt::Decoded<Self> {
                    rt::TryFrom::try_from(d.ulong()?)
                }
            }
            impl rt::Typed for #name {
                fn type_code() -> rt::TypeCode {
                    static CELL: rt::TypeCodeCell = rt::TypeCodeCell::new(#id);
                    CELL.get(|| rt::TypeCode::enumeration(CELL.id(), #simple, [#codes]))
                }
            }
            impl rt::AnyValue for #name {}
        };
    }
}

/// The Rust type and the codec method of the integer that holds a bit type.
fn holder(bits: u8) -> (Prim, Ident, Ident) {
    let (prim, _) = bit_holder(bits);
    (
        prim,
        Ident::new(prim.rust(), Span::call_site()),
        Ident::new(prim.method(), Span::call_site()),
    )
}

/// Emits a bit mask: a set of flags over an integer.
pub(crate) fn emit_bitmask(scope: &Scope<'_>, id: ItemId, it: &Bitmask) -> TokenStream {
    let item = scope.world.model.item(id);
    let docs_of_mask = docs(
        item.doc.as_deref(),
        &format!("Bitmask `{}`.", scope.world.model.scoped_name(id)),
    );
    let name = names::ident(scope.world.name(id));
    let (_, integer, method) = holder(it.bit_bound);
    let mut taken = Taken::default();
    let flags = it.flags.iter().map(|flag| {
        let idl = &flag.name.text;
        let docs = docs(flag.doc.as_deref(), &format!("`{idl}`"));
        let constant = names::ident(&taken.take(&names::screaming(idl), idl).name);
        let position = Literal::u8_unsuffixed(flag.position);
        quote!(#docs pub const #constant: Self = Self(1 << #position);)
    });
    let serde = scope.serde(true);
    let operators = operators(&name);
    let typed = typecode::typed(scope, id);
    let size = Literal::u64_unsuffixed(scope.min_size(&Ty::Copied(id)));
    quote! {
        #docs_of_mask
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        #serde
        pub struct #name(#integer);
        impl #name {
            #(#flags)*
            /// Returns the flags as an integer.
            pub const fn bits(self) -> #integer {
                self.0
            }
            /// Makes a set of the flags whose bits are set.
            pub const fn from_bits(bits: #integer) -> Self {
                Self(bits)
            }
            /// Tells whether all flags of `other` are set.
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }
        }
        const _: () = {
            use ::upcall::rt;
            #operators
            impl rt::Marshal for #name {
                #[inline]
                fn marshal<'e>(&'e self, e: &mut rt::Encoder<'e>) -> rt::Encoded {
                    e.#method(self.0);
                    Ok(())
                }
            }
            impl rt::Unmarshal for #name {
                const MIN_SIZE: usize = #size;
                #[inline]
                fn unmarshal(d: &mut rt::Decoder<'_>) -> rt::Decoded<Self> {
                    Ok(Self(d.#method()?))
                }
            }
            #typed
            impl rt::AnyValue for #name {}
        };
    }
}

fn operators(name: &Ident) -> TokenStream {
    let binary = [("BitOr", "bitor"), ("BitAnd", "bitand"), ("BitXor", "bitxor")].map(|(of, method)| {
        let (of, method) = (
            Ident::new(of, Span::call_site()),
            Ident::new(method, Span::call_site()),
        );
        quote! {
            impl rt::ops::#of for #name {
                type Output = Self;
                fn #method(self, other: Self) -> Self {
                    Self(rt::ops::#of::#method(self.0, other.0))
                }
            }
        }
    });
    quote! {
        #(#binary)*
        impl rt::ops::Not for #name {
            type Output = Self;
            fn not(self) -> Self {
                Self(!self.0)
            }
        }
    }
}

/// All fields of a bit set, those of its base first.
fn all_fields<'m>(scope: &Scope<'m>, it: &'m Bitset) -> Vec<&'m Bitfield> {
    let inherited = it.base.map(|base| match &scope.world.model.item(base).kind {
        ItemKind::Bitset(base) => all_fields(scope, base),
        _ => Vec::new(),
    });
    inherited
        .unwrap_or_default()
        .into_iter()
        .chain(&it.fields)
        .collect()
}

/// Emits a bit set: a struct whose members share one integer on the wire.
pub(crate) fn emit_bitset(scope: &Scope<'_>, id: ItemId, it: &Bitset) -> TokenStream {
    let item = scope.world.model.item(id);
    let idl = scope.world.model.scoped_name(id);
    let docs_of_set = docs(item.doc.as_deref(), &format!("Bitset `{idl}`."));
    let name = names::ident(scope.world.name(id));
    let (_, _, method) = holder(it.bits);
    let mut taken = Taken::default();
    let (mut members, mut writes, mut reads) = (Vec::new(), Vec::new(), Vec::new());
    for field in all_fields(scope, it) {
        let Some(field_name) = &field.name else { continue };
        let docs = docs(
            field.doc.as_deref(),
            &format!("The field `{}` of `{idl}`.", field_name.text),
        );
        let member = names::ident(&taken.take(&names::snake(&field_name.text), &field_name.text).name);
        let ty = scope.world.ty(&field.ty);
        let rust = scope.owned(&ty);
        members.push(quote!(#docs pub #member: #rust,));
        let (position, width) = (
            Literal::u8_unsuffixed(field.position),
            Literal::u8_unsuffixed(field.width),
        );
        writes.push(quote!(rt::bits::put(&mut bits, self.#member, #position, #width)?;));
        reads.push(quote!(#member: rt::bits::get(bits, #position, #width)?));
    }
    let serde = scope.serde(true);
    let typed = typecode::typed(scope, id);
    let size = Literal::u64_unsuffixed(scope.min_size(&Ty::Data(id)));
    quote! {
        #docs_of_set
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
        #serde
        pub struct #name {
            #(#members)*
        }
        const _: () = {
            use ::upcall::rt;
            impl rt::Marshal for #name {
                fn marshal<'e>(&'e self, e: &mut rt::Encoder<'e>) -> rt::Encoded {
                    let mut bits = 0u64;
                    #(#writes)*
                    e.#method(rt::bits::narrow(bits)?);
                    Ok(())
                }
            }
            impl rt::Unmarshal for #name {
                const MIN_SIZE: usize = #size;
                fn unmarshal(d: &mut rt::Decoder<'_>) -> rt::Decoded<Self> {
                    let bits = u64::from(d.#method()?);
                    Ok(Self { #(#reads),* })
                }
            }
            #typed
            impl rt::AnyValue for #name {}
        };
    }
}
