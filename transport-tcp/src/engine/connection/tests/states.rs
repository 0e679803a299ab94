// SPDX-License-Identifier: MIT OR Apache-2.0
//! RFC 9293, figure 5: each arrow by its name, and nothing else.

use super::*;

/// An arrow of the figure: from where, what happens, where to, and what is sent.
struct Arrow {
    name: &'static str,
    from: fn() -> Play,
    happens: fn(&mut Play),
    to: State,
    sends: Vec<Seen>,
}

fn syn_sent() -> Play {
    let mut play = Play::connecting(quiet());
    assert_eq!(play.sent(), [seen(SYN, 0, 0, 0)]);
    play
}

fn syn_received() -> Play {
    let mut play = Play::listening(quiet());
    play.arrives(SYN, 0, 0, b"");
    assert_eq!(play.sent(), [seen(SYN | ACK, 0, 1, 0)]);
    play
}

fn established() -> Play {
    Play::open(quiet())
}

fn fin_wait_1() -> Play {
    let mut play = established();
    play.tcp.shutdown(play.now);
    assert_eq!(play.sent(), [seen(FIN | ACK, 1, 1, 0)]);
    play
}

fn fin_wait_2() -> Play {
    let mut play = fin_wait_1();
    play.arrives(ACK, 1, 2, b"");
    assert_eq!(play.sent(), []);
    play
}

fn close_wait() -> Play {
    let mut play = established();
    play.arrives(FIN | ACK, 1, 1, b"");
    assert_eq!(play.sent(), [seen(ACK, 1, 2, 0)]);
    play
}

fn closing() -> Play {
    let mut play = fin_wait_1();
    play.arrives(FIN | ACK, 1, 1, b"");
    assert_eq!(play.sent(), [seen(ACK, 2, 2, 0)]);
    play
}

fn last_ack() -> Play {
    let mut play = close_wait();
    play.tcp.shutdown(play.now);
    assert_eq!(play.sent(), [seen(FIN | ACK, 1, 2, 0)]);
    play
}

fn time_wait() -> Play {
    let mut play = fin_wait_2();
    play.arrives(FIN | ACK, 1, 2, b"");
    assert_eq!(play.sent(), [seen(ACK, 2, 2, 0)]);
    play
}

fn arrow(name: &'static str, from: fn() -> Play, happens: fn(&mut Play), to: State, sends: &[Seen]) -> Arrow {
    let sends = sends.to_vec();
    Arrow {
        name,
        from,
        happens,
        to,
        sends,
    }
}

fn opening() -> Vec<Arrow> {
    use State::*;
    let listening = || Play::listening(quiet());
    vec![
        arrow("passive OPEN", listening, |_| {}, Listen, &[]),
        arrow(
            "active OPEN",
            || Play::connecting(quiet()),
            |_| {},
            SynSent,
            &[seen(SYN, 0, 0, 0)],
        ),
        arrow(
            "LISTEN, rcv SYN",
            listening,
            |play| play.arrives(SYN, 0, 0, b""),
            SynReceived,
            &[seen(SYN | ACK, 0, 1, 0)],
        ),
        arrow(
            "LISTEN, SEND",
            listening,
            |play| play.tcp.open(play.now),
            SynSent,
            &[seen(SYN, 0, 0, 0)],
        ),
        arrow(
            "LISTEN, CLOSE",
            listening,
            |play| play.tcp.shutdown(play.now),
            Closed,
            &[],
        ),
        arrow(
            "SYN-SENT, rcv SYN",
            syn_sent,
            |play| play.arrives(SYN, 0, 0, b""),
            SynReceived,
            &[seen(SYN | ACK, 0, 1, 0)],
        ),
        arrow(
            "SYN-SENT, rcv SYN,ACK",
            syn_sent,
            |play| play.arrives(SYN | ACK, 0, 1, b""),
            Established,
            &[seen(ACK, 1, 1, 0)],
        ),
        arrow(
            "SYN-SENT, CLOSE",
            syn_sent,
            |play| play.tcp.shutdown(play.now),
            Closed,
            &[],
        ),
    ]
}

