// SPDX-License-Identifier: MIT OR Apache-2.0
//! Leader and followers: of the threads that wait for replies one reads for all.

use std::{io, sync::atomic::Ordering, task::Waker, time::Instant};

use parking_lot::MutexGuard;

use super::{Connection, Shared, Wait};
use crate::{
    client::{
        failure::{Delivery, Failure},
        reader::Reader,
        slots::Delivered,
    },
    giop::{Message, MessageType},
    nested,
    transport::Interest,
};

/// How many messages one thread reads for others without looking whether one of them could take over.
const BURST: usize = 1024;

/// The right to receive. Whoever drops it puts the receiving side back and sees to a successor.
#[derive(Debug)]
pub(in crate::client) struct Lead<'c> {
    connection: &'c Connection,
    reader: Option<Box<Reader>>,
}

/// How receiving ended.
enum Received {
    Bytes,
    /// Nothing came, and the time may be over.
    Nothing,
    Failed(Failure),
}

impl Connection {
    /// Waits for the reply to `id`: as the leader with the `lead` that was taken before.
    #[inline]
    pub(in crate::client) fn wait_leading(
        &self,
        lead: Option<Lead<'_>>,
        id: u32,
        wait: &mut Wait,
        reply: &mut Option<Message>,
    ) -> Result<(), Failure> {
        // A thread that has other things to do leaves the reading to others.
        if let Some(lead) = lead.filter(|_| !self.must_attend()) {
            let _blocking = nested::about_to_block();
            return self.lead(lead, id, wait, reply);
        }
        *reply = Some(self.wait(id, wait)?);
        Ok(())
    }

    /// Waits for the reply to `id`: leads if nobody does, follows otherwise.
    pub(crate) fn wait(&self, id: u32, wait: &mut Wait) -> Delivery {
        self.send_collected();
        if self.must_attend() {
            return self.wait_attending(id, wait.deadline);
        }
        let _blocking = nested::about_to_block();
        let mut shared = self.shared.lock();
        loop {
            if let Some(delivery) = shared.slots.take(id) {
                self.pass_lead(&mut shared);
                return delivery;
            }
            if let Some(lead) = self.take_lead(&mut shared) {
                drop(shared);
                let mut reply = None;
                self.lead(lead, id, wait, &mut reply)?;
                return reply.ok_or_else(|| Failure::lost(self.peer(), None, false));
            }
            let Some(wakeup) = shared.slots.follow(id) else {
                return Err(Failure::lost(self.peer(), None, false));
            };
            shared.remember_follower(id);
            let timed_out = wakeup.wait_until(&mut shared, wait.deadline).timed_out();
            if timed_out && !wait.look() {
                if let Some(delivery) = shared.slots.take(id) {
                    self.pass_lead(&mut shared);
                    return delivery;
                }
                shared.slots.rouse(id);
                self.pass_lead(&mut shared);
                return Err(Failure::timeout(self.peer(), "waiting for a reply from"));
            }
        }
    }

