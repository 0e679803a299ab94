// SPDX-License-Identifier: MIT OR Apache-2.0
//! The process that goes on.

use std::{
    collections::BTreeMap,
    error::Error,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use upcall::{Completed, Fabric, Orb, SystemException, SystemExceptionKind};

use super::{
    Held, Moment, Seen,
    idl::desk::ClerkRef,
    servants::{GUARANTEED, Waiting, export},
    victim::BULK,
};
use crate::Process;

/// Which end goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ours {
    /// The server is killed.
    Client,
    /// The client is killed.
    Server,
}

type Outcome<T> = Result<T, Box<dyn Error>>;

/// One ORB, in this process, that calls and serves processes which are killed.
#[derive(Debug)]
pub struct Survivor {
    directory: TempDir,
    /// The program whose `main` is [`victim`](super::victim) when told so.
    program: PathBuf,
    orb: Orb,
    host: Arc<Host>,
    reference: String,
    /// That of the object with a guarantee.
    guaranteed: String,
    seen: BTreeMap<(Ours, Moment), Seen>,
    random: u64,
}

/// What the survivor's servants saw.
#[derive(Debug, Default)]
struct Host {
    begun: Mutex<usize>,
    over: AtomicBool,
    refused: Mutex<Vec<(Instant, SystemException)>>,
}

impl Waiting for Arc<Host> {
    fn begins(&self) {
        *self.begun.lock() += 1;
    }
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
    fn refused(&self, error: &SystemException) {
        self.refused.lock().push((Instant::now(), error.clone()));
    }
}

impl Survivor {
    /// Starts the ORB, on a fabric of its own.
    ///
    /// # Errors
    /// When there is none.
    pub fn start(program: impl AsRef<Path>) -> Outcome<Self> {
        let directory = tempfile::tempdir()?;
        let orb = Orb::builder()
            .environment(false)
            .statistics(None)
            .fabric(Fabric::at(directory.path()))
            .listen("apic://survivor")
            .build()?;
        let host = Arc::new(Host::default());
        Ok(Self {
            program: program.as_ref().to_path_buf(),
            reference: export(&orb, Moment::InServant, Arc::clone(&host))?,
            guaranteed: export(&orb, Moment::Guaranteed, Arc::clone(&host))?,
            directory,
            orb,
            host,
            seen: BTreeMap::new(),
            random: 1,
        })
    }

    /// What was seen so far.
    #[must_use]
    pub fn seen(&self) -> &BTreeMap<(Ours, Moment), Seen> {
        &self.seen
    }

    /// What this process holds now, when names that dead ones left are gone.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn held(&self) -> Outcome<Held> {
        // Who listens clears up behind the dead.
        Orb::builder()
            .environment(false)
            .statistics(None)
            .fabric(Fabric::at(self.directory.path()))
            .listen("apic://")
            .build()?
            .shutdown();
        Ok(Held {
            flows: self.flows()?,
            ..Held::now(self.directory.path())?
        })
    }

    /// How many clients have a flow of their own here.
    fn flows(&self) -> Outcome<usize> {
        let lane = self.orb.root_poa().lane(GUARANTEED)?.ok_or("no lane")?;
        Ok(lane.clients.len())
    }

    /// Kills one process in `moment`, and sees what comes of it.
    ///
    /// # Errors
    /// When nothing comes of it in time, or something else than should.
    pub fn outlives(&mut self, ours: Ours, moment: Moment) -> Outcome<()> {
        let before = Held::now(self.directory.path())?;
        let mut seen = self.seen.remove(&(ours, moment)).unwrap_or_default();
        self.host.over.store(false, Ordering::Relaxed);
        let killed = match ours {
            Ours::Client => self.outlive_server(moment, &mut seen)?,
            Ours::Server => self.outlive_client(moment, &mut seen)?,
        };
        self.host.over.store(true, Ordering::Relaxed);
        if !Held::settles(self.directory.path(), &before)? {
            let now = Held::now(self.directory.path())?;
            return Err(format!("{ours:?}, {moment:?}: {before:?} became {now:?}").into());
        }
        in_time("the dead one's flow is given back", || {
            self.flows().is_ok_and(|flows| flows == 0).then_some(())
        })?;
        seen.returned.push(killed.elapsed());
        self.seen.insert((ours, moment), seen);
        Ok(())
    }

    fn outlive_server(&mut self, moment: Moment, seen: &mut Seen) -> Outcome<Instant> {
        let directory = self.directory.path().to_path_buf();
        let victim = Process::start(
            Command::new(&self.program)
                .arg("server")
                .arg(&directory)
                .arg(moment.name()),
        );
        let reference = victim.line();
        let clerk: ClerkRef = self.orb.resolve(&reference)?;
        let ourselves: ClerkRef = self.orb.resolve(&self.reference)?;
        let begun = *self.host.begun.lock();
        let delay = self.delay();
        let (tell, told) = mpsc::channel();
        let (connect, connected) = mpsc::channel();
        // A thread keeps the connection of its last call, so this is one that ends.
        let killed = thread::scope(|scope| -> Outcome<Instant> {
            scope.spawn(move || {
                // Whoever gave up does not listen.
                let _ = connect.send(clerk.bounce(None, 0).wait());
                let error = call(moment, &clerk, &ourselves, &directory, &reference);
                let _ = tell.send((Instant::now(), error));
            });
            connected.recv()??;
            match moment {
                Moment::InServant | Moment::Deferred => drop(victim.line_with("waiting")),
                Moment::CallBack => self.host.wait_for(begun + 1)?,
                _ => {}
            }
            thread::sleep(delay);
            kill(&victim)
        })?;
        let (at, error) = told.recv()?;
        if let Some(error) = error {
            seen.fails(at.saturating_duration_since(killed), judged(moment, &error)?);
        }
        Ok(killed)
    }

    fn outlive_client(&mut self, moment: Moment, seen: &mut Seen) -> Outcome<Instant> {
        let begun = *self.host.begun.lock();
        let reference = match moment {
            Moment::Guaranteed => &self.guaranteed,
            _ => &self.reference,
        };
        let victim = Process::start(
            Command::new(&self.program)
                .arg("client")
                .arg(self.directory.path())
                .args([reference, moment.name()]),
        );
        victim.line_with("go");
        match moment {
            Moment::InServant | Moment::Deferred => self.host.wait_for(begun + 1)?,
            Moment::CallBack => drop(victim.line_with("waiting")),
            _ => {}
        }
        thread::sleep(self.delay());
        let killed = kill(&victim)?;
        if moment == Moment::CallBack {
            let (at, error) = in_time("a call to the dead one fails", || self.host.refused.lock().pop())?;
            seen.fails(at.saturating_duration_since(killed), judged(moment, &error)?);
        }
        Ok(killed)
    }

    /// Up to 16 ms, so that deaths fall anywhere.
    fn delay(&mut self) -> Duration {
        // Knuth's MMIX: what is needed here is no more than that it varies.
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        Duration::from_nanos(self.random >> 40)
    }
}

