// SPDX-License-Identifier: MIT OR Apache-2.0
//! TCP for the ORB: the transport over kernel sockets.
