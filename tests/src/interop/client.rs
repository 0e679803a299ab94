// SPDX-License-Identifier: MIT OR Apache-2.0
//! Our checks of a Peer of `interop/types.idl`, the same as omniORB's client makes.

mod calls;
mod types;
mod values;

use std::error::Error;
use std::fmt;

use upcall::Orb;

use super::idl::interop::PeerRef;
use super::samples;
use crate::peers::Verdict;

/// What a check gives: nothing, or why it failed.
type Checked = Result<(), Box<dyn Error>>;

/// What the checks have to know of the peer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Peculiarities {
    /// Beginnings of the names of the checks to run; all, if there are none.
    pub only: &'static [&'static str],
    /// Lists of beginnings of the names of checks that the peer can't pass.
    pub except: &'static [&'static [&'static str]],
    /// Whether the servant has strings in ISO 8859-1; else they are UTF-8 there.
    pub latin1: bool,
}

/// Runs all checks against `peer`.
#[must_use]
pub fn check(orb: &Orb, peer: &PeerRef, peculiarities: Peculiarities) -> Verdict {
    samples::use_orb(orb);
    super::peer_values::register();
    let mut checks = Checks {
        peculiarities,
        verdict: Verdict::default(),
    };
    types::check(&mut checks, peer);
    values::check(&mut checks, peer);
    calls::check(&mut checks, orb, peer);
    checks.verdict
}

struct Checks {
    peculiarities: Peculiarities,
    verdict: Verdict,
}

impl Checks {
    fn check(&mut self, name: &str, body: impl FnOnce() -> Checked) {
        let Peculiarities { only, except, .. } = self.peculiarities;
        let is_in = |list: &[&str]| list.iter().any(|start| name.starts_with(start));
        if except.iter().any(|list| is_in(list)) || !(only.is_empty() || is_in(only)) {
            return;
        }
        match body() {
            Ok(()) => self.verdict.passed.push(name.to_owned()),
            Err(reason) => self.verdict.failed.push(format!("{name}: {reason}")),
        }
    }
}

/// Why a check failed: `what` is not what it should be.
fn expect<T: PartialEq + fmt::Debug>(what: &str, got: &T, wanted: &T) -> Checked {
    if got == wanted {
        return Ok(());
    }
    // A megabyte of octets says no more than its beginning.
    let brief = |value: &T| format!("{value:?}").chars().take(300).collect::<String>();
    Err(format!("{what} is {} instead of {}", brief(got), brief(wanted)).into())
}

fn ensure(holds: bool, what: &str) -> Checked {
    if holds { Ok(()) } else { Err(what.into()) }
}
