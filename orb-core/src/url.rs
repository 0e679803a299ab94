// SPDX-License-Identifier: MIT OR Apache-2.0
//! Object URLs: references as people write them (CORBA 3.3 Part 2 §7.6.10).
//!
//! `IOR:…`, `corbaloc:…` (`iiop` and `rir`, several addresses, IPv6 in brackets), `corbaname:…#…` and
//! `file:…`. Parsing is all that happens here: files are read and names resolved elsewhere.

mod escape;
mod location;

use std::fmt;
use std::str::FromStr;

pub use location::{Address, Corbaloc, DEFAULT_PORT};

use crate::exception::{Completed, SystemException, SystemExceptionKind, minor};
use crate::ior::{Ior, IorParseError};

/// An object URL.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ObjectUrl {
    /// `IOR:` and digits.
    Ior(Ior),
    /// `corbaloc:` addresses and a key.
    Corbaloc(Corbaloc),
    /// `corbaname:` a naming context's location, and a stringified name in it.
    Corbaname {
        /// Where the naming context is.
        context: Corbaloc,
        /// The name, its escapes resolved; empty for the context itself.
        name: String,
    },
    /// `file:` a file whose content is an object URL.
    File(String),
}

/// Says why a text is no object URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// Its scheme is not one that is supported.
    #[error("it begins with none of IOR: corbaloc: corbaname: file:")]
    BadScheme,
    /// One of its addresses is wrong.
    #[error("the address {address:?} is wrong: {reason}")]
    BadAddress {
        /// The address as it was written.
        address: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An escape is not `%` and two hexadecimal digits, or the text it makes is not UTF-8.
    #[error("the escapes in {0:?} are wrong")]
    BadEscape(String),
    /// Another part is wrong.
    #[error("{0}")]
    BadPart(&'static str),
    /// The digits after `IOR:` are wrong.
    #[error("a bad IOR: {0}")]
    BadIor(#[from] IorParseError),
}

impl From<UrlError> for SystemException {
    /// Maps the error to `BAD_PARAM` with the minor code that §7.6.10.6 gives it.
    fn from(error: UrlError) -> Self {
        let minor = match error {
            UrlError::BadScheme => minor::BAD_SCHEME_NAME,
            UrlError::BadAddress { .. } => minor::BAD_ADDRESS,
            UrlError::BadEscape(_) | UrlError::BadPart(_) => minor::BAD_SCHEME_SPECIFIC_PART,
            UrlError::BadIor(_) => minor::BAD_OBJECT_URL,
        };
        Self::new(SystemExceptionKind::BadParam, minor, Completed::No).with_message(error.to_string())
    }
}

impl FromStr for ObjectUrl {
    type Err = UrlError;

    /// Reads an object URL. White space around it is ignored, and so is the case of the scheme.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let (scheme, part) = text.split_once(':').ok_or(UrlError::BadScheme)?;
        match scheme.to_ascii_lowercase().as_str() {
            "ior" => Ok(Self::Ior(text.parse()?)),
            "corbaloc" => Ok(Self::Corbaloc(Corbaloc::parse(part)?)),
            "corbaname" => {
                let (location, name) = part.split_once('#').unwrap_or((part, ""));
                let name = escape::text(name)?;
                Ok(Self::Corbaname {
                    context: Corbaloc::parse(location)?.or_name_service(),
                    name,
                })
            }
            "file" => file(part).map(Self::File),
            _ => Err(UrlError::BadScheme),
        }
    }
}

/// `file:relative`, `file:/absolute`, or with an authority, which must be this host (RFC 8089 §2).
fn file(part: &str) -> Result<String, UrlError> {
    let path = match part.strip_prefix("//") {
        None => part.to_owned(),
        Some(rest) => {
            let path = rest.strip_prefix("localhost").unwrap_or(rest);
            if !path.starts_with('/') {
                return Err(UrlError::BadPart("a file URL names another host"));
            }
            escape::text(path)?
        }
    };
    if path.is_empty() {
        return Err(UrlError::BadPart("a file URL without a path"));
    }
    Ok(path)
}

impl fmt::Display for ObjectUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ior(reference) => reference.fmt(f),
            Self::Corbaloc(location) => write!(f, "corbaloc:{location}"),
            Self::Corbaname { context, name } if name.is_empty() => write!(f, "corbaname:{context}"),
            Self::Corbaname { context, name } => {
                write!(f, "corbaname:{context}#{}", escape::Escaped(name.as_bytes()))
            }
            // What would be taken for an authority, or for white space around the URL, is escaped.
            Self::File(path)
                if path.starts_with("//") || path.starts_with('/') && path.trim_end() != path =>
            {
                write!(f, "file://{}", escape::Escaped(path.as_bytes()))
            }
            Self::File(path) => write!(f, "file:{path}"),
        }
    }
}

#[cfg(test)]
mod tests;
