// SPDX-License-Identifier: MIT OR Apache-2.0
//! A place in the generated modules: how other definitions and types are spelled from there.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::quote;

use super::names;
use super::ty::Ty;
use super::world::{Made, World};
use crate::model::ItemId;

/// A module of the generated code, as the point from which paths are written.
#[derive(Debug, Clone)]
pub(crate) struct Scope<'w> {
    /// All definitions.
    pub(crate) world: &'w World<'w>,
    /// Where paths start, as module names.
    module: Vec<String>,
}

impl<'w> Scope<'w> {
    /// The module in which `id` is emitted.
    pub(crate) fn of(world: &'w World<'w>, id: ItemId) -> Self {
        Self {
            world,
            module: world.module(id).to_vec(),
        }
    }

    /// A module inside this one.
    pub(crate) fn inside(&self, name: &str) -> Self {
        let module = self.module.iter().cloned().chain([name.to_owned()]).collect();
        Self {
            world: self.world,
            module,
        }
    }

    /// The path to a definition: for an interface, to its trait.
    pub(crate) fn path(&self, id: ItemId) -> TokenStream {
        self.to(self.world.module(id), &names::ident(self.world.name(id)))
    }

    /// The path to something made for a definition.
    pub(crate) fn made(&self, id: ItemId, made: Made) -> TokenStream {
        self.to(self.world.module(id), &names::ident(self.world.made(id, made)))
    }

    /// The path to `name`, which lies in the module of `id`.
    pub(crate) fn beside(&self, id: ItemId, name: &Ident) -> TokenStream {
        self.to(self.world.module(id), name)
    }