fn half_open() -> Vec<Arrow> {
    use State::*;
    vec![
        arrow(
            "SYN-RECEIVED, rcv ACK of SYN",
            syn_received,
            |play| play.arrives(ACK, 1, 1, b""),
            Established,
            &[],
        ),
        // Note 1: there is no other peer to listen for, so LISTEN is CLOSED.
        arrow(
            "SYN-RECEIVED, rcv RST",
            syn_received,
            |play| play.arrives(RST, 1, 0, b""),
            Closed,
            &[],
        ),
        // The FIN waits for the peer's acknowledgement, as §3.10.4 has it for one that is queued.
        arrow(
            "SYN-RECEIVED, CLOSE",
            syn_received,
            |play| {
                play.tcp.shutdown(play.now);
                play.arrives(ACK, 1, 1, b"");
            },
            FinWait1,
            &[seen(FIN | ACK, 1, 1, 0)],
        ),
    ]
}

fn ending() -> Vec<Arrow> {
    use State::*;
    vec![
        arrow(
            "ESTABLISHED, CLOSE",
            established,
            |play| play.tcp.shutdown(play.now),
            FinWait1,
            &[seen(FIN | ACK, 1, 1, 0)],
        ),
        arrow(
            "ESTABLISHED, rcv FIN",
            established,
            |play| play.arrives(FIN | ACK, 1, 1, b""),
            CloseWait,
            &[seen(ACK, 1, 2, 0)],
        ),
        arrow(
            "FIN-WAIT-1, rcv ACK of FIN",
            fin_wait_1,
            |play| play.arrives(ACK, 1, 2, b""),
            FinWait2,
            &[],
        ),
        arrow(
            "FIN-WAIT-1, rcv FIN",
            fin_wait_1,
            |play| play.arrives(FIN | ACK, 1, 1, b""),
            Closing,
            &[seen(ACK, 2, 2, 0)],
        ),
        arrow(
            "FIN-WAIT-1, rcv FIN and ACK of FIN (note 2)",
            fin_wait_1,
            |play| play.arrives(FIN | ACK, 1, 2, b""),
            TimeWait,
            &[seen(ACK, 2, 2, 0)],
        ),
        arrow(
            "FIN-WAIT-2, rcv FIN",
            fin_wait_2,
            |play| play.arrives(FIN | ACK, 1, 2, b""),
            TimeWait,
            &[seen(ACK, 2, 2, 0)],
        ),
        arrow(
            "CLOSING, rcv ACK of FIN",
            closing,
            |play| play.arrives(ACK, 2, 2, b""),
            TimeWait,
            &[],
        ),
        arrow(
            "CLOSE-WAIT, CLOSE",
            close_wait,
            |play| play.tcp.shutdown(play.now),
            LastAck,
            &[seen(FIN | ACK, 1, 2, 0)],
        ),
        arrow(
            "LAST-ACK, rcv ACK of FIN",
            last_ack,
            |play| play.arrives(ACK, 2, 2, b""),
            Closed,
            &[],
        ),
        arrow(
            "TIME-WAIT, timeout",
            time_wait,
            |play| play.now = play.now + Settings::default().time_wait,
            Closed,
            &[],
        ),
    ]
}

#[test]
fn every_arrow_of_figure_5_leads_where_it_should() {
    let arrows: Vec<Arrow> = opening().into_iter().chain(half_open()).chain(ending()).collect();
    assert_eq!(arrows.len(), 21);
    for arrow in arrows {
        let mut play = (arrow.from)();
        (arrow.happens)(&mut play);
        let sent = play.sent();
        assert_eq!(
            (play.tcp.state(), sent),
            (arrow.to, arrow.sends),
            "{}",
            arrow.name
        );
        assert_eq!(play.tcp.error(), None, "{}", arrow.name);
    }
}

/// A way to a state, the state, and the sequence number that comes next there.
type Place = (fn() -> Play, State, u32);

fn synchronized() -> [Place; 7] {
    [
        (established, State::Established, 1),
        (fin_wait_1, State::FinWait1, 1),
        (fin_wait_2, State::FinWait2, 1),
        (close_wait, State::CloseWait, 2),
        (closing, State::Closing, 2),
        (last_ack, State::LastAck, 2),
        (time_wait, State::TimeWait, 2),
    ]
}

#[test]
fn a_reset_ends_every_state_and_is_an_error_where_something_is_lost() {
    for (from, state, next) in synchronized() {
        let mut play = from();
        assert_eq!(play.tcp.state(), state);
        play.arrives(RST, next, 0, b"");
        assert_eq!(play.tcp.state(), State::Closed, "note 3, {state:?}");
        let over = matches!(state, State::Closing | State::LastAck | State::TimeWait);
        assert_eq!(play.tcp.error(), (!over).then_some(Error::Reset), "{state:?}");
        assert_eq!(play.sent(), []);
    }
}

