// SPDX-License-Identifier: MIT OR Apache-2.0
//! The requests of a connection that wait for a reply, by request id.
//!
//! An id is an index into a table and a generation. A slot is used again at once after its reply, so a connection
//! with one caller always uses the same one and allocates nothing. The slot of a request that was given up stays
//! taken until the late reply arrives: otherwise that reply could be taken for another's.

use std::{collections::VecDeque, sync::Arc, task::Waker, time::Instant};

use parking_lot::Condvar;

/// How many given-up requests are remembered; the oldest is forgotten first.
const MAX_ABANDONED: usize = 256;

/// What one slot holds.
#[derive(Debug)]
enum State<R> {
    Free,
    InFlight,
    Done(R),
    Abandoned,
}

/// Who is to be told of the reply.
#[derive(Debug)]
enum Interested {
    Nobody,
    /// A thread asleep on the slot's condition variable.
    Thread,
    Task(Waker),
}

#[derive(Debug)]
struct Slot<R> {
    generation: u16,
    state: State<R>,
    interested: Interested,
    /// When a request that no thread waits for is given up.
    deadline: Option<Instant>,
    wakeup: Arc<Condvar>,
}

/// What became of a reply.
#[derive(Debug)]
#[must_use]
pub(crate) enum Delivered {
    /// Somebody will find it.
    Kept(Option<Waker>),
    /// It came too late.
    Late,
    /// Nobody asked for it.
    Unknown,
}

/// The table of requests in flight; `R` is what is delivered.
#[derive(Debug)]
pub(crate) struct Slots<R> {
    entries: Vec<Slot<R>>,
    free: Vec<u16>,
    abandoned: VecDeque<u32>,
    /// Requests in flight.
    live: usize,
    /// Slots with a task's waker.
    tasks: usize,
    limit: usize,
}

impl<R> Slots<R> {
    /// Makes a table for at most `limit` requests in flight (at most 65,280).
    pub(crate) fn new(limit: usize) -> Self {
        let limit = limit.clamp(1, usize::from(u16::MAX) - MAX_ABANDONED + 1);
        Self {
            entries: Vec::new(),
            free: Vec::new(),
            abandoned: VecDeque::new(),
            live: 0,
            tasks: 0,
            limit,
        }
    }

    /// Takes a slot and returns its request id; `None` when too many are in flight.
    pub(crate) fn open(&mut self) -> Option<u32> {
        if self.live >= self.limit {
            return None;
        }
        let index = match self.free.pop() {
            Some(index) => index,
            None => self.grow()?,
        };
        let slot = self.entries.get_mut(usize::from(index))?;
        slot.state = State::InFlight;
        self.live += 1;
        Some(id(index, slot.generation))
    }

    fn grow(&mut self) -> Option<u16> {
        let index = u16::try_from(self.entries.len()).ok()?;
        self.entries.push(Slot {
            generation: 0,
            state: State::Free,
            interested: Interested::Nobody,
            deadline: None,
            wakeup: Arc::new(Condvar::new()),
        });
        Some(index)
    }

    fn slot(&mut self, id: u32) -> Option<&mut Slot<R>> {
        let (index, generation) = split(id);
        self.entries
            .get_mut(usize::from(index))
            .filter(|slot| slot.generation == generation)
    }

    /// Returns a slot to the free ones; its id is not used again for long.
    fn release(&mut self, id: u32) {
        let (index, _) = split(id);
        if let Some(slot) = self.entries.get_mut(usize::from(index)) {
            slot.generation = slot.generation.wrapping_add(1);
            slot.state = State::Free;
            slot.deadline = None;
            if matches!(
                std::mem::replace(&mut slot.interested, Interested::Nobody),
                Interested::Task(_)
            ) {
                self.tasks -= 1;
            }
            self.free.push(index);
        }
    }

    /// Takes the slot of a request whose reply the caller has in its hands.
    pub(crate) fn close(&mut self, id: u32) {
        if matches!(
            self.slot(id),
            Some(Slot {
                state: State::InFlight,
                ..
            })
        ) {
            self.live -= 1;
            self.release(id);
        }
    }

    /// Takes the slot as [`Slots::close`] does, and what may have been delivered into it meanwhile.
    #[inline]
    pub(crate) fn close_or_clear(&mut self, id: u32) {
        match self.slot(id) {
            Some(Slot {
                state: State::Done(_),
                ..
            }) => drop(self.take(id)),
            _ => self.close(id),
        }
    }

    /// Takes the reply, if it is there, and with it the slot.
    pub(crate) fn take(&mut self, id: u32) -> Option<R> {
        let slot = self.slot(id)?;
        if !matches!(slot.state, State::Done(_)) {
            return None;
        }
        let State::Done(reply) = std::mem::replace(&mut slot.state, State::Free) else {
            return None;
        };
        self.release(id);
        Some(reply)
    }

