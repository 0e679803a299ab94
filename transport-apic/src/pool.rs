// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pools: frames that one flow fills, and gets back when their last user has dropped them.

use std::io;

use crate::frame::Owner;
use crate::geometry::{FrameClass, Geometry};
use crate::memory::Memory;
use crate::{BadGeometry, Frame, FrameMut};

/// The frames of one flow, of two sizes.
///
/// It belongs to one thread at a time; its frames may be dropped on any. The one that came back last is used first, since
/// it is in a cache.
#[derive(Debug)]
pub struct Pool {
    owner: Owner,
    small: Free,
    large: Free,
}

/// Frames of one size that are not out.
#[derive(Debug)]
struct Free {
    class: FrameClass,
    frames: Vec<u32>,
    /// The frame that small pieces are placed in, one behind the other.
    open: Option<FrameMut>,
}

/// Why there is no pool.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoPool {
    /// What was asked for makes no sense.
    #[error(transparent)]
    Geometry(#[from] BadGeometry),
    /// The system has no memory.
    #[error("there is no memory for frames: {0}")]
    System(#[from] io::Error),
}

impl Pool {
    /// Makes a pool in memory of this process alone; `slots` of the geometry do not matter.
    ///
    /// # Errors
    ///
    /// [`NoPool`], if the geometry is wrong or has more than a GiB, or if there is no memory.
    pub fn private(geometry: Geometry) -> Result<Self, NoPool> {
        geometry.check(1 << 30)?;
        let memory = Memory::private(geometry.bytes(), geometry.words())?;
        Ok(Self::new(Owner::new(memory, geometry)))
    }

    pub(crate) fn new(owner: Owner) -> Self {
        let geometry = *owner.geometry();
        Self {
            owner,
            small: Free::new(geometry.small, 0),
            large: Free::new(geometry.large, geometry.small.count),
        }
    }

    /// Returns a frame with room for `capacity` bytes, and for `head_room` before them: a small one if they fit and one is
    /// there, or else a large one; `None` if none is there.
    pub fn frame(&mut self, capacity: usize, head_room: usize) -> Option<FrameMut> {
        let whole = u32::try_from(capacity.checked_add(head_room)?).ok()?;
        let head_room = u32::try_from(head_room).ok()?;
        self.collect();
        let free = if whole <= self.small.class.size && !self.small.frames.is_empty() {
            &mut self.small
        } else {
            &mut self.large
        };
        free.take(&mut self.owner, whole, head_room)
    }

    /// Copies `bytes` behind what was placed last, where that fits; `None` if no frame is there, or none so large.
    pub fn place(&mut self, bytes: &[u8]) -> Option<Frame> {
        let length = u32::try_from(bytes.len()).ok()?;
        let fits = length <= self.small.class.size;
        if let Some(frame) = fits.then(|| self.small.append(bytes)).flatten() {
            return Some(frame);
        }
        self.collect();
        let free = if fits && !self.small.frames.is_empty() {
            &mut self.small
        } else {
            &mut self.large
        };
        if let Some(frame) = free.append(bytes) {
            return Some(frame);
        }
        free.open = Some(free.take(&mut self.owner, length, 0)?);
        free.append(bytes)
    }

    /// Returns how many frames are in use.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.owner.out()
    }

    pub(crate) fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Whether a frame of either size is free.
    pub(crate) fn any_free(&mut self) -> bool {
        self.collect();
        !(self.small.frames.is_empty() && self.large.frames.is_empty())
    }

    fn collect(&mut self) {
        let (small, large) = (&mut self.small, &mut self.large);
        self.owner.collect(|index| {
            let free = if index < small.class.count {
                &mut *small
            } else {
                &mut *large
            };
            free.frames.push(index);
        });
    }
}

impl Free {
    fn new(class: FrameClass, first: u32) -> Self {
        Self {
            class,
            // The last one is taken first.
            frames: (first..first.saturating_add(class.count)).rev().collect(),
            open: None,
        }
    }

    fn take(&mut self, owner: &mut Owner, whole: u32, head_room: u32) -> Option<FrameMut> {
        if whole > self.class.size {
            return None;
        }
        let frame = owner.lend(self.frames.pop()?, 0..self.class.size, true)?;
        Some(FrameMut::new(frame, head_room))
    }

    fn append(&mut self, bytes: &[u8]) -> Option<Frame> {
        let open = self.open.as_mut()?;
        open.append(bytes).ok()?;
        Some(open.split())
    }
}
