// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which thread gets which request: the books of a pool, kept under its lock.
//!
//! A thread that rests is called for one job, which is handed to its lane; so each job that was handed has a thread that
//! is on its way to it. What finds no thread is buffered, and whoever is done next takes it.

use std::{collections::VecDeque, mem};

use orb_core::{
    exception::SystemException,
    rtcorba::{Buffering, Priority, ThreadpoolConfig},
};

use super::ThreadpoolStatus;
use crate::handoff::{CLOSED, Work, refused};

const BUSY: &str = "all threads of the pool are busy, and it lets no request wait";
const FULL: &str = "all threads of the pool are busy, and as many requests wait as may";

/// A request on its way to a thread.
pub(super) struct Job {
    pub(super) number: u64,
    /// The lane that it is for, whoever serves it.
    pub(super) lane: usize,
    pub(super) work: Work,
    bytes: usize,
}

/// What becomes of a job.
pub(super) enum Decision {
    /// A thread of this lane is to be called.
    Handed(usize),
    /// It waits.
    Buffered,
    /// A thread is to be made for it, which is counted already.
    Hire(Job),
    /// There is no room for it.
    Refused(&'static str),
}

/// The lanes of a pool.
pub(super) struct Lanes {
    lanes: Vec<Lane>,
    /// The lanes from the most urgent to the least.
    by_urgency: Vec<usize>,
    borrowing: bool,
    buffering: Option<Buffering>,
    buffered_bytes: usize,
    next_number: u64,
    closed: bool,
}

#[derive(Default)]
struct Lane {
    priority: Priority,
    static_threads: u32,
    most_threads: u32,
    threads: u32,
    /// Threads that wait, and were not called yet.
    idle: u32,
    /// Threads that are done with a job, or were just made, and are about to look for another.
    returning: u32,
    /// Jobs that a thread of this lane was called for.
    handed: VecDeque<Job>,
    /// Jobs that nobody has time for.
    buffered: VecDeque<Job>,
}

impl Lanes {
    pub(super) fn new(config: &ThreadpoolConfig) -> Self {
        let lanes: Vec<Lane> = config
            .lanes()
            .iter()
            .map(|lane| Lane {
                priority: lane.priority,
                static_threads: lane.static_threads,
                most_threads: lane.threads(),
                ..Lane::default()
            })
            .collect();
        let mut by_urgency: Vec<usize> = (0..lanes.len()).collect();
        by_urgency.sort_by_key(|index| std::cmp::Reverse(lanes.get(*index).map(|lane| lane.priority)));
        Self {
            lanes,
            by_urgency,
            borrowing: config.is_borrowing(),
            buffering: config.buffered(),
            buffered_bytes: 0,
            next_number: 0,
            closed: false,
        }
    }

    /// Numbers a job.
    pub(super) fn job(&mut self, lane: usize, bytes: usize, work: Work) -> Result<Job, SystemException> {
        if self.closed {
            return Err(refused(CLOSED));
        }
        let number = self.next_number;
        self.next_number += 1;
        Ok(Job {
            number,
            lane,
            work,
            bytes,
        })
    }

    /// Finds a thread for a job: one that rests in its lane, a new one, one that a less urgent lane lends. If there is
    /// none it waits.
    pub(super) fn place(&mut self, job: Job) -> Decision {
        let wanted = job.lane;
        if self.call(wanted) {
            return self.hand(wanted, job);
        }
        if let Some(lane) = self.lanes.get_mut(wanted)
            && lane.threads < lane.most_threads
        {
            lane.threads += 1;
            return Decision::Hire(job);
        }
        if let Some(lender) = self.lender(wanted) {
            self.call(lender);
            return self.hand(lender, job);
        }
        match self.try_buffer(job) {
            Ok(()) => Decision::Buffered,
            Err(why) => Decision::Refused(why),
        }
    }

    /// Has a job wait.
    pub(super) fn buffer(&mut self, job: Job) -> Result<(), SystemException> {
        self.try_buffer(job).map_err(refused)
    }

    /// Returns the next job for a thread of this lane that is done with another: of the most urgent lane that it may serve.
    pub(super) fn next(&mut self, own: usize) -> Option<Job> {
        let (borrowing, lanes) = (self.borrowing, &mut self.lanes);
        let least = lanes.get(own)?.priority;
        let serves = |lane: &Lane, index| index == own || borrowing && lane.priority > least;
        let job = self.by_urgency.iter().find_map(|index| {
            let lane = lanes.get_mut(*index)?;
            serves(lane, *index).then(|| lane.buffered.pop_front()).flatten()
        })?;
        self.buffered_bytes -= job.bytes;
        Some(job)
    }