    /// Takes the lead if it is free.
    pub(super) fn take_lead<'c>(&'c self, shared: &mut Shared) -> Option<Lead<'c>> {
        let reader = shared.reader.take()?;
        Some(Lead {
            connection: self,
            reader: Some(reader),
        })
    }

    /// Lets the next follower lead, if the lead is free; the executive if only tasks wait.
    pub(super) fn pass_lead(&self, shared: &mut Shared) {
        if shared.reader.is_none() {
            return;
        }
        while let Some(follower) = shared.followers.pop_front() {
            if shared.slots.rouse(follower) {
                return;
            }
        }
        self.watch_if_needed(shared);
        if shared.backlog {
            self.watch(shared, Interest::WRITE_ONCE);
        }
    }

    /// Reads until the reply to `id` is there, delivering the others'.
    fn lead(
        &self,
        mut lead: Lead<'_>,
        id: u32,
        wait: &mut Wait,
        mine: &mut Option<Message>,
    ) -> Result<(), Failure> {
        let mut first = true;
        loop {
            if let Err(failure) = lead.take_messages(Some(id), mine) {
                self.fail(failure);
            } else if mine.is_none() && !first && !wait.look() {
                return Err(lead.time_is_over());
            }
            if mine.is_some() || !self.is_open() {
                return lead.finish(id, mine.is_some());
            }
            first = false;
            if let Received::Failed(failure) = lead.receive(wait) {
                self.fail(failure);
            }
            if self.writer.has_backlog() {
                // Room for it may have shown while receiving. A broken link shows there, too.
                drop(self.writer.flush(self));
            }
        }
    }

    /// Reads what has arrived without waiting. Returns `false` if there may be more.
    pub(super) fn read_what_is_there(&self, mut lead: Lead<'_>) -> bool {
        for round in 0..=BURST {
            if let Err(failure) = lead.take_messages(None, &mut None) {
                self.fail(failure);
                return true;
            }
            // What was received last is taken as well: no link tells of it again.
            if round == BURST {
                break;
            }
            match lead.try_receive() {
                Received::Bytes => {}
                Received::Nothing => return true,
                Received::Failed(failure) => {
                    self.fail(failure);
                    return true;
                }
            }
        }
        false
    }

    /// Looks at a connection that was idle: has the peer closed it?
    #[cold]
    pub(super) fn look_again<'s>(
        &'s self,
        mut shared: MutexGuard<'s, Shared>,
    ) -> Result<MutexGuard<'s, Shared>, Failure> {
        let Some(lead) = self.take_lead(&mut shared) else {
            return Ok(shared);
        };
        drop(shared);
        self.read_what_is_there(lead);
        let shared = self.shared.lock();
        match &shared.failure {
            Some(failure) => Err(super::unsent(failure)),
            None => Ok(shared),
        }
    }
}

impl Lead<'_> {
    /// Hands out the whole messages that were received; the one for `mine_id` goes to `mine`.
    fn take_messages(&mut self, mine_id: Option<u32>, mine: &mut Option<Message>) -> Result<(), Failure> {
        let peer = || self.connection.peer();
        let Some(reader) = &mut self.reader else {
            return Ok(());
        };
        let mut others = Deliveries::of(self.connection);
        while let Some(message) = reader
            .next_message()
            .map_err(|error| Failure::garbage(peer(), &error))?
        {
            match message.message_type() {
                MessageType::Reply | MessageType::LocateReply => {
                    let id = message.request_id();
                    if id.is_some() && id == mine_id {
                        *mine = Some(message);
                    } else {
                        others.deliver(id, message);
                    }
                }
                MessageType::CloseConnection => return Err(Failure::closed(peer())),
                MessageType::MessageError => return Err(Failure::refused(peer(), message.header().version)),
                other => return Err(Failure::unexpected(peer(), other)),
            }
        }
        Ok(())
    }

    fn receive(&mut self, wait: &mut Wait) -> Received {
        let connection = self.connection;
        if !connection.settings.busy_poll.is_zero()
            && let Some(received) = self.poll_busily(wait)
        {
            return received;
        }
        let Some(reader) = &mut self.reader else {
            return Received::Nothing;
        };
        let result = reader.recv(&*connection.link, Some(wait.left));
        self.judge(result)
    }

    /// Polls for as long as the settings say, but not beyond the deadline.
    fn poll_busily(&mut self, wait: &mut Wait) -> Option<Received> {
        let begun = Instant::now();
        let until = wait.deadline.min(begun + self.connection.settings.busy_poll);
        loop {
            match self.try_receive() {
                Received::Nothing if Instant::now() < until => std::hint::spin_loop(),
                Received::Nothing => break,
                received => return Some(received),
            }
        }
        if wait.look() {
            None
        } else {
            Some(Received::Nothing)
        }
    }

    fn try_receive(&mut self) -> Received {
        let Some(reader) = &mut self.reader else {
            return Received::Nothing;
        };
        let result = reader.try_recv(&*self.connection.link);
        self.judge(result)
    }

    fn judge(&self, result: io::Result<usize>) -> Received {
        let peer = || self.connection.peer();
        match result {
            Ok(0) => {
                let mid_message = self.reader.as_ref().is_some_and(|reader| !reader.is_idle());
                Received::Failed(Failure::lost(peer(), None, mid_message))
            }
            Ok(_) => Received::Bytes,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Received::Nothing,
            Err(error) => Received::Failed(Failure::lost(peer(), Some(&error), false)),
        }
    }

    /// Ends the lead of a thread that has its reply, or learned that there will be none.
    fn finish(self, id: u32, answered: bool) -> Result<(), Failure> {
        let connection = self.connection;
        let mut shared = connection.shared.lock();
        let result = if answered {
            if !connection.is_answered() {
                connection.answered.store(true, Ordering::Relaxed);
            }
            // The connection may have ended after the reply: then a failure was delivered too.
            shared.slots.close_or_clear(id);
            Ok(())
        } else {
            Err(connection.failure_of(&mut shared, id))
        };
        self.put_back(&mut shared);
        result
    }

    #[cold]
    fn time_is_over(self) -> Failure {
        let connection = self.connection;
        let mut shared = connection.shared.lock();
        self.put_back(&mut shared);
        Failure::timeout(connection.peer(), "waiting for a reply from")
    }

    /// Puts the receiving side back under the lock that the caller holds.
    fn put_back(mut self, shared: &mut Shared) {
        if let Some(mut reader) = self.reader.take() {
            reader.rest();
            shared.reader = Some(reader);
            self.connection.pass_lead(shared);
        }
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        if let Some(mut reader) = self.reader.take() {
            reader.rest();
            let mut shared = self.connection.shared.lock();
            shared.reader = Some(reader);
            self.connection.pass_lead(&mut shared);
        }
    }
}

