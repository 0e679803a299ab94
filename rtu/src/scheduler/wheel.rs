// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is to come: a hierarchical timing wheel (Varghese and Lauck 1987) of nanoseconds.
//!
//! A time is seen as eleven digits of six bits. An entry lies at the level of the highest digit in which its time differs
//! from the wheel's, in the slot of that digit. So all of a level come before all of the next, the slots of a level are in
//! order, and the first slot of the first level that is not empty holds the earliest entry. When the wheel's time reaches a
//! slot, its entries are due or move to lower levels: each moves at most once per level.

#![expect(
    clippy::indexing_slicing,
    reason = "levels and digits are within their ranges by construction, and slots below the length that grow() saw to"
)]

use crate::Time;

/// No entry.
const NIL: u32 = u32::MAX;
const DIGIT_BITS: u32 = 6;
const DIGITS: usize = 64;
const LEVELS: usize = 11;
/// The list of what is due, behind those of the slots.
const EXPIRED: u16 = 704;
/// Of an entry that is in no list.
const UNARMED: u16 = u16::MAX;

/// At most one time per slot of the scheduler's table, kept in order.
#[derive(Debug)]
pub(super) struct Wheel {
    now: u64,
    /// A bit for each level that is not empty.
    levels: u16,
    /// For each level, a bit for each slot that is not empty.
    occupied: [u64; LEVELS],
    /// The slots, level by level, and the list of what is due.
    lists: Box<[List]>,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct List {
    head: u32,
    tail: u32,
    /// Not later than any of its entries; the earliest, unless that was disarmed.
    earliest: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    at: u64,
    before: u32,
    after: u32,
    list: u16,
}

const EMPTY: List = List {
    head: NIL,
    tail: NIL,
    earliest: u64::MAX,
};

impl Wheel {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self {
            now: 0,
            levels: 0,
            occupied: [0; LEVELS],
            lists: vec![EMPTY; LEVELS * DIGITS + 1].into(),
            entries: Vec::with_capacity(capacity),
        }
    }

    /// Makes room for slots below `slots`.
    pub(super) fn grow(&mut self, slots: usize) {
        let unarmed = Entry {
            at: 0,
            before: NIL,
            after: NIL,
            list: UNARMED,
        };
        self.entries.resize(slots.max(self.entries.len()), unarmed);
    }

    /// The time it has been advanced to.
    pub(super) fn now(&self) -> Time {
        Time(self.now)
    }

    /// Sets a slot's time, instead of the one it may have had. One that has passed is due with the next advance.
    pub(super) fn arm(&mut self, index: u32, at: Time) {
        self.disarm(index);
        self.entries[index as usize].at = at.0;
        self.place(index);
    }

    /// Forgets a slot's time, and returns it.
    pub(super) fn disarm(&mut self, index: u32) -> Option<Time> {
        let Entry {
            at,
            before,
            after,
            list,
        } = self.entries[index as usize];
        if list == UNARMED {
            return None;
        }
        self.entries[index as usize].list = UNARMED;
        let ends = &mut self.lists[usize::from(list)];
        match before {
            NIL => ends.head = after,
            before => self.entries[before as usize].after = after,
        }
        match after {
            NIL => ends.tail = before,
            after => self.entries[after as usize].before = before,
        }
        if ends.head == NIL && list != EXPIRED {
            self.clear(usize::from(list));
        }
        Some(Time(at))
    }

    /// The earliest time; possibly one that was disarmed, if others of its slot were not.
    pub(super) fn next(&self) -> Option<Time> {
        if self.lists[usize::from(EXPIRED)].head != NIL {
            return Some(Time(self.now));
        }
        Some(Time(self.lists[self.first()?].earliest))
    }

    /// Goes on to a time, if it is later, and returns where the wheel is. What is due can then be popped.
    pub(super) fn advance(&mut self, now: Time) -> Time {
        let now = now.0.max(self.now);
        // All slots that have begun are taken out by the wheel's old time, and placed anew by the new one.
        let mut taken = NIL;
        let mut end = NIL;
        while let Some(slot) = self.first().filter(|slot| self.begin_of(*slot) <= now) {
            let List { head, tail, .. } = self.lists[slot];
            match end {
                NIL => taken = head,
                end => self.entries[end as usize].after = head,
            }
            end = tail;
            self.clear(slot);
        }
        self.now = now;
        while taken != NIL {
            let index = taken;
            let entry = &self.entries[index as usize];
            taken = entry.after;
            if entry.at <= now {
                self.append(index, EXPIRED);
            } else {
                self.place(index);
            }
        }
        Time(now)
    }

    /// Takes one that is due, and the time it was armed for.
    pub(super) fn pop_expired(&mut self) -> Option<(u32, Time)> {
        let head = self.lists[usize::from(EXPIRED)].head;
        if head == NIL {
            return None;
        }
        Some((head, self.disarm(head)?))
    }

    /// Puts an entry that is in no list where its time belongs.
    fn place(&mut self, index: u32) {
        let at = self.entries[index as usize].at.max(self.now);
        let level = ((at ^ self.now) | 1).ilog2() / DIGIT_BITS;
        let digit = digit(at >> (level * DIGIT_BITS));
        let slot = level as usize * DIGITS + usize::from(digit);
        self.levels |= 1 << level;
        self.occupied[level as usize] |= 1 << digit;
        #[expect(clippy::cast_possible_truncation, reason = "there are 704 slots")]
        self.append(index, slot as u16);
    }

