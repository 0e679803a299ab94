// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where everything lies in the memory that one end of a channel shows to the other.

use std::ops::Range;

/// Words of 64 bits in a slot of a transmit ring.
pub(crate) const SLOT_WORDS: usize = 32;
/// Entries of the ring of completions; when it is full, frames wait at the one who returns them.
pub(crate) const COMPLETIONS: u32 = 256;
/// Memory is mapped in such pages.
pub(crate) const PAGE: u32 = 4096;
/// Bytes of the longest run of frames: where its parts begin is told in 28 bits.
pub(crate) const LONGEST_RUN: u32 = 1 << 28;

const SLOT_BYTES: u64 = SLOT_WORDS as u64 * 8;
/// Each control word has two cache lines of its own, since processors fetch them in pairs.
const SPACING: usize = 16;
const FIRST_COMPLETION: usize = 8 * SPACING;
const FIRST_SLOT: usize = PAGE as usize / 8;

const _: () = assert!(COMPLETIONS.is_power_of_two(), "the ring of completions is masked");
const _: () = assert!(
    FIRST_COMPLETION + COMPLETIONS as usize <= FIRST_SLOT,
    "control words and completions fit in a page"
);

/// The words that one end writes and the other one reads.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Control {
    /// How many slots of its transmit ring were published, since the beginning.
    Published = 0,
    /// How many slots of the other's transmit ring it is done with.
    Consumed = 1,
    /// How many completions it has returned.
    Returned = 2,
    /// How many of the other's completions it is done with.
    Collected = 3,
    /// What it wants to be woken for.
    Nap = 4,
    /// Changes when it wakes the other; half as wide as the others.
    Bell = 5,
    /// Whether it has closed.
    Closed = 6,
}

impl Control {
    pub(crate) const fn word(self) -> usize {
        self as usize * SPACING
    }
}

/// Frames of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameClass {
    /// Bytes of each: whole pages of 4096, up to 8 MiB.
    pub size: u32,
    /// How many there are.
    pub count: u32,
}

/// How much one end has to transmit from: slots for packets, and frames for their payload.
///
/// Memory is taken when it is first used, and the frames used last are used first again; so an idle flow costs what it has
/// touched, whatever the geometry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Packets that can be under way: a power of two from 2 to 4096.
    pub slots: u32,
    /// Frames for small messages, several of which share one.
    pub small: FrameClass,
    /// Frames for bulk; as many in a row as it needs are used as one.
    pub large: FrameClass,
}

impl Default for Geometry {
    /// 64 slots, 64 small frames of 4 KiB and 40 large ones of 1 MiB: 40 MiB if all of it is used, which allows for two
    /// messages of 16 MiB.
    fn default() -> Self {
        Self {
            slots: 64,
            small: FrameClass {
                size: PAGE,
                count: 64,
            },
            large: FrameClass {
                size: 256 * PAGE,
                count: 40,
            },
        }
    }
}

/// What is wrong with a [`Geometry`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadGeometry {
    /// The number of slots.
    #[error("{0} slots are not a power of two from 2 to {most}", most = Geometry::MOST_SLOTS)]
    Slots(u32),
    /// The size of frames.
    #[error("frames of {0} bytes are not whole pages of 4096, up to {most}", most = Geometry::LARGEST_FRAME)]
    FrameSize(u32),
    /// Small frames larger than large ones.
    #[error("small frames of {0} bytes are larger than the large ones")]
    Order(u32),
    /// The number of frames.
    #[error("{0} frames are more than the {most} there may be", most = Geometry::MOST_FRAMES)]
    Frames(u64),
    /// The size of the whole.
    #[error("{0} bytes are more than is allowed")]
    Bytes(u64),
}

impl Geometry {
    /// The most slots.
    pub const MOST_SLOTS: u32 = 4096;
    /// The most frames, of both sizes together.
    pub const MOST_FRAMES: u32 = 4096;
    /// The most bytes of another end's that are mapped, unless it is said otherwise.
    pub const MOST_BYTES: u64 = 64 << 20;
    /// The largest frame, in bytes.
    pub const LARGEST_FRAME: u32 = 8 << 20;

