// SPDX-License-Identifier: MIT OR Apache-2.0
//! Priorities that are other than the models say, and where references declare them.

use PriorityModel::{ClientPropagated, ServerDeclared};
use upcall::{
    ObjectRef, Servant, SystemExceptionKind as Kind,
    poa::{ActivateError, FindError, ServantActivator, ServantManagerError},
    rtcorba::{InvalidPolicy, PriorityTransform},
};

use super::*;

/// Serves at twice the priority, and calls at three more; objects whose id begins with `no` are refused.
#[derive(Debug)]
struct Twice;

impl PriorityTransform for Twice {
    fn inbound(&self, priority: Priority, object_id: &[u8]) -> Option<Priority> {
        let allowed = !object_id.starts_with(b"no-in");
        Priority::new(priority.get().checked_mul(2)?)
            .ok()
            .filter(|_| allowed)
    }
    fn outbound(&self, priority: Priority, object_id: &[u8]) -> Option<Priority> {
        let allowed = !object_id.starts_with(b"no-out");
        Priority::new(priority.get() + 3).ok().filter(|_| allowed)
    }
}

fn transforming() -> Orb {
    let builder = Orb::builder().environment(false).listen("iiop://127.0.0.1:0");
    let builder = builder.real_time(|settings| {
        settings.priority_mapping = Some(Arc::new(Ordinary));
        settings.priority_transform = Some(Arc::new(Twice));
        settings.calibration = Some(Calibration::default());
        settings.page = upcall::poa::Page::None;
    });
    builder.build().unwrap()
}

fn with_id(poa: &Poa, id: &str, servant: &Thermometer) -> SensorRef {
    activate(poa, servant).id(id).export().unwrap()
}

#[test]
fn a_request_is_served_and_its_servant_calls_at_the_transformed_priority() {
    let (middle, last, client) = (transforming(), server(), client());
    let (front, back) = (Thermometer::new(&middle), Thermometer::new(&last));
    let end = export(&poa(&last, ClientPropagated, 7), &back);
    *front.peer.lock() = Some(from(&middle, &last, &end));
    let propagated = poa(&middle, ClientPropagated, 5);
    let sensor = from(&client, &middle, &with_id(&propagated, "t", &front));
    at(&client, Some(100), || sensor.read(1).wait()).unwrap();
    assert_eq!(front.last(), (Some(200), Some(200)));
    assert_eq!(back.last(), (Some(203), Some(203)));
    // Without a client's priority it is the server's that is transformed.
    at(&client, None, || sensor.read(1).wait()).unwrap();
    assert_eq!((front.last().0, back.last().0), (Some(10), Some(13)));
    // Declared ones likewise; and threads that serve nobody call as they are.
    let declared = middle.root_poa().create("declared");
    let declared = declared
        .priority_model(ServerDeclared, priority(50))
        .build()
        .unwrap();
    let sensor = from(&client, &middle, &with_id(&declared, "t", &front));
    at(&client, Some(100), || sensor.read(1).wait()).unwrap();
    assert_eq!((front.last().0, back.last().0), (Some(100), Some(103)));
    let own = from(&middle, &last, &end);
    at(&middle, Some(100), || own.read(1).wait()).unwrap();
    assert_eq!(back.last().0, Some(100));
    // Where nothing has a priority, nothing is transformed.
    let plain = from(&client, &middle, &with_id(middle.root_poa(), "t", &front));
    at(&client, Some(100), || plain.read(1).wait()).unwrap();
    assert_eq!((front.last(), back.last().0), ((None, None), Some(7)));
}

