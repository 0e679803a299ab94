// SPDX-License-Identifier: MIT OR Apache-2.0
//! The service contexts of a request.

use super::{binding::Profile, connection::Connection};
use crate::{
    cdr::Version,
    codeset::CodeSetContext,
    datagram::{self, Stamp},
    giop::{ServiceContext, context_id},
    rtcorba::{self, PRIORITY_CONTEXT_SIZE, Priority, PriorityModel},
};

/// What their octets stand in.
#[derive(Debug, Default)]
pub(crate) struct Room {
    code_sets: [u8; 12],
    priority: [u8; PRIORITY_CONTEXT_SIZE],
    stamp: [u8; Stamp::SIZE],
}

/// What is sent along with a request.
#[derive(Debug)]
pub(crate) struct Contexts<'e> {
    list: [ServiceContext<'e>; 3],
    count: usize,
    /// The number of a request that travels in a datagram.
    pub(crate) stamp: Option<Stamp>,
}

impl<'e> Contexts<'e> {
    /// Collects what the server of `profile` is to know of this request.
    #[inline]
    pub(crate) fn new(
        profile: &Profile,
        connection: &Connection,
        priority: Option<Priority>,
        room: &'e mut Room,
    ) -> Self {
        let none = ServiceContext { id: 0, data: &[] };
        let mut contexts = Self {
            list: [none; 3],
            count: 0,
            stamp: connection.stamp(),
        };
        // The server is told which code sets were chosen until it has answered something.
        if profile.negotiates && !connection.is_answered() && profile.version >= Version::V1_1 {
            room.code_sets = CodeSetContext::from(profile.codesets).encode();
            contexts.push(context_id::CODE_SETS, &room.code_sets);
        }
        if let Some(priority) = priority.filter(|_| profile.takes_priority()) {
            room.priority = rtcorba::encode_priority(priority);
            contexts.push(context_id::RT_CORBA_PRIORITY, &room.priority);
        }
        if let Some(stamp) = contexts.stamp {
            room.stamp = stamp.encode();
            contexts.push(datagram::ID, &room.stamp);
        }
        contexts
    }

    fn push(&mut self, id: u32, data: &'e [u8]) {
        if let Some(place) = self.list.get_mut(self.count) {
            *place = ServiceContext { id, data };
            self.count += 1;
        }
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[ServiceContext<'e>] {
        self.list.get(..self.count).unwrap_or_default()
    }
}

impl Profile {
    /// Tells whether the server serves requests at the priority of the client.
    #[inline]
    fn takes_priority(&self) -> bool {
        self.real_time
            .model
            .is_some_and(|policy| policy.model == PriorityModel::ClientPropagated)
    }
}
