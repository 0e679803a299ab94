// SPDX-License-Identifier: MIT OR Apache-2.0
//! QoS files as people write them: what is written is what is asked for, and what does not belong is told.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as expected, and says so"
)]

use std::fmt::Write;
use std::time::Duration;

use orb_core::qos::Qos;
use proptest::prelude::*;
use qos_mapper::{CostModel, Machine, ObjectEntry, QosFile, Request, check};
use rtu::analysis::Fit;
use rtu::scheduler::Overrun;

/// A request as the file says it.
fn written(qos: &Qos) -> String {
    let mut text = String::new();
    let mut line = |key: &str, value: String| writeln!(text, "{key} = {value}").unwrap();
    let time = |time: Duration| format!("\"{}ns\"", time.as_nanos());
    line("class", format!("\"{}\"", qos.class().replace([' ', '-'], "_")));
    let (mut deadline, mut size) = (None, None);
    match qos {
        Qos::Isochronous(it) => {
            line("period", time(it.period));
            line("messages", it.messages.to_string());
            (deadline, size) = (it.deadline, Some(it.message_size));
        }
        Qos::Burst(it) => {
            line("bandwidth", format!("\"{}B/s\"", it.bandwidth));
            line("burst_size", it.burst_size.to_string());
            (deadline, size) = (it.deadline, it.message_size);
        }
        Qos::LowDelay(it) => {
            line("delay", time(it.delay));
            line("priority", it.priority.to_string());
            size = Some(it.message_size);
            if let Some(interval) = it.minimum_interval {
                line("minimum_interval", time(interval));
            }
        }
        Qos::BestEffort(it) => line("weight", it.weight.to_string()),
        other => panic!("{other:?} cannot be written"),
    }
    if let Some(deadline) = deadline {
        line("deadline", time(deadline));
    }
    if let Some(size) = size {
        line("message_size", size.to_string());
    }
    if let Some(longest) = qos.declared_worst_case() {
        line("worst_case", time(longest));
    }
    text
}

