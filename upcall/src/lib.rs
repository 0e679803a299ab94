// SPDX-License-Identifier: MIT OR Apache-2.0
//! A real-time CORBA ORB: the crate applications depend on.
//!
//! A build script compiles IDL with `idl_gen`, [`include_idl!`] brings the generated Rust in, and an `Orb` gives the
//! references to call and the adapter to serve with. `docs/idl-mapping.md` says what becomes of each IDL construct.

#[doc(hidden)]
pub mod capture;
mod local;
#[cfg(feature = "metrics")]
mod metrics;
mod orb;
pub mod rt;
pub mod statistics;

pub use bytes::Bytes;
pub use object_adapter as poa;
pub use object_adapter::{Poa, PoaManager, rtcorba};
pub use orb_core::{
    any::{Any, AnyError, AnyValue},
    buffer::Buffer,
    cdr::{CdrError, Decoder, Encoder},
    context::Context,
    dynamic_invocation, dynany,
    exception::{Completed, Result, SystemException, SystemExceptionKind},
    fixed::Fixed,
    histogram::Histogram,
    invoke::{Call, OnewayCall, Pending, SyncScope},
    long_double::LongDouble,
    object::{Interface, ObjectRef},
    qos,
    servant::Servant,
    typecode::{TypeCode, Typed, WideChar, WideString},
    value::{AbstractRef, CustomMarshal, Value, ValueCell, ValueType},
};
pub use qos_mapper::Calibration;

pub use self::{
    local::Local,
    orb::{BuildError, Fabric, Orb, OrbBuilder, Tun, TunError},
};

/// Includes the Rust that the build script generated from an IDL file, named by its stem: `include_idl!("telemetry")`
/// for `telemetry.idl`.
#[macro_export]
macro_rules! include_idl {
    ($stem:literal) => {
        include!(concat!(env!("OUT_DIR"), "/", $stem, ".rs"));
    };
}

/// The example of the guide is compiled.
#[cfg(doctest)]
#[doc = include_str!("../../docs/rt-corba.md")]
struct RtCorbaGuide;
