// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compiles OMG IDL to Rust: a library for build scripts.

pub mod diagnostics;
mod keyword;
mod lexer;
pub mod model;
mod parser;
mod preprocess;
pub mod rust;
pub mod source;
mod syntax;
mod token;