#[test]
fn a_pool_serves_in_the_lane_of_the_transformed_priority_and_calls_within_the_orb_are_transformed() {
    let (orb, client) = (transforming(), client());
    let lanes = [100, 206].map(|value| upcall::rtcorba::ThreadpoolLane {
        priority: priority(value),
        static_threads: 1,
        dynamic_threads: 0,
    });
    let config = upcall::rtcorba::ThreadpoolConfig::with_lanes(lanes);
    let pool = orb.create_threadpool(config).unwrap();
    let pooled = orb.root_poa().create("pooled").threadpool(&pool);
    let pooled = pooled
        .priority_model(ClientPropagated, priority(50))
        .build()
        .unwrap();
    let (front, back) = (Thermometer::new(&orb), Thermometer::new(&orb));
    *front.peer.lock() = Some(with_id(&pooled, "back", &back));
    let sensor = from(&client, &orb, &with_id(&pooled, "front", &front));
    at(&client, Some(50), || sensor.read(1).wait()).unwrap();
    assert_eq!(front.last(), (Some(100), Some(100)));
    // 100 and 3, twice.
    assert_eq!(back.last(), (Some(206), Some(206)));
    assert_ne!(front.last_thread(), back.last_thread());
    let none = at(&client, Some(51), || sensor.read(1).wait()).unwrap_err();
    assert!(
        matches!(none, SensorReadError::System(ref it) if it.kind() == Kind::InvPolicy),
        "{none}"
    );
}

#[test]
fn what_a_transform_refuses_is_not_served_or_called() {
    let (middle, last, client) = (transforming(), server(), client());
    let (front, back) = (Thermometer::new(&middle), Thermometer::new(&last));
    let end = export(&poa(&last, ClientPropagated, 7), &back);
    *front.peer.lock() = Some(from(&middle, &last, &end));
    let poa = poa(&middle, ClientPropagated, 5);
    for (id, serves) in [("no-in", false), ("no-out", true)] {
        let sensor = from(&client, &middle, &with_id(&poa, id, &front));
        let refused = at(&client, Some(100), || sensor.read(1).wait()).unwrap_err();
        let SensorReadError::System(refused) = refused else {
            panic!("{refused}");
        };
        assert_eq!(refused.kind(), Kind::DataConversion, "{refused}");
        assert_eq!(front.seen.lock().len(), usize::from(serves), "{id}");
        poa.deactivate(id).unwrap();
    }
    assert!(back.seen.lock().is_empty());
}

/// Makes a servant that notes at which priority it is called.
struct Maker(Thermometer);

impl ServantActivator for Maker {
    fn incarnate(&self, _: &[u8], _: &Poa) -> Result<Arc<dyn Servant>, ServantManagerError> {
        Ok(Arc::new(SensorSkeleton::new(self.0.clone())))
    }
}

const SENSOR: &str = "IDL:Telemetry/Sensor:1.0";

fn declared_in(reference: &ObjectRef) -> i16 {
    reference.exposed_policies().model.unwrap().server_priority.get()
}

#[test]
fn a_reference_declares_a_priority_for_whoever_comes_to_serve_its_object() {
    let (server, client) = (server(), client());
    let servant = Thermometer::new(&server);
    let demand = server
        .root_poa()
        .create("demand")
        .use_servant_manager()
        .user_ids()
        .multiple_ids();
    let demand = demand
        .priority_model(ServerDeclared, priority(50))
        .build()
        .unwrap();
    demand.set_servant_activator(Maker(servant.clone())).unwrap();
    demand.manager().activate().unwrap();
    let urgent = demand
        .create_reference_with_priority(b"urgent", SENSOR, priority(900))
        .unwrap();
    let plain = demand.create_reference(b"plain", SENSOR).unwrap();
    assert_eq!((declared_in(&urgent), declared_in(&plain)), (900, 50));
    let call = |reference: &ObjectRef| {
        let sensor: SensorRef = reference.unchecked_narrow();
        from(&client, &server, &sensor).name().wait().unwrap();
        servant.last()
    };
    assert_eq!(call(&urgent), (Some(900), Some(900)));
    assert_eq!(call(&plain), (Some(50), Some(50)));
    assert_eq!(declared_in(&demand.reference("urgent").unwrap()), 900);

    // A default servant keeps to it too, and so does an activation that says nothing else.
    let default = server
        .root_poa()
        .create("default")
        .use_default_servant()
        .non_retain();
    let default = default
        .priority_model(ServerDeclared, priority(50))
        .build()
        .unwrap();
    default
        .set_default_servant(Arc::new(SensorSkeleton::new(servant.clone())))
        .unwrap();
    default.manager().activate().unwrap();
    let new = default
        .create_reference_with_new_id_and_priority(SENSOR, priority(700))
        .unwrap();
    assert_eq!(call(&new), (Some(700), Some(700)));

    let map = poa(&server, ServerDeclared, 50);
    let made = map
        .create_reference_with_priority(b"a", SENSOR, priority(600))
        .unwrap();
    assert!(matches!(
        map.reference("a"),
        Err(FindError::ObjectNotActive { .. })
    ));
    with_id(&map, "a", &servant);
    assert_eq!(call(&made), (Some(600), Some(600)));
    map.deactivate("a").unwrap();
    // The thread that has answered may be in the object yet for an instant.
    let own = loop {
        let again = activate(&map, &servant).id("a").priority(priority(650));
        match again.export::<SensorRef>() {
            Err(ActivateError::ObjectAlreadyActive { .. }) => std::thread::yield_now(),
            own => break own,
        }
    };
    assert_eq!(declared_in(own.unwrap().as_ref()), 650);
    assert_eq!(call(&made), (Some(650), Some(650)));
}

