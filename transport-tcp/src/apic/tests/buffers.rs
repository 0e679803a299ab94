// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is filled where it is sent from.

use super::*;

/// Sends all parts, however many times that takes.
fn send_all(link: &dyn Link, parts: &[&[u8]]) {
    let mut slices: Vec<_> = parts.iter().map(|part| IoSlice::new(part)).collect();
    let mut left = &mut slices[..];
    while !left.is_empty() {
        let sent = link.send(left, Some(SOON)).expect("sent");
        IoSlice::advance_slices(&mut left, sent);
    }
}

/// Sends in another thread, and receives the middle where it lies.
fn through(client: &Arc<dyn Link>, server: &Arc<dyn Link>, octets: &Bytes) -> Bytes {
    let (sender, part) = (Arc::clone(client), octets.clone());
    let sending = thread::spawn(move || send_all(&*sender, &[b"head", &part, b"tail"]));
    assert_eq!(received(&**server), b"head");
    let mut got = BytesMut::new();
    let mut lies = Bytes::new();
    while got.len() < octets.len() {
        lies = server
            .recv_where_it_lies(octets.len() - got.len(), Some(SOON))
            .expect("it comes");
        got.extend_from_slice(&lies);
    }
    assert!(got == *octets, "{} at last", lies.len());
    assert_eq!(received(&**server), b"tail");
    sending.join().expect("no panic");
    lies
}

fn filled(link: &dyn Link, octets: usize) -> Bytes {
    let mut buffer = link.buffer(octets).expect("there is memory");
    assert_eq!((*buffer).as_ref().len(), octets);
    let numbers = (0..=250_u8).cycle();
    (*buffer)
        .as_mut()
        .iter_mut()
        .zip(numbers)
        .for_each(|(octet, number)| *octet = number);
    buffer.freeze()
}

/// The packets of payload that one end has sent, and what it copied.
fn watched(link: &Arc<dyn Link>) -> Arc<parking_lot::Mutex<Vec<usize>>> {
    #[derive(Debug)]
    struct Lengths(Arc<parking_lot::Mutex<Vec<usize>>>);
    impl orb_core::transport::Tap for Lengths {
        fn packet(&mut self, direction: orb_core::transport::Direction, parts: &[&[u8]]) {
            if direction == orb_core::transport::Direction::Sent {
                self.0.lock().push(parts.iter().map(|part| part.len()).sum());
            }
        }
    }
    let lengths = Arc::default();
    link.tap(Box::new(Lengths(Arc::clone(&lengths)))).expect("no tap");
    lengths
}

#[test]
fn what_lies_there_goes_as_one_whatever_its_length() {
    let fabric = Fabric::new();
    let (client, server) = fabric.pair();
    let lengths = watched(&client);
    for octets in [20_000, 65_536, 3_000_001, 16 << 20] {
        let whole = filled(&*client, octets);
        for part in [whole.clone(), whole.slice(1000..), whole] {
            lengths.lock().clear();
            let lies = through(&client, &server, &part);
            assert!(octets < 65_536 || lies.len() == part.len(), "as one");
            // Where there are more, each is a packet of what is not even there to be sent.
            let payload = lengths.lock().iter().filter(|length| **length > 40).count();
            assert!(payload <= 4, "{octets} octets in {payload} packets");
        }
    }
    assert!(client.buffer(100).is_none(), "that is copied anyway");
}

#[test]
fn who_keeps_all_there_is_can_still_send() {
    let fabric = Fabric::new();
    let (client, server) = fabric.pair();
    let kept: Vec<_> = (0..100)
        .map_while(|_| client.buffer(1 << 20).map(|buffer| buffer.freeze()))
        .collect();
    assert_eq!(kept.len(), 35);
    let bulk: Bytes = (0..=250).cycle().take(12 << 20).collect::<Vec<u8>>().into();
    through(&client, &server, &bulk);
    for part in &kept {
        through(&client, &server, part);
    }
    drop(kept);
    // They come back when the receiver next says something.
    server.try_send(&[IoSlice::new(b"done")]).expect("sent");
    received(&*client);
    assert!(client.buffer(35 << 20).is_some());
}

#[test]
fn what_another_connection_has_is_copied() {
    let fabric = Fabric::new();
    let (client, server) = fabric.pair();
    let (other, other_server) = fabric.pair();
    let whole = filled(&*client, 100_000);
    drop((client, server));
    through(&other, &other_server, &whole);
    assert_eq!(whole.len(), 100_000);
}

#[test]
fn what_is_kept_by_both_outlives_them() {
    let fabric = Fabric::new();
    let (client, server) = fabric.pair();
    let whole = filled(&*client, 1 << 20);
    let lies = through(&client, &server, &whole);
    client.shutdown();
    server.shutdown();
    drop((client, server, fabric));
    assert!(lies == whole);
}

#[test]
fn octets_that_are_copied_find_room_beside_those_that_are_not() {
    let mut config = Config::default();
    config.integrity = Integrity::Copied;
    for fabric in [Fabric::new(), Fabric::with(config)] {
        let (client, server) = fabric.pair();
        let whole = filled(&*client, 16 << 20);
        let sender = Arc::clone(&client);
        let sending = thread::spawn(move || {
            for round in 0..4_u8 {
                send_all(
                    &*sender,
                    &[&whole, &[round; 200], &whole[..100_000], &[round; 9000]],
                );
            }
        });
        let mut octets = BytesMut::new();
        let all = 4 * ((16 << 20) + 200 + 100_000 + 9000);
        while octets.len() < all {
            octets.reserve(1 << 16);
            assert!(server.recv(&mut octets, Some(SOON)).expect("it comes") > 0);
        }
        sending.join().expect("no panic");
        assert_eq!(octets.len(), all);
        assert_eq!((octets[16 << 20], octets[all - 1]), (0, 3));
    }
}
