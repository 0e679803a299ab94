// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory that two processes have mapped.
#![allow(
    unsafe_code,
    reason = "shared memory is mapped by the kernel, and reached through a pointer"
)]

use std::fs::File;
use std::io;
use std::ptr::{self, NonNull};
use std::sync::atomic::AtomicU32;

use rustix::mm::{MapFlags, ProtFlags, mmap};

/// Where the place for arguments begins: a page of its own.
const PLACE: usize = 4096;

/// The words that go to and fro.
#[repr(C)]
pub(super) struct Words {
    pub(super) asked: AtomicU32,
    /// The processor fetches lines in pairs.
    _apart: [u8; 124],
    pub(super) answered: AtomicU32,
}

/// The words, and behind them room for an argument; mapped as long as the process lives.
pub(super) struct Area {
    begin: NonNull<u8>,
    /// Octets of the argument.
    room: usize,
}

// SAFETY: the mapping belongs to no thread, and what is shared in it is atomic; the place is written through `&mut` only.
unsafe impl Send for Area {}

impl Area {
    /// Maps a file, which is made as long as need be.
    pub(super) fn map(memory: &File, room: usize) -> io::Result<Self> {
        let length = PLACE + room;
        if memory.metadata()?.len() < length as u64 {
            memory.set_len(length as u64)?;
        }
        let (access, shared) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED);
        // SAFETY: the kernel chooses an address where nothing else is.
        let begin = unsafe { mmap(ptr::null_mut(), length, access, shared, memory, 0)? };
        let begin = NonNull::new(begin.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { begin, room })
    }

    /// Returns the words.
    pub(super) fn words(&self) -> &Words {
        // SAFETY: a page's beginning is aligned for them, the file is longer than they are, and is never unmapped. Any octets
        // are words, and both processes reach those that change as atomics only.
        unsafe { self.begin.cast().as_ref() }
    }

    /// Copies an argument to its place, as far as there is room.
    pub(super) fn place(&mut self, argument: &[u8]) {
        let count = argument.len().min(self.room);
        // SAFETY: the mapping has `room` octets behind `PLACE`, which nobody has a reference to and only this process writes.
        unsafe { ptr::copy_nonoverlapping(argument.as_ptr(), self.begin.as_ptr().add(PLACE), count) };
    }
}
