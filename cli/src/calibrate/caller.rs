// SPDX-License-Identifier: MIT OR Apache-2.0
//! A client without an ORB: it sends what was prepared, any number of requests at once, and counts replies.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use orb_core::cdr::{CdrError, Encoder, Marshal};
use orb_core::codeset::CodeSets;
use orb_core::giop::{
    Assembler, GiopError, Limits, MessageType, ReplyStatus, RequestHeader, ResponseFlags, ServiceContexts,
    TargetAddress, begin, begin_body, finish,
};

/// How long a server on the same machine may take for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request as it goes to the wire.
#[derive(Debug)]
pub(super) struct Request {
    /// The whole message.
    pub(super) octets: Vec<u8>,
    /// How much of it is arguments.
    pub(super) payload: usize,
}

impl Request {
    /// Writes a request of GIOP 1.2 to the object of that key.
    ///
    /// # Errors
    /// If an argument has no CDR form.
    pub(super) fn new(
        key: &[u8],
        operation: &str,
        argument: Option<&impl Marshal>,
    ) -> Result<Self, CdrError> {
        let header = RequestHeader {
            request_id: 1,
            response: ResponseFlags::Target,
            target: TargetAddress::Key(key),
            operation,
            service_contexts: ServiceContexts::default(),
        };
        let mut encoder = Encoder::native();
        begin(&mut encoder, MessageType::Request);
        header.encode(&mut encoder)?;
        let padding = begin_body(&mut encoder);
        let before = encoder.position();
        if let Some(argument) = argument {
            argument.marshal(&mut encoder)?;
        }
        let payload = encoder.position() - before;
        finish(&mut encoder, Some(padding))?;
        Ok(Self {
            octets: encoder.contiguous().to_vec(),
            payload,
        })
    }
}

/// Why calls came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// The connection.
    #[error("{0}")]
    Connection(#[from] io::Error),
    /// What came is no GIOP.
    #[error("{0}")]
    Giop(#[from] GiopError),
    /// What came is no reply.
    #[error("{0}")]
    Cdr(#[from] CdrError),
    /// The call failed.
    #[error("a reply of {0}")]
    Refused(String),
}

/// A connection to a server.
pub(super) struct Caller {
    stream: TcpStream,
    assembler: Assembler,
    chunk: Vec<u8>,
}

impl Caller {
    /// Connects.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            assembler: Assembler::new(Limits::default()),
            chunk: vec![0; 1 << 17],
        })
    }

    /// Sends so many requests in one go, and waits for as many replies.
    ///
    /// # Errors
    /// If they do not come, or one is not the result of an operation.
    pub(super) fn call(&mut self, requests: &[u8], count: usize) -> Result<(), CallError> {
        self.stream.write_all(requests)?;
        for _ in 0..count {
            self.reply()?;
        }
        Ok(())
    }

    fn reply(&mut self) -> Result<(), CallError> {
        loop {
            if let Some(message) = self.assembler.next_message()? {
                if message.message_type() != MessageType::Reply {
                    return Err(CallError::Refused(format!("{:?}", message.message_type())));
                }
                let (header, _) = message.reply(CodeSets::default(), None)?;
                if header.status != ReplyStatus::NoException {
                    return Err(CallError::Refused(format!("{:?}", header.status)));
                }
                return Ok(());
            }
            match self.stream.read(&mut self.chunk)? {
                0 => return Err(io::Error::from(ErrorKind::UnexpectedEof).into()),
                count => {
                    let came = self.chunk.get(..count).unwrap_or_default();
                    self.assembler.buffer(count).extend_from_slice(came);
                }
            }
        }
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}
