// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every type as `in`, `inout`, `out`, result and attribute, and in an Any.

use std::sync::Arc;

use upcall::{Any, Bytes, Fixed, ObjectRef, TypeCode, WideChar, WideString};

use super::{Checks, ensure, expect};
use crate::each_kind;
use crate::interop::idl::interop::{
    Arms, Arrays, BoxedBlob, BoxedLong, BoxedRecord, BoxedString, ByBoolean, ByChar, ByColor, ByLong,
    ByShort, ByULongLong, Cell, Color, Line, Members, PeerRef, Point, Record, Route, Sequences, TargetRef,
    Term, Tree,
};
use crate::interop::samples;

pub(super) fn check(checks: &mut Checks, peer: &PeerRef) {
    macro_rules! argument {
        (copy $value:ident) => {
            $value
        };
        (object $value:ident) => {
            $value.as_ref()
        };
        (value $value:ident) => {
            $value.clone()
        };
        ($how:ident $value:ident) => {
            &$value
        };
    }
    macro_rules! echo_and_keep {
        ($($how:ident $type:ty $([$element:ty])?, $echo:ident, $kept:ident, $set:ident, $sample:ident;)*) => {$(
            checks.check(stringify!($echo), || {
                let (zero, one) = (samples::$sample(0), samples::$sample(1));
                let (result, b, c) = peer.$echo(argument!($how zero), argument!($how one)).wait()?;
                expect("the result", &result, &zero)?;
                expect("inout", &b, &zero)?;
                expect("out", &c, &one)
            });
            checks.check(stringify!($kept), || {
                let (zero, one) = (samples::$sample(0), samples::$sample(1));
                peer.$set(argument!($how one)).wait()?;
                expect("the attribute", &peer.$kept().wait()?, &one)?;
                peer.$set(argument!($how zero)).wait()?;
                expect("the attribute", &peer.$kept().wait()?, &zero)
            });
        )*};
    }
    macro_rules! in_any {
        ($($how:ident $type:ty $([$element:ty])?, $echo:ident, $kept:ident, $set:ident, $sample:ident;)*) => {$(
            checks.check(concat!("any_", stringify!($sample)), || {
                let any = peer.in_any(stringify!($sample), &Any::from(samples::$sample(0))).wait()?;
                expect("what it holds", &any.get::<$type>()?, &samples::$sample(1))
            });
        )*};
    }
    each_kind!(primitives, echo_and_keep);
    each_kind!(composites, echo_and_keep);
    each_kind!(values, echo_and_keep);
    each_kind!(anys, in_any);
    each_kind!(composites, in_any);
    each_kind!(values, in_any);
    special(checks, peer);
    special_anys(checks, peer);
}

fn special(checks: &mut Checks, peer: &PeerRef) {
    checks.check("echo_longdouble", || {
        let (zero, one) = (samples::longdouble(0), samples::longdouble(1));
        let (result, b, c) = peer.echo_longdouble(zero, one).wait()?;
        let bits = [result, b, c].map(samples::x87_bits);
        expect("the numbers", &bits, &[zero, zero, one].map(samples::x87_bits))
    });
    checks.check("kept_longdouble", || {
        peer.set_kept_longdouble(samples::longdouble(1)).wait()?;
        let kept = samples::x87_bits(peer.kept_longdouble().wait()?);
        expect("the attribute", &kept, &samples::x87_bits(samples::longdouble(1)))
    });
}

/// Those whose Rust type does not tell what the Any holds.
fn special_anys(checks: &mut Checks, peer: &PeerRef) {
    checks.check("any_any", || {
        let any = peer.in_any("any", &Any::of_any(&samples::any(0))).wait()?;
        expect("what it holds", &any.get_any()?, &samples::any(1))
    });
    checks.check("any_wchar", || {
        let any = peer
            .in_any("wchar", &Any::from(WideChar(samples::wchar(0))))
            .wait()?;
        expect("what it holds", &any.get::<WideChar>()?.0, &samples::wchar(1))
    });
    checks.check("any_label", || {
        let any = peer
            .in_any("label", &Any::with_type(TypeCode::string(8), &samples::label(0))?)
            .wait()?;
        expect("what it holds", &any.get::<String>()?, &samples::label(1))
    });
    checks.check("bounded_any_uptofour", || {
        let type_code = TypeCode::sequence(TypeCode::LONG, 4);
        let any = peer
            .in_any("uptofour", &Any::with_type(type_code, &samples::uptofour(0))?)
            .wait()?;
        expect("what it holds", &any.get::<Vec<i32>>()?, &samples::uptofour(1))
    });
    for (kind, bound, sample) in [
        ("wstring", 0, samples::wstring as fn(usize) -> String),
        ("widelabel", 8, samples::widelabel),
    ] {
        checks.check(&format!("any_{kind}"), || {
            let zero = Any::with_type(TypeCode::wstring(bound), &WideString(sample(0)))?;
            let any = peer.in_any(kind, &zero).wait()?;
            expect("what it holds", &any.get::<WideString>()?.0, &sample(1))
        });
    }
    checks.check("any_nil", || {
        let nil: Option<TargetRef> = None;
        ensure(peer.any_is_nil(&Any::from(nil)).wait()?, "nil is not nil")
    });
}
