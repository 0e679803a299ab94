// SPDX-License-Identifier: MIT OR Apache-2.0
//! Structs and exceptions.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

use super::decode::decode;
use super::docs::docs;
use super::encode::{Place, encode};
use super::names::{self, Taken};
use super::scope::Scope;
use super::ty::Ty;
use super::typecode;
use crate::model::{ItemId, ItemKind};

/// A member as it is emitted.
pub(crate) struct Field {
    /// Its Rust name.
    pub(crate) name: Ident,
    /// Its type.
    pub(crate) ty: Ty,
    /// Its documentation.
    pub(crate) docs: TokenStream,
}

/// The members of a struct or exception, named.
pub(crate) fn fields(scope: &Scope<'_>, id: ItemId) -> Vec<Field> {
    let owner = scope.world.model.scoped_name(id);
    let mut taken = Taken::default();
    scope
        .world
        .members(id)
        .into_iter()
        .map(|(member, ty)| {
            let idl = &member.name.text;
            let given = taken.take(&names::snake(idl), idl);
            Field {
                name: names::ident(&given.name),
                ty,
                docs: docs(
                    member.doc.as_deref(),
                    &format!("The member `{idl}` of `{owner}`."),
                ),
            }
        })
        .collect()
}

/// Emits a struct.
pub(crate) fn emit_struct(scope: &Scope<'_>, id: ItemId) -> TokenStream {
    let fields = fields(scope, id);
    let recursive = matches!(&scope.world.model.item(id).kind, ItemKind::Struct(it) if it.recursive);
    let declaration = declaration(scope, id, &fields, "Struct");
    let name = names::ident(scope.world.name(id));
    let (param, writes) = writes(&fields);
    let (decoder, reads) = reads(scope, &fields, recursive);
    let min_size = min_size(scope, id);
    let typed = typecode::typed(scope, id);
    quote! {
        #declaration
        const _: () = {
            use ::upcall::rt;
            impl rt::Marshal for #name {
                #[inline]
                fn marshal<'e>(&'e self, #param: &mut rt::Encoder<'e>) -> rt::Encoded {
                    #writes
                    Ok(())
                }
            }
            impl rt::Unmarshal for #name {
                const MIN_SIZE: usize = #min_size;
                #[inline]
                fn unmarshal(#decoder: &mut rt::Decoder<'_>) -> rt::Decoded<Self> {
                    #reads
                }
            }
            #typed
            impl rt::AnyValue for #name {}
        };
    }
}

/// Emits an exception. In a reply its repository id is written by the adapter, so its members are written by themselves;
/// the traits, which an Any uses, put the id before them (CORBA 3.3 part 2 §9.3.5.2).
pub(crate) fn emit_exception(scope: &Scope<'_>, id: ItemId) -> TokenStream {
    let fields = fields(scope, id);
    let declaration = declaration(scope, id, &fields, "Exception");
    let name = names::ident(scope.world.name(id));
    let repository_id = &scope.world.model.item(id).repository_id;
    let (param, writes) = writes(&fields);
    let (decoder, reads) = reads(scope, &fields, false);
    let typed = typecode::typed(scope, id);
    quote! {
        #declaration
        impl #name {
            /// The repository id.
            pub const REPOSITORY_ID: &'static str = #repository_id;
        }
        const _: () = {
            use ::upcall::rt;
            impl #name {
                #[doc(hidden)]
                pub fn marshal_members<'e>(&'e self, #param: &mut rt::Encoder<'e>) -> rt::Encoded {
                    #writes
                    Ok(())
                }
                #[doc(hidden)]
                pub fn unmarshal_members(#decoder: &mut rt::Decoder<'_>) -> rt::Decoded<Self> {
                    #reads
                }
            }
            impl rt::Marshal for #name {
                fn marshal<'e>(&'e self, e: &mut rt::Encoder<'e>) -> rt::Encoded {
                    e.string(Self::REPOSITORY_ID)?;
                    self.marshal_members(e)
                }
            }
            impl rt::Unmarshal for #name {
                fn unmarshal(d: &mut rt::Decoder<'_>) -> rt::Decoded<Self> {
                    d.str_ref()?;
                    Self::unmarshal_members(d)
                }
            }
            impl rt::UserException for #name {
                const REPOSITORY_ID: &'static str = #repository_id;
            }
            impl rt::fmt::Display for #name {
                fn fmt(&self, f: &mut rt::fmt::Formatter<'_>) -> rt::fmt::Result {
                    rt::fmt::Debug::fmt(self, f)
                }
            }
            impl rt::Error for #name {}
            #typed
            impl rt::AnyValue for #name {}
        };
    }
}

