// SPDX-License-Identifier: MIT OR Apache-2.0
//! The process that is killed.

use std::{
    error::Error,
    io::{self, Write},
    thread,
    time::Duration,
};

use upcall::{Fabric, Orb};

use super::{
    Moment,
    idl::desk::ClerkRef,
    servants::{Waiting, export},
};

/// What is sent to and fro in bulk, in octets.
pub(super) const BULK: usize = 4 << 20;

type Outcome = Result<(), Box<dyn Error>>;

/// Is the victim, as the command line says: `server DIRECTORY MOMENT`, or `client DIRECTORY REFERENCE MOMENT`. It tells its
/// standard output that it is at it, and goes on until it is killed, or its parent is.
///
/// # Errors
/// Where something else goes wrong.
pub fn victim(role: &str, arguments: &[String]) -> Outcome {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    let of = |moment| Moment::of(moment).ok_or("no such moment");
    match (role, arguments) {
        ("server", [directory, moment]) => serve(directory, of(moment)?),
        ("client", [directory, reference, moment]) => call(directory, reference, of(moment)?),
        _ => Err("a victim is `server DIRECTORY MOMENT` or `client DIRECTORY REFERENCE MOMENT`".into()),
    }
}

/// Says on standard output what it is doing.
struct Saying;

impl Waiting for Saying {
    fn begins(&self) {
        // Whoever reads is about to kill us.
        let _ = say("waiting");
    }
    fn is_over(&self) -> bool {
        false
    }
    fn refused(&self, _: &upcall::SystemException) {}
}

fn say(what: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{what}")?;
    output.flush()
}

fn serve(directory: &str, moment: Moment) -> Outcome {
    let orb = orb(directory, true)?;
    say(&export(&orb, moment, Saying)?)?;
    orb.run()?;
    Ok(())
}

fn orb(directory: &str, listening: bool) -> Result<Orb, upcall::BuildError> {
    let builder = Orb::builder()
        .environment(false)
        .statistics(None)
        .fabric(Fabric::at(directory));
    if listening {
        builder.listen("apic://").build()
    } else {
        builder.build()
    }
}

fn call(directory: &str, reference: &str, moment: Moment) -> Outcome {
    let orb = orb(directory, moment == Moment::CallBack)?;
    let clerk: ClerkRef = orb.resolve(reference)?;
    clerk.bounce(None, 0).wait()?;
    say("go")?;
    match moment {
        Moment::InServant => clerk.wait().wait()?,
        Moment::Deferred => {
            let pending = clerk.wait().start()?;
            rest();
            pending.wait()?;
        }
        Moment::Calls | Moment::Guaranteed => loop {
            clerk.bounce(None, 0).wait()?;
        },
        Moment::Bulk => {
            let papers = vec![7; BULK];
            loop {
                clerk.copy(&papers).wait()?;
            }
        }
        Moment::Connecting => loop {
            let orb = self::orb(directory, false)?;
            orb.resolve::<ClerkRef>(reference)?.bounce(None, 0).wait()?;
            orb.shutdown();
        },
        Moment::Idle => rest(),
        Moment::CallBack => {
            let ourselves: ClerkRef = orb.resolve(&export(&orb, moment, Saying)?)?;
            clerk.bounce(Some(&ourselves), 1).wait()?;
        }
    }
    rest();
    Ok(())
}

fn rest() {
    loop {
        thread::sleep(Duration::from_secs(60));
    }
}
