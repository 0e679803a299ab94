// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the rest of a program holds of an RTU.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::Time;
use crate::scheduler::{Account, Counts, Meter, Parameters};

use super::poller::Interest;
use super::record::{Command, Cpu, Handler, Record};

thread_local! {
    /// Whether this is a thread of an executive, which must not wait for another one.
    static EXECUTIVE: Cell<bool> = const { Cell::new(false) };
}

pub(super) fn enter_executive() {
    EXECUTIVE.set(true);
}

pub(crate) fn within_executive() -> bool {
    EXECUTIVE.get()
}

/// What an RTU is, beside its handler.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    name: String,
    parameters: Parameters,
    batch: u32,
    start: Option<Time>,
}

impl Spec {
    /// Makes one of a name, for reports, and of what it is scheduled by. The batch defaults to 1.
    #[must_use]
    pub fn new(name: impl Into<String>, parameters: Parameters) -> Self {
        Self {
            name: name.into(),
            parameters,
            batch: 1,
            start: None,
        }
    }

    /// Sets how many units (messages) an activation may process.
    #[must_use]
    pub fn batch(self, batch: u32) -> Self {
        Self { batch, ..self }
    }

    /// Sets the first release of a periodic RTU, on the clock of [`Executive::now`](super::Executive::now). Defaults to
    /// at once.
    #[must_use]
    pub fn start(self, start: Time) -> Self {
        Self {
            start: Some(start),
            ..self
        }
    }

    pub(super) fn into_parts(self) -> (String, Parameters, u32, Option<Time>) {
        (self.name, self.parameters, self.batch, self.start)
    }
}

/// An RTU of an executive, which is removed when this is dropped.
///
/// Everything may be called from any thread, and from within upcalls.
pub struct Rtu {
    notifier: Notifier,
    removed: bool,
}

/// Notifies an RTU from anywhere, for as long as it is there. Cheap to clone.
#[derive(Clone)]
pub struct Notifier {
    /// What a notification needs is here, without a way through the record.
    cpu: Arc<Cpu>,
    index: u32,
    record: Arc<Record>,
}

/// Why an RTU could not be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// It is not there any more: its handler panicked, or the executive has ended.
    #[error("the RTU is not there any more")]
    Gone,
    /// A periodic RTU has to have a period.
    #[error("a periodic RTU needs a period above zero")]
    NoPeriod,
}

impl Rtu {
    pub(super) fn new(record: Arc<Record>) -> Self {
        Self {
            notifier: Notifier::new(record),
            removed: false,
        }
    }

    /// Tells the handler that there is something to do. See [`Notifier::notify`].
    pub fn notify(&self) {
        self.notifier.notify();
    }

    /// Returns what notifies it, to be given away.
    #[must_use]
    pub fn notifier(&self) -> Notifier {
        self.notifier.clone()
    }

    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.record().name
    }

    /// Changes what it is scheduled by, from its next activation on. One that gains or loses its guarantee changes over to
    /// the other thread of its CPU. A reactive one that comes there, or was periodic, is notified once more than needed.
    ///
    /// # Errors
    ///
    /// If it is not there any more, or a periodic one would have no period.
    pub fn change(&self, parameters: Parameters) -> Result<(), ChangeError> {
        if !has_period(&parameters) {
            return Err(ChangeError::NoPeriod);
        }
        let record = self.record();
        if record.exit.lock().gone {
            return Err(ChangeError::Gone);
        }
        record.period.store(parameters.period.0, Ordering::Relaxed);
        let command = Command::Change(Arc::clone(record), parameters);
        self.command(command).map_err(|_| ChangeError::Gone)
    }

    /// Returns what it did and used so far, after its end as well.
    #[must_use]
    pub fn account(&self) -> Account {
        self.record().meter.read()
    }

    /// Returns the counters that say whether all goes well, without the histograms: cheap.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.record().meter.counts()
    }

    /// Returns what counts what it does, for whoever reads that while it runs, and after its end.
    #[must_use]
    pub fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.record().meter)
    }

    /// Returns what its handler panicked with, if it did.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.record().exit.lock().failure.clone()
    }

    /// Removes it, waits until it is out of its upcall, and gives its handler back.
    ///
    /// Returns `None` if the handler panicked. Returns `None` as well when called from within an upcall, of any RTU: an
    /// upcall must not wait for another, or for itself. The handler is then freed once it is out of its upcall.
    #[must_use = "dropping the RTU removes it without waiting"]
    pub fn remove(mut self) -> Option<Handler> {
        if within_executive() {
            return None;
        }
        self.request_removal();
        let record = Arc::clone(self.record());
        let mut exit = record.exit.lock();
        while !exit.gone {
            record.left.wait(&mut exit);
        }
        exit.handler.take()
    }

    fn record(&self) -> &Arc<Record> {
        &self.notifier.record
    }

    fn request_removal(&mut self) {
        self.removed = true;
        // If the thread is gone, so is the RTU, or soon.
        let _ = self.command(Command::Remove(Arc::clone(self.record())));
    }

    fn command(&self, command: Command) -> Result<(), Command> {
        let record = self.record();
        record.cpu.side(record.cpu.place(record.index)).command(command)
    }
}

impl Drop for Rtu {
    fn drop(&mut self) {
        if self.removed {
            return;
        }
        let handler = {
            let mut exit = self.record().exit.lock();
            exit.abandoned = true;
            exit.handler.take()
        };
        drop(handler);
        self.request_removal();
    }
}

impl fmt::Debug for Rtu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rtu").field(&self.name()).finish()
    }
}

impl Notifier {
    pub(super) fn new(record: Arc<Record>) -> Self {
        Self {
            cpu: Arc::clone(&record.cpu),
            index: record.index,
            record,
        }
    }

    /// Tells the handler that there is something to do: a reactive RTU becomes ready, once, however often it is told before
    /// it runs. A periodic one follows its period only.
    ///
    /// Takes no lock, and makes a system call only if the executive sleeps. What was written before is seen by the handler.
    pub fn notify(&self) {
        self.cpu.notify(self.index);
    }

    /// Notifies the RTU once the descriptor is readable or writable, be it already; then not again before it is watched
    /// again. So a handler takes what there is, and watches when nothing is left, or when it has had enough.
    ///
    /// An RTU may watch any number of descriptors. One that is closed is watched no more, unless it was duplicated.
    ///
    /// # Errors
    ///
    /// As of `epoll_ctl`: regular files cannot be watched, and the kernel bounds how many descriptors are.
    pub fn watch(&self, descriptor: impl AsFd, interest: Interest) -> io::Result<()> {
        self.record.cpu.watch(descriptor, self.record.index, interest)
    }

    /// Watches a descriptor no more. It is no error if it was not watched.
    ///
    /// # Errors
    ///
    /// As of `epoll_ctl`.
    pub fn unwatch(&self, descriptor: impl AsFd) -> io::Result<()> {
        self.record.cpu.unwatch(descriptor)
    }

    /// Returns the name of the RTU.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.record.name
    }
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Notifier").field(&self.name()).finish()
    }
}

pub(super) fn has_period(parameters: &Parameters) -> bool {
    parameters.class != crate::Class::Periodic || parameters.period > crate::Nanos::ZERO
}
