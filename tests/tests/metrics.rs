// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an ORB tells Prometheus is in its text exposition format (version 0.0.4), and true.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as expected, and says so"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use orb_core::servant::Reply;
use upcall::{Calibration, Context, Decoder, ObjectRef, Orb, Servant, poa::Page, qos::Qos};
use upcall_tests::serving::until;

struct Nothing;

impl Servant for Nothing {
    fn repository_id(&self) -> &str {
        "IDL:Nothing:1.0"
    }

    fn is_a(&self, _: &str) -> bool {
        true
    }

    fn dispatch(&self, _: &Context<'_>, _: &mut Decoder<'_>, _: &mut Reply<'_>) -> upcall::Result<()> {
        Ok(())
    }
}

fn server() -> Orb {
    let machine = "version = 1\nmachine = { cpus = [0], switch = \"1us\", jitter = \"10us\" }\n";
    Orb::builder()
        .environment(false)
        .listen("iiop://127.0.0.1:0")
        .statistics(None)
        .real_time(|real_time| {
            real_time.calibration = Some(Calibration::parse(machine).unwrap());
            real_time.page = Page::None;
        })
        .build()
        .unwrap()
}

fn client() -> Orb {
    Orb::builder().environment(false).build().unwrap()
}

/// Has a client of its own call an object so often.
fn call(url: &str, calls: usize) {
    let client = client();
    let object = client.string_to_object(url).unwrap();
    for _ in 0..calls {
        object.is_a("IDL:Other:1.0").wait().unwrap();
    }
    client.shutdown();
}

/// A metric: its kind, and its samples by name and labels.
#[derive(Debug, Default)]
struct Family {
    kind: String,
    samples: BTreeMap<(String, BTreeMap<String, String>), f64>,
}

/// Reads a page by the rules of the format, of which none may be broken.
fn parse(page: &str) -> BTreeMap<String, Family> {
    assert!(page.ends_with('\n'), "the last line ends");
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let (mut helped, mut current) = (BTreeSet::new(), String::new());
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, text) = rest.split_once(' ').unwrap();
            assert!(is_name(name) && !text.is_empty(), "{line}");
            assert!(helped.insert(name.to_owned()), "helped twice: {line}");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(helped.contains(name), "TYPE comes after HELP: {line}");
            current = name.to_owned();
            let new = Family {
                kind: kind.to_owned(),
                ..Family::default()
            };
            assert!(families.insert(current.clone(), new).is_none(), "{line}");
        } else {
            let (name, labels, value) = sample(line);
            let family = families.get_mut(&current).unwrap();
            let suffix = name.strip_prefix(current.as_str()).unwrap();
            let allowed = match family.kind.as_str() {
                "histogram" => ["_bucket", "_sum", "_count"].contains(&suffix),
                _ => suffix.is_empty(),
            };
            assert!(allowed, "{line}");
            assert!(family.kind != "counter" || name.ends_with("_total"), "{line}");
            assert!(value >= 0.0, "{line}");
            let twice = family.samples.insert((name, labels), value);
            assert!(twice.is_none(), "twice: {line}");
        }
    }
    families
}

fn is_name(name: &str) -> bool {
    let starts = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':';
    name.starts_with(starts) && name.chars().all(|c| starts(c) || c.is_ascii_digit())
}

/// `name{label="value",…} number`
fn sample(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let end = line.find(['{', ' ']).unwrap();
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let mut labels = BTreeMap::new();
    if let Some(mut inner) = rest.strip_prefix('{') {
        loop {
            let (label, value) = inner.split_once("=\"").unwrap();
            assert!(is_name(label), "{line}");
            let (value, after) = quoted(value);
            assert!(labels.insert(label.to_owned(), value).is_none(), "{line}");
            match after.strip_prefix(',') {
                Some(next) => inner = next,
                None => {
                    rest = after.strip_prefix('}').unwrap();
                    break;
                }
            }
        }
    }
    let value = rest.strip_prefix(' ').unwrap();
    (name.to_owned(), labels, value.parse().unwrap())
}

