// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong when POAs and objects are made, found and ended.

use orb_core::exception::{SystemException, SystemExceptionKind};
use qos_mapper::Refusal;

use crate::{key, policy::InvalidPolicy, rtcorba};

/// Why a POA was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// There is one with this name below the same parent.
    #[error("the POA `{parent}` has a child `{name}` already")]
    AlreadyExists {
        /// Below which POA.
        parent: String,
        /// The name.
        name: String,
    },
    /// The policies exclude each other.
    #[error("policies that exclude each other for the POA `{name}`: {invalid}")]
    InvalidPolicy {
        /// The name.
        name: String,
        /// Which ones.
        invalid: InvalidPolicy,
    },
    /// The RT-CORBA policies exclude each other.
    #[error("RT-CORBA policies that exclude each other for the POA `{name}`: {invalid}")]
    InvalidRealTimePolicy {
        /// The name.
        name: String,
        /// Which ones.
        invalid: rtcorba::InvalidPolicy,
    },
    /// The POA is to have an endpoint of its own, and cannot.
    #[error("an endpoint for the POA: {0}")]
    Endpoint(SystemException),
    /// The name has no characters or too many.
    #[error("a POA name has 1 to {} octets, and this one {octets}", key::MAX_NAME)]
    NameLength {
        /// How many it has.
        octets: usize,
    },
    /// POAs nest too deeply.
    #[error("POAs nest at most {} deep", key::MAX_DEPTH)]
    TooDeep,
    /// The parent was destroyed.
    #[error("the POA `{0}` was destroyed")]
    Destroyed(String),
}

/// Why an object was not activated or a reference not made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ActivateError {
    /// The id or key is in use, or its last request has not ended yet.
    #[error("the POA `{poa}` has an object with the id {id:?} already")]
    ObjectAlreadyActive {
        /// Which POA.
        poa: String,
        /// The id, as text.
        id: String,
    },
    /// The servant is an object of this POA already, and the POA has `UNIQUE_ID`.
    #[error("the servant is an object of the POA `{poa}` already (MULTIPLE_ID allows several)")]
    ServantAlreadyActive {
        /// Which POA.
        poa: String,
    },
    /// The servant does not support the interface asked for.
    #[error("the servant is a {servant}, not a {wanted}")]
    WrongInterface {
        /// What it is.
        servant: String,
        /// What was asked for.
        wanted: &'static str,
    },
    /// The POA's policies do not allow this.
    #[error("the POA `{poa}` has the policy {has}: {needs}")]
    WrongPolicy {
        /// Which POA.
        poa: String,
        /// What it has.
        has: &'static str,
        /// What would be needed.
        needs: &'static str,
    },
    /// The id or key is too long, or the key one of those that the adapter makes.
    #[error("{0}")]
    BadId(&'static str),
    /// The POA was destroyed.
    #[error("the POA `{0}` was destroyed")]
    Destroyed(String),
    /// The table of objects is full.
    #[error("the table of active objects is full")]
    Full,
    /// No request could be served at the RT-CORBA priority that was declared.
    #[error("{0}")]
    Priority(rtcorba::InvalidPolicy),
    /// The guarantee that was asked for cannot be given.
    #[error("no guarantee for `{object}`: {refusal}")]
    Refused {
        /// What reports call the object.
        object: String,
        /// What stands in the way, and what would fit.
        refusal: Box<Refusal>,
    },
    /// Guarantees cannot be given at all.
    #[error("no guarantees can be given: {0}")]
    NoGuarantees(String),
    /// No reference could be made.
    #[error("no reference could be made: {0}")]
    Reference(SystemException),
}

