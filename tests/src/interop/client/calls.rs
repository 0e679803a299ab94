// SPDX-License-Identifier: MIT OR Apache-2.0
//! Exceptions, references, callbacks, forwards, oneways, large messages, code sets.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use upcall::{Completed, Context, Orb, SystemException, SystemExceptionKind};

use super::{Checks, ensure, expect};
use crate::PATIENCE;
use crate::interop::idl::interop::{
    BottomRef, Callback, CallbackRef, CallbackSkeleton, FailingUserError, LeftRef, PeerRef, RightRef,
    TargetRef,
};
use crate::interop::{samples, server};

pub(super) fn check(checks: &mut Checks, orb: &Orb, peer: &PeerRef) {
    exceptions(checks, peer);
    narrowing(checks, peer);
    references(checks, peer);
    callbacks(checks, orb, peer);
    oneways(checks, peer);
    blobs(checks, peer);
    sequences(checks, peer);
    code_sets(checks, peer);
}

fn exceptions(checks: &mut Checks, peer: &PeerRef) {
    checks.check("exception_none", || {
        expect("the result", &peer.user(0).wait()?, &0)
    });
    checks.check("exception_plain", || {
        ensure(
            matches!(peer.user(1).wait(), Err(FailingUserError::Plain(_))),
            "not raised",
        )
    });
    checks.check("exception_detailed", || match peer.user(2).wait() {
        Err(FailingUserError::Detailed(raised)) => {
            expect("why", &raised.why, &"detailed".to_owned())?;
            expect("the record in it", &raised.what, &samples::record(0))?;
            expect("the any in it", &raised.more.get::<i32>()?, &42)
        }
        other => Err(format!("{other:?}").into()),
    });
    for kind in SystemExceptionKind::ALL {
        checks.check(&format!("exception_{}", kind.name()), || {
            system_exception(peer, *kind)
        });
    }
    checks.check("exception_attribute", || {
        peer.set_limited(5).wait()?;
        expect("the attribute", &peer.limited().wait()?, &5)?;
        let raised = peer.set_limited(101).wait().err().ok_or("not raised")?;
        expect(
            "the exception",
            &(raised.kind(), raised.minor()),
            &(SystemExceptionKind::BadParam, 7),
        )
    });
    checks.check("exception_no_such_object", || {
        let gone = peer.gone().wait()?.ok_or("nil")?;
        let raised = gone.name().wait().err().ok_or("it answered")?;
        expect(
            "the exception",
            &raised.kind(),
            &SystemExceptionKind::ObjectNotExist,
        )?;
        ensure(gone.non_existent()?, "it is said to exist")
    });
}

fn system_exception(peer: &PeerRef, kind: SystemExceptionKind) -> super::Checked {
    // These three lead a client to do more than to report them, wherever they come from.
    let acted_upon = ["TRANSIENT", "COMM_FAILURE", "OBJECT_NOT_EXIST"].contains(&kind.name());
    for (code, completed) in [Completed::Yes, Completed::No, Completed::Maybe]
        .into_iter()
        .enumerate()
    {
        if acted_upon && completed == Completed::No {
            continue;
        }
        let code = i32::try_from(code)?;
        let raised = peer
            .system(kind.name(), 0x1_2345, code)
            .wait()
            .err()
            .ok_or("not raised")?;
        expect("the exception", &facts(&raised), &(kind, 0x1_2345, completed))?;
    }
    Ok(())
}

fn facts(raised: &SystemException) -> (SystemExceptionKind, u32, Completed) {
    (raised.kind(), raised.minor(), raised.completed())
}

