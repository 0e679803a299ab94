// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a thread of the executive has beside its handlers: the scheduler, what comes from outside, and time.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::scheduler::{RtuId, Scheduler};
use crate::{Host, Nanos, Time, Urgency};

use super::clock;
use super::pacer::Pacer;
use super::page::Neighbours;
use super::poller::Events;
use super::record::{COMMANDS, Cpu, Side, Which};

/// How often an awake thread looks at its descriptors, which takes a system call of some 0.2 µs.
const POLL_EVERY: Nanos = Nanos::from_micros(10);

/// How long another executive is not believed that wanted the CPU and did not take it.
const DISBELIEF: Nanos = Nanos::from_micros(100);

/// How long one keeps the CPU that has neighbours there, at most to the end of an iteration. The page says only what its
/// writers know: one that blocked within a handler, or is yet to run, may be ready and have said nothing.
const TURN: Nanos = Nanos::from_millis(1);

/// Where an RTU is, as seen from one side of its CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Vacant,
    /// Nobody yet, but somebody was notified: the command that brings it is still to be obeyed.
    Early,
    /// It went to the other side; late notices follow it.
    Moved,
    Here(RtuId),
}

/// All but the handlers, so that a handler can be called with it.
#[derive(Debug)]
pub(super) struct Platform {
    pub(super) cpu: Arc<Cpu>,
    pub(super) which: Which,
    pub(super) scheduler: Scheduler,
    places: Box<[Place]>,
    /// The time when it was last read.
    pub(super) now: Time,
    /// There are commands, which are for the time between upcalls.
    pub(super) commands: bool,
    pacer: Pacer,
    /// Until when the pacer knows of the time awake.
    paced: Time,
    stretch: Stretch,
    events: Events,
    /// When it last looked at the descriptors.
    polled: Time,
    /// Executives of other processes on this CPU, seen from the guaranteed side.
    neighbours: Neighbours,
    /// To whom it gave way last, by what he wanted, and when.
    gave_way: (u32, Time),
    /// Since when it has the CPU, as far as its neighbours are concerned.
    turn: Time,
}

/// The time since the thread last woke.
#[derive(Clone, Copy, Debug, Default)]
struct Stretch {
    woke: Time,
    /// What the thread had used of its CPU then.
    used: Nanos,
    /// What others took since, and was not charged to anybody.
    forgiven: Nanos,
}

impl Platform {
    pub(super) fn new(cpu: Arc<Cpu>, which: Which, pacer: Pacer) -> Self {
        let capacity = cpu.capacity();
        let now = clock::now();
        Self {
            cpu,
            which,
            scheduler: Scheduler::with_capacity(capacity),
            places: vec![Place::Vacant; capacity + 1].into(),
            now,
            commands: false,
            pacer,
            paced: now,
            stretch: Stretch {
                woke: now,
                used: clock::thread_cpu(),
                forgiven: Nanos::ZERO,
            },
            events: Events::new(),
            polled: Time::ZERO,
            neighbours: Neighbours::new(),
            gave_way: (u32::MAX, Time::ZERO),
            turn: now,
        }
    }

    pub(super) fn side(&self) -> &Side {
        self.cpu.side(self.which)
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.side().stop.load(Ordering::Acquire)
    }

    pub(super) fn place(&self, index: u32) -> Place {
        self.places.get(index as usize).copied().unwrap_or(Place::Vacant)
    }

    pub(super) fn set_place(&mut self, index: u32, to: Place) {
        if let Some(place) = self.places.get_mut(index as usize) {
            *place = to;
        }
    }

    /// Takes what has come, and releases what is due.
    pub(super) fn look(&mut self) {
        let side = self.cpu.side(self.which);
        // What a sleep has brought comes first: it would be brought only once.
        if side.poller.is_used() && !self.events.any() && self.now - self.polled >= POLL_EVERY {
            self.polled = self.now;
            self.events.look(&side.poller);
        }
        let mut heard = |notice: u32| match self.places.get_mut(notice as usize) {
            _ if notice == COMMANDS => self.commands = true,
            Some(Place::Here(id)) => {
                self.scheduler.notify(*id, self.now);
            }
            // If it is on its way back to us, it is notified when it arrives.
            Some(Place::Moved) if self.cpu.place(notice) != self.which => self.cpu.notify(notice),
            Some(place @ Place::Vacant) => *place = Place::Early,
            Some(Place::Moved | Place::Early) | None => {}
        };
        if self.events.any() {
            self.events.take(&mut heard);
        }
        if side.notices.any() {
            side.notices.take(&mut heard);
        }
        if self.scheduler.next_event().is_some_and(|due| due <= self.now) {
            self.scheduler.advance(self.now);
        }
    }