fn declaration(scope: &Scope<'_>, id: ItemId, fields: &[Field], what: &str) -> TokenStream {
    let item = scope.world.model.item(id);
    let docs = docs(
        item.doc.as_deref(),
        &format!("{what} `{}`.", scope.world.model.scoped_name(id)),
    );
    let name = names::ident(scope.world.name(id));
    let members = fields.iter().map(|field| {
        let (docs, name, ty) = (&field.docs, &field.name, scope.owned(&field.ty));
        quote!(#docs pub #name: #ty,)
    });
    let has_default = scope.world.has_default(&Ty::Data(id));
    let derived = fields.iter().all(|field| derives_default(&field.ty));
    let derive_default = (has_default && derived).then(|| quote!(, Default));
    let default = (has_default && !derived).then(|| {
        let values = fields.iter().map(|field| {
            let (name, value) = (&field.name, default_value(&field.ty));
            quote!(#name: #value)
        });
        quote! {
            impl ::std::default::Default for #name {
                fn default() -> Self {
                    Self { #(#values),* }
                }
            }
        }
    });
    let serde = scope.serde(scope.world.is_serializable(&Ty::Data(id)));
    quote! {
        #docs
        #[derive(Debug, Clone, PartialEq #derive_default)]
        #serde
        pub struct #name {
            #(#members)*
        }
        #default
    }
}

/// Whether `#[derive(Default)]` does: the standard library has defaults of arrays up to 32.
fn derives_default(ty: &Ty) -> bool {
    match ty {
        Ty::Array { element, len } => *len <= 32 && derives_default(element),
        _ => true,
    }
}

/// An expression of the default value, large arrays included.
pub(crate) fn default_value(ty: &Ty) -> TokenStream {
    match ty {
        Ty::Array { element, .. } => {
            let element = default_value(element);
            quote!(::std::array::from_fn(|_| #element))
        }
        _ => quote!(::std::default::Default::default()),
    }
}

/// The statements that write all fields of `self`, and the name of the encoder in them.
pub(crate) fn writes(fields: &[Field]) -> (TokenStream, TokenStream) {
    if fields.is_empty() {
        return (quote!(_), quote!());
    }
    let writes = fields.iter().map(|field| {
        let name = &field.name;
        encode(&field.ty, &Place::Owned(quote!(self.#name)), 0)
    });
    (quote!(e), quote!(#(#writes)*))
}

/// The expression that reads all fields into `Self`, and the name of the decoder in it.
fn reads(scope: &Scope<'_>, fields: &[Field], recursive: bool) -> (TokenStream, TokenStream) {
    if fields.is_empty() {
        return (quote!(_), quote!(Ok(Self {})));
    }
    let reads = fields.iter().map(|field| {
        let (name, value) = (&field.name, decode(scope, &field.ty, 0));
        quote!(#name: #value)
    });
    let value = quote!(Ok(Self { #(#reads),* }));
    (
        quote!(d),
        if recursive {
            quote!(d.nested(|d| #value))
        } else {
            value
        },
    )
}

/// The least size of a value as a literal; at least 1, as the trait demands.
pub(crate) fn min_size(scope: &Scope<'_>, id: ItemId) -> Literal {
    let size = scope.min_size(&Ty::Data(id)).clamp(1, u64::from(u32::MAX));
    Literal::u64_unsuffixed(size)
}