#[test]
fn a_syn_or_an_inexact_reset_is_challenged_in_every_state() {
    for (from, state, next) in synchronized() {
        for (flags, seq) in [(SYN, next), (SYN | ACK, 0), (RST, next + 1)] {
            let mut play = from();
            play.arrives(flags, seq, 1, b"");
            assert_eq!(play.tcp.state(), state, "RFC 5961 §3 and §4");
            let sent = play.sent();
            assert!(
                sent.len() == 1 && sent[0].flags == ACK && sent[0].ack == next,
                "{state:?}: {sent:?}"
            );
        }
        let mut play = from();
        play.arrives(RST, next + 100_000, 0, b"");
        assert_eq!(
            (play.tcp.state(), play.sent()),
            (state, vec![]),
            "out of the window"
        );
    }
}

#[test]
fn both_may_begin_at_once() {
    let mut play = syn_sent();
    play.arrives(SYN, 0, 0, b"");
    assert_eq!(play.sent(), [seen(SYN | ACK, 0, 1, 0)]);
    play.arrives(SYN | ACK, 0, 1, b"");
    assert_eq!(play.tcp.state(), State::Established, "figure 7");
}

#[test]
fn an_abort_resets_in_every_state_that_a_peer_knows() {
    let known = synchronized()
        .into_iter()
        .filter(|(_, state, _)| *state != State::TimeWait);
    for (from, state, next) in known {
        let mut play = from();
        play.tcp.abort();
        let sent = play.sent();
        assert!(
            sent.len() == 1 && sent[0].flags == RST | ACK && sent[0].ack == next,
            "{state:?}"
        );
        assert!(play.tcp.is_over());
    }
    for from in [syn_sent as fn() -> Play, time_wait] {
        let mut play = from();
        play.tcp.abort();
        assert_eq!(play.sent(), []);
        assert!(play.tcp.is_over());
    }
}

#[test]
fn what_a_state_cannot_take_is_answered_as_the_rfc_says() {
    let mut closed = last_ack();
    closed.arrives(ACK, 2, 2, b"");
    closed.arrives(ACK, 2, 7, b"x");
    assert_eq!(closed.sent(), [seen(RST, 7, 0, 0)], "§3.10.7.1");
    let mut listening = Play::listening(quiet());
    listening.arrives(ACK, 1, 9, b"");
    assert_eq!(listening.sent(), [seen(RST, 9, 0, 0)], "§3.10.7.2");
    listening.arrives(RST, 1, 0, b"");
    assert_eq!(listening.sent(), []);
    let mut opening = syn_sent();
    opening.arrives(SYN | ACK, 0, 9, b"");
    assert_eq!(opening.sent(), [seen(RST, 9, 0, 0)], "§3.10.7.3");
    assert_eq!(opening.tcp.state(), State::SynSent);
    opening.arrives(RST, 0, 0, b"");
    opening.arrives(RST | ACK, 0, 9, b"");
    assert_eq!(opening.tcp.state(), State::SynSent, "a blind reset");
    opening.arrives(RST | ACK, 0, 1, b"");
    assert_eq!(opening.tcp.error(), Some(Error::Refused));
    let mut received = syn_received();
    received.arrives(ACK, 1, 9, b"");
    assert_eq!(received.sent(), [seen(RST, 9, 0, 0)], "§3.10.7.4");
    assert_eq!(received.tcp.state(), State::SynReceived);
}

#[test]
fn what_is_not_in_the_window_of_a_half_open_connection_is_answered_once() {
    let mut play = syn_received();
    play.arrives(ACK, 70_000, 1, b"");
    assert_eq!(play.sent(), [seen(ACK, 1, 1, 0)]);
    assert!(play.tcp.deadline() > Some(play.now), "nothing is due any more");
}

#[test]
fn a_lost_last_acknowledgement_is_sent_again_and_time_wait_begins_anew() {
    let mut play = time_wait();
    play.now = play.now + Nanos::from_secs(50);
    play.arrives(FIN | ACK, 1, 2, b"");
    assert_eq!(play.sent(), [seen(ACK, 2, 2, 0)]);
    play.now = play.now + Nanos::from_secs(50);
    assert_eq!(play.sent(), []);
    assert_eq!(play.tcp.state(), State::TimeWait);
    play.now = play.now + Nanos::from_secs(10);
    play.sent();
    assert!(play.tcp.is_over());
}
