// SPDX-License-Identifier: MIT OR Apache-2.0
//! One end of a channel, whose peer writes anything anywhere in its memory: indices, descriptors, headers, completions.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| transport_apic::consume(data));
