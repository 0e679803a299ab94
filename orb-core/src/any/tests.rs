// SPDX-License-Identifier: MIT OR Apache-2.0

mod hostile;
mod recorded;
mod typed;
