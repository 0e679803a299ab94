// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which policies go together.

use super::{
    PolicyType, Priority, PriorityBand, PriorityModel, PriorityModelPolicy, ProtocolList, ThreadpoolConfig,
};
use crate::exception::{Completed, SystemException, SystemExceptionKind, minor};

/// So many threads a pool may have, all lanes together.
const MOST_THREADS: u32 = 1024;

/// What a thread pool cannot be made like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidThreadpool {
    /// There are no lanes.
    #[error("a thread pool with lanes has one at least")]
    NoLanes,
    /// A lane has no threads.
    #[error("lane {index} of the thread pool would never have a thread")]
    NoThreads {
        /// Which one, from 0.
        index: usize,
    },
    /// Two lanes are of the same priority.
    #[error("lane {index} of the thread pool is of the same priority as an earlier one, {priority}")]
    SameLane {
        /// The second of them, from 0.
        index: usize,
        /// Which priority.
        priority: Priority,
    },
    /// There are too many threads.
    #[error("a thread pool has at most {} threads", MOST_THREADS)]
    TooManyThreads,
    /// What may wait would never do.
    #[error("buffering no requests, or none of their bytes, is not to buffer")]
    BuffersNothing,
    /// Only lanes lend each other threads.
    #[error("a thread pool without lanes has nobody to borrow threads from")]
    NobodyLends,
}

/// `BAD_PARAM`.
impl From<InvalidThreadpool> for SystemException {
    fn from(invalid: InvalidThreadpool) -> Self {
        Self::from(SystemExceptionKind::BadParam).with_message(invalid.to_string())
    }
}

impl ThreadpoolConfig {
    /// Checks that a pool can be made like this.
    ///
    /// # Errors
    ///
    /// [`InvalidThreadpool`].
    pub fn check(&self) -> Result<(), InvalidThreadpool> {
        if self.lanes.is_empty() {
            return Err(InvalidThreadpool::NoLanes);
        }
        for (index, lane) in self.lanes.iter().enumerate() {
            if lane.threads() == 0 {
                return Err(InvalidThreadpool::NoThreads { index });
            }
            if self
                .lanes
                .iter()
                .take(index)
                .any(|other| other.priority == lane.priority)
            {
                let priority = lane.priority;
                return Err(InvalidThreadpool::SameLane { index, priority });
            }
        }
        let threads = self.lanes.iter().map(|lane| lane.threads());
        if threads.fold(0, u32::saturating_add) > MOST_THREADS {
            return Err(InvalidThreadpool::TooManyThreads);
        }
        if self
            .buffering
            .is_some_and(|buffering| buffering.max_requests == 0 || buffering.max_bytes == 0)
        {
            return Err(InvalidThreadpool::BuffersNothing);
        }
        if self.borrowing && !self.divided {
            return Err(InvalidThreadpool::NobodyLends);
        }
        Ok(())
    }
}

/// What is wrong with a list of priority bands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidBands {
    /// There are none.
    #[error("there is no priority band")]
    None,
    /// A band ends below where it begins.
    #[error("priority band {index} begins above its end")]
    Backwards {
        /// Which one, from 0.
        index: usize,
    },
    /// Two bands have a priority in common.
    #[error("priority band {index} overlaps with an earlier one")]
    Overlap {
        /// The second of them, from 0.
        index: usize,
    },
}

/// Checks a list of bands. Gaps are fine: calls at a priority in one are refused.
///
/// # Errors
///
/// [`InvalidBands`].
pub fn check_bands(bands: &[PriorityBand]) -> Result<(), InvalidBands> {
    if bands.is_empty() {
        return Err(InvalidBands::None);
    }
    for (index, band) in bands.iter().enumerate() {
        if band.low > band.high {
            return Err(InvalidBands::Backwards { index });
        }
        if bands.iter().take(index).any(|other| other.overlaps(band)) {
            return Err(InvalidBands::Overlap { index });
        }
    }
    Ok(())
}

/// What is wrong with a list of protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidProtocols {
    /// None of them can be spoken.
    #[error("none of the protocols is IIOP, or local")]
    NoneUsable,
    /// One is there a second time.
    #[error("protocol {index} is listed a second time")]
    Twice {
        /// The second of them, from 0.
        index: usize,
    },
}

/// `INV_POLICY`.
impl From<InvalidProtocols> for SystemException {
    fn from(invalid: InvalidProtocols) -> Self {
        Self::new(
            SystemExceptionKind::InvPolicy,
            minor::POLICIES_NOT_RECONCILED,
            Completed::No,
        )
        .with_message(invalid.to_string())
    }
}

/// The RT-CORBA policies of a POA.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerPolicies {
    /// At which priority requests are served.
    pub model: Option<PriorityModelPolicy>,
    /// How the pool was made whose threads serve.
    pub threadpool: Option<ThreadpoolConfig>,
    /// The ranges of priorities with a connection each.
    pub bands: Option<Vec<PriorityBand>>,
    /// By which protocols its objects are served.
    pub server_protocols: ProtocolList,
    /// By which protocols clients are to call its objects.
    pub client_protocols: ProtocolList,
}

