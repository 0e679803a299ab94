// SPDX-License-Identifier: MIT OR Apache-2.0
use proptest::prelude::*;

use super::*;

fn names(path: PoaPath<'_>) -> Vec<&str> {
    path.names().collect()
}

#[test]
fn a_system_key_says_slot_generation_and_instance() {
    let slot = SlotId {
        slot: 7,
        generation: 3,
    };
    let key = system_key(42, slot);
    assert_eq!(
        ObjectKey::parse(&key),
        Some(ObjectKey::System { instance: 42, slot })
    );
    assert_eq!(system_slot(&key, 42), Some(slot));
    assert_eq!(system_slot(&key, 43), None, "a key of an earlier run");
    assert!(key.ends_with(&slot.to_object_id()));
}

#[test]
fn a_persistent_key_reads_the_same_in_every_run() {
    let path = ["control".to_string(), "pumps".to_string()];
    let mut key = prefix(Lifetime::Persistent("plant"), &path);
    assert_eq!(key, b"UPp1\0\x05plant\0\x0e\x07control\x05pumps");
    key.extend_from_slice(b"p-1");
    let Some(ObjectKey::Persistent {
        server_id,
        path,
        object_id,
    }) = ObjectKey::parse(&key)
    else {
        panic!("not a persistent key")
    };
    assert_eq!(
        (server_id, names(path), object_id),
        (&b"plant"[..], vec!["control", "pumps"], &b"p-1"[..])
    );
}

#[test]
fn the_root_has_an_empty_path_and_an_id_may_be_empty() {
    let key = prefix(Lifetime::Transient(1), &[]);
    let Some(ObjectKey::Transient {
        instance: 1,
        path,
        object_id: [],
    }) = ObjectKey::parse(&key)
    else {
        panic!("not a transient key")
    };
    assert_eq!(names(path), [""; 0]);
}

#[test]
fn foreign_and_damaged_keys_are_none_of_ours() {
    assert_eq!(ObjectKey::parse(b"NameService"), None);
    let key = system_key(
        1,
        SlotId {
            slot: 0,
            generation: 0,
        },
    );
    for length in 0..key.len() {
        assert_eq!(
            ObjectKey::parse(&key[..length]),
            None,
            "{length} octets of a system key"
        );
    }
    // A path whose names do not end where it does, and one that is not UTF-8.
    assert_eq!(ObjectKey::parse(b"UPp1\0\x01s\0\x02\x05a"), None);
    assert_eq!(ObjectKey::parse(b"UPp1\0\x01s\0\x02\x01\xff"), None);
    // Deeper than POAs nest.
    let mut deep = b"UPp1\0\x01s".to_vec();
    deep.extend_from_slice(&200u16.to_be_bytes());
    deep.extend_from_slice(&[0; 200]);
    assert_eq!(ObjectKey::parse(&deep), None);
}

proptest! {
    #[test]
    fn every_path_and_id_survives(
        path in prop::collection::vec(".{0,12}", 0..6),
        id in prop::collection::vec(any::<u8>(), 0..40),
        server in "[a-z]{0,9}",
    ) {
        let mut key = prefix(Lifetime::Persistent(&server), &path);
        key.extend_from_slice(&id);
        match ObjectKey::parse(&key) {
            Some(ObjectKey::Persistent { server_id, path: got, object_id }) => {
                prop_assert_eq!(server_id, server.as_bytes());
                prop_assert_eq!(names(got), path);
                prop_assert_eq!(object_id, id);
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn no_key_makes_it_panic(key in prop::collection::vec(any::<u8>(), 0..64), kind in 0usize..3) {
        let mut own = [SYSTEM, TRANSIENT, PERSISTENT][kind].to_vec();
        own.extend_from_slice(&key);
        let _ = ObjectKey::parse(&key);
        if let Some(ObjectKey::Persistent { path, .. } | ObjectKey::Transient { path, .. }) = ObjectKey::parse(&own) {
            path.names().count();
        }
    }
}
