// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames: memory that payload lies in, from the one who fills it to the last one who reads it.

#![allow(
    unsafe_code,
    reason = "parts of mapped memory are handed out, and given back by reference counts"
)]

use std::fmt;
use std::ops::{Deref, Range};
use std::ptr::NonNull;
use std::slice;

use bytes::Bytes;

use crate::Payload;
use crate::geometry::Geometry;
use crate::ledger::{Ledger, Share};
use crate::memory::Memory;

/// Memory with frames in it, and who uses which.
#[derive(Debug)]
pub(crate) struct Store {
    memory: Memory,
    geometry: Geometry,
    ledger: Ledger,
}

/// The owner's handle of a store; the store stays until the last of its frames is dropped, too.
#[derive(Debug)]
pub(crate) struct Owner {
    store: NonNull<Store>,
    /// Frames that were lent and not collected.
    out: usize,
}

// SAFETY: the store is `Sync`: atomics, and bytes that frames give access to by their own rules. What only the owner may do
// takes `&mut self`.
unsafe impl Send for Owner {}
// SAFETY: as above.
unsafe impl Sync for Owner {}

impl Owner {
    pub(crate) fn new(memory: Memory, geometry: Geometry) -> Self {
        let ledger = Ledger::new(geometry.frames() as usize);
        let store = Box::new(Store {
            memory,
            geometry,
            ledger,
        });
        Self {
            store: NonNull::from(Box::leak(store)),
            out: 0,
        }
    }

    /// Lends a part of a frame, which the caller may read for as long as it holds it: the frame is one of a peer, or nobody
    /// else holds it. `first` says that it is not out yet. `None` if the part is not within the frame, or those in a row that
    /// begin with it.
    pub(crate) fn lend(&mut self, index: u32, range: Range<u32>, first: bool) -> Option<Frame> {
        let (start, _) = self.geometry.frame(index)?;
        let reach = self.geometry.reach(index);
        let length = range
            .end
            .checked_sub(range.start)
            .filter(|_| range.end <= reach)?;
        let start = self.memory.bytes(start + u64::from(range.start), length)?;
        self.ledger.lend(index);
        self.out += usize::from(first);
        Some(Frame {
            store: self.store,
            start,
            length,
            index,
        })
    }

    /// Returns `bytes` as a part of the frames in a row that begin with `index`, if these are [frozen](FrameMut::freeze) and it
    /// lies there: the caller was handed it, so somebody holds it.
    pub(crate) fn frozen(&self, index: u32, bytes: &[u8]) -> Option<Frame> {
        let (start, _) = self.geometry.frame(index)?;
        let offset = self.memory.offset(bytes)?.checked_sub(start)?;
        let length = u32::try_from(bytes.len()).ok()?;
        let end = offset.checked_add(u64::from(length))?;
        if end > u64::from(self.geometry.reach(index)) || !self.ledger.is_frozen(index) {
            return None;
        }
        let start = self.memory.bytes(start + offset, length)?;
        self.ledger.hold(index);
        Some(Frame {
            store: self.store,
            start,
            length,
            index,
        })
    }

    /// Passes each frame to `back` that is out no more.
    pub(crate) fn collect(&mut self, back: impl FnMut(u32)) {
        self.out -= self.ledger.collect(back);
    }

    /// Frames that are out.
    pub(crate) fn out(&self) -> usize {
        self.out
    }

    /// Whether a frame is one of this store's.
    pub(crate) fn owns(&self, frame: &Frame) -> bool {
        self.store == frame.store
    }
}

impl Store {
    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    pub(crate) fn geometry(&self) -> &Geometry {
        &self.geometry
    }
}

impl Deref for Owner {
    type Target = Store;

    fn deref(&self) -> &Store {
        // SAFETY: it was made from a box, and is not freed before its owner leaves.
        unsafe { self.store.as_ref() }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if self.ledger.depart(self.out) {
            free(self.store);
        }
    }
}

/// Called once, by whoever the ledger told that nobody else has it.
fn free(store: NonNull<Store>) {
    // SAFETY: it was leaked from a box in `Owner::new`, and the ledger tells one only, when its owner and all holders left.
    drop(unsafe { Box::from_raw(store.as_ptr()) });
}

