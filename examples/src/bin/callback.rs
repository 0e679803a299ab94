// SPDX-License-Identifier: MIT OR Apache-2.0
//! A server that calls its clients back while it serves them: a chat room. Both ends are in this program, each with an
//! ORB of its own, and talk over TCP; the guest answers from within the call it made itself, and nothing deadlocks.
#![allow(clippy::print_stdout, reason = "a program shows what it does")]

use std::collections::BTreeMap;
use std::sync::Mutex;

use upcall::{Context, Orb};

upcall::include_idl!("chat");
use chat::{Guest, GuestRef, GuestSkeleton, Room, RoomRef, RoomSkeleton};

#[derive(Default)]
struct Salon {
    guests: Mutex<BTreeMap<String, GuestRef>>,
}

impl Room for Salon {
    fn enter(&self, _cx: &Context, who: &str, visitor: Option<GuestRef>) -> upcall::Result<()> {
        if let (Some(guest), Ok(mut guests)) = (visitor, self.guests.lock()) {
            guests.insert(who.to_owned(), guest);
        }
        Ok(())
    }

    fn say(&self, _cx: &Context, who: &str, line: &str) -> upcall::Result<Vec<String>> {
        // The lock is not held while guests are called: they may say something themselves.
        let guests = self
            .guests
            .lock()
            .map(|guests| guests.clone())
            .unwrap_or_default();
        guests
            .values()
            .map(|guest| guest.hear(who, line).wait())
            .collect()
    }
}

struct Listener {
    name: &'static str,
}

impl Guest for Listener {
    fn hear(&self, _cx: &Context, who: &str, line: &str) -> upcall::Result<String> {
        println!("{} hears {who} say: {line}", self.name);
        Ok(format!("{} heard {} letters", self.name, line.len()))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = Orb::builder().listen("iiop://127.0.0.1:0").build()?;
    let room: RoomRef = here
        .root_poa()
        .activate(RoomSkeleton::new(Salon::default()))
        .export()?;
    let address = here.object_to_string(&room);

    let there = Orb::builder().listen("iiop://127.0.0.1:0").build()?;
    let room: RoomRef = there.resolve(&address)?;
    for name in ["Ada", "Grace"] {
        let guest: GuestRef = there
            .root_poa()
            .activate(GuestSkeleton::new(Listener { name }))
            .export()?;
        room.enter(name, Some(&guest)).wait()?;
    }
    for answer in room.say("Ada", "good morning").wait()? {
        println!("{answer}");
    }
    there.shutdown();
    here.shutdown();
    Ok(())
}
