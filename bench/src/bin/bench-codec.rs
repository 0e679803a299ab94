// SPDX-License-Identifier: MIT OR Apache-2.0
//! The encoder and decoder by themselves, beside a plain copy of the same bytes.
#![allow(clippy::print_stderr, reason = "a program says what went wrong")]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use orb_core::cdr::{CdrError, Decoder, Encoder, Marshal, Primitive, Unmarshal};
use probe::{BLOB, Report};
use upcall_bench::bench::Item;

/// Octets of a sequence of primitives.
const OCTETS: usize = 1 << 16;

fn main() -> ExitCode {
    let mut report = Report::default();
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["memcpy"] => {
            copies(&mut report);
            Ok(())
        }
        ["copy", octets] => copy(&mut report, octets),
        ["primitives"] => primitives(&mut report).map_err(|error| error.to_string()),
        ["nested"] => nested(&mut report).map_err(|error| error.to_string()),
        _ => Err("memcpy, copy OCTETS, primitives or nested?".to_owned()),
    };
    if let Err(error) = result {
        eprintln!("bench-codec: {error}");
        return ExitCode::FAILURE;
    }
    report.print("RESULT");
    ExitCode::SUCCESS
}

/// The median time of a few thousand runs.
fn time(runs: usize, mut work: impl FnMut()) -> f64 {
    let mut times: Vec<u128> = (0..runs)
        .map(|_| {
            let started = Instant::now();
            work();
            started.elapsed().as_nanos()
        })
        .collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or(0) as f64
}

fn copies(report: &mut Report) {
    report.set("memcpy_ns", time_of_copy(OCTETS, 8000));
    report.set("memcpy_mib_ns", time_of_copy(BLOB, 1000));
}

/// One copy of so many octets.
fn copy(report: &mut Report, octets: &str) -> Result<(), String> {
    let octets: usize = octets
        .parse()
        .map_err(|_| format!("`{octets}` is no number of octets"))?;
    report.set(
        "copy_ns",
        time_of_copy(octets, ((1 << 30) / octets.max(1)).clamp(30, 8000)),
    );
    Ok(())
}

fn time_of_copy(octets: usize, runs: usize) -> f64 {
    let (from, mut to) = (vec![7_u8; octets], vec![0_u8; octets]);
    time(runs, || black_box(&mut to).copy_from_slice(black_box(&from)))
}

fn primitives(report: &mut Report) -> Result<(), CdrError> {
    let longs: Vec<i32> = (0..).take(OCTETS / 4).collect();
    let doubles: Vec<f64> = longs
        .iter()
        .take(OCTETS / 8)
        .map(|value| f64::from(*value))
        .collect();
    of_type(report, "longs", &longs)?;
    of_type(report, "doubles", &doubles)
}

fn of_type<T: Primitive>(report: &mut Report, name: &str, values: &[T]) -> Result<(), CdrError> {
    // Copying is what is measured: large sequences would only be referred to.
    let mut encoder = Encoder::native().by_reference_from(usize::MAX);
    let start = encoder.mark();
    encoder.primitives(values)?;
    let encode = time(8000, || {
        encoder.rewind(start);
        let _ = black_box(encoder.primitives(black_box(values)));
    });
    let bytes = encoder.contiguous();
    let decode = time(8000, || {
        let _ = black_box(Decoder::native(black_box(&bytes)).primitives::<T>());
    });
    report.set(&format!("encode_{name}_ns"), encode);
    report.set(&format!("decode_{name}_ns"), decode);
    Ok(())
}

/// Encoded and decoded as stubs and skeletons do it.
fn nested(report: &mut Report) -> Result<(), CdrError> {
    let items = upcall_bench::items();
    let mut encoder = Encoder::native();
    let start = encoder.mark();
    items.marshal(&mut encoder)?;
    let encode = time(4000, || {
        encoder.rewind(start);
        let _ = black_box(black_box(&items).marshal(&mut encoder));
    });
    let bytes = encoder.contiguous();
    let decode = time(4000, || {
        let _ = black_box(Vec::<Item>::unmarshal(&mut Decoder::native(black_box(&bytes))));
    });
    report.set("encode_nested_ns", encode);
    report.set("decode_nested_ns", decode);
    Ok(())
}
