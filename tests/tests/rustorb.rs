// SPDX-License-Identifier: MIT OR Apache-2.0
//! rustorb-core as a peer, in both directions: it reads and writes every type as our TypeCodes describe it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use rustorb_core::cdr::{self, ByteOrder, Encoding};
use rustorb_core::{
    Any, CompletionStatus, EndpointAddr, Exception, InStream, ObjectRef, OrbOptions, Servant, ServerReply,
    SystemException, SystemExceptionKind, TypeCode, Value,
};
use upcall::rt::{Encoder, Marshal};
use upcall_tests::each_kind;
use upcall_tests::interop::client::{self, Peculiarities};
use upcall_tests::interop::idl::interop as idl;
use upcall_tests::interop::{samples, server};

/// A type and its samples, in CDR of this machine's byte order.
struct Kind {
    name: &'static str,
    type_code: Vec<u8>,
    samples: [Vec<u8>; 2],
}

fn written(value: &impl Marshal) -> Vec<u8> {
    let mut encoder = Encoder::native();
    value.marshal(&mut encoder).expect("samples can be written");
    encoder.contiguous().to_vec()
}

fn kinds() -> Vec<Kind> {
    use idl::*;
    use std::sync::Arc;
    use upcall::{Bytes, Fixed, ObjectRef, TypeCode, Typed, WideChar};

    let mut kinds = Vec::new();
    macro_rules! add {
        ($($how:ident $type:ty $([$element:ty])?, $echo:ident, $kept:ident, $set:ident, $sample:ident;)*) => {$(
            kinds.push(Kind {
                name: stringify!($sample),
                type_code: written(&<$type as Typed>::type_code()),
                samples: [written(&samples::$sample(0)), written(&samples::$sample(1))],
            });
        )*};
    }
    each_kind!(anys, add);
    each_kind!(composites, add);
    each_kind!(values, add);
    let wide = |text: String| {
        let mut encoder = Encoder::native();
        encoder.wstring(&text).expect("samples can be written");
        encoder.contiguous().to_vec()
    };
    // Those whose Rust type does not tell what an Any holds.
    kinds.retain(|kind| kind.name != "uptofour");
    for (name, type_code, samples) in [
        (
            "uptofour",
            TypeCode::sequence(TypeCode::LONG, 4),
            [0, 1].map(|n| written(&samples::uptofour(n))),
        ),
        (
            "wchar",
            TypeCode::WCHAR,
            [0, 1].map(|n| written(&WideChar(samples::wchar(n)))),
        ),
        ("any", TypeCode::ANY, [0, 1].map(|n| written(&samples::any(n)))),
        (
            "wstring",
            TypeCode::wstring(0),
            [0, 1].map(|n| wide(samples::wstring(n))),
        ),
        (
            "widelabel",
            TypeCode::wstring(8),
            [0, 1].map(|n| wide(samples::widelabel(n))),
        ),
        (
            "label",
            TypeCode::string(8),
            [0, 1].map(|n| written(&samples::label(n))),
        ),
        (
            "longdouble",
            upcall::LongDouble::type_code(),
            [0, 1].map(|n| written(&samples::longdouble(n))),
        ),
    ] {
        kinds.push(Kind {
            name,
            type_code: written(&type_code),
            samples,
        });
    }
    kinds
}

/// A type and its samples as rustorb has them.
#[derive(Clone)]
struct Known {
    type_code: TypeCode,
    samples: [Value; 2],
}

fn known(orb: &rustorb_core::Orb) -> HashMap<&'static str, Known> {
    let order = if cfg!(target_endian = "big") {
        ByteOrder::Big
    } else {
        ByteOrder::Little
    };
    let read = |octets: &[u8], type_code: &TypeCode| {
        let decoder = cdr::Decoder::new(octets, order, Encoding::Giop1_2);
        InStream::standalone(decoder, Some(orb)).read_value(type_code)
    };
    kinds()
        .iter()
        .map(|kind| {
            let mut decoder = cdr::Decoder::new(&kind.type_code, order, Encoding::Giop1_2);
            let type_code = TypeCode::decode(&mut decoder).unwrap_or_else(|error| {
                panic!("rustorb does not read the TypeCode of {}: {error}", kind.name)
            });
            let samples = kind.samples.each_ref().map(|octets| {
                read(octets, &type_code).unwrap_or_else(|error| {
                    panic!("rustorb does not read the sample of {}: {error:?}", kind.name)
                })
            });
            (kind.name, Known { type_code, samples })
        })
        .collect()
}

