// SPDX-License-Identifier: MIT OR Apache-2.0
//! The thread that looks after lanes: what upcalls notice, and have no time for, and who has to wait until another leaves.

use std::{
    io, mem,
    sync::{Arc, Weak, mpsc},
    thread,
    time::Instant,
};

use orb_core::{qos::Qos, transport::Link};
use qos_mapper::FlowCost;

use super::{lane::Lane, sending::Own};

/// What the thread is to do.
#[derive(Debug)]
pub(super) enum Errand {
    Hear(Report),
    LetIn(Successor),
    /// The window of a client's end calls for another plan.
    Supply(Weak<Own>, u64),
    /// An object has left its lane.
    Leave {
        lane: Weak<Lane>,
        member: u64,
    },
}

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
    /// The connection's window calls for another plan.
    Window(u64),
    /// The client asks for quality of service of its own.
    Asked(Box<Qos>),
}

/// A connection to a lane that is full, while another one there has hung up and is yet to be let go.
#[derive(Debug)]
pub(super) struct Successor {
    pub(super) lane: Weak<Lane>,
    pub(super) link: Arc<dyn Link>,
    /// When it is let in or refused, whatever the other one does.
    pub(super) until: Instant,
}

/// Starts the thread, which ends with the last one that may send it on an errand.
pub(super) fn start() -> io::Result<mpsc::Sender<Errand>> {
    let (sender, errands) = mpsc::channel();
    thread::Builder::new()
        .name("upcall-lanes".into())
        .spawn(move || run(&errands))?;
    Ok(sender)
}

fn run(errands: &mpsc::Receiver<Errand>) {
    let mut successors: Vec<Successor> = Vec::new();
    loop {
        let errand = match successors.iter().map(|successor| successor.until).min() {
            Some(until) => errands.recv_timeout(until.saturating_duration_since(Instant::now())),
            None => errands.recv().map_err(mpsc::RecvTimeoutError::from),
        };
        match errand {
            Ok(Errand::LetIn(successor)) => successors.push(successor),
            Ok(Errand::Leave { lane, member }) => {
                if let Some(lane) = lane.upgrade() {
                    lane.leave(member);
                }
            }
            Ok(Errand::Supply(flow, window)) => {
                if let Some(flow) = flow.upgrade() {
                    flow.supply(window);
                }
            }
            Ok(Errand::Hear(report)) => {
                let has_left = matches!(report.news, News::Ended).then(|| report.lane.clone());
                report.hear();
                let_in(&mut successors, has_left.as_ref());
            }
            Err(mpsc::RecvTimeoutError::Timeout) => let_in(&mut successors, None),
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Lets those in who wait at a lane that somebody has left, and those who have waited long enough wherever they are. Who
/// is to wait on comes back as an errand.
fn let_in(successors: &mut Vec<Successor>, has_left: Option<&Weak<Lane>>) {
    let now = Instant::now();
    for successor in mem::take(successors) {
        if successor.until <= now || has_left.is_some_and(|lane| lane.ptr_eq(&successor.lane)) {
            // Without its lane it is closed.
            if let Some(lane) = successor.lane.upgrade() {
                lane.let_in_late(successor);
            }
        } else {
            successors.push(successor);
        }
    }
}

impl Report {
    fn hear(self) {
        if let Some(lane) = self.lane.upgrade() {
            match self.news {
                News::Ended => lane.let_go(self.client),
                News::Costs(cost) => lane.correct(self.client, cost),
                News::Window(window) => lane.supply(self.client, window),
                News::Asked(qos) => lane.ask(self.client, *qos),
            }
        }
    }
}
