// SPDX-License-Identifier: MIT OR Apache-2.0
//! Valuetypes and boxed values.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::decode::decode;
use super::docs::docs;
use super::encode::{Place, encode};
use super::names::{self, Taken};
use super::ops;
use super::scope::Scope;
use super::structs::{Field, writes};
use super::ty::Ty;
use super::typecode;
use super::world::{Made, World};
use super::{Item, interface};
use crate::model::{ItemId, ItemKind, Model, StateMember, ValueKind, Valuetype};

/// Emits all of a valuetype, piece by piece.
pub(crate) fn emit(scope: &Scope<'_>, id: ItemId, it: &Valuetype, out: &mut Vec<Item>) {
    if !it.defined {
        return;
    }
    operations(scope, id, it, out);
    match &it.kind {
        ValueKind::Abstract => {}
        ValueKind::Boxed(content) => {
            let ty = scope.world.ty_within(Some(id), content);
            out.push(boxed(scope, id, &ty).into());
        }
        ValueKind::Stateful | ValueKind::Custom => {
            let state = fields(scope, id);
            out.push(declaration(scope, id, &state).into());
            out.push(implementation(scope, id, it, &state).into());
        }
    }
}

/// The valuetype and those it inherits state from, the furthest first.
fn lineage(model: &Model, id: ItemId) -> Vec<ItemId> {
    let mut lineage = vec![id];
    let mut next = base_of(model, id);
    while let Some(base) = next.filter(|base| !lineage.contains(base)) {
        lineage.push(base);
        next = base_of(model, base);
    }
    lineage.reverse();
    lineage
}

fn base_of(model: &Model, id: ItemId) -> Option<ItemId> {
    valuetype(model, id).and_then(|it| it.base)
}

fn valuetype(model: &Model, id: ItemId) -> Option<&Valuetype> {
    match &model.item(id).kind {
        ItemKind::Valuetype(it) => Some(it),
        _ => None,
    }
}

/// All state members with their names, inherited ones first; so each has the same name in every derived type.
fn fields(scope: &Scope<'_>, id: ItemId) -> Vec<Field> {
    let model = scope.world.model;
    let mut taken = Taken::reserving(&["most_derived"]);
    let state = lineage(model, id).into_iter().flat_map(|owner| {
        let own = valuetype(model, owner).map_or(&[][..], |it| &it.state);
        own.iter().map(move |state| (owner, state))
    });
    state
        .map(|(owner, state)| field(scope, owner, state, &mut taken))
        .collect()
}

fn field(scope: &Scope<'_>, owner: ItemId, state: &StateMember, taken: &mut Taken) -> Field {
    let member = &state.member;
    let idl = &member.name.text;
    let access = if state.public { "public" } else { "private" };
    let of = scope.world.model.scoped_name(owner);
    Field {
        name: names::ident(&taken.take(&names::snake(idl), idl).name),
        ty: scope.world.ty_within(Some(owner), &member.ty),
        docs: docs(
            member.doc.as_deref(),
            &format!("The {access} member `{idl}` of `{of}`."),
        ),
    }
}

fn declaration(scope: &Scope<'_>, id: ItemId, state: &[Field]) -> TokenStream {
    let item = scope.world.model.item(id);
    let docs = docs(
        item.doc.as_deref(),
        &format!("Valuetype `{}`.", scope.world.model.scoped_name(id)),
    );
    let name = names::ident(scope.world.name(id));
    let names: Vec<_> = state.iter().map(|field| &field.name).collect();
    let types: Vec<_> = state.iter().map(|field| scope.owned(&field.ty)).collect();
    let member_docs = state.iter().map(|field| &field.docs);
    let has_default = state.iter().all(|field| scope.world.has_default(&field.ty));
    let default = has_default.then(|| {
        let values = state.iter().map(|field| super::structs::default_value(&field.ty));
        quote! {
            impl ::std::default::Default for #name {
                fn default() -> Self {
                    Self::new(#(#values),*)
                }
            }
        }
    });
    quote! {
        #docs
        #[derive(Debug, Clone, PartialEq)]
        pub struct #name {
            #(#member_docs pub #names: #types,)*
            #[doc(hidden)]
            pub most_derived: ::upcall::rt::MostDerived,
        }
        impl #name {
            /// The repository id.
            pub const REPOSITORY_ID: &'static str = <Self as ::upcall::ValueType>::REPOSITORY_ID;
            /// Makes a value of its state, inherited members first.
            pub fn new(#(#names: #types),*) -> Self {
                Self { #(#names,)* most_derived: ::std::default::Default::default() }
            }
            /// Makes this process able to read values of the type wherever one of its bases, an abstract valuetype or
            /// `ValueBase` is expected.
            pub fn register() {
                ::upcall::rt::register(&[::upcall::rt::ValueFactory::of::<Self>()]);
            }
        }
        #default
    }
}

