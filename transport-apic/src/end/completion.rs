// SPDX-License-Identifier: MIT OR Apache-2.0
//! Completions: frames that go back to their owner when the receiver has dropped them.
//!
//! A completion names a frame, and how many of its parts came back: all that were received since the last one.

use std::ops::Range;

use crate::frame::{Frame, Owner};
use crate::geometry::{COMPLETIONS, Control};
use crate::ring::{Consumer, Producer};
use crate::sync::Ordering;
use crate::{Packet, Payload, Violation};

const COUNT_BITS: u32 = 32;

/// Parts of a frame in one packet, at most.
const PIECES: u32 = 8;
const _: () = assert!(Packet::<()>::PIECES == PIECES as usize, "as many as a packet has");

/// Our frames that the other end has.
#[derive(Debug)]
pub(super) struct Sent {
    frames: Box<[Out]>,
    /// Parts that are out, of all frames.
    out: u64,
    completions: Consumer,
}

/// What the other end has of a frame.
#[derive(Debug, Default)]
struct Out {
    parts: u32,
    /// Keeps it while there are parts.
    hold: Option<Frame>,
}

impl Sent {
    pub(super) fn new(frames: u32) -> Self {
        Self {
            frames: (0..frames).map(|_| Out::default()).collect(),
            out: 0,
            completions: Consumer::new(COMPLETIONS),
        }
    }

    /// Whether parts of a frame may be sent: the other end counts them in 16 bits. A packet has some.
    pub(super) fn may_send(&self, frame: &Frame) -> bool {
        let parts = self.frames.get(frame.index() as usize).map(|out| out.parts);
        parts.is_some_and(|parts| parts < u32::from(u16::MAX) - PIECES)
    }

    /// A part of a frame is sent.
    pub(super) fn send(&mut self, frame: &Frame) {
        if let Some(out) = self.frames.get_mut(frame.index() as usize) {
            out.parts += 1;
            self.out += 1;
            out.hold.get_or_insert_with(|| frame.slice(0..0));
        }
    }

    /// Parts of frames that are out.
    #[cfg(all(test, not(loom)))]
    pub(super) fn outstanding(&self) -> u64 {
        self.out
    }

    /// Takes back what the other end has returned.
    pub(super) fn reclaim(&mut self, theirs: &Owner, ours: &Owner) -> Result<(), Violation> {
        if self.out == 0 {
            return Ok(());
        }
        let returned = theirs.control(Control::Returned);
        while let Some(number) = self
            .completions
            .next(returned)
            .map_err(|_| Violation::ReturnedIndex)?
        {
            let word = theirs.completion(number).load(Ordering::Relaxed);
            self.complete(word).ok_or(Violation::Completion)?;
            self.completions.took();
        }
        self.completions.publish(ours.control(Control::Collected));
        Ok(())
    }

    fn complete(&mut self, word: u64) -> Option<()> {
        let parts = u32::try_from(word >> COUNT_BITS)
            .ok()
            .filter(|parts| *parts > 0)?;
        let frame = usize::try_from(word & u64::from(u32::MAX)).ok()?;
        let out = self.frames.get_mut(frame)?;
        out.parts = out.parts.checked_sub(parts)?;
        self.out -= u64::from(parts);
        if out.parts == 0 {
            out.hold = None;
        }
        Some(())
    }
}

/// The other end's frames that we have.
#[derive(Debug)]
pub(super) struct Loans {
    owner: Owner,
    frames: Box<[Loan]>,
    /// Frames that came back and are yet to be returned.
    back: Vec<u32>,
    completions: Producer,
}

#[derive(Clone, Copy, Debug, Default)]
struct Loan {
    /// Somebody holds it, or it has not been collected.
    out: bool,
    /// It is among those to be returned.
    back: bool,
    /// Parts that were received since it was last returned.
    parts: u16,
}

impl Loans {
    pub(super) fn new(owner: Owner) -> Self {
        let frames = owner.geometry().frames() as usize;
        Self {
            owner,
            frames: vec![Loan::default(); frames].into(),
            back: Vec::with_capacity(frames),
            completions: Producer::new(COMPLETIONS),
        }
    }

    pub(super) fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Takes a part of a frame.
    pub(super) fn lend(&mut self, frame: u32, range: Range<u32>) -> Result<Frame, Violation> {
        let loan = self.frames.get_mut(frame as usize).ok_or(Violation::FrameIndex)?;
        let parts = loan.parts.checked_add(1).ok_or(Violation::FrameCount)?;
        let part = self.owner.lend(frame, range, !loan.out);
        let part = part.ok_or(Violation::FrameBounds)?;
        loan.out = true;
        loan.parts = parts;
        Ok(part)
    }

    /// Returns the frames that nobody holds any more, as far as the ring has room; false if there was nothing new.
    pub(super) fn give_back(&mut self, ours: &Owner) -> Result<bool, Violation> {
        let (frames, back) = (&mut self.frames, &mut self.back);
        self.owner.collect(|frame| {
            if let Some(loan) = frames.get_mut(frame as usize) {
                loan.out = false;
                if !loan.back {
                    loan.back = true;
                    back.push(frame);
                }
            }
        });
        let collected = self.owner.control(Control::Collected);
        while let Some(frame) = self.back.last().copied() {
            let next = self.completions.next(collected);
            let Some(number) = next.map_err(|_| Violation::CollectedIndex)? else {
                break;
            };
            self.back.pop();
            let Some(loan) = self.frames.get_mut(frame as usize) else {
                continue;
            };
            loan.back = false;
            // It may have been received again since; then it comes back again.
            if !loan.out {
                let word = u64::from(loan.parts) << COUNT_BITS | u64::from(frame);
                loan.parts = 0;
                ours.completion(number).store(word, Ordering::Relaxed);
                self.completions.wrote();
            }
        }
        Ok(self.completions.publish(ours.control(Control::Returned)))
    }
}
