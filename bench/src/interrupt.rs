// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ctrl-C, or another polite request to end: nothing that was started goes on, and nothing that was left in files stays.

use std::fs;
use std::path::PathBuf;
use std::process;
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Ends this process when it is told to: first whatever it started, then `folder`.
pub(crate) fn clean_up_when_told(folder: PathBuf) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("signals: {error}");
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(failed)?;
    let watch = move || {
        let Some(signal) = signals.forever().next() else {
            return;
        };
        end_all(process::id());
        // It may never have been made.
        let _ = fs::remove_dir_all(&folder);
        process::exit(128 + signal);
    };
    let thread = thread::Builder::new().name("interrupt".into());
    thread.spawn(watch).map(drop).map_err(failed)
}

/// Ends whatever a process started, and what that started: tools that run programs do not all pass a signal on.
fn end_all(parent: u32) {
    for child in children(parent) {
        let pid = i32::try_from(child).ok().and_then(Pid::from_raw);
        // It may have ended by itself.
        let tell = |signal| pid.map(|pid| kill_process(pid, signal));
        // From here on it starts nothing more.
        let _ = tell(Signal::STOP);
        end_all(child);
        let _ = tell(Signal::KILL);
    }
}

/// Returns the children of a process, of whichever thread (proc_pid_task_children(5)).
fn children(parent: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{parent}/task"));
    let lists = tasks
        .into_iter()
        .flatten()
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
    lists
        .flat_map(|list| {
            let numbers = list.split_ascii_whitespace().map(str::parse);
            numbers.filter_map(Result::ok).collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn what_was_started_ends_and_what_that_started() {
        let mut shell = Command::new("sh")
            .args(["-c", "timeout 1000 sleep 1000 & echo $!; wait"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut line = String::new();
        let mut output = BufReader::new(shell.stdout.take().expect("a pipe"));
        output.read_line(&mut line).expect("its child");
        let timeout: u32 = line.trim().parse().expect("a number");
        assert_eq!(children(shell.id()), [timeout]);
        assert!(children(process::id()).contains(&shell.id()));
        end_all(shell.id());
        // Nobody else has its output: this is the end of all.
        assert_eq!(output.read_line(&mut line).expect("it ends"), 0);
        shell.wait().expect("it ended with its child");
    }
}
