// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the flow that is captured to the thread that passes its packets on: a ring, into which the flow puts what fits.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use orb_core::transport::{Direction, Tap};
use rtrb::{Consumer, Producer, RingBuffer};

use super::wire::{Head, Kind, LONGEST};

/// Makes a ring of so many octets.
pub(super) fn ring(size: usize, most: u32) -> (RingTap, Drain) {
    let (mut producer, mut consumer) = RingBuffer::new(size);
    // Its pages are there before a flow puts anything into them.
    if let Ok(all) = producer.write_chunk(size) {
        all.commit_all();
    }
    if let Ok(all) = consumer.read_chunk(size) {
        all.commit_all();
    }
    let dropped = Arc::new(AtomicU64::new(0));
    let tap = RingTap {
        producer,
        most: most.min(u32::try_from(LONGEST).unwrap_or(u32::MAX)),
        dropped: Arc::clone(&dropped),
    };
    let drain = Drain {
        consumer,
        dropped,
        told: 0,
    };
    (tap, drain)
}

/// Copies each packet into the ring, as a record; one that does not fit is counted.
#[derive(Debug)]
pub(super) struct RingTap {
    producer: Producer<u8>,
    /// Octets of a packet that are copied.
    most: u32,
    /// Written here only. Relaxed: a number, which nothing depends upon.
    dropped: Arc<AtomicU64>,
}

/// Takes the records out.
#[derive(Debug)]
pub(super) struct Drain {
    consumer: Consumer<u8>,
    dropped: Arc<AtomicU64>,
    /// How many drops were told.
    told: u64,
}

impl RingTap {
    fn put(&mut self, kind: Kind, parts: &[&[u8]]) -> Option<()> {
        let original: usize = parts.iter().map(|part| part.len()).sum();
        let original = u32::try_from(original).ok()?;
        let length = original.min(self.most);
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let head = Head {
            kind,
            length,
            original,
            number: u64::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX),
        };
        // In one piece, so that who reads finds whole records.
        let mut chunk = self.producer.write_chunk(Head::SIZE + length as usize).ok()?;
        let (mut first, mut second) = chunk.as_mut_slices();
        let head = head.to_bytes();
        for part in std::iter::once(&head[..]).chain(parts.iter().copied()) {
            // What is beyond the length finds no place.
            let rest = fill(&mut first, part);
            fill(&mut second, rest);
        }
        chunk.commit_all();
        Some(())
    }
}

/// Fills the beginning of `place` with the beginning of `part`; returns what found no room.
fn fill<'a>(place: &mut &mut [u8], part: &'a [u8]) -> &'a [u8] {
    let count = place.len().min(part.len());
    let (now, later) = std::mem::take(place).split_at_mut(count);
    let (fits, rest) = part.split_at(count);
    now.copy_from_slice(fits);
    *place = later;
    rest
}

impl Tap for RingTap {
    fn packet(&mut self, direction: Direction, parts: &[&[u8]]) {
        let kind = match direction {
            Direction::Sent => Kind::Sent,
            Direction::Received => Kind::Received,
        };
        if self.put(kind, parts).is_none() {
            let dropped = self.dropped.load(Ordering::Relaxed);
            self.dropped.store(dropped + 1, Ordering::Relaxed);
        }
    }
}

impl Drain {
    /// Returns whether the tap is gone.
    pub(super) fn is_abandoned(&self) -> bool {
        self.consumer.is_abandoned()
    }

    /// Writes the records that are there; returns whether there were some.
    ///
    /// # Errors
    ///
    /// What the writer says.
    pub(super) fn write_to(&mut self, writer: &mut impl Write) -> io::Result<bool> {
        let Ok(chunk) = self.consumer.read_chunk(self.consumer.slots()) else {
            return Ok(false);
        };
        let some = !chunk.is_empty();
        let (first, second) = chunk.as_slices();
        writer.write_all(first)?;
        writer.write_all(second)?;
        chunk.commit_all();
        Ok(some)
    }

    /// Returns how many packets found no room, if that is more than at the last time.
    pub(super) fn news_of_drops(&mut self) -> Option<u64> {
        let dropped = self.dropped.load(Ordering::Relaxed);
        let news = dropped > self.told;
        self.told = dropped;
        news.then_some(dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(mut bytes: &[u8]) -> Vec<(Kind, u32, Vec<u8>)> {
        let mut records = Vec::new();
        while let Some((head, rest)) = bytes.split_first_chunk() {
            let head = Head::parse(head).unwrap();
            let (body, rest) = rest.split_at(head.length as usize);
            records.push((head.kind, head.original, body.to_vec()));
            bytes = rest;
        }
        assert!(bytes.is_empty(), "whole records");
        records
    }

    #[test]
    fn packets_come_out_as_they_went_in_wherever_the_ring_turns() {
        let (mut tap, mut drain) = ring(200, 1000);
        for round in 0_u8..100 {
            let (headers, payload) = ([round; 20], vec![round + 1; usize::from(round % 40)]);
            tap.packet(Direction::Sent, &[&headers, &payload]);
            tap.packet(Direction::Received, &[&headers]);
            let mut out = Vec::new();
            assert!(drain.write_to(&mut out).unwrap());
            let whole = [&headers[..], &payload].concat();
            let length = u32::try_from(whole.len()).unwrap();
            let expected = [
                (Kind::Sent, length, whole),
                (Kind::Received, 20, headers.to_vec()),
            ];
            assert_eq!(records(&out), expected, "round {round}");
            assert!(!drain.write_to(&mut out).unwrap());
        }
        assert_eq!(drain.news_of_drops(), None);
    }

    #[test]
    fn what_does_not_fit_is_counted_and_leaves_no_part_behind() {
        let (mut tap, mut drain) = ring(100, 1000);
        tap.packet(Direction::Sent, &[&[1; 60]]);
        tap.packet(Direction::Sent, &[&[2; 60]]);
        tap.packet(Direction::Sent, &[&[3; 2000]]);
        assert_eq!(drain.news_of_drops(), Some(2));
        assert_eq!(drain.news_of_drops(), None);
        let mut out = Vec::new();
        drain.write_to(&mut out).unwrap();
        assert_eq!(records(&out), [(Kind::Sent, 60, vec![1; 60])]);
        tap.packet(Direction::Sent, &[&[4; 60]]);
        out.clear();
        drain.write_to(&mut out).unwrap();
        assert_eq!(records(&out), [(Kind::Sent, 60, vec![4; 60])]);
    }

    #[test]
    fn only_the_beginning_of_long_packets_is_copied_if_asked_for() {
        let (mut tap, mut drain) = ring(1000, 25);
        tap.packet(Direction::Received, &[&[1; 20], &[2; 30], &[3; 30]]);
        let mut out = Vec::new();
        drain.write_to(&mut out).unwrap();
        let beginning = [vec![1; 20], vec![2; 5]].concat();
        assert_eq!(records(&out), [(Kind::Received, 80, beginning)]);
        drop(tap);
        assert!(drain.is_abandoned());
    }
}