fn narrowing(checks: &mut Checks, peer: &PeerRef) {
    checks.check("object_narrow", || {
        let top = peer.diamond().wait()?.ok_or("nil")?;
        let object = peer.as_object().wait()?.ok_or("nil")?;
        for from in [top.as_ref(), &object] {
            let left = from.narrow::<LeftRef>().wait()?.ok_or("is no Left")?;
            let right = from.narrow::<RightRef>().wait()?.ok_or("is no Right")?;
            let bottom = from.narrow::<BottomRef>().wait()?.ok_or("is no Bottom")?;
            ensure(from.narrow::<TargetRef>().wait()?.is_none(), "is a Target")?;
            let said = [
                left.at_left().wait()?,
                left.at_top().wait()?,
                right.at_right().wait()?,
                right.who().wait()?,
            ];
            expect(
                "what they say",
                &said,
                &["left", "top", "right", "diamond"].map(str::to_owned),
            )?;
            let said = [
                bottom.at_bottom().wait()?,
                bottom.at_left().wait()?,
                bottom.at_top().wait()?,
            ];
            expect(
                "what the bottom says",
                &said,
                &["bottom", "left", "top"].map(str::to_owned),
            )?;
        }
        ensure(top.is_a(RightRef::REPOSITORY_ID).wait()?, "_is_a Right")?;
        ensure(!top.is_a(TargetRef::REPOSITORY_ID).wait()?, "_is_a Target")
    });
    checks.check("object_narrowed_there", || {
        let top = peer.as_object().wait()?;
        let target = peer.new_target("t").wait()?.map(Into::into);
        expect("top", &peer.narrowed(top.as_ref()).wait()?, &"Bottom".to_owned())?;
        expect(
            "target",
            &peer.narrowed(target.as_ref()).wait()?,
            &"Target".to_owned(),
        )?;
        expect(
            "the peer",
            &peer.narrowed(Some(peer.as_ref())).wait()?,
            &"none".to_owned(),
        )?;
        expect("nil", &peer.narrowed(None).wait()?, &"none".to_owned())
    });
}

fn references(checks: &mut Checks, peer: &PeerRef) {
    checks.check("object_reference", || {
        ensure(peer.new_target("").wait()?.is_none(), "nil is not nil")?;
        let target = peer.new_target("named").wait()?.ok_or("nil")?;
        expect("its name", &target.name().wait()?, &"named".to_owned())?;
        expect(
            "its name there",
            &peer.name_of(Some(&target)).wait()?,
            &"named".to_owned(),
        )?;
        expect("nil's name", &peer.name_of(None).wait()?, &"nil".to_owned())?;
        let again = peer.same(Some(&target)).wait()?.ok_or("came back nil")?;
        ensure(again.is_equivalent(&target), "came back another")?;
        expect("its name", &again.name().wait()?, &"named".to_owned())?;
        ensure(!target.non_existent()?, "it is said not to exist")?;
        ensure(peer.same(None).wait()?.is_none(), "nil came back as something")
    });
    checks.check("object_forward", || {
        let target = peer.forwarded().wait()?.ok_or("nil")?;
        for _ in 0..2 {
            expect("its name", &target.name().wait()?, &"forwarded".to_owned())?;
        }
        let other = peer.forwarded().wait()?.ok_or("nil")?;
        ensure(!other.non_existent()?, "it is said not to exist")
    });
}

struct Listening {
    orb: Orb,
    me: Mutex<Option<CallbackRef>>,
    heard: Arc<Mutex<Vec<i32>>>,
}

impl Callback for Listening {
    fn called(&self, _: &Context<'_>, depth: i32, from: Option<PeerRef>) -> upcall::Result<i32> {
        let me = self.me.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match from {
            Some(from) if depth > 0 => Ok(from.call_back(me.as_ref(), depth - 1).wait()? + 1),
            _ => Ok(1),
        }
    }
    fn told(&self, _: &Context<'_>, n: i32) {
        let _ = &self.orb;
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).push(n);
    }
}

fn callbacks(checks: &mut Checks, orb: &Orb, peer: &PeerRef) {
    checks.check("callback", || {
        let heard = Arc::new(Mutex::default());
        let listening = Listening {
            orb: orb.clone(),
            me: Mutex::default(),
            heard: Arc::clone(&heard),
        };
        let listening = Arc::new(listening);
        let skeleton = CallbackSkeleton::from_arc(Arc::clone(&listening));
        let reference: CallbackRef = server::activated(orb, skeleton)?;
        *listening.me.lock().unwrap_or_else(PoisonError::into_inner) = Some(reference.clone());
        expect("depth 1", &peer.call_back(Some(&reference), 1).wait()?, &2)?;
        expect("depth 6", &peer.call_back(Some(&reference), 6).wait()?, &6)?;
        peer.tell(Some(&reference), 20).wait()?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let all = heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if all.len() == 20 {
                return expect("what was told", &all, &(0..20).collect());
            }
            ensure(Instant::now() < deadline, "not all that was told came")?;
            thread::sleep(Duration::from_millis(2));
        }
    });
}

