// SPDX-License-Identifier: MIT OR Apache-2.0
//! The `upcall` command: what one does with IDL files, references, objects, naming services and QoS files from a
//! shell.
//!
//! It exits with 0 when all went well, 1 when not, and 2 when it was called wrongly.
#![allow(clippy::print_stderr, reason = "a command talks to its user")]

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use upcall::{Orb, OrbBuilder};

use self::failure::Failure;

mod calibrate;
mod capture;
mod doctor;
mod failure;
mod idl;
mod interrupt;
mod ior;
mod names;
mod output;
mod ping;
mod qos;
mod svg;
mod top;

#[derive(Debug, Parser)]
#[command(
    name = "upcall",
    version,
    about = "Works with IDL files, object references, objects, naming services and quality of service",
    after_help = "-ORB arguments, such as -ORBInitRef NameService=corbaloc::HOST:PORT/NameService, may stand anywhere."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compiles IDL files to Rust, or only checks them
    Idl(idl::Options),
    /// Lists, binds, resolves and unbinds names in a naming service, or serves one
    Names(names::Options),
    /// Explains an object reference of any ORB
    Ior {
        /// IOR:…, corbaloc:…, corbaname:…, file:…, or `-` for standard input
        reference: String,
    },
    /// Measures what messages and upcalls cost on this machine, and keeps it for `qos check` and the ORB
    Calibrate(calibrate::Options),
    /// Says whether what a QoS file asks for fits on a machine
    Qos(qos::Options),
    /// Says what of this machine keeps upcalls from being in time, and how to change it
    Doctor(doctor::Options),
    /// Shows what the flows of all running ORBs of the user do: granted and achieved, misses, CPU, response times
    Top(top::Options),
    /// Writes the packets of a running flow over the fabric into a file, for tshark and Wireshark
    Capture(capture::Options),
    /// Measures a live object of any ORB: is it there, and how far away
    Ping(ping::Options),
}

fn main() -> ExitCode {
    let (for_orb, for_us) = split(std::env::args());
    match run(Arguments::parse_from(for_us).command, for_orb).and_then(output::say) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("upcall: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command, for_orb: Vec<String>) -> Result<String, Failure> {
    let build = |builder: OrbBuilder| {
        let built = builder.args(for_orb).build();
        built.map_err(|error| Failure::new(error.to_string()).hint("what starts with -ORB is for the ORB"))
    };
    match command {
        Command::Idl(options) => idl::run(&options),
        Command::Names(options) => names::run(build, &options),
        Command::Ior { reference } => ior::run(&reference),
        Command::Calibrate(options) => calibrate::run(&options),
        Command::Doctor(options) => doctor::run(&options),
        Command::Qos(options) => qos::run(&options),
        Command::Top(options) => top::run(&options),
        Command::Capture(options) => capture::run(&options),
        Command::Ping(options) => ping::run(&build(Orb::builder())?, &options),
    }
}

/// Takes `-ORBname value` and `-ORBname=value` out of the arguments.
fn split(arguments: impl IntoIterator<Item = String>) -> (Vec<String>, Vec<String>) {
    let (mut for_orb, mut for_us) = (Vec::new(), Vec::new());
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        if argument.starts_with("-ORB") {
            let complete = argument.contains('=');
            for_orb.push(argument);
            if !complete {
                for_orb.extend(arguments.next());
            }
        } else {
            for_us.push(argument);
        }
    }
    (for_orb, for_us)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn what_is_for_the_orb_may_stand_anywhere() {
        let words = [
            "upcall",
            "names",
            "-ORBInitRef",
            "NameService=corbaloc::h/k",
            "list",
        ]
        .map(str::to_owned);
        let (for_orb, for_us) = split(words);
        assert_eq!(for_orb, ["-ORBInitRef", "NameService=corbaloc::h/k"]);
        assert_eq!(for_us, ["upcall", "names", "list"]);
        let (for_orb, for_us) = split(["upcall", "-ORBServerId=a", "ping", "x"].map(str::to_owned));
        assert_eq!(for_orb, ["-ORBServerId=a"]);
        assert_eq!(for_us, ["upcall", "ping", "x"]);
    }
}
