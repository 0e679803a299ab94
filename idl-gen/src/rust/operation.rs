// SPDX-License-Identifier: MIT OR Apache-2.0
//! The hidden half of an operation: its type, through which stub and adapter call it, and the function that serves it.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};

use super::decode::{decode, decode_argument};
use super::encode::{Place, encode, may_fail};
use super::scope::Scope;
use super::ty::Ty;
use crate::model::ItemId;

/// An operation, or half of an attribute, ready to be emitted.
#[derive(Debug, Clone)]
pub(crate) struct Op {
    /// The interface that declares it.
    pub(crate) owner: ItemId,
    /// The name on the wire.
    pub(crate) wire: String,
    /// The method of the servant's trait and of the reference.
    pub(crate) method: Ident,
    /// The type in the hidden module.
    pub(crate) marker: Ident,
    /// Its documentation.
    pub(crate) docs: TokenStream,
    /// The result, if it has one.
    pub(crate) result: Option<Ty>,
    /// The parameters in IDL order.
    pub(crate) params: Vec<Param>,
    /// The exceptions it may raise: their definition and variant.
    pub(crate) raises: Vec<(ItemId, Ident)>,
    /// The enum of its exceptions, in the module of the interface.
    pub(crate) error: Option<Ident>,
    /// Whether nobody waits for it.
    pub(crate) oneway: bool,
    /// The expression of the QoS that its annotation asks for.
    pub(crate) qos: Option<TokenStream>,
}

/// A parameter of an operation.
#[derive(Debug, Clone)]
pub(crate) struct Param {
    /// Its Rust name.
    pub(crate) name: Ident,
    /// Its type.
    pub(crate) ty: Ty,
    /// Whether the caller gives a value.
    pub(crate) goes_in: bool,
    /// Whether the caller gets a value.
    pub(crate) comes_out: bool,
}

impl Op {
    /// The parameters the caller gives.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = &Param> {
        self.params.iter().filter(|param| param.goes_in)
    }

    /// The types the caller gets: the result first.
    pub(crate) fn outputs(&self) -> Vec<&Ty> {
        let given = self
            .params
            .iter()
            .filter(|param| param.comes_out)
            .map(|param| &param.ty);
        self.result.iter().chain(given).collect()
    }

    /// The Rust type of all the caller gets.
    pub(crate) fn output(&self, scope: &Scope<'_>) -> TokenStream {
        let types: Vec<_> = self.outputs().into_iter().map(|ty| scope.owned(ty)).collect();
        match types.as_slice() {
            [one] => one.clone(),
            several => quote!((#(#several),*)),
        }
    }

    /// The Rust type of the error.
    pub(crate) fn failure(&self, scope: &Scope<'_>) -> TokenStream {
        match &self.error {
            Some(error) => scope.beside(self.owner, error),
            None => quote!(::upcall::SystemException),
        }
    }
}

/// Emits the hidden items of one operation. `scope` is that of the interface's hidden module.
pub(crate) fn emit(scope: &Scope<'_>, op: &Op) -> TokenStream {
    let marker = &op.marker;
    let operation = operation(scope, op);
    let serve = serve(scope, op);
    let doc = format!(" `{}`", op.wire);
    quote! {
        #[doc = #doc]
        #[derive(Debug)]
        pub enum #marker {}
        #operation
        impl #marker {
            #serve
        }
    }
}

