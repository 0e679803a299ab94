// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `cargo xtask demo` runs: a naming service, a server bound in it, and clients of two ORBs that find and call it; then
//! objects with guarantees, and what becomes of those under load.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a demonstration is there to be read"
)]

mod columns;
mod guarantees;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{self, Child, ChildStdout, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::{consts::SIGINT, iterator::Signals};
use upcall_examples::{doing, option};

use self::columns::Columns;

/// How long a program may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    let result = option("programs").and_then(|programs| {
        let work = Scratch::new()?;
        show(Path::new(&programs), &work.0)?;
        guarantees::show(Path::new(&programs), Path::new(&option("out")?))?;
        println!("── all programs ended");
        Ok(())
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("demo: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn show(programs: &Path, work: &Path) -> Result<(), String> {
    println!("── a naming service");
    let naming = Naming::start(programs, work)?;
    println!("{}\n", naming.what);

    println!("── a telemetry server, bound in it");
    let mut server = Command::new(programs.join("demo-server"));
    server.args(["--naming", &naming.address]);
    let mut server = Program::start(server)?;
    println!(
        "its reference: {}…\n",
        server.ready.chars().take(72).collect::<String>()
    );

    let client = || {
        let mut client = Command::new(programs.join("demo-client"));
        client.args(["--naming", &naming.address]);
        client
    };
    println!("── a client in Rust, by IIOP");
    let iiop = columns::run(client().env("UPCALL_FABRIC", ""), true)?;
    server.report("the Rust client")?;

    println!("── the same client and server over the fabric of this machine: APIC, in shared memory");
    let apic = columns::run(&mut client(), false)?;
    let callers = server.report("the Rust client")?;
    if callers.contains("from apic://") {
        let iiop = &iiop;
        println!("{}", Columns { iiop, apic: &apic });
    } else {
        println!("left out: it went by IIOP again, since there is no fabric here\n");
    }

    println!("── a client in C++, with omniORB");
    match cpp(work) {
        Ok(program) => {
            run(Command::new(program).args(["-ORBInitRef", &format!("NameService={}", naming.address)]))?;
            server.report("the C++ client")?;
        }
        Err(reason) => println!("left out: {reason}\n"),
    }
    server.stop()
}

/// A folder of the demonstration's own, removed at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, String> {
        let folder = std::env::temp_dir().join(format!("upcall-demo-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(doing("making a folder for the demonstration"))?;
        let mut signals = Signals::new([SIGINT]).map_err(doing("listening for Ctrl-C"))?;
        let left = folder.clone();
        thread::spawn(move || {
            if signals.forever().next().is_some() {
                // The programs were interrupted as well.
                let _ = fs::remove_dir_all(&left);
                process::exit(128 + SIGINT);
            }
        });
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A naming service, and where it is.
struct Naming {
    what: String,
    address: String,
    // Held so that it ends with the demonstration.
    _program: Program,
}

impl Naming {
    fn start(programs: &Path, work: &Path) -> Result<Self, String> {
        if let Some(program) = which("omniNames")
            && let Ok(naming) = Self::omni_names(&program, work)
        {
            return Ok(naming);
        }
        let program = Program::start(Command::new(programs.join("demo-naming")))?;
        let what = "Upcall's own naming service (omniNames is not installed)".into();
        Ok(Self {
            what,
            address: program.ready.clone(),
            _program: program,
        })
    }

    fn omni_names(program: &Path, work: &Path) -> Result<Self, String> {
        // A port that is free now; nobody else is likely to take it within a second.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(doing("finding a free port"))?;
        let port = listener
            .local_addr()
            .map_err(doing("finding a free port"))?
            .port();
        drop(listener);
        let mut command = Command::new(program);
        command
            .args(["-start", &port.to_string(), "-always", "-logdir"])
            .arg(work);
        command.args(["-errlog"]).arg(work.join("omniNames.log"));
        command.args(["-ORBendPoint", &format!("giop:tcp:127.0.0.1:{port}")]);
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let child = child.map_err(doing("starting omniNames"))?;
        let program = Program {
            child,
            output: None,
            ready: String::new(),
        };
        let started = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if started.elapsed() > PATIENCE {
                return Err("omniNames does not answer".into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        let address = format!("corbaloc:iiop:1.2@127.0.0.1:{port}/NameService");
        Ok(Self {
            what: format!("omniNames, at {address}"),
            address,
            _program: program,
        })
    }
}

/// A program that runs beside the demonstration and ends with it.
struct Program {
    child: Child,
    output: Option<BufReader<ChildStdout>>,
    ready: String,
}

impl Program {
    /// Starts it and waits until it prints where it is.
    fn start(mut command: Command) -> Result<Self, String> {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(doing("starting a program"))?;
        let output = child.stdout.take().map(BufReader::new);
        let mut program = Self {
            child,
            output,
            ready: String::new(),
        };
        (_, program.ready) = program.until("READY")?;
        Ok(program)
    }

    /// Prints what it prints, up to the line that starts with `word`; that, and the rest of that line.
    fn until(&mut self, word: &str) -> Result<(String, String), String> {
        let output = self.output.as_mut().ok_or("a program without output")?;
        let mut printed = String::new();
        for line in output.lines() {
            let line = line.map_err(doing("reading what a program prints"))?;
            if let Some(rest) = line.strip_prefix(word) {
                return Ok((printed, rest.trim().to_owned()));
            }
            println!("{line}");
            printed.extend([&line, "\n"]);
        }
        Err(format!("a program ended before it printed {word}"))
    }

    /// Has the server say who called what, and returns that.
    fn report(&mut self, who: &str) -> Result<String, String> {
        println!("the server was called by {who}:");
        let input = self.child.stdin.as_mut().ok_or("the server reads no input")?;
        input.write_all(b"\n").map_err(doing("asking the server"))?;
        let (said, _) = self.until("END")?;
        println!();
        Ok(said)
    }

    /// Lets it end by itself.
    fn stop(mut self) -> Result<(), String> {
        drop(self.child.stdin.take());
        let status = self.child.wait().map_err(doing("waiting for the server"))?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("the server ended with {status}"))
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(doing("starting a client"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("a client ended with {status}"))
    }
}

/// Builds the C++ client.
fn cpp(work: &Path) -> Result<PathBuf, String> {
    for program in ["omniidl", "g++"] {
        which(program).ok_or_else(|| format!("{program} is not installed"))?;
    }
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("cpp");
    let program = work.join("client");
    let quiet = |command: &mut Command| match command.stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr)
            .lines()
            .last()
            .unwrap_or("it failed")
            .to_owned()),
        Err(error) => Err(error.to_string()),
    };
    quiet(
        Command::new("omniidl")
            .args(["-bcxx", "-C"])
            .arg(work)
            .arg(sources.join("telemetry.idl")),
    )?;
    let mut compiler = Command::new("g++");
    compiler
        .args(["-O1", "-std=c++17", "-w", "-I"])
        .arg(work)
        .arg(sources.join("client.cc"));
    compiler
        .arg(work.join("telemetrySK.cc"))
        .args(["-lomniORB4", "-lomnithread", "-lpthread", "-o"])
        .arg(&program);
    quiet(&mut compiler)?;
    Ok(program)
}

fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}
