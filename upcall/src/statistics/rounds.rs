// SPDX-License-Identifier: MIT OR Apache-2.0
//! From counters that only grow to what was done of late.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use object_adapter::FlowStatus;
use orb_core::{qos::Qos, server::ConnectionStatus};
use parking_lot::Mutex;
use qos_mapper::End;
use rtu::histogram::Histogram;

use super::{Class, Flow, Granted, Recent, Response, shown};

/// Flows that are listed.
pub(super) const MOST_FLOWS: usize = 4096;

/// What was seen of each flow in the last round.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    seen: HashMap<Id, Seen>,
    names: Names,
}

/// The flows that are listed, by the numbers that they are shown with.
pub(super) type Names = Arc<Mutex<HashMap<u64, Id>>>;

/// How the ORB knows a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Id {
    Guaranteed(u64),
    Connection(u64),
}

#[derive(Debug, Default)]
struct Seen {
    number: u64,
    messages: u64,
    received: u64,
    used: Duration,
    /// How long upcalls took so far, where there are any.
    spans: Option<Box<Histogram>>,
    response: Option<Response>,
}

impl Rounds {
    /// Returns the flows that are listed, now and later.
    pub(super) fn names(&self) -> Names {
        Arc::clone(&self.names)
    }

    /// Takes the counters, so long after the last time; returns what they come to, and how many were left out.
    pub(super) fn next(
        &mut self,
        span: Duration,
        guaranteed: Vec<FlowStatus>,
        connections: Vec<ConnectionStatus>,
    ) -> (Vec<Flow>, u64) {
        let all = guaranteed.len() + connections.len();
        let guaranteed = guaranteed.into_iter().map(|status| {
            let flow = flow(&status);
            let spans = Some(Box::new(status.upcall.response));
            (Id::Guaranteed(status.id), flow, spans)
        });
        let connections = connections
            .into_iter()
            .map(|status| (Id::Connection(status.id), plain(&status), None));
        let mut before = std::mem::take(&mut self.seen);
        let mut flows = Vec::with_capacity(all.min(MOST_FLOWS));
        for (id, mut flow, spans) in guaranteed.chain(connections).take(MOST_FLOWS) {
            let seen = before.remove(&id).unwrap_or_else(Seen::nothing);
            self.seen.insert(id, compare(&mut flow, spans, &seen, span));
            flows.push(flow);
        }
        let names = self.seen.iter().map(|(id, seen)| (seen.number, *id)).collect();
        *self.names.lock() = names;
        let left_out = all - flows.len();
        (flows, left_out as u64)
    }
}

impl Seen {
    /// Nothing yet, of a flow that is new.
    fn nothing() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            ..Self::default()
        }
    }
}

/// Completes a flow by what it did since it was seen last, and returns what was seen now.
fn compare(flow: &mut Flow, spans: Option<Box<Histogram>>, before: &Seen, span: Duration) -> Seen {
    let seconds = span.as_secs_f64().max(1e-3);
    flow.number = before.number;
    let each = |now: u64, then: u64| now.saturating_sub(then) as f64 / seconds;
    flow.recent = Recent {
        rate: each(flow.messages, before.messages),
        bandwidth: each(flow.received, before.received),
        share: flow.used.saturating_sub(before.used).as_secs_f64() / seconds,
    };
    let news = spans.as_deref().and_then(|spans| match &before.spans {
        Some(before) => response(&spans.since(before)),
        None => response(spans),
    });
    flow.response = news.or(before.response);
    Seen {
        number: flow.number,
        messages: flow.messages,
        received: flow.received,
        used: flow.used,
        spans,
        response: flow.response,
    }
}

fn response(spans: &Histogram) -> Option<Response> {
    let percentile = |percent| spans.percentile(percent).map(Duration::from);
    Some(Response {
        median: percentile(50.0)?,
        p99: percentile(99.0)?,
        longest: spans.max()?.into(),
    })
}

/// What a flow with a guarantee is to do, and did so far.
fn flow(status: &FlowStatus) -> Flow {
    let (plan, upcall) = (&status.plan, &status.upcall);
    let object = match status.end {
        End::Server => shown(&status.object),
        End::Client => shown(&format!("→ {}", status.object)),
    };
    Flow {
        object,
        peer: shown(&status.peer.to_string()),
        class: class(&plan.qos),
        granted: plan.task().map(|task| {
            let period = Duration::from(task.period).as_secs_f64().max(1e-9);
            Granted {
                cpu: plan.cpu.unwrap_or_default(),
                rate: f64::from(plan.rtu.batch) / period,
                share: Duration::from(task.cost).as_secs_f64() / period,
                deadline: task.deadline.into(),
            }
        }),
        messages: status.served,
        received: status.received,
        upcalls: upcall.completions,
        misses: upcall.misses,
        overruns: upcall.overruns,
        used: upcall.used.into(),
        ..Flow::default()
    }
}

/// What a connection without a guarantee did so far.
fn plain(status: &ConnectionStatus) -> Flow {
    Flow {
        peer: shown(&status.peer.to_string()),
        messages: status.messages,
        received: status.received,
        ..Flow::default()
    }
}

fn class(qos: &Qos) -> Class {
    match qos {
        Qos::LowDelay(_) => Class::LowDelay,
        Qos::Isochronous(_) => Class::Isochronous,
        Qos::Burst(_) => Class::Burst,
        _ => Class::BestEffort,
    }
}

#[cfg(test)]
mod tests {
    use rtu::Nanos;

    use super::*;

    fn spans(all: &[u64]) -> Option<Box<Histogram>> {
        let mut spans = Histogram::new();
        all.iter().for_each(|span| spans.record(Nanos(*span)));
        Some(Box::new(spans))
    }

    fn flow(messages: u64, received: u64, used: u64) -> Flow {
        Flow {
            messages,
            received,
            used: Duration::from_millis(used),
            ..Flow::default()
        }
    }

    #[test]
    fn what_was_done_of_late_is_what_came_since_the_last_round() {
        let second = Duration::from_secs(1);
        let mut first = flow(100, 1000, 500);
        let seen = compare(&mut first, spans(&[900; 100]), &Seen::default(), second);
        assert_eq!((first.recent.rate, first.recent.bandwidth), (100.0, 1000.0));
        let mut next = flow(150, 3000, 600);
        let long = [[900; 100].as_slice(), &[7_000; 50]].concat();
        let seen = compare(&mut next, spans(&long), &seen, second / 2);
        let recent = next.recent;
        assert_eq!(
            (recent.rate, recent.bandwidth, recent.share),
            (100.0, 4000.0, 0.2)
        );
        let median = next.response.unwrap().median.as_nanos();
        assert!((7_000..8_000).contains(&median), "{median}");
        // Without anything new, the last that is known stays.
        let mut idle = flow(150, 3000, 600);
        compare(&mut idle, spans(&long), &seen, second);
        assert_eq!((idle.recent, idle.response), (Recent::default(), next.response));
    }

    #[test]
    fn counters_that_went_back_and_no_time_at_all_do_no_harm() {
        let mut first = flow(100, 1000, 500);
        let seen = compare(&mut first, spans(&[5]), &Seen::default(), Duration::ZERO);
        let mut next = flow(1, 0, 0);
        compare(&mut next, spans(&[]), &seen, Duration::ZERO);
        assert_eq!(next.recent, Recent::default());
        assert!(first.recent.rate.is_finite());
    }

    #[test]
    fn what_workers_serve_has_no_response_times() {
        let mut plain = flow(1, 2, 0);
        compare(&mut plain, None, &Seen::default(), Duration::from_secs(1));
        assert_eq!(plain.response, None);
    }
}