impl Host {
    fn wait_for(&self, count: usize) -> Outcome<()> {
        in_time("a servant is called", || {
            (*self.begun.lock() >= count).then_some(())
        })
    }
}

fn in_time<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> Outcome<T> {
    let until = Instant::now() + crate::PATIENCE;
    loop {
        if let Some(found) = found() {
            return Ok(found);
        }
        if Instant::now() > until {
            return Err(format!("never: {what}").into());
        }
        thread::sleep(Duration::from_micros(200));
    }
}

fn kill(victim: &Process) -> Outcome<Instant> {
    let pid = Pid::from_raw(victim.id().try_into()?).ok_or("no process")?;
    let at = Instant::now();
    kill_process(pid, Signal::KILL)?;
    Ok(at)
}

/// Calls until that fails.
fn call(
    moment: Moment,
    clerk: &ClerkRef,
    ourselves: &ClerkRef,
    directory: &Path,
    reference: &str,
) -> Option<SystemException> {
    match moment {
        Moment::InServant => clerk.wait().wait().err(),
        Moment::Deferred => match clerk.wait().start() {
            Ok(mut pending) => in_time("an end", || pending.try_take()).ok()?.err(),
            Err(error) => Some(error),
        },
        Moment::Calls | Moment::Guaranteed => until_error(|| clerk.bounce(None, 0).wait().map(drop)),
        Moment::Bulk => {
            let papers = vec![7; BULK];
            until_error(|| clerk.copy(&papers).wait().map(drop))
        }
        Moment::Connecting => until_error(|| once(directory, reference)),
        Moment::Idle => None,
        Moment::CallBack => clerk.bounce(Some(ourselves), 1).wait().err(),
    }
}

fn until_error(mut call: impl FnMut() -> Result<(), SystemException>) -> Option<SystemException> {
    loop {
        if let Err(error) = call() {
            return Some(error);
        }
    }
}

/// A call by a connection of its own.
fn once(directory: &Path, reference: &str) -> Result<(), SystemException> {
    let orb = Orb::builder()
        .environment(false)
        .statistics(None)
        .fabric(Fabric::at(directory))
        .build()
        .map_err(|_| SystemException::new(SystemExceptionKind::Internal, 0, Completed::No))?;
    let clerk: ClerkRef = orb.resolve(reference)?;
    let result = clerk.bounce(None, 0).wait().map(drop);
    orb.shutdown();
    result
}

/// Whether an exception is what a call gets whose server dies: COMM_FAILURE if it may have been executed, and what says that
/// it was not if it was not sent.
fn judged(moment: Moment, error: &SystemException) -> Outcome<String> {
    let seen = (error.kind(), error.completed());
    let named = format!("{:?} {:?}", seen.0, seen.1);
    let in_progress = matches!(moment, Moment::InServant | Moment::Deferred | Moment::CallBack);
    match seen {
        (SystemExceptionKind::CommFailure, Completed::Maybe) => Ok(named),
        (SystemExceptionKind::CommFailure | SystemExceptionKind::Transient, Completed::No)
            if !in_progress =>
        {
            Ok(named)
        }
        _ => Err(format!("{moment:?}: {error}").into()),
    }
}
