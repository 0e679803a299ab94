// SPDX-License-Identifier: MIT OR Apache-2.0
//! The table of active objects: found by index, in use while pinned, gone when the last pin is.
//!
//! A request pins its object by a read lock on the object's own slot, so two objects never share a lock and a lookup
//! costs the same among one object and a million. Nobody ever waits for that lock: an object that is to go is marked,
//! and whoever lets go of it last takes it out.

use std::{
    fmt,
    ops::Deref,
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU32, Ordering, compiler_fence, fence},
    },
};

use parking_lot::{Mutex, RwLock, RwLockReadGuard};

use crate::key::SlotId;

/// Slots of the first chunk; each chunk has twice as many as the one before.
const FIRST_CHUNK: u32 = 64;
/// So many chunks that a table holds up to 2^31 slots.
const CHUNKS: usize = 25;

/// What happens to a thing when it has left its slot.
pub(crate) trait Leave {
    /// Called once, when nobody uses the thing any more.
    fn left(self, from: SlotId);
}

/// A table of things that are used by several threads and may go at any time.
pub(crate) struct Slots<T: Leave> {
    chunks: [OnceLock<Box<[Slot<T>]>>; CHUNKS],
    vacancies: Mutex<Vacancies>,
}

struct Slot<T> {
    content: RwLock<Option<T>>,
    generation: AtomicU32,
    leaving: AtomicBool,
}

#[derive(Default)]
struct Vacancies {
    /// Slots that were used before.
    free: Vec<u32>,
    /// The first slot that was never used.
    next: u32,
}

/// Every slot of the table is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl<T: Leave> Slots<T> {
    pub(crate) fn new() -> Self {
        Self {
            chunks: [const { OnceLock::new() }; CHUNKS],
            vacancies: Mutex::default(),
        }
    }

    /// Puts what `make` makes for its slot into the table.
    pub(crate) fn insert(&self, make: impl FnOnce(SlotId) -> T) -> Result<SlotId, Full> {
        let index = self.vacancy()?;
        let slot = self.slot_or_chunk(index).ok_or(Full)?;
        let mut content = slot.content.write();
        let id = SlotId {
            slot: index,
            generation: slot.generation.load(Ordering::Relaxed),
        };
        *content = Some(make(id));
        Ok(id)
    }

    /// Pins what stands at `id`; `None` if it is not there any more or is about to go.
    #[inline]
    pub(crate) fn pin(&self, id: SlotId) -> Option<Pin<'_, T>> {
        self.pin_if(id.slot, |generation| generation == id.generation)
    }

    /// Pins what stands in a slot now.
    #[inline]
    pub(crate) fn pin_slot(&self, slot: u32) -> Option<Pin<'_, T>> {
        self.pin_if(slot, |_| true)
    }

    #[inline]
    fn pin_if(&self, index: u32, right: impl FnOnce(u32) -> bool) -> Option<Pin<'_, T>> {
        let slot = self.slot(index)?;
        // Recursive: an upcall may call its own object while somebody waits to write.
        let guard = slot.content.read_recursive();
        let generation = slot.generation.load(Ordering::Relaxed);
        let here = guard.is_some() && right(generation) && !slot.leaving.load(Ordering::Acquire);
        let pin = Pin {
            table: self,
            slot,
            guard: Some(guard),
            id: SlotId {
                slot: index,
                generation,
            },
        };
        here.then_some(pin)
    }

    /// Marks what stands at `id` as going: it can't be pinned any more, and leaves when the last pin is gone.
    /// `false` if it was not there or going already.
    pub(crate) fn remove(&self, id: SlotId) -> bool {
        let Some(pin) = self.pin(id) else { return false };
        // Dropping the pin takes the content out if nobody else has one.
        !pin.slot.leaving.swap(true, Ordering::AcqRel)
    }

    /// Returns the ids of what `wanted` picks.
    pub(crate) fn ids(&self, wanted: impl Fn(&T) -> bool) -> Vec<SlotId> {
        let used = self.vacancies.lock().next;
        (0..used)
            .filter_map(|slot| self.pin_slot(slot).filter(|pin| wanted(pin)).map(|pin| pin.id))
            .collect()
    }

    /// Tells whether somebody has a pin on what stands at `id`, going or not.
    pub(crate) fn is_pinned(&self, id: SlotId) -> bool {
        self.slot(id.slot).is_some_and(|slot| {
            slot.generation.load(Ordering::Acquire) == id.generation && slot.content.is_locked()
        })
    }

    fn vacancy(&self) -> Result<u32, Full> {
        let mut vacancies = self.vacancies.lock();
        if let Some(index) = vacancies.free.pop() {
            return Ok(index);
        }
        let index = vacancies.next;
        // Made while the lock is held, so that `next` never runs ahead of the chunks.
        self.slot_or_chunk(index).ok_or(Full)?;
        vacancies.next = index + 1;
        Ok(index)
    }

    #[inline]
    fn slot(&self, index: u32) -> Option<&Slot<T>> {
        let (chunk, offset) = place(index);
        self.chunks.get(chunk)?.get()?.get(offset)
    }

    fn slot_or_chunk(&self, index: u32) -> Option<&Slot<T>> {
        let (chunk, offset) = place(index);
        let slots = self
            .chunks
            .get(chunk)?
            .get_or_init(|| (0..FIRST_CHUNK << chunk).map(|_| Slot::vacant()).collect());
        slots.get(offset)
    }

    /// Takes out what is going, unless somebody still has a pin on it; that pin's drop comes here again.
    #[cold]
    fn reap(&self, index: u32, slot: &Slot<T>) {
        let Some(mut content) = slot.content.try_write() else {
            return;
        };
        if !slot.leaving.load(Ordering::Acquire) {
            return;
        }
        let Some(gone) = content.take() else { return };
        let generation = slot.generation.load(Ordering::Relaxed);
        slot.generation
            .store(generation.wrapping_add(1), Ordering::Release);
        slot.leaving.store(false, Ordering::Release);
        drop(content);
        gone.left(SlotId {
            slot: index,
            generation,
        });
        self.vacancies.lock().free.push(index);
    }
}

