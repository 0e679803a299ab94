// SPDX-License-Identifier: MIT OR Apache-2.0
//! Groups of objects that share a lane.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;
use qos_mapper::join;

use super::{
    Lanes, Opening,
    lane::{Lane, Seat, Wanted},
};
use crate::{ActivateError, ReferenceFactory};

/// Lanes of groups, by the names of these.
pub(super) type Groups = Mutex<HashMap<String, Weak<Lane>>>;

impl Lanes {
    /// Returns the group on whose lane the QoS file puts an object.
    pub(crate) fn group_in_file(&self, poa_path: &str, object_id: &[u8]) -> Option<String> {
        let file = self.settings.file.as_ref()?;
        file.find(poa_path, object_id)?.group.clone()
    }

    /// Returns a seat on a group's lane, which is opened if nobody else has one.
    pub(crate) fn join(
        &self,
        group: &str,
        references: Arc<dyn ReferenceFactory>,
        wanted: Wanted,
    ) -> Result<Seat, ActivateError> {
        // A first member alone has to be one that others can join.
        join([&wanted.request]).map_err(|refusal| ActivateError::Refused {
            object: wanted.name.clone(),
            refusal: Box::new(refusal),
        })?;
        // Held throughout: a group has one lane.
        let mut groups = self.groups.lock();
        if let Some(lane) = groups.get(group).and_then(Weak::upgrade) {
            return lane.join(wanted.request);
        }
        let opening = Opening::new(self.running()?, references, wanted)?;
        let seat = opening.seat();
        // Others may join as soon as it is known, and nobody is served who has no seat.
        opening.begin(None)?;
        groups.retain(|_, lane| lane.strong_count() > 0);
        groups.insert(group.to_owned(), Arc::downgrade(seat.lane()));
        Ok(seat)
    }
}
