// SPDX-License-Identifier: MIT OR Apache-2.0
//! What travels arrives, and what makes no sense is nothing.

use proptest::{option, prelude::*};

use super::*;

fn time() -> impl Strategy<Value = Duration> {
    any::<u64>().prop_map(Duration::from_nanos)
}

fn qos() -> impl Strategy<Value = Qos> {
    let isochronous = (time(), any::<u32>(), any::<usize>(), option::of(time()));
    let burst = (
        any::<u64>(),
        any::<usize>(),
        option::of(any::<usize>()),
        option::of(time()),
    );
    let low_delay = (time(), option::of(time()), any::<usize>(), any::<i16>());
    prop_oneof![
        isochronous.prop_map(|(period, messages, message_size, deadline)| {
            Qos::Isochronous(Isochronous {
                period,
                messages,
                message_size,
                deadline,
                worst_case: None,
            })
        }),
        burst.prop_map(|(bandwidth, burst_size, message_size, deadline)| {
            Qos::Burst(Burst {
                bandwidth,
                burst_size,
                message_size,
                deadline,
                worst_case: None,
            })
        }),
        low_delay.prop_map(|(delay, minimum_interval, message_size, priority)| {
            Qos::LowDelay(LowDelay {
                delay,
                minimum_interval,
                message_size,
                priority,
                worst_case: None,
            })
        }),
        any::<u32>().prop_map(Qos::best_effort),
    ]
}

proptest! {
    #[test]
    fn every_request_arrives(qos in qos()) {
        let data = encode_request(&qos);
        prop_assert!(data.len() <= LONGEST);
        prop_assert_eq!(decode_request(&data), Some(qos));
    }

    #[test]
    fn every_grant_arrives(
        qos in qos(),
        probation: bool,
        period in time(),
        messages: u32,
        deadline in time(),
    ) {
        let granted = Granted { qos, probation, period, messages, deadline };
        let data = encode_grant(&granted);
        prop_assert!(data.len() <= LONGEST);
        prop_assert_eq!(decode_grant(&data), Some(granted));
    }

    #[test]
    fn octets_of_nobody_do_no_harm(data in prop::collection::vec(any::<u8>(), 0..200), version in 0..3u8) {
        let _ = (decode_request(&data), decode_grant(&data));
        let data = [&[version][..], &data].concat();
        for qos in [decode_request(&data), decode_grant(&data).map(|it| it.qos)].into_iter().flatten() {
            prop_assert_eq!(decode_request(&encode_request(&qos)), Some(qos));
        }
    }

    #[test]
    fn a_part_of_a_request_is_none(qos in qos(), cut: prop::sample::Index) {
        let data = encode_request(&qos);
        prop_assert_eq!(decode_request(&data[..cut.index(data.len())]), None);
        prop_assert_eq!(decode_request(&[&data[..], &[0]].concat()), None);
    }
}

#[test]
fn the_format_of_version_1_stays_as_it_is() {
    let qos = Qos::low_delay(Duration::from_millis(2)).priority(-3);
    // Version, variant, 2,000,000 ns, no interval, 1,024 bytes, priority in zigzag.
    let data = [1, 2, 252, 128, 132, 30, 0, 0, 251, 0, 4, 5];
    assert_eq!(encode_request(&qos), data);
    assert_eq!(decode_request(&data), Some(qos));
    let weight = [1, 3, 7];
    assert_eq!(decode_request(&weight), Some(Qos::best_effort(7)));
}

#[test]
fn another_version_is_left_unread() {
    let mut data = encode_request(&Qos::default());
    for version in [0, 2, 255] {
        data[0] = version;
        assert_eq!(decode_request(&data), None);
    }
    assert_eq!(decode_request(&[]), None);
}

#[test]
fn a_worst_case_is_not_a_clients_to_declare() {
    let asked = Qos::low_delay(Duration::from_millis(2));
    let declared = asked.clone().worst_case(Duration::from_micros(1));
    assert_eq!(decode_request(&encode_request(&declared)), Some(asked));
}
