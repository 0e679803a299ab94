// SPDX-License-Identifier: MIT OR Apache-2.0

use std::sync::Mutex;

use upcall::{Context, Servant};
use upcall_tests::loopback::{Wire, call, collocated};

use crate::generated::telemetry::{
    __sensor as op, OutOfRange, Sample, Sensor, SensorReadError, SensorRef, SensorSkeleton, Unit,
};

#[derive(Default)]
struct Thermometer {
    pushed: Mutex<Vec<Sample>>,
}

impl Sensor for Thermometer {
    fn name(&self, _cx: &Context) -> upcall::Result<String> {
        Ok("t0".into())
    }
    fn gain(&self, _cx: &Context) -> upcall::Result<f64> {
        Ok(1.0)
    }
    fn set_gain(&self, _cx: &Context, _value: f64) -> upcall::Result<()> {
        Ok(())
    }
    fn read(&self, _cx: &Context, channel: i32) -> Result<f64, SensorReadError> {
        if channel > 7 {
            return Err(OutOfRange {
                why: "8 channels".into(),
            }
            .into());
        }
        Ok(21.5)
    }
    fn stats(&self, _cx: &Context, _channel: i32, count: i32) -> upcall::Result<(bool, f64, i32)> {
        Ok((true, 21.5, count + 1))
    }
    fn snapshot(&self, _cx: &Context, mask: &[u8]) -> upcall::Result<bytes::Bytes> {
        Ok(bytes::Bytes::copy_from_slice(mask))
    }
    fn push(&self, _cx: &Context, samples: Vec<Sample>) {
        self.pushed.lock().unwrap().extend(samples);
    }
    fn peer(&self, _cx: &Context) -> upcall::Result<Option<SensorRef>> {
        Ok(None)
    }
}

#[test]
fn every_operation_goes_through() {
    let skeleton = SensorSkeleton::new(Thermometer::default());
    for wire in Wire::ALL {
        assert_eq!(call::<op::GetName>(&skeleton, wire, &()), Ok("t0".to_owned()));
        assert_eq!(call::<op::GetGain>(&skeleton, wire, &()), Ok(1.0));
        assert_eq!(call::<op::SetGain>(&skeleton, wire, &(2.0,)), Ok(()));
        assert_eq!(call::<op::Read>(&skeleton, wire, &(3,)), Ok(21.5));
        assert_eq!(call::<op::Stats>(&skeleton, wire, &(3, 7)), Ok((true, 21.5, 8)));
        assert_eq!(
            call::<op::Snapshot>(&skeleton, wire, &(b"mask",)),
            Ok("mask".into())
        );
        assert_eq!(call::<op::Peer>(&skeleton, wire, &()), Ok(None));
    }
}

#[test]
fn a_user_exception_arrives_as_its_variant() {
    let skeleton = SensorSkeleton::new(Thermometer::default());
    let expected = SensorReadError::from(OutOfRange {
        why: "8 channels".into(),
    });
    for wire in Wire::ALL {
        assert_eq!(call::<op::Read>(&skeleton, wire, &(9,)), Err(expected.clone()));
    }
    assert_eq!(collocated::<op::Read>(&skeleton, &(9,)), Err(expected));
}

#[test]
fn a_oneway_is_not_answered() {
    let skeleton = SensorSkeleton::new(Thermometer::default());
    let samples = [
        Sample {
            t: 1,
            value: 2.5,
            unit: Unit::Kelvin,
        },
        Sample::default(),
    ];
    call::<op::Push>(&skeleton, Wire::ALL[1], &(&samples,)).unwrap();
    collocated::<op::Push>(&skeleton, &(&samples[1..],)).unwrap();
    let pushed = skeleton.servant().pushed.lock().unwrap();
    assert_eq!(
        pushed[..],
        [samples[0].clone(), Sample::default(), Sample::default()]
    );
}

#[test]
fn the_skeleton_says_what_it_is() {
    let skeleton = SensorSkeleton::new(Thermometer::default());
    assert_eq!(skeleton.repository_id(), SensorRef::REPOSITORY_ID);
    assert!(skeleton.is_a("IDL:Telemetry/Sensor:1.0") && skeleton.is_a("IDL:omg.org/CORBA/Object:1.0"));
    assert!(!skeleton.is_a("IDL:Telemetry/Actor:1.0"));
}

#[test]
fn realtime_is_the_default_qos() {
    let wanted = upcall::qos::Qos::isochronous(std::time::Duration::from_millis(10), 4).message_size(1024);
    assert_eq!(
        SensorSkeleton::new(Thermometer::default()).default_qos(),
        Some(wanted)
    );
}

#[test]
fn an_enumerator_out_of_range_is_refused() {
    assert_eq!(Unit::try_from(1), Ok(Unit::Kelvin));
    assert!(Unit::try_from(2).is_err());
}

#[test]
fn an_unknown_operation_is_refused() {
    struct Fly;
    impl orb_core::invoke::Operation for Fly {
        const NAME: &'static str = "fly";
        type Args<'a> = ();
        type Output = ();
        type Error = upcall::SystemException;
        fn marshal<'e, 'a: 'e>(_: &'e (), _: &mut upcall::Encoder<'e>) -> Result<(), upcall::CdrError> {
            Ok(())
        }
        fn unmarshal(_: &mut upcall::Decoder<'_>) -> Result<(), upcall::CdrError> {
            Ok(())
        }
    }
    let refused = call::<Fly>(&SensorSkeleton::new(Thermometer::default()), Wire::ALL[0], &()).unwrap_err();
    assert_eq!(refused.kind(), upcall::SystemExceptionKind::BadOperation);
}
