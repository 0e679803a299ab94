// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pools: frames that one flow fills, and gets back when their last user has dropped them.

mod runs;

use std::io;

use crate::frame::Owner;
use crate::geometry::{FrameClass, Geometry, LONGEST_RUN};
use crate::memory::Memory;
use crate::{BadGeometry, Frame, FrameMut};

use self::runs::Runs;

/// The frames of one flow, of two sizes.
///
/// It belongs to one thread at a time; its frames may be dropped on any. The first ones that are free are used first, since
/// they are in a cache.
#[derive(Debug)]
pub struct Pool {
    owner: Owner,
    small: Free,
    large: Free,
    /// Large ones in a row, in which bulk is placed, piece by piece.
    run: Option<FrameMut>,
}

/// Frames of one size that are not out.
#[derive(Debug)]
struct Free {
    class: FrameClass,
    first: u32,
    runs: Runs,
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
            run: None,
        }
    }

    /// Returns a frame with room for `capacity` bytes, and for `head_room` before them: a small one if they fit and one is
    /// there, or else a large one, or as many of these in a row as are needed; `None` if they are not there.
    pub fn frame(&mut self, capacity: usize, head_room: usize) -> Option<FrameMut> {
        let whole = u32::try_from(capacity.checked_add(head_room)?).ok()?;
        let head_room = u32::try_from(head_room).ok()?;
        self.collect();
        let free = if whole <= self.small.class.size && self.small.runs.any_free() {
            &mut self.small
        } else {
            &mut self.large
        };
        free.take(&mut self.owner, whole, head_room)
    }

    /// Copies `bytes` behind what was placed last, where that fits; `None` if no frame is there, or none so large.
    pub fn place(&mut self, bytes: &[u8]) -> Option<Frame> {
        self.place_with(bytes.len(), |room| room.copy_from_slice(bytes))
    }

    /// Has `write` fill `length` bytes, at the same place.
    pub(crate) fn place_with(&mut self, length: usize, write: impl FnOnce(&mut [u8])) -> Option<Frame> {
        let wanted = u32::try_from(length).ok()?;
        let fits = wanted <= self.small.class.size;
        if fits && self.small.has_room(length) {
            return self.small.append(length, write);
        }
        self.collect();
        let free = if fits && self.small.runs.any_free() {
            &mut self.small
        } else {
            &mut self.large
        };
        if !free.has_room(length) {
            free.open = Some(free.take(&mut self.owner, wanted, 0)?);
        }
        free.append(length, write)
    }

    /// Copies `bytes` right behind those that were placed so before, if these said that so many would follow; and sees to it
    /// that `behind` more can lie behind them, if there are frames enough in a row. `None` if no frame is there.
    pub fn place_run(&mut self, bytes: &[u8], behind: usize) -> Option<Frame> {
        let mut run = self.run.take().filter(|run| run.room() >= bytes.len());
        if run.is_none() {
            let whole = bytes.len().saturating_add(behind);
            run = self.large_frame(whole).or_else(|| self.large_frame(bytes.len()));
        }
        let mut run = run?;
        run.append(bytes).ok()?;
        let placed = run.split();
        self.run = Some(run).filter(|_| behind > 0);
        Some(placed)
    }

    /// Returns large frames in a row for somebody to fill with `length` bytes and keep for as long as he likes; `None` if they
    /// are not there. An eighth of the frames is not for this: what has to be copied finds memory whoever keeps the others.
    pub(crate) fn buffer(&mut self, length: usize) -> Option<FrameMut> {
        let count = length.div_ceil(self.large.class.size as usize);
        let kept = self.large.class.count.div_ceil(8);
        self.collect();
        let free = self.large.runs.free().saturating_sub(kept) as usize;
        let mut frame = Some(length)
            .filter(|_| count <= free)
            .and_then(|_| self.large_frame(length))?;
        frame.advance(length).ok()?;
        Some(frame)
    }

    /// Returns `bytes` as a part of the frame they lie in, if that was [frozen](FrameMut::freeze).
    pub(crate) fn frozen(&self, bytes: &[u8]) -> Option<Frame> {
        let place = self.owner.memory().offset(bytes)?;
        let index = self.owner.geometry().frame_at(place)?;
        let free = if index < self.small.class.count {
            &self.small
        } else {
            &self.large
        };
        let first = free.first + free.runs.first_of(index - free.first)?;
        self.owner.frozen(first, bytes)
    }

    fn large_frame(&mut self, capacity: usize) -> Option<FrameMut> {
        self.collect();
        let capacity = u32::try_from(capacity).ok()?;
        self.large.take(&mut self.owner, capacity, 0)
    }

    /// Returns how many frames are in use; those in a row count as one.
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
        self.small.runs.any_free() || self.large.runs.any_free()
    }

    fn collect(&mut self) {
        let (small, large) = (&mut self.small, &mut self.large);
        self.owner.collect(|index| {
            let free = if index < small.class.count {
                &mut *small
            } else {
                &mut *large
            };
            free.runs.give_back(index - free.first);
        });
    }
}

impl Free {
    fn new(class: FrameClass, first: u32) -> Self {
        Self {
            class,
            first,
            runs: Runs::new(class.count),
            open: None,
        }
    }

    fn take(&mut self, owner: &mut Owner, whole: u32, head_room: u32) -> Option<FrameMut> {
        if whole > LONGEST_RUN {
            return None;
        }
        let count = whole.div_ceil(self.class.size).max(1);
        let first = self.first + self.runs.take(count)?;
        let frame = owner.lend(first, 0..count * self.class.size, true)?;
        Some(FrameMut::new(frame, head_room))
    }

    fn has_room(&self, length: usize) -> bool {
        self.open.as_ref().is_some_and(|open| length <= open.room())
    }

    fn append(&mut self, length: usize, write: impl FnOnce(&mut [u8])) -> Option<Frame> {
        let open = self.open.as_mut()?;
        write(open.spare().get_mut(..length)?);
        open.advance(length).ok()?;
        Some(open.split())
    }
}
