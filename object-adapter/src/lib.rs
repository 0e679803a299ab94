// SPDX-License-Identifier: MIT OR Apache-2.0
//! The portable object adapter: from an object key to a servant.
