// SPDX-License-Identifier: MIT OR Apache-2.0
//! Oneways in datagrams: they arrive or are counted as lost, and whatever else comes does no harm.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test stops where something is not as expected, and says so"
)]

upcall::include_idl!("datagrams");

#[path = "datagrams/hostile.rs"]
mod hostile;
#[path = "datagrams/loss.rs"]
mod loss;
#[path = "datagrams/packets.rs"]
mod packets;
#[path = "datagrams/references.rs"]
mod references;
#[path = "datagrams/tun.rs"]
mod tun;

use std::sync::{
    Arc, Condvar, Mutex,
    atomic::{AtomicBool, Ordering},
};

use datagrams::{Log, LogRef, LogSkeleton};
use upcall::{Bytes, Context, Orb, SystemException};
use upcall_tests::{PATIENCE, serving::until};

/// Notes what it is told, and stays in each `note` while it is held up.
#[derive(Default)]
struct Notes {
    held_up: AtomicBool,
    noted: Mutex<Vec<(u32, Bytes)>>,
    said: Mutex<Vec<String>>,
    changed: Condvar,
}

impl Notes {
    fn hold_up(&self, hold: bool) {
        let _noted = self.noted.lock().unwrap();
        self.held_up.store(hold, Ordering::SeqCst);
        self.changed.notify_all();
    }

    fn numbers(&self) -> Vec<u32> {
        self.noted
            .lock()
            .unwrap()
            .iter()
            .map(|(number, _)| *number)
            .collect()
    }
}

struct Servant(Arc<Notes>);

impl Log for Servant {
    fn note(&self, _cx: &Context, number: u32, data: &[u8]) {
        let notes = &self.0;
        let mut noted = notes.noted.lock().unwrap();
        noted.push((number, Bytes::copy_from_slice(data)));
        let held_up = |_: &mut Vec<_>| notes.held_up.load(Ordering::SeqCst);
        drop(notes.changed.wait_timeout_while(noted, PATIENCE, held_up));
    }

    fn say(&self, _cx: &Context, text: &str) {
        self.0.said.lock().unwrap().push(text.to_owned());
    }

    fn count(&self, _cx: &Context) -> Result<u32, SystemException> {
        Ok(self.0.noted.lock().unwrap().len() as u32)
    }
}

/// An ORB that takes datagrams beside calls.
struct Server {
    orb: Orb,
    notes: Arc<Notes>,
    log: LogRef,
}

impl Server {
    fn start() -> Self {
        Self::at("127.0.0.1", |builder| builder)
    }

    fn at(host: &str, change: impl FnOnce(upcall::OrbBuilder) -> upcall::OrbBuilder) -> Self {
        let builder = Orb::builder().environment(false).fabric(None).statistics(None);
        let builder = change(builder)
            .listen(format!("iiop://{host}:0"))
            .listen(format!("diop://{host}:0"));
        let orb = builder.build().unwrap();
        let notes = Arc::new(Notes::default());
        let servant = LogSkeleton::new(Servant(Arc::clone(&notes)));
        let log = orb.root_poa().activate(servant).export().unwrap();
        Self { orb, notes, log }
    }

    fn url(&self) -> String {
        self.orb.object_to_string(&self.log)
    }

    /// A counter of datagrams.
    fn counted(&self, what: &str) -> u64 {
        let name = format!("upcall_datagrams_{what}_total{{");
        let page = self.orb.metrics();
        let line = page.lines().find(|line| line.starts_with(&name));
        // At the beginning nobody may have looked yet.
        line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
    }

    fn expect(&self, what: &str, count: u64) {
        until(what, || self.counted(what) >= count);
        assert_eq!(self.counted(what), count, "{what}");
    }
}

/// A client, and the object by calls and by datagrams.
struct Client {
    _orb: Orb,
    calls: LogRef,
    log: LogRef,
}

impl Client {
    fn of(server: &Server) -> Self {
        Self::at(&server.url(), |builder| builder)
    }

    fn at(url: &str, change: impl FnOnce(upcall::OrbBuilder) -> upcall::OrbBuilder) -> Self {
        let builder = Orb::builder().environment(false).fabric(None).statistics(None);
        let orb = change(builder).build().unwrap();
        let calls: LogRef = orb.resolve(url).unwrap();
        let log = LogRef::from(calls.as_ref().with_datagrams().unwrap());
        Self {
            _orb: orb,
            calls,
            log,
        }
    }
}

fn arrive_in_order_over(host: &str) {
    let server = Server::at(host, |builder| builder);
    let client = Client::of(&server);
    for number in 0..50 {
        client
            .log
            .note(number, &Bytes::from(vec![7; 100]))
            .send()
            .unwrap();
        // One at a time: nothing is lost for want of room.
        until("it has come", || server.notes.numbers().len() > number as usize);
    }
    assert_eq!(server.notes.numbers(), (0..50).collect::<Vec<_>>());
    server.expect("taken", 50);
    for what in ["missing", "repeated", "malformed", "unanswerable", "overruns"] {
        server.expect(what, 0);
    }
    // What has a reply goes on as before.
    assert_eq!(client.log.count().wait().unwrap(), 50);
    server.expect("taken", 50);
}

#[test]
fn oneways_arrive_by_ipv4() {
    arrive_in_order_over("127.0.0.1");
}

#[test]
fn oneways_arrive_by_ipv6() {
    if std::net::UdpSocket::bind("[::1]:0").is_err() {
        return upcall_tests::skip("oneways_arrive_by_ipv6", "there is no IPv6 here");
    }
    arrive_in_order_over("::1");
}