/// Chunk k begins at 64 · (2^k − 1).
#[inline]
fn place(index: u32) -> (usize, usize) {
    let chunk = (index / FIRST_CHUNK + 1).ilog2();
    let begin = FIRST_CHUNK * ((1 << chunk) - 1);
    (chunk as usize, (index - begin) as usize)
}

impl<T> Slot<T> {
    fn vacant() -> Self {
        Self {
            content: RwLock::new(None),
            generation: AtomicU32::new(0),
            leaving: AtomicBool::new(false),
        }
    }
}

/// Keeps a thing in its slot.
pub(crate) struct Pin<'a, T: Leave> {
    table: &'a Slots<T>,
    slot: &'a Slot<T>,
    guard: Option<RwLockReadGuard<'a, Option<T>>>,
    id: SlotId,
}

impl<T: Leave> Pin<'_, T> {
    /// Returns where the thing stands.
    #[inline]
    pub(crate) fn id(&self) -> SlotId {
        self.id
    }
}

impl<T: Leave> Deref for Pin<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.guard
            .as_ref()
            .and_then(|guard| guard.as_ref())
            .expect("only a slot with content is handed out pinned")
    }
}

impl<T: Leave> Drop for Pin<'_, T> {
    #[inline]
    fn drop(&mut self) {
        drop(self.guard.take());
        // Either this sees the mark, or whoever set it (and then let go of its own pin) sees this pin gone.
        barrier();
        if self.slot.leaving.load(Ordering::Relaxed) {
            self.table.reap(self.id.slot, self.slot);
        }
    }
}

/// Keeps a load from being made before an atomic read-modify-write that precedes it.
#[inline]
fn barrier() {
    if cfg!(target_arch = "x86_64") {
        // Such an instruction is a full barrier of its own there; a second one costs as much as the rest of the pin.
        compiler_fence(Ordering::SeqCst);
    } else {
        fence(Ordering::SeqCst);
    }
}

impl<T: Leave> fmt::Debug for Slots<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let vacancies = self.vacancies.lock();
        f.debug_struct("Slots")
            .field("used", &vacancies.next)
            .field("free", &vacancies.free.len())
            .finish()
    }
}

#[cfg(test)]
mod tests;
