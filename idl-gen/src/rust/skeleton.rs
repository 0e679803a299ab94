// SPDX-License-Identifier: MIT OR Apache-2.0
//! Skeletons: what an object adapter activates.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::names;
use super::operation::Op;
use super::scope::Scope;
use super::world::Made;
use super::{Item, qos};
use crate::model::{Interface, ItemId, ItemKind};

/// What every object is, besides.
const OBJECT: &str = "IDL:omg.org/CORBA/Object:1.0";

/// Emits the skeleton of an interface, which serves `all` its operations, inherited ones included.
pub(crate) fn emit(scope: &Scope<'_>, id: ItemId, it: &Interface, all: &[Op], out: &mut Vec<Item>) {
    out.push(declaration(scope, id, it).into());
    out.push(servant(scope, id, it, all).into());
}

/// The interfaces whose calls an object of the same process can take directly: this one and its bases.
fn facets(it: &Interface, id: ItemId) -> Vec<ItemId> {
    it.all_bases.iter().copied().chain([id]).collect()
}

fn declaration(scope: &Scope<'_>, id: ItemId, it: &Interface) -> TokenStream {
    let name = names::ident(scope.world.made(id, Made::Skeleton));
    let servant = scope.path(id);
    let doc = format!(
        " Serves the requests for `{}` with a servant `T`.",
        scope.world.model.scoped_name(id)
    );
    let traits: Vec<_> = facets(it, id)
        .into_iter()
        .map(|facet| scope.path(facet))
        .collect();
    let fields: Vec<_> = (0..traits.len()).map(|at| format_ident!("facet{at}")).collect();
    let default_qos = default_qos(scope, id);
    quote! {
        #[doc = #doc]
        pub struct #name<T> {
            servant: ::std::sync::Arc<T>,
            #(#fields: ::std::sync::Arc<dyn #traits>,)*
        }
        impl<T: #servant> #name<T> {
            /// Takes a servant.
            pub fn new(servant: T) -> Self {
                Self::from_arc(::std::sync::Arc::new(servant))
            }
            /// Takes a servant that others may hold too.
            pub fn from_arc(servant: ::std::sync::Arc<T>) -> Self {
                Self {
                    #(#fields: ::std::sync::Arc::<T>::clone(&servant),)*
                    servant,
                }
            }
            #default_qos
        }
        impl<T> #name<T> {
            /// Returns the servant.
            pub fn servant(&self) -> &::std::sync::Arc<T> {
                &self.servant
            }
        }
    }
}

/// The function that gives what `@realtime` asks for.
fn default_qos(scope: &Scope<'_>, id: ItemId) -> TokenStream {
    let option = scope.prelude("Option");
    let value = requested(scope, id).map_or_else(|| quote!(None), |qos| quote!(Some(#qos)));
    quote! {
        /// Returns the quality of service that the IDL asks for.
        pub fn default_qos() -> #option<::upcall::qos::Qos> {
            #value
        }
    }
}

/// The QoS of the interface, or else of the nearest base that has one.
fn requested(scope: &Scope<'_>, id: ItemId) -> Option<TokenStream> {
    let item = scope.world.model.item(id);
    let bases: &[ItemId] = match &item.kind {
        ItemKind::Interface(it) => &it.all_bases,
        _ => &[],
    };
    let own = qos::requested(&item.annotations).ok().flatten();
    own.or_else(|| {
        bases.iter().rev().find_map(|base| {
            qos::requested(&scope.world.model.item(*base).annotations)
                .ok()
                .flatten()
        })
    })
}

fn servant(scope: &Scope<'_>, id: ItemId, it: &Interface, all: &[Op]) -> TokenStream {
    let name = names::ident(scope.world.made(id, Made::Skeleton));
    let servant = scope.path(id);
    let repository_id = &scope.world.model.item(id).repository_id;
    let bases = it
        .all_bases
        .iter()
        .map(|base| &scope.world.model.item(*base).repository_id);
    let option = scope.prelude("Option");
    let facets: Vec<_> = facets(it, id)
        .into_iter()
        .enumerate()
        .map(|(at, facet)| {
            let (field, of) = (format_ident!("facet{at}"), scope.path(facet));
            quote! {
                if wanted == rt::TypeId::of::<rt::Arc<dyn #of>>() {
                    return Some(&self.#field);
                }
            }
        })
        .rev()
        .collect();
    let arms = all.iter().map(|op| {
        let (wire, hidden, marker) = (&op.wire, scope.made(op.owner, Made::Hidden), &op.marker);
        quote!(#wire => #hidden::#marker::serve(&*self.servant, cx, d, reply),)
    });
    let (d, reply) = if all.is_empty() {
        (quote!(_), quote!(_))
    } else {
        (quote!(d), quote!(reply))
    };
    let qos = requested(scope, id).map(|_| {
        quote! {
            fn default_qos(&self) -> #option<::upcall::qos::Qos> {
                Self::default_qos()
            }
        }
    });
    quote! {
        const _: () = {
            use ::upcall::rt;
            impl<T> rt::fmt::Debug for #name<T> {
                fn fmt(&self, f: &mut rt::fmt::Formatter<'_>) -> rt::fmt::Result {
                    f.write_str(#repository_id)
                }
            }
            impl<T: #servant> rt::Servant for #name<T> {
                fn repository_id(&self) -> &str {
                    #repository_id
                }
                fn is_a(&self, id: &str) -> bool {
                    matches!(id, #repository_id #(| #bases)* | #OBJECT)
                }
                fn facet(&self, wanted: rt::TypeId) -> #option<&dyn rt::StdAny> {
                    #(#facets)*
                    None
                }
                fn dispatch(
                    &self,
                    cx: &rt::Context<'_>,
                    #d: &mut rt::Decoder<'_>,
                    #reply: &mut rt::Reply<'_>,
                ) -> rt::Served {
                    match cx.operation() {
                        #(#arms)*
                        other => Err(rt::no_such_operation(#repository_id, other)),
                    }
                }
                #qos
            }
        };
    }
}
