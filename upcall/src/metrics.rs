// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the objects of an ORB did, and what became of datagrams, for Prometheus: its text exposition format, version 0.0.4.

use std::fmt::Write;

use object_adapter::ObjectStatus;
use orb_core::{datagram::DatagramCounters, server::ConnectionStatus};
use rtu::{Nanos, analysis::Task, histogram::Histogram};

/// The buckets of histograms end at powers of four of a nanosecond, from a microsecond to 17 s. RTUs count in buckets that
/// end there too, so nothing is estimated.
const BOUNDS: [u32; 13] = [10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34];

/// A metric with one value for each object.
struct Metric {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    value: fn(&ObjectStatus) -> Option<f64>,
}

const METRICS: [Metric; 9] = [
    Metric {
        name: "upcall_clients",
        kind: "gauge",
        help: "Clients that are connected to an object with a guarantee.",
        value: |object| Some(object.clients as f64),
    },
    Metric {
        name: "upcall_granted_messages_per_second",
        kind: "gauge",
        help: "Messages per second that each client of an object was granted.",
        value: |object| Some(f64::from(object.plan.rtu.batch) / seconds(task(object)?.period)),
    },
    Metric {
        name: "upcall_granted_cpu_ratio",
        kind: "gauge",
        help: "The share of a CPU that each client of an object was granted.",
        value: |object| task(object).map(|task| seconds(task.cost) / seconds(task.period)),
    },
    Metric {
        name: "upcall_messages_total",
        kind: "counter",
        help: "Messages that were served.",
        value: |object| Some(object.served as f64),
    },
    Metric {
        name: "upcall_received_bytes_total",
        kind: "counter",
        help: "Bytes that were received.",
        value: |object| Some(object.received as f64),
    },
    Metric {
        name: "upcall_activations_total",
        kind: "counter",
        help: "Activations of upcalls that were done.",
        value: |object| Some(object.upcall.completions as f64),
    },
    Metric {
        name: "upcall_deadline_misses_total",
        kind: "counter",
        help: "Deadlines that were missed.",
        value: |object| Some(object.upcall.misses as f64),
    },
    Metric {
        name: "upcall_overruns_total",
        kind: "counter",
        help: "Periods in which more CPU time was used than the budget.",
        value: |object| Some(object.upcall.overruns as f64),
    },
    Metric {
        name: "upcall_cpu_seconds_total",
        kind: "counter",
        help: "CPU time that was used.",
        value: |object| Some(object.upcall.used.0 as f64 / 1e9),
    },
];

/// A count of datagrams, with one value for each endpoint that takes them.
struct Datagrams {
    name: &'static str,
    help: &'static str,
    value: fn(&DatagramCounters) -> u64,
}

const DATAGRAMS: [Datagrams; 8] = [
    Datagrams {
        name: "upcall_datagrams_taken_total",
        help: "Datagrams whose requests were served.",
        value: |counters| counters.taken,
    },
    Datagrams {
        name: "upcall_datagrams_malformed_total",
        help: "Datagrams that were dropped since they are not one whole GIOP message.",
        value: |counters| counters.malformed,
    },
    Datagrams {
        name: "upcall_datagrams_too_long_total",
        help: "Datagrams that were dropped since they are longer than messages may be.",
        value: |counters| counters.too_long,
    },
    Datagrams {
        name: "upcall_datagrams_unanswerable_total",
        help: "Datagrams that were dropped since they want an answer, or are no requests.",
        value: |counters| counters.unanswerable,
    },
    Datagrams {
        name: "upcall_datagrams_repeated_total",
        help: "Datagrams that were dropped since they had come before, or came very late.",
        value: |counters| counters.repeated,
    },
    Datagrams {
        name: "upcall_datagrams_missing_total",
        help: "Messages that had not come when a later one of the same sender did.",
        value: |counters| counters.missing,
    },
    Datagrams {
        name: "upcall_datagrams_late_total",
        help: "Missing messages that came after all, and were served.",
        value: |counters| counters.late,
    },
    Datagrams {
        name: "upcall_datagrams_overruns_total",
        help: "Datagrams that were dropped unseen, for want of room.",
        value: |counters| counters.overruns,
    },
];

/// Renders what objects with a guarantee did, and what there is without one: how many connections, and what became of datagrams.
pub(crate) fn render(objects: &[ObjectStatus], others: &[ConnectionStatus]) -> String {
    let mut page = String::new();
    let help = "Connections without a guarantee.";
    head(&mut page, "upcall_best_effort_connections", "gauge", help);
    let connections = others.iter().filter(|other| other.datagrams.is_none()).count();
    let _ = writeln!(page, "upcall_best_effort_connections {connections}");
    datagrams(&mut page, others);
    for metric in &METRICS {
        head(&mut page, metric.name, metric.kind, metric.help);
        for object in objects {
            if let Some(value) = (metric.value)(object).filter(|value| value.is_finite()) {
                let _ = writeln!(page, "{}{{{}}} {value}", metric.name, labels(object));
            }
        }
    }
    let help = "From the release of an upcall to its end.";
    histograms(&mut page, "upcall_response_seconds", help, objects, |object| {
        &object.upcall.response
    });
    let help = "From when a release was due to when it came.";
    histograms(
        &mut page,
        "upcall_release_jitter_seconds",
        help,
        objects,
        |object| &object.upcall.release_jitter,
    );
    page
}

/// Renders what became of datagrams, where any are taken.
fn datagrams(page: &mut String, others: &[ConnectionStatus]) {
    let endpoints: Vec<_> = others
        .iter()
        .filter_map(|other| Some((&other.local, other.datagrams.as_ref()?)))
        .collect();
    for count in DATAGRAMS.iter().filter(|_| !endpoints.is_empty()) {
        head(page, count.name, "counter", count.help);
        for (endpoint, counters) in &endpoints {
            let value = (count.value)(counters);
            let _ = writeln!(page, "{}{{endpoint=\"{endpoint}\"}} {value}", count.name);
        }
    }
}

fn head(page: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(page, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn histograms(
    page: &mut String,
    name: &str,
    help: &str,
    objects: &[ObjectStatus],
    of: fn(&ObjectStatus) -> &Histogram,
) {
    head(page, name, "histogram", help);
    for object in objects {
        let (histogram, labels) = (of(object), labels(object));
        for power in BOUNDS {
            let bound = 1_u64 << power;
            let below = histogram.buckets().filter(|(least, _)| least.0 < bound);
            let count: u64 = below.map(|(_, count)| count).sum();
            let le = bound as f64 / 1e9;
            let _ = writeln!(page, "{name}_bucket{{{labels},le=\"{le}\"}} {count}");
        }
        // What is counted while one reads is in a part of it; the buckets are what counts.
        let count: u64 = histogram.buckets().map(|(_, count)| count).sum();
        let sum = histogram.total().0 as f64 / 1e9;
        let _ = writeln!(page, "{name}_bucket{{{labels},le=\"+Inf\"}} {count}");
        let _ = writeln!(
            page,
            "{name}_sum{{{labels}}} {sum}\n{name}_count{{{labels}}} {count}"
        );
    }
}

fn labels(object: &ObjectStatus) -> String {
    let name = object
        .object
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("object=\"{name}\",class=\"{}\"", object.plan.qos.class())
}

fn task(object: &ObjectStatus) -> Option<Task> {
    object.plan.task()
}

fn seconds(span: Nanos) -> f64 {
    span.0.max(1) as f64 / 1e9
}
