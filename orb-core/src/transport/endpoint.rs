// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where something listens: a scheme, a host and a port.

use std::{borrow::Cow, fmt, str::FromStr, sync::Arc};

/// An address in a transport's terms, written `iiop://host:port` (an IPv6 host in brackets) or `apic://name`.
///
/// Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    scheme: Cow<'static, str>,
    host: Arc<str>,
    port: u16,
}

/// Why a text is not an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// There is no `scheme://` (nor the `giop:tcp:host:port` that omniORB users write).
    #[error("`{0}` is not of the form iiop://host:port")]
    Form(String),
    /// The port is not a number from 0 to 65535.
    #[error("the port in `{0}` is not a number from 0 to 65535")]
    Port(String),
}

impl Endpoint {
    /// The scheme of IIOP over TCP.
    pub const IIOP: &'static str = "iiop";
    /// The scheme of oneways in datagrams of UDP, by the name that TAO and JacORB have for it.
    pub const DIOP: &'static str = "diop";

    /// Names an endpoint of the transport `scheme`.
    pub fn new(scheme: impl Into<Cow<'static, str>>, host: impl Into<Arc<str>>, port: u16) -> Self {
        Self {
            scheme: scheme.into(),
            host: host.into(),
            port,
        }
    }

    /// Names an IIOP endpoint.
    pub fn iiop(host: impl Into<Arc<str>>, port: u16) -> Self {
        Self::new(Self::IIOP, host, port)
    }

    /// Names an endpoint for oneways in datagrams.
    pub fn diop(host: impl Into<Arc<str>>, port: u16) -> Self {
        Self::new(Self::DIOP, host, port)
    }

    /// Returns the URL scheme.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Returns the host: a name, an IPv4 or an IPv6 address without brackets; may be empty when listening.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port; 0 is "any" when listening.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the same endpoint with another port.
    #[must_use]
    pub fn with_port(&self, port: u16) -> Self {
        Self { port, ..self.clone() }
    }

    /// Returns the same endpoint with another host.
    #[must_use]
    pub fn with_host(&self, host: impl Into<Arc<str>>) -> Self {
        Self {
            host: host.into(),
            ..self.clone()
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme)?;
        if self.host.contains(':') {
            write!(f, "[{}]", self.host)?;
        } else {
            f.write_str(&self.host)?;
        }
        if self.scheme == Self::IIOP || self.port != 0 {
            write!(f, ":{}", self.port)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let (scheme, rest) = if let Some(parts) = text.split_once("://") {
            parts
        } else if let Some(rest) = text.strip_prefix("giop:tcp:") {
            (Self::IIOP, rest)
        } else {
            return Err(EndpointError::Form(text.into()));
        };
        if scheme.is_empty() || !scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(EndpointError::Form(text.into()));
        }
        let (host, port) = split_port(rest.trim_end_matches('/'));
        let port = match port {
            Some("") | None => 0,
            Some(port) => port.parse().map_err(|_| EndpointError::Port(text.into()))?,
        };
        let scheme = if scheme == Self::IIOP {
            Cow::Borrowed(Self::IIOP)
        } else {
            Cow::Owned(scheme.to_ascii_lowercase())
        };
        Ok(Self {
            scheme,
            host: host.into(),
            port,
        })
    }
}

/// Splits `host:port`, `[v6]:port` and a bare host.
fn split_port(text: &str) -> (&str, Option<&str>) {
    if let Some((host, rest)) = text.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        return (host, rest.strip_prefix(':'));
    }
    match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Endpoint {
        text.parse().expect("an endpoint")
    }

    #[test]
    fn urls_and_the_omniorb_spelling_are_read() {
        assert_eq!(parse("iiop://127.0.0.1:2809"), Endpoint::iiop("127.0.0.1", 2809));
        assert_eq!(parse("iiop://[::1]:5"), Endpoint::iiop("::1", 5));
        assert_eq!(parse("giop:tcp::4000"), Endpoint::iiop("", 4000));
        assert_eq!(parse("iiop://:0"), Endpoint::iiop("", 0));
        assert_eq!(parse("apic://telemetry"), Endpoint::new("apic", "telemetry", 0));
    }

    #[test]
    fn what_is_printed_is_read_back() {
        for text in [
            "iiop://h:1",
            "iiop://[fe80::1]:65535",
            "apic://telemetry",
            "iiop://:0",
            "diop://[::1]:1303",
        ] {
            assert_eq!(parse(text).to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_refused_with_the_reason() {
        assert!(matches!(
            "localhost:1".parse::<Endpoint>(),
            Err(EndpointError::Form(_))
        ));
        assert!(matches!(
            "iiop://h:99999".parse::<Endpoint>(),
            Err(EndpointError::Port(_))
        ));
        assert!(matches!(
            "://h:9".parse::<Endpoint>(),
            Err(EndpointError::Form(_))
        ));
    }
}
