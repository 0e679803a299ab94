// SPDX-License-Identifier: MIT OR Apache-2.0
//! Traffic of a port, recorded and read by tshark.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::{PATIENCE, Process, which};

/// A recording of what passes a port.
#[derive(Debug)]
pub struct Capture {
    tshark: Process,
    file: PathBuf,
    /// What is recorded, as tshark writes it: `tcp` or `udp`.
    protocol: &'static str,
    port: u16,
}

impl Capture {
    /// Starts to record what passes `port` of the loopback interface, into `folder`.
    ///
    /// # Errors
    /// As [`Capture::on`].
    pub fn start(folder: &Path, port: u16) -> Result<Self, String> {
        Self::on("lo", folder, port)
    }

    /// Starts to record what passes `port` of `interface`, into `folder`.
    ///
    /// # Errors
    /// Why this machine can't: no tshark, or no right to capture.
    pub fn on(interface: &str, folder: &Path, port: u16) -> Result<Self, String> {
        Self::of("tcp", interface, folder, port)
    }

    /// Starts to record the datagrams that pass `port` of `interface`, into `folder`.
    ///
    /// # Errors
    /// As [`Capture::on`].
    pub fn of_datagrams(interface: &str, folder: &Path, port: u16) -> Result<Self, String> {
        Self::of("udp", interface, folder, port)
    }

    fn of(protocol: &'static str, interface: &str, folder: &Path, port: u16) -> Result<Self, String> {
        which("tshark").ok_or("tshark is not installed")?;
        let file = folder.join("traffic.pcapng");
        let mut command = Command::new("tshark");
        command
            .args([
                "-i",
                interface,
                "-q",
                "-f",
                &format!("{protocol} port {port}"),
                "-w",
            ])
            .arg(&file);
        let tshark = Process::start(&mut command);
        let capture = Self {
            tshark,
            file,
            protocol,
            port,
        };
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let said = capture.tshark.errors();
            if said.contains("Capture started") || said.contains("File:") {
                return Ok(capture);
            }
            if said.contains("permission")
                || said.contains("no interfaces")
                || said.contains("no such device")
            {
                return Err(said);
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err(format!(
            "tshark does not start to capture: {}",
            capture.tshark.errors()
        ))
    }

    /// Ends the recording once it holds `packets` packets with GIOP.
    ///
    /// # Panics
    /// When they don't come in time.
    #[must_use]
    pub fn stop_at(self, packets: usize) -> Recording {
        let Self {
            tshark,
            file,
            protocol,
            port,
        } = self;
        let recording = Recording { file, protocol, port };
        let deadline = Instant::now() + PATIENCE;
        while recording.lines("giop", &["frame.number"]).len() < packets {
            assert!(
                Instant::now() < deadline,
                "the capture stays short of {packets} packets"
            );
            thread::sleep(Duration::from_millis(100));
        }
        tshark.interrupt();
        tshark.finish(PATIENCE);
        recording
    }
}

/// What [`Capture`] recorded.
#[derive(Debug)]
pub struct Recording {
    file: PathBuf,
    protocol: &'static str,
    port: u16,
}

impl Recording {
    /// The `fields` of the packets that `filter` selects, one line each, the port read as GIOP; in datagrams tshark recognises
    /// that by itself.
    ///
    /// # Panics
    /// When tshark can't be run.
    #[must_use]
    pub fn lines(&self, filter: &str, fields: &[&str]) -> Vec<String> {
        self.lines_with(&[], filter, fields)
    }

    /// The same, with these preferences of tshark's.
    ///
    /// # Panics
    /// When tshark can't be run.
    #[must_use]
    pub fn lines_with(&self, preferences: &[&str], filter: &str, fields: &[&str]) -> Vec<String> {
        let mut command = Command::new("tshark");
        command.arg("-r").arg(&self.file);
        for preference in preferences {
            command.args(["-o", preference]);
        }
        if self.protocol == "tcp" {
            command.args(["-d", &format!("tcp.port=={},giop", self.port)]);
        }
        command.args(["-Y", filter, "-T", "fields"]);
        for field in fields {
            command.args(["-e", field]);
        }
        let output = command
            .output()
            .unwrap_or_else(|error| panic!("tshark does not run: {error}"));
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// What the dissectors object to: malformed packets, and warnings and errors about anything above TCP.
    ///
    /// # Panics
    /// When tshark can't be run.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        // What TCP did when a window was full, or the machine too busy to acknowledge in time.
        let of_tcp = |line: &String| ["TCP", "SACK", "ACK"].iter().any(|word| line.contains(word));
        let malformed = self.lines("_ws.malformed", &["frame.number", "_ws.col.info"]);
        // The severities of warnings and errors are 0x600000 and 0x800000.
        let fields = ["frame.number", "_ws.expert.message", "_ws.col.info"];
        let warnings = self.lines("_ws.expert.severity >= 0x600000", &fields);
        malformed
            .into_iter()
            .chain(warnings.into_iter().filter(|line| !of_tcp(line)))
            .collect()
    }
}