impl Shared {
    fn remember_follower(&mut self, id: u32) {
        // Those whose reply came while they slept are still in the list.
        if self.followers.len() > 2 * self.slots.live() + 64 {
            let Self { followers, slots, .. } = self;
            followers.retain(|&follower| slots.is_asleep(follower));
        }
        self.followers.push_back(id);
    }
}

impl Connection {
    /// Returns why there will be no reply to `id`.
    #[cold]
    fn failure_of(&self, shared: &mut Shared, id: u32) -> Failure {
        let delivered = shared.slots.take(id).and_then(Result::err);
        let failure = delivered.or_else(|| shared.failure.clone());
        failure.unwrap_or_else(|| Failure::lost(self.peer(), None, false))
    }
}

/// Puts replies where their callers find them, under one lock as long as it can be kept.
struct Deliveries<'c> {
    connection: &'c Connection,
    shared: Option<MutexGuard<'c, Shared>>,
}

impl<'c> Deliveries<'c> {
    fn of(connection: &'c Connection) -> Self {
        Self {
            connection,
            shared: None,
        }
    }

    fn deliver(&mut self, id: Option<u32>, message: Message) {
        let connection = self.connection;
        let Some(id) = id else {
            tracing::warn!(peer = %connection.peer(), "a reply whose request id cannot be read");
            return;
        };
        if !connection.is_answered() {
            connection.answered.store(true, Ordering::Relaxed);
        }
        let shared = self.shared.get_or_insert_with(|| connection.shared.lock());
        let delivered = shared.slots.deliver(id, Ok(message));
        if matches!(delivered, Delivered::Kept(None)) {
            return;
        }
        // Who is told may do anything.
        self.shared = None;
        match delivered {
            Delivered::Kept(waker) => waker.into_iter().for_each(Waker::wake),
            Delivered::Late => {
                tracing::debug!(peer = %connection.peer(), id, "a reply to a call that was given up")
            }
            Delivered::Unknown => {
                tracing::warn!(peer = %connection.peer(), id, "a reply nobody asked for")
            }
        }
    }
}