/// What is quoted, up to its end, and what follows.
fn quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.push(match characters.next().unwrap().1 {
                'n' => '\n',
                c @ ('\\' | '"') => c,
                c => panic!("\\{c} is no escape"),
            }),
            c => value.push(c),
        }
    }
    panic!("a quote is not closed: {text}");
}

/// The value for an object.
fn value(families: &BTreeMap<String, Family>, name: &str, object: &str) -> f64 {
    let samples = &families[name].samples;
    let mut of_object = samples
        .iter()
        .filter(|((_, labels), _)| labels["object"] == object);
    *of_object
        .next()
        .unwrap_or_else(|| panic!("{name} of {object}: {samples:?}"))
        .1
}

fn check_histogram(family: &Family, name: &str, object: &str) -> f64 {
    let of = |suffix: &str| {
        let name = format!("{name}{suffix}");
        let samples = family.samples.iter();
        let samples =
            samples.filter(move |((sample, labels), _)| *sample == name && labels["object"] == object);
        samples.map(|((_, labels), value)| (labels.get("le").cloned(), *value))
    };
    let mut buckets: Vec<(f64, f64)> = of("_bucket")
        .map(|(le, count)| (le.unwrap().parse().unwrap(), count))
        .collect();
    buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
    assert!(
        buckets.is_sorted_by(|one, other| one.0 < other.0 && one.1 <= other.1),
        "{buckets:?}"
    );
    let (last, all) = *buckets.last().unwrap();
    assert_eq!(last, f64::INFINITY);
    assert_eq!(of("_count").next().unwrap().1, all);
    let sum = of("_sum").next().unwrap().1;
    // Each took no longer than the bound of its bucket, and at least that of the one before.
    let bounds: f64 = buckets
        .windows(2)
        .map(|pair| (pair[1].1 - pair[0].1) * pair[0].0)
        .sum();
    assert!(sum >= bounds * 0.99, "{sum} {bounds}");
    all
}

#[test]
fn what_is_told_is_in_the_format_and_true() {
    let server = server();
    assert!(
        parse(&server.metrics())["upcall_messages_total"]
            .samples
            .is_empty()
    );
    let soon = Qos::low_delay(Duration::from_millis(2)).worst_case(Duration::from_micros(20));
    let activate = |id: &str, qos: Qos| -> String {
        let activation = server.root_poa().activate(Nothing).id(id).qos(qos);
        server.object_to_string(&activation.export::<ObjectRef>().unwrap())
    };
    // Characters that have to be escaped.
    let (odd, shown) = ("a\"b\\c\n", "a\\\"b\\\\c\\n");
    let (urgent, plain) = (activate(odd, soon), activate("plain", Qos::best_effort(1)));
    call(&plain, 3);
    call(&urgent, 5);
    call(&urgent, 6);
    let clients = |expected: f64| {
        until("clients come and go", || {
            let page = parse(&server.metrics());
            let families = &page["upcall_clients"].samples;
            families.values().next() == Some(&expected)
        });
    };
    clients(0.0);
    let told = parse(&server.metrics());
    assert!(told.values().all(|family| !family.kind.is_empty()));
    // Clients that have left count.
    assert_eq!(value(&told, "upcall_messages_total", shown), 11.0);
    assert_eq!(value(&told, "upcall_granted_messages_per_second", shown), 500.0);
    assert!(value(&told, "upcall_cpu_seconds_total", shown) > 0.0);
    assert!(value(&told, "upcall_received_bytes_total", shown) > 100.0);
    let done = value(&told, "upcall_activations_total", shown);
    assert!(done >= 11.0);
    for name in ["upcall_response_seconds", "upcall_release_jitter_seconds"] {
        assert!(check_histogram(&told[name], name, shown) >= done);
    }
    let labels = told["upcall_clients"].samples.keys().next().unwrap();
    assert_eq!(labels.1["class"], "low_delay");
    let kept = client();
    let object = kept.string_to_object(&urgent).unwrap();
    object.is_a("IDL:Other:1.0").wait().unwrap();
    clients(1.0);
    assert_eq!(
        value(&parse(&server.metrics()), "upcall_messages_total", shown),
        12.0
    );
    server.root_poa().deactivate(odd).unwrap();
    assert!(parse(&server.metrics())["upcall_clients"].samples.is_empty());
    server.shutdown();
}