fn refused(kind: SystemExceptionKind) -> SystemException {
    SystemException::new(kind, 1, CompletionStatus::No)
}

/// A Peer as far as the types go.
struct Echo {
    known: HashMap<&'static str, Known>,
    kept: Mutex<HashMap<String, Value>>,
    notes: Mutex<Vec<i32>>,
}

impl Echo {
    fn of(&self, kind: &str) -> Result<&Known, SystemException> {
        self.known
            .get(kind)
            .ok_or_else(|| refused(SystemExceptionKind::BAD_OPERATION))
    }
}

impl Servant for Echo {
    fn repository_id(&self) -> &str {
        idl::PeerRef::REPOSITORY_ID
    }

    fn dispatch(
        &self,
        operation: &str,
        input: &mut InStream<'_>,
        reply: &mut ServerReply,
    ) -> Result<(), SystemException> {
        if let Some(kind) = operation.strip_prefix("echo_") {
            let Known { type_code, samples } = self.of(kind)?;
            let given = [input.read_value(type_code)?, input.read_value(type_code)?];
            if kind != "longdouble" && given != *samples {
                return Err(refused(SystemExceptionKind::BAD_PARAM));
            }
            let mut out = reply.output();
            return [&given[0], &given[0], &given[1]]
                .into_iter()
                .try_for_each(|value| out.write_value(type_code, value));
        }
        if let Some(kind) = operation.strip_prefix("_set_kept_") {
            let value = input.read_value(&self.of(kind)?.type_code)?;
            self.kept.lock().unwrap().insert(kind.to_owned(), value);
            return Ok(());
        }
        if let Some(kind) = operation.strip_prefix("_get_kept_") {
            let Known { type_code, samples } = self.of(kind)?;
            let value = self
                .kept
                .lock()
                .unwrap()
                .get(kind)
                .cloned()
                .unwrap_or_else(|| samples[0].clone());
            return reply.output().write_value(type_code, &value);
        }
        match operation {
            "in_any" => {
                let kind = input.read_string()?;
                let any = input.read_any()?;
                let Known { type_code, samples } = self.of(&kind)?;
                if !any.typecode().equivalent(type_code) {
                    return Err(refused(SystemExceptionKind::BAD_TYPECODE));
                }
                if kind != "longdouble" && *any.value() != samples[0] {
                    return Err(refused(SystemExceptionKind::BAD_PARAM));
                }
                reply
                    .output()
                    .write_any(&Any::new(type_code.clone(), samples[1].clone()))
            }
            "note" => {
                let n = input.read::<i32>()?;
                self.notes.lock().unwrap().push(n);
                Ok(())
            }
            "notes" => {
                let notes = std::mem::take(&mut *self.notes.lock().unwrap());
                let mut out = reply.output();
                out.write_u32(notes.len().try_into().unwrap());
                notes.into_iter().for_each(|n| out.write_i32(n));
                Ok(())
            }
            "user" => match input.read::<i32>()? {
                1 => reply.user_exception(idl::Plain::REPOSITORY_ID).map(|_| ()),
                other => {
                    reply.output().write_i32(other);
                    Ok(())
                }
            },
            _ => Err(refused(SystemExceptionKind::BAD_OPERATION)),
        }
    }
}

fn rustorb(listens: bool) -> rustorb_core::Orb {
    let endpoints = if listens {
        vec![EndpointAddr {
            host: "127.0.0.1".into(),
            port: 0,
        }]
    } else {
        Vec::new()
    };
    rustorb_core::Orb::with_options(OrbOptions {
        endpoints,
        ..OrbOptions::default()
    })
    .unwrap()
}

