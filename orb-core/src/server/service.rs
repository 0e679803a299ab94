// SPDX-License-Identifier: MIT OR Apache-2.0
//! Taking messages off a connection and serving them, one at a time: what workers and flows have in common.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
};

use bytes::BytesMut;

use crate::{
    cdr::Version,
    codeset::CodeSets,
    giop::{self, Message, MessageType},
    qos::{Granted, Qos},
    server::{
        asking::{Asked, Asking, Verdict},
        connection::{Connection, Next, Wait},
        session::{Follow, Session},
        shared::Shared,
        slot::Slot,
    },
};

/// From this size on, a message's memory is taken back as a whole.
const LARGE: usize = 64 * 1024;
/// A buffer that has grown for a large message is kept up to this size.
pub(super) const KEPT: usize = 4 << 20;

/// What one thread serves messages with.
pub(super) struct Service {
    pub(super) shared: Arc<Shared>,
    pub(super) slot: Arc<Slot>,
    /// What connections receive into.
    pub(super) spare: Option<BytesMut>,
    /// What replies are encoded in.
    buffer: BytesMut,
    /// There are too many requests in progress for others.
    pub(super) refusing: bool,
    /// What the client is told with the next reply: it has been granted something else.
    pub(super) news: Option<Box<Granted>>,
}

/// What became of the next message.
#[derive(Debug)]
pub(super) enum Turn {
    /// It was served; `more` if another is there already.
    Served { more: bool },
    /// All that had come was served before.
    Drained,
    /// Nothing came in the time given.
    Nothing,
    /// No more messages are served for now: the peer takes no replies, or the server stops.
    Held,
    /// Somebody else reads the connection now.
    Lost,
    /// The next message asks for quality of service for its connection: it is served once there is a verdict.
    Asked(Box<Asked>),
    /// The connection is at its end.
    Ended,
}

impl Service {
    pub(super) fn new(shared: &Arc<Shared>, slot: &Arc<Slot>, refusing: bool) -> Self {
        Self {
            shared: Arc::clone(shared),
            slot: Arc::clone(slot),
            spare: None,
            buffer: BytesMut::with_capacity(1024),
            refusing,
            news: None,
        }
    }

    /// Serves the next message, if there is one. Its reply may be held back for the next one's, if there is `more`.
    #[inline]
    pub(super) fn turn(
        &mut self,
        connection: &Arc<Connection>,
        epoch: u64,
        drained: &mut bool,
        wait: Wait,
    ) -> Turn {
        let slot = &self.slot;
        let mut place = None;
        match connection.next(epoch, drained, wait, &mut self.spare, &mut place, || slot.begin()) {
            Next::Message { codesets, more } => {
                let turn = match &place {
                    Some(message) => self.handle(connection, epoch, message, codesets, more, None),
                    None => Turn::Served { more },
                };
                self.slot.end();
                if let Some(large) = place.take_if(|message| message.octets().len() >= LARGE) {
                    connection.recycle(epoch, large);
                }
                turn
            }
            Next::Drained => Turn::Drained,
            Next::Nothing => Turn::Nothing,
            Next::NotOurs => Turn::Lost,
            Next::Ended => Turn::Ended,
            Next::Wrong(error) => {
                connection.refuse(epoch, &error);
                *drained = false;
                Turn::Served { more: false }
            }
        }
    }

    /// Serves a message that asked for something, now that it is decided.
    pub(super) fn decided(
        &mut self,
        connection: &Arc<Connection>,
        epoch: u64,
        asked: &Asked,
        verdict: &Verdict,
    ) -> Turn {
        self.slot.begin();
        let codesets = connection.codesets();
        let turn = self.handle(connection, epoch, &asked.message, codesets, false, Some(verdict));
        self.slot.end();
        turn
    }

    #[inline]
    fn handle(
        &mut self,
        connection: &Arc<Connection>,
        epoch: u64,
        message: &Message,
        codesets: CodeSets,
        more: bool,
        verdict: Option<&Verdict>,
    ) -> Turn {
        if self.shared.stopping.load(Ordering::SeqCst) {
            // What is not begun is not served: CloseConnection tells the client so.
            return Turn::Held;
        }
        let terms = &connection.terms;
        let mut session = Session {
            adapter: &**terms.adapter.as_ref().unwrap_or(&self.shared.adapter),
            orb: self.shared.orb.as_ref(),
            poller: &*self.shared.poller,
            connection,
            slot: &self.slot,
            buffer: &mut self.buffer,
            codesets,
            more,
            refusing: self.refusing,
            deadline: None,
            verdict,
            news: &mut self.news,
        };
        let follow = session.serve(message);
        if self.buffer.capacity() > KEPT {
            self.buffer = BytesMut::with_capacity(1024);
        }
        match follow {
            Ok(Follow::Nothing) if terms.once && message.message_type() == MessageType::Request => {
                connection.dismiss(epoch, &giop::close_connection(Version::V1_2));
            }
            Ok(Follow::Nothing) => {}
            Ok(Follow::Cancel(id)) => self.cancel(connection, id),
            Ok(Follow::Negotiate(qos)) => {
                return self.asked(connection, epoch, message, codesets, more, *qos);
            }
            Ok(Follow::Close) => return Turn::Ended,
            Err(error) => connection.refuse(epoch, &error),
        }
        if connection.is_backed_up() {
            return Turn::Held;
        }
        Turn::Served { more }
    }

    /// Has decided what a request asks for its connection.
    #[cold]
    fn asked(
        &mut self,
        connection: &Arc<Connection>,
        epoch: u64,
        message: &Message,
        codesets: CodeSets,
        more: bool,
        qos: Qos,
    ) -> Turn {
        let asked = Box::new(Asked {
            message: message.clone(),
            qos,
        });
        if connection.terms.flow {
            return Turn::Asked(asked);
        }
        let verdict = match self.negotiate(connection, epoch, codesets, asked) {
            Some(verdict) => verdict,
            None => return Turn::Lost,
        };
        self.handle(connection, epoch, message, codesets, more, Some(&verdict))
    }

    /// Has the adapter decide; `None` if the connection was taken over.
    fn negotiate(
        &self,
        connection: &Arc<Connection>,
        epoch: u64,
        codesets: CodeSets,
        asked: Box<Asked>,
    ) -> Option<Verdict> {
        // Whoever takes a connection over finds nothing in it but the request.
        if !connection.pin(epoch) {
            return Some(Verdict::Unheard);
        }
        let request = asked.message.request(codesets, None);
        let key = request
            .ok()
            .and_then(|(header, _)| header.target.object_key().ok());
        let Some(object_key) = key.map(<[u8]>::to_vec) else {
            connection.unpin();
            return Some(Verdict::Unheard);
        };
        let adapter = connection.terms.adapter.as_ref().unwrap_or(&self.shared.adapter);
        let asking = Asking {
            shared: Arc::clone(&self.shared),
            connection: Arc::clone(connection),
            epoch,
            object_key,
            asked,
        };
        let verdict = catch_unwind(AssertUnwindSafe(|| adapter.negotiate(asking)));
        connection.unpin();
        verdict.unwrap_or(Some(Verdict::Unheard))
    }

    #[cold]
    fn cancel(&self, connection: &Arc<Connection>, id: u32) {
        for slot in self.shared.slots.lock().iter() {
            slot.cancel(connection, id);
        }
    }
}
