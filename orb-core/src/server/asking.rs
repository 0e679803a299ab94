// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a client asks for its connection, and what comes of it.

use std::{fmt, sync::Arc};

use crate::{
    exception::SystemException,
    giop::Message,
    qos::{Granted, Qos},
    servant::Adapter,
    server::{
        connection::Connection,
        flow::{Flow, FlowConfig},
        shared::Shared,
    },
    transport::Endpoint,
};

/// What came of a client's request for quality of service for its connection.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It is granted, and the reply says so.
    Granted(Granted),
    /// It is not, and this is the reply.
    Refused(SystemException),
    /// Nothing is granted to anybody here: the request is served as if it had not asked.
    Unheard,
}

/// A request that was not served yet, since it asks for something that is to be decided first.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) message: Message,
    pub(super) qos: Qos,
}

/// A client that asks for quality of service for its connection, which workers have served so far.
pub struct Asking {
    pub(super) shared: Arc<Shared>,
    pub(super) connection: Arc<Connection>,
    pub(super) epoch: u64,
    pub(super) object_key: Vec<u8>,
    pub(super) asked: Box<Asked>,
}

impl Asking {
    /// Returns what is asked for.
    pub fn qos(&self) -> &Qos {
        &self.asked.qos
    }

    /// Returns the key of the object that the request is for.
    pub fn object_key(&self) -> &[u8] {
        &self.object_key
    }

    /// Returns the server's side of the connection.
    pub fn local(&self) -> &Endpoint {
        self.connection.link.local()
    }

    /// Returns the other side's address.
    pub fn peer(&self) -> &Endpoint {
        self.connection.peer()
    }

    /// Returns who serves the requests of the server's connections.
    pub fn adapter(&self) -> &Arc<dyn Adapter> {
        &self.shared.adapter
    }

    /// Takes the connection over: one owner serves it for good, beginning with the request that asked, whose reply says what
    /// was granted. `None`, and closed, if the server stops or has too many connections.
    pub fn into_flow(self, config: FlowConfig, granted: Granted) -> Option<Flow> {
        let link = self.shared.retire(&self.connection, self.epoch)?;
        let mut flow = Flow::adopt(&self.shared, link, config)?;
        flow.begin_with(self.asked, self.connection.codesets(), Verdict::Granted(granted));
        Some(flow)
    }
}

impl fmt::Debug for Asking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asking")
            .field("peer", self.connection.peer())
            .field("qos", self.qos())
            .finish_non_exhaustive()
    }
}
