// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which frames of one size are free, and which of them follow each other.

/// The frames of one size. Those taken together are a run, known by its first frame.
///
/// The first that fit are taken. So who needs few of them touches few, and uses them again while they are in a cache.
#[derive(Debug)]
pub(super) struct Runs {
    /// At the first frame of a run that is taken, how many it has; 0 at one that is free. Who looks steps over the others.
    taken: Box<[u32]>,
    free: u32,
}

impl Runs {
    pub(super) fn new(frames: u32) -> Self {
        Self {
            taken: vec![0; frames as usize].into(),
            free: frames,
        }
    }

    /// Takes `count` frames that follow each other, and returns the number of the first.
    pub(super) fn take(&mut self, count: u32) -> Option<u32> {
        if count == 0 || count > self.free {
            return None;
        }
        // All from `first` to `next` are free.
        let (mut first, mut next) = (0, 0);
        while next - first < count {
            match *self.taken.get(next as usize)? {
                0 => next += 1,
                run => {
                    next += run;
                    first = next;
                }
            }
        }
        *self.taken.get_mut(first as usize)? = count;
        self.free -= count;
        Some(first)
    }

    /// Gives a run back, by its first frame.
    pub(super) fn give_back(&mut self, first: u32) {
        if let Some(run) = self.taken.get_mut(first as usize) {
            self.free += std::mem::take(run);
        }
    }

    /// The first frame of the run that has `frame`; `None` if that is free.
    pub(super) fn first_of(&self, frame: u32) -> Option<u32> {
        let mut first = 0;
        loop {
            let run = *self.taken.get(first as usize)?;
            let next = first + run.max(1);
            if frame < next {
                return (run > 0).then_some(first);
            }
            first = next;
        }
    }

    /// How many frames are free.
    pub(super) fn free(&self) -> u32 {
        self.free
    }

    /// Whether a frame is free.
    pub(super) fn any_free(&self) -> bool {
        self.free > 0
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a list of who has which frame.
        #[test]
        fn the_first_frames_that_fit_are_taken(steps in prop::collection::vec((0_u32..5, 0_usize..8), 0..200)) {
            let mut runs = Runs::new(12);
            let mut frames = [false; 12];
            let mut out: Vec<(u32, u32)> = Vec::new();
            for (count, which) in steps {
                if count == 0 && !out.is_empty() {
                    let (first, count) = out.swap_remove(which % out.len());
                    runs.give_back(first);
                    frames[first as usize..][..count as usize].fill(false);
                } else {
                    let fits = |first: &usize| frames.get(*first..first + count as usize).is_some_and(|run| !run.contains(&true));
                    let expected = (count > 0).then(|| (0..12).find(fits)).flatten();
                    let first = runs.take(count);
                    prop_assert_eq!(first.map(|first| first as usize), expected);
                    if let Some(first) = first {
                        frames[first as usize..][..count as usize].fill(true);
                        out.push((first, count));
                    }
                }
                prop_assert_eq!(runs.any_free(), frames.contains(&false));
                for frame in 0..12 {
                    let run = out.iter().find(|(first, count)| (*first..first + count).contains(&frame));
                    prop_assert_eq!(runs.first_of(frame), run.map(|(first, _)| *first));
                }
            }
        }
    }
}