fn implementation(scope: &Scope<'_>, id: ItemId, it: &Valuetype, state: &[Field]) -> TokenStream {
    let name = names::ident(scope.world.name(id));
    let repository_id = &scope.world.model.item(id).repository_id;
    let typed = typecode::typed(scope, id);
    let value = value_impl(scope, id, it, state);
    let derived = derived(scope, id);
    let read = if it.kind == ValueKind::Custom {
        quote!(
            fn unmarshal_state(d: &mut rt::Decoder<'_>) -> rt::Decoded<Self> {
                rt::CustomMarshal::unmarshal(d)
            }
        )
    } else {
        let names: Vec<_> = state.iter().map(|field| &field.name).collect();
        let reads: Vec<_> = state.iter().map(|field| decode(scope, &field.ty, 0)).collect();
        let d = if state.is_empty() { quote!(_) } else { quote!(d) };
        quote! {
            fn unmarshal_state(#d: &mut rt::Decoder<'_>) -> rt::Decoded<Self> {
                Ok(Self { #(#names: #reads,)* most_derived: rt::Default::default() })
            }
        }
    };
    let conversions = ancestors(scope, id)
        .into_iter()
        .map(|base| conversion(scope, base, &name));
    quote! {
        const _: () = {
            use ::upcall::rt;
            #typed
            #value
            impl rt::ValueType for #name {
                const REPOSITORY_ID: &'static str = #repository_id;
                #derived
                #read
            }
            #(#conversions)*
        };
    }
}

fn value_impl(scope: &Scope<'_>, id: ItemId, it: &Valuetype, state: &[Field]) -> TokenStream {
    let name = names::ident(scope.world.name(id));
    let ids = ids(scope.world.model, id);
    let option = scope.prelude("Option");
    let custom = it.kind == ValueKind::Custom;
    let is_custom = custom.then(|| {
        quote!(
            fn is_custom(&self) -> bool {
                true
            }
        )
    });
    let e = if state.is_empty() { quote!(_) } else { quote!(e) };
    let (e, write) = match (custom, writes(state)) {
        (true, _) => (quote!(e), quote!(rt::CustomMarshal::marshal(self, e))),
        (false, writes) => (e, quote!(#(#writes)* Ok(()))),
    };
    let ancestors: Vec<_> = ancestors(scope, id)
        .into_iter()
        .map(|base| scope.path(base))
        .collect();
    let upcast = (!ancestors.is_empty()).then(|| {
        quote! {
            fn upcast(self: rt::Arc<Self>, to: rt::TypeId) -> #option<rt::Arc<dyn rt::StdAny + Send + Sync>> {
                #(if to == rt::TypeId::of::<#ancestors>() {
                    return Some(rt::Arc::new(<#ancestors as rt::From<rt::Arc<Self>>>::from(self)));
                })*
                None
            }
        }
    });
    quote! {
        impl rt::Value for #name {
            fn ids(&self) -> &'static [&'static str] {
                &[#(#ids),*]
            }
            fn actual_type(&self) -> rt::TypeCode {
                <Self as rt::Typed>::type_code()
            }
            #is_custom
            fn marshal_state<'e>(&'e self, #e: &mut rt::Encoder<'e>) -> rt::Encoded {
                #write
            }
            #upcast
            fn most_derived(&self) -> #option<&rt::Arc<dyn rt::Value>> {
                self.most_derived.get()
            }
        }
    }
}

/// Its own repository id and those of the bases it may be truncated to, nearest first.
fn ids(model: &Model, id: ItemId) -> Vec<&str> {
    let mut ids = Vec::new();
    for of in lineage(model, id).into_iter().rev() {
        ids.push(model.item(of).repository_id.as_str());
        if !valuetype(model, of).is_some_and(|it| it.truncatable) {
            break;
        }
    }
    ids
}

/// The valuetypes it inherits state from.
fn ancestors(scope: &Scope<'_>, id: ItemId) -> Vec<ItemId> {
    lineage(scope.world.model, id)
        .into_iter()
        .filter(|of| *of != id)
        .collect()
}

