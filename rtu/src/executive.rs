// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs real-time upcalls in real time: the thin driver of the [`scheduler`](crate::scheduler).
//!
//! An [`Executive`] has, for each CPU that it was given, a thread bound to that CPU with real-time scheduling, which runs
//! the RTUs with a guarantee, and an ordinary thread for best effort, which shares the machine with everything else. Each
//! has a scheduler of its own, and owns its handlers; everyone else tells it what to do through notices and commands, from
//! any thread and from within upcalls.
//!
//! ```
//! use std::sync::mpsc;
//! use rtu::executive::{Executive, Spec};
//! use rtu::scheduler::Parameters;
//! use rtu::{Activation, Nanos, Outcome};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let executive = Executive::builder().build()?;
//! let (sender, ticks) = mpsc::channel();
//! let every_ms = Spec::new("ticks", Parameters::periodic(Nanos::from_millis(1)));
//! let cpu = executive.cpus().next().ok_or("an executive has a CPU")?;
//! let ticking = executive.add(every_ms, cpu, Box::new(move |cx: &mut Activation<'_>| {
//!     let _ = sender.send(cx.released());
//!     Outcome::Done
//! }))?;
//! let (first, second) = (ticks.recv()?, ticks.recv()?);
//! assert_eq!((second - first).0 % 1_000_000, 0);
//! let handler = ticking.remove();
//! assert!(handler.is_some());
//! # Ok(())
//! # }
//! ```
//!
//! # What is charged
//!
//! The clock is read once per upcall: the end of one is the beginning of the next, so all time awake is charged to somebody,
//! the scheduler's own included. That counts what others took of the CPU meanwhile, such as a hypervisor. Where an RTU
//! would be held to account for it, because it seems to be over its budget, the thread's own CPU time is read as well,
//! and what was taken is not charged. [`Executive::usage`] shows it as stolen.

mod bell;
mod builder;
mod clock;
mod handle;
#[cfg(loom)]
#[cfg(test)]
mod model;
mod notices;
mod pacer;
mod page;
mod platform;
mod poller;
mod privileges;
mod record;
mod steward;
mod sync;
pub(crate) mod system;
mod usage;
mod worker;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex};

use crate::scheduler::Meter;
use crate::{Nanos, Time};

pub use builder::{BuildError, Builder, MemoryLock, Policy};
pub use handle::{ChangeError, Notifier, Rtu, Spec};
pub use poller::Interest;
pub use privileges::Granted;
pub use record::Handler;
pub use usage::Usage;

pub(crate) use handle::within_executive;

use handle::has_period;
use record::{Arrival, Command, Cpu, Exit, Record, Which};

/// The threads that run RTUs. Dropping it ends them, once each is out of its upcall.
#[derive(Debug)]
pub struct Executive {
    cpus: Vec<Arc<Cpu>>,
    granted: Vec<Granted>,
    threads: Vec<JoinHandle<()>>,
    steward: Option<JoinHandle<()>>,
}

/// Why an RTU could not be added. What was to become its handler is freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddError {
    /// The executive does not run on that CPU.
    #[error("the executive does not run on CPU {0}")]
    NoSuchCpu(usize),
    /// There is no room left.
    #[error("CPU {cpu} has its {capacity} RTUs already")]
    Full {
        /// The CPU, by the system's number.
        cpu: usize,
        /// How many it has room for.
        capacity: usize,
    },
    /// A periodic RTU has to have a period.
    #[error("a periodic RTU needs a period above zero")]
    NoPeriod,
}

/// Why a load was not admitted: with that of other processes it is too much.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("other processes have admitted {:.1} % of CPU {cpu}", external * 100.0)]
pub struct Overcommitted {
    /// The CPU, by the system's number.
    pub cpu: usize,
    /// What other processes have admitted, as a share of the CPU.
    pub external: f64,
}

impl Executive {
    /// Begins to set one up.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Returns the time on the clock that RTUs are released by: `CLOCK_MONOTONIC`.
    #[must_use]
    pub fn now() -> Time {
        clock::now()
    }

