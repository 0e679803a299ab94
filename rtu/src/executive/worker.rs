// SPDX-License-Identifier: MIT OR Apache-2.0
//! A thread of the executive: asks the scheduler who is next, runs it, and obeys commands in between.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::scheduler::{Overrun, Parameters, RtuId, Running};
use crate::{Activation, Nanos, Outcome};

use super::clock;
use super::platform::{Place, Platform};
use super::record::{Arrival, COMMANDS, Command, Departed, Handler, Record, Which};
use super::steward::Steward;

/// How soon a lock is tried again that somebody held.
const RETRY: Nanos = Nanos::from_millis(1);

/// A thread's handlers, and what it runs them with. Between upcalls it takes no lock that it would have to wait for.
pub(super) struct Worker {
    platform: Platform,
    /// By the slots of the scheduler.
    rtus: Box<[Option<Rtu>]>,
    steward: Arc<Steward>,
    commands: Vec<Command>,
    /// What could not be handed over at once, because somebody held the lock.
    outbox: VecDeque<Outgoing>,
}

/// What an upcall needs beside the scheduler, and no more: of many RTUs, few are in the processor's caches.
struct Rtu {
    handler: Handler,
    record: Arc<Record>,
    batch: u32,
    index: u32,
}

enum Outgoing {
    ToSteward(Departed),
    ToOtherSide(Command),
}

impl Worker {
    pub(super) fn new(platform: Platform, steward: Arc<Steward>) -> Self {
        let capacity = platform.cpu.capacity();
        Self {
            platform,
            rtus: (0..capacity).map(|_| None).collect(),
            steward,
            commands: Vec::with_capacity(capacity),
            outbox: VecDeque::with_capacity(capacity),
        }
    }

    /// Runs until it is told to stop, and then hands all handlers over to the steward.
    pub(super) fn run(mut self) {
        self.platform.now = clock::now();
        while !self.platform.is_stopped() {
            self.platform.look();
            if self.platform.commands {
                self.obey();
                // The notice may have come with the word to stop, and it comes only once.
                continue;
            }
            if !self.outbox.is_empty() {
                self.hand_over();
            }
            self.platform.give_way();
            match self.platform.scheduler.next() {
                Some(running) => self.dispatch(running),
                None => {
                    let retry = (!self.outbox.is_empty()).then(|| self.platform.now + RETRY);
                    self.platform.idle(retry);
                }
            }
        }
        self.leave();
    }