    /// Puts a reply where its caller finds it.
    pub(crate) fn deliver(&mut self, id: u32, reply: R) -> Delivered {
        let Some(slot) = self.slot(id) else {
            return Delivered::Unknown;
        };
        match slot.state {
            State::InFlight => {
                slot.state = State::Done(reply);
                let waker = match std::mem::replace(&mut slot.interested, Interested::Nobody) {
                    Interested::Nobody => None,
                    Interested::Thread => {
                        slot.wakeup.notify_one();
                        None
                    }
                    Interested::Task(waker) => {
                        self.tasks -= 1;
                        Some(waker)
                    }
                };
                self.live -= 1;
                Delivered::Kept(waker)
            }
            State::Abandoned => {
                self.abandoned.retain(|&given_up| given_up != id);
                self.release(id);
                Delivered::Late
            }
            State::Free | State::Done(_) => Delivered::Unknown,
        }
    }

    /// Gives a request up; returns whether it was still in flight (so that the server may be told).
    pub(crate) fn abandon(&mut self, id: u32) -> bool {
        let Some(slot) = self.slot(id) else { return false };
        match slot.state {
            State::Done(_) => {
                self.release(id);
                false
            }
            State::InFlight => {
                slot.state = State::Abandoned;
                slot.deadline = None;
                if matches!(
                    std::mem::replace(&mut slot.interested, Interested::Nobody),
                    Interested::Task(_)
                ) {
                    self.tasks -= 1;
                }
                self.live -= 1;
                self.abandoned.push_back(id);
                if self.abandoned.len() > MAX_ABANDONED
                    && let Some(oldest) = self.abandoned.pop_front()
                {
                    self.release(oldest);
                }
                true
            }
            State::Free | State::Abandoned => false,
        }
    }

    /// Notes that a thread sleeps until the reply is there, and returns what it sleeps on.
    pub(crate) fn follow(&mut self, id: u32) -> Option<Arc<Condvar>> {
        let slot = self.slot(id)?;
        let was_task = matches!(slot.interested, Interested::Task(_));
        slot.interested = Interested::Thread;
        let wakeup = Arc::clone(&slot.wakeup);
        if was_task {
            self.tasks -= 1;
        }
        Some(wakeup)
    }

    /// Wakes the thread that sleeps on the slot, so that it takes the lead; `false` if none does.
    pub(crate) fn rouse(&mut self, id: u32) -> bool {
        match self.slot(id) {
            Some(slot) if matches!(slot.interested, Interested::Thread) => {
                slot.interested = Interested::Nobody;
                slot.wakeup.notify_one();
                true
            }
            _ => false,
        }
    }

    /// Tells whether a thread sleeps on the slot.
    pub(crate) fn is_asleep(&mut self, id: u32) -> bool {
        self.slot(id)
            .is_some_and(|slot| matches!(slot.interested, Interested::Thread))
    }

    /// Notes which task to wake when the reply is there, and when to give up.
    pub(crate) fn set_waker(&mut self, id: u32, waker: &Waker, deadline: Instant) {
        let Some(slot) = self.slot(id) else { return };
        slot.deadline = Some(deadline);
        match &mut slot.interested {
            Interested::Task(known) => known.clone_from(waker),
            other => {
                *other = Interested::Task(waker.clone());
                self.tasks += 1;
            }
        }
    }

    /// Returns how many requests are in flight.
    pub(crate) fn live(&self) -> usize {
        self.live
    }

    /// Returns how many requests in flight have a task waiting.
    pub(crate) fn tasks(&self) -> usize {
        self.tasks
    }

    /// Delivers `reply()` to every request in flight; returns the tasks to wake.
    pub(crate) fn deliver_all(&mut self, mut reply: impl FnMut() -> R) -> Vec<Waker> {
        let in_flight = self.ids(|slot| matches!(slot.state, State::InFlight));
        let mut wakers = Vec::new();
        for id in in_flight {
            if let Delivered::Kept(Some(waker)) = self.deliver(id, reply()) {
                wakers.push(waker);
            }
        }
        wakers
    }

    /// Returns the tasks' requests whose time was over at `now`.
    pub(crate) fn expired(&self, now: Instant) -> Vec<u32> {
        self.ids(|slot| {
            matches!(slot.state, State::InFlight) && slot.deadline.is_some_and(|deadline| deadline <= now)
        })
    }

    /// Returns when the first request of a task is given up.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let waiting = self
            .entries
            .iter()
            .filter(|slot| matches!(slot.state, State::InFlight));
        waiting.filter_map(|slot| slot.deadline).min()
    }

    fn ids(&self, wanted: impl Fn(&Slot<R>) -> bool) -> Vec<u32> {
        let chosen = self
            .entries
            .iter()
            .zip(0..=u16::MAX)
            .filter(|(slot, _)| wanted(slot));
        chosen.map(|(slot, index)| id(index, slot.generation)).collect()
    }
}

fn id(index: u16, generation: u16) -> u32 {
    u32::from(generation) << 16 | u32::from(index)
}

fn split(id: u32) -> (u16, u16) {
    let [high, low, index_high, index_low] = id.to_be_bytes();
    (
        u16::from_be_bytes([index_high, index_low]),
        u16::from_be_bytes([high, low]),
    )
}

#[cfg(test)]
mod tests;
