// SPDX-License-Identifier: MIT OR Apache-2.0
//! A control: a task of tokio for each connection, without an ORB.

use std::io;
use std::process::ExitCode;

use probe::{Role, giop};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn main() -> ExitCode {
    match Role::from_arguments().and_then(|role| serve(&role).map_err(|error| error.to_string())) {
        // The measurement is over: nothing is worth an orderly shutdown.
        Ok(()) => std::process::exit(0),
        Err(reason) => {
            eprintln!("tokio-server: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn serve(role: &Role) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?.to_string();
    let references = (0..role.objects).map(|index| giop::reference(&address, index));
    let references: Vec<String> = references.collect();
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    probe::serve(&references.join(","));
    Ok(())
}

/// Answers until the peer has gone, or can't be understood.
async fn answer(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut session, mut replies, mut buffer) = (giop::Session::default(), Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        session.serve(&buffer[..count], &mut replies).map_err(io::Error::other)?;
        stream.write_all(&replies).await?;
        replies.clear();
    }
}
