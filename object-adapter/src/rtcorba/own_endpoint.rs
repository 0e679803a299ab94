// SPDX-License-Identifier: MIT OR Apache-2.0
//! The endpoint of a POA whose connections are of a kind of their own (`ServerProtocolPolicy`).

use std::{fmt, sync::Arc};

use orb_core::{
    exception::{SystemException, SystemExceptionKind},
    rtcorba::TcpProtocolProperties,
    server::Gate,
    transport::Endpoint,
};

use crate::ReferenceFactory;

/// An endpoint that is open until this is dropped; connections that came there stay.
pub(crate) struct OwnEndpoint {
    endpoint: Endpoint,
    references: Arc<dyn ReferenceFactory>,
    _gate: Gate,
}

impl OwnEndpoint {
    /// Listens beside the ORB's own endpoints.
    ///
    /// # Errors
    ///
    /// As [`ReferenceFactory::open_lane`], and `INITIALIZE` with what the operating system says.
    pub(crate) fn open(
        references: Arc<dyn ReferenceFactory>,
        tcp: &TcpProtocolProperties,
    ) -> Result<Self, SystemException> {
        let site = references.open_lane(Some(tcp))?;
        match site.server.listen_while(site.listener) {
            Ok(gate) => Ok(Self {
                endpoint: site.endpoint,
                references,
                _gate: gate,
            }),
            Err(error) => {
                references.close_lane(&site.endpoint);
                Err(SystemException::from(SystemExceptionKind::Initialize)
                    .with_message(format!("{} cannot be listened at: {error}", site.endpoint)))
            }
        }
    }

    /// Returns how references name it.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

impl Drop for OwnEndpoint {
    fn drop(&mut self) {
        self.references.close_lane(&self.endpoint);
    }
}

impl fmt::Debug for OwnEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.endpoint.fmt(f)
    }
}
