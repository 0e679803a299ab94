// SPDX-License-Identifier: MIT OR Apache-2.0
//! The naming client against this crate's own naming service, over TCP.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test stops where something is not as expected, and says so"
)]

use services::naming::{Missing, Name, Naming, NamingError, OrbNaming, server};
use upcall::{ObjectRef, Orb};

/// A naming service, and a client that knows it as its `NameService`.
struct World {
    service: Orb,
    client: Orb,
    naming: Naming,
}

impl World {
    fn new() -> Self {
        let service = Orb::builder()
            .listen("iiop://127.0.0.1:0")
            .build()
            .expect("a port is free");
        let root = server::start(&service).expect("the adapter serves");
        let url = service.object_to_string(root.context());
        let client = Orb::builder()
            .init_ref("NameService", url)
            .build()
            .expect("nothing to bind");
        let naming = client.naming().expect("it is configured");
        Self {
            service,
            client,
            naming,
        }
    }

    fn object(&self, host: &str) -> ObjectRef {
        self.client
            .string_to_object(&format!("corbaloc::{host}:1/Key"))
            .expect("a location")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.client.shutdown();
        self.service.shutdown();
    }
}

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

#[test]
fn what_is_bound_is_found_until_it_is_unbound() {
    let world = World::new();
    let (one, other) = (world.object("one.example"), world.object("other.example"));
    world.naming.bind("sensors.kind", &one).expect("the name is free");
    assert_eq!(
        world.naming.resolve_object("sensors.kind").expect("it is bound"),
        one
    );
    let again = world.naming.bind("sensors.kind", &other);
    assert_eq!(
        again,
        Err(NamingError::AlreadyBound {
            name: name("sensors.kind")
        })
    );
    world
        .naming
        .rebind("sensors.kind", &other)
        .expect("it may be replaced");
    assert_eq!(
        world.naming.resolve_object("sensors.kind").expect("it is bound"),
        other
    );
    world.naming.unbind("sensors.kind").expect("it is bound");
    let gone = world
        .naming
        .resolve_object("sensors.kind")
        .expect_err("it is free again");
    assert!(
        matches!(
            gone,
            NamingError::NotFound {
                reason: Missing::Node,
                ..
            }
        ),
        "{gone}"
    );
}

#[test]
fn names_lead_through_contexts() {
    let world = World::new();
    let object = world.object("one.example");
    let lost = world
        .naming
        .bind("a/b/c", &object)
        .expect_err("there are no contexts");
    let rest = name("a/b/c");
    assert_eq!(
        lost,
        NamingError::NotFound {
            name: rest.clone(),
            reason: Missing::Node,
            rest
        }
    );
    world.naming.make_contexts("a/b/c").expect("the way is free");
    world
        .naming
        .make_contexts("a/b/c")
        .expect("what is there is left");
    world
        .naming
        .bind("a/b/c", &object)
        .expect("there are contexts now");
    let below = world.naming.enter("a/b").expect("a context");
    assert_eq!(below.resolve_object("c").expect("it is bound there"), object);
    let through = world
        .naming
        .resolve_object("a/b/c/d")
        .expect_err("c is no context");
    assert!(
        matches!(
            through,
            NamingError::NotFound {
                reason: Missing::Context,
                ..
            }
        ),
        "{through}"
    );
    let by_url: ObjectRef = world
        .client
        .resolve("corbaname:rir:#a/b/c")
        .expect("the ORB looks it up");
    assert_eq!(by_url, object);
}

#[test]
fn a_long_listing_comes_in_batches_and_whole() {
    let world = World::new();
    let object = world.object("one.example");
    for number in 0..300 {
        world
            .naming
            .bind(&format!("object {number:03}"), &object)
            .expect("the name is free");
    }
    world.naming.bind_new_context("z").expect("the name is free");
    let entries: Result<Vec<_>, _> = world.naming.list().expect("a listing").collect();
    let entries = entries.expect("every batch arrives");
    assert_eq!(entries.len(), 301);
    assert_eq!(entries[299].name, name("object 299"));
    assert_eq!(entries.iter().filter(|entry| entry.is_context).count(), 1);
    // A listing that is given up early takes its iterator along.
    assert!(world.naming.list().expect("a listing").next().is_some());
}

#[test]
fn only_an_empty_context_is_destroyed() {
    let world = World::new();
    let context = world.naming.bind_new_context("a").expect("the name is free");
    context
        .bind("x", &world.object("one.example"))
        .expect("the name is free");
    assert_eq!(context.destroy(), Err(NamingError::NotEmpty));
    context.unbind("x").expect("it is bound");
    context.destroy().expect("it is empty");
    assert!(
        matches!(context.list().map(|_| ()), Err(NamingError::System(_))),
        "it is gone"
    );
}

#[test]
fn objects_stay_objects_and_contexts_contexts() {
    let world = World::new();
    let object = world.object("one.example");
    let context = world.naming.bind_new_context("a").expect("the name is free");
    let replaced = world.naming.rebind("a", &object).expect_err("a is a context");
    assert!(
        matches!(
            replaced,
            NamingError::NotFound {
                reason: Missing::Object,
                ..
            }
        ),
        "{replaced}"
    );
    world
        .naming
        .bind_context("b", &context)
        .expect("the name is free");
    context.bind("x", &object).expect("the name is free");
    assert_eq!(
        world.naming.resolve_object("b/x").expect("both names lead there"),
        object
    );
}

#[test]
fn a_name_that_is_none_is_never_sent() {
    let world = World::new();
    for text in ["", "a//b", "a.b.c", "a\\b"] {
        assert!(
            matches!(world.naming.resolve_object(text), Err(NamingError::Name(_))),
            "{text}"
        );
    }
}

#[test]
fn the_service_converts_names_itself() {
    use services::naming::idl::cos_naming::{NameComponent, NamingContextExtRef};
    let world = World::new();
    let extended = world
        .naming
        .context()
        .narrow::<NamingContextExtRef>()
        .wait()
        .expect("it answers");
    let extended = extended.expect("it is one");
    let parts = vec![NameComponent {
        id: "a.b".into(),
        kind: "c".into(),
    }];
    assert_eq!(extended.to_string(&parts).wait().expect("a name"), r"a\.b.c");
    assert_eq!(extended.to_name(r"a\.b.c").wait().expect("a name"), parts);
    assert_eq!(
        extended.to_url(":host.example", "a b").wait().expect("a name"),
        "corbaname::host.example#a%20b"
    );
    world
        .naming
        .bind("x", &world.object("one.example"))
        .expect("the name is free");
    assert!(extended.resolve_str("x").wait().expect("it is bound").is_some());
    assert!(extended.to_name("a//b").wait().is_err());
}
