// SPDX-License-Identifier: MIT OR Apache-2.0
//! Valuetypes.

use proc_macro2::TokenStream;

use super::scope::Scope;
use crate::model::{ItemId, Valuetype};

/// Emits all of a valuetype, piece by piece.
pub(crate) fn emit(_scope: &Scope<'_>, _id: ItemId, _it: &Valuetype, _out: &mut Vec<TokenStream>) {}
