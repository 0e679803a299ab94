// SPDX-License-Identifier: MIT OR Apache-2.0
//! `upcall capture`: the packets of a running flow.

mod names;
mod pcapng;

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use clap::Args;
use upcall::capture::{Capture, CaptureError, Event, Packet};
use upcall::statistics::{Flow, Snapshot};

use self::pcapng::{About, Pcapng};
use crate::failure::Failure;
use crate::top;

/// How often one looks whether it is to end.
const STEP: Duration = Duration::from_millis(100);
/// How often progress is shown.
const SECOND: Duration = Duration::from_secs(1);

/// What to capture, and where to.
#[derive(Debug, Args)]
#[command(
    after_help = "Flows over the fabric (apic://) are captured: their packets of TCP are made by the two processes, so no network \
                  sees them. What goes over the network (iiop://) is captured as ever, with tcpdump or tshark; the command \
                  says how. The flow goes on as it was: what it has no room to copy is dropped from the file, and counted.\n\n\
                  It ends with --count or --seconds, with the flow, or with Ctrl-C, and then says how to read the file."
)]
pub(crate) struct Options {
    /// The flow: what `upcall top` shows under FLOW (4711.3); or its object or peer, if no other flow has the same
    flow: String,
    /// The file, in the format pcapng; `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// End after so many packets
    #[arg(long, value_name = "PACKETS", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// End after so many seconds
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
    /// Keep only so many octets of each packet
    #[arg(long, value_name = "OCTETS", default_value_t = 65_535, value_parser = clap::value_parser!(u32).range(40..=65_535))]
    snap: u32,
    /// Where ORBs leave their statistics [default: $UPCALL_STATISTICS, or the folder of the user]
    #[arg(long, value_name = "FOLDER")]
    from: Option<PathBuf>,
}

/// Captures; returns what is left to print.
pub(crate) fn run(options: &Options) -> Result<String, Failure> {
    let folder = top::folder(options.from.as_ref());
    let snapshots = top::read(&folder)?;
    let (orb, flow) = names::find(&snapshots, &options.flow)?;
    let capture = Capture::start(&folder, orb, flow, options.snap).map_err(why_not)?;
    let name = flow.name(orb);
    let description = described(&capture, orb, flow);
    let about = About {
        name: "apic",
        description: &description,
        most: options.snap,
    };
    let to_file = options.output != Path::new("-");
    let wrong = |error: io::Error| crate::qos::about(&options.output, &error);
    let writer: Box<dyn Write> = if to_file {
        Box::new(File::create(&options.output).map_err(wrong)?)
    } else {
        Box::new(io::stdout().lock())
    };
    let file = Pcapng::new(BufWriter::with_capacity(1 << 17, writer), &about).map_err(wrong)?;
    let mut session = Session {
        capture,
        packets: 0,
        dropped: 0,
        port: None,
    };
    let written = session.write(file, options, &name);
    match written {
        // Whoever reads standard output has enough.
        Err(error) if !to_file && error.kind() == ErrorKind::BrokenPipe => {}
        written => written.map_err(wrong)?,
    }
    let summary = session.summary(&options.output);
    if to_file {
        return Ok(summary);
    }
    note(&summary);
    Ok(String::new())
}

fn described(capture: &Capture, orb: &Snapshot, flow: &Flow) -> String {
    let object = if flow.object.is_empty() {
        String::new()
    } else {
        format!(", {}", flow.object)
    };
    let (name, local, peer) = (flow.name(orb), capture.local(), capture.peer());
    format!("flow {name} of {}{object}: {local} with {peer}", orb.program)
}

/// A capture under way.
struct Session {
    capture: Capture,
    packets: u64,
    dropped: u64,
    /// The server's.
    port: Option<u16>,
}

impl Session {
    /// Writes until it is to end.
    fn write(&mut self, mut file: Pcapng<impl Write>, options: &Options, name: &str) -> io::Result<()> {
        let interrupted = crate::interrupt::flag();
        let begun = Instant::now();
        let (mut shown, mut flushed) = (begun, begun);
        let span = options.seconds.map(Duration::from_secs);
        let talks = io::stderr().is_terminal();
        if talks {
            note(&format!("capturing flow {name}; Ctrl-C ends it\n"));
        }
        loop {
            let enough = options.count.is_some_and(|count| self.packets >= count);
            let late = span.is_some_and(|span| begun.elapsed() >= span);
            if enough || late || interrupted.load(Ordering::Relaxed) {
                break;
            }
            let left = span.map_or(STEP, |span| span.saturating_sub(begun.elapsed()));
            match self.capture.next(left.min(STEP))? {
                Some(Event::Packet(packet)) => {
                    self.packets += 1;
                    self.port = self.port.or_else(|| port(&packet));
                    file.packet(&packet)?;
                }
                Some(Event::Dropped(count)) => self.dropped = count,
                Some(_) => break,
                None => {}
            }
            // Who reads the file meanwhile finds what there is.
            if flushed.elapsed() >= STEP {
                flushed = Instant::now();
                file.flush()?;
            }
            if talks && shown.elapsed() >= SECOND {
                shown = Instant::now();
                note(&format!("\r{}", self.counts()));
            }
        }
        if talks {
            note("\n");
        }
        file.finish(SystemTime::now(), self.packets + self.dropped, self.dropped)
    }

    fn counts(&self) -> String {
        format!("{} packets captured, {} dropped", self.packets, self.dropped)
    }

    fn summary(&self, path: &Path) -> String {
        let mut summary = format!("{}: {}\n", path.display(), self.counts());
        if let Some(port) = self.port {
            let path = names::quoted(&path.display().to_string());
            summary.push_str(&format!("read it: tshark -r {path} -d tcp.port=={port},giop\n"));
        }
        summary
    }
}

/// The port of the server in a packet of TCP: the lower one, since callers have theirs from the system.
fn port(packet: &Packet) -> Option<u16> {
    let version = packet.bytes.first()? >> 4;
    let header = match version {
        4 => usize::from(packet.bytes.first()? & 0xf) * 4,
        6 => 40,
        _ => return None,
    };
    let (source, rest) = packet.bytes.get(header..)?.split_first_chunk()?;
    let destination = rest.first_chunk()?;
    Some(u16::from_be_bytes(*source).min(u16::from_be_bytes(*destination)))
}

fn why_not(error: CaptureError) -> Failure {
    let failure = Failure::new(error.to_string());
    match &error {
        CaptureError::Kernel { local, peer } => failure.hint(names::by_the_kernel(local, peer)),
        CaptureError::Unreachable { .. } => failure.hint("`upcall top` shows the flows there are"),
        _ => failure,
    }
}

/// Says something beside the output. Where nobody listens, that is no failure.
fn note(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
