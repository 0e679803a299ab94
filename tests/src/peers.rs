// SPDX-License-Identifier: MIT OR Apache-2.0
//! The programs of other ORBs: built once, kept under cargo's target folder by the content of their sources.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use crate::{Process, folder, target_folder, which};

/// omniORB's server and client of `interop/types.idl`.
#[derive(Debug, Clone)]
pub struct Omniorb {
    /// Prints its reference, then serves.
    pub server: PathBuf,
    /// Checks the server it is given.
    pub client: PathBuf,
    /// The address at which both listen.
    pub host: IpAddr,
}

impl Omniorb {
    /// Returns the same programs, listening at another address.
    #[must_use]
    pub fn at(self, host: IpAddr) -> Self {
        Self { host, ..self }
    }

    fn endpoint(&self) -> String {
        format!("giop:tcp:{}:", self.host)
    }

    /// Starts the server with further arguments; gives it and its reference.
    #[must_use]
    pub fn serve(&self, arguments: &[&str]) -> (Process, String) {
        let mut command = Command::new(&self.server);
        command.args(["-ORBendPoint", &self.endpoint()]);
        command.args(["-ORBgiopMaxMsgSize", LARGEST]);
        let server = Process::start(command.args(arguments));
        let reference = server.line_with("IOR:");
        (server, reference)
    }

    /// Runs the client's checks against `peer` with further arguments.
    ///
    /// # Panics
    /// When the client does not end by itself.
    #[must_use]
    pub fn check(&self, peer: &str, arguments: &[&str]) -> Verdict {
        let mut command = Command::new(&self.client);
        command.args([
            "-ORBgiopMaxMsgSize",
            LARGEST,
            "-ORBclientCallTimeOutPeriod",
            "20000",
        ]);
        command.args(["-ORBendPoint", &self.endpoint()]);
        let client = Process::start(command.args(arguments).args(["--peer", peer]));
        let (status, lines) = client.finish(Duration::from_secs(90));
        let mut verdict = Verdict::default();
        for line in lines {
            match line.split_once(' ') {
                Some(("ok", name)) => verdict.passed.push(name.to_owned()),
                _ => verdict.failed.push(line),
            }
        }
        if !status.success() && verdict.failed.is_empty() {
            verdict.failed.push(format!("the client ended with {status}"));
        }
        verdict
    }
}

/// What a list of checks found.
#[derive(Debug, Default)]
pub struct Verdict {
    /// The names of those that passed.
    pub passed: Vec<String>,
    /// The names of those that failed, and why.
    pub failed: Vec<String>,
}

/// Messages of 64 MiB, and what stands around them.
const LARGEST: &str = "70000000";

/// The folders in which Debian's omniORB keeps its IDL.
pub const OMNIORB_IDL: &[&str] = &["/usr/share/idl/omniORB", "/usr/share/idl/omniORB/COS"];

static BUILDING: Mutex<()> = Mutex::new(());

/// Builds omniORB's programs, or finds those built before.
///
/// # Errors
/// What is missing on this machine, or what the compiler said.
pub fn omniorb() -> Result<Omniorb, String> {
    for tool in ["omniidl", "g++"] {
        which(tool).ok_or_else(|| format!("{tool} is not installed"))?;
    }
    if !Path::new("/usr/include/omniORB4/CORBA.h").exists() {
        return Err("libomniorb4-dev is not installed".into());
    }
    let interop = folder().join("interop");
    let sources = interop.join("omniorb");
    let idl = interop.join("types.idl");
    let built = built("omniorb", &[&sources, &idl], |place| {
        let mut omniidl = Command::new("omniidl");
        omniidl.args(["-bcxx", "-Wba"]);
        omniidl.args(OMNIORB_IDL.iter().map(|folder| format!("-I{folder}")));
        run(omniidl.arg("-C").arg(place).arg(&idl))?;
        let units = [
            "typesSK.cc",
            "typesDynSK.cc",
            "server.cc",
            "client.cc",
            "samples.cc",
        ];
        thread::scope(|scope| {
            let compilations: Vec<_> = units
                .iter()
                .map(|unit| scope.spawn(|| compile(place, &sources, unit)))
                .collect();
            compilations.into_iter().try_for_each(|each| {
                each.join()
                    .map_err(|_| "the compiler's thread panicked".to_owned())?
            })
        })?;
        for program in ["server", "client"] {
            let mut link = Command::new("g++");
            link.current_dir(place)
                .args(["-o", program, &format!("{program}.o")]);
            link.args(["samples.o", "typesSK.o", "typesDynSK.o"]);
            run(link.args(["-lomniORB4", "-lomniDynamic4", "-lomnithread", "-lpthread"]))?;
        }
        Ok(())
    })?;
    Ok(Omniorb {
        server: built.join("server"),
        client: built.join("client"),
        host: Ipv4Addr::LOCALHOST.into(),
    })
}

