// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compiles OMG IDL to Rust: a library for build scripts.
//!
//! A build script uses [`Config`]; `upcall::include_idl!` brings what it generates into the program. Tools that look at IDL
//! use [`analyse`] and the [`model`] it makes. The generated code refers to the `upcall` crate, which this one doesn't need.
//!
//! It is not an interface repository, and keeps nothing between compilations.

mod analysis;
mod config;
pub mod diagnostics;
mod keyword;
mod lexer;
pub mod model;
mod parser;
mod preprocess;
mod resolve;
pub mod rust;
pub mod source;
mod syntax;
mod token;

pub use analysis::{Analysis, analyse};
pub use config::{CompileError, Compiled, Config};
