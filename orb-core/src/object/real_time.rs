// SPDX-License-Identifier: MIT OR Apache-2.0
//! References and RT-CORBA: which connection a call goes by, and binding before the first call.

use std::time::Instant;

use super::{ObjectRef, Terms};
use crate::{
    client::{Share, Target},
    exception::{Completed, Result, SystemException, SystemExceptionKind as Kind, minor},
    invoke::Limit,
    rtcorba::{
        ExposedPolicies, Priority, PriorityBand, PriorityModel, PriorityModelPolicy, Protocol, ProtocolList,
        call_priority, check_bands,
    },
};

impl ObjectRef {
    /// Returns the RT-CORBA policies that the reference shows.
    pub fn exposed_policies(&self) -> ExposedPolicies {
        exposed(&self.0.origin).cloned().unwrap_or_default()
    }

    /// Returns the same reference, without a flow of its own, with a connection for each range of priorities (`PriorityBandedConnectionPolicy`), so that
    /// urgent calls do not queue behind others. Calls at a priority in none raise `INV_POLICY`.
    ///
    /// The priority of a call is the calling thread's or, where the server declares it, the object's.
    ///
    /// # Errors
    ///
    /// `INV_POLICY` if the ranges are none, wrong or overlap, if the object has no priority model, or if its server
    /// has set bands itself.
    pub fn with_priority_bands(&self, bands: impl IntoIterator<Item = PriorityBand>) -> Result<Self> {
        let bands: Vec<PriorityBand> = bands.into_iter().collect();
        check_bands(&bands).map_err(|invalid| not_reconciled(invalid.to_string()))?;
        if self.priority_model().is_none() {
            return Err(not_reconciled(
                "priority bands are for objects with a priority model",
            ));
        }
        if !bands_of(&self.0.origin).is_empty() {
            return Err(not_reconciled(
                "the object's server has set priority bands itself",
            ));
        }
        Ok(self.on_terms(Terms {
            bands,
            flow: None,
            ..self.0.terms.clone()
        }))
    }

    /// Returns the same reference, without a flow of its own, with a connection that it and its clones have for themselves
    /// (`PrivateConnectionPolicy`); it is closed with the last of them.
    #[must_use]
    pub fn with_private_connection(&self) -> Self {
        self.on_terms(Terms {
            share: Share::One,
            flow: None,
            ..self.0.terms.clone()
        })
    }

    /// Returns the same reference, without a flow of its own, whose calls go by these protocols, with connections of the kind
    /// that they say (`ClientProtocolPolicy`). It comes before what the ORB says; references that say the same share a
    /// connection.
    ///
    /// # Errors
    ///
    /// `INV_POLICY` if none of the protocols is spoken here or one is there twice, or if the object's server has said itself by
    /// which protocols it is to be called (RT-CORBA, Protocol Configuration).
    pub fn with_client_protocols(&self, protocols: impl IntoIterator<Item = Protocol>) -> Result<Self> {
        let protocols: ProtocolList = protocols.into_iter().collect();
        protocols.check()?;
        let own = self.on_terms(Terms {
            protocols,
            flow: None,
            ..self.0.terms.clone()
        });
        own.protocols()?;
        Ok(own)
    }

    /// Returns by which protocols the reference's connections are, and of what kind.
    pub(crate) fn protocols(&self) -> Result<&ProtocolList> {
        let own = match &self.0.terms.protocols {
            own if own.is_empty() => &self.0.core.config().client_protocols,
            own => own,
        };
        match exposed(&self.0.origin).map(|policies| &policies.client_protocols) {
            Some(server_s) if !server_s.is_empty() && !own.is_empty() => Err(not_reconciled(
                "both the object's server and its client say by which protocols it is called",
            )),
            Some(server_s) if !server_s.is_empty() => Ok(server_s),
            _ => Ok(own),
        }
    }

    /// Connects now, so that the first call need not: explicit binding (CORBA 3.3 Part 1 §8.3.8). With priority bands, the
    /// connection for the calling thread's priority.
    ///
    /// # Errors
    ///
    /// `INV_POLICY` for a priority in no band, and what a call raises whose server cannot be reached.
    pub fn validate_connection(&self) -> Result<()> {
        if self.is_local() {
            return Ok(());
        }
        let deadline = Limit::Default.deadline(Instant::now(), self.time_limit());
        self.at_priority(call_priority()?)?.binding(deadline).map(drop)
    }

    /// Returns the reference by which a call at a priority goes.
    #[inline]
    pub(crate) fn at_priority(&self, priority: Option<Priority>) -> Result<&Self> {
        if self.0.plain {
            return Ok(self);
        }
        self.in_band(priority)
    }

    #[cold]
    fn in_band(&self, priority: Option<Priority>) -> Result<&Self> {
        let bands = &self.0.terms.bands;
        if bands.is_empty() {
            return Ok(self);
        }
        let priority = match self.priority_model() {
            Some(policy) if policy.model == PriorityModel::ServerDeclared => Some(policy.server_priority),
            // What the server takes a request to be that comes without one.
            policy => priority.or(policy.map(|policy| policy.server_priority)),
        };
        let band = priority.and_then(|priority| bands.iter().position(|band| band.contains(priority)));
        let references = self
            .0
            .in_bands
            .get_or_init(|| bands.iter().map(|band| self.for_band(*band)).collect());
        band.and_then(|band| references.get(band)).ok_or_else(|| {
            not_reconciled(match priority {
                Some(priority) => format!("the priority {priority} lies in no priority band"),
                None => "a call without a priority lies in no priority band".to_owned(),
            })
        })
    }

    fn for_band(&self, band: PriorityBand) -> Self {
        let share = match self.0.terms.share {
            Share::One => Share::One,
            _ => Share::Band(band),
        };
        self.on_terms(Terms {
            share,
            bands: Vec::new(),
            ..self.0.terms.clone()
        })
    }

    fn priority_model(&self) -> Option<PriorityModelPolicy> {
        exposed(&self.0.origin)?.model
    }
}

/// Returns the bands that a server has set for an object; those that make no sense count as none.
pub(super) fn bands(target: &Target) -> Vec<PriorityBand> {
    match check_bands(bands_of(target)) {
        Ok(()) => bands_of(target).to_vec(),
        Err(_) => Vec::new(),
    }
}

fn bands_of(target: &Target) -> &[PriorityBand] {
    exposed(target)
        .map(|policies| &policies.bands[..])
        .unwrap_or_default()
}

fn exposed(target: &Target) -> Option<&ExposedPolicies> {
    target.profiles().first().map(|profile| &profile.real_time)
}

fn not_reconciled(why: impl Into<std::borrow::Cow<'static, str>>) -> SystemException {
    SystemException::new(Kind::InvPolicy, minor::POLICIES_NOT_RECONCILED, Completed::No).with_message(why)
}
