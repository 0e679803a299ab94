// SPDX-License-Identifier: MIT OR Apache-2.0
//! iceoryx2's request-response, polled at both ends: see `bench/probe` for what server and client are told and print.

use std::error::Error;
use std::hint::spin_loop;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use iceoryx2::prelude::*;
use probe::{NULL_REPLY, NULL_REQUEST, Role};

type Request = [u8; NULL_REQUEST];
type Reply = [u8; NULL_REPLY];
type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    set_log_level(LogLevel::Error);
    let result = Role::from_arguments().and_then(|role| match role.name.as_str() {
        "server" => serve().map_err(|error| error.to_string()),
        _ => call(&role).map_err(|error| error.to_string()),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("iceoryx2: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Outcome<()> {
    let name = format!("upcall-bench/{}", std::process::id());
    let (service, stop) = (name.clone(), Arc::new(AtomicBool::new(false)));
    let (ready, up) = mpsc::channel();
    let answering = thread::spawn({
        let stop = Arc::clone(&stop);
        move || answer(&service, &ready, &stop).map_err(|error| error.to_string())
    });
    // If it never is, the thread says why.
    if up.recv().is_ok() {
        probe::serve(&name);
    }
    stop.store(true, Ordering::Relaxed);
    Ok(answering.join().map_err(|_| "the thread panicked")??)
}

fn answer(name: &str, ready: &mpsc::Sender<()>, stop: &AtomicBool) -> Outcome<()> {
    let node = NodeBuilder::new().create::<ipc::Service>()?;
    let service = node
        .service_builder(&name.try_into()?)
        .request_response::<Request, Reply>()
        .create()?;
    let server = service.server_builder().create()?;
    ready.send(())?;
    while !stop.load(Ordering::Relaxed) {
        match server.receive()? {
            Some(request) => {
                std::hint::black_box(request.payload());
                request.loan_uninit()?.write_payload([0; NULL_REPLY]).send()?;
            }
            None => spin_loop(),
        }
    }
    Ok(())
}

fn call(role: &Role) -> Outcome<()> {
    let node = NodeBuilder::new().create::<ipc::Service>()?;
    let service = node
        .service_builder(&role.address.as_str().try_into()?)
        .request_response::<Request, Reply>()
        .open()?;
    let client = service.client_builder().create()?;
    let report = probe::latency(role, || -> Outcome<()> {
        let pending = client.loan_uninit()?.write_payload([0; NULL_REQUEST]).send()?;
        loop {
            if let Some(reply) = pending.receive()? {
                std::hint::black_box(reply.payload());
                return Ok(());
            }
            spin_loop();
        }
    });
    report?.print("RESULT");
    Ok(())
}
