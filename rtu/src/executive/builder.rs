// SPDX-License-Identifier: MIT OR Apache-2.0
//! How an executive is set up, and what it got of what it asked for.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use crate::Nanos;

use super::handle::enter_executive;
use super::notices::Notices;
use super::pacer::Pacer;
use super::page::{Page, Seat};
use super::platform::Platform;
use super::privileges::{Granted, warn_once};
use super::record::{Cpu, Which};
use super::steward::Steward;
use super::worker::Worker;
use super::{Executive, system};

/// How long an executive is awake at most, of the 95 % that real-time throttling allows as Linux comes.
const AWAKE_SHARE: f64 = 0.93;

/// How the threads for guaranteed RTUs are scheduled by the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// `SCHED_FIFO` with a priority from 1 to 99. Executives that share a CPU have to have the same one.
    Fifo {
        /// Higher is more urgent, for the system.
        priority: u8,
    },
    /// `SCHED_DEADLINE`: so much of a CPU in each period, and no more. The kernel does not let such a thread be bound to one
    /// CPU, so it runs wherever it finds room.
    Deadline {
        /// Execution time per period.
        runtime: Duration,
        /// The period, and deadline.
        period: Duration,
    },
    /// Ordinary scheduling, without any guarantee.
    Ordinary,
}

/// What of the memory is locked, so that no upcall waits for a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MemoryLock {
    /// Nothing.
    None,
    /// The executive's own stacks: all that a library may decide for its program.
    #[default]
    Stacks,
    /// All memory of the process, present and future, handlers' as well. The program's `main` should decide that.
    Process,
}

/// Sets an executive up.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it builds"]
pub struct Builder {
    cpus: Vec<usize>,
    policy: Policy,
    spin: Duration,
    capacity: usize,
    memory: MemoryLock,
    stack: usize,
    page: Option<PathBuf>,
}

/// Why an executive could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The process may not run on a CPU that was asked for.
    #[error("cannot run on CPU {cpu}: {error}")]
    Cpu {
        /// The CPU's number.
        cpu: usize,
        /// What the system says.
        error: io::Error,
    },
    /// A CPU was given twice.
    #[error("CPU {0} is given twice")]
    Twice(usize),
    /// The capacity is zero or too large.
    #[error("a capacity of {0} RTUs per CPU; it has to be from 1 to {most}", most = Notices::MOST - 1)]
    Capacity(usize),
    /// The priority is not one of `SCHED_FIFO`.
    #[error("a priority of {0}; it has to be from 1 to 99")]
    Priority(u8),
    /// The system gave no thread or descriptor.
    #[error("the system has no thread or descriptor left: {0}")]
    System(#[from] io::Error),
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            cpus: Vec::new(),
            policy: Policy::Fifo { priority: 50 },
            spin: Duration::ZERO,
            capacity: 1024,
            memory: MemoryLock::default(),
            stack: 2 * 1024 * 1024,
            page: Some(Page::default_path()),
        }
    }
}

impl Builder {
    /// Chooses the CPUs, by the system's numbers. Defaults to the last one that the process may run on: the first ones have
    /// most of the interrupts.
    pub fn cpus(self, cpus: impl IntoIterator<Item = usize>) -> Self {
        let cpus = cpus.into_iter().collect();
        Self { cpus, ..self }
    }

    /// Chooses `SCHED_FIFO` with a priority from 1 to 99. Defaults to 50, which is where the kernel's own interrupt threads
    /// are.
    pub fn priority(self, priority: u8) -> Self {
        self.policy(Policy::Fifo { priority })
    }

    /// Chooses how the threads are scheduled. Defaults to `SCHED_FIFO` with priority 50.
    pub fn policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// Lets a thread for guaranteed RTUs stay awake for so long when it has nothing to do. It then hears of notifications
    /// without a system call of theirs, and wakes early enough to be in time for a release. Defaults to zero: it sleeps at
    /// once. However long, it sleeps at least 7 % of the time, so that real-time throttling never stops it for spinning.
    pub fn spin(self, spin: Duration) -> Self {
        Self { spin, ..self }
    }

    /// Sets how many RTUs a CPU has room for: at most 32,767. Room is made at once. Defaults to 1024.
    pub fn capacity(self, capacity: usize) -> Self {
        Self { capacity, ..self }
    }

    /// Sets what of the memory is locked. Defaults to the executive's stacks.
    pub fn memory(self, memory: MemoryLock) -> Self {
        Self { memory, ..self }
    }

    /// Sets the size of the threads' stacks in bytes, on which the handlers run. Defaults to 2 MiB.
    pub fn stack_size(self, stack: usize) -> Self {
        Self { stack, ..self }
    }

    /// Sets the file in which executives of different processes tell each other what they have on each CPU, or `None` to have
    /// nothing to do with others. Defaults to a file of the user in `/dev/shm`.
    pub fn page(self, page: Option<PathBuf>) -> Self {
        Self { page, ..self }
    }

