// SPDX-License-Identifier: MIT OR Apache-2.0
//! The buffer that an encoder writes into.

use bytes::BytesMut;

use super::Primitive;

/// How far beyond the end the buffer is prepared at least, when it has to be.
const WINDOW_MIN: usize = 256;
/// And at most, beside what is asked for.
const WINDOW_MAX: usize = 4096;

/// A growing buffer with a window of zeros beyond its end. Within the window writing is a comparison
/// and a store, and padding is there before it is asked for.
///
/// What it keeps is the position, from which alignment follows, rather than the index: each write
/// waits for the position that the one before it leaves, and for nothing else.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// The content, and then the window.
    buffer: BytesMut,
    /// The position of the content's end in the current encapsulation.
    position: usize,
    /// What is added to a position (wrapping) to get its index in the buffer.
    shift: usize,
}

/// The next multiple of an alignment, a power of two.
#[inline]
fn aligned(position: usize, alignment: usize) -> usize {
    position.wrapping_add(alignment - 1) & !(alignment - 1)
}

impl Output {
    /// Appends to `buffer`; its end has the position 0.
    pub(super) fn new(buffer: BytesMut) -> Self {
        let shift = buffer.len();
        Self {
            buffer,
            position: 0,
            shift,
        }
    }

    /// The content's length.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.index(self.position)
    }

    #[inline]
    fn index(&self, position: usize) -> usize {
        position.wrapping_add(self.shift)
    }

    /// The position of the content's end.
    #[inline]
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Says that the content's end has another position.
    pub(super) fn set_position(&mut self, position: usize) {
        self.shift = self.len().wrapping_sub(position);
        self.position = position;
    }

    /// The content from `start` on, before `end`.
    pub(super) fn content(&self, start: usize, end: usize) -> &[u8] {
        self.buffer.get(start..end).unwrap_or_default()
    }

    /// The content alone.
    pub(super) fn into_buffer(mut self) -> BytesMut {
        self.buffer.truncate(self.len());
        self.buffer
    }

    /// Drops what stands after `length`.
    pub(super) fn truncate(&mut self, length: usize) {
        let dropped = self.len().saturating_sub(length);
        self.buffer.truncate(length);
        self.position = self.position.wrapping_sub(dropped);
    }

    /// Appends zeros up to a multiple of `alignment`.
    #[inline]
    pub(super) fn align(&mut self, alignment: usize) {
        let end = aligned(self.position, alignment);
        if self.index(end) > self.buffer.len() {
            self.grow(alignment);
        }
        self.position = end;
    }

    /// Appends a number, aligned to its size.
    #[inline]
    pub(super) fn put<T: Primitive>(&mut self, value: T) {
        let start = aligned(self.position, T::SIZE);
        let window = self.buffer.get_mut(start.wrapping_add(self.shift)..);
        if window.is_some_and(|window| value.put(window)) {
            self.position = start + T::SIZE;
        } else {
            self.append_beyond(T::SIZE, bytemuck::bytes_of(&value));
        }
    }

    /// Appends octets, aligned.
    #[inline]
    pub(super) fn append(&mut self, alignment: usize, octets: &[u8]) {
        let start = aligned(self.position, alignment);
        let window = self.buffer.get_mut(start.wrapping_add(self.shift)..);
        match window.and_then(|window| window.get_mut(..octets.len())) {
            Some(place) => {
                place.copy_from_slice(octets);
                self.position = start + octets.len();
            }
            None => self.append_beyond(alignment, octets),
        }
    }

    /// Appends a count, aligned; octets, aligned as given; and `tail` zeros.
    #[inline]
    pub(super) fn append_counted(&mut self, count: u32, alignment: usize, octets: &[u8], tail: usize) {
        let at = aligned(self.position, 4);
        let start = aligned(at + 4, alignment);
        let end = start + octets.len() + tail;
        if self.index(end) > self.buffer.len() {
            self.grow(end - self.position);
        }
        let place = self
            .buffer
            .get_mut(at.wrapping_add(self.shift)..)
            .and_then(<[u8]>::first_chunk_mut);
        if let Some(place) = place {
            *place = count.to_ne_bytes();
        }
        let window = self.buffer.get_mut(start.wrapping_add(self.shift)..);
        if let Some(place) = window.and_then(|window| window.get_mut(..octets.len())) {
            copy(place, octets);
        }
        // All the zeros are there already.
        self.position = end;
    }

    /// Overwrites content.
    pub(super) fn patch(&mut self, at: usize, octets: [u8; 4]) {
        if let Some(place) = self.buffer.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
            *place = octets;
        }
    }

    /// What is small leaves a window behind it for what comes next, what is large needs none.
    #[cold]
    fn append_beyond(&mut self, alignment: usize, octets: &[u8]) {
        self.align(alignment);
        if octets.len() <= WINDOW_MIN {
            self.grow(octets.len());
            return self.append(1, octets);
        }
        self.buffer.truncate(self.len());
        self.buffer.extend_from_slice(octets);
        self.position += octets.len();
    }

    /// Prepares at least `size` more octets.
    #[cold]
    fn grow(&mut self, size: usize) {
        let end = self.len();
        let window = size.saturating_add(end.clamp(WINDOW_MIN, WINDOW_MAX));
        let room = self.buffer.capacity() - end;
        // What is asked for fits: then the window is no reason for more memory.
        let window = if size <= room { window.min(room) } else { window };
        self.buffer.resize(end + window, 0);
    }
}

