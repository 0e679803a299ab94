// SPDX-License-Identifier: MIT OR Apache-2.0
//! A real-time CORBA ORB: the crate applications depend on.
