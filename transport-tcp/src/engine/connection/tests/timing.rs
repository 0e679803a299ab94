// SPDX-License-Identifier: MIT OR Apache-2.0
//! What happens as time passes: retransmission, probes, delays and ends.

use super::*;
use crate::engine::KeepAlive;

/// An open connection that has measured a round trip of `rtt`.
fn measured(settings: Settings, rtt: Nanos) -> Play {
    let mut play = Play::connecting(settings);
    play.sent();
    play.now = play.now + rtt;
    play.arrives(SYN | ACK, 0, 1, b"");
    play.sent();
    play.tcp.take_events();
    play
}

#[test]
fn an_unanswered_syn_is_sent_again_ever_more_rarely_and_given_up() {
    let settings = Settings {
        handshake_timeout: Nanos::from_secs(20),
        ..quiet()
    };
    let mut play = Play::connecting(settings);
    assert_eq!(play.sent().len(), 1);
    for seconds in [1, 2, 4, 8] {
        let (waited, sent) = play.until_sent();
        assert_eq!(
            (waited, sent),
            (Nanos::from_secs(seconds), vec![seen(SYN, 0, 0, 0)])
        );
    }
    let (_, sent) = play.until_sent();
    assert_eq!(sent, []);
    assert_eq!(
        (play.tcp.state(), play.tcp.error()),
        (State::Closed, Some(Error::TimedOut))
    );
    assert!(play.tcp.take_events().closed);
}

#[test]
fn the_timeout_doubles_and_the_user_timeout_ends_it() {
    let settings = Settings {
        user_timeout: Nanos::from_secs(3),
        sack: false,
        ..quiet()
    };
    let mut play = measured(settings, MS(100));
    play.send(10);
    assert_eq!(play.sent().len(), 1);
    // SRTT 100 ms and RTTVAR 50 ms make 300 ms.
    for wait in [300, 600, 1200] {
        let (waited, sent) = play.until_sent();
        assert_eq!((waited, sent), (MS(wait), vec![seen(ACK | Flags::PSH, 1, 1, 10)]));
    }
    assert_eq!(play.until_sent().1, []);
    assert_eq!(play.tcp.error(), Some(Error::TimedOut));
}

#[test]
fn three_duplicates_have_the_first_segment_sent_again_without_sack() {
    let settings = Settings {
        sack: false,
        ..quiet()
    };
    let mut play = measured(settings, MS(100));
    play.send(14_600);
    assert_eq!(play.sent().len(), 10);
    play.now = play.now + MS(50);
    for _ in 0..2 {
        play.arrives(ACK, 1, 1, b"");
        assert_eq!(play.sent(), []);
    }
    play.arrives(ACK, 1, 1, b"");
    assert_eq!(play.sent(), [seen(ACK, 1, 1, 1460)], "RFC 5681 §3.2");
    play.arrives(ACK, 1, 2921, b"");
    assert_eq!(
        play.sent()[0],
        seen(ACK, 2921, 1, 1460),
        "a partial acknowledgement: RFC 6582 §3.2"
    );
    play.arrives(ACK, 1, 14_601, b"");
    assert_eq!(play.tcp.counters().retransmitted, 2);
}

#[test]
fn what_lies_behind_a_gap_shows_what_is_lost() {
    let mut play = measured(quiet(), MS(100));
    play.send(14_600);
    play.sent();
    play.now = play.now + MS(100);
    // The first and the fourth are lost.
    play.sacks(1, &[(1461, 4381)]);
    assert_eq!(play.sent(), [], "it may be reordering");
    play.sacks(1, &[(5841, 7301), (1461, 4381)]);
    assert_eq!(
        play.sent(),
        [seen(ACK, 1, 1, 1460)],
        "the window has halved: RFC 5681 §3.1"
    );
    play.sacks(1, &[(5841, 14_601), (1461, 4381)]);
    assert_eq!(play.sent(), [seen(ACK, 4381, 1, 1460)], "nothing else is missing");
    play.now = play.now + MS(100);
    play.arrives(ACK, 1, 14_601, b"");
    assert_eq!(play.sent(), []);
    assert_eq!(play.tcp.deadline(), None, "no timer is left");
}

