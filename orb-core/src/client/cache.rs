// SPDX-License-Identifier: MIT OR Apache-2.0
//! The connections of an ORB, one per endpoint and kind.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Instant,
};

use parking_lot::Mutex;

use super::{
    connection::{Connection, Settings},
    executive::Executive,
    failure::{Cause, Failure},
};
use crate::{
    nested,
    orb::OrbConfig,
    rtcorba::{PriorityBand, TcpProtocolProperties},
    transport::{Endpoint, Transport},
};

/// One endpoint's connection; locked while it is being made.
type Entry = Arc<Mutex<Weak<Connection>>>;

/// Who uses a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Share {
    /// All references to its endpoint.
    #[default]
    All,
    /// Those to its endpoint, for calls at these priorities.
    Band(PriorityBand),
    /// One reference.
    One,
}

/// What references have in common that share a connection to an endpoint.
type Kind = (Share, TcpProtocolProperties);

/// Finds and makes connections.
#[derive(Debug)]
pub(crate) struct ConnectionCache {
    transports: Vec<Arc<dyn Transport>>,
    settings: Settings,
    idle_timeout: std::time::Duration,
    entries: Mutex<Entries>,
    /// By scheme; started when the first connection is made.
    executives: Mutex<Executives>,
}

#[derive(Debug, Default)]
struct Entries {
    map: HashMap<(Endpoint, Kind), Entry>,
    /// At this length those without a connection are taken out.
    prune_at: usize,
}

impl Entries {
    /// However many servers come and go, at most half of the entries are without a connection, but for these.
    const FEW: usize = 64;

    fn entry(&mut self, key: (Endpoint, Kind)) -> Entry {
        if self.map.len() >= self.prune_at {
            // Whoever connects, or waits for that, holds the entry; nobody else locks it.
            self.map
                .retain(|_, entry| Arc::strong_count(entry) > 1 || entry.lock().strong_count() > 0);
            self.prune_at = 2 * self.map.len() + Self::FEW;
        }
        Arc::clone(self.map.entry(key).or_default())
    }
}

#[derive(Debug, Default)]
struct Executives {
    running: Vec<(String, Arc<Executive>)>,
    stopped: bool,
}

impl ConnectionCache {
    /// Makes a cache without connections.
    pub(crate) fn new(config: &OrbConfig, transports: Vec<Arc<dyn Transport>>) -> Self {
        Self {
            transports,
            settings: Settings::from(config),
            idle_timeout: config.idle_timeout,
            entries: Mutex::default(),
            executives: Mutex::default(),
        }
    }

    /// Returns the transport for URLs with this scheme.
    pub(crate) fn transport(&self, scheme: &str) -> Option<&Arc<dyn Transport>> {
        self.transports
            .iter()
            .find(|transport| transport.scheme() == scheme)
    }

    /// Returns the connection to `endpoint`, made now if there is none.
    pub(crate) fn connection(
        &self,
        endpoint: &Endpoint,
        (share, tcp): Kind,
        deadline: Instant,
    ) -> Result<Arc<Connection>, Failure> {
        let key = (endpoint.clone(), (share, tcp));
        let entry = self.entries.lock().entry(key);
        // Only one thread connects; the others wait for what comes of it.
        let _blocking = nested::about_to_block();
        let Some(mut known) = entry.try_lock_until(deadline) else {
            return Err(Failure::timeout(endpoint, "connecting to"));
        };
        if let Some(connection) = known.upgrade()
            && connection.is_open()
        {
            return Ok(connection);
        }
        let connection = self.connect(endpoint, &tcp, deadline, false)?;
        *known = Arc::downgrade(&connection);
        Ok(connection)
    }

    /// Makes a connection to `endpoint` that nobody else gets, and that may idle.
    pub(crate) fn exclusive(
        &self,
        endpoint: &Endpoint,
        tcp: &TcpProtocolProperties,
        deadline: Instant,
    ) -> Result<Arc<Connection>, Failure> {
        let _blocking = nested::about_to_block();
        self.connect(endpoint, tcp, deadline, true)
    }

    fn connect(
        &self,
        endpoint: &Endpoint,
        tcp: &TcpProtocolProperties,
        deadline: Instant,
        exclusive: bool,
    ) -> Result<Arc<Connection>, Failure> {
        let Some(transport) = self.transport(endpoint.scheme()) else {
            let text = format!("no transport for {endpoint}");
            return Err(Failure::new(Cause::Unreachable, text));
        };
        let executive = self.executive(transport.as_ref())?;
        let link = transport.connect_with(endpoint, deadline, tcp).map_err(|error| {
            let cause = if error.is_timeout() {
                Cause::Timeout
            } else {
                Cause::Unreachable
            };
            tracing::debug!(%error, "cannot connect");
            Failure::new(cause, error.to_string())
        })?;
        tracing::debug!(%endpoint, local = %link.local(), "connected");
        let token = executive.token();
        let connection = Connection::new(
            link,
            self.settings.clone(),
            Arc::clone(&executive),
            token,
            Instant::now(),
            exclusive,
        );
        Ok(Arc::new(connection).adopted())
    }

    fn executive(&self, transport: &dyn Transport) -> Result<Arc<Executive>, Failure> {
        let mut executives = self.executives.lock();
        if executives.stopped {
            return Err(Failure::new(Cause::Shutdown, "the ORB was shut down"));
        }
        let scheme = transport.scheme();
        if let Some((_, running)) = executives.running.iter().find(|(served, _)| served == scheme) {
            return Ok(Arc::clone(running));
        }
        let started = transport
            .poller()
            .and_then(|poller| Executive::start(poller, self.idle_timeout));
        let executive = started.map_err(|error| {
            Failure::new(
                Cause::Unreachable,
                format!("starting the executive for {scheme}: {error}"),
            )
        })?;
        executives
            .running
            .push((scheme.to_owned(), Arc::clone(&executive)));
        Ok(executive)
    }

    /// Ends every connection; none is made any more.
    pub(crate) fn stop(&self) {
        let mut executives = self.executives.lock();
        executives.stopped = true;
        for (_, executive) in executives.running.drain(..) {
            executive.stop();
        }
        for transport in &self.transports {
            transport.stop();
        }
    }
}

impl Drop for ConnectionCache {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_without_a_connection_are_forgotten_but_for_a_few() {
        let cache = ConnectionCache::new(&OrbConfig::default(), Vec::new());
        let kind = (Share::All, TcpProtocolProperties::default());
        let key = |port| (Endpoint::iiop("gone", port), kind);
        // Somebody connects there all the time.
        let connecting = cache.entries.lock().entry(key(1));
        for port in 2..10_000 {
            let refused = cache.connection(&key(port).0, kind, Instant::now());
            assert!(refused.is_err(), "there is no transport");
            assert!(cache.entries.lock().map.len() <= Entries::FEW + 2);
        }
        assert!(Arc::ptr_eq(&connecting, &cache.entries.lock().entry(key(1))));
    }
}
