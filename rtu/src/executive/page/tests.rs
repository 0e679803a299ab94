// SPDX-License-Identifier: MIT OR Apache-2.0

use std::os::unix::fs::{FileExt, PermissionsExt};

use proptest::prelude::*;

use super::*;
use crate::Class;
use crate::Nanos;

/// A file of its own for each test, gone with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("upcall-page-{name}-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        Self(path)
    }

    fn page(&self) -> Arc<Page> {
        Page::open(&self.0).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn urgency(priority: u8) -> Urgency {
    Urgency::of(Class::LowDelay { priority }, Nanos::ZERO)
}

#[test]
fn loads_of_the_same_cpu_add_up_to_no_more_than_the_limit() {
    let scratch = Scratch::new("loads");
    // Opened twice, as by two processes.
    let (one, other) = (scratch.page(), scratch.page());
    let first = one.take_seat(3).unwrap().unwrap();
    let second = other.take_seat(3).unwrap().unwrap();
    let elsewhere = other.take_seat(4).unwrap().unwrap();
    assert_eq!(first.admit(0.5, 0.9), Ok(()));
    assert_eq!(
        (
            first.external_load(),
            second.external_load(),
            elsewhere.external_load()
        ),
        (0.0, 0.5, 0.0)
    );
    assert_eq!(second.admit(0.5, 0.9), Err(0.5));
    assert_eq!(second.admit(0.25, 0.9), Ok(()));
    assert_eq!(first.external_load(), 0.25);
    assert_eq!(first.admit(0.6, 0.9), Ok(()));
    drop(second);
    assert_eq!(first.external_load(), 0.0);
}

#[test]
fn what_a_dead_process_left_is_given_back() {
    let scratch = Scratch::new("dead");
    let page = scratch.page();
    let (seat, dead) = (
        page.take_seat(0).unwrap().unwrap(),
        page.take_seat(0).unwrap().unwrap(),
    );
    dead.admit(0.4, 1.0).unwrap();
    assert_eq!(seat.external_load(), 0.4);
    // Our number, given to another process since.
    dead.place().unwrap().started.fetch_add(1, Ordering::Relaxed);
    assert_eq!(seat.external_load(), 0.0);
    assert_eq!(page.take_seat(0).unwrap().unwrap().index, dead.index);
    std::mem::forget(dead);
}

#[test]
fn the_more_urgent_is_seen_now_and_when_it_is_released() {
    let scratch = Scratch::new("rivals");
    let page = scratch.page();
    let (ours, theirs) = (
        page.take_seat(1).unwrap().unwrap(),
        page.take_seat(1).unwrap().unwrap(),
    );
    let mut neighbours = Neighbours::new();
    let mut rival = |level: Option<u8>, now| {
        ours.rival(&mut neighbours, level.map(urgency), Time(now))
            .is_some()
    };
    assert!(!rival(None, 0));
    theirs.publish(Some(urgency(5)), None, None);
    assert_eq!(
        [rival(Some(4), 0), rival(Some(5), 0), rival(None, 0)],
        [true, false, true]
    );
    theirs.publish(None, Some(Time(100)), Some(urgency(9)));
    assert_eq!(
        [rival(Some(4), 99), rival(Some(4), 100), rival(Some(9), 100)],
        [false, true, false]
    );
    theirs.publish(None, Some(Time(100)), None);
    theirs.woken(Some(urgency(7)));
    assert_eq!([rival(Some(6), 0), rival(Some(7), 0)], [true, false]);
    drop(theirs);
    assert!(!rival(None, 1_000) && !neighbours.any());
}

#[test]
fn seats_are_bounded_and_come_back() {
    let scratch = Scratch::new("seats");
    let page = scratch.page();
    let seats: Vec<Seat> = (0..SEATS)
        .map(|cpu| page.take_seat(cpu).unwrap().unwrap())
        .collect();
    assert!(page.take_seat(0).unwrap().is_none());
    drop(seats);
    assert!(page.take_seat(0).unwrap().is_some());
}

#[test]
fn what_is_not_a_page_of_ours_is_refused() {
    let scratch = Scratch::new("refused");
    std::fs::write(&scratch.0, "not a page").unwrap();
    std::fs::set_permissions(&scratch.0, PermissionsExt::from_mode(0o600)).unwrap();
    assert!(Page::open(&scratch.0).is_err(), "another size");
    std::fs::write(&scratch.0, vec![1; SIZE]).unwrap();
    assert!(Page::open(&scratch.0).is_err(), "another version");
    std::fs::write(&scratch.0, "").unwrap();
    std::fs::set_permissions(&scratch.0, PermissionsExt::from_mode(0o622)).unwrap();
    assert!(Page::open(&scratch.0).is_err(), "others may write");
    std::fs::remove_file(&scratch.0).unwrap();
    std::os::unix::fs::symlink("elsewhere", &scratch.0).unwrap();
    assert!(Page::open(&scratch.0).is_err(), "a link");
    assert!(Page::open(Path::new("/nowhere/page")).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_content_does_any_harm(seed in any::<u64>()) {
        let scratch = Scratch::new("hostile");
        let page = scratch.page();
        let seat = page.take_seat(0).unwrap().unwrap();
        let mut random = crate::simulation::Random::new(seed);
        let mut bytes: Vec<u8> = (64..SIZE).map(|_| random.bits().to_le_bytes()[0]).collect();
        // Some of it looks as if it came from living processes on our CPU.
        for at in (0..SEATS).step_by(2) {
            let place = &mut bytes[at * 64..];
            place[..4].copy_from_slice(&std::process::id().to_le_bytes());
            place[4..8].fill(0);
            place[8..16].copy_from_slice(&started(std::process::id()).unwrap().to_le_bytes());
        }
        page.file.write_all_at(&bytes, 64).unwrap();
        let mut neighbours = Neighbours::new();
        seat.rival(&mut neighbours, Some(urgency(0)), Time(1 << 40));
        prop_assert!(neighbours.count <= NEIGHBOURS);
        let load = seat.external_load();
        prop_assert!(load.is_finite() && load >= 0.0);
        let _ = seat.admit(0.1, 0.9);
        let _ = page.take_seat(0);
        seat.publish(None, None, None);
    }
}
