// SPDX-License-Identifier: MIT OR Apache-2.0
//! rustorb-cdr's encoder and decoder at the structures that ours is measured with.

use std::hint::black_box;
use std::time::Instant;

use probe::{DOUBLES, ITEMS, Report, TEXT};
use rustorb_core::cdr::{ByteOrder, CdrDecode, CdrEncode, Decoder, Encoder, Encoding};

struct Item {
    a: i32,
    b: f64,
    s: String,
    v: Vec<f64>,
}

fn encode(items: &[Item]) -> Result<Encoder, rustorb_core::cdr::Error> {
    let mut out = Encoder::new(ByteOrder::Little, Encoding::Giop1_2);
    out.write_len(items.len())?;
    for item in items {
        out.write_i32(item.a);
        out.write_f64(item.b);
        out.write_string(&item.s)?;
        item.v.encode(&mut out)?;
    }
    Ok(out)
}

fn decode(bytes: &[u8]) -> Result<Vec<Item>, rustorb_core::cdr::Error> {
    let mut input = Decoder::new(bytes, ByteOrder::Little, Encoding::Giop1_2);
    let count = input.read_len(16)?;
    (0..count)
        .map(|_| {
            Ok(Item { a: input.read_i32()?, b: input.read_f64()?, s: input.read_string()?, v: Vec::decode(&mut input)? })
        })
        .collect()
}

/// The median time of a few thousand runs.
fn time(mut work: impl FnMut()) -> f64 {
    let mut times: Vec<u128> = (0..4000)
        .map(|_| {
            let started = Instant::now();
            work();
            started.elapsed().as_nanos()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2] as f64
}

fn main() {
    let item = |a| Item { a: a as i32, b: a as f64, s: TEXT.into(), v: (0..DOUBLES).map(|v| v as f64).collect() };
    let items: Vec<Item> = (0..ITEMS).map(item).collect();
    let bytes = encode(&items).expect("the structures fit").into_bytes();
    let mut report = Report::default();
    report.set("encode_nested_ns", time(|| drop(black_box(encode(black_box(&items))))));
    report.set("decode_nested_ns", time(|| drop(black_box(decode(black_box(&bytes))))));
    report.print("RESULT");
}
