// SPDX-License-Identifier: MIT OR Apache-2.0
//! The naming service: names written as strings, and the client of a naming context.

mod name;

pub use name::{Name, NameComponent, NameError};
