// SPDX-License-Identifier: MIT OR Apache-2.0
//! Clients that come to a full lane while another one is leaving, such as the same one once more.
//!
//! A periodic upcall sees the end of its connection in its next period, after what was sent before it. Until then the
//! connection has its share, and whoever comes would be refused for nothing.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use orb_core::transport::Link;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Clients, Connected, Lane};
use crate::lanes::keeper::{Errand, Successor};

/// For how many of the leaving one's periods a client waits at most, and for how long at least and at most.
const PERIODS: u32 = 4;
const PATIENCE: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(5)];

impl Lane {
    /// Lets a client in that has waited, or refuses it.
    pub(in crate::lanes) fn let_in_late(self: &Arc<Self>, successor: Successor) {
        self.let_in(successor.link, Some(successor.until));
    }

    /// Puts a client off that there is no room for, if somebody is leaving whom nobody waits for yet. Gives the connection
    /// back otherwise, and when it has waited long enough.
    pub(super) fn put_off(
        self: &Arc<Self>,
        clients: &mut Clients,
        link: Arc<dyn Link>,
        until: Option<Instant>,
    ) -> Option<Arc<dyn Link>> {
        let now = Instant::now();
        if until.is_some_and(|until| until <= now) {
            return Some(link);
        }
        let periods = clients.connected.values().filter_map(leaving);
        let mut periods: Vec<Duration> = periods.collect();
        periods.sort_unstable();
        let Some(period) = periods.get(clients.late) else {
            return Some(link);
        };
        let [least, most] = PATIENCE;
        let patience = period.saturating_mul(PERIODS).clamp(least, most);
        clients.late += 1;
        // Who looks after lanes goes only when no lane is left.
        let _ = self.running.errands.send(Errand::LetIn(Successor {
            lane: Arc::downgrade(self),
            link,
            until: until.unwrap_or(now + patience),
        }));
        None
    }
}

/// The period in which a client that has hung up is going to be let go; `None` for one that has not.
fn leaving(client: &Connected) -> Option<Duration> {
    let fd = client.link.fd()?;
    // Asked for nothing else, it hears of errors and of both directions' ends all the same.
    let mut watched = [PollFd::from_borrowed_fd(fd, PollFlags::RDHUP)];
    let has_hung_up = poll(&mut watched, Some(&Timespec::default())).is_ok_and(|count| count > 0);
    has_hung_up.then(|| client.grant.plan.rtu.period.into())
}
