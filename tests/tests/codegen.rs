// SPDX-License-Identifier: MIT OR Apache-2.0
//! Generated code does what `docs/idl-mapping.md` says: it compiles without a warning, and what one half of it writes
//! the other half reads.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test stops where something is not as expected, and says so"
)]
#![deny(warnings, missing_docs)]

/// What is generated, as an application has it.
pub mod generated {
    upcall::include_idl!("everything");
    upcall::include_idl!("inheritance");
    upcall::include_idl!("local");
    upcall::include_idl!("names");
    upcall::include_idl!("telemetry");
    upcall::include_idl!("values");
}

#[path = "codegen/everything.rs"]
mod everything;
#[path = "codegen/inheritance.rs"]
mod inheritance;
#[path = "codegen/local.rs"]
mod local;
#[path = "codegen/names.rs"]
mod names;
#[path = "codegen/telemetry.rs"]
mod telemetry;
#[path = "codegen/values.rs"]
mod values;