    /// Has nothing to do: stays awake for as long as it may, then sleeps until there is; at most until `latest`.
    pub(super) fn idle(&mut self, latest: Option<Time>) {
        let due = self.scheduler.next_event();
        self.pace();
        // Who spins keeps the CPU from those of the same priority.
        let may_spin = !self.neighbours.any();
        if let Some(end) = self.pacer.spin_until(self.now, due).filter(|_| may_spin) {
            let came = self.spin(end);
            if due != Some(end) {
                self.pacer.spun(came);
            }
            if came || due == Some(end) {
                return;
            }
        }
        self.pace();
        let wake_at = due.map(|due| if may_spin { self.pacer.wake_at(due) } else { due });
        self.sleep([wake_at, latest].into_iter().flatten().min());
        if let Some(wake_at) = wake_at.filter(|wake_at| *wake_at <= self.now) {
            self.pacer.woke(self.now - wake_at);
        }
    }

    /// Lets another process's executive on this CPU go first, if it has something more urgent, and now and then whatever
    /// it has. All have the same priority for the system, so this is where preemption happens between them.
    pub(super) fn give_way(&mut self) {
        let rival = self.rival(self.scheduler.most_urgent());
        if rival.is_none() && !self.turn_ends() {
            return;
        }
        let side = self.cpu.side(self.which);
        if let (Some(seat), Some(ours)) = (&side.seat, self.scheduler.most_urgent()) {
            seat.publish(Some(ours), self.scheduler.next_event(), side.most_urgent());
            rustix::thread::sched_yield();
            seat.publish(None, None, None);
            self.now = clock::now();
            self.turn = self.now;
            if let Some(rival) = rival {
                self.gave_way = (rival, self.now);
            }
        }
    }

    /// Whether it has had the CPU for as long as is decent among neighbours.
    fn turn_ends(&self) -> bool {
        self.neighbours.any() && self.now - self.turn >= TURN
    }

    /// What another process's executive on this CPU has that is more urgent. Who does not take the CPU when it is left to
    /// him is not believed for a while.
    fn rival(&mut self, ours: Option<Urgency>) -> Option<u32> {
        let seat = self.cpu.side(self.which).seat.as_ref()?;
        let rival = seat.rival(&mut self.neighbours, ours, self.now)?;
        let (last, when) = self.gave_way;
        (rival != last || self.now - when >= DISBELIEF).then_some(rival)
    }

    /// Tells the pacer of the time awake so far: one that is never idle for long has to sleep now and then as well.
    fn pace(&mut self) {
        self.pacer.awake(self.now - self.paced);
        self.paced = self.now;
    }

    /// Looks for notices and events until a time; returns whether there is one.
    fn spin(&mut self, end: Time) -> bool {
        loop {
            let side = self.cpu.side(self.which);
            if side.poller.is_used() {
                self.polled = self.now;
                self.events.look(&side.poller);
            }
            let came = side.notices.any() || self.events.any();
            if came || self.now >= end {
                return came;
            }
            std::hint::spin_loop();
            self.now = clock::now();
        }
    }

    fn sleep(&mut self, until: Option<Time>) {
        if until.is_some_and(|until| until <= self.now) {
            // It may be early for what is due, and is to be later when it looks again.
            self.now = clock::now();
            return;
        }
        let used = clock::thread_cpu();
        self.pace();
        let usage = &self.side().usage;
        usage.awake(self.now - self.stretch.woke, used - self.stretch.used);
        let begin = self.now;
        let side = self.cpu.side(self.which);
        if let Some(seat) = &side.seat {
            // Of what comes to a descriptor nobody can tell, so it may always be something.
            let next = if side.poller.is_used() {
                Some(Time::ZERO)
            } else {
                until
            };
            seat.publish(None, next, side.most_urgent());
        }
        let busy = || side.notices.any();
        if side.poller.is_used() {
            side.bell.poll(busy, || self.events.sleep(&side.poller, until));
        } else {
            side.bell.sleep(until, busy);
        }
        if let Some(seat) = &side.seat {
            seat.publish(None, None, None);
        }
        self.now = clock::now();
        self.pacer.asleep(self.now - begin);
        self.paced = self.now;
        self.turn = self.now;
        self.side().usage.asleep(self.now - begin);
        self.stretch = Stretch {
            woke: self.now,
            used,
            forgiven: Nanos::ZERO,
        };
    }

    /// Corrects what an upcall seems to have used by what the hypervisor, interrupts and other threads took meanwhile.
    ///
    /// The clock is read for every upcall, and the thread's own use of the CPU, which costs a system call, only here:
    /// where somebody would be held to account.
    pub(super) fn verify(&mut self, seeming: Nanos) -> Nanos {
        let used = clock::thread_cpu() - self.stretch.used;
        let stolen = (self.now - self.stretch.woke) - used - self.stretch.forgiven;
        let forgiven = stolen.min(seeming);
        self.stretch.forgiven += forgiven;
        seeming - forgiven
    }
}

impl Host for Platform {
    fn now(&mut self) -> Time {
        clock::now()
    }

    fn should_yield(&mut self) -> bool {
        self.now = clock::now();
        self.look();
        if self.commands || self.scheduler.should_yield() {
            return true;
        }
        let running = self.scheduler.running();
        let ours = running.and_then(|running| self.scheduler.urgency(running));
        self.rival(ours).is_some() || self.turn_ends()
    }
}