    /// Starts the threads: two for each CPU, one for what is guaranteed and an ordinary one for best effort, and one that
    /// looks after the others.
    ///
    /// What privileges it lacks, it does without, and says so once, with a warning of `tracing`;
    /// [`Executive::granted`] has the same.
    ///
    /// # Errors
    ///
    /// If the arguments make no sense, a CPU is not there, or the system gives no threads.
    pub fn build(mut self) -> Result<Executive, BuildError> {
        self.check()?;
        let page = self.open_page();
        let cpus = self.cpus.iter().map(|cpu| {
            let seat = page.as_ref().and_then(|page| seat(page, *cpu));
            Cpu::new(*cpu, self.capacity, seat).map(Arc::new)
        });
        let cpus: Vec<Arc<Cpu>> = cpus.collect::<io::Result<_>>()?;
        let (steward, handle) = Steward::start(cpus.clone())?;
        let mut executive = Executive {
            cpus,
            granted: Vec::new(),
            threads: Vec::new(),
            steward: Some(handle),
        };
        let (reports, results) = mpsc::channel();
        let sides = executive.cpus.clone();
        let mut pending = sides
            .iter()
            .flat_map(|cpu| [(cpu, Which::Guaranteed), (cpu, Which::BestEffort)]);
        while let Some((cpu, which)) = pending.next() {
            match self.start(Arc::clone(cpu), which, &steward, &reports) {
                Ok(thread) => executive.threads.push(thread),
                Err(error) => {
                    (0..=pending.count()).for_each(|_| steward.worker_left());
                    return Err(error.into());
                }
            }
        }
        drop(reports);
        // A failure drops the executive, and so ends what was started.
        for result in results {
            executive.granted.extend(result?);
        }
        executive.granted.sort_by_key(|granted| granted.cpu);
        warn_once(&executive.granted);
        Ok(executive)
    }

    /// Without the page, executives of other processes are not seen, and everything else works.
    fn open_page(&self) -> Option<Arc<Page>> {
        let path = self.page.as_ref()?;
        let page = Page::open(path);
        if let Err(error) = &page {
            let path = path.display();
            tracing::warn!(%path, "executives of other processes are not taken into account: {error}");
        }
        page.ok()
    }

    fn check(&mut self) -> Result<(), BuildError> {
        if self.capacity == 0 || self.capacity >= Notices::MOST {
            return Err(BuildError::Capacity(self.capacity));
        }
        if let Policy::Fifo { priority } = self.policy
            && !(1..=99).contains(&priority)
        {
            return Err(BuildError::Priority(priority));
        }
        if self.cpus.is_empty() {
            let allowed = rustix::thread::sched_getaffinity(None).map_err(io::Error::from)?;
            let last = (0..rustix::thread::CpuSet::MAX_CPU).rfind(|cpu| allowed.is_set(*cpu));
            self.cpus.push(last.unwrap_or(0));
        }
        let mut sorted = self.cpus.clone();
        sorted.sort_unstable();
        let twice = sorted.windows(2).find_map(|pair| match pair {
            [one, other] if one == other => Some(*one),
            _ => None,
        });
        twice.map_or(Ok(()), |cpu| Err(BuildError::Twice(cpu)))
    }

    fn start(
        &self,
        cpu: Arc<Cpu>,
        which: Which,
        steward: &Arc<Steward>,
        reports: &mpsc::Sender<Result<Option<Granted>, BuildError>>,
    ) -> io::Result<thread::JoinHandle<()>> {
        let kind = match which {
            Which::Guaranteed => "rtu",
            Which::BestEffort => "rtu-be",
        };
        let (setup, steward, reports) = (self.clone(), Arc::clone(steward), reports.clone());
        thread::Builder::new()
            .name(format!("{kind}-{}", cpu.number))
            .stack_size(setup.stack)
            .spawn(move || {
                enter_executive();
                let allowed = rustix::thread::sched_getaffinity(None);
                let worker = Worker::new(
                    Platform::new(Arc::clone(&cpu), which, setup.pacer(which)),
                    steward,
                );
                let ready = match which {
                    Which::Guaranteed => setup.ask(cpu.number).map(Some),
                    Which::BestEffort => Ok(None),
                };
                // Who does not wait for it does not want to know.
                let _ = reports.send(ready);
                drop(reports);
                worker.run();
                if let Ok(allowed) = allowed {
                    system::leave_real_time(&allowed);
                }
            })
    }

    fn pacer(&self, which: Which) -> Pacer {
        match which {
            Which::Guaranteed => Pacer::new(self.spin.into(), AWAKE_SHARE),
            Which::BestEffort => Pacer::new(Nanos::ZERO, 0.0),
        }
    }

    /// Asks the system for what the calling thread is to have.
    fn ask(&self, cpu: usize) -> Result<Granted, BuildError> {
        // Without real-time scheduling the kernel would lump timers together, by up to 50 µs.
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
        // The CPU may be kept busy by others of this priority: an ordinary thread would hardly get there.
        let scheduling = match self.policy {
            Policy::Fifo { priority } => system::set_fifo(priority),
            Policy::Deadline { runtime, period } => system::set_deadline(runtime.into(), period.into()),
            Policy::Ordinary => Ok(()),
        };
        let pinned = match self.policy {
            Policy::Deadline { .. } => Ok(()),
            Policy::Fifo { .. } | Policy::Ordinary => system::pin(cpu),
        };
        pinned.map_err(|error| BuildError::Cpu { cpu, error })?;
        let stack = system::prepare_stack(self.memory == MemoryLock::Stacks);
        let memory = match self.memory {
            MemoryLock::Process => system::lock_process(),
            MemoryLock::Stacks | MemoryLock::None => stack,
        };
        Ok(Granted {
            cpu,
            asked: self.policy,
            scheduling: scheduling.err().map(|error| error.kind()),
            memory: memory.err().map(|error| error.kind()),
        })
    }
}

fn seat(page: &Arc<Page>, cpu: usize) -> Option<Seat> {
    let seat = page.take_seat(cpu);
    match &seat {
        Ok(Some(_)) => {}
        Ok(None) => tracing::warn!(
            cpu,
            "the machine's page is full: other processes do not see this one"
        ),
        Err(error) => tracing::warn!(cpu, "no place on the machine's page: {error}"),
    }
    seat.ok().flatten()
}
