// SPDX-License-Identifier: MIT OR Apache-2.0
//! CORBA services: the naming service's client.
//!
//! Start from [`naming::Name`], a path through naming contexts.

pub mod naming;
