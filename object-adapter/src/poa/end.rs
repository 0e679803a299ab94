// SPDX-License-Identifier: MIT OR Apache-2.0
//! Deactivating objects (§15.3.9.19) and destroying POAs (§15.3.9.5).

use std::{
    sync::atomic::Ordering,
    thread,
    time::{Duration, Instant},
};

use orb_core::nested;

use super::{Poa, activation::id_text};
use crate::{FindError, StillInProgress, key::SlotId};

/// How often a waiting destroyer looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

impl Poa {
    /// Takes an object out of the map: new requests find nothing, those in progress end, and then a servant
    /// activator etherealizes it.
    ///
    /// # Errors
    ///
    /// [`FindError::ObjectNotActive`].
    pub fn deactivate(&self, object_id: impl AsRef<[u8]>) -> Result<(), FindError> {
        let id = object_id.as_ref();
        let not_active = || FindError::ObjectNotActive {
            poa: self.display_name(),
            id: id_text(id),
        };
        let slot = self.slot_of(id).ok_or_else(not_active)?;
        if self.0.objects().remove(slot) {
            Ok(())
        } else {
            Err(not_active())
        }
    }

    /// Destroys this POA and those below it: its objects leave the map as if deactivated. A later POA of the same
    /// name serves its persistent references.
    ///
    /// With `wait`, waits so long for requests in progress to end.
    ///
    /// # Errors
    ///
    /// [`StillInProgress`] if they did not; the POA is destroyed all the same.
    pub fn destroy(&self, etherealize: bool, wait: Option<Duration>) -> Result<(), StillInProgress> {
        let mut ending = Vec::new();
        self.end(etherealize, &mut ending);
        match wait {
            Some(time) if !ending.is_empty() => wait_for(&ending, Instant::now() + time),
            _ => Ok(()),
        }
    }

    fn end(&self, etherealize: bool, ending: &mut Vec<(Poa, Vec<SlotId>)>) {
        let children: Vec<Poa> = {
            let mut children = self.0.children.lock();
            self.0.destroyed.store(true, Ordering::Release);
            std::mem::take(&mut *children).into_values().collect()
        };
        for child in children {
            child.end(etherealize, ending);
        }
        self.0.etherealizes.store(etherealize, Ordering::Release);
        if let Some(real_time) = &self.0.real_time {
            drop(real_time.endpoint.lock().take());
        }
        // Nobody is between the check of `destroyed` and the map once this lock was had.
        drop(self.0.servants.lock());
        let slots = self.0.objects().of_poa(&self.0);
        for slot in &slots {
            self.0.objects().remove(*slot);
        }
        if let Some(parent) = self.parent() {
            let mut siblings = parent.0.children.lock();
            if siblings.get(self.name()) == Some(self) {
                siblings.remove(self.name());
            }
        }
        tracing::debug!(poa = self.display_name(), objects = slots.len(), "POA destroyed");
        ending.push((self.clone(), slots));
    }
}

fn wait_for(ending: &[(Poa, Vec<SlotId>)], deadline: Instant) -> Result<(), StillInProgress> {
    let in_progress = |(poa, slots): &(Poa, Vec<SlotId>)| {
        poa.0.unretained.load(Ordering::Acquire) > 0
            || slots.iter().any(|slot| poa.0.objects().in_progress(*slot))
    };
    let mut blocking = None;
    while ending.iter().any(in_progress) {
        if Instant::now() >= deadline {
            return Err(StillInProgress);
        }
        blocking.get_or_insert_with(nested::about_to_block);
        // They may be waiting for this thread.
        if !nested::attend() {
            thread::sleep(LOOK_AGAIN);
        }
    }
    Ok(())
}
