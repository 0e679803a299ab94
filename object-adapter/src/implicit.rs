// SPDX-License-Identifier: MIT OR Apache-2.0
//! The operations every object has (CORBA 3.3 Part 2 §9.4.2.2, Part 1 §8.3).

use orb_core::{
    cdr::Decoder,
    context::Context,
    exception::{Completed, SystemException, SystemExceptionKind, minor},
    servant::{Reply, Servant},
};

/// The id that every object's `_is_a` answers to.
const OBJECT: &str = "IDL:omg.org/CORBA/Object:1.0";

/// Serves a request: an operation every object has here, and all others by the servant.
#[inline]
pub(crate) fn serve(
    servant: &dyn Servant,
    cx: &Context<'_>,
    args: &mut Decoder<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), SystemException> {
    // Attributes begin with an underscore too: `_get_name`.
    if cx.operation().starts_with('_') {
        match cx.operation() {
            "_is_a" => return is_a(servant, args, reply),
            "_non_existent" | "_not_existent" => return boolean(servant.non_existent(), reply),
            "_repository_id" => {
                return reply.ok(|encoder| encoder.string(servant.repository_id()));
            }
            "_interface" => return Err(no_interface_repository()),
            // CORBA 3.3 Part 1 §8.3.10: nil for an object that is no component's.
            "_component" => return nil(reply),
            _ => {}
        }
    }
    servant.dispatch(cx, args, reply)
}

/// Answers what is asked about an object that is not there; `false` if that is no answer.
pub(crate) fn serve_absent(operation: &str, reply: &mut Reply<'_>) -> bool {
    matches!(operation, "_non_existent" | "_not_existent") && boolean(true, reply).is_ok()
}

fn is_a(servant: &dyn Servant, args: &mut Decoder<'_>, reply: &mut Reply<'_>) -> Result<(), SystemException> {
    let id = args.str_ref()?;
    boolean(id == OBJECT || servant.is_a(&id), reply)
}

fn boolean(value: bool, reply: &mut Reply<'_>) -> Result<(), SystemException> {
    reply.ok(|encoder| {
        encoder.boolean(value);
        Ok(())
    })
}

fn nil(reply: &mut Reply<'_>) -> Result<(), SystemException> {
    reply.ok(|encoder| {
        encoder.string("")?;
        encoder.ulong(0);
        Ok(())
    })
}

fn no_interface_repository() -> SystemException {
    SystemException::new(SystemExceptionKind::IntfRepos, minor::UPCALL, Completed::No)
        .with_message("_interface: there is no interface repository")
}
