// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mappings: how memory comes from the kernel, and what is checked of memory that another process passes.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::{NonNull, null_mut};

use rustix::fs::{
    MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, fstat, fstatfs, ftruncate, memfd_create,
};
use rustix::io::Errno;
use rustix::mm::{
    Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mmap, mmap_anonymous, mprotect, munmap,
};

use crate::geometry::PAGE;

/// What is promised of memory that is passed to another process: neither its size nor, from now on, who may write it
/// changes. So it cannot be cut off below those who read it, and nobody gets to write it who does not have it mapped now.
const SEALS: SealFlags = SealFlags::SHRINK
    .union(SealFlags::GROW)
    .union(SealFlags::FUTURE_WRITE)
    .union(SealFlags::SEAL);

/// `f_type` of memory files, but for those of huge pages: for want of one of those, reading kills.
const TMPFS: i64 = 0x0102_1994;

/// Memory from the kernel, given back when dropped.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: NonNull<u8>,
    length: usize,
    source: Source,
}

// SAFETY: it only owns the memory; who uses it is not its business.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Kernel,
    Heap,
}

/// Why memory that a peer passed was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Untrusted {
    /// It could still shrink, or be written by whom it is passed to.
    #[error("the memory is not sealed")]
    Unsealed,
    /// It is no plain memory.
    #[error("the descriptor is not one of plain memory")]
    Kind,
    /// It has another size than was said.
    #[error("the memory has {0} bytes, which is not what its owner said")]
    Size(i64),
    /// The system refused.
    #[error("the memory cannot be mapped: {0}")]
    System(#[from] io::Error),
}

/// Makes memory that the caller alone can write, with a descriptor to pass on.
///
/// # Errors
///
/// What the system says: memory files may be forbidden or memory be short.
pub(crate) fn create(length: usize) -> io::Result<(Mapping, OwnedFd)> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = match memfd_create("upcall-fabric", flags | MemfdFlags::NOEXEC_SEAL) {
        // Before Linux 6.3.
        Err(Errno::INVAL) => memfd_create("upcall-fabric", flags)?,
        other => other?,
    };
    ftruncate(&file, length as u64)?;
    let mapping = Mapping::shared(file.as_fd(), length, MprotectFlags::READ | MprotectFlags::WRITE)?;
    // After it is mapped: the seal is on whoever maps it later.
    fcntl_add_seals(&file, SEALS)?;
    mapping.keep_from_children()?;
    Ok((mapping, file))
}

/// Maps what a peer passed, to read only, after checking that it can't be changed below us.
///
/// # Errors
///
/// [`Untrusted`] with what is wrong.
pub(crate) fn open(file: BorrowedFd<'_>, length: usize) -> Result<Mapping, Untrusted> {
    // Asked first: other files have no seals, and are not looked at any closer.
    let seals = fcntl_get_seals(file).map_err(|_| Untrusted::Kind)?;
    if !seals.contains(SEALS) {
        return Err(Untrusted::Unsealed);
    }
    let kind = fstatfs(file).map_err(io::Error::from)?.f_type;
    if kind != TMPFS {
        return Err(Untrusted::Kind);
    }
    let size = fstat(file).map_err(io::Error::from)?.st_size;
    if i64::try_from(length) != Ok(size) {
        return Err(Untrusted::Size(size));
    }
    // It cannot shrink (sealed), so no access faults; it can't be written through this mapping.
    let mapping = Mapping::shared(file, length, MprotectFlags::READ)?;
    mapping.keep_from_children()?;
    Ok(mapping)
}

impl Mapping {
    /// Makes memory of this process alone.
    ///
    /// # Errors
    ///
    /// If there is no more.
    pub(crate) fn private(length: usize) -> io::Result<Self> {
        if cfg!(any(miri, loom)) {
            return Self::heap(length);
        }
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: as in `shared`.
        let base = unsafe { mmap_anonymous(null_mut(), length, access, MapFlags::PRIVATE)? };
        Self::kernel(base.cast(), length)
    }

    /// Maps a memory file. What is mapped for no access at first is not taken before it is used, even where all memory of the
    /// process is locked (mlockall(2)); channels have far more room than most of them use.
    fn shared(file: BorrowedFd<'_>, length: usize, access: MprotectFlags) -> io::Result<Self> {
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours.
        let base = unsafe { mmap(null_mut(), length, ProtFlags::empty(), MapFlags::SHARED, file, 0)? };
        let mapping = Self::kernel(base.cast(), length)?;
        // SAFETY: nobody but us knows of it yet.
        unsafe { mprotect(mapping.base.as_ptr().cast(), length, access) }?;
        Ok(mapping)
    }

