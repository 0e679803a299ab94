// SPDX-License-Identifier: MIT OR Apache-2.0
//! Taking messages off a connection and serving them, one at a time: what workers and flows have in common.

use std::sync::{Arc, atomic::Ordering};

use bytes::BytesMut;

use crate::{
    cdr::Version,
    codeset::CodeSets,
    giop::{self, Message, MessageType},
    server::{
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
                    Some(message) => self.handle(connection, epoch, message, codesets, more),
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

    #[inline]
    fn handle(
        &mut self,
        connection: &Arc<Connection>,
        epoch: u64,
        message: &Message,
        codesets: CodeSets,
        more: bool,
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
            Ok(Follow::Close) => return Turn::Ended,
            Err(error) => connection.refuse(epoch, &error),
        }
        if connection.is_backed_up() {
            return Turn::Held;
        }
        Turn::Served { more }
    }

    #[cold]
    fn cancel(&self, connection: &Arc<Connection>, id: u32) {
        for slot in self.shared.slots.lock().iter() {
            slot.cancel(connection, id);
        }
    }
}
