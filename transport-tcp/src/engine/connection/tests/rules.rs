// SPDX-License-Identifier: MIT OR Apache-2.0
//! What comes, in order and out of it; windows; and what is not believed.

use super::*;
use crate::engine::{Checksums, segment::Block};

#[test]
fn octets_come_once_and_in_order_however_they_arrive() {
    let mut play = Play::open(quiet());
    play.arrives(ACK, 4, 1, b"def");
    let sent = play.segments();
    assert_eq!(sent[0].ack, Seq(IRS) + 1);
    let block = Block {
        start: Seq(IRS) + 4,
        end: Seq(IRS) + 7,
    };
    assert_eq!(sent[0].sack[..], [block], "RFC 2018 §4");
    assert!(!play.tcp.take_events().readable);
    play.arrives(ACK, 1, 1, b"abcde");
    assert_eq!(
        play.sent(),
        [seen(ACK, 1, 7, 0)],
        "a gap that is filled is told at once"
    );
    assert!(play.tcp.take_events().readable);
    play.arrives(ACK, 2, 1, b"bcdefgh");
    assert_eq!(play.received(), b"abcdefgh");
}

#[test]
fn a_duplicate_is_reported_once() {
    let mut play = Play::open(quiet());
    play.arrives(ACK, 1, 1, b"abc");
    play.sent();
    play.arrives(ACK, 1, 1, b"abc");
    let sent = play.segments();
    let block = Block {
        start: Seq(IRS) + 1,
        end: Seq(IRS) + 4,
    };
    assert_eq!(sent[0].sack[..], [block], "RFC 2883 §4");
    play.arrives(ACK, 4, 1, b"d");
    assert_eq!(play.segments()[0].sack[..], []);
}

#[test]
fn a_fin_out_of_order_waits_for_what_is_before_it() {
    let mut play = Play::open(quiet());
    play.arrives(FIN | ACK, 3, 1, b"cd");
    assert_eq!(play.tcp.state(), State::Established);
    play.arrives(ACK, 5, 1, b"beyond");
    play.arrives(ACK, 1, 1, b"ab");
    assert_eq!(play.tcp.state(), State::CloseWait);
    assert_eq!(play.received(), b"abcd", "nothing is after the end");
    assert!(play.tcp.is_finished());
    assert_eq!(play.sent().last(), Some(&seen(ACK, 1, 6, 0)));
}

#[test]
fn the_window_closes_as_octets_wait_and_opens_as_they_are_taken() {
    let settings = Settings {
        receive_budget: 4000,
        ..quiet()
    };
    let mut play = Play::open(settings);
    let full = b"x".repeat(1000).leak();
    for (index, window) in [3000, 2000, 1000, 0].into_iter().enumerate() {
        play.arrives(ACK, 1 + 1000 * u32::try_from(index).expect("few"), 1, full);
        assert_eq!(play.segments()[0].window, window);
    }
    play.arrives(ACK, 4001, 1, b"more than there is room for");
    assert_eq!(play.sent(), [seen(ACK, 1, 4001, 0)], "nothing is taken");
    assert_eq!(play.tcp.take().map(|piece| piece.len()), Some(1000));
    assert_eq!(play.sent(), [], "what is held keeps its room");
    play.tcp.consumed(1000);
    assert_eq!(
        play.segments(),
        [],
        "1000 octets are not worth a word: RFC 9293 §3.8.6.2.2"
    );
    play.tcp.recv();
    let sent = play.segments();
    assert_eq!((sent.len(), sent[0].window), (1, 2000));
}

#[test]
fn windows_are_scaled_after_the_handshake() {
    let settings = Settings {
        receive_budget: 1 << 20,
        window_scaling: true,
        ..quiet()
    };
    let mut play = Play::listening(settings);
    let mut syn = play.segment(SYN, 0, 0, b"");
    syn.scale = Some(3);
    syn.window = 1_000;
    play.tcp.on_segment(play.now, &syn, None);
    let answer = play.segments().remove(0);
    assert_eq!(
        (answer.scale, answer.window),
        (Some(5), u16::MAX),
        "1 MiB needs 5 bits more than 16"
    );
    play.window = 100;
    play.arrives(ACK, 1, 1, b"");
    play.send(5000);
    let sent: usize = play.sent().iter().map(|segment| segment.octets).sum();
    assert_eq!(sent, 800, "100 << 3");
    play.arrives(ACK, 1, 801, b"abc");
    assert_eq!(play.segments()[0].window, 0x7fff);
}

