// SPDX-License-Identifier: MIT OR Apache-2.0
//! The flow of a reference that asks for quality of service: a connection of its own, and a plan for what it sends there.

use std::{sync::Arc, time::Instant};

use arc_swap::ArcSwapOption;
use parking_lot::{Mutex, MutexGuard};

use super::ObjectRef;
use crate::{
    cdr::Encoder,
    client::{Attempts, Binding, Connection, ConnectionUser, Negotiated, Sender, WriteError, negotiate},
    exception::{Completed, Result, SystemException, SystemExceptionKind as Kind},
    flow::{FlowPlan, Outlet},
    nested,
    qos::{Granted, Qos},
};

/// A connection that no other reference uses, and what was granted to it at both ends. Dropping it sends what is queued,
/// closes the connection, and so gives back what was granted.
#[derive(Debug)]
pub(super) struct Flow {
    /// What is asked for whenever a connection is made; locked while one is, or while something else is asked for.
    wanted: Mutex<Qos>,
    agreement: Mutex<Option<Agreement>>,
    /// How requests go out by the agreement; none if they do so as they come. Changed together with it.
    sender: ArcSwapOption<Sender>,
}

#[derive(Clone, Debug)]
struct Agreement {
    binding: Arc<Binding>,
    granted: Option<Granted>,
    /// What was admitted at this end.
    plan: Option<Arc<dyn FlowPlan>>,
}

impl Flow {
    pub(super) fn new(wanted: Qos) -> Self {
        Self {
            wanted: Mutex::new(wanted),
            agreement: Mutex::new(None),
            sender: ArcSwapOption::empty(),
        }
    }

    /// Returns what was granted, while the connection is there.
    pub(super) fn granted(&self) -> Option<Granted> {
        self.current()?.granted
    }

    /// Waits until a caller may send a request himself: what goes faster than was granted is slowed here, and not in the
    /// network.
    pub(super) fn release(&self, deadline: Instant) -> Result<()> {
        match self.sender.load_full() {
            Some(sender) => sender.release(deadline),
            None => Ok(()),
        }
    }

    /// Sends a request that its caller does not wait for a reply to, or has it sent.
    pub(super) fn send(
        &self,
        connection: &Arc<Connection>,
        message: &Encoder<'_>,
        deadline: Option<Instant>,
    ) -> std::result::Result<(), WriteError> {
        match self.sender.load_full() {
            Some(sender) => sender.send(connection, message, deadline),
            None => connection.send(message, deadline),
        }
    }

    /// Returns the connection; makes one if there is none, and asks for what is wanted.
    pub(super) fn binding(&self, object: &ObjectRef, deadline: Instant) -> Result<Arc<Binding>> {
        let wanted = self.lock(deadline)?;
        self.bind(object, &wanted, deadline)
    }