/// Why a POA cannot have these RT-CORBA policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPolicy {
    /// Nobody says at which priority a request is.
    #[error("{0} needs a priority model, which says at which priority a request is")]
    NeedsModel(PolicyType),
    /// The list of bands is wrong in itself.
    #[error(transparent)]
    Bands(#[from] InvalidBands),
    /// No lane serves what is of the server's priority.
    #[error("the server's priority {0} is that of no lane of the thread pool")]
    PriorityInNoLane(Priority),
    /// No connection is for the server's priority.
    #[error("the server's priority {0} lies in no priority band")]
    PriorityInNoBand(Priority),
    /// Requests that come in a band would be served by nobody.
    #[error("no lane of the thread pool has a priority in band {index}")]
    BandWithoutLane {
        /// Which band, from 0.
        index: usize,
    },
    /// The protocols by which objects are served are wrong.
    #[error("the server's protocols: {0}")]
    ServerProtocols(InvalidProtocols),
    /// The protocols by which clients are to call are wrong.
    #[error("the clients' protocols: {0}")]
    ClientProtocols(InvalidProtocols),
    /// An endpoint at any port is gone with the process.
    #[error(
        "an endpoint of the POA's own does not outlive the server, as PERSISTENT references do: set the ORB's protocols"
    )]
    Persistent,
    /// Threads of a pool serve side by side.
    #[error("a thread pool serves side by side, which {0} forbids")]
    ThreadModel(&'static str),
}

impl InvalidPolicy {
    /// Returns which policy is at fault.
    #[must_use]
    pub const fn policy(&self) -> PolicyType {
        match self {
            Self::NeedsModel(policy) => *policy,
            Self::PriorityInNoLane(_) | Self::PriorityInNoBand(_) => PolicyType::PriorityModel,
            Self::Bands(_) | Self::BandWithoutLane { .. } => PolicyType::PriorityBandedConnection,
            Self::ServerProtocols(_) | Self::Persistent => PolicyType::ServerProtocol,
            Self::ClientProtocols(_) => PolicyType::ClientProtocol,
            Self::ThreadModel(_) => PolicyType::Threadpool,
        }
    }
}

/// `INV_POLICY`.
impl From<InvalidPolicy> for SystemException {
    fn from(invalid: InvalidPolicy) -> Self {
        Self::from(SystemExceptionKind::InvPolicy).with_message(invalid.to_string())
    }
}

impl ServerPolicies {
    /// Tells whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Checks that the policies go together.
    ///
    /// # Errors
    ///
    /// The first [`InvalidPolicy`].
    pub fn check(&self) -> Result<(), InvalidPolicy> {
        self.server_protocols
            .check()
            .map_err(InvalidPolicy::ServerProtocols)?;
        self.client_protocols
            .check()
            .map_err(InvalidPolicy::ClientProtocols)?;
        let lanes = self.threadpool.as_ref().filter(|pool| pool.has_lanes());
        let Some(model) = self.model else {
            // Without one nobody could say which lane or band a request belongs to.
            return match (lanes, &self.bands) {
                (Some(_), _) => Err(InvalidPolicy::NeedsModel(PolicyType::Threadpool)),
                (_, Some(_)) => Err(InvalidPolicy::NeedsModel(PolicyType::PriorityBandedConnection)),
                (None, None) => Ok(()),
            };
        };
        if let Some(bands) = &self.bands {
            check_bands(bands)?;
        }
        if model.model == PriorityModel::ServerDeclared {
            // Else it is that of requests without one, of which there may be none.
            self.check_priority(model.server_priority)?;
        }
        match (lanes, &self.bands) {
            (Some(pool), Some(bands)) => match_lanes(pool, bands),
            _ => Ok(()),
        }
    }

    /// Checks that requests for an object with this priority, declared by the server, can be served.
    ///
    /// # Errors
    ///
    /// [`InvalidPolicy::PriorityInNoLane`], [`InvalidPolicy::PriorityInNoBand`].
    pub fn check_priority(&self, priority: Priority) -> Result<(), InvalidPolicy> {
        if self
            .bands
            .as_ref()
            .is_some_and(|bands| band_of(bands, priority).is_none())
        {
            return Err(InvalidPolicy::PriorityInNoBand(priority));
        }
        match &self.threadpool {
            Some(pool) if pool.has_lanes() && !pool.lanes.iter().any(|lane| lane.priority == priority) => {
                Err(InvalidPolicy::PriorityInNoLane(priority))
            }
            _ => Ok(()),
        }
    }

    /// Returns the lane that serves requests of a priority: that of the same priority or, with bands, one in the same
    /// band, the next below it, or else the next above. `None` if no lane does; a pool without lanes has one for all.
    #[must_use]
    pub fn lane(&self, priority: Priority) -> Option<usize> {
        let pool = self.threadpool.as_ref()?;
        if !pool.has_lanes() {
            return Some(0);
        }
        let served = match &self.bands {
            Some(bands) => band_of(bands, priority)?,
            None => PriorityBand::new(priority, priority),
        };
        let within = || {
            let lanes = pool.lanes.iter().map(|lane| lane.priority).enumerate();
            lanes.filter(|(_, lane)| served.contains(*lane))
        };
        let below = within().filter(|(_, lane)| *lane <= priority);
        let next = below.max_by_key(|(_, lane)| *lane);
        let next = next.or_else(|| within().min_by_key(|(_, lane)| *lane));
        next.map(|(index, _)| index)
    }

    /// Tells whether the server declares the priority of its objects.
    #[must_use]
    pub fn declares(&self) -> bool {
        self.model
            .is_some_and(|policy| policy.model == PriorityModel::ServerDeclared)
    }
}

/// Returns the band in which a priority lies.
fn band_of(bands: &[PriorityBand], priority: Priority) -> Option<PriorityBand> {
    bands.iter().find(|band| band.contains(priority)).copied()
}

/// Each band has a lane; one that lies in none may be another POA's.
fn match_lanes(pool: &ThreadpoolConfig, bands: &[PriorityBand]) -> Result<(), InvalidPolicy> {
    let lane_in = |band: &PriorityBand| pool.lanes.iter().any(|lane| band.contains(lane.priority));
    match bands.iter().position(|band| !lane_in(band)) {
        Some(index) => Err(InvalidPolicy::BandWithoutLane { index }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