fn compile(place: &Path, sources: &Path, unit: &str) -> Result<(), String> {
    let source = if place.join(unit).exists() {
        place.join(unit)
    } else {
        sources.join(unit)
    };
    let mut compiler = Command::new("g++");
    // What omniidl makes of a boolean discriminator is not ours to repair.
    compiler
        .current_dir(place)
        .args(["-O0", "-Wno-switch-bool", "-c", "-I.", "-I"])
        .arg(sources);
    run(compiler.arg(source))
}

/// corba.js from its registry, with its own compiler's output for `interop/corbajs/echo.idl`: a folder to run node in.
///
/// # Errors
/// What is missing on this machine, or what npm or the compiler said.
pub fn corbajs() -> Result<PathBuf, String> {
    for tool in ["node", "npm"] {
        which(tool).ok_or_else(|| format!("{tool} is not installed"))?;
    }
    let sources = folder().join("interop/corbajs");
    built("corbajs", &[&sources], |place| {
        let entries = fs::read_dir(&sources).map_err(|error| error.to_string())?;
        for entry in entries.flatten().filter(|entry| entry.path().is_file()) {
            fs::copy(entry.path(), place.join(entry.file_name())).map_err(|error| error.to_string())?;
        }
        let quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
        run(Command::new("npm").current_dir(place).arg("ci").args(quiet))?;
        run(Command::new("npm")
            .current_dir(place)
            .args(["run", "--silent", "build"]))
    })
}

/// Runs `build` in a new folder unless what it would build from `inputs` is there already; gives the folder.
fn built(
    name: &str,
    inputs: &[&Path],
    build: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<PathBuf, String> {
    let _alone = BUILDING.lock();
    let hash = content_hash(inputs).map_err(|error| format!("{name}: {error}"))?;
    let home = target_folder().map_err(|error| format!("{name}: {error}"))?;
    let place = home.join(format!("{name}-{hash:016x}"));
    if place.exists() {
        return Ok(place);
    }
    let scratch = home.join(format!("{name}-{hash:016x}.{}", std::process::id()));
    fs::create_dir_all(&scratch).map_err(|error| format!("{name}: {error}"))?;
    let outcome = build(&scratch);
    if outcome.is_ok() && fs::rename(&scratch, &place).is_ok() {
        return Ok(place);
    }
    // Another process may have been faster.
    let _ = fs::remove_dir_all(&scratch);
    outcome.map(|()| place)
}

fn content_hash(inputs: &[&Path]) -> io::Result<u64> {
    let mut hasher = DefaultHasher::new();
    for input in inputs {
        let mut files = vec![input.to_path_buf()];
        if input.is_dir() {
            files = fs::read_dir(input)?
                .map(|entry| Ok(entry?.path()))
                .collect::<io::Result<_>>()?;
        }
        files.sort();
        for file in files.iter().filter(|file| file.is_file()) {
            file.file_name().hash(&mut hasher);
            fs::read(file)?.hash(&mut hasher);
        }
    }
    Ok(hasher.finish())
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!(
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&said)
    ))
}