    /// Where there is no kernel to ask: interpreters and model checkers.
    fn heap(length: usize) -> io::Result<Self> {
        let layout = heap_layout(length).ok_or(io::ErrorKind::InvalidInput)?;
        // SAFETY: the layout is not of nothing (`heap_layout`).
        let base = NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or(io::ErrorKind::OutOfMemory)?;
        let source = Source::Heap;
        Ok(Self { base, length, source })
    }

    fn kernel(base: *mut u8, length: usize) -> io::Result<Self> {
        let base = NonNull::new(base).ok_or(io::ErrorKind::OutOfMemory)?;
        let source = Source::Kernel;
        Ok(Self { base, length, source })
    }

    pub(super) fn base(&self) -> NonNull<u8> {
        self.base
    }

    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// A child of `fork` has no business with the channels of its parent, and would write the same rings.
    fn keep_from_children(&self) -> io::Result<()> {
        // SAFETY: it changes what a child gets, and no memory of ours.
        unsafe { madvise(self.base.as_ptr().cast(), self.length, Advice::LinuxDontFork) }?;
        Ok(())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        match (self.source, heap_layout(self.length)) {
            // SAFETY: it was mapped with this length, and nobody uses it any more. It cannot fail for such.
            (Source::Kernel, _) => drop(unsafe { munmap(self.base.as_ptr().cast(), self.length) }),
            // SAFETY: it was allocated with this layout, and nobody uses it any more.
            (Source::Heap, Some(layout)) => unsafe { dealloc(self.base.as_ptr(), layout) },
            (Source::Heap, None) => {}
        }
    }
}

fn heap_layout(length: usize) -> Option<Layout> {
    let layout = Layout::from_size_align(length, PAGE as usize).ok()?;
    (length > 0).then_some(layout)
}

#[cfg(all(test, not(any(miri, loom))))]
mod tests {
    use super::*;

    const LENGTH: usize = 8192;

    fn file(seals: SealFlags, length: u64) -> OwnedFd {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = memfd_create("test", flags).expect("a memory file");
        ftruncate(&file, length).expect("it grows");
        fcntl_add_seals(&file, seals).expect("it is sealed");
        file
    }

    #[test]
    fn nobody_but_its_maker_writes_what_is_passed_on() {
        let (ours, file) = create(LENGTH).expect("memory");
        let theirs = open(file.as_fd(), LENGTH).expect("what we make is what we take");
        // SAFETY: both mappings are that long, and no reference to them exists.
        let seen = unsafe {
            ours.base().write_volatile(7);
            theirs.base().read_volatile()
        };
        assert_eq!(seen, 7);
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping touches nothing.
        let writable = unsafe { mmap(null_mut(), LENGTH, access, MapFlags::SHARED, &file, 0) };
        assert_eq!(writable, Err(Errno::PERM));
        // SAFETY: it is not to succeed, and would change nothing that is used.
        let changed = unsafe {
            rustix::mm::mprotect(
                theirs.base().as_ptr().cast(),
                LENGTH,
                rustix::mm::MprotectFlags::WRITE,
            )
        };
        assert_eq!(changed, Err(Errno::ACCESS));
        assert_eq!(ftruncate(&file, 0), Err(Errno::PERM));
        assert_eq!(rustix::io::write(&file, b"x"), Err(Errno::PERM));
    }

    #[test]
    fn memory_that_could_change_is_not_taken() {
        for missing in [
            SealFlags::SHRINK,
            SealFlags::GROW,
            SealFlags::FUTURE_WRITE,
            SealFlags::SEAL,
        ] {
            let file = file(SEALS.difference(missing), LENGTH as u64);
            assert!(
                matches!(open(file.as_fd(), LENGTH), Err(Untrusted::Unsealed)),
                "{missing:?}"
            );
        }
        let long = file(SEALS, 2 * LENGTH as u64);
        assert!(matches!(open(long.as_fd(), LENGTH), Err(Untrusted::Size(16384))));
    }

    #[test]
    fn what_is_no_plain_memory_is_not_taken() {
        let null = std::fs::File::open("/dev/null").expect("there is one");
        assert!(matches!(open(null.as_fd(), LENGTH), Err(Untrusted::Kind)));
        let huge = 2 << 20;
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING | MemfdFlags::HUGETLB;
        let Ok(file) = memfd_create("test", flags) else {
            println!("SKIPPED: memory of huge pages: this kernel has none");
            return;
        };
        ftruncate(&file, huge).expect("it grows");
        fcntl_add_seals(&file, SEALS).expect("it is sealed");
        assert!(matches!(open(file.as_fd(), 2 << 20), Err(Untrusted::Kind)));
    }
}
