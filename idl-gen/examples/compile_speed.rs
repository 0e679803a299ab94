// SPDX-License-Identifier: MIT OR Apache-2.0
//! Measures how long IDL takes to become Rust: `cargo run --release -p upcall-idl-gen --example compile_speed -- [LINES]`.
//!
//! Prints one line of JSON: lines, milliseconds of the front end, and milliseconds of everything, each the best of five.

#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a measurement is for people"
)]

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::time::Instant;

use idl_gen::Config;

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
    let lines: usize = std::env::args()
        .nth(1)
        .map_or(Ok(10_000), |argument| argument.parse())?;
    let mut text = String::new();
    for n in 0..lines.div_ceil(20) {
        module(&mut text, n)?;
    }
    let directory = std::env::temp_dir().join(format!("upcall-idl-speed-{}", std::process::id()));
    fs::create_dir_all(&directory)?;
    let file = directory.join("speed.idl");
    fs::write(&file, &text)?;
    let (mut front, mut whole) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..5 {
        let started = Instant::now();
        let analysis = Config::new().analyse(&[&file]);
        front = front.min(started.elapsed().as_secs_f64() * 1e3);
        assert!(
            !analysis.diagnostics.has_errors(),
            "{}",
            analysis.diagnostics.render(&analysis.model.sources)
        );
        let started = Instant::now();
        Config::new().out_dir(&directory).compile(&[&file])?;
        whole = whole.min(started.elapsed().as_secs_f64() * 1e3);
    }
    fs::remove_dir_all(&directory)?;
    let lines = text.lines().count();
    eprintln!("{{\"lines\": {lines}, \"front_end_ms\": {front:.1}, \"compile_ms\": {whole:.1}}}");
    Ok(())
}