#[test]
fn a_priority_that_a_reference_cannot_declare_is_refused() {
    let server = server();
    let propagated = poa(&server, ClientPropagated, 50);
    for poa in [server.root_poa(), &propagated] {
        let refused = poa
            .create_reference_with_priority(b"a", SENSOR, priority(7))
            .unwrap_err();
        assert!(matches!(refused, ActivateError::WrongPolicy { .. }), "{refused}");
    }
    let banded = server.root_poa().create("banded");
    let banded = banded.priority_bands([PriorityBand::new(priority(0), priority(99))]);
    let banded = banded
        .priority_model(ServerDeclared, priority(50))
        .build()
        .unwrap();
    let refused = banded
        .create_reference_with_new_id_and_priority(SENSOR, priority(100))
        .unwrap_err();
    assert_eq!(
        refused,
        ActivateError::Priority(InvalidPolicy::PriorityInNoBand(priority(100)))
    );
}

#[test]
fn on_a_lane_the_client_s_priority_is_its_servant_s_and_the_upcall_s_place_its_plan_s() {
    let (server, client) = (server(), client());
    let servant = Thermometer::new(&server);
    let soon = Qos::low_delay(std::time::Duration::from_millis(20));
    let poa = poa(&server, ClientPropagated, 77);
    let skeleton = SensorSkeleton::new(servant.clone());
    let sensor: SensorRef = poa.activate(skeleton).id("t").qos(soon.clone()).export().unwrap();
    let remote = from(&client, &server, &sensor);
    for (value, expected) in [(Some(4_711), 4_711), (Some(3), 3), (None, 77)] {
        at(&client, value, || remote.read(1).wait()).unwrap();
        assert_eq!(servant.last(), (Some(expected), Some(expected)));
        assert!(
            servant.last_thread().starts_with("rtu-"),
            "{}",
            servant.last_thread()
        );
    }
    assert_eq!(poa.qos("t").unwrap(), Some(soon));
}

#[test]
fn a_declared_priority_weighs_flows_without_a_guarantee() {
    let (server, client) = (server(), client());
    let poa = poa(&server, ServerDeclared, 0);
    for (value, factor) in [(0, 1), (0x3fff, 8), (30_000, 15)] {
        let servant = Thermometer::new(&server);
        let id = value.to_string();
        let sensor = activate(&poa, &servant)
            .id(&id)
            .priority(priority(value))
            .export();
        let sensor: SensorRef = sensor.unwrap();
        let own = from(&client, &server, &sensor);
        let own = upcall::Interface::with_qos(&own, Qos::best_effort(3)).unwrap();
        own.read(1).wait().unwrap();
        let lane = poa.lane(&id).unwrap().expect("a flow");
        assert_eq!(lane.clients[0].qos, Qos::best_effort(3 * factor), "{value}");
    }
}
