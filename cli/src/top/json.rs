// SPDX-License-Identifier: MIT OR Apache-2.0
//! The flows as JSON. Times are nanoseconds, rates per second, shares parts of one.

use serde_json::{Value, json};
use upcall::statistics::Snapshot;

use super::column::Row;
use super::view::View;

/// Renders the flows that the view shows, in its order, and the ORBs.
pub(super) fn render(snapshots: &[Snapshot], view: &View) -> Value {
    let orbs = snapshots.iter().map(|orb| {
        json!({
            "process": orb.process,
            "orb": orb.orb,
            "program": orb.program,
            "flows": orb.flows.len(),
            "left_out": orb.left_out,
        })
    });
    let rows = view.rows(snapshots);
    json!({
        "orbs": orbs.collect::<Vec<_>>(),
        "flows": rows.iter().map(flow).collect::<Vec<_>>(),
    })
}

fn flow(row: &Row<'_>) -> Value {
    let Row { orb, flow } = *row;
    json!({
        "flow": row.name(),
        "process": orb.process,
        "orb": orb.orb,
        "program": orb.program,
        "object": (!flow.object.is_empty()).then_some(&flow.object),
        "peer": flow.peer,
        "class": flow.class.name(),
        "granted": flow.granted.map(|granted| json!({
            "cpu": granted.cpu,
            "rate": granted.rate,
            "share": granted.share,
            "deadline": nanos(granted.deadline),
        })),
        "messages": flow.messages,
        "received": flow.received,
        "upcalls": flow.upcalls,
        "misses": flow.misses,
        "overruns": flow.overruns,
        "used": nanos(flow.used),
        "rate": flow.recent.rate,
        "bandwidth": flow.recent.bandwidth,
        "share": flow.recent.share,
        "response": flow.response.map(|response| json!({
            "median": nanos(response.median),
            "p99": nanos(response.p99),
            "longest": nanos(response.longest),
        })),
    })
}

fn nanos(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
