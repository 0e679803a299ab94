// SPDX-License-Identifier: MIT OR Apache-2.0
//! The endpoint of a POA whose connections are of a kind of their own (`ServerProtocolPolicy`).

use std::{fmt, io, sync::Arc};

use orb_core::{
    exception::{SystemException, SystemExceptionKind},
    rtcorba::ProtocolList,
    server::Gate,
    transport::Endpoint,
};

use crate::{LaneSite, ReferenceFactory};

/// An endpoint that is open until this is dropped; connections that came there stay.
pub(crate) struct OwnEndpoint {
    endpoints: Vec<Endpoint>,
    references: Arc<dyn ReferenceFactory>,
    _gates: Vec<Gate>,
}

impl OwnEndpoint {
    /// Listens beside the ORB's own endpoints.
    ///
    /// # Errors
    ///
    /// As [`ReferenceFactory::open_lane`], and `INITIALIZE` with what the operating system says.
    pub(crate) fn open(
        references: Arc<dyn ReferenceFactory>,
        protocols: &ProtocolList,
    ) -> Result<Self, SystemException> {
        let LaneSite {
            server,
            listeners,
            endpoints,
        } = references.open_lane(protocols)?;
        let gates = listeners
            .into_iter()
            .map(|listener| server.listen_while(listener));
        match gates.collect::<io::Result<_>>() {
            Ok(gates) => Ok(Self {
                endpoints,
                references,
                _gates: gates,
            }),
            Err(error) => {
                references.close_lane(&endpoints);
                Err(SystemException::from(SystemExceptionKind::Initialize)
                    .with_message(format!("{endpoints:?} cannot be listened at: {error}")))
            }
        }
    }

    /// Returns how references name it.
    pub(crate) fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }
}

impl Drop for OwnEndpoint {
    fn drop(&mut self) {
        self.references.close_lane(&self.endpoints);
    }
}

impl fmt::Debug for OwnEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.endpoints.fmt(f)
    }
}
