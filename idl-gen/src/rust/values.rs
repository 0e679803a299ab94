// SPDX-License-Identifier: MIT OR Apache-2.0
//! Constants, and values that stand in patterns.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::docs::docs;
use super::enums;
use super::names;
use super::scope::Scope;
use super::ty::{Prim, Ty};
use crate::model::{Const, ItemId, ItemKind, Value};

/// Emits a constant.
pub(crate) fn emit_const(scope: &Scope<'_>, id: ItemId, it: &Const) -> TokenStream {
    let item = scope.world.model.item(id);
    let docs = docs(
        item.doc.as_deref(),
        &format!("Constant `{}`.", scope.world.model.scoped_name(id)),
    );
    let name = names::ident(scope.world.name(id));
    let ty = scope.world.ty(&it.ty);
    let (rust, value) = match (&ty, &it.value) {
        (Ty::Text { .. }, _) => (quote!(&str), value(scope, &ty, &it.value)),
        (Ty::Fixed { .. }, Value::Fixed(fixed)) => {
            // `fixed` alone gives a constant as many digits as it needs.
            let scale = Literal::u16_unsuffixed(fixed.scale);
            let mantissa = integer(fixed.digits);
            let rust = quote!(::upcall::Fixed<31, #scale>);
            (
                rust,
                quote!(::upcall::Fixed::from_mantissa(#mantissa).expect("31 digits hold every constant")),
            )
        }
        _ => (scope.owned(&ty), value(scope, &ty, &it.value)),
    };
    quote! {
        #docs
        pub const #name: #rust = #value;
    }
}

/// A value as an expression or pattern.
pub(crate) fn value(scope: &Scope<'_>, ty: &Ty, value: &Value) -> TokenStream {
    match value {
        Value::Integer(number) => match ty {
            Ty::Copied(mask) => {
                let (mask, bits) = (scope.path(*mask), integer(*number));
                quote!(#mask::from_bits(#bits))
            }
            _ => integer(*number),
        },
        Value::Float(number) => float(ty, *number),
        Value::Fixed(fixed) => {
            let mantissa = integer(fixed.digits);
            quote!(#mantissa)
        }
        Value::Boolean(boolean) => quote!(#boolean),
        Value::Char(letter) | Value::WideChar(letter) => quote!(#letter),
        Value::String(text) | Value::WideString(text) => quote!(#text),
        Value::Enumerator { of, index } => enumerator(scope, *of, *index),
        Value::Name(name) => quote!(#name),
    }
}

/// The path to an enumerator.
pub(crate) fn enumerator(scope: &Scope<'_>, of: ItemId, index: usize) -> TokenStream {
    let path = scope.path(of);
    let variant = match &scope.world.model.item(of).kind {
        ItemKind::Enum(it) => enums::variants(it).into_iter().nth(index),
        _ => None,
    };
    quote!(#path::#variant)
}

/// An integer literal without suffix.
pub(crate) fn integer(number: i128) -> TokenStream {
    let literal = Literal::u128_unsuffixed(number.unsigned_abs());
    if number < 0 {
        quote!(-#literal)
    } else {
        quote!(#literal)
    }
}

fn float(ty: &Ty, number: f64) -> TokenStream {
    let magnitude = number.abs();
    let literal = match ty {
        // The nearest float, so that the literal does not claim digits it has not.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a float constant has the precision of float"
        )]
        Ty::Prim(Prim::Float) => Literal::f32_unsuffixed(magnitude as f32),
        _ => Literal::f64_unsuffixed(magnitude),
    };
    let sign = number.is_sign_negative().then(|| quote!(-));
    match ty {
        Ty::LongDouble => quote!(::upcall::LongDouble::from_f64(#sign #literal)),
        _ => quote!(#sign #literal),
    }
}
