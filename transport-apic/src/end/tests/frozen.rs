// SPDX-License-Identifier: MIT OR Apache-2.0
//! Buffers that somebody fills where they are transmitted from.

use super::*;

const FRAME: usize = 4 * PAGE as usize;
/// An eighth of them, rounded up, is not for buffers.
const LARGE: Geometry = Geometry {
    large: FrameClass {
        size: 4 * PAGE,
        count: 6,
    },
    ..SMALL
};

/// Frozen, and filled with something.
fn frozen(end: &mut End, length: usize) -> Frame {
    let mut buffer = end.buffer(length).expect("there are frames");
    buffer.as_mut().fill(7);
    buffer.freeze()
}

fn lies_within(part: &[u8], whole: &[u8]) -> bool {
    let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
    whole.start <= part.start && part.end <= whole.end
}

/// Sends a slice as it lies, if it is let.
fn send_frozen(end: &mut End, bytes: &[u8]) -> bool {
    let Some(frame) = end.frozen(bytes) else {
        return false;
    };
    assert_eq!(frame.as_ptr_range(), bytes.as_ptr_range());
    end.transmit(&packet(&[1; 40], [frame]), NOW)
        .expect("there is room");
    end.publish();
    true
}

#[test]
fn any_slice_of_a_frozen_buffer_goes_without_a_copy_as_often_as_one_likes() {
    let (mut here, mut there) = pair(LARGE, Integrity::Shared);
    let mut buffer = here.buffer(2 * FRAME + 1).expect("there are frames");
    assert_eq!(
        (
            buffer.as_ref().len(),
            buffer.as_ref().as_ptr().addr() % PAGE as usize
        ),
        (2 * FRAME + 1, 0)
    );
    for (octet, number) in buffer.as_mut().iter_mut().zip((0..=250_u8).cycle()) {
        *octet = number;
    }
    let whole = buffer.freeze().into_bytes();
    for range in [0..whole.len(), FRAME + 5..2 * FRAME + 1, 0..300, 5..8] {
        let part = whole.slice(range);
        assert!(send_frozen(&mut here, &part));
        let got = receive(&mut there);
        assert_eq!(bytes(&got), part);
        assert!(lies_within(&got.payload[0], &whole), "pair's memory is the same");
        assert_eq!(here.counters().copied_bytes, 0);
    }
}

#[test]
fn what_can_still_be_written_or_lies_elsewhere_is_not_taken_as_it_lies() {
    let (mut here, _there) = pair(LARGE, Integrity::Shared);
    let (mut other, _) = pair(LARGE, Integrity::Shared);
    let buffer = here.buffer(FRAME).expect("there are frames");
    assert!(!send_frozen(&mut here, buffer.as_ref()), "it is not frozen");
    let placed = here.place(&[1; 9000]).expect("there is room");
    assert!(
        !send_frozen(&mut here, &placed),
        "what comes behind it is written yet"
    );
    let whole = frozen(&mut other, FRAME);
    assert!(!send_frozen(&mut here, &whole), "another channel's");
    assert!(!send_frozen(&mut here, &[1; 9000]));
    assert!(send_frozen(&mut other, &whole));
}

#[test]
fn a_frame_is_frozen_for_one_life_only() {
    let (mut here, mut there) = pair(LARGE, Integrity::Shared);
    let whole = frozen(&mut here, FRAME);
    let place = whole.as_ptr();
    assert!(send_frozen(&mut here, &whole));
    drop(whole);
    let got = receive(&mut there);
    let other = here.buffer(FRAME).expect("there are frames");
    assert_ne!(other.as_ref().as_ptr(), place, "the receiver still has it");
    drop((got, other));
    nothing(&mut there);
    let again = here.buffer(FRAME).expect("there are frames");
    assert_eq!(again.as_ref().as_ptr(), place, "both are done with it");
    assert!(!send_frozen(&mut here, again.as_ref()), "it may be written");
}

#[test]
fn what_is_kept_leaves_frames_for_what_is_copied() {
    let (mut here, mut there) = pair(LARGE, Integrity::Shared);
    assert!(here.buffer(6 * FRAME).is_none() && here.buffer(usize::MAX).is_none());
    let kept: Vec<_> = (0..10).map_while(|_| here.buffer(1)).collect();
    assert_eq!(kept.len(), 5);
    send(&mut here, &[1; 40], &[2; FRAME]).expect("there is a frame");
    assert_eq!(bytes(&receive(&mut there)), vec![2; FRAME]);
    drop(kept);
    assert!(here.buffer(4 * FRAME).is_some());
}

#[test]
fn a_buffer_outlives_its_channel() {
    let (mut here, there) = pair(LARGE, Integrity::Shared);
    let mut buffer = here.buffer(FRAME).expect("there are frames");
    let whole = frozen(&mut here, FRAME).into_bytes();
    drop((here, there));
    buffer.as_mut().fill(3);
    let late = std::thread::spawn(move || buffer.freeze().into_bytes());
    assert_eq!(late.join().expect("nothing fails"), vec![3; FRAME]);
    assert_eq!(whole, vec![7; FRAME]);
}

#[test]
fn who_copies_what_comes_copies_this_too() {
    let (mut here, mut there) = pair(LARGE, Integrity::Copied);
    let whole = frozen(&mut here, FRAME);
    assert!(send_frozen(&mut here, &whole));
    let got = receive(&mut there);
    assert_eq!(bytes(&got), *whole);
    assert!(!lies_within(&got.payload[0], &whole));
}
