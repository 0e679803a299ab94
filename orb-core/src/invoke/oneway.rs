// SPDX-License-Identifier: MIT OR Apache-2.0
//! Calls without a reply.

use std::{
    fmt,
    time::{Duration, Instant},
};

use super::{ArgumentsOf, Limit, Operation, collocated};
use crate::{
    cdr::{CdrError, Decoder},
    client::{Answer, Invocation},
    exception::Result,
    giop::ResponseFlags,
    object::ObjectRef,
};

/// How far a oneway has come when `send` returns (CORBA 3.3 Part 1 §22.2.2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SyncScope {
    /// Nowhere yet: it is queued if it cannot be sent without waiting.
    None,
    /// The transport has taken it.
    #[default]
    WithTransport,
    /// The server's ORB has it: there is a reply, sent before the servant is called.
    WithServer,
    /// The servant is done: there is a reply, as for any call.
    WithTarget,
}

/// A oneway call that has not been made yet: what the stub method of a `oneway` operation returns.
#[must_use = "a oneway call is made by .send()"]
pub struct OnewayCall<'a, O: Operation> {
    target: &'a ObjectRef,
    args: O::Args<'a>,
    limit: Limit,
    scope: Option<SyncScope>,
}

impl<'a, O: Operation> OnewayCall<'a, O> {
    /// Prepares a oneway call of `O` on `target`.
    #[inline]
    pub fn new(target: &'a ObjectRef, args: O::Args<'a>) -> Self {
        Self {
            target,
            args,
            limit: Limit::Default,
            scope: None,
        }
    }

    /// Sets how far the call must have come when [`OnewayCall::send`] returns. Defaults to the ORB's setting
    /// ([`SyncScope::WithTransport`]).
    pub fn sync_scope(mut self, scope: SyncScope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Gives the call this much time to come as far as the sync scope says.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.limit = Limit::After(time);
        self
    }

    /// Gives the call up at this moment.
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.limit = Limit::At(deadline);
        self
    }

    /// Makes the call. Oneways that one thread sends to one endpoint arrive in order.
    ///
    /// On a flow that was granted a rate ([`Interface::with_qos`](crate::object::Interface::with_qos)) the request is queued,
    /// which counts as taken by the transport, and sent at that rate; a call that finds the queue full waits for room, unless
    /// its scope is [`SyncScope::None`].
    ///
    /// # Errors
    ///
    /// System exceptions; with [`SyncScope::None`] and [`SyncScope::WithTransport`] only those raised on this side.
    pub fn send(self) -> Result<()> {
        if let Some(key) = self.target.local_key()
            && let Some(result) = collocated::<O>(self.target, key, &self.args)
        {
            // A oneway's servant has nobody to raise an exception to.
            drop(result);
            return Ok(());
        }
        let scope = self.scope.unwrap_or(self.target.orb().config().sync_scope);
        let response = match scope {
            SyncScope::None | SyncScope::WithTransport => ResponseFlags::None,
            SyncScope::WithServer => ResponseFlags::Server,
            SyncScope::WithTarget => ResponseFlags::Target,
        };
        let invocation = Invocation::new(self.target, O::NAME.into(), response, self.limit)?;
        let arguments = ArgumentsOf::<O> { args: &self.args };
        match scope {
            SyncScope::None => invocation.call_impatiently(&arguments),
            SyncScope::WithTransport => invocation.call(&arguments, &mut Ignored),
            SyncScope::WithServer | SyncScope::WithTarget => {
                invocation.released()?.call(&arguments, &mut Ignored)
            }
        }
    }
}

/// The reply to a oneway only says how far the request has come.
struct Ignored;

impl Answer for Ignored {
    fn results(&mut self, _: &mut Decoder<'_>) -> std::result::Result<(), CdrError> {
        Ok(())
    }

    fn user_exception(&mut self, _: &mut Decoder<'_>) -> std::result::Result<(), CdrError> {
        Ok(())
    }
}

impl<O: Operation> fmt::Debug for OnewayCall<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnewayCall")
            .field("operation", &O::NAME)
            .field("target", self.target)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}
