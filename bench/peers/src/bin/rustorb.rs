// SPDX-License-Identifier: MIT OR Apache-2.0
//! rustorb's server and client: see `bench/probe` for what they are told and what they print.

use std::process::ExitCode;
use std::sync::Arc;

use probe::{BLOB, DOUBLES, ITEMS, Role, TEXT, Work};
use rustorb_core::{
    CompletionStatus, EndpointAddr, Exception, InStream, ObjectRef, Orb, OrbOptions, OutStream, Servant, ServerReply,
    SystemException, SystemExceptionKind, minor,
};

struct Target;

struct Item {
    a: i32,
    b: f64,
    s: String,
    v: Vec<f64>,
}

impl Servant for Target {
    fn repository_id(&self) -> &str {
        "IDL:Bench/Target:1.0"
    }

    fn dispatch(
        &self,
        operation: &str,
        input: &mut InStream<'_>,
        reply: &mut ServerReply,
    ) -> Result<(), SystemException> {
        match operation {
            "nothing" => Ok(()),
            "put" => {
                std::hint::black_box(input.read_octet_seq_shared()?);
                Ok(())
            }
            "echo" => {
                let items = read_items(input)?;
                write_items(&mut reply.output(), &items)
            }
            _ => Err(SystemException::new(
                SystemExceptionKind::BAD_OPERATION,
                minor::UNKNOWN_OPERATION,
                CompletionStatus::No,
            )),
        }
    }
}

fn read_items(input: &mut InStream<'_>) -> Result<Vec<Item>, SystemException> {
    let count = input.read_len(16)?;
    (0..count)
        .map(|_| {
            Ok(Item { a: input.read()?, b: input.read()?, s: input.read_string()?, v: input.read()? })
        })
        .collect()
}

fn write_items(out: &mut OutStream<'_>, items: &[Item]) -> Result<(), SystemException> {
    out.write_len(items.len())?;
    for item in items {
        out.write_i32(item.a);
        out.write_f64(item.b);
        out.write_string(&item.s)?;
        out.write_len(item.v.len())?;
        for value in &item.v {
            out.write_f64(*value);
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    let result = Role::from_arguments().and_then(|role| match role.name.as_str() {
        "server" => serve().map_err(|error| format!("{error:?}")),
        _ => call(&role),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("rustorb: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let endpoints = vec![EndpointAddr { host: "127.0.0.1".into(), port: 0 }];
    let orb = Orb::with_options(OrbOptions { endpoints, ..OrbOptions::default() })?;
    let root = orb.root_poa()?;
    let id = root.activate_object(Arc::new(Target))?;
    root.the_poa_manager().activate()?;
    probe::serve(&orb.object_to_string(Some(&root.id_to_reference(&id)?))?);
    Ok(())
}

fn call(role: &Role) -> Result<(), String> {
    let orb = Orb::with_options(OrbOptions::default()).map_err(|error| error.to_string())?;
    let target = orb.string_to_object(&role.address).map_err(|error| error.to_string())?.ok_or("nil")?;
    let report = if role.threads > 0 {
        probe::rate(role, |_| Ok::<_, Exception>(caller(role.work, target.clone())))
    } else {
        probe::latency(role, caller(role.work, target))
    };
    report?.print("RESULT");
    Ok(())
}

fn caller(work: Work, target: ObjectRef) -> Box<dyn FnMut() -> Result<(), Exception> + Send> {
    match work {
        Work::Null => Box::new(move || target.request("nothing").invoke().map(|_| ())),
        Work::Put => {
            let blob = rustorb_core::Octets::from(vec![7; BLOB]);
            Box::new(move || {
                let request = target.request("put").args(|out| Ok(out.write_octet_seq_shared(&blob)?));
                request.invoke().map(|_| ())
            })
        }
        Work::Echo => {
            let items: Vec<Item> = (0..ITEMS)
                .map(|a| Item { a: a as i32, b: a as f64, s: TEXT.into(), v: (0..DOUBLES).map(|v| v as f64).collect() })
                .collect();
            Box::new(move || {
                let reply = target.request("echo").args(|out| write_items(out, &items)).invoke()?;
                std::hint::black_box(read_items(&mut reply.input())?);
                Ok(())
            })
        }
    }
}
