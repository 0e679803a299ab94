// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory for large arguments, filled where they are sent from.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    time::Instant,
};

use bytes::Bytes;

use crate::{
    exception::{Completed, Result, SystemException, SystemExceptionKind as Kind},
    invoke::Limit,
    object::ObjectRef,
    rtcorba,
    transport::Registered,
};

/// Octets to be written, and then [frozen](Self::freeze) and passed in calls as `sequence<octet>`: from
/// [`ObjectRef::buffer`], which gives memory that calls by the reference send from.
///
/// Before it is written it has zeros, or what was sent from there before. Who passes a slice of one that is not frozen has it
/// copied, as any other slice.
///
/// ```no_run
/// # fn f(camera: &orb_core::object::ObjectRef) -> orb_core::exception::Result<bytes::Bytes> {
/// let mut image = camera.buffer(4 << 20)?;
/// image.fill(0x80);
/// let image = image.freeze();
/// // camera.show(&image).wait()?;
/// # Ok(image)
/// # }
/// ```
pub struct Buffer(Memory);

enum Memory {
    Registered(Box<dyn Registered>),
    Heap(Vec<u8>),
}

impl Buffer {
    fn on_heap(len: usize) -> Result<Self> {
        let mut octets = Vec::new();
        octets.try_reserve_exact(len).map_err(|error| {
            let text = format!("a buffer of {len} octets: {error}");
            SystemException::new(Kind::NoMemory, 0, Completed::No).with_message(text)
        })?;
        octets.resize(len, 0);
        Ok(Self(Memory::Heap(octets)))
    }

    /// Returns whether it is memory of a flow, out of which calls by that flow go without a copy.
    #[must_use]
    pub fn is_registered(&self) -> bool {
        matches!(self.0, Memory::Registered(_))
    }

    /// Makes it octets that nobody writes any more, without a copy. They, and any slice of them, can be passed in any call, as
    /// often as one likes, and kept for as long; the memory goes back to where it came from when the last of them and the last
    /// receiver have dropped it.
    #[must_use]
    pub fn freeze(self) -> Bytes {
        match self.0 {
            Memory::Registered(octets) => octets.freeze(),
            Memory::Heap(octets) => octets.into(),
        }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Memory::Registered(octets) => (**octets).as_ref(),
            Memory::Heap(octets) => octets,
        }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Memory::Registered(octets) => (**octets).as_mut(),
            Memory::Heap(octets) => octets,
        }
    }
}

impl From<Buffer> for Bytes {
    fn from(buffer: Buffer) -> Self {
        buffer.freeze()
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer")
            .field("len", &self.len())
            .field("is_registered", &self.is_registered())
            .finish()
    }
}

impl ObjectRef {
    /// Returns a buffer of `len` octets out of the memory that calls by this reference send from; it connects if need be.
    ///
    /// Over the fabric that is memory which the server has mapped, page-aligned, in whole frames of 1 MiB by default: what is
    /// [frozen](Buffer::freeze) goes out where it lies, and a server that trusts this client gets it there. Anywhere else, for
    /// fewer than 8 KiB, and when there are not as many octets left, it is memory of this process, so the same program works;
    /// [`Buffer::is_registered`] tells. So it is copied as any other argument when a call takes another flow: by another
    /// reference's connection, or by a new one after the old one was lost.
    ///
    /// Who keeps buffers takes them from calls of this flow alone, and an eighth of its memory is not for buffers: what has to
    /// be copied finds room whoever keeps them.
    ///
    /// # Errors
    ///
    /// Those of a call that cannot connect; `NO_MEMORY`.
    pub fn buffer(&self, len: usize) -> Result<Buffer> {
        if self.is_local() {
            return Buffer::on_heap(len);
        }
        let object = self.at_priority(rtcorba::call_priority()?)?;
        let deadline = Limit::Default.deadline(Instant::now(), object.time_limit());
        let binding = object.binding(deadline)?;
        let registered = binding
            .connection()
            .and_then(|connection| connection.carrier().buffer(len));
        registered.map_or_else(
            || Buffer::on_heap(len),
            |octets| Ok(Buffer(Memory::Registered(octets))),
        )
    }
}