    fn to(&self, module: &[String], name: &Ident) -> TokenStream {
        let common = self
            .module
            .iter()
            .zip(module)
            .take_while(|(ours, theirs)| ours == theirs)
            .count();
        let up = (common..self.module.len()).map(|_| quote!(super::));
        let down = module.iter().skip(common).map(|part| names::ident(part));
        quote!(#(#up)* #(#down::)* #name)
    }

    /// A type of Rust's prelude, spelled out where something generated has its name.
    pub(crate) fn prelude(&self, name: &str) -> TokenStream {
        let ident = Ident::new(name, Span::call_site());
        if !self.world.is_shadowed(name) {
            return quote!(#ident);
        }
        match name {
            "Option" => quote!(::std::option::Option),
            "Result" => quote!(::std::result::Result),
            "String" => quote!(::std::string::String),
            "Vec" => quote!(::std::vec::Vec),
            _ => quote!(::std::boxed::Box),
        }
    }

    /// The attribute that derives serde's traits, where that was asked for and the type can have them.
    pub(crate) fn serde(&self, possible: bool) -> Option<TokenStream> {
        (possible && self.world.options.serde).then(|| {
            quote! {
                #[derive(::upcall::rt::serde::Serialize, ::upcall::rt::serde::Deserialize)]
                #[serde(crate = "::upcall::rt::serde")]
            }
        })
    }

    /// The fewest octets a value takes on the wire.
    pub(crate) fn min_size(&self, ty: &Ty) -> u64 {
        self.world.min_size(ty)
    }

    /// The Rust type of a value that is owned: a member, an element, a result.
    pub(crate) fn owned(&self, ty: &Ty) -> TokenStream {
        match ty {
            Ty::Prim(prim) => {
                let name = Ident::new(prim.rust(), Span::call_site());
                quote!(#name)
            }
            Ty::LongDouble => quote!(::upcall::LongDouble),
            Ty::Fixed { digits, scale } => {
                let (digits, scale) = (Literal::u16_unsuffixed(*digits), Literal::u16_unsuffixed(*scale));
                quote!(::upcall::Fixed<#digits, #scale>)
            }
            Ty::Text { .. } => self.prelude("String"),
            Ty::Sequence { element, .. } if element.is_octet() => quote!(::upcall::Bytes),
            Ty::Sequence { element, .. } => {
                let (vec, element) = (self.prelude("Vec"), self.owned(element));
                quote!(#vec<#element>)
            }
            Ty::Array { element, len } => {
                let (element, len) = (self.owned(element), Literal::u32_unsuffixed(*len));
                quote!([#element; #len])
            }
            Ty::Map { key, value, .. } => self.map(key, value),
            Ty::Any => quote!(::upcall::Any),
            Ty::TypeCode => quote!(::upcall::TypeCode),
            Ty::Data(id) | Ty::Copied(id) => self.path(*id),
            Ty::Context(_) => {
                let (vec, string) = (self.prelude("Vec"), self.prelude("String"));
                quote!(#vec<(#string, #string)>)
            }
            Ty::Cell(value) => {
                let value = self.value(value);
                quote!(::upcall::ValueCell<#value>)
            }
            Ty::Native(id) => {
                let native = self.path(*id);
                quote!(::upcall::Local<dyn #native>)
            }
            _ => {
                let (option, target) = (self.prelude("Option"), self.target(ty));
                quote!(#option<#target>)
            }
        }
    }

    fn map(&self, key: &Ty, value: &Ty) -> TokenStream {
        let (ordered, key, value) = (key.is_ordered(), self.owned(key), self.owned(value));
        if ordered {
            quote!(::std::collections::BTreeMap<#key, #value>)
        } else {
            let vec = self.prelude("Vec");
            quote!(#vec<(#key, #value)>)
        }
    }

    /// What is inside the `Option` of a type that may be nil.
    fn target(&self, ty: &Ty) -> TokenStream {
        match ty {
            Ty::Reference(id) => self.made(*id, Made::Reference),
            Ty::Local(id) => {
                let local = self.path(*id);
                quote!(::upcall::Local<dyn #local>)
            }
            Ty::Value(_) | Ty::ValueBase => {
                let value = self.value(ty);
                quote!(::std::sync::Arc<#value>)
            }
            Ty::AbstractBase => quote!(::upcall::AbstractRef),
            _ => quote!(::upcall::ObjectRef),
        }
    }

    /// The type of a value itself.
    fn value(&self, ty: &Ty) -> TokenStream {
        match ty {
            Ty::Value(id) => self.path(*id),
            _ => quote!(dyn ::upcall::Value),
        }
    }

    /// The Rust type in which a client gives an argument, borrowed for `lifetime` (which may be empty).
    pub(crate) fn client_argument(&self, ty: &Ty, lifetime: &TokenStream) -> TokenStream {
        match ty {
            Ty::Text { .. } => quote!(&#lifetime str),
            Ty::Sequence { element, .. } => {
                let element = self.owned(element);
                quote!(&#lifetime [#element])
            }
            Ty::Context(_) => {
                let string = self.prelude("String");
                quote!(&#lifetime [(#string, #string)])
            }
            Ty::Object | Ty::Reference(_) => {
                let (option, target) = (self.prelude("Option"), self.target(ty));
                quote!(#option<&#lifetime #target>)
            }
            Ty::Array { .. } | Ty::Map { .. } | Ty::Data(_) | Ty::Any | Ty::TypeCode => {
                let owned = self.owned(ty);
                quote!(&#lifetime #owned)
            }
            _ => self.owned(ty),
        }
    }

    /// Whether the client's argument borrows.
    pub(crate) fn borrows(ty: &Ty) -> bool {
        matches!(ty, Ty::Object | Ty::Reference(_)) || Self::is_reference(ty)
    }

    /// Whether the client's argument is a reference.
    pub(crate) fn is_reference(ty: &Ty) -> bool {
        matches!(
            ty,
            Ty::Text { .. }
                | Ty::Sequence { .. }
                | Ty::Array { .. }
                | Ty::Map { .. }
                | Ty::Data(_)
                | Ty::Any
                | Ty::TypeCode
                | Ty::Context(_)
        )
    }

    /// The Rust type in which a servant gets an argument.
    pub(crate) fn servant_argument(&self, ty: &Ty) -> TokenStream {
        match ty {
            Ty::Text { .. } => quote!(&str),
            Ty::Sequence { element, .. } if matches!(element.as_ref(), Ty::Prim(_)) => {
                let element = self.owned(element);
                quote!(&[#element])
            }
            _ => self.owned(ty),
        }
    }
}
