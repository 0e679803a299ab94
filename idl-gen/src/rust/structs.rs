// SPDX-License-Identifier: MIT OR Apache-2.0
//! Structs and exceptions.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

use super::decode::decode;
use super::docs::docs;
use super::encode::{Place, encode};
use super::names::{self, Taken};
use super::scope::Scope;
use super::stamp::{Holes, Stamp};
use super::ty::Ty;
use super::{Item, typecode};
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
pub(crate) fn emit_struct(scope: &Scope<'_>, id: ItemId, out: &mut Vec<Item>) {
    let fields = fields(scope, id);
    let recursive = matches!(&scope.world.model.item(id).kind, ItemKind::Struct(it) if it.recursive);
    out.push(declaration(scope, id, &fields, "Struct").into());
    let frame = match (fields.is_empty(), recursive) {
        (true, _) => empty_struct_frame,
        (false, true) => recursive_struct_frame,
        (false, false) => struct_frame,
    };
    let holes = holes(scope, id, &fields);
    out.push(Stamp { frame, holes }.into());
}

/// What the frames of structs and exceptions have in common.
fn holes(scope: &Scope<'_>, id: ItemId, fields: &[Field]) -> Holes {
    let item = scope.world.model.item(id);
    let (repository_id, idl) = (&item.repository_id, &item.name.text);
    let name = names::ident(scope.world.name(id));
    let min_size = min_size(scope, id);
    Holes::default()
        .inline("name", quote!(#name))
        .inline("least", quote!(#min_size))
        .inline("idl", quote!(#idl))
        .inline("literal", quote!(#repository_id))
        .elements("id", vec![quote!(#repository_id,)])
        .statements("writes", writes(fields))
        .fields("reads", reads(scope, fields))
        .elements("codes", typecode::member_codes(scope, id))
}

fn struct_frame(holes: &Holes) -> TokenStream {
    let reads = holes.get("reads");
    filled_struct_frame(holes, &quote!(Ok(Self { #reads })))
}

fn recursive_struct_frame(holes: &Holes) -> TokenStream {
    let reads = holes.get("reads");
    filled_struct_frame(holes, &quote!(d.nested(|d| Ok(Self { #reads }))))
}

fn filled_struct_frame(holes: &Holes, value: &TokenStream) -> TokenStream {
    let (name, least, writes) = (holes.get("name"), holes.get("least"), holes.get("writes"));
    let (id, idl, codes) = (holes.get("id"), holes.get("idl"), holes.get("codes"));
    quote! {
        const _: () = {
            use ::upcall::rt;
            impl rt::Marshal for #name {
                #[inline]
                fn marshal<'e>(&'e self, e: &mut rt::Encoder<'e>) -> rt::Encoded {
                    #writes
                    Ok(())
                }
            }
            impl rt::Unmarshal for #name {
                const MIN_SIZE: usize = #least;
                #[inline]
                fn unmarshal(d: &mut rt::Decoder<'_>) -> rt::Decoded<Self> {
                    #value
                }
            }
            impl rt::Typed for #name {
                fn type_code() -> rt::TypeCode {
                    static CELL: rt::TypeCodeCell = rt::TypeCodeCell::new(#id);
                    CELL.get(|| rt::TypeCode::structure(CELL.id(), #idl, [#codes]))
                }
            }
            impl rt::AnyValue for #name {}
        };
    }
}

fn empty_struct_frame(holes: &Holes) -> TokenStream {
    let (name, id, idl) = (holes.get("name"), holes.get("id"), holes.get("idl"));
    quote! {
        const _: () = {
            use ::upcall::rt;
            impl rt::Marshal for #name {
                fn marshal<'e>(&'e self, _: &mut rt::Encoder<'e>) -> rt::Encoded {
                    Ok(())
                }
            }
            impl rt::Unmarshal for #name {
                fn unmarshal(_: &mut rt::Decoder<'_>) -> rt::Decoded<Self> {
                    Ok(Self {})
                }
            }
            impl rt::Typed for #name {
                fn type_code() -> rt::TypeCode {
                    static CELL: rt::TypeCodeCell = rt::TypeCodeCell::new(#id);
                    CELL.get(|| rt::TypeCode::structure(CELL.id(), #idl, rt::NO_MEMBERS))
                }
            }
            impl rt::AnyValue for #name {}
        };
    }
}

/// Emits an exception. In a reply its repository id is written by the adapter, so its members are written by themselves;
/// the traits, which an Any uses, put the id before them (CORBA 3.3 part 2 §9.3.5.2).
pub(crate) fn emit_exception(scope: &Scope<'_>, id: ItemId, out: &mut Vec<Item>) {
    let fields = fields(scope, id);
    out.push(declaration(scope, id, &fields, "Exception").into());
    let holes = holes(scope, id, &fields);
    let frame = if fields.is_empty() {
        empty_exception_frame
    } else {
        exception_frame
    };
    out.push(Stamp { frame, holes }.into());
}

fn exception_frame(holes: &Holes) -> TokenStream {
    let (writes, reads, codes) = (holes.get("writes"), holes.get("reads"), holes.get("codes"));
    let members = quote! {
        fn marshal_members<'e>(&'e self, e: &mut rt::Encoder<'e>) -> rt::Encoded {
            #writes
            Ok(())
        }
        fn unmarshal_members(d: &mut rt::Decoder<'_>) -> rt::Decoded<Self> {
            Ok(Self { #reads })
        }
    };
    any_exception_frame(holes, &members, &quote!([#codes]))
}

fn empty_exception_frame(holes: &Holes) -> TokenStream {
    let members = quote! {
        fn marshal_members<'e>(&'e self, _: &mut rt::Encoder<'e>) -> rt::Encoded {
            Ok(())
        }
        fn unmarshal_members(_: &mut rt::Decoder<'_>) -> rt::Decoded<Self> {
            Ok(Self {})
        }
    };
    any_exception_frame(holes, &members, &quote!(rt::NO_MEMBERS))
}

fn any_exception_frame(holes: &Holes, members: &TokenStream, codes: &TokenStream) -> TokenStream {
    let (name, literal, idl) = (holes.get("name"), holes.get("literal"), holes.get("idl"));
    quote! {
        impl #name {
            /// The repository id.
            pub const REPOSITORY_ID: &'static str = #literal;
        }
        const _: () = {
            use ::upcall::rt;
            impl rt::Members for #name {
                #members
            }
            impl rt::Marshal for #name {
                fn marshal<'e>(&'e self, e: &mut rt::Encoder<'e>) -> rt::Encoded {
                    e.string(Self::REPOSITORY_ID)?;
                    rt::Members::marshal_members(self, e)
                }
            }
            impl rt::Unmarshal for #name {
                fn unmarshal(d: &mut rt::Decoder<'_>) -> rt::Decoded<Self> {
                    d.str_ref()?;
                    rt::Members::unmarshal_members(d)
                }
            }
            impl rt::UserException for #name {
                const REPOSITORY_ID: &'static str = Self::REPOSITORY_ID;
            }
            impl rt::fmt::Display for #name {
                fn fmt(&self, f: &mut rt::fmt::Formatter<'_>) -> rt::fmt::Result {
                    rt::fmt::Debug::fmt(self, f)
                }
            }
            impl rt::Error for #name {}
            impl rt::Typed for #name {
                fn type_code() -> rt::TypeCode {
                    static CELL: rt::TypeCodeCell = rt::TypeCodeCell::new(#name::REPOSITORY_ID);
                    CELL.get(|| rt::TypeCode::exception(CELL.id(), #idl, #codes))
                }
            }
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

/// The statements that write all fields of `self`.
pub(crate) fn writes(fields: &[Field]) -> Vec<TokenStream> {
    let write = |field: &Field| {
        let name = &field.name;
        encode(&field.ty, &Place::Owned(quote!(self.#name)), 0)
    };
    fields.iter().map(write).collect()
}

/// The fields of a struct expression, each read.
fn reads(scope: &Scope<'_>, fields: &[Field]) -> Vec<TokenStream> {
    let read = |field: &Field| {
        let (name, value) = (&field.name, decode(scope, &field.ty, 0));
        quote!(#name: #value,)
    };
    fields.iter().map(read).collect()
}

/// The least size of a value as a literal; at least 1, as the trait demands.
pub(crate) fn min_size(scope: &Scope<'_>, id: ItemId) -> Literal {
    let size = scope.min_size(&Ty::Data(id)).clamp(1, u64::from(u32::MAX));
    Literal::u64_unsuffixed(size)
}
