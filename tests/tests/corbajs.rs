// SPDX-License-Identifier: MIT OR Apache-2.0
//! corba.js as a peer, in both directions: a program of its own, from its registry.
//!
//! It calls back over the connection on which it was called without having agreed on bidirectional GIOP, so callbacks
//! are left out.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use upcall::{Bytes, Completed, Context, Orb, SystemException, SystemExceptionKind};
use upcall_tests::interop::scripted::{Cell, Color, Echo, EchoRef, EchoSkeleton, ListenerRef, Record};
use upcall_tests::{PATIENCE, Process, free_port, peers, skip};

#[derive(Default)]
struct Serving {
    gain: Mutex<f64>,
    noted: Mutex<String>,
}

macro_rules! echoes {
    ($($name:ident: $type:ty;)*) => {$(
        fn $name(&self, _: &Context<'_>, v: $type) -> upcall::Result<$type> {
            Ok(v)
        }
    )*};
}

impl Echo for Serving {
    echoes! {
        echo_boolean: bool;
        echo_octet: u8;
        echo_char: char;
        echo_short: i16;
        echo_ushort: u16;
        echo_long: i32;
        echo_ulong: u32;
        echo_longlong: i64;
        echo_ulonglong: u64;
        echo_float: f32;
        echo_double: f64;
        echo_color: Color;
        echo_cell: Cell;
        echo_record: Record;
        echo_strings: Vec<String>;
        echo_records: Vec<Record>;
        same: Option<EchoRef>;
    }
    fn gain(&self, _: &Context<'_>) -> upcall::Result<f64> {
        Ok(*self.gain.lock().unwrap())
    }
    fn set_gain(&self, _: &Context<'_>, value: f64) -> upcall::Result<()> {
        *self.gain.lock().unwrap() = value;
        Ok(())
    }
    fn called(&self, _: &Context<'_>) -> upcall::Result<String> {
        Ok("ours".into())
    }
    fn echo_string(&self, _: &Context<'_>, v: &str) -> upcall::Result<String> {
        Ok(v.into())
    }
    fn echo_blob(&self, _: &Context<'_>, v: &[u8]) -> upcall::Result<Bytes> {
        Ok(Bytes::copy_from_slice(v))
    }
    fn echo_doubles(&self, _: &Context<'_>, v: &[f64]) -> upcall::Result<Vec<f64>> {
        Ok(v.into())
    }
    fn refuse(&self, _: &Context<'_>) -> upcall::Result<()> {
        Err(SystemException::new(
            SystemExceptionKind::BadParam,
            7,
            Completed::No,
        ))
    }
    fn note(&self, _: &Context<'_>, what: &str) {
        *self.noted.lock().unwrap() = what.into();
    }
    fn noted(&self, _: &Context<'_>) -> upcall::Result<String> {
        Ok(self.noted.lock().unwrap().clone())
    }
    fn ask(&self, _: &Context<'_>, l: Option<ListenerRef>, a: i32, b: i32) -> upcall::Result<i32> {
        let Some(l) = l else { return Ok(0) };
        l.told("asked").send()?;
        l.add(a, b).wait()
    }
}

fn our_orb() -> Orb {
    Orb::builder().listen("iiop://127.0.0.1:0").build().unwrap()
}

#[test]
fn corbajs_calls_our_server() {
    let place = match peers::corbajs() {
        Ok(place) => place,
        Err(reason) => return skip("corbajs_calls_our_server", &reason),
    };
    let orb = our_orb();
    let echo: EchoRef = orb
        .root_poa()
        .activate(EchoSkeleton::new(Serving::default()))
        .export()
        .unwrap();
    let mut node = Command::new("node");
    node.current_dir(place)
        .args(["built/client.js", &orb.object_to_string(&echo)]);
    let (status, lines) = Process::start(&mut node).finish(PATIENCE);
    let failed: Vec<_> = lines.iter().filter(|line| line.starts_with("FAIL")).collect();
    assert!(failed.is_empty() && status.success(), "{status}: {lines:#?}");
    assert!(lines.len() >= 23, "only {} checks ran", lines.len());
}

#[test]
fn our_client_calls_corbajs_server() {
    let place = match peers::corbajs() {
        Ok(place) => place,
        Err(reason) => return skip("our_client_calls_corbajs_server", &reason),
    };
    let port = free_port().unwrap();
    let mut node = Command::new("node");
    let server = Process::start(
        node.current_dir(place)
            .args(["built/server.js", &port.to_string()]),
    );
    server.line_with("ready");
    let orb = our_orb();
    let echo = found(&orb, port);

    assert_eq!(echo.called().wait().unwrap(), "scripted");
    echo.set_gain(2.5).wait().unwrap();
    assert_eq!(echo.gain().wait().unwrap(), 2.5);
    echoes(&echo);
    let raised = echo.refuse().wait().unwrap_err();
    assert_eq!(
        (raised.kind(), raised.minor()),
        (SystemExceptionKind::BadParam, 7)
    );
    echo.note("noted").send().unwrap();
    // corba.js loses a message that arrives together with another.
    thread::sleep(Duration::from_millis(300));
    assert_eq!(echo.noted().wait().unwrap(), "noted");
    let same = echo.same(Some(&echo)).wait().unwrap().unwrap();
    assert_eq!(same.called().wait().unwrap(), "scripted");
}

/// The object bound as "Echo" in corba.js's own naming service, once that listens.
fn found(orb: &Orb, port: u16) -> EchoRef {
    let url = format!("corbaname::127.0.0.1:{port}#Echo");
    let deadline = Instant::now() + PATIENCE;
    loop {
        match orb.resolve(&url) {
            Ok(echo) => return echo,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn echoes(echo: &EchoRef) {
    macro_rules! comes_back {
        ($($method:ident($value:expr))*) => {$(
            assert_eq!(echo.$method($value).wait().unwrap(), $value, stringify!($method));
        )*};
    }
    comes_back! {
        echo_boolean(true) echo_octet(255) echo_char('q') echo_short(i16::MIN) echo_ushort(u16::MAX)
        echo_long(i32::MIN) echo_ulong(u32::MAX) echo_longlong(i64::MIN) echo_ulonglong(u64::MAX)
        echo_float(-0.156_25) echo_double(f64::MAX) echo_string("hello") echo_color(Color::Blue)
    }
    let cell = Cell {
        o: 200,
        d: 0.125,
        s: -300,
        b: true,
    };
    assert_eq!(echo.echo_cell(&cell).wait().unwrap(), cell);
    let record = Record {
        id: -7,
        name: "first".into(),
        values: vec![1.5, -2.25],
        tint: Color::Green,
    };
    assert_eq!(echo.echo_record(&record).wait().unwrap(), record);
    assert_eq!(echo.echo_blob(&[0, 1, 255]).wait().unwrap(), [0, 1, 255][..]);
    assert_eq!(echo.echo_doubles(&[0.5, -1.5]).wait().unwrap(), [0.5, -1.5]);
    let strings = ["a".to_owned(), String::new(), "ccc".to_owned()];
    assert_eq!(echo.echo_strings(&strings).wait().unwrap(), strings);
    let records = [record.clone(), record];
    assert_eq!(echo.echo_records(&records).wait().unwrap(), records);
}