/// The list of the types that derive from it.
fn derived(scope: &Scope<'_>, id: ItemId) -> Option<TokenStream> {
    let model = scope.world.model;
    let derived: Vec<_> = model
        .items()
        .filter(|(other, item)| {
            *other != id
                && matches!(&item.kind, ItemKind::Valuetype(it) if it.defined && it.kind != ValueKind::Abstract)
                && lineage(model, *other).contains(&id)
        })
        .map(|(other, _)| scope.path(other))
        .collect();
    (!derived.is_empty()).then(|| {
        quote! {
            fn derived() -> &'static [rt::ValueFactory] {
                const { &[#(rt::ValueFactory::of::<#derived>()),*] }
            }
        }
    })
}

/// The base's view of a value: its cells are shared, all else is cloned.
fn conversion(scope: &Scope<'_>, base: ItemId, derived: &Ident) -> TokenStream {
    let target = scope.path(base);
    let members = fields(scope, base).into_iter().map(|field| {
        let name = &field.name;
        let copy = if matches!(field.ty, Ty::Cell(_)) {
            quote!(shared)
        } else {
            quote!(clone)
        };
        quote!(#name: value.#name.#copy())
    });
    quote! {
        impl rt::From<rt::Arc<#derived>> for #target {
            fn from(value: rt::Arc<#derived>) -> Self {
                Self { #(#members,)* most_derived: rt::MostDerived::new(value) }
            }
        }
    }
}

fn boxed(scope: &Scope<'_>, id: ItemId, ty: &Ty) -> TokenStream {
    let item = scope.world.model.item(id);
    let idl = scope.world.model.scoped_name(id);
    let docs = docs(item.doc.as_deref(), &format!("Boxed value `{idl}`."));
    let (name, repository_id) = (names::ident(scope.world.name(id)), &item.repository_id);
    let content = scope.owned(ty);
    let derive_default = scope.world.has_default(ty).then(|| quote!(, Default));
    let write = encode(ty, &Place::Owned(quote!(self.value)), 0);
    let read = decode(scope, ty, 0);
    let typed = typecode::typed(scope, id);
    quote! {
        #docs
        #[derive(Debug, Clone, PartialEq #derive_default)]
        pub struct #name {
            /// What is in the box.
            pub value: #content,
        }
        impl #name {
            /// The repository id.
            pub const REPOSITORY_ID: &'static str = #repository_id;
            /// Puts a value into a box.
            pub fn new(value: #content) -> Self {
                Self { value }
            }
            /// Makes this process able to read the box wherever `ValueBase` is expected.
            pub fn register() {
                ::upcall::rt::register(&[::upcall::rt::ValueFactory::of::<Self>()]);
            }
        }
        const _: () = {
            use ::upcall::rt;
            #typed
            impl rt::Value for #name {
                fn ids(&self) -> &'static [&'static str] {
                    &[#repository_id]
                }
                fn actual_type(&self) -> rt::TypeCode {
                    <Self as rt::Typed>::type_code()
                }
                fn marshal_state<'e>(&'e self, e: &mut rt::Encoder<'e>) -> rt::Encoded {
                    #write
                    Ok(())
                }
            }
            impl rt::ValueType for #name {
                const REPOSITORY_ID: &'static str = #repository_id;
                fn unmarshal_state(d: &mut rt::Decoder<'_>) -> rt::Decoded<Self> {
                    Ok(Self { value: #read })
                }
            }
        };
    }
}

/// The trait of a valuetype's operations, for the application to implement.
fn operations(scope: &Scope<'_>, id: ItemId, it: &Valuetype, out: &mut Vec<Item>) {
    if it.members.is_empty() {
        return;
    }
    let own = ops::own(scope, id, &it.members);
    own.iter().for_each(|op| interface::error(scope, op, out));
    let name = names::ident(scope.world.made(id, Made::Operations));
    let doc = format!(
        " The operations of the valuetype `{}`.",
        scope.world.model.scoped_name(id)
    );
    let methods = interface::methods_without_context(scope, &own);
    let declaration = quote! {
        #[doc = #doc]
        pub trait #name {
            #(#methods)*
        }
    };
    out.push(declaration.into());
}

/// The function that registers all valuetypes inside a definition.
pub(crate) fn register_all(world: &World<'_>, id: ItemId) -> TokenStream {
    let idl = world.model.scoped_name(id);
    let about = format!(
        " Makes this process able to read the valuetypes of `{idl}` wherever a base of theirs, an abstract"
    );
    let function = names::ident(world.made(id, Made::Register));
    let definitions = world.model.definitions(id);
    let own = definitions
        .iter()
        .filter(|inside| world.is_value(**inside))
        .map(|inside| {
            let name = names::ident(world.name(*inside));
            quote!(#name::register();)
        });
    let deeper = definitions
        .iter()
        .filter(|inside| world.has_values(**inside))
        .map(|inside| {
            let module = match world.model.item(*inside).kind {
                ItemKind::Module(_) => world.name(*inside),
                _ => world.made(*inside, Made::Inside),
            };
            let (module, function) = (
                names::ident(module),
                names::ident(world.made(*inside, Made::Register)),
            );
            quote!(#module::#function();)
        });
    quote! {
        #[doc = #about]
        /// valuetype or `ValueBase` is expected.
        pub fn #function() {
            #(#own)*
            #(#deeper)*
        }
    }
}
