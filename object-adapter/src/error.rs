// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong when POAs and objects are made, found and ended.

use orb_core::exception::SystemException;

use crate::{key, policy::InvalidPolicy};

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
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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

/// Requests were still in progress when the time to wait was over; they end on their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("requests were still in progress when the time to wait for them was over")]
pub struct StillInProgress;
