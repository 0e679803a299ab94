// SPDX-License-Identifier: MIT OR Apache-2.0
//! A lane of a server that listens by both ways is reached by both.

use upcall_tests::serving::until;

use super::*;

/// Names of sockets in the directory of a fabric.
fn names(folder: &TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names
        .filter_map(|name| name.strip_suffix(".socket").map(str::to_owned))
        .collect();
    names.sort();
    names
}

fn schemes(endpoints: &[orb_core::transport::Endpoint]) -> Vec<&str> {
    endpoints.iter().map(|endpoint| endpoint.scheme()).collect()
}

#[test]
fn a_lane_is_where_its_server_is_and_ends_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let builder = builder().fabric(Fabric::at(folder.path()));
    let server = builder.listen("apic://sensors").build().unwrap();
    let thermometer = Thermometer::default();
    let exported = export(&server, "t", &thermometer, soon()).unwrap();
    assert_eq!(schemes(&lane(&server, "t").endpoints), ["iiop", "apic"]);
    assert!(exported.as_ref().is_local(), "by either of its endpoints");
    let found = names(&folder);
    assert!(
        matches!(&found[..], [server, lane] if server == "sensors" && lane.starts_with("sensors-")),
        "{found:?}"
    );
    let (here, elsewhere) = (described(MACHINE).fabric(Fabric::at(folder.path())), client());
    let here = here.build().unwrap();
    for client in [&here, &elsewhere] {
        from(client, &server, &exported).read(1).wait().unwrap();
    }
    assert_eq!(*thermometer.ways.lock(), ["apic", "iiop"]);
    assert_eq!(thermometer.threads(), ["rtu-0"]);
    let clients = lane(&server, "t").clients;
    assert!(clients.len() == 2 && clients.iter().all(|client| client.guaranteed));
    server.root_poa().deactivate("t").unwrap();
    until("the lane's name is free", || names(&folder) == ["sensors"]);
    server.shutdown();
    drop(server);
    until("the server's name is free", || names(&folder).is_empty());
}
