// SPDX-License-Identifier: MIT OR Apache-2.0
//! The code of `docs/idl-mapping.md`, as it stands there, and what it does over a socket.

use upcall::{Context, Orb, SyncScope, qos::Qos};
upcall::include_idl!("telemetry");
use telemetry::{OutOfRange, Sample, Sensor, SensorReadError, SensorRef, SensorSkeleton};

struct Thermometer;

#[rustfmt::skip]
impl Sensor for Thermometer {
    fn name(&self, _cx: &Context) -> upcall::Result<String> { Ok("t0".into()) }
    fn gain(&self, _cx: &Context) -> upcall::Result<f64> { Ok(1.0) }
    fn set_gain(&self, _cx: &Context, _value: f64) -> upcall::Result<()> { Ok(()) }
    fn read(&self, _cx: &Context, channel: i32) -> Result<f64, SensorReadError> {
        if channel > 7 {
            return Err(OutOfRange { why: "8 channels".into() }.into());
        }
        Ok(21.5)
    }
    fn stats(&self, _cx: &Context, _channel: i32, count: i32) -> upcall::Result<(bool, f64, i32)> {
        Ok((true, 21.5, count + 1))                  // (return, out and inout in IDL order)
    }
    fn snapshot(&self, _cx: &Context, mask: &[u8]) -> upcall::Result<bytes::Bytes> {
        Ok(bytes::Bytes::copy_from_slice(mask))      // `mask` borrows the receive buffer
    }
    fn push(&self, _cx: &Context, _samples: Vec<Sample>) {}
    fn peer(&self, _cx: &Context) -> upcall::Result<Option<SensorRef>> { Ok(None) }
}

/// The server of the page. It has a port of its own there, so it is only compiled.
#[rustfmt::skip]
fn server() -> Result<(), Box<dyn std::error::Error>> {
    let orb = Orb::builder().listen("iiop://127.0.0.1:2809").listen("apic://telemetry").build()?;
    let sensor: SensorRef = orb
        .root_poa()
        .activate(SensorSkeleton::new(Thermometer))
        .id("sensor-0")                              // optional; a system id otherwise
        .qos(Qos::low_delay(std::time::Duration::from_micros(200)))  // optional; overrides @realtime and the QoS file
        .export()?;
    std::fs::write("sensor.ior", orb.object_to_string(&sensor))?;
    orb.run()?;                                      // until shutdown() or Ctrl-C
    Ok(())
}

/// The client of the page. It finds the server's reference in a file there, so it is only compiled.
#[rustfmt::skip]
#[expect(unused_variables, clippy::print_stdout, reason = "the page shows what comes back, and uses none of it")]
async fn client(object: upcall::ObjectRef, samples: Vec<Sample>) -> Result<(), Box<dyn std::error::Error>> {
    use std::time::Duration;

    let orb = upcall::Orb::builder().build()?;
    let sensor: SensorRef = orb.resolve("file:sensor.ior")?;   // also IOR:… corbaloc:… corbaname:…
    let v = sensor.read(3).wait()?;
    let v = sensor.read(3).timeout(Duration::from_millis(5)).await?;
    let (ok, mean, count) = sensor.stats(3, 7).wait()?;
    let pending = sensor.read(4).start()?;               // deferred: in flight now
    let v = pending.wait()?;                             // or .await, or .try_take() to poll
    sensor.push(&samples).send()?;                       // oneway
    match sensor.read(9).wait() {
        Err(SensorReadError::OutOfRange(e)) => println!("{}", e.why),
        Err(SensorReadError::System(e)) => return Err(e.into()),
        Ok(v) => println!("{v}"),
    }
    let sensor: SensorRef = object.narrow().wait()?.ok_or("not a Sensor")?;   // object: upcall::ObjectRef
    Ok(())
}

#[test]
fn the_page_compiles() {
    let _ = (server as fn() -> _, client);
}

#[test]
fn the_page_works_over_a_socket() -> Result<(), Box<dyn std::error::Error>> {
    let serving = Orb::builder().listen("iiop://127.0.0.1:0").build()?;
    let exported: SensorRef = serving
        .root_poa()
        .activate(SensorSkeleton::new(Thermometer))
        .id("sensor-0")
        .export()?;
    let orb = Orb::builder().build()?;
    let sensor: SensorRef = orb.resolve(&serving.object_to_string(&exported))?;
    assert_eq!(sensor.name().wait()?, "t0");
    assert_eq!(sensor.read(3).wait()?, 21.5);
    assert_eq!(sensor.stats(3, 7).wait()?, (true, 21.5, 8));
    assert_eq!(sensor.snapshot(b"mask").wait()?, "mask");
    assert_eq!(sensor.read(4).start()?.wait()?, 21.5);
    sensor.push(&[Sample::default()]).send()?;
    for scope in [SyncScope::WithServer, SyncScope::WithTarget] {
        sensor.push(&[Sample::default()]).sync_scope(scope).send()?;
    }
    assert_eq!(sensor.peer().wait()?, None);
    let refused = sensor.read(9).wait();
    assert_eq!(
        refused,
        Err(OutOfRange {
            why: "8 channels".into()
        }
        .into())
    );
    let object: upcall::ObjectRef = sensor.into();
    assert!(object.narrow::<SensorRef>().wait()?.is_some());
    serving.shutdown();
    Ok(())
}

/// A servant that makes objects, reads anys and refuses arguments, with `?` throughout.
struct Maker(Orb);

impl Maker {
    fn activated(&self) -> upcall::Result<SensorRef> {
        self.0.root_poa().create("sensors").build()?;
        let poa = self.0.root_poa().find("sensors")?;
        Ok(poa.activate(SensorSkeleton::new(Thermometer)).export()?)
    }

    fn read(&self, channel: &upcall::Any) -> Result<f64, SensorReadError> {
        let channel: i32 = channel.get()?;
        let channel = u32::try_from(channel).map_err(|_| upcall::SystemExceptionKind::BadParam)?;
        self.0.root_poa().create(channel.to_string()).build()?;
        let sensor: SensorRef = self
            .0
            .root_poa()
            .activate(SensorSkeleton::new(Thermometer))
            .export()?;
        self.0.root_poa().deactivate(b"nobody")?;
        sensor.read(3).wait()
    }
}

#[test]
fn what_the_orb_refuses_a_servant_passes_on() {
    let orb = Orb::builder()
        .listen("iiop://127.0.0.1:0")
        .build()
        .expect("an ORB");
    let maker = Maker(orb.clone());
    let kind = |error| match error {
        SensorReadError::System(error) => error.kind(),
        other @ SensorReadError::OutOfRange(_) => panic!("{other}"),
    };
    maker.activated().expect("the first");
    let error = maker.activated().expect_err("there is one");
    assert_eq!(error.kind(), upcall::SystemExceptionKind::ObjAdapter);
    assert!(error.to_string().contains("`sensors` already"), "{error}");
    let read = |channel: upcall::Any| kind(maker.read(&channel).expect_err("refused"));
    assert_eq!(read("3".to_owned().into()), upcall::SystemExceptionKind::BadParam);
    assert_eq!(read((-1).into()), upcall::SystemExceptionKind::BadParam);
    assert_eq!(read(1.into()), upcall::SystemExceptionKind::ObjAdapter);
    orb.shutdown();
}
