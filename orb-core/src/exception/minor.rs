// SPDX-License-Identifier: MIT OR Apache-2.0
//! Standard minor codes (CORBA 3.3 Part 1 Annex A), as they travel: with OMG's vendor id in the upper bits.

/// OMG's vendor minor codeset id, in the upper 20 bits.
pub const OMG: u32 = 0x4f4d_0000;
/// Ours, for what the standard has no code for.
pub const UPCALL: u32 = 0x5550_0000;

const VENDOR: u32 = 0xffff_f000;

/// Returns the standard code of a minor, if it is one of OMG's.
#[must_use]
pub const fn code_of_omg(minor: u32) -> Option<u32> {
    if minor & VENDOR == OMG {
        Some(minor & !VENDOR)
    } else {
        None
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        $($(#[$doc])* pub const $name: u32 = OMG | $code;)*
    };
}

codes! {
    /// `UNKNOWN`: an unlisted user exception was received by a client.
    UNLISTED_USER_EXCEPTION = 1;
    /// `UNKNOWN`: a non-standard system exception is not supported.
    UNKNOWN_SYSTEM_EXCEPTION = 2;
    /// `UNKNOWN`: an unknown user exception was received by a portable interceptor.
    UNKNOWN_USER_EXCEPTION = 3;
    /// `MARSHAL`: unable to locate a value factory.
    NO_VALUE_FACTORY = 1;
    /// `MARSHAL`: an attempt to marshal a local object.
    LOCAL_OBJECT = 4;
    /// `MARSHAL`: wchar or wstring data was sent by a client over a GIOP 1.0 connection.
    WIDE_IN_GIOP_1_0 = 5;
    /// `MARSHAL`: wchar or wstring data was returned by a server over a GIOP 1.0 connection.
    WIDE_RETURNED_IN_GIOP_1_0 = 6;
    /// `BAD_PARAM`: string_to_object conversion failed: a bad scheme name.
    BAD_SCHEME_NAME = 7;
    /// `BAD_PARAM`: string_to_object conversion failed: a bad address.
    BAD_ADDRESS = 8;
    /// `BAD_PARAM`: string_to_object conversion failed: a bad scheme-specific part.
    BAD_SCHEME_SPECIFIC_PART = 9;
    /// `BAD_PARAM`: string_to_object conversion failed for another reason.
    BAD_OBJECT_URL = 10;
    /// `BAD_PARAM`: narrowing an object reference to an interface it does not have.
    NARROW_FAILED = 6;
    /// `BAD_PARAM`: wchar or wstring data was sent without a code set negotiated for it.
    NO_WIDE_CODE_SET = 23;
    /// `INV_OBJREF`: wchar code set support not specified.
    NO_WIDE_CODE_SET_IN_REFERENCE = 1;
    /// `BAD_OPERATION`: an operation or attribute unknown to the target.
    UNKNOWN_OPERATION = 2;
    /// `BAD_INV_ORDER`: an operation was called on an ORB that was shut down.
    ORB_HAS_SHUT_DOWN = 4;
    /// `BAD_INV_ORDER`: an operation would deadlock.
    WOULD_DEADLOCK = 3;
    /// `BAD_INV_ORDER`: a dependency prevented destruction.
    SHUTDOWN_IN_PROGRESS = 1;
    /// `TRANSIENT`: the request was discarded because of resource exhaustion, or because the POA is discarding.
    REQUEST_DISCARDED = 1;
    /// `TRANSIENT`: no usable profile in the reference.
    NO_USABLE_PROFILE = 2;
    /// `TRANSIENT`: the request was cancelled.
    REQUEST_CANCELLED = 3;
    /// `TRANSIENT`: the POA was destroyed.
    POA_DESTROYED = 4;
    /// `OBJECT_NOT_EXIST`: an attempt to pass an unactivated value as an object reference.
    UNREGISTERED_VALUE = 1;
    /// `OBJECT_NOT_EXIST`: the POA could not be made or found.
    NO_SUCH_ADAPTER = 2;
    /// `OBJ_ADAPTER`: an adapter activator failed.
    ADAPTER_ACTIVATOR_FAILED = 1;
    /// `OBJ_ADAPTER`: a servant manager returned a wrong servant.
    WRONG_SERVANT = 2;
    /// `OBJ_ADAPTER`: no default servant.
    NO_DEFAULT_SERVANT = 3;
    /// `OBJ_ADAPTER`: no servant manager.
    NO_SERVANT_MANAGER = 4;
    /// `OBJ_ADAPTER`: a policy was violated.
    POLICY_VIOLATED = 5;
    /// `DATA_CONVERSION`: a character does not map to the negotiated transmission code set.
    CHARACTER_NOT_IN_CODE_SET = 1;
    /// `INV_POLICY`: what the reference and what the client ask for cannot be reconciled.
    POLICIES_NOT_RECONCILED = 1;
    /// `IMP_LIMIT`: no usable profile in the reference.
    NO_SUPPORTED_PROFILE = 1;
}
