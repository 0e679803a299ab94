// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the ORB asks of the object behind a reference, and of the adapter that finds it.

mod adapter;
mod reply;

use std::any::{Any, TypeId};

pub use self::{
    adapter::{Adapter, CollocatedError, Located, Request},
    reply::{Delivery, Outcome, Reply, ReplyTo},
};

use crate::{cdr::Decoder, context::Context, exception::SystemException, qos::Qos};

/// An object that serves requests: implemented by the generated `FooSkeleton<T>`, or by hand for an interface that
/// is only known at run time (the Dynamic Skeleton Interface of CORBA 3.3 Part 1 §12).
///
/// Calls arrive on several threads at once.
pub trait Servant: Send + Sync + 'static {
    /// Returns the repository id of the most derived interface.
    fn repository_id(&self) -> &str;

    /// Tells whether the object supports the interface `id`; that of [`Servant::repository_id`] and
    /// `IDL:omg.org/CORBA/Object:1.0` included.
    fn is_a(&self, id: &str) -> bool;

    /// Returns the `Arc<dyn Foo>` whose [`TypeId`] is `wanted`, so that a caller in the same process calls the
    /// servant directly; `None` if there is no such facet, and then the call is marshalled.
    fn facet(&self, wanted: TypeId) -> Option<&dyn Any> {
        let _ = wanted;
        None
    }

    /// Tells whether the object has ceased to exist; asked by `_non_existent`. Defaults to `false`.
    fn non_existent(&self) -> bool {
        false
    }

    /// Returns the quality of service that the object's IDL asks for with `@realtime`; what is asked for at activation
    /// comes before it. Defaults to none.
    fn default_qos(&self) -> Option<Qos> {
        None
    }

    /// Serves one request: reads the arguments and answers through `reply`.
    ///
    /// The implicit operations (`_is_a`, `_non_existent` and so on) do not come here.
    ///
    /// # Errors
    ///
    /// The system exception to answer with; ignored if an answer was already given.
    fn dispatch(
        &self,
        cx: &Context<'_>,
        args: &mut Decoder<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<(), SystemException>;
}
