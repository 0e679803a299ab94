// SPDX-License-Identifier: MIT OR Apache-2.0
//! What handles, the executive's threads and its steward share of an RTU, of a side and of a CPU.

use std::any::Any;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::{Condvar, Mutex};
use rustix::fd::AsFd;

use crate::scheduler::{Meter, Parameters};
use crate::{Nanos, Time, Upcall, Urgency};

use super::bell::Bell;
use super::notices::Notices;
use super::page::Seat;
use super::poller::{Interest, Poller};
use super::usage::LiveUsage;

/// The code of an RTU, as the executive owns it.
pub type Handler = Box<dyn Upcall + Send>;

/// The notice that says: there are commands. All others are RTUs.
pub(super) const COMMANDS: u32 = 0;

/// A CPU of the executive.
#[derive(Debug)]
pub(super) struct Cpu {
    pub(super) number: usize,
    /// The thread for what is guaranteed, and the one for best effort.
    pub(super) sides: [Side; 2],
    /// Which side an RTU is on, by its index.
    places: Box<[AtomicU8]>,
    free: Mutex<Vec<u32>>,
    /// All that were added, by index, to name them.
    records: Mutex<Vec<Weak<Record>>>,
}

/// Which of the two threads of a CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Guaranteed = 0,
    BestEffort = 1,
}

impl Which {
    pub(super) fn of(parameters: &Parameters) -> Self {
        if parameters.urgency().is_guaranteed() {
            Self::Guaranteed
        } else {
            Self::BestEffort
        }
    }

    pub(super) fn other(self) -> Self {
        match self {
            Self::Guaranteed => Self::BestEffort,
            Self::BestEffort => Self::Guaranteed,
        }
    }
}

/// What others see of one of the executive's threads.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) notices: Notices,
    pub(super) bell: Bell,
    pub(super) poller: Poller,
    pub(super) stop: AtomicBool,
    pub(super) commands: Mutex<Commands>,
    pub(super) current: Current,
    pub(super) usage: LiveUsage,
    /// Its place on the machine's page, if there is one and it needs one.
    pub(super) seat: Option<Seat>,
    most_urgent: AtomicU32,
}

/// What the thread is to do between two upcalls, in order. Installations and removals are bounded by the number of RTUs.
#[derive(Debug)]
pub(super) struct Commands {
    /// With room for all RTUs, so that a thread which sends one to the other side does not have to make any.
    pub(super) queue: Vec<Command>,
    /// The thread is gone, and takes no more.
    pub(super) closed: bool,
}

#[derive(Debug)]
pub(super) enum Command {
    Install(Arrival),
    Change(Arc<Record>, Parameters),
    Remove(Arc<Record>),
}

/// An RTU on its way to a thread.
pub(super) struct Arrival {
    pub(super) record: Arc<Record>,
    pub(super) handler: Handler,
    pub(super) parameters: Parameters,
    pub(super) start: Option<Time>,
    /// It comes from the other side, where it may have left something undone.
    pub(super) moved: bool,
    pub(super) demoted: bool,
}

impl std::fmt::Debug for Arrival {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arrival")
            .field("record", &self.record.name)
            .field("parameters", &self.parameters)
            .finish_non_exhaustive()
    }
}

/// Which upcall a thread is in, and since when.
#[derive(Debug, Default)]
pub(super) struct Current {
    index: AtomicU32,
    since: AtomicU64,
}

impl Current {
    pub(super) fn enter(&self, index: u32, now: Time) {
        self.since.store(now.0, Ordering::Relaxed);
        self.index.store(index, Ordering::Relaxed);
    }

    pub(super) fn leave(&self) {
        self.index.store(0, Ordering::Relaxed);
    }

    /// The index, never 0, and the beginning. The two may be of different upcalls, if that changes meanwhile.
    pub(super) fn read(&self) -> Option<(u32, Time)> {
        let index = self.index.load(Ordering::Relaxed);
        (index != 0).then(|| (index, Time(self.since.load(Ordering::Relaxed))))
    }
}

/// An RTU. Its index is its own until the last one who knows it is gone, so no late notification reaches another.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) name: Box<str>,
    pub(super) index: u32,
    pub(super) batch: u32,
    pub(super) cpu: Arc<Cpu>,
    pub(super) meter: Arc<Meter>,
    /// Its period, or minimum inter-arrival, in nanoseconds.
    pub(super) period: AtomicU64,
    pub(super) exit: Mutex<Exit>,
    pub(super) left: Condvar,
}

/// What remains of an RTU.
#[derive(Default)]
pub(super) struct Exit {
    pub(super) gone: bool,
    /// Nobody is going to ask for the handler.
    pub(super) abandoned: bool,
    pub(super) handler: Option<Handler>,
    pub(super) failure: Option<String>,
}

impl std::fmt::Debug for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exit")
            .field("gone", &self.gone)
            .field("failure", &self.failure)
            .finish_non_exhaustive()
    }
}

/// An RTU that has left its thread, and what it panicked with.
pub(super) struct Departed {
    pub(super) record: Arc<Record>,
    pub(super) handler: Handler,
    pub(super) panic: Option<Box<dyn Any + Send>>,
}

