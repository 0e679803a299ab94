// SPDX-License-Identifier: MIT OR Apache-2.0
//! CDR, GIOP, references, invocation, exceptions, Any and policies: what every part of the ORB stands on.

pub mod any;
pub mod buffer;
pub mod cdr;
mod client;
pub mod codeset;
pub mod context;
pub mod datagram;
pub mod dynamic_invocation;
pub mod dynany;
pub mod exception;
pub mod fixed;
pub mod flow;
pub mod giop;
pub mod histogram;
mod intake;
pub mod invoke;
pub mod ior;
pub mod long_double;
pub mod nested;
pub mod object;
pub mod orb;
pub mod qos;
pub mod rtcorba;
pub mod servant;
pub mod server;
pub mod transport;
pub mod typecode;
pub mod url;
pub mod value;
