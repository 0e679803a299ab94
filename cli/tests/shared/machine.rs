// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the ORBs of one test publish, and the command that reads it, as a shell runs it.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use orb_core::servant::Reply;
use tempfile::TempDir;
use upcall::poa::Page;
use upcall::qos::Qos;
use upcall::statistics::Folder;
use upcall::{Calibration, Context, Decoder, ObjectRef, Orb, OrbBuilder, Servant};

/// For how long a test waits for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A folder for statistics, and for what else is a test's own.
pub(crate) struct Machine(TempDir);

impl Machine {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn folder(&self) -> Folder {
        Folder::at(self.path().join("flows"))
    }

    pub(crate) fn orb(&self) -> OrbBuilder {
        const CPUS: &str = "version = 1\nmachine = { cpus = [0], switch = \"1us\", jitter = \"10us\" }\n";
        Orb::builder()
            .environment(false)
            .statistics(self.folder())
            .real_time(|machine| {
                machine.calibration = Some(Calibration::parse(CPUS).unwrap());
                machine.page = Page::None;
            })
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_upcall"));
        command
            .args(words)
            .env("UPCALL_STATISTICS", self.folder().path())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }
}

pub(crate) fn until<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Does nothing, whatever it is asked.
pub(crate) struct Nothing;

impl Servant for Nothing {
    fn repository_id(&self) -> &str {
        "IDL:Nothing:1.0"
    }

    fn is_a(&self, _: &str) -> bool {
        true
    }

    fn dispatch(&self, _: &Context<'_>, _: &mut Decoder<'_>, _: &mut Reply<'_>) -> upcall::Result<()> {
        Ok(())
    }
}

pub(crate) fn export(server: &Orb, id: &str, qos: Qos) -> String {
    let activation = server.root_poa().activate(Nothing).id(id).qos(qos);
    let object: ObjectRef = activation.export().unwrap();
    server.object_to_string(&object)
}
