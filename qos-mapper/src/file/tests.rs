// SPDX-License-Identifier: MIT OR Apache-2.0

use proptest::prelude::*;

use super::*;

fn only(text: &str) -> ObjectEntry {
    let mut file = QosFile::parse(text).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(file.objects.len(), 1);
    file.objects.remove(0)
}

fn mistakes(text: &str) -> Vec<String> {
    let errors = QosFile::parse(text).unwrap_err();
    errors.all().iter().map(ToString::to_string).collect()
}

#[test]
fn every_class_has_its_fields() {
    let ms = Duration::from_millis;
    let text = "[[object]]\nclass = \"isochronous\"\nperiod = \"10ms\"\nmessages = 4\nmessage_size = \"2KiB\"\ndeadline = \"8ms\"\nworst_case = \"50us\"\n";
    let expected = Qos::isochronous(ms(10), 4).message_size(2048).deadline(ms(8));
    assert_eq!(
        only(text).request.qos,
        expected.worst_case(Duration::from_micros(50))
    );
    let text =
        "[[object]]\nclass = \"burst\"\nbandwidth = \"80Mbit/s\"\nburst_size = 65536\nmessage_size = 4096\n";
    assert_eq!(
        only(text).request.qos,
        Qos::burst(10_000_000, 65_536).message_size(4_096)
    );
    let text =
        "[[object]]\nclass = \"low_delay\"\ndelay = \"1ms\"\nminimum_interval = \"5ms\"\npriority = -7\n";
    assert_eq!(
        only(text).request.qos,
        Qos::low_delay(ms(1)).minimum_interval(ms(5)).priority(-7)
    );
    assert_eq!(
        only("[[object]]\nclass = \"best_effort\"\nweight = 9\n")
            .request
            .qos,
        Qos::best_effort(9)
    );
}

#[test]
fn an_entry_says_more_than_its_class() {
    let text = "\n[[object]]\nname = \"alarms\"\npoa = \"plant/*\"\nid = \"alarm\"\nclass = \"best_effort\"\ntypes = \"Alarm\"\nflows = 3\ncpu = 2\non_overrun = \"demote\"\n";
    let entry = only(text);
    assert_eq!((entry.name.as_str(), entry.line, entry.flows), ("alarms", 2, 3));
    assert_eq!(entry.request.types, ["Alarm"]);
    assert_eq!(
        (entry.request.cpu, entry.request.on_overrun),
        (Some(2), Overrun::Demote)
    );
    assert_eq!(
        only("[[object]]\nid = \"x\"\nclass = \"best_effort\"\n").name,
        "**:x"
    );
}

#[test]
fn the_last_entry_that_matches_counts() {
    let text = "[[object]]\nclass = \"best_effort\"\n[[object]]\npoa = \"a/**\"\nclass = \"best_effort\"\nweight = 2\n[[object]]\nid = \"x\"\nclass = \"best_effort\"\nweight = 3\n";
    let file = QosFile::parse(text).unwrap();
    let weight = |poa, id: &str| file.find(poa, id.as_bytes()).map(|it| it.request.qos.clone());
    assert_eq!(weight("", "y"), Some(Qos::best_effort(1)));
    assert_eq!(weight("a/b", "y"), Some(Qos::best_effort(2)));
    assert_eq!(weight("a/b", "x"), Some(Qos::best_effort(3)));
    assert_eq!(QosFile::parse("").unwrap().find("", b"x"), None);
}

#[test]
fn the_machine_may_be_described() {
    let file = QosFile::parse("[machine]\ncpus = [4]\nlink.rate = \"10Gbit/s\"\n").unwrap();
    let machine = file.machine.unwrap();
    assert_eq!((machine.cpus, machine.link.rate), (vec![4], 1_250_000_000));
}

#[test]
fn all_mistakes_are_told_at_once_with_what_was_expected() {
    let text = r#"
[[object]]
class = "isochronous"
perod = "10ms"
[[object]]
class = "lowdelay"
delay = "1ms"
[[object]]
id = "["
class = "burst"
bandwidth = "80MB"
burst_size = "1 KiB"
weight = 3
[[object]]
class = "low_delay"
delay = "0ms"
[[objects]]
"#;
    let found = mistakes(text);
    let expected = [
        "2:1: an object of class isochronous needs `period`",
        "4:1: an object of class isochronous has no `perod` (did you mean `period`?)",
        "6:9: `class`: expected \"isochronous\", \"burst\", \"low_delay\", \"best_effort\", found \"lowdelay\" (did you mean `low_delay`?)",
        "9:6: `id`: `[` without `]`",
        "11:13: `bandwidth`: expected a rate such as \"80MB/s\"",
        "13:1: an object of class burst has no `weight`; it has `name`, `poa`, `id`, `flows`",
        "16:9: `delay`: expected a time above zero",
        "17:3: the file has no `objects` (did you mean `object`?)",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\n{expected}");
    }
}

#[test]
fn members_of_a_group_that_no_plan_covers_are_mistakes() {
    let found = mistakes(
        r#"[[object]]
group = "motors"
class = "low_delay"
delay = "1ms"
[[object]]
group = ""
class = "low_delay"
delay = "1ms"
[[object]]
group = "motors"
class = "isochronous"
period = "1ms"
[[object]]
group = "rest"
class = "best_effort"
"#,
    );
    let expected = [
        "6:9: `group`: expected a name",
        "9:1: the group `motors`: members of a group ask for one class, and not for low_delay and isochronous",
        "13:1: the group `rest`: members of a group ask for a guarantee",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_single_object_table_is_no_list() {
    assert_eq!(
        mistakes("[object]\nclass = \"burst\"\n"),
        ["1:1: expected [[object]], twice in brackets"]
    );
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(
        text in "(\\[\\[object\\]\\]\n|class = \"(burst|low_delay|isochronous)\"\n|delay = |period = |\"1ms\"|\n|\\PC){0,30}",
    ) {
        if let Err(errors) = QosFile::parse(&text) {
            prop_assert!(!errors.all().is_empty());
        }
    }
}
