// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state machine, segment by segment.
