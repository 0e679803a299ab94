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
    (any::<[u64; 7]>(), type_cost(), types, servants).prop_map(|(own, other_types, types, servants)| {
        let [upcall, message, byte, servant, sending @ ..] = own;
        CostModel {
            upcall: Nanos(upcall),
            message: Nanos(message),
            byte: Picos(byte),
            servant: Nanos(servant),
            sending: FlowCost {
                upcall: Nanos(sending[0]),
                message: Nanos(sending[1]),
                byte: Picos(sending[2]),
            },
            other_types,
            types,
            servants,
        }
    })
}

fn any_machine() -> impl Strategy<Value = Machine> {
    let cpus =
        proptest::collection::btree_set(0_u32..=4_095, 1..5).prop_map(|cpus| cpus.into_iter().collect());
    let link = (0..u64::MAX / 8, 68_u32.., any::<u64>()).prop_map(|(rate, mtu, round_trip)| Link {
        rate,
        mtu,
        round_trip: Nanos(round_trip),
    });
    (any::<Option<String>>(), cpus, any::<[u64; 4]>(), 1_u8..=100, link).prop_map(
        |(name, cpus, [switch, jitter, ring_memory, largest_ring], usable, link)| Machine {
            name,
            cpus,
            switch: Nanos(switch),
            jitter: Nanos(jitter),
            usable,
            link,
            ring_memory,
            largest_ring,
        },
    )
}

/// A file in which everything is there, one to a line.
fn full() -> String {
    let mut calibration = Calibration {
        made: Some("by \"hand\"".to_owned()),
        ..Calibration::default()
    };
    calibration.machine.name = Some("mill".to_owned());
    calibration
        .costs
        .types
        .insert("any".to_owned(), TypeCost::default());
    calibration.costs.servants.insert("A::b".to_owned(), Nanos(7));
    calibration.to_string()
}

/// The full file with one line changed, for each line that has a value: its number, its key and the text.
fn changed(change: impl Fn(&str, &str) -> String) -> Vec<(usize, String, String)> {
    let full = full();
    let lines: Vec<_> = full.lines().collect();
    let keyed = lines.iter().enumerate().filter_map(|(at, line)| {
        let (key, value) = line.split_once(" = ").filter(|_| !line.starts_with(['#', '[']))?;
        let mut lines = lines.clone();
        let line = change(key, value);
        if let Some(place) = lines.get_mut(at) {
            *place = &line;
        }
        Some((at + 1, key.to_owned(), lines.join("\n")))
    });
    keyed.collect()
}

#[test]
fn a_wrong_value_anywhere_is_told_at_its_place_and_nothing_else_is() {
    let changes = changed(|key, _| format!("{key} = [true]"));
    assert_eq!(changes.len(), 24, "all keys of the file");
    for (line, key, text) in changes {
        let said = mistakes(&text);
        assert_eq!(said.lines().count(), 1, "{key}: {said}");
        assert!(
            said.starts_with(&format!("{line}:{}: ", key.len() + 4)) || key == "cpus",
            "{key}: {said}"
        );
        assert!(said.contains(&format!("`{key}`: expected")), "{key}: {said}");
    }
}

#[test]
fn a_misspelt_key_anywhere_is_told_with_the_right_one() {
    for (line, key, text) in changed(|key, value| format!("{key}x = {value}")) {
        let said = mistakes(&text);
        let told = format!("no `{key}x` (did you mean `{key}`?)");
        // Without its version nothing else is looked at.
        let unknown = key != "version";
        let its_place = said
            .lines()
            .any(|it| it.starts_with(&format!("{line}:1: ")) && it.contains(&told));
        assert!(its_place || !unknown, "{key}: {said}");
    }
}

#[test]
fn a_line_that_is_left_out_leaves_its_default_or_is_called_missing() {
    let full = full();
    for (line, key, text) in changed(|_, _| String::new()) {
        let before: Vec<_> = full.lines().take(line).collect();
        let section = before
            .iter()
            .rfind(|it| it.starts_with('['))
            .copied()
            .unwrap_or_default();
        let needed = key == "version" || key == "worst_case" || section.contains("types");
        match Calibration::parse(&text) {
            Ok(read) => {
                assert!(!needed, "{key} of {section}");
                let (machine, costs) = (Machine::default(), CostModel::default());
                assert_eq!(
                    (read.machine.switch, read.machine.link),
                    (machine.switch, machine.link)
                );
                assert_eq!((read.costs.upcall, read.costs.byte), (costs.upcall, costs.byte));
            }
            Err(errors) => {
                assert!(needed, "{key} of {section}: {errors}");
                assert!(
                    errors.to_string().contains(&format!("needs `{key}`")),
                    "{key}: {errors}"
                );
            }
        }
    }
}

#[test]
fn figures_have_their_bounds() {
    for (wrong, said) in [
        ("machine.usable = 0", "from 1 to 100"),
        ("machine.usable = 101", "from 1 to 100"),
        ("machine.cpus = [4096]", "from 0 to 4095"),
        ("machine.link.mtu = 67", "from 68 to 4294967295"),
        ("machine.ring_memory = -1", "from 0 to"),
        ("machine.link.rate = \"99999999999GB/s\"", "too many"),
        ("costs.upcall = \"600years\"", "units: ns, us, µs, ms, s"),
        ("costs.byte = \"0.5ps\"", "no whole number of ps"),
    ] {
        let told = mistakes(&format!("version = 1\n{wrong}\n"));
        assert!(told.starts_with("2:") && told.contains(said), "{wrong}: {told}");
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_the_same(costs in any_costs(), machine in any_machine(), made in any::<Option<String>>()) {
        let calibration = Calibration { made, machine, costs };
        let text = calibration.to_string();
        prop_assert_eq!(Calibration::parse(&text).map_err(|it| it.to_string()), Ok(calibration), "{}", text);
    }

    #[test]
    fn no_text_makes_it_panic(text in "(version = 1|\\[machine\\]|\\[costs|\\]|cpus = \\[|\\PC|\n|\"|=){0,40}") {
        let _ = Calibration::parse(&text);
    }
}
