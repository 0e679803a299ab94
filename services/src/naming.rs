// SPDX-License-Identifier: MIT OR Apache-2.0
//! The naming service: names written as strings, the client of a naming context, and a service in this process.

mod client;
mod listing;
mod name;
pub mod server;
mod url;

/// What the IDL compiler makes of `CosNaming.idl`.
pub mod idl {
    upcall::include_idl!("CosNaming");
}

pub use client::{Missing, Naming, NamingError, OrbNaming};
pub use listing::{Entry, Listing};
pub use name::{Name, NameComponent, NameError};
pub use url::corbaname;
