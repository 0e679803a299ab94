// SPDX-License-Identifier: MIT OR Apache-2.0
//! `upcall top`: what the flows of all running ORBs of the user do.

mod column;
mod json;
mod report;
mod screen;
mod table;
mod view;

use std::fs;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use upcall::statistics::{Folder, Snapshot};

use self::column::Column;
use self::report::Report;
use self::view::View;
use crate::failure::Failure;

/// How often the table is shown anew: as often as ORBs write theirs.
const REFRESH: Duration = Duration::from_secs(1);
/// How often one looks whether it is to end.
const STEP: Duration = Duration::from_millis(100);

/// What to show, and how.
#[derive(Debug, Args)]
#[command(
    after_help = "Keys: the letter that is underlined in a column's title, or ← and →, sort by it, and r turns the order \
                  round; / takes a filter, Esc drops it; ↑ ↓ PgUp PgDn scroll; q quits."
)]
pub(crate) struct Options {
    /// Print the table once and end
    #[arg(long)]
    once: bool,
    /// Print JSON, each time on a line of its own unless it is only once
    #[arg(long)]
    json: bool,
    /// Sort by this column
    #[arg(long, value_enum, default_value_t = Column::Cpu, value_name = "COLUMN")]
    sort: Column,
    /// Show flows only that have this in the name of their object, program, class or peer
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    filter: String,
    /// End after so many seconds
    #[arg(long = "for", value_name = "SECONDS")]
    seconds: Option<u64>,
    /// At the end, draw what the flows did meanwhile
    #[arg(long, value_name = "FILE", conflicts_with = "once")]
    svg: Option<PathBuf>,
    /// Where ORBs leave their statistics [default: $UPCALL_STATISTICS, or the folder of the user]
    #[arg(long, value_name = "FOLDER")]
    from: Option<PathBuf>,
}

/// Shows it; returns what is left to print.
pub(crate) fn run(options: &Options) -> Result<String, Failure> {
    let folder = folder(options.from.as_ref());
    let mut view = View::new(options.sort, &options.filter);
    if options.once {
        let snapshots = read(&folder)?;
        return Ok(if options.json {
            format!("{:#}\n", json::render(&snapshots, &view))
        } else {
            table::render(&snapshots, &view)
        });
    }
    let begun = Instant::now();
    let mut report = Report::default();
    let recorded = || {
        let snapshots = read(&folder)?;
        report.record(begun.elapsed(), &snapshots);
        Ok(snapshots)
    };
    let interrupted = crate::interrupt::flag();
    let span = options.seconds.map(Duration::from_secs);
    let ends = || interrupted.load(Ordering::Relaxed) || span.is_some_and(|span| begun.elapsed() >= span);
    if !options.json && io::stdout().is_terminal() && has_keys() {
        screen::run(&mut view, recorded, ends)?;
    } else {
        let line = |snapshots: &[Snapshot]| {
            if options.json {
                format!("{}\n", json::render(snapshots, &view))
            } else {
                format!("{}\n", table::render(snapshots, &view))
            }
        };
        let mut recorded = recorded;
        go_on(|| recorded().map(|snapshots| line(&snapshots)), ends)?;
    }
    if let Some(path) = &options.svg {
        fs::write(path, report.draw()).map_err(|error| crate::qos::about(path, &error))?;
    }
    Ok(String::new())
}

/// Prints again and again, until it is to end or nobody reads any further.
fn go_on(mut next: impl FnMut() -> Result<String, Failure>, ends: impl Fn() -> bool) -> Result<(), Failure> {
    while !ends() {
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(next()?.as_bytes()).and_then(|()| stdout.flush());
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(Failure::new(format!("standard output: {error}"))),
            Ok(()) => {}
        }
        drop(stdout);
        let shown = Instant::now();
        while shown.elapsed() < REFRESH && !ends() {
            thread::sleep(STEP);
        }
    }
    Ok(())
}

/// Whether keys can be read: from standard input, or else from the terminal that the process belongs to.
fn has_keys() -> bool {
    io::stdin().is_terminal() || fs::File::open("/dev/tty").is_ok()
}

/// The folder that was asked for, or that of the environment, or that of the user.
pub(crate) fn folder(asked: Option<&PathBuf>) -> Folder {
    let environment = || std::env::var_os("UPCALL_STATISTICS").filter(|path| !path.is_empty());
    let path = asked.cloned().or_else(|| environment().map(PathBuf::from));
    path.map_or_else(Folder::of_user, Folder::at)
}

/// Reads what there is.
pub(crate) fn read(folder: &Folder) -> Result<Vec<Snapshot>, Failure> {
    let read = folder.read();
    read.map_err(|error| Failure::new(format!("{}: {error}", folder.path().display())))
}

#[cfg(test)]
mod tests;