/// Why an object or servant was not found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// No object has the id.
    #[error("the POA `{poa}` has no active object with the id {id:?}")]
    ObjectNotActive {
        /// Which POA.
        poa: String,
        /// The id, as text.
        id: String,
    },
    /// The servant is no object of this POA.
    #[error("the servant is no object of the POA `{poa}`")]
    ServantNotActive {
        /// Which POA.
        poa: String,
    },
    /// The reference is another POA's.
    #[error("the reference was not made by the POA `{poa}`")]
    WrongAdapter {
        /// Which POA was asked.
        poa: String,
    },
    /// No child has the name.
    #[error("the POA `{parent}` has no child `{name}`")]
    AdapterNonExistent {
        /// Below which POA.
        parent: String,
        /// The name.
        name: String,
    },
    /// The POA's policies do not allow this.
    #[error("the POA `{poa}` has the policy {has}: {needs}")]
    WrongPolicy {
        /// Which POA.
        poa: String,
        /// What it has.
        has: &'static str,
        /// What would be needed.
        needs: &'static str,
    },
}

/// Why an object's quality of service stays as it was.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum QosError {
    /// The object is not there.
    #[error(transparent)]
    NotFound(#[from] FindError),
    /// It was activated without a guarantee, so its references have no lane.
    #[error(
        "the object was activated without a guarantee, so its references lead to no lane; activate it again"
    )]
    NoLane,
    /// The guarantee cannot be given.
    #[error("no guarantee: {0}")]
    Refused(Box<Refusal>),
}

/// Requests were still in progress when the time to wait was over; they end on their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("requests were still in progress when the time to wait for them was over")]
pub struct StillInProgress;

// A servant that makes objects or POAs passes on with `?` what the adapter refuses. The client's target exists, so it is
// never OBJECT_NOT_EXIST, after which clients throw references away.

/// `OBJ_ADAPTER`, with what was refused as its message; `INV_POLICY` for RT-CORBA policies, and why there is
/// no endpoint.
impl From<CreateError> for SystemException {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::InvalidRealTimePolicy { .. } => {
                Self::from(SystemExceptionKind::InvPolicy).with_message(error.to_string())
            }
            CreateError::Endpoint(exception) => exception,
            _ => refused(&error),
        }
    }
}

/// `OBJ_ADAPTER`, with what was refused as its message; `NO_RESOURCES` for a full table or a guarantee, `BAD_PARAM` for a
/// priority, and why no reference could be made.
impl From<ActivateError> for SystemException {
    fn from(error: ActivateError) -> Self {
        match error {
            ActivateError::Reference(exception) => exception,
            ActivateError::Priority(_) => {
                Self::from(SystemExceptionKind::BadParam).with_message(error.to_string())
            }
            ActivateError::Full | ActivateError::Refused { .. } | ActivateError::NoGuarantees(_) => {
                Self::from(SystemExceptionKind::NoResources).with_message(error.to_string())
            }
            _ => refused(&error),
        }
    }
}

/// `OBJ_ADAPTER`, with what was refused as its message.
impl From<FindError> for SystemException {
    fn from(error: FindError) -> Self {
        refused(&error)
    }
}

fn refused(error: &dyn std::error::Error) -> SystemException {
    SystemException::from(SystemExceptionKind::ObjAdapter).with_message(error.to_string())
}

#[cfg(test)]
mod tests {
    use orb_core::exception::Completed;

    use super::*;

    #[test]
    fn what_the_adapter_refuses_is_a_system_exception_that_says_why() {
        let refused = SystemException::from(ActivateError::Destroyed("a/b".into()));
        assert_eq!(refused.kind(), SystemExceptionKind::ObjAdapter);
        assert_eq!((refused.minor(), refused.completed()), (0, Completed::No));
        assert_eq!(refused.message(), Some("the POA `a/b` was destroyed"));
        let full = SystemException::from(ActivateError::Full);
        assert_eq!(full.kind(), SystemExceptionKind::NoResources);
        let absent = SystemException::from(FindError::ServantNotActive { poa: "a".into() });
        assert_eq!(absent.kind(), SystemExceptionKind::ObjAdapter);
        let deep = SystemException::from(CreateError::TooDeep);
        assert_eq!(deep.kind(), SystemExceptionKind::ObjAdapter);
    }

    #[test]
    fn why_no_reference_could_be_made_comes_as_it_is() {
        let why = SystemException::from(SystemExceptionKind::CommFailure);
        assert_eq!(SystemException::from(ActivateError::Reference(why.clone())), why);
    }
}
