// SPDX-License-Identifier: MIT OR Apache-2.0

use proptest::prelude::*;
use rtu::Nanos;

use super::*;
use crate::cost::Picos;

fn mistakes(text: &str) -> String {
    Calibration::parse(text).unwrap_err().to_string()
}

#[test]
fn what_is_not_named_has_its_default() {
    assert_eq!(Calibration::parse("version = 1").unwrap(), Calibration::default());
}

#[test]
fn everything_can_be_named() {
    let text = r#"
        version = 1
        made = "by hand"
        [machine]
        name = "bench"
        cpus = [2, 3]
        switch = "1us"
        jitter = "12.5us"
        usable = 90
        ring_memory = "64MiB"
        largest_ring = 1048576
        link = { rate = "10Gbit/s", mtu = 9000, round_trip = "40us" }
        [costs]
        upcall = "2us"
        message = "1500ns"
        byte = "0.125ns"
        servant = "5us"
        other_types = { message = "1us", byte = "1ns" }
        types."sequence<octet>" = { message = "0ns", byte = "20ps" }
        servants."Telemetry::Sensor::read" = { worst_case = "700ns" }
    "#;
    let read = Calibration::parse(text).unwrap();
    assert_eq!(read.machine.cpus, [2, 3]);
    assert_eq!(read.machine.jitter, Nanos(12_500));
    assert_eq!(read.machine.link.rate, 1_250_000_000);
    assert_eq!((read.machine.usable, read.machine.largest_ring), (90, 1 << 20));
    assert_eq!(read.costs.byte, Picos(125));
    assert_eq!(read.costs.types["sequence<octet>"].byte, Picos(20));
    assert_eq!(read.costs.servants["Telemetry::Sensor::read"], Nanos(700));
    assert_eq!(Calibration::parse(&read.to_string()).unwrap(), read);
}

#[test]
fn another_version_is_refused_by_its_number_only() {
    assert_eq!(
        mistakes("version = 2\nwhatever = 3"),
        "1:11: this is version 2 of the file; 1 is understood"
    );
    assert_eq!(mistakes("made = \"\""), "1:1: the file needs `version`");
}

#[test]
fn every_mistake_has_its_line_and_column() {
    let text = "version = 1\n[machine]\ncpus = []\nlinkk = 3\n[costs]\nbyte = \"0.0001ns\"\n[costs.types.a]\nbyte = \"1ps\"\n";
    let said = mistakes(text);
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 4, "{said}");
    assert!(
        lines[0].starts_with("3:8: `cpus`: expected at least one CPU"),
        "{said}"
    );
    assert!(
        lines[1].starts_with("4:1: machine has no `linkk` (did you mean `link`?)"),
        "{said}"
    );
    assert!(
        lines[2].starts_with("6:8: `byte`: \"0.0001ns\" is no whole number of ps"),
        "{said}"
    );
    assert!(lines[3].starts_with("7:1: types.\"a\" needs `message`"), "{said}");
}

#[test]
fn a_cpu_is_there_once() {
    assert!(mistakes("version = 1\nmachine.cpus = [1, 2, 1]").contains("twice"));
}

fn any_costs() -> impl Strategy<Value = CostModel> {
    let type_cost = || {
        (any::<u64>(), any::<u64>()).prop_map(|(message, byte)| TypeCost {
            message: Nanos(message),
            byte: Picos(byte),
        })
    };
    let types = proptest::collection::btree_map(any::<String>(), type_cost(), 0..4);
    let servants = proptest::collection::btree_map(any::<String>(), any::<u64>().prop_map(Nanos), 0..4);
    (any::<[u64; 4]>(), type_cost(), types, servants).prop_map(|(own, other_types, types, servants)| {
        let [upcall, message, byte, servant] = own;
        CostModel {
            upcall: Nanos(upcall),
            message: Nanos(message),
            byte: Picos(byte),
            servant: Nanos(servant),
            other_types,
            types,
            servants,
        }
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_the_same(costs in any_costs(), name in any::<Option<String>>(), rate in 0..u64::MAX / 8) {
        let mut machine = Machine { name, ..Machine::default() };
        machine.link.rate = rate;
        let calibration = Calibration { made: None, machine, costs };
        let text = calibration.to_string();
        prop_assert_eq!(Calibration::parse(&text).map_err(|it| it.to_string()), Ok(calibration), "{}", text);
    }

    #[test]
    fn no_text_makes_it_panic(text in "(version = 1|\\[machine\\]|\\[costs|\\]|cpus = \\[|\\PC|\n|\"|=){0,40}") {
        let _ = Calibration::parse(&text);
    }
}