fn entry(text: &str) -> ObjectEntry {
    let file = QosFile::parse(text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    assert_eq!(file.objects.len(), 1);
    file.objects.into_iter().next().unwrap()
}

fn mistakes(text: &str) -> String {
    QosFile::parse(text).map_or_else(|errors| errors.to_string(), |_| String::new())
}

/// Times that are not zero, sizes and numbers as files have them.
fn any_request() -> impl Strategy<Value = Qos> {
    let time = || (1_u64..1 << 60).prop_map(Duration::from_nanos);
    let maybe = || proptest::option::of((1_u64..1 << 60).prop_map(Duration::from_nanos));
    let size = || 0_usize..1 << 40;
    let isochronous = (time(), 1_u32.., size(), maybe()).prop_map(|(period, messages, size, deadline)| {
        let qos = Qos::isochronous(period, messages).message_size(size);
        deadline.into_iter().fold(qos, Qos::deadline)
    });
    let burst = (1_u64..1 << 40, size(), proptest::option::of(size()), maybe()).prop_map(
        |(bandwidth, burst, size, deadline)| {
            let qos = size
                .into_iter()
                .fold(Qos::burst(bandwidth, burst), Qos::message_size);
            deadline.into_iter().fold(qos, Qos::deadline)
        },
    );
    let low_delay = (time(), maybe(), size(), any::<i16>()).prop_map(|(delay, interval, size, priority)| {
        let qos = Qos::low_delay(delay).message_size(size).priority(priority);
        interval.into_iter().fold(qos, Qos::minimum_interval)
    });
    let guaranteed = prop_oneof![isochronous, burst, low_delay];
    let guaranteed =
        (guaranteed, maybe()).prop_map(|(qos, longest)| longest.into_iter().fold(qos, Qos::worst_case));
    prop_oneof![3 => guaranteed, 1 => (1_u32..1 << 30).prop_map(Qos::best_effort)]
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_asked_for(qos in any_request()) {
        let text = format!("[[object]]\n{}", written(&qos));
        prop_assert_eq!(entry(&text).request.qos, qos, "{}", text);
    }

    #[test]
    fn a_check_puts_every_flow_somewhere_and_keeps_every_promise(
        requests in proptest::collection::vec((any_request(), 1_u32..4), 0..6),
    ) {
        let mut text = String::new();
        for (qos, flows) in &requests {
            let _ = write!(text, "[[object]]\nflows = {flows}\n{}", written(qos));
        }
        let file = QosFile::parse(&text).unwrap();
        let report = check(&file, &CostModel::default(), &Machine::default(), Fit::First);
        let guaranteed = report.cpus.iter().flat_map(|cpu| &cpu.flows);
        for flow in guaranteed.clone() {
            prop_assert!(flow.response.unwrap() <= flow.plan.rtu.deadline);
            prop_assert_eq!(flow.plan.cpu, Some(0));
        }
        prop_assert!(report.cpus.iter().all(|cpu| cpu.load <= 0.95 + 1e-9));
        prop_assert!(report.link_rate <= report.machine.link.rate);
        prop_assert!(report.ring_memory <= report.machine.ring_memory);
        for (entry, (_, flows)) in file.objects.iter().zip(&requests) {
            let granted = guaranteed.clone().chain(&report.best_effort);
            let granted = granted.filter(|flow| flow.line == entry.line).count();
            let refused = report.refused.iter().filter(|it| it.line == entry.line).count();
            // The first refusal of an entry stands for those after it.
            prop_assert!(granted == *flows as usize || (refused == 1 && granted < *flows as usize));
        }
    }
}

/// Each class with what it has to have.
const SMALLEST: [(&str, &str); 4] = [
    ("isochronous", "period = \"10ms\""),
    ("burst", "bandwidth = \"1MB/s\"\nburst_size = \"64KiB\""),
    ("low_delay", "delay = \"5ms\""),
    ("best_effort", ""),
];

#[test]
fn a_key_belongs_to_the_classes_that_the_guide_says() {
    let keys = [
        ("period = \"9ms\"", "isochronous"),
        ("messages = 2", "isochronous"),
        ("bandwidth = \"1MB/s\"", "burst"),
        ("burst_size = 9", "burst"),
        ("delay = \"1ms\"", "low_delay"),
        ("minimum_interval = \"1ms\"", "low_delay"),
        ("priority = 3", "low_delay"),
        ("deadline = \"1ms\"", "isochronous burst"),
        ("message_size = 9", "isochronous burst low_delay"),
        ("worst_case = \"1us\"", "isochronous burst low_delay"),
        ("weight = 3", "best_effort"),
        ("name = \"x\"", "isochronous burst low_delay best_effort"),
        ("types = \"x\"", "isochronous burst low_delay best_effort"),
        ("flows = 3", "isochronous burst low_delay best_effort"),
        ("cpu = 0", "isochronous burst low_delay best_effort"),
        ("on_overrun = \"log\"", "isochronous burst low_delay best_effort"),
    ];
    for (class, needed) in SMALLEST {
        for (line, classes) in keys {
            let key = line.split(' ').next().unwrap();
            if needed.contains(&format!("{key} =")) {
                continue;
            }
            let said = mistakes(&format!("[[object]]\nclass = \"{class}\"\n{needed}\n{line}\n"));
            if classes.split(' ').any(|it| it == class) {
                assert_eq!(said, "", "{key} of {class}");
            } else {
                let expected = format!("an object of class {class} has no `{key}`");
                assert!(said.contains(&expected), "{key} of {class}: {said}");
            }
        }
    }
}

#[test]
fn what_a_class_needs_is_asked_for_by_name() {
    for (class, needed) in SMALLEST {
        for line in needed.lines() {
            let key = line.split(' ').next().unwrap();
            let rest: Vec<_> = needed.lines().filter(|it| *it != line).collect();
            let said = mistakes(&format!("[[object]]\nclass = \"{class}\"\n{}", rest.join("\n")));
            assert_eq!(said, format!("1:1: an object of class {class} needs `{key}`"));
        }
    }
    assert_eq!(mistakes("\n[[object]]\n"), "2:1: [[object]] needs `class`");
}

#[test]
fn numbers_beyond_their_bounds_are_refused() {
    let in_entry = |line: &str| mistakes(&format!("[[object]]\nclass = \"best_effort\"\n{line}\n"));
    for line in [
        "weight = 0",
        "weight = -1",
        "weight = 4294967296",
        "flows = 0",
        "flows = 10001",
        "cpu = 4096",
    ] {
        let said = in_entry(line);
        assert!(
            said.starts_with("3:") && said.contains("expected a whole number from"),
            "{line}: {said}"
        );
    }
    for line in ["flows = 10000", "cpu = 4095", "weight = 1073741823"] {
        assert_eq!(in_entry(line), "", "{line}");
    }
    let said = mistakes("[[object]]\nclass = \"low_delay\"\ndelay = \"1ms\"\npriority = 40000\n");
    assert!(said.contains("from -32768 to 32767"), "{said}");
    for line in ["period = \"0s\"", "deadline = \"0ns\"", "worst_case = \"0us\""] {
        let period = if line.starts_with("period") {
            ""
        } else {
            "period = \"1ms\"\n"
        };
        let said = mistakes(&format!("[[object]]\nclass = \"isochronous\"\n{period}{line}\n"));
        assert!(said.contains("expected a time above zero"), "{line}: {said}");
    }
}

#[test]
fn what_is_left_out_is_as_the_guide_says() {
    let of = |class: &str| {
        let needed = SMALLEST.iter().find(|(name, _)| *name == class).unwrap().1;
        entry(&format!("[[object]]\nclass = \"{class}\"\n{needed}\n"))
    };
    let ms = Duration::from_millis;
    assert_eq!(
        of("isochronous").request,
        Request::new(Qos::isochronous(ms(10), 1))
    );
    assert_eq!(of("burst").request, Request::new(Qos::burst(1_000_000, 65_536)));
    assert_eq!(of("low_delay").request, Request::new(Qos::low_delay(ms(5))));
    let smallest = of("best_effort");
    assert_eq!(
        (smallest.flows, smallest.line, smallest.name.as_str()),
        (1, 1, "**:**")
    );
    assert_eq!(smallest.request.on_overrun, Overrun::Defer);
}