#[test]
fn our_client_calls_rustorbs_server() {
    let orb = upcall::Orb::builder()
        .listen("iiop://127.0.0.1:0")
        .build()
        .unwrap();
    samples::use_orb(&orb);
    let theirs = rustorb(true);
    let echo = Echo {
        known: known(&theirs),
        kept: Mutex::default(),
        notes: Mutex::default(),
    };
    let root = theirs.root_poa().unwrap();
    let id = root.activate_object(Arc::new(echo)).unwrap();
    let reference = root.id_to_reference(&id).unwrap();
    root.the_poa_manager().activate().unwrap();

    let url = theirs.object_to_string(Some(&reference)).unwrap();
    let peer: idl::PeerRef = orb.resolve(&url).unwrap();
    let only: &[&str] = &[
        "echo_",
        "kept_",
        "any_",
        "oneway_all",
        "exception_none",
        "exception_plain",
    ];
    let peculiarities = Peculiarities {
        only,
        except: &[&["any_nil", "any_uptofour"]],
        ..Peculiarities::default()
    };
    let verdict = client::check(&orb, &peer, peculiarities);
    theirs.shutdown(true).unwrap();
    assert!(verdict.failed.is_empty(), "{:#?}", verdict.failed);
    assert!(
        verdict.passed.len() >= 150,
        "only {} checks ran",
        verdict.passed.len()
    );
}

/// Calls `operation` with values of the type; gives as many.
fn call(
    peer: &ObjectRef,
    operation: &str,
    type_code: &TypeCode,
    given: &[Value],
    wanted: usize,
) -> Result<Vec<Value>, Exception> {
    let (of, given) = (type_code.clone(), given.to_vec());
    let request = peer.request(operation);
    let reply = request
        .args(move |out| given.iter().try_for_each(|value| out.write_value(&of, value)))
        .invoke()?;
    let mut input = reply.input();
    Ok((0..wanted)
        .map(|_| input.read_value(type_code))
        .collect::<Result<_, _>>()?)
}

#[test]
fn rustorbs_client_calls_our_server() {
    let orb = upcall::Orb::builder()
        .listen("iiop://127.0.0.1:0")
        .build()
        .unwrap();
    let peer = server::serve(&orb).unwrap();
    let theirs = rustorb(false);
    let reference = theirs
        .string_to_object(&orb.object_to_string(&peer))
        .unwrap()
        .unwrap();
    let mut failed = Vec::new();
    for (
        name,
        Known {
            type_code,
            samples: [zero, one],
        },
    ) in known(&theirs)
    {
        let echoed = call(
            &reference,
            &format!("echo_{name}"),
            &type_code,
            &[zero.clone(), one.clone()],
            3,
        );
        let wanted = vec![zero.clone(), zero.clone(), one.clone()];
        if !echoed
            .as_ref()
            .is_ok_and(|values| name == "longdouble" || *values == wanted)
        {
            failed.push(format!("echo_{name}: {echoed:?}"));
        }
        let sent = call(
            &reference,
            &format!("_set_kept_{name}"),
            &type_code,
            std::slice::from_ref(&one),
            0,
        );
        let kept = sent.and_then(|_| call(&reference, &format!("_get_kept_{name}"), &type_code, &[], 1));
        if !kept
            .as_ref()
            .is_ok_and(|values| name == "longdouble" || values[0] == one)
        {
            failed.push(format!("kept_{name}: {kept:?}"));
        }
        let any = Any::new(type_code.clone(), zero);
        let request = reference.request("in_any").args(move |out| {
            out.write_string(name)?;
            out.write_any(&any)
        });
        let held = request.invoke().and_then(|reply| Ok(reply.input().read_any()?));
        let right = |any: &Any| any.typecode().equivalent(&type_code) && *any.value() == one;
        if !held.as_ref().is_ok_and(|any| name == "longdouble" || right(any)) {
            failed.push(format!("any_{name}: {held:?}"));
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(reference.is_a(idl::PeerRef::REPOSITORY_ID).unwrap());
    assert!(!reference.non_existent().unwrap());
    match reference
        .request("user")
        .args(|out| {
            out.write_i32(1);
            Ok(())
        })
        .invoke()
    {
        Err(Exception::User(raised)) => assert_eq!(raised.repository_id(), idl::Plain::REPOSITORY_ID),
        other => panic!("{other:?}"),
    }
}