fn oneways(checks: &mut Checks, peer: &PeerRef) {
    let send = || -> Result<Vec<i32>, SystemException> {
        peer.notes().wait()?;
        (0..500).try_for_each(|n| peer.note(n).send())?;
        let mut all = peer.notes().wait()?;
        let deadline = Instant::now() + PATIENCE;
        // A peer that serves a connection with several threads may answer before it has noted all.
        while all.len() < 500 && Instant::now() < deadline {
            all.extend(peer.notes().wait()?);
        }
        Ok(all)
    };
    checks.check("oneway_all", || {
        let all: BTreeSet<i32> = send()?.into_iter().collect();
        expect("how many came", &all.len(), &500)
    });
    checks.check("oneway_order", || {
        expect("what came", &send()?, &(0..500).collect())
    });
}

fn blobs(checks: &mut Checks, peer: &PeerRef) {
    for n in [0, 1, 1000, 8192, 65_537, 1_000_001] {
        checks.check(&format!("blob_{n}"), || blob(peer, n));
    }
    checks.check("large_64MiB", || blob(peer, 64 * 1024 * 1024 - 4096));
}

fn blob(peer: &PeerRef, n: u32) -> super::Checked {
    let made = peer.make(n).wait()?;
    expect("its length", &made.len(), &usize::try_from(n)?)?;
    let right = made
        .iter()
        .zip(0..)
        .all(|(octet, i)| *octet == samples::octet_at(i));
    ensure(right, "an octet is not what was asked for")?;
    expect("its sum", &peer.sum(&made).wait()?, &samples::sum(&made))
}

fn sequences(checks: &mut Checks, peer: &PeerRef) {
    checks.check("many_strings", || {
        let all = peer.many(3000).wait()?;
        expect(
            "the strings",
            &all,
            &(0..3000).map(|i| format!("string {i}")).collect(),
        )
    });
    checks.check("many_doubles", || {
        let numbers: Vec<f64> = (0..50_000).map(|i| f64::from(i) * 0.5).collect();
        expect(
            "the total",
            &peer.total(&numbers).wait()?,
            &(0.5 * 50_000.0 * 49_999.0 / 2.0),
        )
    });
    checks.check("wait", || expect("the result", &peer.wait_for(20).wait()?, &20));
}

fn code_sets(checks: &mut Checks, peer: &PeerRef) {
    let latin1 = checks.peculiarities.latin1;
    checks.check("octets_of", || {
        let there = peer.octets_of("grüß").wait()?;
        let wanted: &[u8] = if latin1 {
            b"gr\xfc\xdf"
        } else {
            "grüß".as_bytes()
        };
        expect("what the servant has", &&there[..], &wanted)?;
        expect(
            "what comes back",
            &peer.from_octets(&there).wait()?,
            &"grüß".to_owned(),
        )
    });
    checks.check("octets_of_others", || {
        let there = peer.octets_of("日本").wait();
        match (latin1, there) {
            (false, Ok(there)) => expect("what the servant has", &&there[..], &"日本".as_bytes()),
            (true, Err(raised)) => expect(
                "the exception",
                &raised.kind(),
                &SystemExceptionKind::DataConversion,
            ),
            (_, other) => Err(format!("{other:?}").into()),
        }
    });
    checks.check("units_of", || {
        let text = "gü日😀";
        let units = peer.units_of(text).wait()?;
        expect("its units", &units, &text.encode_utf16().map(u32::from).collect())?;
        expect(
            "what comes back",
            &peer.from_units(&units).wait()?,
            &text.to_owned(),
        )
    });
}
