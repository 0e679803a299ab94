// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two ends in one process, for those who test them.

use crate::frame::Owner;
use crate::memory::Memory;
use crate::pool::Pool;
use crate::{Closed, Frame, Geometry, Integrity, Packet};

use super::End;

/// An area as both see it: its owner's handle, and the other one's.
fn area(geometry: Geometry) -> (Owner, Owner) {
    let memory = Memory::private(geometry.bytes(), geometry.words()).expect("there is memory");
    let twin = memory.twin();
    (Owner::new(memory, geometry), Owner::new(twin, geometry))
}

/// Two ends of one channel, with the same geometry.
pub(crate) fn pair(geometry: Geometry, integrity: Integrity) -> (End, End) {
    let (here, here_seen) = area(geometry);
    let (there, there_seen) = area(geometry);
    let private = || Pool::private(geometry).expect("there is memory");
    (
        End::new(here, there_seen, private(), integrity, None),
        End::new(there, here_seen, private(), integrity, None),
    )
}

impl End {
    /// The next packet, as one of its own.
    pub(crate) fn receive(&mut self) -> Result<Option<Packet<Frame>>, Closed> {
        let mut packet = Packet::default();
        Ok(self.receive_into(&mut packet)?.then_some(packet))
    }
}
