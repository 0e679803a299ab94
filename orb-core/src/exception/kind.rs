// SPDX-License-Identifier: MIT OR Apache-2.0
//! The standard system exceptions (CORBA 3.3 Part 1 §7.14.3).

/// Around the name in a standard exception's repository id.
const PREFIX: &str = "IDL:omg.org/CORBA/";
const SUFFIX: &str = ":1.0";

macro_rules! kinds {
    ($($variant:ident, $name:literal, $meaning:literal;)*) => {
        /// Which of the standard system exceptions.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum SystemExceptionKind {
            $(#[doc = concat!("`", $name, "`: ", $meaning, ".")] $variant,)*
        }

        impl SystemExceptionKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Returns the name in IDL, `BAD_PARAM` for instance.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// Returns what the exception means, in a few words.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => $meaning,)*
                }
            }

            /// Returns the repository id, `IDL:omg.org/CORBA/BAD_PARAM:1.0` for instance.
            #[must_use]
            pub const fn repository_id(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!("IDL:omg.org/CORBA/", $name, ":1.0"),)*
                }
            }

            /// Returns the exception of that repository id, if it is a standard one of any version.
            #[must_use]
            pub fn from_repository_id(id: &str) -> Option<Self> {
                let name = id.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
                Self::from_name(name)
            }

            /// Returns the exception of that IDL name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    Unknown, "UNKNOWN", "the ORB met an exception it could not name";
    BadParam, "BAD_PARAM", "an invalid parameter was passed";
    NoMemory, "NO_MEMORY", "dynamic memory ran out";
    ImpLimit, "IMP_LIMIT", "an implementation limit was exceeded";
    CommFailure, "COMM_FAILURE", "communication failed";
    InvObjref, "INV_OBJREF", "an object reference is invalid";
    NoPermission, "NO_PERMISSION", "the caller lacks the permission";
    Internal, "INTERNAL", "the ORB is in an inconsistent state";
    Marshal, "MARSHAL", "data could not be marshalled or unmarshalled";
    Initialize, "INITIALIZE", "the ORB could not be initialised";
    NoImplement, "NO_IMPLEMENT", "the operation exists but has no implementation here";
    BadTypecode, "BAD_TYPECODE", "a TypeCode is malformed";
    BadOperation, "BAD_OPERATION", "the operation does not exist";
    NoResources, "NO_RESOURCES", "resources ran out";
    NoResponse, "NO_RESPONSE", "the reply is not there yet";
    PersistStore, "PERSIST_STORE", "persistent storage failed";
    BadInvOrder, "BAD_INV_ORDER", "an operation was called at the wrong time";
    Transient, "TRANSIENT", "the object could not be reached now; trying again may help";
    FreeMem, "FREE_MEM", "memory could not be freed";
    InvIdent, "INV_IDENT", "an identifier is malformed";
    InvFlag, "INV_FLAG", "a flag is invalid";
    IntfRepos, "INTF_REPOS", "the interface repository could not be reached";
    BadContext, "BAD_CONTEXT", "a context object is invalid";
    ObjAdapter, "OBJ_ADAPTER", "the object adapter failed";
    DataConversion, "DATA_CONVERSION", "data could not be converted";
    ObjectNotExist, "OBJECT_NOT_EXIST", "the object does not exist";
    TransactionRequired, "TRANSACTION_REQUIRED", "the operation needs a transaction";
    TransactionRolledback, "TRANSACTION_ROLLEDBACK", "the transaction was rolled back";
    InvalidTransaction, "INVALID_TRANSACTION", "the transaction is invalid";
    InvPolicy, "INV_POLICY", "a policy is invalid or does not fit the others";
    CodesetIncompatible, "CODESET_INCOMPATIBLE", "the two sides have no code set in common";
    Rebind, "REBIND", "a rebind would be needed and is not allowed";
    Timeout, "TIMEOUT", "the deadline passed";
    TransactionUnavailable, "TRANSACTION_UNAVAILABLE", "the transaction service is not available";
    TransactionMode, "TRANSACTION_MODE", "the transaction mode does not fit";
    BadQos, "BAD_QOS", "the quality of service asked for cannot be given";
    InvalidActivity, "INVALID_ACTIVITY", "the activity is invalid in this context";
    ActivityCompleted, "ACTIVITY_COMPLETED", "the activity was completed in the meantime";
    ActivityRequired, "ACTIVITY_REQUIRED", "the operation needs an activity";
    ThreadCancelled, "THREAD_CANCELLED", "the thread was cancelled";
}

impl std::fmt::Display for SystemExceptionKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
