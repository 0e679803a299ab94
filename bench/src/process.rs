// SPDX-License-Identifier: MIT OR Apache-2.0
//! Starts the measured programs and reads what they report.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use probe::Report;

/// Seconds after which a client has hung.
const LIMIT: &str = "120";
/// The same for a program that takes long.
const LONG: &str = "900";

/// A server that can be called.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// What its clients need to find it.
    pub(crate) address: String,
}

impl Server {
    /// Starts it, and waits until it says where it is.
    pub(crate) fn start(mut command: Command) -> Result<Self, String> {
        let name = shown(&command);
        let failed = |error: &dyn std::fmt::Display| format!("{name}: {error}");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| failed(&error))?;
        let input = child.stdin.take();
        let output = child.stdout.take().ok_or_else(|| failed(&"it has no output"))?;
        let mut server = Self {
            child,
            input,
            output: BufReader::new(output),
            address: String::new(),
        };
        server.address = server.line("READY").map_err(|error| failed(&error))?;
        Ok(server)
    }

    /// Asks what it used so far.
    pub(crate) fn count(&mut self) -> Result<Report, String> {
        let input = self.input.as_mut().ok_or("the server was stopped")?;
        input
            .write_all(b"\n")
            .and_then(|()| input.flush())
            .map_err(|error| format!("the server: {error}"))?;
        Ok(Report::parse(&self.line("COUNT")?))
    }

    /// Returns how often its threads, those that still run, gave up a CPU or lost it.
    pub(crate) fn switches(&self) -> Result<f64, String> {
        let tasks = format!("/proc/{}/task", self.child.id());
        let tasks = std::fs::read_dir(&tasks).map_err(|error| format!("{tasks}: {error}"))?;
        let statuses =
            tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("status")).ok());
        Ok(statuses.map(|status| context_switches(&status)).sum())
    }

    /// Returns what its threads of one name had of a CPU, in seconds.
    pub(crate) fn cpu_time(&self, thread: &str) -> Result<f64, String> {
        let tasks = format!("/proc/{}/task", self.child.id());
        let tasks = std::fs::read_dir(&tasks).map_err(|error| format!("{tasks}: {error}"))?;
        let times = tasks.filter_map(|task| {
            let task = task.ok()?.path();
            let name = std::fs::read_to_string(task.join("comm")).ok()?;
            let times = std::fs::read_to_string(task.join("schedstat")).ok()?;
            // The first is the time on a CPU, in nanoseconds (Documentation/scheduler/sched-stats.rst).
            let used: f64 = times.split_ascii_whitespace().next()?.parse().ok()?;
            (name.trim_end() == thread).then_some(used / 1e9)
        });
        let times: Vec<f64> = times.collect();
        (!times.is_empty())
            .then(|| times.iter().sum())
            .ok_or_else(|| format!("the server has no thread `{thread}`"))
    }

    /// Ends it, so that whatever watches it can say what it saw.
    pub(crate) fn stop(&mut self) -> Result<(), String> {
        drop(self.input.take());
        self.child
            .wait()
            .map(|_| ())
            .map_err(|error| format!("the server: {error}"))
    }

    /// Reads on to the line of that kind.
    fn line(&mut self, kind: &str) -> Result<String, String> {
        let mut line = String::new();
        loop {
            line.clear();
            let count = self
                .output
                .read_line(&mut line)
                .map_err(|error| error.to_string())?;
            if count == 0 {
                return Err(format!("it ended before it printed {kind}"));
            }
            if let Some(rest) = line.strip_prefix(kind) {
                return Ok(rest.trim().to_owned());
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Without input it ends by itself.
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

/// Runs a client, or a program of its own, to its end and returns its findings.
pub(crate) fn findings(command: &Command) -> Result<Report, String> {
    findings_within(LIMIT, command, Stdio::piped())
}

/// The same for a program that takes minutes, and says on standard error how far it is.
pub(crate) fn long_findings(command: &Command) -> Result<Report, String> {
    findings_within(LONG, command, Stdio::inherit())
}

fn findings_within(limit: &str, command: &Command, errors: Stdio) -> Result<Report, String> {
    let mut limited = Command::new("timeout");
    limited.arg(limit);
    let name = shown(command);
    let output = under(limited, command)
        .stdin(Stdio::null())
        .stderr(errors)
        .output()
        .map_err(|error| format!("{name}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().find_map(|line| line.strip_prefix("RESULT ")) {
        Some(result) if output.status.success() => Ok(Report::parse(result)),
        _ => {
            let words = String::from_utf8_lossy(&output.stderr);
            Err(format!(
                "{name}: {}, {}",
                output.status,
                words.lines().last().unwrap_or("nothing said")
            ))
        }
    }
}

/// Adds up what a thread's status says (proc_pid_status(5)).
fn context_switches(status: &str) -> f64 {
    let counts = status.lines().filter_map(|line| {
        let (name, count) = line.split_once(':')?;
        let counts = name.ends_with("voluntary_ctxt_switches");
        counts.then(|| count.trim().parse::<f64>().ok())?
    });
    counts.sum()
}

/// The command under strace, which writes its counts to `file`.
pub(crate) fn traced(command: &Command, file: &Path) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-q", "-c", "-o"]).arg(file);
    under(strace, command)
}

/// The command, with its environment, as the last arguments of a tool that runs commands.
pub(crate) fn under(mut tool: Command, command: &Command) -> Command {
    tool.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => tool.env(name, value),
            None => tool.env_remove(name),
        };
    }
    tool
}

/// Runs a program under callgrind, which counts the instructions of the functions whose names contain `function`, with all
/// that they call; returns them, and the program's findings.
pub(crate) fn instructions(command: &Command, function: &str) -> Result<(f64, Report), String> {
    let mut callgrind = Command::new("valgrind");
    callgrind
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--log-fd=1"])
        .arg(format!("--toggle-collect=*{function}*"));
    let mut limited = Command::new("timeout");
    limited.arg(LIMIT);
    let output = under(limited, &under(callgrind, command))
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let collected = text
        .lines()
        .find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    let report = text.lines().find_map(|line| line.strip_prefix("RESULT "));
    collected
        .zip(report.map(Report::parse))
        .ok_or_else(|| format!("{}: valgrind: {}", shown(command), output.status))
}

/// Adds up the calls in strace's summary.
pub(crate) fn system_calls(summary: &str) -> f64 {
    let rows = summary
        .lines()
        .map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    let counts = rows.filter_map(|words| {
        let share = words.first()?.parse::<f64>().ok();
        let total = words.last() == Some(&"total");
        share.filter(|_| !total).and(words.get(3)?.parse::<f64>().ok())
    });
    counts.sum()
}

fn shown(command: &Command) -> String {
    Path::new(command.get_program())
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", script]);
        shell
    }

    #[test]
    fn a_server_says_where_it_is_and_what_it_used() {
        let mut server = Server::start(shell(
            "echo noise; echo READY here:1; read line; echo COUNT a=1 b=2; read line",
        ))
        .expect("up");
        assert_eq!(server.address, "here:1");
        assert_eq!(server.count().expect("counts").value("b"), Some(2.0));
        server.stop().expect("it ends");
        assert!(server.count().is_err());
    }

    #[test]
    fn a_server_that_ends_early_is_an_error() {
        assert!(
            Server::start(shell("echo nothing"))
                .expect_err("no address")
                .contains("READY")
        );
    }

    #[test]
    fn findings_are_read_from_the_result_line() {
        assert_eq!(
            findings(&shell("echo RESULT p50_ns=7"))
                .expect("a result")
                .value("p50_ns"),
            Some(7.0)
        );
        let error = findings(&shell("echo refused >&2; exit 3")).expect_err("no result");
        assert!(error.contains("refused"), "{error}");
    }

    #[test]
    fn a_tool_passes_the_environment_on() {
        let mut command = shell("echo RESULT value=$UPCALL_BENCH_TEST");
        command.env("UPCALL_BENCH_TEST", "7");
        let report = findings(&command).expect("a result");
        assert_eq!(report.value("value"), Some(7.0));
    }

    #[test]
    fn switches_of_both_kinds_count() {
        let status = "Name:\ta\nvoluntary_ctxt_switches:\t150\nnonvoluntary_ctxt_switches:\t5\n";
        assert_eq!(context_switches(status), 155.0);
        let server = Server::start(shell("echo READY here; read line")).expect("up");
        assert!(server.switches().expect("it runs") > 0.0);
        assert!(server.cpu_time("sh").expect("it ran") > 0.0);
        assert!(server.cpu_time("nobody").is_err());
    }

    #[test]
    fn system_calls_of_a_summary_add_up() {
        let summary = "% time     seconds  usecs/call     calls    errors syscall\n\
            ------ ----------- ----------- --------- --------- ----------------\n \
            60.00    0.000060           6        10         2 recvfrom\n \
            40.00    0.000040           5         8           sendto\n\
            ------ ----------- ----------- --------- --------- ----------------\n\
            100.00    0.000100           5        18         2 total\n";
        assert_eq!(system_calls(summary), 18.0);
    }
}
