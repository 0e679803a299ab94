// SPDX-License-Identifier: MIT OR Apache-2.0
use std::time::Duration;

use upcall::statistics::{Class, Flow, Granted, Recent, Response};

use super::view::Key;
use super::*;

/// A flow with a guarantee.
fn guaranteed(object: &str, class: Class, rate: f64, misses: u64) -> Flow {
    let mut granted = Granted::default();
    (granted.rate, granted.share) = (1000.0, 0.25);
    let mut recent = Recent::default();
    (recent.rate, recent.share) = (rate, rate / 10_000.0);
    let mut response = Response::default();
    (response.median, response.p99) = (Duration::from_micros(20), Duration::from_nanos(123_456));
    let mut flow = Flow::default();
    (flow.object, flow.peer, flow.class) = (object.into(), "iiop://host:1".into(), class);
    (flow.granted, flow.recent, flow.response) = (Some(granted), recent, Some(response));
    (flow.misses, flow.upcalls) = (misses, 1);
    flow
}

fn plain(peer: &str) -> Flow {
    let mut flow = Flow::default();
    flow.peer = peer.into();
    flow
}

fn orb(process: u32, program: &str, flows: Vec<Flow>) -> Snapshot {
    let mut orb = Snapshot::default();
    (orb.process, orb.program, orb.flows) = (process, program.into(), flows);
    orb
}

fn two() -> Vec<Snapshot> {
    vec![
        orb(
            7,
            "mill",
            vec![
                guaranteed("axes/x", Class::Isochronous, 999.0, 0),
                plain("iiop://host:2"),
            ],
        ),
        orb(8, "press", vec![guaranteed("stop", Class::LowDelay, 1.25, 3)]),
    ]
}

fn view(sort: Column, filter: &str) -> View {
    View::new(sort, filter)
}

fn objects(view: &View) -> Vec<String> {
    let all = two();
    let rows = view.rows(&all);
    rows.iter().map(|row| row.flow.object.clone()).collect()
}

#[test]
fn a_table_says_what_was_granted_and_what_became_of_it() {
    let text = table::render(&two(), &view(Column::Misses, ""));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "3 flows of 2 ORBs");
    let words: Vec<&str> = lines[1].split_whitespace().collect();
    assert_eq!(
        words[..7],
        [
            "OBJECT",
            "PEER",
            "FLOW",
            "PROGRAM",
            "CLASS",
            "GRANTED/s",
            "RATE/s"
        ]
    );
    let words: Vec<&str> = lines[2].split_whitespace().collect();
    assert_eq!(
        words,
        [
            "stop",
            "iiop://host:1",
            "8.0",
            "press",
            "low_delay",
            "1000",
            "1.2",
            "3",
            "0",
            "0.0",
            "25.0",
            "20.0µs",
            "123.5µs",
            "0.0ns"
        ]
    );
    let words: Vec<&str> = lines[3].split_whitespace().collect();
    assert_eq!(words[..5], ["–", "iiop://host:2", "7.0", "mill", "best_effort"]);
    assert!(words[5..7] == ["–", "0.0"] && words[7..].iter().all(|word| *word == "–"));
}

#[test]
fn a_guarantee_that_is_not_given_yet_has_a_star() {
    let mut waiting = guaranteed("stop", Class::LowDelay, 1.0, 0);
    waiting.granted = None;
    let text = table::render(&[orb(1, "p", vec![waiting])], &view(Column::Cpu, ""));
    assert!(text.contains("low_delay *"), "{text}");
}

#[test]
fn where_there_is_nothing_it_says_so() {
    let text = |orbs: &[Snapshot]| table::render(orbs, &view(Column::Cpu, ""));
    assert_eq!(text(&[]), "no Upcall process of this user serves anything now\n");
    assert_eq!(text(&[orb(1, "a", Vec::new())]), "1 ORB without clients\n");
    let mut full = orb(1, "a", vec![plain("x")]);
    full.left_out = 9;
    assert!(text(&[full]).starts_with("1 flow of 1 ORB, 9 more not listed\n"));
    let none = table::render(&two(), &view(Column::Cpu, "nobody"));
    assert_eq!(none, "3 flows of 2 ORBs, 0 shown\n");
}

#[test]
fn figures_are_sorted_from_the_highest_and_names_from_a() {
    assert_eq!(objects(&view(Column::Rate, "")), ["axes/x", "stop", ""]);
    assert_eq!(objects(&view(Column::Misses, "")), ["stop", "", "axes/x"]);
    assert_eq!(objects(&view(Column::Object, "")), ["", "axes/x", "stop"]);
    assert_eq!(objects(&view(Column::Class, "")), ["stop", "axes/x", ""]);
    for column in Column::ALL {
        assert_eq!(objects(&view(column, "")).len(), 3);
    }
}

