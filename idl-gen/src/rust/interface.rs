// SPDX-License-Identifier: MIT OR Apache-2.0
//! Interfaces: the servant's trait, the errors of operations, and the reference with its stubs.

use proc_macro2::TokenStream;
use quote::quote;

use super::docs::docs;
use super::names;
use super::operation::{self, Op};
use super::ops;
use super::scope::Scope;
use super::stamp::{Holes, Stamp};
use super::world::Made;
use super::{Item, skeleton};
use crate::model::{Interface, InterfaceKind, ItemId, ItemKind};

/// Emits all of an interface, piece by piece.
pub(crate) fn emit(scope: &Scope<'_>, id: ItemId, it: &Interface, out: &mut Vec<Item>) {
    let own = ops::own(scope, id, &it.members);
    own.iter().for_each(|op| error(scope, op, out));
    if it.kind == InterfaceKind::Local {
        out.push(local_trait(scope, id, it, &own).into());
        return;
    }
    let all = ops::all(scope, id, it);
    if it.defined {
        out.push(servant_trait(scope, id, it, &own).into());
        skeleton::emit(scope, id, it, &all, out);
    }
    reference(scope, id, it, &all, out);
    if it.defined {
        hidden(scope, id, &own, out);
    }
}

/// The name and documentation of an interface's trait, and what it extends.
fn head(scope: &Scope<'_>, id: ItemId, it: &Interface, what: &str) -> (TokenStream, TokenStream) {
    let item = scope.world.model.item(id);
    let docs = docs(
        item.doc.as_deref(),
        &format!("{what} `{}`.", scope.world.model.scoped_name(id)),
    );
    let name = names::ident(scope.world.name(id));
    let bases = it.bases.iter().map(|base| scope.path(*base));
    let supertraits = if it.bases.is_empty() {
        quote!(Send + Sync + 'static)
    } else {
        quote!(#(#bases)+*)
    };
    (docs, quote!(pub trait #name: #supertraits))
}

fn servant_trait(scope: &Scope<'_>, id: ItemId, it: &Interface, own: &[Op]) -> TokenStream {
    let (docs, head) = head(scope, id, it, "What a servant of the interface does:");
    let methods = own.iter().map(|op| {
        let (docs, name, result) = (&op.docs, &op.method, servant_result(scope, op));
        let params = op.inputs().map(|param| {
            let (name, ty) = (&param.name, scope.servant_argument(&param.ty));
            quote!(, #name: #ty)
        });
        quote!(#docs fn #name(&self, cx: &::upcall::Context<'_> #(#params)*) #result;)
    });
    quote!(#docs #head { #(#methods)* })
}

/// The return type of a servant's method, with its arrow.
fn servant_result(scope: &Scope<'_>, op: &Op) -> Option<TokenStream> {
    if op.oneway {
        return None;
    }
    let output = op.output(scope);
    Some(match &op.error {
        None => quote!(-> ::upcall::Result<#output>),
        Some(error) => {
            let result = scope.prelude("Result");
            quote!(-> #result<#output, #error>)
        }
    })
}

/// A local interface: the same without context, reference and skeleton.
fn local_trait(scope: &Scope<'_>, id: ItemId, it: &Interface, own: &[Op]) -> TokenStream {
    let (docs, head) = head(scope, id, it, "Local interface");
    let methods = methods_without_context(scope, own);
    quote!(#docs #head { #(#methods)* })
}

/// Methods that are called within the process only.
pub(crate) fn methods_without_context(scope: &Scope<'_>, own: &[Op]) -> Vec<TokenStream> {
    own.iter()
        .map(|op| {
            let (docs, name, result) = (&op.docs, &op.method, servant_result(scope, op));
            let params = op.inputs().map(|param| {
                let (name, ty) = (&param.name, scope.servant_argument(&param.ty));
                quote!(, #name: #ty)
            });
            quote!(#docs fn #name(&self #(#params)*) #result;)
        })
        .collect()
}

/// The enum of what an operation may raise.
pub(crate) fn error(scope: &Scope<'_>, op: &Op, out: &mut Vec<Item>) {
    let Some(name) = &op.error else { return };
    let doc = format!(
        " What `{}` of `{}` raises.",
        op.wire,
        scope.world.model.scoped_name(op.owner)
    );
    let variants: Vec<_> = op.raises.iter().map(|(_, variant)| variant).collect();
    let types: Vec<_> = op
        .raises
        .iter()
        .map(|(exception, _)| scope.path(*exception))
        .collect();
    let docs = op
        .raises
        .iter()
        .map(|(id, _)| format!(" `{}`", scope.world.model.scoped_name(*id)));
    let declaration = quote! {
        #[doc = #doc]
        #[derive(Debug, Clone, PartialEq)]
        pub enum #name {
            #(#[doc = #docs] #variants(#types),)*
            /// A system exception.
            System(::upcall::SystemException),
        }
    };
    out.push(declaration.into());
    for (variant, exception) in variants.iter().zip(&types) {
        let holes = Holes::default()
            .inline("name", quote!(#name))
            .inline("variant", quote!(#variant))
            .inline("exception", exception.clone());
        out.push(
            Stamp {
                frame: raised_frame,
                holes,
            }
            .into(),
        );
    }
    let holes = Holes::default()
        .inline("name", quote!(#name))
        .arms(
            "shown",
            variants
                .iter()
                .map(|it| quote!(Self::#it(raised) => rt::fmt::Display::fmt(raised, f),))
                .collect(),
        )
        .arms(
            "sources",
            variants
                .iter()
                .map(|it| quote!(Self::#it(raised) => Some(raised),))
                .collect(),
        )
        .inline("option", scope.prelude("Option"));
    out.push(
        Stamp {
            frame: error_frame,
            holes,
        }
        .into(),
    );
}

fn raised_frame(holes: &Holes) -> TokenStream {
    let (name, variant, exception) = (holes.get("name"), holes.get("variant"), holes.get("exception"));
    quote! {
        impl ::std::convert::From<#exception> for #name {
            fn from(raised: #exception) -> Self {
                Self::#variant(raised)
            }
        }
    }
}

fn error_frame(holes: &Holes) -> TokenStream {
    let (name, shown, sources) = (holes.get("name"), holes.get("shown"), holes.get("sources"));
    let option = holes.get("option");
    quote! {
        const _: () = {
            use ::upcall::rt;
            impl rt::From<rt::SystemException> for #name {
                fn from(raised: rt::SystemException) -> Self {
                    Self::System(raised)
                }
            }
            rt::system_errors!(#name);
            impl rt::fmt::Display for #name {
                fn fmt(&self, f: &mut rt::fmt::Formatter<'_>) -> rt::fmt::Result {
                    match self {
                        #shown
                        Self::System(raised) => rt::fmt::Display::fmt(raised, f),
                    }
                }
            }
            impl rt::Error for #name {
                fn source(&self) -> #option<&(dyn rt::Error + 'static)> {
                    match self {
                        #sources
                        Self::System(raised) => Some(raised),
                    }
                }
            }
        };
    }
}

fn reference(scope: &Scope<'_>, id: ItemId, it: &Interface, all: &[Op], out: &mut Vec<Item>) {
    let item = scope.world.model.item(id);
    let (repository_id, idl) = (&item.repository_id, &item.name.text);
    let doc = format!(
        " A reference to an object of `{}`.",
        scope.world.model.scoped_name(id)
    );
    let name = names::ident(scope.world.made(id, Made::Reference));
    let stubs = all.iter().map(|op| stub(scope, op));
    let declaration = quote! {
        #[doc = #doc]
        #[derive(Debug, Clone, PartialEq)]
        pub struct #name(::upcall::ObjectRef);
        impl #name {
            /// The repository id of the interface.
            pub const REPOSITORY_ID: &'static str = #repository_id;
            #(#stubs)*
        }
    };
    out.push(declaration.into());
    let kind = match it.kind {
        InterfaceKind::Abstract => quote!(abstract_interface),
        _ => quote!(interface),
    };
    let holes = Holes::default()
        .inline("name", quote!(#name))
        .inline("idl", quote!(#idl))
        .inline("kind", kind);
    out.push(
        Stamp {
            frame: reference_frame,
            holes,
        }
        .into(),
    );
    for base in it.all_bases.iter().filter(|base| is_remote(scope, **base)) {
        let holes = Holes::default()
            .inline("name", quote!(#name))
            .inline("base", scope.made(*base, Made::Reference));
        out.push(
            Stamp {
                frame: base_frame,
                holes,
            }
            .into(),
        );
    }
}

fn reference_frame(holes: &Holes) -> TokenStream {
    let (name, idl, kind) = (holes.get("name"), holes.get("idl"), holes.get("kind"));
    quote! {
        const _: () = {
            use ::upcall::rt;
            impl rt::Interface for #name {
                const REPOSITORY_ID: &'static str = Self::REPOSITORY_ID;
            }
            impl rt::From<rt::ObjectRef> for #name {
                fn from(object: rt::ObjectRef) -> Self {
                    Self(object)
                }
            }
            impl rt::From<#name> for rt::ObjectRef {
                fn from(reference: #name) -> Self {
                    reference.0
                }
            }
            impl rt::AsRef<rt::ObjectRef> for #name {
                fn as_ref(&self) -> &rt::ObjectRef {
                    &self.0
                }
            }
            impl rt::ops::Deref for #name {
                type Target = rt::ObjectRef;
                fn deref(&self) -> &rt::ObjectRef {
                    &self.0
                }
            }
            impl rt::Typed for #name {
                fn type_code() -> rt::TypeCode {
                    static CELL: rt::TypeCodeCell = rt::TypeCodeCell::new(#name::REPOSITORY_ID);
                    CELL.get(|| rt::TypeCode::#kind(CELL.id(), #idl))
                }
            }
        };
    }
}

fn base_frame(holes: &Holes) -> TokenStream {
    let (name, base) = (holes.get("name"), holes.get("base"));
    quote! {
        impl ::std::convert::From<#name> for #base {
            fn from(derived: #name) -> Self {
                ::std::convert::From::from(derived.0)
            }
        }
    }
}

fn is_remote(scope: &Scope<'_>, id: ItemId) -> bool {
    matches!(&scope.world.model.item(id).kind, ItemKind::Interface(it) if it.kind != InterfaceKind::Local)
}

/// The method of the reference that prepares a call.
fn stub(scope: &Scope<'_>, op: &Op) -> TokenStream {
    let (docs, name) = (&op.docs, &op.method);
    let hidden = scope.made(op.owner, Made::Hidden);
    let marker = &op.marker;
    let call = if op.oneway {
        quote!(OnewayCall)
    } else {
        quote!(Call)
    };
    let borrows = op.inputs().any(|param| Scope::borrows(&param.ty));
    let (generics, lifetime) = if borrows {
        (Some(quote!(<'a>)), quote!('a))
    } else {
        (None, quote!())
    };
    let params = op.inputs().map(|param| {
        let (name, ty) = (&param.name, scope.client_argument(&param.ty, &lifetime));
        quote!(, #name: #ty)
    });
    let given = op.inputs().map(|param| &param.name);
    let life = if borrows { quote!('a) } else { quote!('_) };
    quote! {
        #docs
        pub fn #name #generics(&#lifetime self #(#params)*) -> ::upcall::#call<#life, #hidden::#marker> {
            ::upcall::#call::new(&self.0, (#(#given,)*))
        }
    }
}

/// The hidden module with the types of the operations.
fn hidden(scope: &Scope<'_>, id: ItemId, own: &[Op], out: &mut Vec<Item>) {
    if own.is_empty() {
        return;
    }
    let name = names::ident(scope.world.made(id, Made::Hidden));
    let inside = scope.inside(scope.world.made(id, Made::Hidden));
    out.push(Item::Open(quote!(#[doc(hidden)] pub mod #name {})));
    out.push(
        quote!(
            use ::upcall::rt;
        )
        .into(),
    );
    own.iter().for_each(|op| operation::emit(&inside, op, out));
    out.push(Item::Close);
}