    /// Checks every field, and that the whole has at most `most` bytes.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn check(&self, most: u64) -> Result<(), BadGeometry> {
        if !self.slots.is_power_of_two() || !(2..=Self::MOST_SLOTS).contains(&self.slots) {
            return Err(BadGeometry::Slots(self.slots));
        }
        for FrameClass { size, .. } in [self.small, self.large] {
            if size == 0 || size % PAGE != 0 || size > Self::LARGEST_FRAME {
                return Err(BadGeometry::FrameSize(size));
            }
        }
        if self.small.size > self.large.size {
            return Err(BadGeometry::Order(self.small.size));
        }
        let frames = u64::from(self.small.count) + u64::from(self.large.count);
        if frames > u64::from(Self::MOST_FRAMES) {
            return Err(BadGeometry::Frames(frames));
        }
        if self.bytes() > most {
            return Err(BadGeometry::Bytes(self.bytes()));
        }
        Ok(())
    }

    /// Returns one that has room for so many bytes of messages on their way, as far as there may be by default, and for no less
    /// than this one. For bulk it has what this one has.
    #[must_use]
    pub fn with_room(self, bytes: u64) -> Self {
        /// A message has this much at least, with its share of headers; so many fit into that room.
        const MESSAGE: u64 = 256;
        const MOST_SMALL: u32 = 2048;
        let for_each = |size: u64, least: u32, most: u32| {
            let count = u32::try_from(bytes.div_ceil(size)).unwrap_or(most);
            count.clamp(least, most.max(least))
        };
        let small = u64::from(self.small.size.max(1));
        let wider = Self {
            slots: for_each(MESSAGE, self.slots, Self::MOST_SLOTS).next_power_of_two(),
            small: FrameClass {
                count: for_each(small, self.small.count, MOST_SMALL),
                ..self.small
            },
            ..self
        };
        // The other end maps no more.
        match wider.check(Self::MOST_BYTES) {
            Ok(()) => wider,
            Err(_) => self,
        }
    }

    /// Returns the bytes of the whole: what is mapped, and never more than that is used.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.first_frame() + class_bytes(self.small) + class_bytes(self.large)
    }

    pub(crate) const fn frames(&self) -> u32 {
        self.small.count.saturating_add(self.large.count)
    }

    /// The size of a frame, and where it begins; `None` if there is none of that number.
    pub(crate) fn frame(&self, index: u32) -> Option<(u64, u32)> {
        if index < self.small.count {
            let start = self.first_frame() + u64::from(index) * u64::from(self.small.size);
            return Some((start, self.small.size));
        }
        let among_large = index - self.small.count;
        (among_large < self.large.count).then(|| {
            let before = self.first_frame() + class_bytes(self.small);
            let start = before + u64::from(among_large) * u64::from(self.large.size);
            (start, self.large.size)
        })
    }

    /// The number of the frame in which the byte at that place lies.
    pub(crate) fn frame_at(&self, place: u64) -> Option<u32> {
        let of = |place: u64, class: FrameClass| u32::try_from(place / u64::from(class.size)).ok();
        let place = place.checked_sub(self.first_frame())?;
        let index = match place.checked_sub(class_bytes(self.small)) {
            None => of(place, self.small)?,
            Some(place) => self.small.count.checked_add(of(place, self.large)?)?,
        };
        (index < self.frames()).then_some(index)
    }

    /// How far a part of a frame may reach, in bytes from the frame's beginning: large ones in a row are used as one.
    pub(crate) fn reach(&self, index: u32) -> u32 {
        match index.checked_sub(self.small.count) {
            None => self.small.size,
            Some(among_large) => {
                let in_a_row = self.large.count.saturating_sub(among_large);
                self.large.size.saturating_mul(in_a_row).min(LONGEST_RUN)
            }
        }
    }

    /// Words that are only used as atomics: control, completions and slots.
    pub(crate) const fn words(&self) -> usize {
        FIRST_SLOT + self.slots as usize * SLOT_WORDS
    }

    /// The words of the slot for the packet of that number.
    pub(crate) const fn slot(&self, number: u64) -> Range<usize> {
        let slot = number & (self.slots as u64 - 1);
        let start = FIRST_SLOT + cast(slot) * SLOT_WORDS;
        start..start + SLOT_WORDS
    }

    /// The word of the completion of that number.
    pub(crate) const fn completion(number: u64) -> usize {
        FIRST_COMPLETION + cast(number & (COMPLETIONS as u64 - 1))
    }

    fn first_frame(&self) -> u64 {
        let end = u64::from(PAGE) + u64::from(self.slots) * SLOT_BYTES;
        end.next_multiple_of(u64::from(PAGE))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "below the number of slots or completions"
)]
const fn cast(below: u64) -> usize {
    below as usize
}

