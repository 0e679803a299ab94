// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the whole: interoperability, robustness, and the rules of the house.