/// A part of a frame, shared and read-only; the frame goes back to where it came from with the last of its parts, on
/// whichever thread that is.
///
/// On a channel that shares memory ([`Integrity::Shared`](crate::Integrity::Shared)) a received frame is the sender's own
/// memory, which it could still write; between processes of one user, who could do worse to each other, that is trusted
/// not to happen.
pub struct Frame {
    store: NonNull<Store>,
    start: NonNull<u8>,
    length: u32,
    index: u32,
}

// SAFETY: it gives read access to memory that nobody writes while it lives, and lets go of it by atomics.
unsafe impl Send for Frame {}
// SAFETY: as above.
unsafe impl Sync for Frame {}

impl Frame {
    /// Hands it to those who want `Bytes`, without a copy; the frame is in use until the last of them is dropped.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }

    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// Where it begins in its frame.
    pub(crate) fn offset(&self) -> u32 {
        // SAFETY: who has a share of it keeps the store.
        let store = unsafe { self.store.as_ref() };
        let frame = store.geometry.frame(self.index);
        let base = frame.and_then(|(start, size)| store.memory.bytes(start, size));
        // A part of a frame begins behind where the frame begins, and no further than that reaches.
        base.map_or(0, |base| {
            u32::try_from(self.start.addr().get() - base.addr().get()).unwrap_or(u32::MAX)
        })
    }

    fn share(&self) -> Option<Share<'_>> {
        // SAFETY: who has a share of it keeps the store.
        unsafe { self.store.as_ref() }.ledger.share(self.index)
    }

    /// The same frame once more.
    fn part(&self, start: NonNull<u8>, length: u32) -> Self {
        // SAFETY: who has a share of it keeps the store.
        unsafe { self.store.as_ref() }.ledger.hold(self.index);
        Self {
            store: self.store,
            start,
            length,
            index: self.index,
        }
    }
}

impl AsRef<[u8]> for Frame {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: it lies within its frame (`Owner::lend`, `slice`, `join`), which stays mapped while it is held; nobody of this
        // process writes this part (`FrameMut::split`), and of a peer it is trusted where memory is shared.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.length as usize) }
    }
}

impl Deref for Frame {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_ref()
    }
}

impl Clone for Frame {
    fn clone(&self) -> Self {
        self.part(self.start, self.length)
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        let store = self.store;
        if self.share().is_some_and(Share::release) {
            free(store);
        }
    }
}

impl Payload for Frame {
    fn slice(&self, range: Range<usize>) -> Self {
        let part = self
            .as_ref()
            .get(range.clone())
            .expect("the part lies within the whole");
        let length = u32::try_from(part.len()).unwrap_or(self.length);
        // SAFETY: within the frame, or at its end. The address may be used for the whole frame, as `join` does.
        self.part(unsafe { self.start.add(range.start) }, length)
    }

    fn join(&mut self, next: &Self) -> bool {
        let end = self.start.addr().get() + self.length as usize;
        let adjacent = (self.store, self.index, end) == (next.store, next.index, next.start.addr().get());
        // One share is as good as two: a frame goes back as a whole.
        match self.length.checked_add(next.length).filter(|_| adjacent) {
            Some(length) => {
                self.length = length;
                true
            }
            None => false,
        }
    }
}

impl From<Frame> for Bytes {
    fn from(frame: Frame) -> Self {
        frame.into_bytes()
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({} bytes of frame {})", self.length, self.index)
    }
}

/// A frame to write into: head-room, what is written, and room behind it.
///
/// What is written can be [split](Self::split) off and shared while the rest is written on, so that small messages share a
/// frame and lie one behind the other.
pub struct FrameMut {
    /// What is written.
    filled: Frame,
    /// Bytes before it, and after it, that nobody else has.
    before: u32,
    after: u32,
}

/// There is no room for that many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{wanted} bytes do not fit: the frame has room for {room}")]
pub struct NoRoom {
    /// How many were to be written.
    pub wanted: usize,
    /// How many there is room for.
    pub room: usize,
}

