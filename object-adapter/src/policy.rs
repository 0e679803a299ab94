// SPDX-License-Identifier: MIT OR Apache-2.0
//! The seven policies of a POA (CORBA 3.3 Part 1 §15.3.8), and which of them exclude each other.

/// How requests to a POA's objects use threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Threads {
    /// Requests run side by side.
    #[default]
    OrbControlled,
    /// One request at a time; a call back into the POA from the request it serves is let in.
    Single,
    /// One request at a time for all POAs of the ORB with this policy together, and all on one thread: the one that is
    /// in `Orb::run`, or calls `Orb::perform_work`. Requests wait for it; 64 at most, and more are refused with
    /// `TRANSIENT`. While a servant waits for a reply to a call of its own, others are served.
    Main,
}

/// How long references are good for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lifespan {
    /// As long as the POA.
    #[default]
    Transient,
    /// Also in a later process with the same server id, in a POA of the same path.
    Persistent,
}

/// Whether one servant may be several objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdUniqueness {
    /// A servant is one object.
    #[default]
    Unique,
    /// A servant may be several objects.
    Multiple,
}

/// Who chooses object ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdAssignment {
    /// The adapter; in the root POA an id can be chosen all the same.
    #[default]
    System,
    /// The application.
    User,
}

/// Whether asking for a servant's reference activates it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImplicitActivation {
    /// It does not.
    #[default]
    Forbidden,
    /// It does.
    Allowed,
}

/// Whether the POA remembers which servant an object has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServantRetention {
    /// In its active object map.
    #[default]
    Retain,
    /// It asks each time.
    NonRetain,
}

/// What is done with a request for an object that is not in the map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RequestProcessing {
    /// It is refused.
    #[default]
    ActiveObjectMapOnly,
    /// It goes to the default servant.
    DefaultServant,
    /// The servant manager is asked for a servant.
    ServantManager,
}

/// The seven policies of a POA, with the standard's defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policies {
    /// How requests use threads.
    pub threads: Threads,
    /// How long references are good for.
    pub lifespan: Lifespan,
    /// Whether one servant may be several objects.
    pub id_uniqueness: IdUniqueness,
    /// Who chooses object ids.
    pub id_assignment: IdAssignment,
    /// Whether asking for a reference activates.
    pub implicit_activation: ImplicitActivation,
    /// Whether servants are remembered.
    pub servant_retention: ServantRetention,
    /// What is done for objects that are not in the map.
    pub request_processing: RequestProcessing,
}

/// Two policies that exclude each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPolicy {
    /// Nothing could ever serve a request.
    #[error(
        "NON_RETAIN needs USE_DEFAULT_SERVANT or USE_SERVANT_MANAGER: without a map nobody would serve requests"
    )]
    NobodyServes,
    /// A default servant is by its nature many objects.
    #[error("USE_DEFAULT_SERVANT needs MULTIPLE_ID: the default servant is every object that has no other")]
    DefaultServantIsMany,
    /// An implicitly activated object needs an id made by the adapter.
    #[error("IMPLICIT_ACTIVATION needs SYSTEM_ID: nobody is there to choose the id")]
    ImplicitNeedsSystemId,
    /// An implicitly activated object must be remembered.
    #[error("IMPLICIT_ACTIVATION needs RETAIN: the activation would be forgotten")]
    ImplicitNeedsRetain,
}

impl Policies {
    /// Returns the policies of the root POA (§15.3.9.4): the defaults and `IMPLICIT_ACTIVATION`.
    #[must_use]
    pub fn root() -> Self {
        Self {
            implicit_activation: ImplicitActivation::Allowed,
            ..Self::default()
        }
    }

    /// Checks that the policies go together.
    ///
    /// # Errors
    ///
    /// The first pair of policies that exclude each other.
    pub fn check(&self) -> Result<(), InvalidPolicy> {
        let retain = self.servant_retention == ServantRetention::Retain;
        let implicit = self.implicit_activation == ImplicitActivation::Allowed;
        if !retain && self.request_processing == RequestProcessing::ActiveObjectMapOnly {
            return Err(InvalidPolicy::NobodyServes);
        }
        if self.request_processing == RequestProcessing::DefaultServant
            && self.id_uniqueness == IdUniqueness::Unique
        {
            return Err(InvalidPolicy::DefaultServantIsMany);
        }
        if implicit && self.id_assignment == IdAssignment::User {
            return Err(InvalidPolicy::ImplicitNeedsSystemId);
        }
        if implicit && !retain {
            return Err(InvalidPolicy::ImplicitNeedsRetain);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_defaults_and_the_root_go_together() {
        assert_eq!(Policies::default().check(), Ok(()));
        assert_eq!(Policies::root().check(), Ok(()));
    }

    #[test]
    fn policies_that_exclude_each_other_are_named() {
        let base = Policies::default();
        let cases = [
            (
                Policies {
                    servant_retention: ServantRetention::NonRetain,
                    ..base
                },
                InvalidPolicy::NobodyServes,
            ),
            (
                Policies {
                    request_processing: RequestProcessing::DefaultServant,
                    ..base
                },
                InvalidPolicy::DefaultServantIsMany,
            ),
            (
                Policies {
                    id_assignment: IdAssignment::User,
                    ..Policies::root()
                },
                InvalidPolicy::ImplicitNeedsSystemId,
            ),
            (
                Policies {
                    servant_retention: ServantRetention::NonRetain,
                    request_processing: RequestProcessing::ServantManager,
                    ..Policies::root()
                },
                InvalidPolicy::ImplicitNeedsRetain,
            ),
        ];
        for (policies, error) in cases {
            assert_eq!(policies.check(), Err(error), "{policies:?}");
        }
    }

    #[test]
    fn a_default_servant_without_a_map_is_fine() {
        let policies = Policies {
            servant_retention: ServantRetention::NonRetain,
            request_processing: RequestProcessing::DefaultServant,
            id_uniqueness: IdUniqueness::Multiple,
            ..Policies::default()
        };
        assert_eq!(policies.check(), Ok(()));
    }
}