    /// Returns the CPUs it runs on, by the system's numbers.
    pub fn cpus(&self) -> impl Iterator<Item = usize> + '_ {
        self.cpus.iter().map(|cpu| cpu.number)
    }

    /// Returns what the system granted, CPU by CPU.
    #[must_use]
    pub fn granted(&self) -> &[Granted] {
        &self.granted
    }

    /// Returns what the two threads of a CPU did with their time: the one for guaranteed RTUs, and the ordinary one.
    #[must_use]
    pub fn usage(&self, cpu: usize) -> Option<[Usage; 2]> {
        let cpu = self.cpu(cpu)?;
        Some([Which::Guaranteed, Which::BestEffort].map(|which| cpu.side(which).usage.read()))
    }

    /// Returns what executives of other processes of this user have admitted on a CPU, as a share of it. Zero for a CPU
    /// that this one does not run on.
    #[must_use]
    pub fn external_load(&self, cpu: usize) -> f64 {
        let seat = self.seat(cpu);
        seat.map_or(0.0, page::Seat::external_load)
    }

    /// Tells all processes that this executive has admitted so much on a CPU, as a share of it, in place of what it said
    /// before: if that and what the others have is within `limit`. Two that ask at once are not both admitted.
    ///
    /// # Errors
    ///
    /// If it is not; what it said before stays.
    pub fn publish_load(&self, cpu: usize, share: f64, limit: f64) -> Result<(), Overcommitted> {
        let Some(seat) = self.seat(cpu) else {
            let within = share <= limit;
            return within.then_some(()).ok_or(Overcommitted { cpu, external: 0.0 });
        };
        let admitted = seat.admit(share, limit);
        admitted.map_err(|external| Overcommitted { cpu, external })
    }

    /// Returns the RTUs whose handlers have not returned for more than ten of their periods, and a second at least: by name,
    /// and for how long. The executive looks once a second itself, and reports each as an error of `tracing`.
    #[must_use]
    pub fn stuck(&self) -> Vec<(String, Nanos)> {
        let stuck = steward::stuck(&self.cpus, clock::now());
        stuck
            .map(|(record, span)| (record.name.to_string(), span))
            .collect()
    }

    /// Adds an RTU to a CPU: by its class to the thread for what is guaranteed, or to that for best effort. Admits nothing:
    /// see [`analysis`](crate::analysis).
    ///
    /// # Errors
    ///
    /// If there is no room for it, or its parameters make no sense.
    pub fn add(&self, spec: Spec, cpu: usize, handler: Handler) -> Result<Rtu, AddError> {
        self.add_with(spec, cpu, |_| handler)
    }

    /// Adds an RTU whose handler can notify itself, or have others do so.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add); the handler is then not made.
    pub fn add_with(
        &self,
        spec: Spec,
        cpu: usize,
        handler: impl FnOnce(Notifier) -> Handler,
    ) -> Result<Rtu, AddError> {
        let (name, parameters, batch, start) = spec.into_parts();
        if !has_period(&parameters) {
            return Err(AddError::NoPeriod);
        }
        let cpu = self.cpu(cpu).ok_or(AddError::NoSuchCpu(cpu))?;
        let index = cpu.reserve().ok_or(AddError::Full {
            cpu: cpu.number,
            capacity: cpu.capacity(),
        })?;
        let which = Which::of(&parameters);
        cpu.set_place(index, which);
        let record = Arc::new(Record {
            name: name.into(),
            index,
            batch,
            cpu: Arc::clone(cpu),
            meter: Arc::new(Meter::default()),
            period: AtomicU64::new(parameters.period.0),
            exit: Mutex::new(Exit::default()),
            left: Condvar::new(),
        });
        cpu.enrol(&record);
        let handler = handler(Notifier::new(Arc::clone(&record)));
        let arrival = Arrival {
            record: Arc::clone(&record),
            handler,
            parameters,
            start,
            moved: false,
            demoted: false,
        };
        let installed = cpu.side(which).command(Command::Install(arrival));
        debug_assert!(installed.is_ok(), "the threads end only with the executive");
        Ok(Rtu::new(record))
    }

    fn seat(&self, cpu: usize) -> Option<&page::Seat> {
        self.cpu(cpu)?.side(Which::Guaranteed).seat.as_ref()
    }

    fn cpu(&self, number: usize) -> Option<&Arc<Cpu>> {
        self.cpus.iter().find(|cpu| cpu.number == number)
    }
}

/// Whether a thread of this process is given real-time scheduling when it asks: tried out, in a thread of its own.
pub(crate) fn is_real_time_granted() -> bool {
    let tried = std::thread::spawn(|| system::set_fifo(1).is_ok());
    tried.join().unwrap_or(false)
}

impl Drop for Executive {
    fn drop(&mut self) {
        for cpu in &self.cpus {
            cpu.sides.iter().for_each(|side| side.stop());
        }
        // From within an upcall, which cannot wait for its own end, the threads end by themselves.
        if !within_executive() {
            let threads = self.threads.drain(..).chain(self.steward.take());
            threads.for_each(|thread| {
                // Handlers' panics are caught; one of ours was reported by the thread itself.
                let _ = thread.join();
            });
        }
    }
}