impl Side {
    fn new(capacity: usize, seat: Option<Seat>) -> io::Result<Self> {
        let bell = Bell::new()?;
        Ok(Self {
            notices: Notices::new(capacity + 1),
            poller: Poller::new(&bell)?,
            bell,
            stop: AtomicBool::new(false),
            commands: Mutex::new(Commands {
                queue: Vec::with_capacity(capacity),
                closed: false,
            }),
            current: Current::default(),
            usage: LiveUsage::default(),
            seat,
            most_urgent: AtomicU32::new(u32::MAX),
        })
    }

    /// Notifies an RTU, or tells of commands.
    pub(super) fn post(&self, notice: u32) {
        self.notices.post(notice);
        let woke = self.bell.ring();
        if let Some(seat) = self.seat.as_ref().filter(|_| woke) {
            // Until it has the CPU, it cannot say itself that it wants it.
            let commands = (notice == COMMANDS).then(|| Urgency::from_index(0));
            seat.woken(commands.or_else(|| self.most_urgent()));
        }
    }

    /// The most urgent that any of its RTUs may be.
    pub(super) fn most_urgent(&self) -> Option<Urgency> {
        let level = self.most_urgent.load(Ordering::Relaxed) as usize;
        (level < Urgency::LEVELS).then(|| Urgency::from_index(level))
    }

    /// An RTU of that urgency has come.
    pub(super) fn may_be(&self, urgency: Urgency) {
        let level = u32::try_from(urgency.index()).unwrap_or(u32::MAX);
        self.most_urgent.fetch_min(level, Ordering::Relaxed);
    }

    /// Leaves a command, unless the thread is gone: then it comes back.
    pub(super) fn command(&self, command: Command) -> Result<(), Command> {
        let mut commands = self.commands.lock();
        if commands.closed {
            return Err(command);
        }
        commands.queue.push(command);
        drop(commands);
        // The thread only tries the lock. If that failed because of us, this notice makes it try again.
        self.post(COMMANDS);
        Ok(())
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.post(COMMANDS);
    }
}

impl Cpu {
    pub(super) fn new(number: usize, capacity: usize, seat: Option<Seat>) -> io::Result<Self> {
        let indices = 1..=u32::try_from(capacity).unwrap_or(u32::MAX);
        Ok(Self {
            number,
            sides: [Side::new(capacity, seat)?, Side::new(capacity, None)?],
            places: (0..=capacity).map(|_| AtomicU8::new(0)).collect(),
            free: Mutex::new(indices.rev().collect()),
            records: Mutex::new((0..=capacity).map(|_| Weak::new()).collect()),
        })
    }

    pub(super) fn capacity(&self) -> usize {
        self.places.len() - 1
    }

    pub(super) fn side(&self, which: Which) -> &Side {
        let [guaranteed, best_effort] = &self.sides;
        match which {
            Which::Guaranteed => guaranteed,
            Which::BestEffort => best_effort,
        }
    }

    /// Takes an index, if one is free.
    pub(super) fn reserve(&self) -> Option<u32> {
        self.free.lock().pop()
    }

    /// Makes an RTU known by its index.
    pub(super) fn enrol(&self, record: &Arc<Record>) {
        if let Some(slot) = self.records.lock().get_mut(record.index as usize) {
            *slot = Arc::downgrade(record);
        }
    }

    /// Which upcall each of its threads is in, and for how long.
    pub(super) fn running(&self, now: Time) -> impl Iterator<Item = (Arc<Record>, Nanos)> {
        self.sides.iter().filter_map(move |side| {
            let (index, since) = side.current.read()?;
            let record = self.records.lock().get(index as usize)?.upgrade()?;
            Some((record, now - since))
        })
    }

    /// Which side an RTU is on, or on its way to.
    pub(super) fn place(&self, index: u32) -> Which {
        match self.places.get(index as usize) {
            Some(place) if place.load(Ordering::Acquire) == Which::BestEffort as u8 => Which::BestEffort,
            _ => Which::Guaranteed,
        }
    }

    pub(super) fn set_place(&self, index: u32, which: Which) {
        if let Some(place) = self.places.get(index as usize) {
            place.store(which as u8, Ordering::Release);
        }
    }

    pub(super) fn notify(&self, index: u32) {
        self.side(self.place(index)).post(index);
    }

    pub(super) fn watch(&self, descriptor: impl AsFd, index: u32, interest: Interest) -> io::Result<()> {
        let side = self.side(self.place(index));
        if side.poller.watch(descriptor, index, interest)? {
            // It may sleep where it does not hear of descriptors.
            side.post(COMMANDS);
        }
        Ok(())
    }

    pub(super) fn unwatch(&self, descriptor: impl AsFd) -> io::Result<()> {
        let mut sides = self.sides.iter().filter(|side| side.poller.is_used());
        sides.try_for_each(|side| side.poller.unwatch(&descriptor))
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.cpu.free.lock().push(self.index);
    }
}
