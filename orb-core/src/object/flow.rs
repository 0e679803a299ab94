// SPDX-License-Identifier: MIT OR Apache-2.0
//! The flow of a reference that asks for quality of service: a connection of its own.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Mutex, MutexGuard};

use super::{ObjectRef, pace::Pace};
use crate::{
    client::{Attempts, Binding, Negotiated, negotiate},
    exception::{Completed, Result, SystemException, SystemExceptionKind as Kind},
    nested,
    qos::{Granted, Qos},
};

/// A connection that no other reference uses, and what was granted to it. Dropping it closes the connection, and so gives
/// back what was granted.
#[derive(Debug)]
pub(super) struct Flow {
    /// What is asked for whenever a connection is made; locked while one is, or while something else is asked for.
    wanted: Mutex<Qos>,
    agreement: Mutex<Option<Agreement>>,
    /// What is granted, to who sends without waiting for replies.
    pace: Pace,
    /// From when on the pace counts its time.
    began: Instant,
}

#[derive(Clone, Debug)]
struct Agreement {
    binding: Arc<Binding>,
    granted: Option<Granted>,
}

impl Flow {
    pub(super) fn new(wanted: Qos) -> Self {
        Self {
            wanted: Mutex::new(wanted),
            agreement: Mutex::new(None),
            pace: Pace::default(),
            began: Instant::now(),
        }
    }

    /// Returns what was granted, while the connection is there.
    pub(super) fn granted(&self) -> Option<Granted> {
        self.current()?.granted
    }

    /// Waits until a message that has no reply may be sent: what goes faster than was granted is slowed here, and not in the
    /// network.
    pub(super) fn keep_pace(&self, deadline: Instant) -> Result<()> {
        let now = Instant::now();
        let Some(wait) = self.pace.take(self.since(now), self.since(deadline)) else {
            return Err(SystemException::new(Kind::Timeout, 0, Completed::No)
                .with_message("sending faster than was granted: the time was over"));
        };
        if !wait.is_zero() {
            let _blocking = nested::about_to_block();
            thread::sleep(wait);
        }
        Ok(())
    }

    fn since(&self, time: Instant) -> u64 {
        let since = time.saturating_duration_since(self.began);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Returns the connection; makes one if there is none, and asks for what is wanted.
    pub(super) fn binding(&self, object: &ObjectRef, deadline: Instant) -> Result<Arc<Binding>> {
        let wanted = self.lock(deadline)?;
        self.bind(object, &wanted, deadline)
    }

    /// Asks for something else; what was granted before stays if that is refused.
    pub(super) fn renegotiate(&self, object: &ObjectRef, qos: Qos, deadline: Instant) -> Result<()> {
        let mut wanted = self.lock(deadline)?;
        if let Some(Agreement { binding, .. }) = self.current() {
            match negotiate(object, &binding, &qos, deadline, &mut Attempts::new()) {
                Ok(Negotiated::Done(granted)) => {
                    self.agree(binding, granted);
                    *wanted = qos;
                    return Ok(());
                }
                Err(exception) if binding.connection().is_some() => return Err(exception),
                // It is elsewhere now, or the connection has ended: it is asked for with a new one.
                Ok(Negotiated::Again) | Err(_) => binding.release(),
            }
        }
        self.bind(object, &qos, deadline)?;
        *wanted = qos;
        Ok(())
    }

    fn bind(&self, object: &ObjectRef, wanted: &Qos, deadline: Instant) -> Result<Arc<Binding>> {
        let mut attempts = Attempts::new();
        loop {
            let target = object.target();
            if let Some(current) = self.current()
                && current.binding.target.ior() == target.ior()
            {
                return Ok(current.binding);
            }
            let binding = Arc::new(Binding::exclusive(
                object.orb().connections(),
                target,
                object.tcp_properties()?,
                deadline,
            )?);
            match negotiate(object, &binding, wanted, deadline, &mut attempts) {
                Ok(Negotiated::Done(granted)) => {
                    tracing::debug!(?granted, "a flow of its own");
                    self.agree(Arc::clone(&binding), granted);
                    return Ok(binding);
                }
                Ok(Negotiated::Again) => binding.release(),
                Err(exception) => {
                    binding.release();
                    return Err(exception);
                }
            }
        }
    }

    fn lock(&self, deadline: Instant) -> Result<MutexGuard<'_, Qos>> {
        let _blocking = nested::about_to_block();
        self.wanted.try_lock_until(deadline).ok_or_else(|| {
            SystemException::new(Kind::Timeout, 0, Completed::No)
                .with_message("waiting for the flow to be made: the time was over")
        })
    }

    /// Returns what holds, if the connection can be used.
    fn current(&self) -> Option<Agreement> {
        let agreement = self.agreement.lock();
        agreement
            .clone()
            .filter(|agreement| agreement.binding.connection().is_some())
    }

    fn agree(&self, binding: Arc<Binding>, granted: Option<Granted>) {
        match granted.as_ref().filter(|granted| granted.is_guaranteed()) {
            Some(granted) => self.pace.set(granted.period, granted.messages),
            None => self.pace.set(Duration::ZERO, 1),
        }
        let agreed = Agreement {
            binding: Arc::clone(&binding),
            granted,
        };
        let before = self.agreement.lock().replace(agreed);
        if let Some(before) = before.filter(|before| before.binding.number != binding.number) {
            before.binding.release();
        }
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        if let Some(agreement) = self.agreement.get_mut() {
            agreement.binding.release();
        }
    }
}
