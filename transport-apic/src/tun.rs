// SPDX-License-Identifier: MIT OR Apache-2.0
//! IP packets to and from the kernel's stack, so that any TCP or UDP peer can reach one of ours.
//!
//! A [`Tun`] is a network interface whose other end is this process: what the machine routes there is received here, and
//! what is transmitted here arrives at the machine as if from a wire. The addresses given in the [`Config`] are the
//! machine's; every other address of their networks is free for a stack behind the device. A [`Circuit`] is such a device as a
//! [`Channel`](crate::Channel).
//!
//! ```no_run
//! use transport_apic::tun::{Config, Tun};
//!
//! let mut tun = Tun::open(&Config {
//!     name: "upcall0".into(),
//!     addresses: vec![("10.77.0.1".parse()?, 24)],
//!     ..Config::default()
//! })?;
//! while let Some(packet) = tun.receive()? {
//!     println!("{} bytes from the machine", packet.len());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod circuit;
mod device;

use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use arrayvec::ArrayVec;
use bytes::{Bytes, BytesMut};
use rustix::io::Errno;

pub use self::circuit::Circuit;
use crate::{Packet, Payload};

/// What a device is called, and what the machine's side of it is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The name of the interface, up to 15 bytes. Defaults to none: the kernel takes the next `tunN`.
    pub name: String,
    /// The machine's own addresses there, each with the length of its prefix in bits. Defaults to none.
    pub addresses: Vec<(IpAddr, u8)>,
    /// The longest packet, from 68 bytes (1280 with IPv6) to 65,535. Defaults to 1500.
    pub mtu: u16,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: String::new(),
            addresses: Vec::new(),
            mtu: 1500,
        }
    }
}

/// Why there is no device.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The kernel offers no TUN devices here.
    #[error(
        "{DEVICE} can't be opened ({source}): `modprobe tun` brings it; a container needs `--device {DEVICE}`"
    )]
    NoDevice {
        /// What the kernel said.
        source: io::Error,
    },
    /// This process may not make or change network interfaces.
    #[error(
        "{doing} needs CAP_NET_ADMIN: `setcap cap_net_admin+ep PROGRAM` grants it, or an administrator does it with \
         `{instead}`"
    )]
    NotPermitted {
        /// What needed it.
        doing: String,
        /// The command by which an administrator does the same.
        instead: String,
    },
    /// Another process has the device.
    #[error("the device {name} is in use")]
    Busy {
        /// Its name.
        name: String,
    },
    /// A name is longer than 15 bytes, or has bytes that no interface's name has.
    #[error("{name:?} is no name of a network interface")]
    BadName {
        /// The name.
        name: String,
    },
    /// Anything else.
    #[error("{doing}: {source}")]
    Failed {
        /// What failed.
        doing: String,
        /// What the kernel said.
        source: io::Error,
    },
}

const DEVICE: &str = "/dev/net/tun";

/// A network interface of this machine whose other end is this process.
///
/// It is gone when this is dropped, unless it was there before and is persistent.
#[derive(Debug)]
pub struct Tun {
    file: OwnedFd,
    name: String,
    mtu: u16,
    /// Memory for the next packets.
    room: BytesMut,
}

/// How much memory is asked for at a time; a packet that is kept keeps so much.
const CHUNK: usize = 16 * 1024;

impl Tun {
    /// Opens a device and sets it up as `config` says. A device of that name that is there already is used as it is, and
    /// only what differs is changed: so one that was made for this user needs no privilege.
    ///
    /// # Errors
    ///
    /// [`OpenError`], with what is missing and the command that brings it.
    pub fn open(config: &Config) -> Result<Self, OpenError> {
        let (file, name) = device::attach(&config.name)?;
        device::configure(&name, config)?;
        Ok(Self {
            file,
            name,
            mtu: config.mtu,
            room: BytesMut::new(),
        })
    }

    /// Returns the name of the interface.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the longest packet, in bytes, as the device was opened.
    pub fn mtu(&self) -> u16 {
        self.mtu
    }

    /// Takes the next packet that the machine sent here, if there is one; what is beyond the [`mtu`](Self::mtu) is cut off.
    ///
    /// Packets share memory with those that came just before and after them.
    ///
    /// # Errors
    ///
    /// What the kernel says; `EBADFD` once the interface was deleted.
    pub fn receive(&mut self) -> io::Result<Option<Bytes>> {
        let most = usize::from(self.mtu);
        if self.room.len() < most {
            self.room.reserve(most.max(CHUNK));
            self.room.resize(self.room.capacity(), 0);
        }
        let Some(room) = self.room.get_mut(..most) else {
            return Ok(None);
        };
        match rustix::io::read(&self.file, room) {
            Ok(0) | Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Ok(length) => Ok(Some(self.room.split_to(length).freeze())),
            Err(error) => Err(error.into()),
        }
    }

    /// Hands a packet to the machine, its pieces from where they lie; `false` if the kernel has no room now.
    ///
    /// # Errors
    ///
    /// What the kernel says: `EINVAL` for what is no IP packet, `EIO` while the interface is down.
    pub fn transmit<P: Payload>(&self, packet: &Packet<P>) -> io::Result<bool> {
        let mut slices: ArrayVec<IoSlice<'_>, { Packet::<()>::PIECES + 1 }> = ArrayVec::new();
        slices.push(IoSlice::new(packet.headers.as_ref()));
        slices.extend(packet.payload.iter().map(|piece| IoSlice::new(piece.as_ref())));
        match rustix::io::writev(&self.file, &slices) {
            Ok(_) => Ok(true),
            Err(Errno::AGAIN | Errno::NOBUFS | Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Readable when a packet waits: for poll(2) and its like.
impl AsFd for Tun {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests;
