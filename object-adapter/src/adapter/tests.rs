// SPDX-License-Identifier: MIT OR Apache-2.0
mod on_demand;

use std::sync::{
    Mutex,
    atomic::{AtomicU32, Ordering},
    mpsc,
};
use std::{thread, time::Duration};

use orb_core::{
    ior::{IiopProfile, Ior, TaggedComponent},
    orb::{OrbConfig, OrbCore},
    qos::Qos,
};

use super::*;
use crate::{
    ActivateError, AdapterActivator, Cookie, CreateError, Etherealized, FindError, Policies,
    ServantActivator, ServantLocator, StillInProgress, Threads,
};

const COUNTER: &str = "IDL:Counter:1.0";

/// Counts how often it is called.
#[derive(Default)]
struct Counter(AtomicU32);

impl Servant for Counter {
    fn repository_id(&self) -> &str {
        COUNTER
    }
    fn is_a(&self, id: &str) -> bool {
        id == COUNTER
    }
    fn dispatch(
        &self,
        _: &Context<'_>,
        _: &mut Decoder<'_>,
        _: &mut Reply<'_>,
    ) -> Result<(), SystemException> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

#[derive(Debug)]
struct TestReferences(Arc<OrbCore>);

impl ReferenceFactory for TestReferences {
    fn reference(
        &self,
        type_id: &str,
        object_key: Bytes,
        _: &[Endpoint],
        _: &ProtocolList,
        policies: Option<TaggedComponent>,
    ) -> Result<ObjectRef, SystemException> {
        let profile = IiopProfile {
            components: policies.into_iter().collect(),
            ..IiopProfile::new("test", 1, object_key)
        };
        Ok(self.0.object(Ior::iiop(type_id, &profile)))
    }
    fn open_lane(&self, _: &ProtocolList) -> Result<LaneSite, SystemException> {
        Err(SystemExceptionKind::Initialize.into())
    }
    fn close_lane(&self, _: &[Endpoint]) {}
    fn local_key(&self, reference: &ObjectRef) -> Option<Bytes> {
        reference
            .ior()
            .iiop_profiles()
            .next()
            .map(|profile| profile.object_key)
    }
}

pub(crate) fn adapter(instance: u64) -> ObjectAdapter {
    let adapter = ObjectAdapter::new(instance, "test");
    adapter.set_references(Arc::new(TestReferences(OrbCore::new(
        OrbConfig::default(),
        Vec::new(),
    ))));
    adapter
}

pub(crate) fn key_of(reference: &ObjectRef) -> Bytes {
    reference.ior().iiop_profiles().next().unwrap().object_key
}

/// Calls the object; returns the object id that the servant saw.
fn call(adapter: &ObjectAdapter, reference: &ObjectRef) -> Result<Vec<u8>, CollocatedError> {
    let mut seen = Vec::new();
    adapter.collocated(&key_of(reference), "op", &mut |_, cx| {
        seen = cx.object_id().to_vec()
    })?;
    Ok(seen)
}

fn refusal(adapter: &ObjectAdapter, reference: &ObjectRef) -> (SystemExceptionKind, u32) {
    match call(adapter, reference) {
        Err(CollocatedError::Exception(exception)) => (exception.kind(), exception.minor()),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn an_object_with_an_id_of_the_adapters_is_called_by_its_key() {
    let adapter = adapter(1);
    let reference: ObjectRef = adapter.root().activate(Counter::default()).export().unwrap();
    let id = call(&adapter, &reference).unwrap();
    assert_eq!(adapter.root().reference_to_id(&reference).unwrap(), id);
    assert_eq!(reference.ior().type_id, COUNTER);
    assert!(matches!(adapter.locate(&key_of(&reference)), Located::Here));
}

#[test]
fn an_object_with_an_id_of_the_applications_is_called_by_its_key() {
    let adapter = adapter(1);
    let reference: ObjectRef = adapter
        .root()
        .activate(Counter::default())
        .id("c-1")
        .export()
        .unwrap();
    assert_eq!(call(&adapter, &reference).unwrap(), b"c-1");
    let twin = adapter
        .root()
        .activate(Counter::default())
        .id("c-1")
        .export::<ObjectRef>();
    assert!(matches!(twin, Err(ActivateError::ObjectAlreadyActive { id, .. }) if id == "c-1"));
}

#[test]
fn an_object_can_have_a_whole_key_to_itself() {
    let adapter = adapter(1);
    let reference: ObjectRef = adapter
        .root()
        .activate(Counter::default())
        .object_key("NameService")
        .export()
        .unwrap();
    assert_eq!(key_of(&reference), "NameService");
    assert_eq!(call(&adapter, &reference).unwrap(), b"NameService");
    let own = crate::key::system_key(
        1,
        crate::key::SlotId {
            slot: 0,
            generation: 0,
        },
    );
    let forged = adapter
        .root()
        .activate(Counter::default())
        .object_key(own)
        .export::<ObjectRef>();
    assert!(matches!(forged, Err(ActivateError::BadId(_))));
    adapter.root().deactivate("NameService").unwrap();
    assert!(matches!(
        call(&adapter, &reference),
        Err(CollocatedError::NotLocal)
    ));
}

#[test]
fn a_deactivated_object_does_not_exist_and_its_id_can_be_used_again() {
    let adapter = adapter(1);
    let root = adapter.root();
    let reference: ObjectRef = root.activate(Counter::default()).id("c").export().unwrap();
    root.deactivate("c").unwrap();
    assert_eq!(
        refusal(&adapter, &reference).0,
        SystemExceptionKind::ObjectNotExist
    );
    assert!(matches!(adapter.locate(&key_of(&reference)), Located::Unknown));
    assert!(matches!(
        root.deactivate("c"),
        Err(FindError::ObjectNotActive { .. })
    ));
    let _again: ObjectRef = root.activate(Counter::default()).id("c").export().unwrap();
    assert!(call(&adapter, &reference).is_ok());
}

#[test]
fn a_request_in_progress_ends_before_its_object_leaves() {
    let adapter = adapter(1);
    let root = adapter.root();
    let reference: ObjectRef = root.activate(Counter::default()).id("c").export().unwrap();
    let key = key_of(&reference);
    adapter
        .collocated(&key, "op", &mut |servant, cx| {
            root.deactivate("c").unwrap();
            // The servant is still there for this request, and nobody else's.
            assert_eq!((servant.repository_id(), cx.object_id()), (COUNTER, &b"c"[..]));
            assert_eq!(
                refusal(&adapter, &reference).0,
                SystemExceptionKind::ObjectNotExist
            );
            assert!(
                root.activate(Counter::default())
                    .id("c")
                    .export::<ObjectRef>()
                    .is_err()
            );
        })
        .unwrap();
    let _again: ObjectRef = root.activate(Counter::default()).id("c").export().unwrap();
}

#[test]
fn a_transient_reference_is_good_for_one_run_and_a_persistent_one_for_all() {
    let (first, second) = (adapter(1), adapter(2));
    let activate = |adapter: &ObjectAdapter| -> ObjectRef {
        let poa = adapter
            .root()
            .create("store")
            .persistent()
            .user_ids()
            .build()
            .unwrap();
        poa.activate(Counter::default()).id("c").export().unwrap()
    };
    let (persistent, _) = (activate(&first), activate(&second));
    let transient: ObjectRef = first.root().activate(Counter::default()).export().unwrap();
    assert_eq!(call(&second, &persistent).unwrap(), b"c");
    assert!(matches!(
        call(&second, &transient),
        Err(CollocatedError::NotLocal)
    ));
    let other = ObjectAdapter::new(3, "another server");
    assert!(matches!(
        call(&other, &persistent),
        Err(CollocatedError::NotLocal)
    ));
}

#[test]
fn what_is_asked_for_is_kept_with_the_object() {
    let adapter = adapter(1);
    let activation = |id: &str| adapter.root().activate(Counter::default()).id(id);
    let _reference: ObjectRef = activation("c").qos(Qos::best_effort(3)).export().unwrap();
    assert_eq!(adapter.root().qos("c").unwrap(), Some(Qos::best_effort(3)));
    let _reference: ObjectRef = activation("d").export().unwrap();
    assert_eq!(adapter.root().qos("d").unwrap(), None);
}

#[test]
fn a_guarantee_without_an_endpoint_is_an_error_and_activates_nothing() {
    let adapter = adapter(1);
    let wanted = Qos::low_delay(Duration::from_millis(2)).worst_case(Duration::from_micros(1200));
    // More than one of these does not fit, so what is refused gives its share back.
    for _ in 0..3 {
        let activation = adapter.root().activate(Counter::default()).id("c");
        let error = activation.qos(wanted.clone()).export::<ObjectRef>().unwrap_err();
        assert!(matches!(error, ActivateError::Reference(_)), "{error}");
        assert!(adapter.root().qos("c").is_err());
    }
}

#[test]
fn a_guarantee_does_not_wait_for_the_turn_of_others() {
    let adapter = adapter(1);
    let poa = adapter.root().create("single").single_thread().build().unwrap();
    let activation = poa.activate(Counter::default());
    let wanted = Qos::low_delay(Duration::from_millis(2));
    let error = activation.qos(wanted).export::<ObjectRef>().unwrap_err();
    assert!(matches!(error, ActivateError::WrongPolicy { .. }), "{error}");
}

#[test]
fn exporting_as_another_interface_is_refused_and_activates_nothing() {
    #[derive(Clone)]
    struct OtherRef(ObjectRef);
    impl From<ObjectRef> for OtherRef {
        fn from(reference: ObjectRef) -> Self {
            Self(reference)
        }
    }
    impl From<OtherRef> for ObjectRef {
        fn from(reference: OtherRef) -> Self {
            reference.0
        }
    }
    impl AsRef<ObjectRef> for OtherRef {
        fn as_ref(&self) -> &ObjectRef {
            &self.0
        }
    }
    impl orb_core::object::Interface for OtherRef {
        const REPOSITORY_ID: &'static str = "IDL:Other:1.0";
    }
    let adapter = adapter(1);
    let exported = adapter
        .root()
        .activate(Counter::default())
        .id("c")
        .export::<OtherRef>();
    assert!(matches!(
        exported,
        Err(ActivateError::WrongInterface {
            wanted: "IDL:Other:1.0",
            ..
        })
    ));
    assert!(adapter.root().servant("c").is_err());
}

#[test]
fn a_servant_is_one_object_unless_it_may_be_several() {
    let adapter = adapter(1);
    let servant: Arc<dyn Servant> = Arc::new(Counter::default());
    let root = adapter.root();
    let reference: ObjectRef = root.activate_shared(Arc::clone(&servant)).export().unwrap();
    let twice = root.activate_shared(Arc::clone(&servant)).export::<ObjectRef>();
    assert!(matches!(twice, Err(ActivateError::ServantAlreadyActive { .. })));
    assert_eq!(
        root.servant_to_id(&servant).unwrap(),
        root.reference_to_id(&reference).unwrap()
    );
    assert!(Arc::ptr_eq(
        &root.reference_to_servant(&reference).unwrap(),
        &servant
    ));
    let many = root.create("many").multiple_ids().build().unwrap();
    for _ in 0..2 {
        many.activate_shared(Arc::clone(&servant))
            .export::<ObjectRef>()
            .unwrap();
    }
    assert!(matches!(
        many.servant_to_id(&servant),
        Err(FindError::WrongPolicy { .. })
    ));
}

#[test]
fn asking_for_a_reference_activates_where_that_is_allowed() {
    let adapter = adapter(1);
    let servant: Arc<dyn Servant> = Arc::new(Counter::default());
    let reference = adapter.root().servant_to_reference(Arc::clone(&servant)).unwrap();
    assert_eq!(
        adapter.root().servant_to_reference(servant).unwrap().ior(),
        reference.ior()
    );
    assert!(call(&adapter, &reference).is_ok());
    let strict = adapter.root().create("strict").build().unwrap();
    let refused = strict.servant_to_reference(Arc::new(Counter::default()));
    assert!(matches!(refused, Err(ActivateError::WrongPolicy { .. })));
}

#[test]
fn poas_have_one_parent_distinct_names_and_sound_policies() {
    let adapter = adapter(1);
    let root = adapter.root();
    let child = root.create("a").build().unwrap();
    let grandchild = child.create("b").build().unwrap();
    assert_eq!((grandchild.path().as_str(), grandchild.name()), ("a/b", "b"));
    assert_eq!(grandchild.parent(), Some(child.clone()));
    assert_eq!(root.children(), [child]);
    assert!(matches!(
        root.create("a").build(),
        Err(CreateError::AlreadyExists { .. })
    ));
    assert!(matches!(
        root.create("").build(),
        Err(CreateError::NameLength { octets: 0 })
    ));
    let unsound = root.create("c").non_retain().build();
    assert!(matches!(unsound, Err(CreateError::InvalidPolicy { .. })));
    assert!(root.find("c").is_err(), "a POA that failed is not there");
    let users = root.create("u").user_ids().build().unwrap();
    assert!(matches!(
        users.activate(Counter::default()).export::<ObjectRef>(),
        Err(ActivateError::WrongPolicy { has: "USER_ID", .. })
    ));
}

#[test]
fn managers_are_shared_or_not_as_asked() {
    let adapter = adapter(1);
    let manager = PoaManager::new();
    let activate = |name: &str, manager: Option<&PoaManager>| -> ObjectRef {
        let builder = adapter.root().create(name);
        let poa = manager
            .into_iter()
            .fold(builder, crate::PoaBuilder::manager)
            .build()
            .unwrap();
        poa.activate(Counter::default()).export().unwrap()
    };
    let (one, two, alone) = (
        activate("1", Some(&manager)),
        activate("2", Some(&manager)),
        activate("3", None),
    );
    manager.discard_requests().unwrap();
    for refused in [&one, &two] {
        assert_eq!(
            refusal(&adapter, refused),
            (SystemExceptionKind::Transient, minor::REQUEST_DISCARDED)
        );
    }
    assert!(call(&adapter, &alone).is_ok());
}

#[test]
fn a_single_threaded_poa_serves_one_request_at_a_time_and_calls_back_into_itself() {
    let adapter = adapter(1);
    let poa = adapter.root().create("s").single_thread().build().unwrap();
    assert_eq!(
        poa.policies(),
        Policies {
            threads: Threads::Single,
            ..Policies::default()
        }
    );
    let [one, two] = [(); 2].map(|()| poa.activate(Counter::default()).export::<ObjectRef>().unwrap());
    let inside = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..100 {
                    adapter
                        .collocated(&key_of(&one), "op", &mut |_, _| {
                            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                            call(&adapter, &two).unwrap();
                            inside.fetch_sub(1, Ordering::SeqCst);
                        })
                        .unwrap();
                }
            });
        }
    });
}