#[test]
fn without_the_peers_offer_nothing_is_scaled_stamped_or_selective() {
    let mut play = Play::listening(Settings::default());
    play.sack = false;
    play.arrives(SYN, 0, 0, b"");
    let answer = play.segments().remove(0);
    assert_eq!(
        (answer.scale, answer.timestamps, answer.sack_permitted),
        (None, None, false)
    );
    assert_eq!(answer.mss, Some(1460));
}

#[test]
fn segments_are_as_long_as_the_peer_and_the_path_take() {
    for (offered, expected) in [
        (Some(1000), 1000),
        (Some(9000), 1460),
        (None, 536),
        (Some(0), 536),
        (Some(1), 64),
    ] {
        let mut play = Play::listening(quiet());
        play.mss = offered;
        let mut play = play.opened();
        play.send(3000);
        assert_eq!(play.sent()[0].octets, expected, "{offered:?}");
    }
}

#[test]
fn a_shorter_path_has_what_was_too_long_sent_again_in_short_segments() {
    let mut play = Play::open(quiet());
    play.send(2920);
    assert_eq!(
        play.sent(),
        [seen(ACK, 1, 1, 1460), seen(ACK | Flags::PSH, 1461, 1, 1460)]
    );
    play.tcp.on_trouble(Seq(ISS) + 5000, Trouble::TooBig(1000));
    assert_eq!(play.sent(), [], "RFC 5927 §4.1: not about something on its way");
    play.tcp.on_trouble(Seq(ISS) + 1, Trouble::TooBig(1040));
    let again = [
        seen(ACK, 1, 1, 1000),
        seen(ACK, 1001, 1, 460),
        seen(ACK, 1461, 1, 1000),
        seen(ACK | Flags::PSH, 2461, 1, 460),
    ];
    assert_eq!(play.sent(), again);
    play.tcp.on_trouble(Seq(ISS) + 1, Trouble::TooBig(60));
    play.arrives(ACK, 1, 2921, b"");
    play.send(1460);
    assert_eq!(play.sent()[0].octets, 512, "nobody makes us send crumbs");
}

#[test]
fn old_timestamps_are_not_taken() {
    let settings = Settings {
        timestamps: true,
        ..quiet()
    };
    let mut play = Play::listening(settings);
    let stamp = |value| Some(Timestamps { value, echo: 0 });
    play.timestamps = stamp(100);
    let mut play = play.opened();
    play.arrives(ACK, 1, 1, b"abc");
    let sent = play.segments();
    assert_eq!(sent[0].timestamps.map(|at| at.echo), Some(100));
    play.timestamps = stamp(99);
    play.arrives(ACK, 4, 1, b"old");
    assert_eq!(play.sent(), [seen(ACK, 1, 4, 0)], "RFC 7323 §5.3 R1");
    play.timestamps = None;
    play.arrives(ACK, 4, 1, b"bare");
    assert_eq!(play.sent(), [], "§3.2: it is dropped");
    play.timestamps = stamp(101);
    play.arrives(ACK, 7, 1, b"gap");
    assert_eq!(play.segments()[0].timestamps.map(|at| at.echo), Some(100), "§4.3");
    play.arrives(ACK, 4, 1, b"def");
    assert_eq!(play.segments()[0].timestamps.map(|at| at.echo), Some(101));
    play.timestamps = stamp(1);
    play.now = play.now + Nanos::from_secs(25 * 24 * 3600);
    play.arrives(ACK, 10, 1, b"ghi");
    assert_eq!(
        play.received(),
        b"abcdefgapghi",
        "§5.5: after 24 days a stamp says nothing"
    );
}

#[test]
fn acknowledgements_of_what_was_never_sent_are_challenged() {
    let mut play = Play::open(quiet());
    play.window = 100;
    play.arrives(ACK, 1, 2, b"");
    assert_eq!(play.sent(), [seen(ACK, 1, 1, 0)], "RFC 5961 §5.2");
    play.arrives(ACK, 1, 0u32.wrapping_sub(70_000), b"data");
    assert_eq!(play.sent(), [seen(ACK, 1, 1, 0)]);
    assert_eq!(play.received(), b"");
}

#[test]
fn challenges_are_limited_in_number() {
    let mut play = Play::open(quiet());
    let mut answers = 0;
    for _ in 0..100 {
        play.arrives(SYN, 500, 0, b"");
        answers += play.sent().len();
    }
    assert_eq!(answers, 10, "RFC 5961 §7");
    play.now = play.now + MS(600);
    play.arrives(SYN, 500, 0, b"");
    assert_eq!(play.sent().len(), 1);
}

