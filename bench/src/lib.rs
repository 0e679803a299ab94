// SPDX-License-Identifier: MIT OR Apache-2.0
//! What our own measured programs share: the interface, the object behind it, and its arguments.

use std::time::Duration;

use probe::{DOUBLES, ITEMS, TEXT};
use upcall::{BuildError, Context, Orb};

pub mod pace;
mod target;

pub use target::Address;

upcall::include_idl!("bench");

use crate::bench::{Item, Target};

/// The object that is called.
#[derive(Debug, Clone, Copy)]
pub struct Null;

impl Target for Null {
    fn nothing(&self, _cx: &Context) -> upcall::Result<()> {
        Ok(())
    }

    fn nudge(&self, _cx: &Context) {}

    fn put(&self, _cx: &Context, data: &[u8]) -> upcall::Result<()> {
        std::hint::black_box(data);
        Ok(())
    }

    fn work(&self, _cx: &Context, microseconds: u32) -> upcall::Result<()> {
        probe::burn(Duration::from_micros(microseconds.into()));
        Ok(())
    }

    fn echo(&self, _cx: &Context, list: Vec<Item>) -> upcall::Result<Vec<Item>> {
        Ok(list)
    }
}

/// The argument of `echo`.
pub fn items() -> Vec<Item> {
    let item = |a: u32| Item {
        a: i32::try_from(a).unwrap_or(0),
        b: f64::from(a),
        s: TEXT.into(),
        v: (0..).map(f64::from).take(DOUBLES).collect(),
    };
    (0..).map(item).take(ITEMS).collect()
}

/// An ORB that polls, if it is to, for longer than any call takes.
///
/// # Errors
///
/// What the ORB raises.
pub fn orb(listening: bool, spin: bool) -> Result<Orb, BuildError> {
    let mut builder = Orb::builder();
    if listening {
        builder = builder.listen("iiop://127.0.0.1:0");
    }
    if spin {
        builder = builder.busy_poll(Duration::from_secs(1));
    }
    builder.build()
}