#[test]
fn destroying_a_poa_ends_its_objects_and_children_but_not_its_requests() {
    let adapter = adapter(1);
    let poa = adapter.root().create("p").build().unwrap();
    let child = poa.create("q").build().unwrap();
    let reference: ObjectRef = poa.activate(Counter::default()).export().unwrap();
    let below: ObjectRef = child.activate(Counter::default()).export().unwrap();
    let (entered, wait) = mpsc::channel();
    let (go, on) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let key = key_of(&reference);
        let request = scope.spawn({
            let adapter = &adapter;
            move || {
                adapter.collocated(&key, "op", &mut |_, _| {
                    entered.send(()).unwrap();
                    on.recv().unwrap();
                })
            }
        });
        wait.recv().unwrap();
        assert_eq!(poa.destroy(true, Some(Duration::ZERO)), Err(StillInProgress));
        go.send(()).unwrap();
        assert!(request.join().unwrap().is_ok());
    });
    for gone in [&reference, &below] {
        assert_eq!(refusal(&adapter, gone).0, SystemExceptionKind::ObjectNotExist);
    }
    assert!(matches!(
        poa.activate(Counter::default()).export::<ObjectRef>(),
        Err(ActivateError::Destroyed(_))
    ));
    assert!(matches!(poa.create("r").build(), Err(CreateError::Destroyed(_))));
    assert!(
        adapter.root().create("p").build().is_ok(),
        "the name is free again"
    );
}

#[test]
fn a_key_of_nobody_is_not_local_and_does_not_exist() {
    let adapter = adapter(1);
    for key in [&b""[..], b"NameService", b"UPs1", &[0xff; 40]] {
        assert!(matches!(
            adapter.collocated(key, "op", &mut |_, _| ()),
            Err(CollocatedError::NotLocal)
        ));
        assert!(matches!(adapter.locate(key), Located::Unknown));
    }
}