impl FrameMut {
    /// `whole` is held by nobody else, and nobody has a part of it.
    pub(crate) fn new(whole: Frame, head_room: u32) -> Self {
        let before = head_room.min(whole.length);
        let after = whole.length - before;
        let mut filled = whole;
        // SAFETY: within the frame, or at its end.
        filled.start = unsafe { filled.start.add(before as usize) };
        filled.length = 0;
        Self {
            filled,
            before,
            after,
        }
    }

    /// Returns how many bytes can still be appended.
    #[must_use]
    pub fn room(&self) -> usize {
        self.after as usize
    }

    /// Returns how many bytes can still be prepended.
    #[must_use]
    pub fn head_room(&self) -> usize {
        self.before as usize
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    ///
    /// [`NoRoom`] if they do not fit; nothing is written then.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), NoRoom> {
        let room = self.spare().get_mut(..bytes.len());
        let Some(room) = room else {
            return Err(self.no_room(bytes.len(), self.after));
        };
        room.copy_from_slice(bytes);
        self.advance(bytes.len())
    }

    /// Prepends `bytes`, in the head-room.
    ///
    /// # Errors
    ///
    /// [`NoRoom`] if they do not fit; nothing is written then.
    pub fn prepend(&mut self, bytes: &[u8]) -> Result<(), NoRoom> {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let Some(before) = self.before.checked_sub(length) else {
            return Err(self.no_room(bytes.len(), self.before));
        };
        self.before = before;
        // SAFETY: as many bytes lie before it, and nobody else has them.
        self.filled.start = unsafe { self.filled.start.sub(bytes.len()) };
        self.filled.length += length;
        if let Some(head) = self.as_mut().get_mut(..bytes.len()) {
            head.copy_from_slice(bytes);
        }
        Ok(())
    }

    /// Returns the room behind what is written; what is put there counts once it is [advanced](Self::advance) over. It is
    /// initialised, with zeroes or with what was there before.
    pub fn spare(&mut self) -> &mut [u8] {
        // SAFETY: these bytes lie behind what is written, within the frame, and nobody else has them (`new`, `split`).
        unsafe {
            let spare = self.filled.start.add(self.filled.length as usize);
            slice::from_raw_parts_mut(spare.as_ptr(), self.after as usize)
        }
    }

    /// Counts `length` bytes of the [spare](Self::spare) room as written.
    ///
    /// # Errors
    ///
    /// [`NoRoom`] if there are not as many.
    pub fn advance(&mut self, length: usize) -> Result<(), NoRoom> {
        let wanted = u32::try_from(length).unwrap_or(u32::MAX);
        let Some(after) = self.after.checked_sub(wanted) else {
            return Err(self.no_room(length, self.after));
        };
        self.after = after;
        self.filled.length += wanted;
        Ok(())
    }

    /// Shares what is written, and goes on behind it, without head-room.
    pub fn split(&mut self) -> Frame {
        let behind = self.filled.length as usize;
        let done = self.filled.clone();
        // SAFETY: within the frame, or at its end.
        self.filled.start = unsafe { self.filled.start.add(behind) };
        self.filled.length = 0;
        self.before = 0;
        done
    }

    /// Shares what is written, and gives up the rest: nobody writes the frame any more before it comes back. So a slice of it
    /// can be transmitted as it lies ([`Channel::frozen`](crate::Channel::frozen)).
    #[must_use]
    pub fn freeze(self) -> Frame {
        // SAFETY: who has a share of it keeps the store.
        let store = unsafe { self.filled.store.as_ref() };
        store.ledger.freeze(self.filled.index);
        self.filled
    }

    fn no_room(&self, wanted: usize, room: u32) -> NoRoom {
        NoRoom {
            wanted,
            room: room as usize,
        }
    }
}

impl AsRef<[u8]> for FrameMut {
    fn as_ref(&self) -> &[u8] {
        &self.filled
    }
}

impl AsMut<[u8]> for FrameMut {
    fn as_mut(&mut self) -> &mut [u8] {
        // SAFETY: what is written is not shared before it is split off or frozen, and no longer part of this then.
        unsafe { slice::from_raw_parts_mut(self.filled.start.as_ptr(), self.filled.length as usize) }
    }
}

impl fmt::Debug for FrameMut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FrameMut({:?}, {} more)", self.filled, self.after)
    }
}