    fn append(&mut self, index: u32, list: u16) {
        let ends = &mut self.lists[usize::from(list)];
        let before = ends.tail;
        ends.tail = index;
        ends.earliest = ends.earliest.min(self.entries[index as usize].at);
        match before {
            NIL => ends.head = index,
            before => self.entries[before as usize].after = index,
        }
        let entry = &mut self.entries[index as usize];
        (entry.before, entry.after, entry.list) = (before, NIL, list);
    }

    /// The slot of the earliest entry.
    fn first(&self) -> Option<usize> {
        if self.levels == 0 {
            return None;
        }
        let level = self.levels.trailing_zeros() as usize;
        Some(level * DIGITS + self.occupied[level].trailing_zeros() as usize)
    }

    /// When a slot begins: the wheel's time above its level, the slot's digit, and zeros.
    fn begin_of(&self, slot: usize) -> u64 {
        let (level, digit) = (slot / DIGITS, slot % DIGITS);
        let shift = level * DIGIT_BITS as usize;
        let above = self.now >> shift >> DIGIT_BITS;
        ((above << DIGIT_BITS) | digit as u64) << shift
    }

    /// Marks a slot as empty.
    fn clear(&mut self, slot: usize) {
        self.lists[slot] = EMPTY;
        let (level, digit) = (slot / DIGITS, slot % DIGITS);
        self.occupied[level] &= !(1 << digit);
        if self.occupied[level] == 0 {
            self.levels &= !(1 << level);
        }
    }
}

/// The lowest digit of a time.
fn digit(time: u64) -> u8 {
    time.to_le_bytes()[0] % 64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Arm(u32, u64),
        Disarm(u32),
        Advance(u64),
        ToNext,
    }

    /// Spans of every order of magnitude, and some that meet the edges of slots.
    fn span() -> impl Strategy<Value = u64> {
        prop_oneof![
            4 => (0..63_u32, any::<u64>()).prop_map(|(bits, random)| random % (1 << bits)),
            1 => (0..10_u32, 0..3_u64).prop_map(|(digits, more)| (1 << (6 * digits)) + more - 1),
        ]
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..12_u32, span()).prop_map(|(slot, span)| Step::Arm(slot, span)),
            1 => (0..12_u32).prop_map(Step::Disarm),
            1 => span().prop_map(|span| Step::Advance(span % (1 << 40))),
            3 => Just(Step::ToNext),
        ]
    }

    fn expired(wheel: &mut Wheel) -> Vec<(u32, Time)> {
        let mut found: Vec<(u32, Time)> = std::iter::from_fn(|| wheel.pop_expired()).collect();
        found.sort_unstable();
        found
    }

    proptest! {
        #[test]
        fn everything_is_due_at_its_time(start in span(), steps in prop::collection::vec(step(), 0..100)) {
            let mut wheel = Wheel::with_capacity(0);
            wheel.grow(12);
            wheel.advance(Time(start));
            let mut naive: Vec<Option<u64>> = vec![None; 12];
            let mut now = start;
            for step in steps {
                match step {
                    Step::Arm(slot, span) => {
                        // Some times are in the past.
                        let at = now.saturating_sub(1000).saturating_add(span);
                        wheel.arm(slot, Time(at));
                        naive[slot as usize] = Some(at);
                    }
                    Step::Disarm(slot) => {
                        prop_assert_eq!(wheel.disarm(slot), naive[slot as usize].take().map(Time));
                    }
                    Step::Advance(span) => now = now.saturating_add(span),
                    Step::ToNext => {
                        let earliest = naive.iter().flatten().min().copied();
                        let next = wheel.next().map(|next| next.0);
                        prop_assert!(next.is_none() == earliest.is_none() && next <= earliest, "{next:?} {earliest:?}");
                        now = now.max(next.unwrap_or(now));
                    }
                }
                if matches!(step, Step::Advance(_) | Step::ToNext) {
                    prop_assert_eq!(wheel.advance(Time(now)), Time(now));
                    let mut due = Vec::new();
                    for (slot, at) in (0..).zip(&mut naive) {
                        due.extend(at.take_if(|at| *at <= now).map(|at| (slot, Time(at))));
                    }
                    prop_assert_eq!(expired(&mut wheel), due);
                }
            }
        }

        #[test]
        fn without_disarming_the_next_time_is_exact(times in prop::collection::vec(span(), 1..12), steps in 1..20_u64) {
            let mut wheel = Wheel::with_capacity(0);
            wheel.grow(times.len());
            let mut left = times.clone();
            for (slot, at) in (0..).zip(&times) {
                wheel.arm(slot, Time(*at));
            }
            let last = times.iter().max().copied().unwrap_or(0);
            for step in 1..=steps {
                let now = last / steps * step;
                wheel.advance(Time(now));
                expired(&mut wheel);
                left.retain(|at| *at > now);
                prop_assert_eq!(wheel.next(), left.iter().min().map(|at| Time(*at)));
            }
        }
    }

    #[test]
    fn the_last_nanosecond_of_the_clock_is_reached() {
        let mut wheel = Wheel::with_capacity(1);
        wheel.grow(1);
        wheel.arm(0, Time::MAX);
        wheel.advance(Time(u64::MAX - 1));
        assert_eq!(wheel.pop_expired(), None);
        wheel.advance(Time::MAX);
        assert_eq!(wheel.pop_expired(), Some((0, Time::MAX)));
        assert_eq!(wheel.next(), None);
    }
}
