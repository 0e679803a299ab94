// SPDX-License-Identifier: MIT OR Apache-2.0
//! The thread that looks after lanes: what upcalls notice, and have no time for.

use std::{
    io,
    sync::{Weak, mpsc},
    thread,
};

use orb_core::qos::Qos;
use qos_mapper::FlowCost;

use super::lane::Lane;

/// What an upcall noticed.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) lane: Weak<Lane>,
    pub(super) client: u64,
    pub(super) news: News,
}

#[derive(Debug)]
pub(super) enum News {
    /// The connection has ended.
    Ended,
    /// Messages cost something else than was planned.
    Costs(FlowCost),
    /// The client asks for quality of service of its own.
    Asked(Box<Qos>),
}

/// Starts the thread, which ends with the last one that may report.
pub(super) fn start() -> io::Result<mpsc::Sender<Report>> {
    let (sender, reports) = mpsc::channel::<Report>();
    thread::Builder::new()
        .name("upcall-lanes".into())
        .spawn(move || {
            for report in reports {
                if let Some(lane) = report.lane.upgrade() {
                    match report.news {
                        News::Ended => lane.let_go(report.client),
                        News::Costs(cost) => lane.correct(report.client, cost),
                        News::Asked(qos) => lane.ask(report.client, *qos),
                    }
                }
            }
        })?;
    Ok(sender)
}
