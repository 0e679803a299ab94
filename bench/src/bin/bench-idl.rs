// SPDX-License-Identifier: MIT OR Apache-2.0
//! Measures how long 10,000 lines of IDL take to become Rust: all of it, and the front end alone.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Instant;

use idl_gen::Config;
use probe::Report;

/// Lines of IDL; 20 to a module.
const LINES: usize = 10_000;

/// Definitions as services have them; 20 lines each.
fn module(text: &mut String, n: usize) -> Result<(), std::fmt::Error> {
    write!(
        text,
        "/// Module {n}.
module Service{n} {{
  const unsigned long LIMIT = {n} * 4 + 16;
  enum State {{ IDLE, RUNNING, FAILED }};
  typedef sequence<octet> Blob;
  /// A sample.
  struct Sample {{ long long time; double value; State status; }};
  typedef sequence<Sample, LIMIT> Samples;
  union Reading switch (State) {{
    case IDLE: long count;
    case RUNNING: Samples data;
    default: string reason;
  }};
  exception Refused {{ string why; State was; }};
  interface Device {{
    readonly attribute string name;
    Reading read(in long channel, inout Sample last, out Blob raw) raises (Refused);
    oneway void push(in Samples data);
  }};
}};
"
    )
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut text = String::new();
    for n in 0..LINES / 20 {
        module(&mut text, n)?;
    }
    let directory = std::env::temp_dir().join(format!("upcall-idl-speed-{}", std::process::id()));
    fs::create_dir_all(&directory)?;
    let measured = measure(&directory, &text);
    fs::remove_dir_all(&directory)?;
    measured?.print("RESULT");
    Ok(())
}

fn measure(directory: &Path, text: &str) -> Result<Report, Box<dyn Error>> {
    let file = directory.join("speed.idl");
    fs::write(&file, text)?;
    let started = Instant::now();
    let analysis = Config::new().analyse(&[&file]);
    let front = started.elapsed();
    if analysis.diagnostics.has_errors() {
        return Err(analysis.diagnostics.render(&analysis.model.sources).into());
    }
    let started = Instant::now();
    Config::new().out_dir(directory).compile(&[&file])?;
    let mut report = Report::default();
    report.set("compile_ns", started.elapsed().as_nanos() as f64);
    report.set("front_end_ns", front.as_nanos() as f64);
    Ok(report)
}
