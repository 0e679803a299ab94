// SPDX-License-Identifier: MIT OR Apache-2.0
//! The machine's shared page: what the executives of all processes of a user tell each other, CPU by CPU.
//!
//! Each executive has a seat for each of its CPUs, with the load that it admitted there and the most urgent of what it
//! wants the CPU for. A seat names its process by number and start time; one whose process is gone is given to the next.
//! Seats are taken and given back under a lock of the file, and everything else is single words that are read as they
//! are. So whatever the page says, at worst an executive yields for nothing or admits too little: every value is
//! checked, nothing in it is a pointer, a length or an index.

#![allow(
    unsafe_code,
    reason = "memory that processes share is mapped, and used through atomics only"
)]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use parking_lot::Mutex;
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::process::started;
use crate::{Time, Urgency};

/// How many seats there are, for all CPUs.
const SEATS: usize = 255;
/// How many others on its CPU an executive looks at.
pub(super) const NEIGHBOURS: usize = 8;
/// A full CPU.
const WHOLE: f64 = 1e6;
/// Stands for "nothing is pending", as an urgency.
const NOTHING: u32 = u32::MAX;
const MAGIC: u64 = u64::from_le_bytes(*b"upcallR1");
const SIZE: usize = size_of::<Layout>();

/// What is in the file. Any bytes are a valid one.
#[repr(C, align(64))]
struct Layout {
    magic: AtomicU64,
    /// Changes with each seat that is taken or given back.
    changes: AtomicU64,
    _reserved: [AtomicU64; 6],
    seats: [Place; SEATS],
}

/// A seat, alone on its cache line. That of process 0 is free.
#[repr(C, align(64))]
struct Place {
    process: AtomicU32,
    cpu: AtomicU32,
    /// When the process started, in the kernel's ticks.
    started: AtomicU64,
    /// The admitted share of the CPU, in millionths.
    load: AtomicU32,
    /// How urgent the most urgent is that is ready; no urgency at all for nothing.
    pending: AtomicU32,
    /// How urgent the most urgent is that is released at `next_at`.
    next: AtomicU32,
    _reserved: AtomicU32,
    next_at: AtomicU64,
}

/// The page, mapped.
#[derive(Debug)]
pub(super) struct Page {
    layout: NonNull<Layout>,
    file: File,
    /// The file's lock is between processes; this one is between threads.
    threads: Mutex<()>,
}

// SAFETY: what it points to is atomics only, and stays mapped as long as it lives.
unsafe impl Send for Page {}
// SAFETY: as above.
unsafe impl Sync for Page {}

/// A place on the page, given back when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    page: Arc<Page>,
    index: usize,
    cpu: u32,
}

/// Whom an executive shares its CPU with, as of some state of the page.
#[derive(Debug)]
pub(super) struct Neighbours {
    changes: Option<u64>,
    seats: [usize; NEIGHBOURS],
    count: usize,
}

impl Page {
    /// Where it is by default: memory that all processes of the machine see, a file for each user.
    pub(super) fn default_path() -> PathBuf {
        let user = rustix::process::geteuid().as_raw();
        PathBuf::from(format!("/dev/shm/upcall-rtu-1-{user}"))
    }

