// SPDX-License-Identifier: MIT OR Apache-2.0
//! Expressions that build the TypeCodes of definitions. A TypeCode keeps the aliases that the IDL used, so these are made
//! from the model's types.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::quote;

use super::names;
use super::scope::Scope;
use super::ty::{Prim, Ty};
use super::values;
use super::world::Made;
use crate::model::{
    Case, InterfaceKind, ItemId, ItemKind, Label, Member, Primitive, Struct, Type, Union, Value, ValueKind,
    Valuetype,
};

/// The implementation of `Typed` for a definition, where `rt` is in scope.
pub(crate) fn typed(scope: &Scope<'_>, id: ItemId) -> TokenStream {
    let name = names::ident(scope.world.name(id));
    implementation(scope, id, &quote!(#name))
}

/// The same for the reference to an interface.
pub(crate) fn implementation(scope: &Scope<'_>, id: ItemId, of: &TokenStream) -> TokenStream {
    let body = body(scope, id);
    quote! {
        impl rt::Typed for #of {
            fn type_code() -> rt::TypeCode {
                #body
            }
        }
    }
}

/// The statements of a function that gives the TypeCode of a definition.
pub(crate) fn body(scope: &Scope<'_>, id: ItemId) -> TokenStream {
    let repository_id = &scope.world.model.item(id).repository_id;
    let code = definition(scope, id);
    quote! {
        static CELL: rt::TypeCodeCell = rt::TypeCodeCell::new(#repository_id);
        CELL.get(|| #code)
    }
}

fn definition(scope: &Scope<'_>, id: ItemId) -> TokenStream {
    let item = scope.world.model.item(id);
    let (repository_id, name) = (&item.repository_id, &item.name.text);
    match &item.kind {
        ItemKind::Struct(Struct { .. }) => members(scope, "structure", id, &scope.world.members(id)),
        ItemKind::Exception(_) => members(scope, "exception", id, &scope.world.members(id)),
        ItemKind::Enum(it) => {
            let enumerators = it.enumerators.iter().map(|one| &one.name.text);
            quote!(rt::TypeCode::enumeration(#repository_id, #name, [#(#enumerators),*]))
        }
        ItemKind::Union(it) => union(scope, id, it),
        ItemKind::Typedef(it) => {
            let content = code(scope, &it.ty);
            quote!(rt::TypeCode::alias(#repository_id, #name, #content))
        }
        ItemKind::Interface(it) => {
            let kind = match it.kind {
                InterfaceKind::Unconstrained => quote!(interface),
                InterfaceKind::Local => quote!(local_interface),
                InterfaceKind::Abstract => quote!(abstract_interface),
            };
            quote!(rt::TypeCode::#kind(#repository_id, #name))
        }
        ItemKind::Valuetype(it) => value(scope, id, it),
        // CORBA has no TypeCode for bit types: they are the integer that carries them, under their name.
        ItemKind::Bitmask(it) => bits(repository_id, name, it.bit_bound),
        ItemKind::Bitset(it) => bits(repository_id, name, it.bits),
        ItemKind::Native => quote!(rt::TypeCode::native(#repository_id, #name)),
        _ => quote!(rt::TypeCode::object()),
    }
}

/// The names and TypeCodes of a struct's or exception's members, as elements of an array.
pub(crate) fn member_codes(scope: &Scope<'_>, id: ItemId) -> Vec<TokenStream> {
    let members = scope.world.members(id);
    let element = |(member, _): &(&Member, Ty)| {
        let (name, code) = (&member.name.text, code(scope, &member.ty));
        quote!((#name, #code),)
    };
    members.iter().map(element).collect()
}

fn bits(repository_id: &str, name: &str, bits: u8) -> TokenStream {
    let holder = match super::world::bit_holder(bits).0 {
        Prim::Octet => quote!(OCTET),
        Prim::UShort => quote!(USHORT),
        Prim::ULong => quote!(ULONG),
        _ => quote!(ULONGLONG),
    };
    quote!(rt::TypeCode::alias(#repository_id, #name, rt::TypeCode::#holder))
}

fn members(scope: &Scope<'_>, what: &str, id: ItemId, members: &[(&Member, Ty)]) -> TokenStream {
    let item = scope.world.model.item(id);
    let (repository_id, name) = (&item.repository_id, &item.name.text);
    let what = Ident::new(what, Span::call_site());
    if members.is_empty() {
        return quote!(rt::TypeCode::#what(#repository_id, #name, [("", rt::TypeCode::NULL); 0]));
    }
    let members = members.iter().map(|(member, _)| {
        let (name, code) = (&member.name.text, code(scope, &member.ty));
        quote!((#name, #code))
    });
    quote!(rt::TypeCode::#what(#repository_id, #name, [#(#members),*]))
}

fn union(scope: &Scope<'_>, id: ItemId, it: &Union) -> TokenStream {
    let item = scope.world.model.item(id);
    let (repository_id, name) = (&item.repository_id, &item.name.text);
    let discriminator = code(scope, &it.discriminator);
    let cases = it.cases.iter().flat_map(|case| self::cases(scope, case));
    quote!(rt::TypeCode::union(#repository_id, #name, #discriminator, [#(#cases),*]))
}

/// One entry for each label of a case.
fn cases(scope: &Scope<'_>, case: &Case) -> Vec<TokenStream> {
    let (name, code) = (&case.member.name.text, code(scope, &case.member.ty));
    case.labels
        .iter()
        .map(|label| {
            let label = match label {
                Label::Default => quote!(None),
                Label::Value(value) => {
                    let number = label_number(scope, value);
                    quote!(Some(#number))
                }
            };
            quote!((#label, #name, #code))
        })
        .collect()
}

/// A label as the number that the runtime knows it by.
fn label_number(scope: &Scope<'_>, value: &Value) -> TokenStream {
    let number = match value {
        // `unsigned long long` is wrapped.
        Value::Integer(number) => i64::try_from(*number).map_or_else(|_| *number - (1 << 64), i128::from),
        Value::Boolean(boolean) => i128::from(*boolean),
        Value::Char(letter) | Value::WideChar(letter) => i128::from(u32::from(*letter)),
        Value::Enumerator { of, index } => match &scope.world.model.item(*of).kind {
            ItemKind::Enum(it) => it.enumerators.get(*index).map_or(0, |one| i128::from(one.value)),
            _ => 0,
        },
        _ => 0,
    };
    values::integer(number)
}

fn value(scope: &Scope<'_>, id: ItemId, it: &Valuetype) -> TokenStream {
    let item = scope.world.model.item(id);
    let (repository_id, name) = (&item.repository_id, &item.name.text);
    if let ValueKind::Boxed(content) = &it.kind {
        let content = code(scope, content);
        return quote!(rt::TypeCode::value_box(#repository_id, #name, #content));
    }
    let modifier = match it.kind {
        ValueKind::Custom => quote!(Custom),
        ValueKind::Abstract => quote!(Abstract),
        _ if it.truncatable => quote!(Truncatable),
        _ => quote!(None),
    };
    let base = match it.base {
        Some(base) => {
            let base = code(scope, &Type::Named(base));
            quote!(Some(#base))
        }
        None => quote!(None),
    };
    let state = it.state.iter().map(|state| {
        let (name, code, public) = (
            &state.member.name.text,
            code(scope, &state.member.ty),
            state.public,
        );
        quote!((#name, #code, #public))
    });
    let state = if it.state.is_empty() {
        quote!([("", rt::TypeCode::NULL, true); 0])
    } else {
        quote!([#(#state),*])
    };
    let what = if it.event { quote!(event) } else { quote!(value) };
    quote!(rt::TypeCode::#what(#repository_id, #name, rt::ValueModifier::#modifier, #base, #state))
}

/// The TypeCode of a type where it is used.
pub(crate) fn code(scope: &Scope<'_>, ty: &Type) -> TokenStream {
    match ty {
        Type::Primitive(primitive) => {
            let constant = constant(*primitive);
            quote!(rt::TypeCode::#constant)
        }
        Type::String { bound: None } => quote!(rt::TypeCode::STRING),
        Type::String { bound: Some(bound) } => {
            let bound = Literal::u32_unsuffixed(*bound);
            quote!(rt::TypeCode::string(#bound))
        }
        Type::WideString { bound: None } => quote!(rt::TypeCode::WSTRING),
        Type::WideString { bound: Some(bound) } => {
            let bound = Literal::u32_unsuffixed(*bound);
            quote!(rt::TypeCode::wstring(#bound))
        }
        Type::Fixed { digits, scale } => {
            let (digits, scale) = (Literal::u16_unsuffixed(*digits), Literal::u16_unsuffixed(*scale));
            quote!(rt::TypeCode::fixed(#digits, #scale))
        }
        Type::FixedConst => quote!(rt::TypeCode::fixed(31, 0)),
        Type::Sequence { element, bound } => {
            let (element, bound) = (code(scope, element), Literal::u32_unsuffixed(bound.unwrap_or(0)));
            quote!(rt::TypeCode::sequence(#element, #bound))
        }
        Type::Map { key, value, bound } => {
            let (key, value) = (code(scope, key), code(scope, value));
            let bound = Literal::u32_unsuffixed(bound.unwrap_or(0));
            quote!(rt::map_type_code(#key, #value, #bound))
        }
        Type::Array { element, dimensions } => {
            dimensions
                .iter()
                .rev()
                .fold(code(scope, element), |element, len| {
                    let len = Literal::u32_unsuffixed(*len);
                    quote!(rt::TypeCode::array(#element, #len))
                })
        }
        Type::Named(id) => named(scope, *id),
        Type::Any => quote!(rt::TypeCode::ANY),
        Type::Object => quote!(rt::TypeCode::object()),
        Type::ValueBase => quote!(rt::TypeCode::value_base()),
        Type::AbstractBase => quote!(rt::abstract_base_type_code()),
        Type::TypeCode => quote!(rt::TypeCode::TYPE_CODE),
    }
}

fn named(scope: &Scope<'_>, id: ItemId) -> TokenStream {
    match &scope.world.model.item(id).kind {
        ItemKind::Typedef(_) => {
            let function = scope.made(id, Made::TypeCode);
            quote!(#function())
        }
        ItemKind::Interface(it) if it.kind == InterfaceKind::Unconstrained => {
            let reference = scope.made(id, Made::Reference);
            quote!(<#reference as rt::Typed>::type_code())
        }
        _ => match scope.world.ty(&Type::Named(id)) {
            Ty::Data(id) | Ty::Copied(id) | Ty::Value(id) => {
                let path = scope.path(id);
                quote!(<#path as rt::Typed>::type_code())
            }
            // These have no Rust type of their own.
            _ => definition(scope, id),
        },
    }
}

fn constant(primitive: Primitive) -> Ident {
    let name = match primitive {
        Primitive::Boolean => "BOOLEAN",
        Primitive::Octet | Primitive::UInt8 | Primitive::Int8 => "OCTET",
        Primitive::Char => "CHAR",
        Primitive::WideChar => "WCHAR",
        Primitive::Short => "SHORT",
        Primitive::UShort => "USHORT",
        Primitive::Long => "LONG",
        Primitive::ULong => "ULONG",
        Primitive::LongLong => "LONGLONG",
        Primitive::ULongLong => "ULONGLONG",
        Primitive::Float => "FLOAT",
        Primitive::Double => "DOUBLE",
        Primitive::LongDouble => "LONGDOUBLE",
    };
    Ident::new(name, Span::call_site())
}
