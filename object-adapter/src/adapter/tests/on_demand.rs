// SPDX-License-Identifier: MIT OR Apache-2.0
//! Objects and POAs that are made when a request needs them.

use super::*;

#[test]
fn a_default_servant_is_every_object_that_has_no_other() {
    let adapter = adapter(1);
    let poa = adapter
        .root()
        .create("d")
        .use_default_servant()
        .user_ids()
        .build()
        .unwrap();
    let reference = poa.create_reference(b"anything", COUNTER).unwrap();
    assert_eq!(
        refusal(&adapter, &reference),
        (SystemExceptionKind::ObjAdapter, minor::NO_DEFAULT_SERVANT)
    );
    poa.set_default_servant(Arc::new(Counter::default())).unwrap();
    assert_eq!(call(&adapter, &reference).unwrap(), b"anything");
    assert!(matches!(adapter.locate(&key_of(&reference)), Located::Here));
    assert!(
        poa.set_servant_locator(OneShot::default()).is_err(),
        "the policy says default servant"
    );
}

#[derive(Default)]
struct Nursery {
    made: AtomicU32,
    gone: Arc<Mutex<Vec<String>>>,
}

impl ServantActivator for Nursery {
    fn incarnate(&self, id: &[u8], _: &Poa) -> Result<Arc<dyn Servant>, ServantManagerError> {
        if id == b"nobody" {
            return Err(not_exist("nobody").into());
        }
        self.made.fetch_add(1, Ordering::SeqCst);
        Ok(Arc::new(Counter::default()))
    }
    fn etherealize(&self, object: Etherealized<'_>) {
        let id = String::from_utf8_lossy(object.object_id);
        self.gone
            .lock()
            .unwrap()
            .push(format!("{id} {}", object.cleanup_in_progress));
    }
}

#[test]
fn a_servant_activator_makes_each_servant_once_and_takes_leave_of_it() {
    let adapter = adapter(1);
    let poa = adapter
        .root()
        .create("n")
        .use_servant_manager()
        .user_ids()
        .build()
        .unwrap();
    let references: Vec<_> = ["a", "b"]
        .map(|id| poa.create_reference(id.as_bytes(), COUNTER).unwrap())
        .into();
    assert_eq!(
        refusal(&adapter, &references[0]),
        (SystemExceptionKind::ObjAdapter, minor::NO_SERVANT_MANAGER)
    );
    let gone = Arc::default();
    poa.set_servant_activator(Nursery {
        made: AtomicU32::new(0),
        gone: Arc::clone(&gone),
    })
    .unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(call(&adapter, &references[0]).unwrap(), b"a"));
        }
    });
    call(&adapter, &references[1]).unwrap();
    let nobody = poa.create_reference(b"nobody", COUNTER).unwrap();
    assert_eq!(refusal(&adapter, &nobody).0, SystemExceptionKind::ObjectNotExist);
    poa.deactivate("a").unwrap();
    poa.destroy(true, None).unwrap();
    assert_eq!(*gone.lock().unwrap(), ["a false", "b true"]);
}

#[derive(Default)]
struct OneShot(Arc<Mutex<Vec<String>>>);

impl ServantLocator for OneShot {
    fn preinvoke(
        &self,
        id: &[u8],
        _: &Poa,
        op: &str,
    ) -> Result<(Arc<dyn Servant>, Cookie), ServantManagerError> {
        let id = String::from_utf8_lossy(id).into_owned();
        self.0.lock().unwrap().push(format!("pre {id} {op}"));
        Ok((Arc::new(Counter::default()), Box::new(id)))
    }
    fn postinvoke(&self, _: &[u8], _: &Poa, op: &str, cookie: Cookie, _: Arc<dyn Servant>) {
        let id = cookie.downcast::<String>().unwrap();
        self.0.lock().unwrap().push(format!("post {id} {op}"));
    }
}

#[test]
fn a_servant_locator_is_asked_before_and_told_after_each_request() {
    let adapter = adapter(1);
    let poa = adapter
        .root()
        .create("l")
        .use_servant_manager()
        .non_retain()
        .user_ids()
        .build()
        .unwrap();
    let log = Arc::default();
    poa.set_servant_locator(OneShot(Arc::clone(&log))).unwrap();
    let reference = poa.create_reference(b"x", COUNTER).unwrap();
    call(&adapter, &reference).unwrap();
    call(&adapter, &reference).unwrap();
    assert_eq!(
        *log.lock().unwrap(),
        ["pre x op", "post x op", "pre x op", "post x op"]
    );
    assert!(matches!(
        poa.activate(Counter::default()).id("y").export::<ObjectRef>(),
        Err(ActivateError::WrongPolicy {
            has: "NON_RETAIN",
            ..
        })
    ));
}

#[test]
fn a_servant_manager_can_send_clients_on() {
    struct Elsewhere(ObjectRef);
    impl ServantActivator for Elsewhere {
        fn incarnate(&self, _: &[u8], _: &Poa) -> Result<Arc<dyn Servant>, ServantManagerError> {
            Err(ServantManagerError::Forward(self.0.clone()))
        }
    }
    let adapter = adapter(1);
    let there: ObjectRef = adapter.root().activate(Counter::default()).export().unwrap();
    let poa = adapter
        .root()
        .create("f")
        .use_servant_manager()
        .user_ids()
        .build()
        .unwrap();
    poa.set_servant_activator(Elsewhere(there.clone())).unwrap();
    let reference = poa.create_reference(b"x", COUNTER).unwrap();
    match call(&adapter, &reference) {
        Err(CollocatedError::Forward(ior)) => assert_eq!(&ior, there.ior()),
        other => panic!("not forwarded: {other:?}"),
    }
}

#[test]
fn an_adapter_activator_makes_the_poa_that_a_request_needs() {
    struct Maker;
    impl AdapterActivator for Maker {
        fn unknown_adapter(&self, parent: &Poa, name: &str) -> bool {
            if name != "store" {
                return false;
            }
            let poa = parent.create(name).persistent().user_ids().build().unwrap();
            poa.activate(Counter::default())
                .id("c")
                .export::<ObjectRef>()
                .is_ok()
        }
    }
    let (before, after) = (adapter(1), adapter(2));
    let reference = |name: &str| -> ObjectRef {
        let poa = before
            .root()
            .create(name)
            .persistent()
            .user_ids()
            .build()
            .unwrap();
        poa.activate(Counter::default()).id("c").export().unwrap()
    };
    let (known, unknown) = (reference("store"), reference("cellar"));
    assert_eq!(
        refusal(&after, &known),
        (SystemExceptionKind::ObjectNotExist, minor::NO_SUCH_ADAPTER)
    );
    after.root().set_adapter_activator(Maker);
    assert_eq!(call(&after, &known).unwrap(), b"c");
    assert_eq!(refusal(&after, &unknown).0, SystemExceptionKind::ObjectNotExist);
}