fn operation(scope: &Scope<'_>, op: &Op) -> TokenStream {
    let (marker, wire) = (&op.marker, &op.wire);
    let args: Vec<_> = op
        .inputs()
        .map(|param| scope.client_argument(&param.ty, &quote!('a)))
        .collect();
    let (output, failure) = (op.output(scope), op.failure(scope));
    let oneway = op.oneway.then(|| {
        quote!(
            const ONEWAY: bool = true;
        )
    });
    let qos = op.qos.as_ref().map(|qos| {
        let option = scope.prelude("Option");
        quote!(fn qos() -> #option<::upcall::qos::Qos> { Some(#qos) })
    });
    let (marshal, unmarshal) = (marshal(op), unmarshal(scope, op));
    let user_exception = user_exception(scope, op);
    let (collocated, facet) = collocated(scope, op);
    quote! {
        impl rt::Operation for #marker {
            const NAME: &'static str = #wire;
            #oneway
            type Args<'a> = (#(#args,)*);
            type Output = #output;
            type Error = #failure;
            #marshal
            #unmarshal
            #user_exception
            #collocated
            fn facet() -> rt::TypeId {
                rt::TypeId::of::<#facet>()
            }
            #qos
        }
    }
}

fn marshal(op: &Op) -> TokenStream {
    let writes: Vec<_> = op
        .inputs()
        .enumerate()
        .map(|(at, param)| {
            let at = Literal::usize_unsuffixed(at);
            if matches!(param.ty, Ty::Object | Ty::Reference(_)) {
                return quote!(e.object(args.#at.map(rt::AsRef::as_ref))?;);
            }
            let place = if Scope::is_reference(&param.ty) {
                Place::Borrowed(quote!(args.#at))
            } else {
                Place::Owned(quote!(args.#at))
            };
            encode(&param.ty, &place, 0)
        })
        .collect();
    let (args, e) = if writes.is_empty() {
        (quote!(_), quote!(_))
    } else {
        (quote!(args), quote!(e))
    };
    quote! {
        #[inline]
        fn marshal<'e, 'a: 'e>(#args: &'e Self::Args<'a>, #e: &mut rt::Encoder<'e>) -> rt::Encoded {
            #(#writes)*
            Ok(())
        }
    }
}

fn unmarshal(scope: &Scope<'_>, op: &Op) -> TokenStream {
    let reads: Vec<_> = op.outputs().into_iter().map(|ty| decode(scope, ty, 0)).collect();
    let d = if reads.is_empty() { quote!(_) } else { quote!(d) };
    let value = match reads.as_slice() {
        [one] => one.clone(),
        several => quote!((#(#several),*)),
    };
    quote! {
        #[inline]
        fn unmarshal(#d: &mut rt::Decoder<'_>) -> rt::Decoded<Self::Output> {
            Ok(#value)
        }
    }
}

fn user_exception(scope: &Scope<'_>, op: &Op) -> Option<TokenStream> {
    let error = scope.beside(op.owner, op.error.as_ref()?);
    let option = scope.prelude("Option");
    let arms = op.raises.iter().map(|(exception, variant)| {
        let exception = scope.path(*exception);
        quote!(#exception::REPOSITORY_ID => Some(#exception::unmarshal_members(d).map(#error::#variant)),)
    });
    Some(quote! {
        fn user_exception(id: &str, d: &mut rt::Decoder<'_>) -> #option<rt::Decoded<Self::Error>> {
            match id {
                #(#arms)*
                _ => None,
            }
        }
    })
}

/// The method that calls a servant of this process, and the type that leads to the servant.
fn collocated(scope: &Scope<'_>, op: &Op) -> (TokenStream, TokenStream) {
    let (method, servant) = (&op.method, scope.path(op.owner));
    let facet = quote!(rt::Arc<dyn #servant>);
    let option = scope.prelude("Option");
    let given: Vec<_> = op
        .inputs()
        .enumerate()
        .map(|(at, param)| {
            let at = Literal::usize_unsuffixed(at);
            hand_over(&param.ty, &quote!(args.#at))
        })
        .collect();
    let args = if given.is_empty() { quote!(_) } else { quote!(args) };
    let call = quote!(servant.#method(cx #(, #given)*));
    let result = if op.oneway {
        quote!({ #call; Some(Ok(())) })
    } else {
        quote!(Some(#call))
    };
    let code = quote! {
        #[inline]
        fn collocated(
            facet: &dyn rt::StdAny,
            cx: &rt::Context<'_>,
            #args: &Self::Args<'_>,
        ) -> #option<rt::Outcome<Self::Output, Self::Error>> {
            let servant: &dyn #servant = &**facet.downcast_ref::<#facet>()?;
            #result
        }
    };
    (code, facet)
}

/// A client's argument as the servant of the same process takes it.
fn hand_over(ty: &Ty, place: &TokenStream) -> TokenStream {
    match ty {
        Ty::Text { .. } => place.clone(),
        Ty::Sequence { element, .. } if matches!(element.as_ref(), Ty::Prim(_)) => place.clone(),
        Ty::Sequence { .. } | Ty::Context(_) => quote!(#place.to_vec()),
        Ty::Object | Ty::Reference(_) => quote!(#place.cloned()),
        _ if ty.is_copy() => place.clone(),
        _ => quote!(#place.clone()),
    }
}

fn serve(scope: &Scope<'_>, op: &Op) -> TokenStream {
    let (method, servant) = (&op.method, scope.path(op.owner));
    let mut reads = Vec::new();
    let mut given = Vec::new();
    for param in op.inputs() {
        let (name, argument) = (&param.name, decode_argument(scope, &param.ty));
        let read = argument.read;
        reads.push(quote!(let #name = #read;));
        given.push(if argument.by_reference {
            quote!(&#name)
        } else {
            quote!(#name)
        });
    }
    let call = quote!(servant.#method(cx #(, #given)*));
    let answer = if op.oneway {
        quote!(#call; Ok(()))
    } else {
        answer(scope, op, &call)
    };
    let d = if reads.is_empty() { quote!(_) } else { quote!(d) };
    let reply = if op.oneway { quote!(_) } else { quote!(reply) };
    quote! {
        #[inline]
        pub fn serve<T: #servant + ?Sized>(
            servant: &T,
            cx: &rt::Context<'_>,
            #d: &mut rt::Decoder<'_>,
            #reply: &mut rt::Reply<'_>,
        ) -> rt::Served {
            #(#reads)*
            #answer
        }
    }
}

/// The match that sends what the servant returned.
fn answer(scope: &Scope<'_>, op: &Op, call: &TokenStream) -> TokenStream {
    let outputs = op.outputs();
    let names: Vec<_> = match outputs.len() {
        1 => vec![format_ident!("result")],
        several => (0..several).map(|at| format_ident!("result{at}")).collect(),
    };
    let writes: Vec<_> = outputs
        .iter()
        .zip(&names)
        .map(|(ty, name)| encode(ty, &Place::Owned(quote!(#name)), 0))
        .collect();
    let pattern = match names.as_slice() {
        [one] => quote!(#one),
        several => quote!((#(#several),*)),
    };
    let success = match (outputs.as_slice(), writes.as_slice()) {
        ([], _) => quote!(reply.ok(|_| Ok(()))),
        ([ty], [write]) if !may_fail(ty) => quote!(reply.ok(|e| { #write Ok(()) })),
        _ => quote!(reply.ok(|e| { #(#writes)* Ok(()) })),
    };
    let failures = match &op.error {
        None => quote!(Err(raised) => Err(raised),),
        Some(error) => {
            let error = scope.beside(op.owner, error);
            let arms = op.raises.iter().map(|(exception, variant)| {
                let exception = scope.path(*exception);
                quote! {
                    Err(#error::#variant(raised)) => {
                        reply.user(#exception::REPOSITORY_ID, |e| raised.marshal_members(e))
                    }
                }
            });
            quote!(#(#arms)* Err(#error::System(raised)) => Err(raised),)
        }
    };
    quote! {
        match #call {
            Ok(#pattern) => #success,
            #failures
        }
    }
}
