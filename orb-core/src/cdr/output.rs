// SPDX-License-Identifier: MIT OR Apache-2.0
//! The buffer that an encoder writes into.

use bytes::BytesMut;

use super::Primitive;

/// How far beyond the end the buffer is prepared at least, when it has to be.
const WINDOW_MIN: usize = 256;
/// And at most, beside what is asked for.
const WINDOW_MAX: usize = 4096;

/// A growing buffer with a window of zeros beyond its end. Within the window writing is a single
/// comparison and a store, and padding is there before it is asked for.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// The content, and then the window.
    buffer: BytesMut,
    /// The content's length.
    end: usize,
}

impl Output {
    /// Appends to `buffer`.
    pub(super) fn new(buffer: BytesMut) -> Self {
        let end = buffer.len();
        Self { buffer, end }
    }

    /// The content's length.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.end
    }

    /// The content from `start` on, before `end`.
    pub(super) fn content(&self, start: usize, end: usize) -> &[u8] {
        self.buffer.get(start..end).unwrap_or_default()
    }

    /// The content alone.
    pub(super) fn into_buffer(mut self) -> BytesMut {
        self.buffer.truncate(self.end);
        self.buffer
    }

    /// Drops what stands after `length`.
    pub(super) fn truncate(&mut self, length: usize) {
        self.buffer.truncate(length);
        self.end = self.end.min(length);
    }

    /// Appends `padding` zeros.
    #[inline]
    pub(super) fn pad(&mut self, padding: usize) {
        let end = self.end + padding;
        if end > self.buffer.len() {
            self.grow(padding);
        }
        self.end = end;
    }

    /// Appends `padding` zeros and a number.
    #[inline]
    pub(super) fn put<T: Primitive>(&mut self, padding: usize, value: T) {
        let start = self.end + padding;
        if self
            .buffer
            .get_mut(start..)
            .is_some_and(|window| value.put(window))
        {
            self.end = start + T::SIZE;
        } else {
            self.append_beyond(padding, bytemuck::bytes_of(&value));
        }
    }

    /// Appends `padding` zeros and octets.
    #[inline]
    pub(super) fn append(&mut self, padding: usize, octets: &[u8]) {
        let start = self.end + padding;
        let place = self
            .buffer
            .get_mut(start..)
            .and_then(|window| window.get_mut(..octets.len()));
        match place {
            Some(place) => {
                place.copy_from_slice(octets);
                self.end = start + octets.len();
            }
            None => self.append_beyond(padding, octets),
        }
    }

    /// Appends `padding` zeros, a number, `gap` zeros, octets and `tail` zeros.
    #[inline]
    pub(super) fn append_counted(
        &mut self,
        padding: usize,
        count: [u8; 4],
        gap: usize,
        octets: &[u8],
        tail: usize,
    ) {
        let start = padding + 4 + gap;
        let size = start + octets.len() + tail;
        if self.buffer.len() - self.end < size {
            self.grow(size);
        }
        // The zeros are there already.
        let window = self.buffer.get_mut(self.end..).unwrap_or_default();
        if let Some(place) = window.get_mut(padding..).and_then(<[u8]>::first_chunk_mut) {
            *place = count;
        }
        if let Some(place) = window.get_mut(start..start + octets.len()) {
            copy(place, octets);
        }
        self.end += size;
    }

    /// Overwrites content.
    pub(super) fn patch(&mut self, at: usize, octets: [u8; 4]) {
        if let Some(place) = self.buffer.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
            *place = octets;
        }
    }

    /// What is small leaves a window behind it for what comes next, what is large needs none.
    #[cold]
    fn append_beyond(&mut self, padding: usize, octets: &[u8]) {
        let size = padding + octets.len();
        if size <= WINDOW_MIN {
            self.grow(size);
            return self.append(padding, octets);
        }
        self.buffer.truncate(self.end);
        self.buffer.reserve(size);
        self.buffer.resize(self.end + padding, 0);
        self.buffer.extend_from_slice(octets);
        self.end += size;
    }

    /// Prepares at least `size` more octets.
    #[cold]
    fn grow(&mut self, size: usize) {
        let window = size.saturating_add(self.end.clamp(WINDOW_MIN, WINDOW_MAX));
        let room = self.buffer.capacity() - self.end;
        // What is asked for fits: then the window is no reason for more memory.
        let window = if size <= room { window.min(room) } else { window };
        self.buffer.resize(self.end + window, 0);
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
        output.append(0, &[1, 2]);
        output.pad(3);
        output.append(2, &[5, 6]);
        assert_eq!(output.len(), 12);
        output.truncate(6);
        output.pad(4);
        assert_eq!(output.into_buffer(), [0xff, 0xff, 0xff, 1, 2, 0, 0, 0, 0, 0][..]);
    }

    #[test]
    fn what_fits_the_capacity_does_not_move() {
        let buffer = BytesMut::with_capacity(100);
        let (start, capacity) = (buffer.as_ptr(), buffer.capacity());
        let mut output = Output::new(buffer);
        (0..capacity).for_each(|_| output.append(0, &[7]));
        let buffer = output.into_buffer();
        assert_eq!(
            (buffer.as_ptr(), buffer.len(), buffer.capacity()),
            (start, capacity, capacity)
        );
    }

    #[test]
    fn any_amount_can_be_written() {
        for size in (0..140).chain([255, 256, 257, 5000]) {
            let mut output = Output::new(BytesMut::new());
            for _ in 0..3 {
                output.append(0, &vec![9; size]);
                output.append(1, &vec![8; size]);
                output.append_counted(2, [1; 4], 3, &vec![7; size], 1);
            }
            let once = [
                vec![9; size],
                vec![0],
                vec![8; size],
                vec![0, 0, 1, 1, 1, 1, 0, 0, 0],
                vec![7; size],
                vec![0],
            ]
            .concat();
            assert_eq!(output.into_buffer(), once.repeat(3));
        }
    }
}
