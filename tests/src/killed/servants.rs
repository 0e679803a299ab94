// SPDX-License-Identifier: MIT OR Apache-2.0
//! The objects that the two call.

use std::{
    thread,
    time::{Duration, Instant},
};

use upcall::{Bytes, Context, Orb, qos::Qos};

use super::{
    Moment,
    idl::desk::{Clerk, ClerkDivideError, ClerkRef, ClerkSkeleton},
};
use crate::PATIENCE;

/// What a servant does while it keeps its caller waiting.
pub(crate) trait Waiting: Send + Sync + 'static {
    /// It has the request.
    fn begins(&self);
    /// Whether its caller has waited long enough.
    fn is_over(&self) -> bool;
    /// A call to its caller failed.
    fn refused(&self, error: &upcall::SystemException);
}

/// Nobody is kept waiting.
impl Waiting for () {
    fn begins(&self) {}

    fn is_over(&self) -> bool {
        true
    }

    fn refused(&self, _: &upcall::SystemException) {}
}

/// An object that keeps its callers waiting.
pub(crate) struct Patient<W>(pub(crate) W);

/// The name of the object with a guarantee.
pub(super) const GUARANTEED: &str = "guaranteed";

/// Exports such an object as one for this moment, and returns its reference.
pub(super) fn export(orb: &Orb, moment: Moment, waiting: impl Waiting) -> upcall::Result<String> {
    let activation = orb.root_poa().activate(ClerkSkeleton::new(Patient(waiting)));
    let object: ClerkRef = if moment == Moment::Guaranteed {
        let qos = Qos::low_delay(Duration::from_millis(20)).worst_case(Duration::from_micros(50));
        activation.id(GUARANTEED).qos(qos).export()?
    } else {
        activation.export()?
    };
    Ok(orb.object_to_string(&object))
}

impl<W: Waiting> Clerk for Patient<W> {
    fn bounce(&self, _: &Context, other: Option<ClerkRef>, times: u32) -> upcall::Result<u32> {
        if let Some(other) = other
            && let Err(error) = other.wait().wait()
        {
            self.0.refused(&error);
        }
        Ok(times)
    }

    fn divide(
        &self,
        _: &Context,
        a: f64,
        b: f64,
        count: i32,
    ) -> Result<(f64, String, i32), ClerkDivideError> {
        Ok((a / b, String::new(), count))
    }

    fn copy(&self, _: &Context, originals: &[u8]) -> upcall::Result<Bytes> {
        Ok(Bytes::copy_from_slice(originals))
    }

    fn note(&self, _: &Context, _: i32) {}

    fn close(&self, _: &Context) -> upcall::Result<()> {
        Ok(())
    }

    fn wait(&self, _: &Context) -> upcall::Result<()> {
        self.0.begins();
        let until = Instant::now() + PATIENCE;
        while !self.0.is_over() && Instant::now() < until {
            thread::sleep(Duration::from_micros(500));
        }
        Ok(())
    }
}
