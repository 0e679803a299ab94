// SPDX-License-Identifier: MIT OR Apache-2.0
//! The hidden half of an operation: its type, through which stub and adapter call it, and the function that serves it.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote};

use super::Item;
use super::decode::{decode, decode_argument};
use super::encode::{Place, encode};
use super::scope::Scope;
use super::stamp::{Holes, Stamp};
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
pub(crate) fn emit(scope: &Scope<'_>, op: &Op, out: &mut Vec<Item>) {
    let (marker, wire) = (&op.marker, &op.wire);
    let (servant, method) = (scope.path(op.owner), &op.method);
    let args: Vec<_> = op
        .inputs()
        .map(|param| scope.client_argument(&param.ty, &quote!('a)))
        .collect();
    let outputs = op.outputs();
    let (takes, gives) = (!args.is_empty(), !outputs.is_empty());
    let holes = Holes::default()
        .inline("marker", quote!(#marker))
        .inline("wire", quote!(#wire))
        .inline("servant", servant)
        .inline("Args", quote!((#(#args,)*)))
        .inline("Output", op.output(scope))
        .inline("Error", op.failure(scope))
        .inline("option", scope.prelude("Option"))
        .inline("args", unless_unused(takes, "args"))
        .inline("e", unless_unused(takes, "e"))
        .statements("writes", marshal(op))
        .inline("d", unless_unused(gives, "d"))
        .inline("value", unmarshal(scope, &outputs))
        .inline("collocated", collocated(op))
        .inline("method", quote!(#method))
        .inline("input", unless_unused(takes, "d"));
    let holes = serve(scope, op, &outputs, holes);
    if let Some(qos) = &op.qos {
        let option = scope.prelude("Option");
        let function = quote!(fn qos() -> #option<::upcall::qos::Qos> { Some(#qos) });
        out.push(framed(op, &holes, &function).into());
        return;
    }
    let frame = match (&op.error, op.oneway) {
        (_, true) => |holes: &Holes| oneway(holes, &quote!()),
        (Some(_), false) => |holes: &Holes| raising(holes, &quote!()),
        (None, false) => |holes: &Holes| plain(holes, &quote!()),
    };
    out.push(Stamp { frame, holes }.into());
}

/// The items with another function in the implementation.
fn framed(op: &Op, holes: &Holes, more: &TokenStream) -> TokenStream {
    match (&op.error, op.oneway) {
        (_, true) => oneway(holes, more),
        (Some(_), false) => raising(holes, more),
        (None, false) => plain(holes, more),
    }
}

/// The name, or `_` where the value is not used.
pub(crate) fn unless_unused(used: bool, name: &str) -> TokenStream {
    let ident = Ident::new(if used { name } else { "_" }, Span::call_site());
    quote!(#ident)
}

fn marshal(op: &Op) -> Vec<TokenStream> {
    let write = |(at, param): (usize, &Param)| {
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
    };
    op.inputs().enumerate().map(write).collect()
}

/// One value, or a tuple.
fn together(values: &[TokenStream]) -> TokenStream {
    match values {
        [one] => one.clone(),
        several => quote!((#(#several),*)),
    }
}

fn unmarshal(scope: &Scope<'_>, outputs: &[&Ty]) -> TokenStream {
    let reads: Vec<_> = outputs.iter().map(|ty| decode(scope, ty, 0)).collect();
    together(&reads)
}

/// The call of a servant of this process.
fn collocated(op: &Op) -> TokenStream {
    let hand_over = |(at, param): (usize, &Param)| {
        let at = Literal::usize_unsuffixed(at);
        hand_over(&param.ty, &quote!(args.#at))
    };
    let (method, given) = (&op.method, op.inputs().enumerate().map(hand_over));
    quote!(servant.#method(cx #(, #given)*))
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

/// Adds what the function that serves a request needs.
fn serve(scope: &Scope<'_>, op: &Op, outputs: &[&Ty], holes: Holes) -> Holes {
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
    let method = &op.method;
    let names: Vec<_> = match outputs.len() {
        1 => vec![quote!(result)],
        several => (0..several)
            .map(|at| format_ident!("result{at}"))
            .map(|name| quote!(#name))
            .collect(),
    };
    let write = |(ty, name): (&&Ty, &TokenStream)| encode(ty, &Place::Owned(name.clone()), 0);
    let error = op.error.as_ref().map(|error| scope.beside(op.owner, error));
    let answer =
        |(_, variant): &(ItemId, Ident)| quote!(Err(#error::#variant(raised)) => rt::raise(reply, &raised),);
    let raised = |(exception, _): &(ItemId, Ident)| {
        let exception = scope.path(*exception);
        quote!(#exception::REPOSITORY_ID => Some(rt::raised::<#exception, _>(d)),)
    };
    holes
        .statements("reads", reads)
        .inline("call", quote!(servant.#method(cx #(, #given)*)))
        .inline("results", together(&names))
        .inline("out", unless_unused(!outputs.is_empty(), "e"))
        .statements("answer", outputs.iter().zip(&names).map(write).collect())
        .arms("failures", op.raises.iter().map(answer).collect())
        .arms("raised", op.raises.iter().map(raised).collect())
}

fn plain(holes: &Holes, more: &TokenStream) -> TokenStream {
    let answer = answer(holes, &quote!(Err(raised) => Err(raised),));
    frame(holes, more, false, &answer)
}

fn raising(holes: &Holes, more: &TokenStream) -> TokenStream {
    let (option, raised) = (holes.get("option"), holes.get("raised"));
    let (error, failures) = (holes.get("Error"), holes.get("failures"));
    let answer = answer(
        holes,
        &quote!(#failures Err(#error::System(raised)) => Err(raised),),
    );
    let more = quote! {
        fn user_exception(id: &str, d: &mut rt::Decoder<'_>) -> #option<rt::Decoded<Self::Error>> {
            match id {
                #raised
                _ => None,
            }
        }
        #more
    };
    frame(holes, &more, false, &answer)
}

fn oneway(holes: &Holes, more: &TokenStream) -> TokenStream {
    let call = holes.get("call");
    // Whoever sent it may wait until it is done.
    let answer = quote! {
        #call;
        reply.ok(|_| Ok(()))
    };
    frame(holes, more, true, &answer)
}

fn answer(holes: &Holes, failures: &TokenStream) -> TokenStream {
    let (call, results, out, answer) = (
        holes.get("call"),
        holes.get("results"),
        holes.get("out"),
        holes.get("answer"),
    );
    quote! {
        match #call {
            Ok(#results) => reply.ok(|#out| {
                #answer
                Ok(())
            }),
            #failures
        }
    }
}

/// All items of an operation: `more` stands in the implementation of the trait, `answer` ends the serving function.
fn frame(holes: &Holes, more: &TokenStream, oneway: bool, answer: &TokenStream) -> TokenStream {
    let of = |name| holes.get(name);
    let (marker, wire, servant, option) = (of("marker"), of("wire"), of("servant"), of("option"));
    let (args_type, output, error) = (of("Args"), of("Output"), of("Error"));
    let (args, e, writes, d, value) = (of("args"), of("e"), of("writes"), of("d"), of("value"));
    let (collocated, input, reads) = (of("collocated"), of("input"), of("reads"));
    let collocated = if oneway {
        quote!(#collocated; Some(Ok(())))
    } else {
        quote!(Some(#collocated))
    };
    quote! {
        #[derive(Debug)]
        pub enum #marker {}
        impl rt::Operation for #marker {
            const NAME: &'static str = #wire;
            const ONEWAY: bool = #oneway;
            type Args<'a> = #args_type;
            type Output = #output;
            type Error = #error;
            #[inline]
            fn marshal<'e, 'a: 'e>(#args: &'e Self::Args<'a>, #e: &mut rt::Encoder<'e>) -> rt::Encoded {
                #writes
                Ok(())
            }
            #[inline]
            fn unmarshal(#d: &mut rt::Decoder<'_>) -> rt::Decoded<Self::Output> {
                Ok(#value)
            }
            #more
            #[inline]
            fn collocated(
                facet: &dyn rt::StdAny,
                cx: &rt::Context<'_>,
                #args: &Self::Args<'_>,
            ) -> #option<rt::Outcome<Self::Output, Self::Error>> {
                let servant = rt::local_servant::<dyn #servant>(facet)?;
                #collocated
            }
            fn facet() -> rt::TypeId {
                rt::facet_type::<dyn #servant>()
            }
        }
        impl #marker {
            #[inline]
            pub fn serve<T: #servant + ?Sized>(
                servant: &T,
                cx: &rt::Context<'_>,
                #input: &mut rt::Decoder<'_>,
                reply: &mut rt::Reply<'_>,
            ) -> rt::Served {
                #reads
                #answer
            }
        }
    }
}
