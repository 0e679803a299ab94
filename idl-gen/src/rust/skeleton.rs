// SPDX-License-Identifier: MIT OR Apache-2.0
//! Skeletons: what an object adapter activates.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::names;
use super::operation::{Op, unless_unused};
use super::scope::Scope;
use super::stamp::{Holes, Stamp};
use super::world::Made;
use super::{Item, qos};
use crate::model::{Interface, ItemId, ItemKind};

/// What every object is, besides.
const OBJECT: &str = "IDL:omg.org/CORBA/Object:1.0";

/// Emits the skeleton of an interface, which serves `all` its operations, inherited ones included.
pub(crate) fn emit(scope: &Scope<'_>, id: ItemId, it: &Interface, all: &[Op], out: &mut Vec<Item>) {
    let name = names::ident(scope.world.made(id, Made::Skeleton));
    let facets: Vec<_> = facets(it, id)
        .into_iter()
        .map(|facet| scope.path(facet))
        .collect();
    let fields: Vec<_> = (0..facets.len()).map(|at| format_ident!("facet{at}")).collect();
    let declared = fields
        .iter()
        .zip(&facets)
        .map(|(field, of)| quote!(#field: ::std::sync::Arc<dyn #of>,));
    let made = fields
        .iter()
        .map(|field| quote!(#field: ::std::sync::Arc::<T>::clone(&servant),));
    // The most derived first: that is what callers mostly have.
    let offers = fields
        .iter()
        .rev()
        .map(|field| quote!(rt::offer(wanted, &self.#field)));
    let offers = offers.reduce(|first, next| quote!(#first.or(#next)));
    let ids = it
        .all_bases
        .iter()
        .rev()
        .map(|base| scope.world.model.item(*base).repository_id.as_str());
    let own = scope.world.model.item(id).repository_id.as_str();
    let ids = std::iter::once(own).chain(ids).chain([OBJECT]);
    let arms = all.iter().map(|op| {
        let (wire, hidden, marker) = (&op.wire, scope.made(op.owner, Made::Hidden), &op.marker);
        quote!(#wire => #hidden::#marker::serve(&*self.servant, cx, d, reply),)
    });
    let qos = requested(scope, id).map_or_else(|| quote!(None), |qos| quote!(Some(#qos)));
    let holes = Holes::default()
        .inline("name", quote!(#name))
        .inline("servant", scope.path(id))
        .inline("reference", scope.made(id, Made::Reference))
        .inline("option", scope.prelude("Option"))
        .inline("qos", qos)
        .fields("declared", declared.collect())
        .fields("made", made.collect())
        .inline("offers", quote!(#offers))
        .elements("ids", ids.map(|id| quote!(#id,)).collect())
        .arms("arms", arms.collect())
        .inline("d", unless_unused(!all.is_empty(), "d"))
        .inline("reply", unless_unused(!all.is_empty(), "reply"));
    out.push(
        Stamp {
            frame: declaration,
            holes,
        }
        .into(),
    );
}

/// The interfaces whose calls an object of the same process can take directly: this one and its bases.
fn facets(it: &Interface, id: ItemId) -> Vec<ItemId> {
    it.all_bases.iter().copied().chain([id]).collect()
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

fn declaration(holes: &Holes) -> TokenStream {
    let of = |name| holes.get(name);
    let (name, servant, declared, made) = (of("name"), of("servant"), of("declared"), of("made"));
    let (option, qos) = (of("option"), of("qos"));
    let implementation = implementation(holes);
    quote! {
        /// Serves the requests for objects of the interface with a servant `T`.
        pub struct #name<T> {
            servant: ::std::sync::Arc<T>,
            #declared
        }
        impl<T: #servant> #name<T> {
            /// Takes a servant.
            pub fn new(servant: T) -> Self {
                Self::from_arc(::std::sync::Arc::new(servant))
            }
            /// Takes a servant that others may hold too.
            pub fn from_arc(servant: ::std::sync::Arc<T>) -> Self {
                Self {
                    #made
                    servant,
                }
            }
            /// Returns the quality of service that the IDL asks for.
            pub fn default_qos() -> #option<::upcall::qos::Qos> {
                #qos
            }
        }
        impl<T> #name<T> {
            /// Returns the servant.
            pub fn servant(&self) -> &::std::sync::Arc<T> {
                &self.servant
            }
        }
        #implementation
    }
}

fn implementation(holes: &Holes) -> TokenStream {
    let of = |name| holes.get(name);
    let (name, servant, reference, option) = (of("name"), of("servant"), of("reference"), of("option"));
    let (offers, ids, arms, d, reply) = (of("offers"), of("ids"), of("arms"), of("d"), of("reply"));
    quote! {
        const _: () = {
            use ::upcall::rt;
            impl<T> rt::fmt::Debug for #name<T> {
                fn fmt(&self, f: &mut rt::fmt::Formatter<'_>) -> rt::fmt::Result {
                    f.write_str(#reference::REPOSITORY_ID)
                }
            }
            impl<T: #servant> rt::Servant for #name<T> {
                fn repository_id(&self) -> &str {
                    #reference::REPOSITORY_ID
                }
                fn is_a(&self, id: &str) -> bool {
                    [#ids].contains(&id)
                }
                fn facet(&self, wanted: rt::TypeId) -> #option<&dyn rt::StdAny> {
                    #offers
                }
                fn default_qos(&self) -> #option<::upcall::qos::Qos> {
                    Self::default_qos()
                }
                fn dispatch(
                    &self,
                    cx: &rt::Context<'_>,
                    #d: &mut rt::Decoder<'_>,
                    #reply: &mut rt::Reply<'_>,
                ) -> rt::Served {
                    match cx.operation() {
                        #arms
                        other => Err(rt::no_such_operation(#reference::REPOSITORY_ID, other)),
                    }
                }
            }
        };
    }
}
