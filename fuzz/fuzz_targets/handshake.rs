// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the other end of a channel says before there is one, read and checked as whoever listens does.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| transport_apic::fabric::consume_message(data));
