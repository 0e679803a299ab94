// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a reference leads, for load generators without an ORB.

use std::io;
use std::net::TcpStream;

use orb_core::url::ObjectUrl;

/// Where the reference of an object of any ORB leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The object there.
    pub key: Vec<u8>,
}

impl Address {
    /// Reads references, with commas between them.
    ///
    /// # Errors
    ///
    /// Says what is wrong with one of them.
    pub fn parse_all(references: &str) -> Result<Vec<Self>, String> {
        references.split(',').map(Self::parse).collect()
    }

    fn parse(reference: &str) -> Result<Self, String> {
        let url = reference
            .parse()
            .map_err(|error| format!("the reference: {error}"))?;
        let ior = match url {
            ObjectUrl::Ior(ior) => Some(ior),
            ObjectUrl::Corbaloc(location) => location.reference(),
            _ => None,
        };
        let profile = ior.and_then(|ior| ior.iiop_profiles().next());
        let profile = profile.ok_or("the reference has no IIOP profile")?;
        Ok(Self {
            host: profile.host.clone(),
            port: profile.port,
            key: profile.object_key.to_vec(),
        })
    }

    /// Connects there.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect((self.host.as_str(), self.port))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_lead_to_host_port_and_key() {
        let all = Address::parse_all("corbaloc:iiop:1.2@127.0.0.1:77/0,corbaloc:iiop:1.2@127.0.0.1:77/1");
        let all = all.expect("two references");
        assert_eq!(
            (
                all.len(),
                all[1].host.as_str(),
                all[1].port,
                all[1].key.as_slice()
            ),
            (2, "127.0.0.1", 77, b"1".as_slice())
        );
        assert!(Address::parse_all("nowhere").is_err());
    }
}