    /// Says that a thread is done with a job, before anybody learns what came of it: who then asks again is not refused
    /// because the thread is still on its way back.
    pub(super) fn done(&mut self, lane: usize) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.returning += 1;
        }
    }

    /// Says that a thread is back.
    pub(super) fn returned(&mut self, lane: usize) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.returning = lane.returning.saturating_sub(1);
        }
    }

    /// Says that a thread begins to wait.
    pub(super) fn rest(&mut self, lane: usize) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.idle += 1;
        }
    }

    /// Returns the job that a thread was called for.
    pub(super) fn handed(&mut self, lane: usize) -> Option<Job> {
        self.lanes.get_mut(lane)?.handed.pop_front()
    }

    /// Says that a thread has stopped to wait without having been called.
    pub(super) fn rise(&mut self, lane: usize) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.idle = lane.idle.saturating_sub(1);
        }
    }

    /// Counts a thread in.
    pub(super) fn hired(&mut self, lane: usize) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.threads += 1;
            lane.returning += 1;
        }
    }

    /// Counts a thread out.
    pub(super) fn gone(&mut self, lane: usize) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.threads = lane.threads.saturating_sub(1);
        }
    }

    /// Tells whether a lane has more threads than it keeps.
    pub(super) fn is_surplus(&self, lane: usize) -> bool {
        self.lanes
            .get(lane)
            .is_some_and(|lane| lane.threads > lane.static_threads)
    }

    /// Takes a job back, unless it was begun.
    pub(super) fn withdraw(&mut self, number: u64) -> Option<Job> {
        let take = |queue: &mut VecDeque<Job>| {
            let place = queue.iter().position(|job| job.number == number)?;
            queue.remove(place)
        };
        for lane in &mut self.lanes {
            if let Some(job) = take(&mut lane.buffered) {
                self.buffered_bytes -= job.bytes;
                return Some(job);
            }
            if let Some(job) = take(&mut lane.handed) {
                // The thread that was called for it goes back to rest by itself.
                lane.idle += 1;
                return Some(job);
            }
        }
        None
    }

    /// Takes nothing in any more; returns what waits.
    pub(super) fn close(&mut self) -> Vec<Job> {
        self.closed = true;
        self.buffered_bytes = 0;
        let queues = self.lanes.iter_mut().map(|lane| mem::take(&mut lane.buffered));
        queues.flatten().collect()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn status(&self) -> ThreadpoolStatus {
        ThreadpoolStatus {
            threads: self.lanes.iter().map(|lane| lane.threads).collect(),
            idle: self.lanes.iter().map(|lane| lane.idle).collect(),
            buffered: self.waiting(),
        }
    }

    fn waiting(&self) -> usize {
        self.lanes.iter().map(|lane| lane.buffered.len()).sum()
    }

    /// Calls a thread of a lane that rests, if there is one.
    fn call(&mut self, lane: usize) -> bool {
        match self.lanes.get_mut(lane) {
            Some(lane) if lane.idle > 0 => {
                lane.idle -= 1;
                true
            }
            _ => false,
        }
    }

    fn hand(&mut self, to: usize, job: Job) -> Decision {
        if let Some(lane) = self.lanes.get_mut(to) {
            lane.handed.push_back(job);
        }
        Decision::Handed(to)
    }

    /// Returns the least urgent lane below this one that has a thread at rest.
    fn lender(&self, borrower: usize) -> Option<usize> {
        let priority = self.lanes.get(borrower)?.priority;
        let mut lenders = self.by_urgency.iter().rev().copied();
        lenders.find(|index| {
            let lane = self.lanes.get(*index);
            self.borrowing && lane.is_some_and(|lane| lane.priority < priority && lane.idle > 0)
        })
    }

    /// Tells whether a thread of this lane is about to look for a job, and finds none so far.
    fn is_expected(&self, lane: usize) -> bool {
        let lane = self.lanes.get(lane);
        lane.is_some_and(|lane| lane.buffered.len() < lane.returning as usize)
    }

    fn try_buffer(&mut self, job: Job) -> Result<(), &'static str> {
        match self.buffering {
            Some(limits)
                if self.waiting() >= limits.max_requests
                    || self.buffered_bytes + job.bytes > limits.max_bytes =>
            {
                return Err(FULL);
            }
            None if !self.is_expected(job.lane) => return Err(BUSY),
            Some(_) | None => {}
        }
        self.buffered_bytes += job.bytes;
        if let Some(lane) = self.lanes.get_mut(job.lane) {
            lane.buffered.push_back(job);
        }
        Ok(())
    }
}
