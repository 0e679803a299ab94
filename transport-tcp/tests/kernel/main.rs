// SPDX-License-Identifier: MIT OR Apache-2.0
//! The engine against the kernel's TCP, over a TUN device in a network namespace of each test's own. Needs root.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that panics has failed, and says what it skips"
)]

mod apart;
mod applications;
mod closing;
mod datagrams;
mod host;
mod machine;
#[path = "../proof/pcap.rs"]
mod pcap;
mod programs;
mod transport;
#[path = "../proof/tshark.rs"]
mod tshark;

use std::net::{TcpListener, TcpStream};
use std::thread;

use rtu::Nanos;
use transport_tcp::engine::Settings;

use apart::apart;
use applications::Echo;
use host::{Host, Place};
use machine::{call, exchange, noise};
use tshark::skip;

const HERE: Place = Place::HERE;
const PORT: u16 = 4711;

fn echo() -> Echo {
    Echo {
        port: PORT,
        ..Echo::default()
    }
}

#[test]
fn the_kernel_connects_and_bulk_goes_both_ways() {
    apart("the_kernel_connects_and_bulk_goes_both_ways", || {
        let _host = Host::start(HERE, Settings::default(), echo());
        exchange(call(HERE.host(PORT)), &noise(8 << 20), 64 * 1024);
    });
}

#[test]
fn the_kernel_accepts_and_bulk_goes_both_ways() {
    apart("the_kernel_accepts_and_bulk_goes_both_ways", || {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let application = Echo {
            calls: vec![(HERE.machine(), port).into()],
            ..Echo::default()
        };
        let _host = Host::start(HERE, Settings::default(), application);
        let (stream, from) = listener.accept().unwrap();
        assert_eq!(from.ip(), HERE.host(0).ip());
        exchange(stream, &noise(8 << 20), 64 * 1024);
    });
}

#[test]
fn small_messages_go_back_and_forth() {
    apart("small_messages_go_back_and_forth", || {
        for (timestamps, sack, window_scaling) in [(true, true, true), (false, false, false)] {
            let settings = Settings {
                timestamps,
                sack,
                window_scaling,
                delayed_ack: Nanos::ZERO,
                ..Settings::default()
            };
            let _host = Host::start(HERE, settings, echo());
            let mut stream = call(HERE.host(PORT));
            for length in (1..100).cycle().take(2000) {
                machine::ping(&mut stream, &noise(length));
            }
        }
    });
}

#[test]
fn a_reader_that_rests_stops_the_sender_until_it_goes_on() {
    apart("a_reader_that_rests_stops_the_sender_until_it_goes_on", || {
        let settings = Settings {
            receive_budget: 32 * 1024,
            send_budget: 32 * 1024,
            ..Settings::default()
        };
        let application = Echo {
            rests: Nanos::from_millis(1500),
            ..echo()
        };
        let host = Host::start(HERE, settings, application);
        // Ours rests first; then the kernel's side, whose reader starts late.
        machine::exchange_late(call(HERE.host(PORT)), &noise(1 << 20));
        let trace = host.stop();
        assert!(
            trace
                .select("tcp.analysis.zero_window")
                .is_none_or(|found| !found.is_empty()),
            "no window was ever closed"
        );
    });
}

#[test]
fn connections_come_and_go_by_the_thousand() {
    apart("connections_come_and_go_by_the_thousand", || {
        let settings = Settings {
            send_budget: 16 * 1024,
            receive_budget: 16 * 1024,
            ..Settings::default()
        };
        let host = Host::start(HERE, settings, echo());
        for number in 0..SEQUENCE {
            let message = format!("this is connection {number}");
            exchange(call(HERE.host(PORT)), message.as_bytes(), 1000);
        }
        let mut streams: Vec<TcpStream> = (0..AT_ONCE).map(|_| call(HERE.host(PORT))).collect();
        for (number, stream) in streams.iter_mut().enumerate() {
            machine::ping(stream, &noise(100 + number));
        }
        for stream in streams {
            exchange(stream, b"and good-bye", 1000);
        }
        host.stop().is_sound();
    });
}

const SEQUENCE: u32 = 10_000;
const AT_ONCE: usize = 1000;

#[test]
fn tshark_finds_nothing_wrong_with_what_we_send() {
    apart("tshark_finds_nothing_wrong_with_what_we_send", || {
        let host = Host::start(HERE, Settings::default(), echo());
        thread::scope(|scope| {
            for length in [1, 1000, 100_000, 1_000_000] {
                scope.spawn(move || exchange(call(HERE.host(PORT)), &noise(length), 10_000));
            }
        });
        host.stop().is_sound();
    });
}
