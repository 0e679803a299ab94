// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can be set for an ORB.

use std::time::Duration;

use crate::{cdr::Version, invoke::SyncScope, rtcorba::ProtocolList};

/// The settings of an ORB's core. Every field has a default.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OrbConfig {
    /// How long a call may take that says nothing else. Defaults to 30 s.
    pub timeout: Duration,
    /// How long a thread polls before it blocks for a reply. Defaults to zero.
    pub busy_poll: Duration,
    /// How long a client connection may be idle before it is closed. Defaults to 2 min.
    pub idle_timeout: Duration,
    /// The largest message accepted, in bytes. Defaults to 64 MiB.
    pub max_message_size: usize,
    /// How many requests may wait for a reply on one connection. Defaults to 8192.
    pub max_outstanding: usize,
    /// How many bytes may wait to be sent on one connection. Defaults to 4 MiB.
    pub max_queued_bytes: usize,
    /// How many forwards one call follows. Defaults to 10.
    pub max_forwards: usize,
    /// The sync scope of oneways that name none. Defaults to [`SyncScope::WithTransport`].
    pub sync_scope: SyncScope,
    /// The highest GIOP version spoken. Defaults to 1.2.
    pub max_version: Version,
    /// By which protocols calls go, and what their connections are like, where nobody says otherwise
    /// (`ClientProtocolPolicy`). Defaults to none: any.
    pub client_protocols: ProtocolList,
    /// Initial references, `name=url`, as `-ORBInitRef` gives them.
    pub init_refs: Vec<(String, String)>,
    /// Where names without an initial reference are looked for, as `-ORBDefaultInitRef` gives it.
    pub default_init_ref: Option<String>,
    /// The name under which persistent objects of this process are known, as `-ORBServerId` gives it.
    pub server_id: Option<String>,
}

impl Default for OrbConfig {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            busy_poll: Duration::ZERO,
            idle_timeout: Duration::from_secs(120),
            max_message_size: 64 << 20,
            max_outstanding: 8192,
            max_queued_bytes: 4 << 20,
            max_forwards: 10,
            sync_scope: SyncScope::default(),
            max_version: Version::V1_2,
            client_protocols: ProtocolList::default(),
            init_refs: Vec::new(),
            default_init_ref: None,
            server_id: None,
        }
    }
}
