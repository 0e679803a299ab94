// SPDX-License-Identifier: MIT OR Apache-2.0
//! The `upcall` command: what one does with IDL files, references, objects and naming services from a shell.
//!
//! It exits with 0 when all went well, 1 when not, and 2 when it was called wrongly.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command talks to its user"
)]

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::failure::Failure;

mod failure;
mod ior;

#[derive(Debug, Parser)]
#[command(
    name = "upcall",
    version,
    about = "Works with IDL files, object references, objects and naming services"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Explains an object reference of any ORB
    Ior {
        /// IOR:…, corbaloc:…, corbaname:…, file:…, or `-` for standard input
        reference: String,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("upcall: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<String, Failure> {
    match command {
        Command::Ior { reference } => ior::run(&reference),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_well_formed() {
        Arguments::command().debug_assert();
    }
}
