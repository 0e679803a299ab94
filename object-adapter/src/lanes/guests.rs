// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lanes of objects that have none of their own, while clients ask for something for their flows to them.

use std::{collections::HashMap, ptr, sync::Arc, time::Duration};

use orb_core::server::{Asking, Verdict};
use parking_lot::Mutex;
use qos_mapper::Request;

use super::{Lanes, lane::Lane};
use crate::PoaManager;

/// By the keys of their objects.
#[derive(Debug, Default)]
pub(crate) struct Guests(Mutex<HashMap<Box<[u8]>, Arc<Lane>>>);

/// An object to which clients ask for something.
pub(crate) struct Host {
    /// What reports and refusals call it.
    pub(crate) name: String,
    /// What is asked for it at the server.
    pub(crate) request: Request,
    /// How long its servant takes at most, if that is declared anywhere.
    pub(crate) worst_case: Option<Duration>,
    /// So many times the weight that clients ask for do their flows on best-effort time have.
    pub(crate) weight: u32,
    pub(crate) manager: PoaManager,
}

impl Guests {
    pub(crate) fn lane(&self, key: &[u8]) -> Option<Arc<Lane>> {
        self.0.lock().get(key).cloned()
    }

    /// Ends the lane of an object that is not there any more.
    pub(crate) fn close(&self, key: &[u8]) {
        let lane = self.0.lock().remove(key);
        // Its connections end without the lock.
        drop(lane);
    }

    /// Ends a lane once its last client has left.
    pub(super) fn leave(&self, lane: &Lane) {
        let Some(key) = lane.key() else { return };
        let mut lanes = self.0.lock();
        let is_it = lanes.get(key).is_some_and(|there| ptr::eq(&**there, lane));
        if is_it && lane.is_empty() {
            lanes.remove(key);
        }
    }
}

impl Lanes {
    /// Decides on what a client asks for its flow to an object without a lane.
    pub(crate) fn receive(&self, asking: Asking, host: Host) -> Option<Verdict> {
        if !self.settings.client_requests {
            return Some(Verdict::Unheard);
        }
        // Held until the client is in: its lane does not end before.
        let mut lanes = self.guests.0.lock();
        let lane = match lanes.get(asking.object_key()) {
            Some(lane) => Arc::clone(lane),
            None => {
                let running = match self.running() {
                    Ok(running) => running,
                    Err(error) => {
                        tracing::warn!(%error, "nothing can be granted to clients");
                        return Some(Verdict::Unheard);
                    }
                };
                Lane::without_endpoint(running, &self.guests, &asking, host)
            }
        };
        let verdict = lane.take_over(asking);
        if let Some(key) = lane.key().filter(|_| !lane.is_empty()) {
            lanes.entry(Box::from(key)).or_insert_with(|| Arc::clone(&lane));
        }
        drop(lanes);
        verdict
    }
}