fn class_bytes(class: FrameClass) -> u64 {
    u64::from(class.size) * u64::from(class.count)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: u64 = 1 << 30;

    #[test]
    fn nothing_overlaps_and_nothing_is_outside() {
        let geometry = Geometry::default();
        geometry.check(MOST).expect("the default is right");
        let mut end = geometry.slot(63).end as u64 * 8;
        assert_eq!(end, geometry.words() as u64 * 8);
        for index in 0..geometry.frames() {
            let (start, size) = geometry.frame(index).expect("a frame");
            assert!(start >= end && start % u64::from(PAGE) == 0, "frame {index}");
            let ends = [start, start + u64::from(size) - 1];
            assert_eq!(ends.map(|place| geometry.frame_at(place)), [Some(index); 2]);
            end = start + u64::from(size);
        }
        assert_eq!(end, geometry.bytes());
        assert_eq!(geometry.frame(geometry.frames()), None);
        assert_eq!(geometry.frame_at(end), None);
        assert_eq!(geometry.frame_at(geometry.words() as u64 * 8 - 1), None);
        assert_eq!(geometry.slot(64), geometry.slot(0), "it is a ring");
    }

    #[test]
    fn a_ring_has_room_for_what_is_sent_and_the_other_end_maps_it() {
        let least = Geometry::default();
        assert_eq!(least.with_room(0), least);
        assert_eq!(least.with_room(64 * 256), least);
        assert_eq!(least.with_room(600 * 256).slots, 1024, "one for each message");
        let wide = least.with_room(8 << 20);
        assert_eq!((wide.slots, wide.small.count), (Geometry::MOST_SLOTS, 2048));
        let most = least.with_room(u64::MAX);
        assert_eq!(most.check(64 << 20), Ok(()));
        assert_eq!(most.slots, Geometry::MOST_SLOTS);
        let mut large = least;
        large.large.count = 56;
        assert_eq!(large.with_room(u64::MAX), large, "nobody would map more");
    }

    #[test]
    fn every_bound_is_checked() {
        let good = Geometry::default();
        let with = |change: fn(&mut Geometry)| {
            let mut geometry = good;
            change(&mut geometry);
            geometry.check(MOST)
        };
        assert_eq!(with(|it| it.slots = 48), Err(BadGeometry::Slots(48)));
        assert_eq!(with(|it| it.slots = 1), Err(BadGeometry::Slots(1)));
        assert_eq!(with(|it| it.slots = 0), Err(BadGeometry::Slots(0)));
        assert_eq!(with(|it| it.slots = 8192), Err(BadGeometry::Slots(8192)));
        assert_eq!(with(|it| it.small.size = 100), Err(BadGeometry::FrameSize(100)));
        assert_eq!(with(|it| it.large.size = 0), Err(BadGeometry::FrameSize(0)));
        assert_eq!(
            with(|it| it.small.size = 512 * PAGE),
            Err(BadGeometry::Order(512 * PAGE))
        );
        assert_eq!(
            with(|it| it.large.count = u32::MAX),
            Err(BadGeometry::Frames(u64::from(u32::MAX) + 64))
        );
        let bytes = good.bytes();
        assert_eq!(good.check(bytes - 1), Err(BadGeometry::Bytes(bytes)));
    }
}
