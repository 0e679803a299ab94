// SPDX-License-Identifier: MIT OR Apache-2.0
use std::{os::fd::BorrowedFd, sync::Arc, thread, time::Duration};

use bytes::BytesMut;

use super::*;
use crate::transport::{Datagrams, Endpoint};

/// A link that takes as much as it is allowed to, a few octets at a time.
#[derive(Debug)]
struct Narrow {
    state: Mutex<State>,
    endpoint: Endpoint,
}

#[derive(Debug)]
struct State {
    taken: Vec<u8>,
    room: usize,
    step: usize,
    broken: bool,
    /// Octets of each send, where these are datagrams.
    datagrams: Option<Vec<usize>>,
}

impl Narrow {
    fn take(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut state = self.state.lock();
        if state.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let size: usize = parts.iter().map(|part| part.len()).sum();
        let count = size.min(state.room).min(state.step);
        if count == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        state.room -= count;
        let octets: Vec<u8> = parts
            .iter()
            .flat_map(|part| part.iter().copied())
            .take(count)
            .collect();
        state.taken.extend(octets);
        if let Some(datagrams) = &mut state.datagrams {
            datagrams.push(count);
        }
        Ok(count)
    }
}

impl Link for Narrow {
    fn send(&self, parts: &[IoSlice<'_>], _: Option<Duration>) -> io::Result<usize> {
        thread::yield_now();
        self.take(parts)
    }

    fn try_send(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.take(parts)
    }

    fn recv(&self, _: &mut BytesMut, _: Option<Duration>) -> io::Result<usize> {
        Ok(0)
    }

    fn try_recv(&self, _: &mut BytesMut) -> io::Result<usize> {
        Ok(0)
    }

    fn datagrams(&self) -> Option<Datagrams> {
        let state = self.state.lock();
        state.datagrams.as_ref().map(|_| Datagrams::default())
    }

    fn shutdown(&self) {}

    fn peer(&self) -> &Endpoint {
        &self.endpoint
    }

    fn local(&self) -> &Endpoint {
        &self.endpoint
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

/// What stands around the writer, and how often it was told what.
#[derive(Debug)]
struct Around {
    link: Narrow,
    writer: Writer,
    flushes_wanted: Mutex<usize>,
    blocked: Mutex<isize>,
}

impl Around {
    fn new(room: usize, step: usize) -> Self {
        let state = State {
            taken: Vec::new(),
            room,
            step,
            broken: false,
            datagrams: None,
        };
        Self {
            link: Narrow {
                state: Mutex::new(state),
                endpoint: Endpoint::iiop("narrow", 1),
            },
            writer: Writer::new(1000),
            flushes_wanted: Mutex::new(0),
            blocked: Mutex::new(0),
        }
    }

    fn send(&self, message: &[u8], patience: Patience) -> Result<(), WriteError> {
        self.writer.send(self, &mut [IoSlice::new(message)], patience)
    }

    fn collect(&self, message: &[u8], patience: Patience) -> Result<(), WriteError> {
        self.writer.collect(self, message, patience)
    }

    fn taken(&self) -> Vec<u8> {
        self.link.state.lock().taken.clone()
    }

    fn make_room(&self, room: usize) {
        self.link.state.lock().room += room;
    }
}

impl Surroundings for Around {
    fn link(&self) -> &dyn Link {
        &self.link
    }

    fn before_blocking(&self) {
        *self.blocked.lock() += 1;
    }

    fn after_blocking(&self) {
        *self.blocked.lock() -= 1;
    }

    fn flush_later(&self) {
        *self.flushes_wanted.lock() += 1;
    }
}

const IMPATIENT: Patience = Patience { deadline: None };

fn patient() -> Patience {
    Patience {
        deadline: Some(Instant::now() + Duration::from_secs(20)),
    }
}

#[test]
fn what_the_link_takes_in_pieces_goes_out_whole_and_in_order() {
    let around = Around::new(usize::MAX, 3);
    around.send(b"first message", patient()).expect("sent");
    around
        .writer
        .send(
            &around,
            &mut [IoSlice::new(b"sec"), IoSlice::new(b"ond")],
            patient(),
        )
        .expect("sent");
    assert_eq!(around.taken(), b"first messagesecond");
    assert_eq!((*around.blocked.lock(), *around.flushes_wanted.lock()), (0, 0));
}

#[test]
fn an_impatient_sender_leaves_the_rest_and_it_goes_out_before_what_follows() {
    let around = Around::new(4, usize::MAX);
    around.send(b"abcdef", IMPATIENT).expect("kept");
    assert!(around.writer.has_backlog());
    assert_eq!(*around.flushes_wanted.lock(), 1);
    around.send(b"ghi", IMPATIENT).expect("kept");
    around.make_room(3);
    around.writer.flush(&around).expect("flushed");
    assert_eq!(around.taken(), b"abcdefg");
    around.make_room(100);
    around.send(b"jkl", patient()).expect("sent");
    assert_eq!(around.taken(), b"abcdefghijkl");
    assert!(!around.writer.has_backlog());
}

#[test]
fn where_a_send_is_a_datagram_each_message_is_sent_by_itself() {
    let around = Around::new(0, usize::MAX);
    around.link.state.lock().datagrams = Some(Vec::new());
    for message in [&b"ab"[..], b"cde", b"f"] {
        around.send(message, IMPATIENT).expect("kept");
    }
    around.make_room(100);
    around.send(b"ghij", patient()).expect("sent");
    assert_eq!(around.taken(), b"abcdefghij");
    assert_eq!(around.link.state.lock().datagrams, Some(vec![2, 3, 1, 4]));
}

#[test]
fn a_message_that_has_not_begun_in_time_is_not_sent_at_all() {
    let around = Around::new(0, usize::MAX);
    let late = Patience {
        deadline: Some(Instant::now()),
    };
    assert!(matches!(around.send(b"abc", late), Err(WriteError::Timeout)));
    around.make_room(100);
    around.send(b"def", patient()).expect("sent");
    assert_eq!(around.taken(), b"def");
}

#[test]
fn a_message_that_has_begun_is_completed_even_if_its_time_is_over() {
    let around = Around::new(2, usize::MAX);
    let late = Patience {
        deadline: Some(Instant::now()),
    };
    around.send(b"abc", late).expect("the rest is kept");
    around.make_room(100);
    around.send(b"def", patient()).expect("sent");
    assert_eq!(around.taken(), b"abcdef");
}

#[test]
fn what_waits_is_bounded() {
    let around = Around::new(0, usize::MAX);
    let refused = (0..100).find_map(|_| around.send(&[0; 100], IMPATIENT).err());
    assert!(matches!(refused, Some(WriteError::Full)));
}

#[test]
fn a_broken_link_is_told_to_everybody() {
    let around = Around::new(usize::MAX, usize::MAX);
    around.link.state.lock().broken = true;
    assert!(matches!(
        around.send(b"abc", patient()),
        Err(WriteError::Broken { sent: false, .. })
    ));
    around.writer.break_off(io::ErrorKind::NotConnected);
    around.link.state.lock().broken = false;
    around.link.state.lock().room = 0;
    assert!(matches!(
        around.send(b"abc", IMPATIENT),
        Err(WriteError::Broken { .. })
    ));
}

#[test]
fn what_is_collected_goes_out_as_one_when_it_is_enough_and_before_anything_else() {
    let around = Around::new(usize::MAX, usize::MAX);
    around.collect(b"a", patient()).expect("collected");
    around.collect(b"b", patient()).expect("collected");
    assert!(around.taken().is_empty() && around.writer.has_collected());
    around.send(b"c", patient()).expect("sent");
    assert_eq!(around.taken(), b"abc");
    assert!(!around.writer.has_collected());
    around.collect(b"d", patient()).expect("collected");
    around.writer.flush_collected(&around).expect("flushed");
    assert_eq!(around.taken(), b"abcd");
    let enough = (1..100).find(|_| {
        around.collect(&[7; 10], patient()).expect("collected");
        !around.writer.has_collected()
    });
    assert!(enough.is_some_and(|messages| around.taken().len() == 4 + 10 * messages));
    // One that is too long for that does not wait.
    around.collect(b"e", patient()).expect("collected");
    around.collect(&[8; 10_000], patient()).expect("sent");
    assert!(!around.writer.has_collected() && around.taken().ends_with(&[8; 10_000]));
    assert_eq!(*around.flushes_wanted.lock(), 0);
}

#[test]
fn what_was_collected_and_the_link_does_not_take_is_a_backlog_behind_which_nothing_is_collected() {
    let around = Around::new(2, usize::MAX);
    around.collect(b"abc", IMPATIENT).expect("collected");
    around.collect(b"def", IMPATIENT).expect("collected");
    around.writer.flush(&around).expect("kept");
    assert_eq!(around.taken(), b"ab");
    assert!(around.writer.has_backlog() && *around.flushes_wanted.lock() > 0);
    around.collect(b"ghi", IMPATIENT).expect("kept");
    assert!(!around.writer.has_collected());
    let late = Patience {
        deadline: Some(Instant::now()),
    };
    assert!(matches!(around.collect(b"x", late), Err(WriteError::Timeout)));
    around.make_room(100);
    around.collect(b"jkl", patient()).expect("sent");
    assert_eq!(around.taken(), b"abcdefghijkl");
}

#[test]
fn whoever_finds_the_link_broken_is_told_and_nothing_is_left_collected() {
    let around = Around::new(usize::MAX, usize::MAX);
    around.collect(b"abc", patient()).expect("collected");
    around.link.state.lock().broken = true;
    let flushed = around.writer.flush_collected(&around);
    assert!(matches!(flushed, Err(WriteError::Broken { .. })));
    around.collect(b"def", patient()).expect("collected");
    around.writer.break_off(io::ErrorKind::NotConnected);
    assert!(!around.writer.has_collected());
}

/// Threads send messages of one octet value each, small and large, collected and not, while somebody makes room and
/// flushes: no message is torn apart, none is lost, and each thread's come in its order.
#[test]
fn messages_of_many_threads_stay_whole_and_in_their_threads_order() {
    const THREADS: u8 = 6;
    const MESSAGES: u8 = 100;
    let around = Arc::new(Around::new(0, 4096));
    let senders: Vec<_> = (0..THREADS)
        .map(|thread| {
            let around = Arc::clone(&around);
            thread::spawn(move || {
                for n in 0..MESSAGES {
                    // Now and then one that waits for its turn instead of being queued.
                    let size = if n % 25 == 7 { QUEUED_UP_TO + 10 } else { 20 };
                    let mut message = vec![n; size];
                    message[0] = thread;
                    match n % 3 {
                        0 => around.collect(&message, patient()).expect("collected"),
                        _ => around.send(&message, patient()).expect("sent"),
                    }
                }
            })
        })
        .collect();
    while senders.iter().any(|sender| !sender.is_finished()) {
        around.make_room(5000);
        around.writer.flush(around.as_ref()).expect("flushed");
        thread::yield_now();
    }
    around.make_room(usize::MAX / 2);
    around.writer.flush(around.as_ref()).expect("flushed");
    assert!(senders.into_iter().all(|sender| sender.join().is_ok()));
    let taken = around.taken();
    let mut next = [0; THREADS as usize];
    let mut rest = &taken[..];
    while let [thread, n, ..] = *rest {
        assert_eq!(n, next[usize::from(thread)]);
        let size = if n % 25 == 7 { QUEUED_UP_TO + 10 } else { 20 };
        let (message, others) = rest.split_at(size);
        assert!(message[1..].iter().all(|&octet| octet == n));
        next[usize::from(thread)] += 1;
        rest = others;
    }
    assert_eq!(next, [MESSAGES; THREADS as usize]);
    assert_eq!(*around.blocked.lock(), 0);
}
