// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which policies a POA and its objects may have, and what references say of them.

use PriorityModel::{ClientPropagated, ServerDeclared};
use upcall::{
    SystemException, SystemExceptionKind as Kind,
    poa::{ActivateError, CreateError},
    qos::LowDelay,
    rtcorba::{ExposedPolicies, InvalidPolicy, PolicyType, ThreadpoolConfig, ThreadpoolLane},
};

use super::*;

fn lanes(orb: &Orb, priorities: &[i16]) -> upcall::rtcorba::Threadpool {
    let lanes = priorities.iter().map(|value| ThreadpoolLane {
        priority: priority(*value),
        static_threads: 1,
        dynamic_threads: 0,
    });
    orb.create_threadpool(ThreadpoolConfig::with_lanes(lanes))
        .unwrap()
}

fn exposed(sensor: &SensorRef) -> ExposedPolicies {
    let object: &upcall::ObjectRef = sensor.as_ref();
    let profile = object.ior().iiop_profiles().next().unwrap();
    let found = profile.components.iter().find_map(ExposedPolicies::of);
    found.map(Result::unwrap).unwrap_or_default()
}

#[test]
fn a_poa_refuses_policies_that_exclude_each_other() {
    let orb = server();
    let pool = lanes(&orb, &[10, 200]);
    let create = || orb.root_poa().create("a");
    let invalid = |refused: CreateError| match &refused {
        CreateError::InvalidRealTimePolicy { invalid, .. } => {
            assert_eq!(SystemException::from(refused.clone()).kind(), Kind::InvPolicy);
            *invalid
        }
        other => panic!("{other}"),
    };
    let refused = create().threadpool(&pool).build().unwrap_err();
    assert_eq!(
        invalid(refused),
        InvalidPolicy::NeedsModel(PolicyType::Threadpool)
    );
    let banded = create().priority_bands([PriorityBand::new(priority(0), priority(9))]);
    let needs = InvalidPolicy::NeedsModel(PolicyType::PriorityBandedConnection);
    assert_eq!(invalid(banded.build().unwrap_err()), needs);
    let outside = create()
        .threadpool(&pool)
        .priority_model(ServerDeclared, priority(11));
    let no_lane = InvalidPolicy::PriorityInNoLane(priority(11));
    assert_eq!(invalid(outside.build().unwrap_err()), no_lane);
    for (threads, name) in [
        (upcall::poa::Threads::Single, "SINGLE_THREAD_MODEL"),
        (upcall::poa::Threads::Main, "MAIN_THREAD_MODEL"),
    ] {
        let policies = upcall::poa::Policies {
            threads,
            ..Default::default()
        };
        let pooled = create().policies(policies).threadpool(&pool);
        let pooled = pooled.priority_model(ClientPropagated, priority(10));
        assert_eq!(
            invalid(pooled.build().unwrap_err()),
            InvalidPolicy::ThreadModel(name)
        );
    }
    // Nothing is left of what was refused.
    assert!(orb.root_poa().children().is_empty());
    let fine = create()
        .threadpool(&pool)
        .priority_model(ServerDeclared, priority(10));
    assert!(fine.build().is_ok());
}

#[test]
fn an_object_s_own_priority_is_refused_where_nobody_could_serve_it() {
    let orb = server();
    let pool = lanes(&orb, &[10, 200]);
    let declared = orb.root_poa().create("declared").threadpool(&pool);
    let declared = declared
        .priority_model(ServerDeclared, priority(10))
        .build()
        .unwrap();
    let export = |poa: &Poa, value| {
        let activation = activate(poa, &Thermometer::new(&orb));
        activation.priority(priority(value)).export::<SensorRef>()
    };
    let refused = export(&declared, 11).unwrap_err();
    assert_eq!(
        refused,
        ActivateError::Priority(InvalidPolicy::PriorityInNoLane(priority(11)))
    );
    assert_eq!(SystemException::from(refused).kind(), Kind::BadParam);
    assert!(export(&declared, 200).is_ok());
    let propagated = poa(&orb, ClientPropagated, 10);
    for other in [orb.root_poa(), &propagated] {
        let refused = export(other, 10).unwrap_err();
        assert!(matches!(refused, ActivateError::WrongPolicy { .. }), "{refused}");
    }
}

#[test]
fn references_show_the_policies_of_their_object() {
    let orb = server();
    let (servant, other) = (Thermometer::new(&orb), Thermometer::new(&orb));
    let bands = [(0, 99), (100, 300)].map(|(low, high)| PriorityBand::new(priority(low), priority(high)));
    let poa = orb.root_poa().create("banded").priority_bands(bands);
    let poa = poa.priority_model(ServerDeclared, priority(7)).build().unwrap();
    let shown = exposed(&export(&poa, &servant));
    let model = shown.model.unwrap();
    assert_eq!(
        (model.model, model.server_priority),
        (ServerDeclared, priority(7))
    );
    assert_eq!(shown.bands, bands);
    let own = activate(&poa, &other).priority(priority(300)).export().unwrap();
    assert_eq!(exposed(&own).model.unwrap().server_priority, priority(300));
    let plain = export(orb.root_poa(), &other);
    assert_eq!(exposed(&plain), ExposedPolicies::default());
}

#[test]
fn a_declared_priority_is_that_of_a_low_delay_plan() {
    let orb = server();
    let poa = poa(&orb, ServerDeclared, 0x4000);
    let ask = |value: Option<i16>, id: &str| {
        let skeleton = SensorSkeleton::new(Thermometer::new(&orb));
        let soon = Qos::low_delay(std::time::Duration::from_millis(20));
        let mut activation = poa.activate(skeleton).id(id).qos(soon);
        if let Some(value) = value {
            activation = activation.priority(priority(value));
        }
        let _sensor: SensorRef = activation.export().unwrap();
        match poa.qos(id).unwrap() {
            Some(Qos::LowDelay(LowDelay { priority, .. })) => priority,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ask(None, "of the POA"), 0);
    assert_eq!(ask(Some(0), "least"), -128);
    assert_eq!(ask(Some(30_000), "much"), 30_000 / 128 - 128);
}
