// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the windows of connections make of their plans.

use super::Lane;

impl Lane {
    /// Plans a client for the window that its connection has: less than the plan has room for is supplied more often.
    pub(in crate::lanes) fn supply(&self, client: u64, window: u64) {
        let mut clients = self.clients.lock();
        let clients = &mut *clients;
        let Some(connected) = clients.connected.get_mut(&client) else {
            return;
        };
        let wanted = self.wants(&clients.request, connected.own.clone());
        let before = connected.window.replace(window);
        match self.renegotiate(connected, &wanted) {
            Ok(()) => tracing::debug!(
                object = self.name,
                window,
                period = %connected.grant.plan.rtu.period,
                batch = connected.grant.plan.rtu.batch,
                "a flow is supplied as its window says"
            ),
            Err(error) => {
                connected.window = before;
                tracing::warn!(
                    object = self.name,
                    window,
                    %error,
                    "a window is too small for the plan, and supplying it more often does not fit: the plan stays as it was"
                );
            }
        }
    }
}