#[test]
fn a_retransmission_that_is_lost_is_found_without_the_timer() {
    let mut play = measured(quiet(), MS(100));
    play.send(29_200);
    assert_eq!(play.sent().len(), 10);
    play.now = play.now + MS(100);
    play.sacks(1, &[(1461, 14_601)]);
    let sent = play.sent();
    assert_eq!(sent[0], seen(ACK, 1, 1, 1460));
    assert!(sent.len() > 2, "the window has room for new ones: {sent:?}");
    play.now = play.now + MS(100);
    let end = 14_601 + 1460 * u32::try_from(sent.len() - 1).expect("few");
    play.sacks(1, &[(1461, end)]);
    assert_eq!(play.sent()[0], seen(ACK, 1, 1, 1460), "RFC 8985 §3.2");
}

#[test]
fn a_lost_tail_is_probed_before_the_timeout() {
    let mut play = measured(quiet(), MS(50));
    play.send(2920);
    assert_eq!(play.sent().len(), 2);
    let (waited, sent) = play.until_sent();
    assert_eq!(waited, MS(100), "two round trips: RFC 8985 §7.2");
    assert_eq!(sent, [seen(ACK | Flags::PSH, 1461, 1, 1460)], "the last segment");
    play.now = play.now + MS(50);
    play.sacks(1, &[(1461, 2921)]);
    let (_, sent) = play.until_sent();
    assert_eq!(sent, [seen(ACK, 1, 1, 1460)], "and what it shows to be lost");
}

#[test]
fn a_timeout_sends_all_again_that_is_not_known_to_be_there() {
    let mut play = measured(quiet(), MS(100));
    play.send(7300);
    assert_eq!(play.sent().len(), 5);
    play.now = play.now + MS(100);
    play.sacks(1, &[(2921, 4381)]);
    let (mut again, mut next) = (Vec::new(), 1);
    while next < 7301 {
        let (_, sent) = play.until_sent();
        assert!(!sent.is_empty(), "stuck at {next}");
        for segment in sent {
            again.push(segment.seq);
            if segment.seq == next {
                next += u32::try_from(segment.octets).expect("short");
                next = if next == 2921 { 4381 } else { next };
                play.arrives(ACK, 1, next, b"");
            }
        }
    }
    again.sort_unstable();
    assert_eq!(again, [1, 1461, 4381, 5841]);
}

#[test]
fn a_closed_window_is_asked_for_as_long_as_the_peer_answers() {
    let mut play = measured(quiet(), MS(100));
    play.window = 0;
    play.arrives(ACK, 1, 1, b"");
    play.send(10);
    assert_eq!(play.sent(), []);
    let mut last = Nanos::ZERO;
    for _ in 0..12 {
        let (waited, sent) = play.until_sent();
        assert_eq!(sent, [seen(ACK, 0, 1, 0)], "an old number: RFC 9293 §3.8.6.1");
        assert!(waited >= last, "ever more rarely");
        last = waited;
        play.arrives(ACK, 1, 1, b"");
    }
    assert!(
        play.now > Time(1_000_000_000) + quiet().user_timeout,
        "long after the user timeout"
    );
    play.window = 60_000;
    play.arrives(ACK, 1, 1, b"");
    assert_eq!(play.sent(), [seen(ACK | Flags::PSH, 1, 1, 10)]);
    assert_eq!(
        play.until_sent().0,
        MS(300),
        "what is lost now is not waited for that long"
    );
}

#[test]
fn a_closed_window_of_a_silent_peer_ends_the_connection() {
    let settings = Settings {
        user_timeout: Nanos::from_secs(30),
        ..quiet()
    };
    let mut play = measured(settings, MS(100));
    play.window = 0;
    play.arrives(ACK, 1, 1, b"");
    play.send(10);
    for _ in 0..20 {
        play.until_sent();
    }
    assert_eq!(play.tcp.error(), Some(Error::TimedOut));
}

#[test]
fn a_window_that_is_silly_is_not_filled_at_once() {
    let mut play = measured(quiet(), MS(100));
    play.window = 100;
    play.arrives(ACK, 1, 1, b"");
    play.send(5000);
    let (waited, sent) = play.until_sent();
    assert_eq!(sent, [seen(ACK, 1, 1, 100)]);
    assert!(waited > Nanos::ZERO, "RFC 9293 §3.8.6.2.1");
}