    fn dispatch(&mut self, running: Running) {
        let Some(rtu) = self.rtus.get_mut(running.id.slot()).and_then(Option::as_mut) else {
            self.platform.scheduler.remove(running.id);
            return;
        };
        let index = rtu.index;
        let entered = self.platform.now;
        self.platform.side().current.enter(index, entered);
        let Running {
            released, deadline, ..
        } = running;
        let mut cx = Activation::new(&mut self.platform, released, deadline, rtu.batch);
        // A handler that panics is never called again, so nobody sees what it left half done.
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let outcome = rtu.handler.upcall(&mut cx);
            (outcome, cx.wants_again())
        }));
        self.platform.side().current.leave();
        self.platform.side().usage.upcalls.add(1);
        // The end of this upcall is the beginning of the next: one look at the clock for each, and all time is charged.
        self.platform.now = clock::now();
        let used = self.platform.now - entered;
        match ended {
            Ok((outcome, again)) => self.finish(running.id, index, outcome, again, used),
            Err(panic) => self.depart(index, running.id, Some(panic), None),
        }
    }

    fn finish(&mut self, id: RtuId, index: u32, outcome: Outcome, again: bool, seeming: Nanos) {
        let platform = &mut self.platform;
        if again {
            platform.scheduler.notify(id, platform.now);
        }
        let used = if platform.scheduler.would_overrun(id, outcome, seeming) {
            platform.verify(seeming)
        } else {
            seeming
        };
        let finished = platform.scheduler.finish(id, outcome, used, platform.now);
        let demoted = finished.is_some_and(|finished| finished.overrun == Some(Overrun::Demote));
        if demoted && platform.which == Which::Guaranteed {
            self.move_over(index, id, None);
        }
    }

    /// Does what was asked for meanwhile. If somebody holds the lock, he is going to post a notice afterwards.
    fn obey(&mut self) {
        self.platform.commands = false;
        let cpu = Arc::clone(&self.platform.cpu);
        let Some(mut commands) = cpu.side(self.platform.which).commands.try_lock() else {
            return;
        };
        std::mem::swap(&mut commands.queue, &mut self.commands);
        drop(commands);
        let mut commands = std::mem::take(&mut self.commands);
        commands.drain(..).for_each(|command| self.execute(command));
        self.commands = commands;
    }

    fn execute(&mut self, command: Command) {
        let record = match command {
            Command::Install(arrival) => return self.install(arrival),
            Command::Change(ref record, _) | Command::Remove(ref record) => record,
        };
        let index = record.index;
        match (self.platform.place(index), command) {
            (Place::Vacant | Place::Early, _) => {}
            (Place::Moved, command) => self.send(Outgoing::ToOtherSide(command)),
            (Place::Here(id), Command::Remove(record)) => self.depart(index, id, None, Some(record)),
            (Place::Here(id), Command::Change(_, parameters)) => self.change(index, id, parameters),
            (Place::Here(_), Command::Install(_)) => {}
        }
    }

    fn install(&mut self, arrival: Arrival) {
        let Arrival {
            record,
            handler,
            parameters,
            ..
        } = arrival;
        let (index, now) = (record.index, self.platform.now);
        let start = arrival.start.unwrap_or(now);
        let scheduler = &mut self.platform.scheduler;
        let id = scheduler.add_with_meter(parameters, start, Arc::clone(&record.meter));
        if arrival.demoted {
            scheduler.demote(id);
        }
        if arrival.moved || self.platform.place(index) == Place::Early {
            self.platform.scheduler.notify(id, now);
        }
        if let Some(slot) = self.rtus.get_mut(id.slot()) {
            *slot = Some(Rtu {
                handler,
                batch: record.batch,
                record,
                index,
            });
        }
        self.platform.set_place(index, Place::Here(id));
        self.platform.side().may_be(parameters.urgency());
    }

    fn change(&mut self, index: u32, id: RtuId, parameters: Parameters) {
        if Which::of(&parameters) != self.platform.which {
            return self.move_over(index, id, Some(parameters));
        }
        let scheduler = &mut self.platform.scheduler;
        let was_periodic = scheduler.parameters(id).is_some_and(Parameters::is_periodic);
        scheduler.change(id, parameters, self.platform.now);
        // What it was notified of since it was asked to change came to one that heeds its period alone.
        if was_periodic {
            scheduler.notify(id, self.platform.now);
        }
        self.platform.side().may_be(parameters.urgency());
    }

    /// Takes an RTU off this thread.
    fn take(&mut self, index: u32, id: RtuId, place: Place) -> Option<Rtu> {
        self.platform.scheduler.remove(id);
        self.platform.set_place(index, place);
        self.rtus.get_mut(id.slot())?.take()
    }

    /// Sends an RTU to the other side: with new parameters, or demoted with those it has.
    fn move_over(&mut self, index: u32, id: RtuId, parameters: Option<Parameters>) {
        let has = self.platform.scheduler.parameters(id).copied();
        let Some((rtu, has)) = self.take(index, id, Place::Moved).zip(has) else {
            return;
        };
        self.send(Outgoing::ToOtherSide(Command::Install(Arrival {
            record: rtu.record,
            handler: rtu.handler,
            parameters: parameters.unwrap_or(has),
            start: None,
            moved: true,
            demoted: parameters.is_none(),
        })));
    }

    /// Takes an RTU out for good.
    fn depart(&mut self, index: u32, id: RtuId, panic: Option<Box<dyn Any + Send>>, by: Option<Arc<Record>>) {
        let Some(rtu) = self.take(index, id, Place::Vacant) else {
            return;
        };
        // The last to know the record frees it, which had better not be this thread.
        let record = by.unwrap_or_else(|| Arc::clone(&rtu.record));
        self.send(Outgoing::ToSteward(Departed {
            record,
            handler: rtu.handler,
            panic,
        }));
    }

    /// Hands over in order, so nothing overtakes what waits.
    fn send(&mut self, outgoing: Outgoing) {
        self.outbox.push_back(outgoing);
        self.hand_over();
    }

    fn hand_over(&mut self) {
        while let Some(outgoing) = self.outbox.pop_front() {
            let left = match outgoing {
                Outgoing::ToSteward(departed) => self.steward.try_receive(departed).map(Outgoing::ToSteward),
                Outgoing::ToOtherSide(command) => self.try_send_over(command),
            };
            if let Some(left) = left {
                self.outbox.push_front(left);
                return;
            }
        }
    }

    /// What cannot be sent without waiting comes back.
    fn try_send_over(&self, command: Command) -> Option<Outgoing> {
        let (cpu, other) = (&self.platform.cpu, self.platform.which.other());
        let side = cpu.side(other);
        let Some(mut commands) = side.commands.try_lock() else {
            return Some(Outgoing::ToOtherSide(command));
        };
        if commands.closed {
            return departed(command).map(Outgoing::ToSteward);
        }
        if let Command::Install(arrival) = &command {
            // From here on commands and notices go there, behind this one; what came before is sent after it.
            cpu.set_place(arrival.record.index, other);
        }
        commands.queue.push(command);
        drop(commands);
        side.post(COMMANDS);
        None
    }

    /// The executive ends: nobody waits for this thread any more, so it may wait for others.
    fn leave(mut self) {
        let mut commands = {
            let mut commands = self.platform.side().commands.lock();
            commands.closed = true;
            std::mem::take(&mut commands.queue)
        };
        commands.drain(..).for_each(|command| self.execute(command));
        for index in 0..=self.platform.cpu.capacity() {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            if let Place::Here(id) = self.platform.place(index) {
                self.depart(index, id, None, None);
            }
        }
        while !self.outbox.is_empty() {
            clock::sleep_until(clock::now() + RETRY);
            self.hand_over();
        }
        self.steward.worker_left();
    }
}

/// What becomes of an RTU that was to go to a thread that is gone.
fn departed(command: Command) -> Option<Departed> {
    match command {
        Command::Install(arrival) => Some(Departed {
            record: arrival.record,
            handler: arrival.handler,
            panic: None,
        }),
        Command::Change(..) | Command::Remove(_) => None,
    }
}
