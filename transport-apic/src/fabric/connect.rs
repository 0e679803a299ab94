// SPDX-License-Identifier: MIT OR Apache-2.0
//! The way to a listener.

use std::io;
use std::path::PathBuf;
use std::time::Instant;

use crate::BadGeometry;

use super::Config;
use super::circuit::Circuit;
use super::credentials::peer_user;
use super::directory::{Directory, Name, NameError};
use super::handshake::{Half, HandshakeError, Kind, offered, offered_room};
use super::socket::Socket;

/// Why there is no channel.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The name is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Our own geometry is wrong.
    #[error(transparent)]
    Geometry(#[from] BadGeometry),
    /// Nobody listens by that name, in this directory.
    #[error("nobody listens at {0}")]
    Nobody(PathBuf),
    /// The socket cannot be reached.
    #[error("the socket {path} cannot be reached: {source}")]
    System {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The two do not get together.
    #[error("no channel to {path}: {source}")]
    Handshake {
        /// Whose socket.
        path: PathBuf,
        /// What went wrong.
        source: HandshakeError,
    },
    /// The listener did not answer in time.
    #[error("{0} did not answer in time")]
    TimedOut(PathBuf),
}

/// Makes a channel to whoever listens by that name.
///
/// # Errors
///
/// [`ConnectError`]; [`Nobody`](ConnectError::Nobody) is worth another try when somebody is yet to start.
pub fn connect(
    directory: &Directory,
    name: &str,
    config: Config,
    until: Instant,
) -> Result<Circuit, ConnectError> {
    let name: Name = name.parse()?;
    config.geometry.check(u64::MAX)?;
    let path = directory.socket(&name);
    let socket = match Socket::connect(&path, until) {
        Ok(socket) => socket,
        Err(source) => {
            return Err(match source.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ConnectError::Nobody(path),
                io::ErrorKind::TimedOut => ConnectError::TimedOut(path),
                _ => ConnectError::System { path, source },
            });
        }
    };
    match introduce(socket, &config, until) {
        Ok(Some(circuit)) => Ok(circuit),
        Ok(None) => Err(ConnectError::TimedOut(path)),
        Err(source) => Err(ConnectError::Handshake { path, source }),
    }
}

fn introduce(socket: Socket, config: &Config, until: Instant) -> Result<Option<Circuit>, HandshakeError> {
    // Before anything is shown to it.
    let user = peer_user(&socket)?;
    if !config.peers.allow(user) {
        return Err(HandshakeError::User(user));
    }
    let room = loop {
        if let Some(room) = offered_room(&socket, config)? {
            break room;
        }
        if !socket.wait(until)? {
            return Ok(None);
        }
    };
    let half = Half::new(config.geometry.with_room(room))?;
    // Who refuses does not wait to hear from us.
    let shown = half.show(&socket, Kind::Connect);
    loop {
        match offered(&socket, Kind::Accept, config) {
            Ok(Some(offered)) => return half.join(offered, socket, config).map(Some),
            Ok(None) => shown_or_failed(&shown)?,
            Err(error) => return Err(error),
        }
        if !socket.wait(until)? {
            return Ok(None);
        }
    }
}

fn shown_or_failed(shown: &io::Result<()>) -> Result<(), HandshakeError> {
    match shown {
        Ok(()) => Ok(()),
        Err(error) => Err(HandshakeError::System(error.kind().into())),
    }
}
