// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a request comes from.

use super::*;

fn activate(orb: &Orb, id: &str, qos: Option<Qos>) -> SensorRef {
    let poa = orb.root_poa();
    let activation = poa.activate(SensorSkeleton::new(Thermometer::default())).id(id);
    let activation = match qos {
        Some(qos) => activation.qos(qos),
        None => activation,
    };
    activation.export().unwrap()
}

#[test]
fn idl_then_the_file_then_the_activation() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("upcall.toml");
    let file = r#"
        [[object]]
        id = "in-file-*"
        class = "low_delay"
        delay = "20ms"
        worst_case = "30us"
    "#;
    std::fs::write(&path, file).unwrap();
    let server = builder().config(&path).build().unwrap();
    let asked = |id: &str| server.root_poa().qos(id).unwrap().unwrap();
    activate(&server, "idl", None);
    assert_eq!(asked("idl").class(), "isochronous");
    activate(&server, "in-file-1", None);
    let from_file = Qos::low_delay(Duration::from_millis(20)).worst_case(Duration::from_micros(30));
    assert_eq!(asked("in-file-1"), from_file);
    // The worst case is the object's, whoever asks.
    activate(
        &server,
        "in-file-2",
        Some(Qos::low_delay(Duration::from_millis(40))),
    );
    let both = Qos::low_delay(Duration::from_millis(40)).worst_case(Duration::from_micros(30));
    assert_eq!(asked("in-file-2"), both);
    activate(&server, "in-file-3", Some(Qos::best_effort(1)));
    assert_eq!(asked("in-file-3"), Qos::best_effort(1));
    assert_eq!(server.root_poa().lane("in-file-3").unwrap(), None);
    server.shutdown();
}

#[test]
fn a_mistake_in_the_file_is_shown_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("upcall.toml");
    std::fs::write(&path, "[[object]]\nclass = \"low_dealy\"\n").unwrap();
    let error = builder().config(&path).build().unwrap_err().to_string();
    assert!(error.contains("upcall.toml:2:"), "{error}");
    let error = builder().config(folder.path().join("none")).build().unwrap_err();
    assert!(error.to_string().contains("none"), "{error}");
}
