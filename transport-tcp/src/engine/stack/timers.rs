// SPDX-License-Identifier: MIT OR Apache-2.0
//! One alarm for each connection, the earliest first.

use rtu::Time;

/// A heap with one entry at most for each slot. Setting an alarm costs the logarithm of their number, looking at the
/// earliest nothing.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: Vec<(Time, u32)>,
    /// Where in the heap the alarm of a slot is.
    places: Vec<Option<usize>>,
}

impl Timers {
    pub(super) fn earliest(&self) -> Option<Time> {
        self.heap.first().map(|(at, _)| *at)
    }

    pub(super) fn at(&self, slot: u32) -> Option<Time> {
        let place = (*self.places.get(slot as usize)?)?;
        self.heap.get(place).map(|(at, _)| *at)
    }

    /// Sets the alarm of `slot`, instead of the one that it has.
    pub(super) fn set(&mut self, slot: u32, at: Time) {
        if self.places.len() <= slot as usize {
            self.places.resize(slot as usize + 1, None);
        }
        let place = match self.places.get(slot as usize) {
            Some(Some(place)) => *place,
            _ => {
                self.heap.push((at, slot));
                self.heap.len() - 1
            }
        };
        if let Some(entry) = self.heap.get_mut(place) {
            entry.0 = at;
        }
        self.put_right(place);
    }

    /// Takes the alarm of `slot` away.
    pub(super) fn clear(&mut self, slot: u32) {
        let Some(place) = self.places.get_mut(slot as usize).and_then(Option::take) else {
            return;
        };
        self.heap.swap_remove(place);
        if place < self.heap.len() {
            self.put_right(place);
        }
    }

    /// Takes the earliest alarm away, if it is due.
    pub(super) fn pop(&mut self, now: Time) -> Option<u32> {
        let (_, slot) = *self.heap.first().filter(|(at, _)| *at <= now)?;
        self.clear(slot);
        Some(slot)
    }

    /// Moves the entry at `place` up or down to where it belongs.
    fn put_right(&mut self, mut place: usize) {
        while let Some(parent) = place.checked_sub(1).map(|place| place / 2) {
            if !self.is_earlier(place, parent) {
                break;
            }
            self.heap.swap(place, parent);
            self.note(place);
            place = parent;
        }
        loop {
            let (left, right) = (2 * place + 1, 2 * place + 2);
            let child = if self.is_earlier(right, left) { right } else { left };
            if !self.is_earlier(child, place) {
                break;
            }
            self.heap.swap(place, child);
            self.note(place);
            place = child;
        }
        self.note(place);
    }

    fn is_earlier(&self, one: usize, other: usize) -> bool {
        match (self.heap.get(one), self.heap.get(other)) {
            (Some(one), Some(other)) => one.0 < other.0,
            _ => false,
        }
    }

    fn note(&mut self, place: usize) {
        if let Some((_, slot)) = self.heap.get(place)
            && let Some(noted) = self.places.get_mut(*slot as usize)
        {
            *noted = Some(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn alarms_come_as_a_sorted_map_has_them(
            steps in proptest::collection::vec((0_u32..20, proptest::option::of(0_u64..1000), any::<bool>()), 0..200),
        ) {
            let mut timers = Timers::default();
            let mut model: BTreeMap<u32, u64> = BTreeMap::new();
            for (slot, at, pop) in steps {
                if pop {
                    let earliest = model.values().copied().min();
                    prop_assert_eq!(timers.earliest(), earliest.map(Time));
                    let popped = timers.pop(Time(500));
                    prop_assert_eq!(popped.is_some(), earliest.is_some_and(|at| at <= 500));
                    if let Some(popped) = popped {
                        prop_assert_eq!(model.remove(&popped), earliest);
                    }
                } else if let Some(at) = at {
                    timers.set(slot, Time(at));
                    model.insert(slot, at);
                } else {
                    timers.clear(slot);
                    model.remove(&slot);
                }
                prop_assert_eq!(timers.at(slot), model.get(&slot).map(|at| Time(*at)));
            }
        }
    }
}