    /// Opens the page, and makes it if need be.
    ///
    /// # Errors
    ///
    /// If the file cannot be had, or is not ours alone: another user's, writable by others, or of another kind or size.
    pub(super) fn open(path: &Path) -> io::Result<Arc<Self>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(path)?;
        // Given back with the file if anything fails, and else below.
        flock(&file, FlockOperation::LockExclusive)?;
        let about = file.metadata()?;
        let ours = about.is_file()
            && about.uid() == rustix::process::geteuid().as_raw()
            && about.mode() & 0o077 == 0;
        if !ours {
            return Err(refused("is not a file of this user alone"));
        }
        if about.len() == 0 {
            file.set_len(SIZE as u64)?;
        } else if about.len() != SIZE as u64 {
            return Err(refused("has not the size of a page"));
        }
        let page = Self::map(file)?;
        let magic = page.layout().magic.load(Ordering::Relaxed);
        if magic == 0 {
            page.layout().magic.store(MAGIC, Ordering::Relaxed);
        } else if magic != MAGIC {
            return Err(refused("is not a page of this version"));
        }
        page.unlock();
        Ok(Arc::new(page))
    }

    fn map(file: File) -> io::Result<Self> {
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours.
        let address = unsafe { mmap(std::ptr::null_mut(), SIZE, access, MapFlags::SHARED, &file, 0)? };
        let layout = NonNull::new(address.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self {
            layout,
            file,
            threads: Mutex::new(()),
        })
    }

    fn layout(&self) -> &Layout {
        // SAFETY: the mapping has the size of a layout, is aligned to a page of memory and lives as long as `self`. All in
        // it is atomics, of which any value is valid, so other processes may write it whenever they like.
        unsafe { self.layout.as_ref() }
    }

    fn unlock(&self) {
        // It fails for descriptors that are none only; and closing the file would unlock it as well.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }

    /// Does something while nobody else, of whatever process, takes or gives back a seat or admits.
    fn locked<T>(&self, action: impl FnOnce() -> T) -> io::Result<T> {
        let _threads = self.threads.lock();
        flock(&self.file, FlockOperation::LockExclusive)?;
        self.clear_dead();
        let result = action();
        self.unlock();
        Ok(result)
    }

    /// Takes a seat for a CPU, a free one or one whose process is gone; `None` if there is none.
    pub(super) fn take_seat(self: &Arc<Self>, cpu: usize) -> io::Result<Option<Seat>> {
        let process = std::process::id();
        let started = started(process).ok_or(io::ErrorKind::Unsupported)?;
        let cpu = u32::try_from(cpu).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.locked(|| {
            let mut seats = self.layout().seats.iter().enumerate();
            let (index, place) = seats.find(|(_, place)| place.process.load(Ordering::Relaxed) == 0)?;
            place.reset();
            place.cpu.store(cpu, Ordering::Relaxed);
            place.started.store(started, Ordering::Relaxed);
            place.process.store(process, Ordering::Release);
            self.layout().changes.fetch_add(1, Ordering::Release);
            Some(Seat {
                page: Arc::clone(self),
                index,
                cpu,
            })
        })
    }

    /// Gives back the seats of processes that are gone. Under the file's lock.
    fn clear_dead(&self) {
        for place in &self.layout().seats {
            let process = place.process.load(Ordering::Relaxed);
            if process != 0 && started(process) != Some(place.started.load(Ordering::Relaxed)) {
                place.reset();
                self.layout().changes.fetch_add(1, Ordering::Release);
            }
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this size, and nobody has a reference any more.
        let _ = unsafe { munmap(self.layout.as_ptr().cast(), SIZE) };
    }
}

impl Place {
    fn reset(&self) {
        self.process.store(0, Ordering::Relaxed);
        self.load.store(0, Ordering::Relaxed);
        self.pending.store(NOTHING, Ordering::Relaxed);
        self.next.store(NOTHING, Ordering::Relaxed);
        self.next_at.store(u64::MAX, Ordering::Relaxed);
    }

    fn is_of(&self, cpu: u32) -> bool {
        self.process.load(Ordering::Acquire) != 0 && self.cpu.load(Ordering::Relaxed) == cpu
    }

    /// Its share of a CPU, whatever it says.
    fn share(&self) -> f64 {
        (f64::from(self.load.load(Ordering::Relaxed)) / WHOLE).min(1.0)
    }

    /// How urgent the most urgent is that it wants the CPU for now.
    fn wants(&self, now: Time) -> u32 {
        let pending = self.pending.load(Ordering::Relaxed);
        if self.next_at.load(Ordering::Relaxed) <= now.0 {
            pending.min(self.next.load(Ordering::Relaxed))
        } else {
            pending
        }
    }
}

impl Seat {
    fn place(&self) -> Option<&Place> {
        self.page.layout().seats.get(self.index)
    }

    fn others(&self) -> impl Iterator<Item = (usize, &Place)> {
        let seats = self.page.layout().seats.iter().enumerate();
        seats.filter(|(index, place)| *index != self.index && place.is_of(self.cpu))
    }

    /// What the others have admitted on this CPU, as a share of it.
    pub(super) fn external_load(&self) -> f64 {
        let sum = || self.others().map(|(_, place)| place.share()).sum();
        self.page.locked(sum).unwrap_or_else(|_| sum())
    }

    /// Sets the share that this one has admitted, if it and the others' are within `limit`; else says what theirs is.
    pub(super) fn admit(&self, share: f64, limit: f64) -> Result<(), f64> {
        let admit = || {
            let others: f64 = self.others().map(|(_, place)| place.share()).sum();
            if share + others > limit {
                return Err(others);
            }
            if let Some(place) = self.place() {
                place.load.store(millionths(share), Ordering::Relaxed);
            }
            Ok(())
        };
        self.page.locked(admit).unwrap_or_else(|_| admit())
    }

    /// Says what this one wants the CPU for: now, and from a later time on, when it is as urgent as `next`.
    pub(super) fn publish(&self, pending: Option<Urgency>, next_at: Option<Time>, next: Option<Urgency>) {
        if let Some(place) = self.place() {
            place.pending.store(level(pending), Ordering::Relaxed);
            place.next.store(level(next), Ordering::Relaxed);
            let next_at = next_at.map_or(u64::MAX, |next| next.0);
            place.next_at.store(next_at, Ordering::Relaxed);
        }
    }

    /// Says, on behalf of an executive that sleeps, what it was woken for.
    pub(super) fn woken(&self, pending: Option<Urgency>) {
        if let Some(place) = self.place() {
            place.pending.store(level(pending), Ordering::Relaxed);
        }
    }

    /// Whether another one on this CPU wants it for something more urgent than `ours`; says what, for comparison.
    pub(super) fn rival(&self, neighbours: &mut Neighbours, ours: Option<Urgency>, now: Time) -> Option<u32> {
        let changes = self.page.layout().changes.load(Ordering::Acquire);
        if neighbours.changes != Some(changes) {
            neighbours.changes = Some(changes);
            neighbours.count = 0;
            for (slot, (index, _)) in neighbours.seats.iter_mut().zip(self.others()) {
                *slot = index;
                neighbours.count += 1;
            }
        }
        if neighbours.count == 0 {
            return None;
        }
        let places = neighbours.seats.iter().take(neighbours.count);
        let places = places.filter_map(|index| self.page.layout().seats.get(*index));
        let most = places.map(|place| place.wants(now)).min()?;
        (most < level(ours)).then_some(most)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // Without the lock it would still be right: only its owner, or somebody after the owner's end, gives a seat back.
        if let Some(place) = self.place() {
            place.reset();
        }
        self.page.layout().changes.fetch_add(1, Ordering::Release);
    }
}

impl Neighbours {
    pub(super) fn new() -> Self {
        Self {
            changes: None,
            seats: [0; NEIGHBOURS],
            count: 0,
        }
    }

    /// Whether there were any at the last look.
    pub(super) fn any(&self) -> bool {
        self.count > 0
    }
}

fn level(urgency: Option<Urgency>) -> u32 {
    urgency.map_or(NOTHING, |urgency| {
        u32::try_from(urgency.index()).unwrap_or(NOTHING)
    })
}

fn millionths(share: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and a million"
    )]
    let millionths = (share.clamp(0.0, 1.0) * WHOLE).ceil() as u32;
    millionths
}

fn refused(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests;