/// Copies octets to a place of their size; short ones without a call.
#[inline]
fn copy(place: &mut [u8], octets: &[u8]) {
    match octets.len() {
        17..=32 => ends::<16>(place, octets),
        8..=16 => ends::<8>(place, octets),
        33..=64 => ends::<32>(place, octets),
        65..=128 => ends::<64>(place, octets),
        _ => place.copy_from_slice(octets),
    }
}

/// Copies the first and the last `N` octets, which are all where there are no more than twice as many.
#[inline]
fn ends<const N: usize>(place: &mut [u8], octets: &[u8]) {
    if let (Some(to), Some(from)) = (place.first_chunk_mut::<N>(), octets.first_chunk()) {
        *to = *from;
    }
    if let (Some(to), Some(from)) = (place.last_chunk_mut::<N>(), octets.last_chunk()) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_written_is_zero_even_after_a_truncation() {
        let mut buffer = BytesMut::from(&[0xff; 64][..]);
        buffer.truncate(3);
        let mut output = Output::new(buffer);
        output.append(1, &[1, 2]);
        output.align(8);
        output.append(4, &[5, 6]);
        assert_eq!((output.len(), output.position()), (13, 10));
        output.truncate(6);
        output.align(8);
        output.put(0x07_u8);
        assert_eq!(
            output.into_buffer(),
            [0xff, 0xff, 0xff, 1, 2, 0, 0, 0, 0, 0, 0, 7][..]
        );
    }

    #[test]
    fn what_fits_the_capacity_does_not_move() {
        let buffer = BytesMut::with_capacity(100);
        let (start, capacity) = (buffer.as_ptr(), buffer.capacity());
        let mut output = Output::new(buffer);
        (0..capacity).for_each(|_| output.put(7_u8));
        let buffer = output.into_buffer();
        assert_eq!(
            (buffer.as_ptr(), buffer.len(), buffer.capacity()),
            (start, capacity, capacity)
        );
    }

    #[test]
    fn any_amount_can_be_written() {
        for size in (0..140).chain([255, 256, 257, 5000]) {
            let octets: Vec<u8> = (1..=250).cycle().take(size).collect();
            let mut output = Output::new(BytesMut::from(&[9][..]));
            let mut expected = vec![9];
            for _ in 0..3 {
                output.append(1, &octets);
                expected.extend(&octets);
                output.append_counted(u32::MAX, 8, &octets, 3);
                expected.resize(1 + (expected.len() - 1).next_multiple_of(4), 0);
                expected.extend([0xff; 4]);
                expected.resize(1 + (expected.len() - 1).next_multiple_of(8), 0);
                expected.extend(&octets);
                expected.extend([0; 3]);
                output.set_position(output.len() - 1);
            }
            assert_eq!(output.into_buffer(), expected, "{size}");
        }
    }

    #[test]
    fn positions_may_begin_anywhere() {
        let mut output = Output::new(BytesMut::from(&[1, 2, 3][..]));
        output.set_position(4095);
        output.put(1_u8);
        output.put(0x0101_0101_u32);
        assert_eq!((output.position(), output.len()), (4100, 8));
        output.set_position(0);
        output.put(2_u8);
        output.put(0x0202_u16);
        assert_eq!(output.into_buffer(), [1, 2, 3, 1, 1, 1, 1, 1, 2, 0, 2, 2][..]);
    }
}