#[test]
fn nagle_holds_short_segments_back_where_it_is_on() {
    for (nagle, count) in [(false, 2), (true, 1)] {
        let mut play = measured(Settings { nagle, ..quiet() }, MS(100));
        play.send(10);
        let first = play.sent().len();
        play.send(10);
        let second = play.sent().len();
        assert_eq!(first + second, count);
        play.arrives(ACK, 1, 11, b"");
        assert_eq!(play.sent().len(), 2 - count);
    }
}

#[test]
fn acknowledgements_wait_for_company_but_not_long() {
    let settings = Settings {
        delayed_ack: MS(40),
        ..quiet()
    };
    let mut play = measured(settings, MS(100));
    play.arrives(ACK, 1, 1, b"request");
    assert_eq!(play.sent(), []);
    play.send(5);
    assert_eq!(
        play.sent(),
        [seen(ACK | Flags::PSH, 1, 8, 5)],
        "the answer brings it"
    );
    play.arrives(ACK, 8, 6, b"oneway");
    let (waited, sent) = play.until_sent();
    assert_eq!((waited, sent), (MS(40), vec![seen(ACK, 6, 14, 0)]));
    let full = b"x".repeat(1460).leak();
    play.arrives(ACK, 14, 6, full);
    assert_eq!(play.sent(), []);
    play.arrives(ACK, 1474, 6, full);
    assert_eq!(play.sent(), [seen(ACK, 6, 2934, 0)], "every second full segment");
}

#[test]
fn low_delay_acknowledges_each_burst_at_once() {
    let mut play = measured(quiet(), MS(100));
    play.arrives(ACK, 1, 1, b"a");
    play.arrives(ACK, 2, 1, b"b");
    assert_eq!(play.sent(), [seen(ACK, 1, 3, 0)]);
}

#[test]
fn a_silent_peer_is_asked_and_given_up() {
    let keep_alive = KeepAlive {
        idle: Nanos::from_secs(60),
        interval: Nanos::from_secs(5),
        probes: 3,
    };
    let settings = Settings {
        keep_alive: Some(keep_alive),
        ..quiet()
    };
    let mut play = measured(settings, MS(100));
    let (waited, sent) = play.until_sent();
    assert_eq!(
        (waited, sent),
        (Nanos::from_secs(60), vec![seen(ACK, 0, 1, 0)]),
        "RFC 9293 §3.8.4"
    );
    play.arrives(ACK, 1, 1, b"");
    for seconds in [60, 5, 5] {
        assert_eq!(play.until_sent().0, Nanos::from_secs(seconds));
    }
    let (waited, sent) = play.until_sent();
    assert_eq!((waited, sent), (Nanos::from_secs(5), vec![]));
    assert_eq!(play.tcp.error(), Some(Error::TimedOut));
}

#[test]
fn a_peer_that_never_closes_is_left_behind() {
    let mut play = measured(quiet(), MS(100));
    play.tcp.close(play.now);
    play.sent();
    play.arrives(ACK, 1, 2, b"");
    assert_eq!(play.tcp.state(), State::FinWait2);
    play.sent();
    play.now = play.now + quiet().orphan_timeout;
    play.sent();
    assert!(play.tcp.is_over());
}

#[test]
fn unreachable_is_believed_of_a_connection_that_never_opens_only() {
    let mut play = Play::connecting(quiet());
    play.sent();
    play.tcp.on_trouble(Seq(ISS), Trouble::Soft);
    assert_eq!(play.tcp.state(), State::SynSent);
    play.tcp.on_trouble(Seq(ISS), Trouble::Hard);
    assert_eq!(play.tcp.error(), Some(Error::Refused));
    let mut play = measured(
        Settings {
            user_timeout: Nanos::from_secs(3),
            ..quiet()
        },
        MS(100),
    );
    play.send(1);
    play.sent();
    play.tcp.on_trouble(Seq(ISS) + 1, Trouble::Hard);
    assert_eq!(play.tcp.state(), State::Established, "RFC 5461 §2.2");
    for _ in 0..20 {
        play.until_sent();
    }
    assert_eq!(
        play.tcp.error(),
        Some(Error::Unreachable),
        "but it explains the end"
    );
}