#[test]
fn numbers_that_are_none_do_no_harm() {
    let mut all = two();
    all[0].flows[0].recent.rate = f64::NAN;
    all[0].flows[1].recent.rate = f64::NEG_INFINITY;
    all[1].flows[0].recent.share = f64::INFINITY;
    for column in Column::ALL {
        assert_eq!(view(column, "").rows(&all).len(), 3);
    }
    let json = json::render(&all, &view(Column::Rate, "")).to_string();
    assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
    table::render(&all, &view(Column::Cpu, ""));
}

#[test]
fn a_filter_looks_at_every_name() {
    for (filter, found) in [
        ("AXES", 1),
        ("press", 1),
        ("best", 1),
        ("host:1", 2),
        ("", 3),
        ("none", 0),
    ] {
        assert_eq!(objects(&view(Column::Cpu, filter)).len(), found, "{filter}");
    }
}

#[test]
fn every_column_has_a_key_of_its_own() {
    let mut keys: Vec<char> = Column::ALL.iter().map(|column| column.key().0).collect();
    keys.extend(['q', 'r', '/']);
    keys.sort_unstable();
    let all = keys.len();
    keys.dedup();
    assert_eq!(keys.len(), all);
}

#[test]
fn keys_sort_turn_round_and_filter() {
    let mut view = view(Column::Cpu, "");
    for column in Column::ALL {
        assert!(!view.press(Key::Character(column.key().0)));
        assert_eq!(view.sort, column);
    }
    view.press(Key::Right);
    assert_eq!(view.sort, Column::Object);
    view.press(Key::Left);
    assert_eq!(view.sort, Column::Longest);
    view.press(Key::Character('m'));
    view.press(Key::Character('r'));
    assert_eq!(objects(&view).last().unwrap(), "stop");
    // While a filter is typed, letters are letters.
    for key in "/stoq".chars().map(Key::Character).chain([Key::Erase]) {
        assert!(!view.press(key));
    }
    assert_eq!(objects(&view), ["stop"]);
    view.press(Key::Enter);
    assert_eq!((view.filter(), view.typed.clone()), ("sto", None));
    view.press(Key::Character('/'));
    view.press(Key::Character('x'));
    view.press(Key::Escape);
    assert_eq!(view.filter(), "sto");
    view.press(Key::Escape);
    assert_eq!(objects(&view).len(), 3);
    view.press(Key::Scroll(5));
    view.press(Key::Scroll(-9));
    assert_eq!(view.above, 0);
    assert!(view.press(Key::Character('q')));
}

#[test]
fn json_has_everything_in_plain_units() {
    let value = json::render(&two(), &view(Column::Misses, ""));
    assert_eq!(value["orbs"][1]["process"], 8);
    let flow = &value["flows"][0];
    assert_eq!(flow["object"], "stop");
    assert_eq!(flow["granted"]["rate"], 1000.0);
    assert_eq!(flow["response"]["p99"], 123_456);
    assert_eq!((&flow["misses"], &flow["rate"]), (&3.into(), &1.25.into()));
    let plain = &value["flows"][1];
    assert!(plain["object"].is_null() && plain["granted"].is_null() && plain["response"].is_null());
}

#[test]
fn long_names_are_clipped() {
    let long = guaranteed(&"x".repeat(200), Class::Burst, 1.0, 0);
    let text = table::render(&[orb(1, "p", vec![long])], &view(Column::Cpu, ""));
    assert!(text.contains("xxx…") && text.lines().all(|line| line.chars().count() < 200));
}

#[test]
fn a_report_draws_each_flow_over_time() {
    let mut report = Report::default();
    for second in 0..5 {
        report.record(Duration::from_secs(second), &two());
    }
    let drawing = report.draw();
    // The one without a guarantee did nothing, and has no response times.
    assert_eq!(drawing.matches("<polyline").count(), 4);
    assert!(drawing.contains("flows: 3") && drawing.contains("axes/x (isochronous, mill)"));
    assert!(!drawing.contains("NaN") && !drawing.contains("inf"), "{drawing}");
}

#[test]
fn a_report_is_bounded_and_takes_no_harm_from_what_it_is_told() {
    let mut report = Report::default();
    assert!(report.draw().contains("no flows"));
    let mut all = vec![orb(
        1,
        "<p>",
        (0..100).map(|peer| plain(&peer.to_string())).collect(),
    )];
    for (flow, rate) in all[0]
        .flows
        .iter_mut()
        .zip([f64::NAN, f64::INFINITY, -1.0, 0.0, 1e300, 1e-300, 5.0])
    {
        flow.recent.rate = rate;
    }
    for second in 0..4000 {
        report.record(Duration::from_secs(second), &all);
    }
    let drawing = report.draw();
    assert!(drawing.contains("flows: the first 12") && drawing.contains("&lt;p&gt;"));
    assert!(!drawing.contains("NaN") && !drawing.contains("inf"));
    let points = drawing.lines().find(|line| line.contains("<polyline")).unwrap();
    assert!(points.matches(',').count() <= 3_601);
}
