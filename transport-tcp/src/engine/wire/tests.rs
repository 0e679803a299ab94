// SPDX-License-Identifier: MIT OR Apache-2.0
use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::engine::{segment::Flags, sequence::Seq};

/// A way over IPv4 or IPv6, and the headers of a packet that comes back.
fn way(v6: bool, options: bool) -> (Path, Vec<u8>) {
    let [local, remote]: [SocketAddr; 2] = if v6 {
        [([1; 8], 1000).into(), ([2; 8], 2000).into()]
    } else {
        [([192, 0, 2, 1], 1000).into(), ([192, 0, 2, 2], 2000).into()]
    };
    let back = Endpoints {
        local: remote,
        remote: local,
    };
    let segment = Segment {
        seq: Seq(1),
        flags: Flags::ACK,
        mss: options.then_some(1460),
        ..Segment::default()
    };
    let mut packet = Packet::<Bytes>::default();
    Path::new(back, TCP, Checksums::Verify).write(&segment, &mut packet);
    let path = Path::new(Endpoints { local, remote }, TCP, Checksums::Verify);
    (path, packet.headers.as_ref().to_vec())
}

#[test]
fn what_a_peer_of_our_own_sends_is_predicted() {
    for (v6, options) in [(false, false), (false, true), (true, false), (true, true)] {
        let (path, headers) = way(v6, options);
        let predicted = path.predict_back(&headers).expect("nothing special");
        assert_eq!(path.read_any_back(&headers), Ok(predicted));
    }
}

proptest! {
    #[test]
    fn what_is_predicted_is_what_is_read(
        v6: bool,
        changes in proptest::collection::vec((0_usize..60, any::<u8>()), 0..3),
        length in 0_usize..90,
    ) {
        let (path, mut headers) = way(v6, true);
        for (at, octet) in changes {
            if let Some(place) = headers.get_mut(at) {
                *place = octet;
            }
        }
        headers.truncate(length);
        if let Some(predicted) = path.predict_back(&headers) {
            prop_assert_eq!(path.read_any_back(&headers), Ok(predicted));
        }
        prop_assert_eq!(path.read_back(&headers), path.read_any_back(&headers));
    }
}