    /// Asks for something else; what was granted before stays if that is refused.
    pub(super) fn renegotiate(&self, object: &ObjectRef, qos: Qos, deadline: Instant) -> Result<()> {
        let mut wanted = self.lock(deadline)?;
        if let Some(Agreement { binding, plan, .. }) = self.current() {
            let changed = replan(object, plan.as_ref(), &qos)?;
            match negotiate(object, &binding, &qos, deadline, &mut Attempts::new()) {
                Ok(Negotiated::Done(granted)) => {
                    self.agree(binding, granted, changed);
                    *wanted = qos;
                    return Ok(());
                }
                Err(exception) if binding.connection().is_some() => {
                    keep(plan.as_ref(), &wanted);
                    return Err(exception);
                }
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
            self.end();
            // Admitted here before anything is sent.
            let plan = replan(object, None, wanted)?;
            let binding = Arc::new(Binding::exclusive(
                object.orb().connections(),
                target,
                object.protocols()?,
                deadline,
            )?);
            match negotiate(object, &binding, wanted, deadline, &mut attempts) {
                Ok(Negotiated::Done(granted)) => {
                    tracing::debug!(?granted, "a flow of its own");
                    self.agree(Arc::clone(&binding), granted, plan);
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

    /// Takes over what was granted, with what was admitted at this end; that is of no use where nothing was.
    fn agree(&self, binding: Arc<Binding>, granted: Option<Granted>, plan: Option<Arc<dyn FlowPlan>>) {
        let plan = plan.filter(|_| granted.is_some());
        let sender = sender(&binding, granted.as_ref(), plan.as_deref());
        let agreed = Agreement {
            binding: Arc::clone(&binding),
            granted,
            plan: plan.clone(),
        };
        let before = self.replace(&mut self.agreement.lock(), Some(agreed), sender.clone());
        // What was queued before goes out first.
        finish(before);
        if let (Some(plan), Some(sender)) = (plan, sender)
            && let Err(exception) = plan.start(Outlet::new(Arc::clone(&sender)))
        {
            tracing::warn!(%exception, "callers send for themselves");
            let (period, messages) = (plan.terms().period, plan.terms().messages);
            let paced = binding.connection().map(|it| Sender::paced(it, period, messages));
            self.sender.store(paced.map(Arc::new));
            sender.close();
        }
    }

    /// Takes note of what the server has granted meanwhile for what was asked.
    pub(super) fn granted_anew(&self, binding: &Binding, granted: Granted) {
        let mut agreement = self.agreement.lock();
        let Some(agreed) = agreement
            .as_mut()
            .filter(|agreed| agreed.binding.number == binding.number)
        else {
            return;
        };
        if agreed.plan.is_none() {
            // Callers who send for themselves keep what the server says.
            self.sender.store(sender(binding, Some(&granted), None));
        }
        tracing::debug!(?granted, "granted meanwhile");
        agreed.granted = Some(granted);
    }

    /// Ends what holds: what is queued is sent, and what was admitted given back.
    fn end(&self) {
        let ended = self.replace(&mut self.agreement.lock(), None, None);
        finish(ended);
    }

    fn replace(
        &self,
        agreement: &mut Option<Agreement>,
        agreed: Option<Agreement>,
        sender: Option<Arc<Sender>>,
    ) -> Ended {
        let kept = agreed.as_ref().map(|agreed| agreed.binding.number);
        let before = std::mem::replace(agreement, agreed);
        let (binding, plan) = before.map_or((None, None), |before| (Some(before.binding), before.plan));
        Ended {
            plan,
            sender: self.sender.swap(sender),
            binding: binding.filter(|binding| Some(binding.number) != kept),
        }
    }
}

/// What held before.
struct Ended {
    plan: Option<Arc<dyn FlowPlan>>,
    sender: Option<Arc<Sender>>,
    /// The connection, unless it goes on being used.
    binding: Option<Arc<Binding>>,
}

fn finish(ended: Ended) {
    if let Some(plan) = &ended.plan {
        plan.stop();
    }
    if let Some(sender) = &ended.sender {
        sender.close();
    }
    if let Some(binding) = &ended.binding {
        binding.release();
    }
}

/// Admits at this end what is to be asked for: in place of what is admitted, if that is so.
fn replan(
    object: &ObjectRef,
    plan: Option<&Arc<dyn FlowPlan>>,
    qos: &Qos,
) -> Result<Option<Arc<dyn FlowPlan>>> {
    let planner = object.orb().flow_planner().filter(|_| qos.is_guaranteed());
    match (plan, planner) {
        (_, None) => Ok(None),
        (Some(plan), Some(_)) => plan.renegotiate(qos).map(|()| Some(Arc::clone(plan))),
        (None, Some(planner)) => planner.admit(object, qos).map(|plan| Some(Arc::from(plan))),
    }
}

/// Goes back to what was admitted before.
fn keep(plan: Option<&Arc<dyn FlowPlan>>, before: &Qos) {
    if let Some(Err(exception)) = plan.map(|plan| plan.renegotiate(before)) {
        // Somebody else has taken the room meanwhile.
        tracing::warn!(%exception, "a flow goes on by a plan that was not granted at the server");
    }
}

/// Makes what sends requests, and the room for them.
fn sender(binding: &Binding, granted: Option<&Granted>, plan: Option<&dyn FlowPlan>) -> Option<Arc<Sender>> {
    let (connection, granted) = (binding.connection()?, granted?);
    let terms = plan.map(FlowPlan::terms);
    connection.suit(terms.as_ref());
    let sender = match terms {
        Some(terms) => Sender::with_ring(connection, &terms),
        None if granted.is_guaranteed() => Sender::paced(connection, granted.period, granted.messages),
        None => return None,
    };
    Some(Arc::new(sender))
}

impl ConnectionUser for Flow {
    fn connection_ended(&self) {
        let mut agreement = self.agreement.lock();
        let is_over = |agreement: &Agreement| agreement.binding.connection().is_none();
        let ended = agreement
            .as_ref()
            .is_some_and(is_over)
            .then(|| self.replace(&mut agreement, None, None));
        drop(agreement);
        if let Some(ended) = ended {
            finish(ended);
        }
    }

    fn connection_ends(&self) {
        self.end();
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.end();
    }
}
