// SPDX-License-Identifier: MIT OR Apache-2.0
//! Channels in shared memory between processes of one machine: the desk-area interconnect.
//!
//! A [`Listener`] has a name, and a socket of that name in a [`Directory`]; [`connect`] leads to it. Over the socket the two
//! pass each other the memory that they transmit from, and check whose process the other is. From then on each writes its
//! own memory only, has the other's mapped read-only, and asks the kernel for nothing while both are awake. The socket
//! stays, to wake who sleeps and to tell that the other one is gone.
//!
//! ```
//! use std::time::{Duration, Instant};
//! use transport_apic::fabric::{Config, Directory, Listener, connect};
//! use transport_apic::{Channel, Interest, Packet};
//!
//! # let folder = tempfile::tempdir()?;
//! let directory = Directory::at(folder.path())?;
//! let soon = Instant::now() + Duration::from_secs(5);
//! let mut listener = Listener::bind(&directory, "echo", Config::default())?;
//! let client = std::thread::spawn(move || connect(&directory, "echo", Config::default(), soon));
//! let mut server = listener.accept(soon)?.expect("somebody connects");
//! let mut client = client.join().expect("it does not panic")?;
//!
//! let mut packet = Packet::default();
//! packet.payload.push(client.place(b"hello").expect("there is room"));
//! client.transmit(&packet, Duration::ZERO)?;
//! client.publish();
//! server.wait(Interest::Packets, soon);
//! let received = server.receive(Duration::ZERO)?.expect("it has come");
//! assert_eq!(received.payload[0].as_ref(), b"hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod circuit;
mod claim;
mod connect;
mod credentials;
mod directory;
mod handshake;
mod listener;
mod socket;

use std::io;
use std::time::Duration;

use crate::{Geometry, Integrity, Pace};

pub use self::circuit::{Bell, Circuit, Sleeper};
pub use self::connect::{ConnectError, connect};
pub use self::credentials::peer_user;
pub use self::directory::{Directory, DirectoryError, Name, NameError};
#[cfg(fuzzing)]
#[doc(hidden)]
pub use self::handshake::consume_message;
pub use self::handshake::{HandshakeError, Reason};
pub use self::listener::{ListenError, Listener};

/// What one end brings to its channels.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// What it transmits from. Defaults to what suits small messages and some bulk: [`Geometry::default`].
    pub geometry: Geometry,
    /// The most memory that it maps of the other end's, in bytes. Defaults to 64 MiB.
    pub most_peer_bytes: u64,
    /// What becomes of payload that it receives from processes of the same user; that of other users is always copied.
    /// Defaults to sharing.
    pub integrity: Integrity,
    /// How fast it may transmit. Defaults to no limit.
    pub pace: Option<Pace>,
    /// Whose processes it speaks to. Defaults to those of the same user.
    pub peers: Peers,
    /// How long [`Circuit::wait`] looks for itself before it sleeps. Defaults to 20 µs.
    pub spin: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            geometry: Geometry::default(),
            most_peer_bytes: Geometry::MOST_BYTES,
            integrity: Integrity::Shared,
            pace: None,
            peers: Peers::SameUser,
            spin: Duration::from_micros(20),
        }
    }
}

/// Whose processes one speaks to, as the kernel tells their user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peers {
    /// Those of the same effective user. The socket's mode is 0600.
    SameUser,
    /// Those of these users, by number. The socket's mode is 0666, and the directory is for its owner to open to them.
    Users(Vec<u32>),
}

impl Peers {
    fn allow(&self, user: u32) -> bool {
        match self {
            Self::SameUser => user == own_user(),
            Self::Users(users) => users.contains(&user),
        }
    }
}

/// Makes what an end transmits from, and lets go of it: for whoever wants to know beforehand whether there can be channels
/// here.
///
/// # Errors
///
/// What the system says, where memory descriptors are refused.
pub fn probe(config: &Config) -> io::Result<()> {
    match handshake::Half::new(config.geometry) {
        Ok(_) => Ok(()),
        Err(HandshakeError::NoMemory(error)) => Err(error),
        Err(other) => Err(io::Error::other(other)),
    }
}

fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests;