#[test]
fn closing_with_octets_not_taken_resets() {
    let mut play = Play::open(quiet());
    play.arrives(ACK, 1, 1, b"unread");
    play.tcp.close(play.now);
    assert_eq!(play.sent(), [seen(RST | ACK, 1, 7, 0)], "RFC 9293 §3.6.1");
}

#[test]
fn octets_after_closing_reset() {
    let mut play = Play::open(quiet());
    play.tcp.close(play.now);
    assert_eq!(play.sent(), [seen(FIN | ACK, 1, 1, 0)]);
    play.arrives(ACK, 1, 2, b"");
    play.arrives(ACK, 1, 2, b"late");
    assert_eq!(play.sent(), [seen(RST | ACK, 2, 1, 0)], "RFC 9293 §3.6.1");
    assert!(play.tcp.is_over());
}

#[test]
fn a_half_closed_connection_still_receives() {
    let mut play = Play::open(quiet());
    play.tcp.shutdown(play.now);
    play.sent();
    play.arrives(ACK, 1, 2, b"answer");
    assert_eq!(play.received(), b"answer");
    assert_eq!(play.tcp.state(), State::FinWait2);
    assert!(matches!(
        play.tcp.send(Bytes::from_static(b"x")),
        Err(SendError::Closed(_))
    ));
}

#[test]
fn the_send_budget_bounds_what_is_queued_and_says_when_there_is_room() {
    let settings = Settings {
        send_budget: 3000,
        ..quiet()
    };
    let mut play = Play::open(settings);
    play.send(2000);
    let piece = Bytes::from(vec![0; 1001]);
    assert!(matches!(play.tcp.send(piece), Err(SendError::Full(piece)) if piece.len() == 1001));
    assert_eq!(play.tcp.room(), 1000);
    play.sent();
    assert!(!play.tcp.take_events().writable);
    play.arrives(ACK, 1, 1461, b"");
    assert!(play.tcp.take_events().writable);
    assert_eq!(play.tcp.room(), 2460);
    let mut crumbs = 0;
    while play.tcp.send(Bytes::from_static(b"x")).is_ok() {
        crumbs += 1;
    }
    assert!(crumbs <= quiet().most_pieces(3000), "pieces have a bound as well");
}

#[test]
fn pieces_are_let_go_as_they_are_acknowledged() {
    let mut play = Play::open(quiet());
    let piece = Bytes::from(vec![1; 100]);
    let at = piece.as_ptr();
    play.tcp.send(piece.clone()).expect("room");
    let packet = play.tcp.transmit(play.now).expect("a packet");
    assert_eq!(packet.payload[0].as_ptr(), at, "nothing is copied");
    drop(packet);
    assert!(!piece.is_unique());
    play.arrives(ACK, 1, 101, b"");
    assert!(piece.is_unique());
}

#[test]
fn a_lone_connection_takes_packets_of_its_own_peer_only() {
    let ours = Play::endpoints();
    let peer = Endpoints {
        local: ours.remote,
        remote: ours.local,
    };
    let wrong = [
        Endpoints {
            local: ([192, 0, 2, 3], 2000).into(),
            ..peer
        },
        Endpoints {
            local: ([192, 0, 2, 2], 2001).into(),
            ..peer
        },
        Endpoints {
            remote: ([192, 0, 2, 4], 1000).into(),
            ..peer
        },
        Endpoints {
            remote: ([192, 0, 2, 1], 1001).into(),
            ..peer
        },
        Endpoints {
            local: (std::net::Ipv6Addr::LOCALHOST, 2000).into(),
            remote: (std::net::Ipv6Addr::LOCALHOST, 1000).into(),
        },
    ];
    let mut play = Play::listening(quiet());
    let syn = play.segment(SYN, 0, 0, b"");
    let packet = |from: Endpoints| {
        let mut packet = transport_apic::Packet::<Bytes>::default();
        Path::new(from, TCP, Checksums::Verify).write(&syn, &mut packet);
        packet
    };
    for from in wrong {
        assert_eq!(
            play.tcp.receive(play.now, &mut packet(from)),
            Err(Malformed::Address)
        );
        assert_eq!(play.tcp.state(), State::Listen);
    }
    assert_eq!(play.tcp.receive(play.now, &mut packet(peer)), Ok(()));
    assert_eq!(play.tcp.state(), State::SynReceived);
}
