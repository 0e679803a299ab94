// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many flows over the fabric of one server, of which one is used: what each costs, and what that one costs among them.

use std::{
    error::Error,
    fs,
    io::{self, Write},
    path::Path,
    process::{self, Command},
    time::Duration,
};

use rustix::process::{Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit};
use upcall::{Fabric, Orb};

use crate::{
    Process,
    killed::{
        Patient,
        idl::desk::{ClerkRef, ClerkSkeleton},
    },
};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// What one flow costs a process, in the mean.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Memory that is resident, in bytes; of what both ends have mapped, half.
    pub resident: u64,
    /// Address space, in bytes.
    pub mapped: u64,
    /// Descriptors, in hundredths.
    pub descriptors: u64,
}

/// What was seen.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// What a flow costs its client.
    pub client: Cost,
    /// What it costs its server.
    pub server: Cost,
    /// CPU time that the server takes for a call, with one flow, and among all.
    pub alone: Duration,
    /// Likewise, among all.
    pub among: Duration,
}

/// Makes `count` flows between this process and another one, each used once, and returns what they cost.
///
/// # Errors
/// When they cannot be made; for want of descriptors, too.
pub fn measure(program: &Path, count: usize) -> Outcome<Figures> {
    allow_descriptors(count)?;
    let folder = tempfile::tempdir()?;
    let mut command = Command::new(program);
    command.arg("server").arg(folder.path()).arg(count.to_string());
    let server = Process::start(&mut command);
    let reference = server.line();
    let orb = builder(folder.path()).build()?;
    let shared: ClerkRef = orb.resolve(&reference)?;
    let first = connect(&shared)?;
    let alone = cpu_per_call(&first, server.id())?;
    let before = (Held::of(process::id())?, Held::of(server.id())?);
    let flows = (0..count)
        .map(|_| connect(&shared))
        .collect::<Outcome<Vec<_>>>()?;
    let after = (Held::of(process::id())?, Held::of(server.id())?);
    let last = flows.get(count / 2).unwrap_or(&first);
    let among = cpu_per_call(last, server.id())?;
    Ok(Figures {
        client: after.0.less(before.0, count),
        server: after.1.less(before.1, count),
        alone,
        among,
    })
}

/// Serves so many, until its parent ends: the command line is `server DIRECTORY COUNT`.
///
/// # Errors
/// When it cannot.
pub fn serve(directory: &str, count: &str) -> Outcome<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let count: usize = count.parse()?;
    allow_descriptors(count)?;
    let orb = builder(Path::new(directory))
        .listen("apic://idle")
        .server(|config| config.max_connections = count + 16)
        .build()?;
    let object: ClerkRef = orb
        .root_poa()
        .activate(ClerkSkeleton::new(Patient(())))
        .export()?;
    let mut output = io::stdout().lock();
    writeln!(output, "{}", orb.object_to_string(&object))?;
    output.flush()?;
    orb.run()?;
    Ok(())
}

fn builder(directory: &Path) -> upcall::OrbBuilder {
    Orb::builder()
        .environment(false)
        .statistics(None)
        .fabric(Fabric::at(directory))
}

/// A flow has one descriptor, and two more while it is made.
fn allow_descriptors(count: usize) -> Outcome<()> {
    let limit = getrlimit(Resource::Nofile);
    let wanted = count as u64 + 256;
    if limit.maximum.is_some_and(|most| most < wanted) {
        let most = limit.maximum.unwrap_or_default();
        return Err(format!(
            "{count} flows need {wanted} descriptors, and this user may have {most} (ulimit -Hn)"
        )
        .into());
    }
    Ok(setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    )?)
}

/// A flow of its own, used once.
fn connect(shared: &ClerkRef) -> Outcome<ClerkRef> {
    let own = ClerkRef::from(shared.as_ref().with_private_connection());
    own.bounce(None, 0).wait()?;
    Ok(own)
}

/// The least of several batches: what disturbs takes time.
fn cpu_per_call(clerk: &ClerkRef, server: u32) -> Outcome<Duration> {
    const CALLS: u32 = 2000;
    let mut least = Duration::MAX;
    for _ in 0..10 {
        let before = cpu(server)?;
        for _ in 0..CALLS {
            clerk.bounce(None, 0).wait()?;
        }
        least = least.min((cpu(server)? - before) / CALLS);
    }
    Ok(least)
}

/// CPU time of all threads of a process.
fn cpu(process: u32) -> Outcome<Duration> {
    let mut time = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        // It may have ended.
        let text = fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
        time += text
            .split(' ')
            .next()
            .and_then(|number| number.parse::<u64>().ok())
            .unwrap_or(0);
    }
    Ok(Duration::from_nanos(time))
}

/// What a process has.
#[derive(Clone, Copy)]
struct Held {
    resident: u64,
    mapped: u64,
    descriptors: u64,
}

impl Held {
    fn of(process: u32) -> io::Result<Self> {
        let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            let number = line.and_then(|line| line.split_whitespace().nth(1));
            number.and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) * 1024
        };
        Ok(Self {
            resident: field(&rollup, "Pss:") + field(&status, "VmPTE:"),
            mapped: field(&status, "VmSize:"),
            descriptors: fs::read_dir(format!("/proc/{process}/fd"))?.count() as u64,
        })
    }

    fn less(self, before: Self, count: usize) -> Cost {
        let each = |after: u64, before: u64| after.saturating_sub(before) / count.max(1) as u64;
        Cost {
            resident: each(self.resident, before.resident),
            mapped: each(self.mapped, before.mapped),
            descriptors: each(self.descriptors * 100, before.descriptors * 100),
        }
    }
}
