// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who waits for others to connect.

use std::fs::{self, Permissions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{SocketAddrUnix, SocketFlags, accept_with, bind, listen};

use crate::BadGeometry;

use super::circuit::Circuit;
use super::claim::Claim;
use super::directory::{Directory, Name, NameError};
use super::handshake::{Half, HandshakeError, Kind, Message, offered};
use super::socket::{Socket, left, open};
use super::{Config, Peers};

/// How many that have connected may be silent at a time; who comes later is not looked at before one of them has spoken, or
/// its time is over.
const MOST_SILENT: usize = 32;
/// How long one may be silent.
const SILENCE: Duration = Duration::from_secs(2);
/// How long nobody is let in when there is no descriptor, or no memory, for one more.
const SHORTAGE: Duration = Duration::from_millis(100);
/// How many the kernel keeps waiting.
const BACKLOG: i32 = 128;

/// Stands for the listening socket among those that are silent.
const LISTENER: u64 = u64::MAX;

/// Somebody others can connect to by a name.
#[derive(Debug)]
pub struct Listener {
    socket: OwnedFd,
    path: PathBuf,
    /// The name is ours; let go of when the socket is removed.
    _claim: Claim,
    config: Config,
    /// Bytes on their way to it, and to who connects, that there is to be room for; 0 is as many as either likes.
    room: (u64, u64),
    /// The listening socket, unless too many are silent, and those that are.
    events: Arc<OwnedFd>,
    silent: Vec<Silent>,
    /// Since too many are silent, or something is short: until then at least nobody is let in.
    paused: Option<Instant>,
    refused: u64,
}

/// One that has connected, and has not said a word.
#[derive(Debug)]
struct Silent {
    socket: Socket,
    until: Instant,
}

/// Why one cannot listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The name is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The geometry is wrong.
    #[error(transparent)]
    Geometry(#[from] BadGeometry),
    /// Somebody else listens by that name.
    #[error("somebody else listens at {0}")]
    InUse(PathBuf),
    /// The socket cannot be made.
    #[error("the socket {path} cannot be made: {source}")]
    System {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl Listener {
    /// Listens by a name. A socket that a dead process left behind is replaced.
    ///
    /// # Errors
    ///
    /// [`ListenError`]; [`InUse`](ListenError::InUse) if a living process listens by that name.
    pub fn bind(directory: &Directory, name: &str, config: Config) -> Result<Self, ListenError> {
        let name: Name = name.parse()?;
        config.geometry.check(u64::MAX)?;
        let path = directory.socket(&name);
        let claim = match Claim::take(directory, &name) {
            Ok(Some(claim)) => claim,
            Ok(None) => return Err(ListenError::InUse(path)),
            Err(source) => {
                let path = directory.lock(&name);
                return Err(ListenError::System { path, source });
            }
        };
        match Self::listen(&path, &config) {
            Ok((socket, events)) => Ok(Self {
                socket,
                path,
                _claim: claim,
                config,
                room: (0, 0),
                events: Arc::new(events),
                silent: Vec::with_capacity(MOST_SILENT),
                paused: None,
                refused: 0,
            }),
            Err(source) => Err(ListenError::System { path, source }),
        }
    }

    fn listen(path: &PathBuf, config: &Config) -> io::Result<(OwnedFd, OwnedFd)> {
        // Nobody else has the lock, so whoever left it is dead.
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let socket = open()?;
        rustix::io::ioctl_fionbio(&socket, true)?;
        bind(&socket, &SocketAddrUnix::new(path)?)?;
        let mode = match config.peers {
            Peers::SameUser => 0o600,
            Peers::Users(_) => 0o666,
        };
        // Before it listens, so that nobody has connected yet.
        fs::set_permissions(path, Permissions::from_mode(mode))?;
        listen(&socket, BACKLOG)?;
        let events = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&events, &socket, EventData::new_u64(LISTENER), EventFlags::IN)?;
        Ok((socket, events))
    }

    /// Returns the next channel; `None` if there is none by the deadline.
    ///
    /// # Errors
    ///
    /// What the system says of the listening socket; who connects and does something wrong is refused, and counted.
    pub fn accept(&mut self, until: Instant) -> io::Result<Option<Circuit>> {
        loop {
            if let Some(circuit) = self.try_accept()? {
                return Ok(Some(circuit));
            }
            let left = left(until);
            if left.is_zero() {
                return Ok(None);
            }
            let silent = self.silent.iter().map(|silent| silent.until);
            let paused = self.paused.filter(|until| *until > Instant::now());
            let patience = silent.chain(paused).min();
            let patience = patience.map_or(left, |until| left.min(super::socket::left(until)));
            // Rounded up, so that what is waited for is over.
            let patience = patience + Duration::from_millis(1);
            let timeout = Timespec::try_from(patience).map_err(|_| io::ErrorKind::InvalidInput)?;
            let mut events = Vec::with_capacity(MOST_SILENT);
            match epoll::wait(
                &self.events,
                rustix::buffer::spare_capacity(&mut events),
                Some(&timeout),
            ) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Returns the next channel, if there is one already; for those who watch its descriptor.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept).
    pub fn try_accept(&mut self) -> io::Result<Option<Circuit>> {
        self.admit()?;
        let now = Instant::now();
        let mut index = 0;
        while let Some(silent) = self.silent.get(index) {
            match self.hear(&silent.socket) {
                Ok(None) if silent.until > now => index += 1,
                Ok(None) => self.refuse(index, None),
                Ok(Some(offer)) => {
                    let (half, theirs) = offer;
                    let socket = self.forget(index);
                    match half.join(theirs, socket, &self.config) {
                        Ok(circuit) => return Ok(Some(circuit)),
                        Err(_) => self.refused += 1,
                    }
                }
                Err(error) => self.refuse(index, Some(&error)),
            }
        }
        self.resume()?;
        Ok(None)
    }

    /// Sets how many bytes of messages the channels to come have room for, in each direction, beyond what their geometry has
    /// anyway: on their way to here, of which who connects is told, and from here. Bulk is not counted.
    pub fn set_room(&mut self, receive: u64, send: u64) {
        self.room = (receive, send);
    }

    /// Returns its [descriptor](AsFd), which others than its owner may watch.
    #[must_use]
    pub fn descriptor(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.events)
    }

    /// Returns how many connected and were refused: of the wrong user, silent, or saying something wrong.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Takes those who wait in the kernel, as long as not too many are silent.
    fn admit(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if self.paused.is_some_and(|until| now < until) {
            return Ok(());
        }
        while self.silent.len() < MOST_SILENT {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            match accept_with(&self.socket, flags) {
                Ok(fd) => {
                    let socket = Socket::new(fd);
                    epoll::add(&self.events, &socket, EventData::new_u64(0), EventFlags::IN)?;
                    // Who has gone again, or is not spoken to, is found out with the others.
                    let _ = socket.send(&Message::Listen(self.room.0).encode(), None);
                    let until = now + SILENCE;
                    self.silent.push(Silent { socket, until });
                }
                Err(Errno::INTR | Errno::CONNABORTED) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
                    return self.pause(now + SHORTAGE);
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.pause(now)
    }

    /// Looks away from the listening socket, which would be ready all the time.
    fn pause(&mut self, until: Instant) -> io::Result<()> {
        if self.paused.replace(until).is_none() {
            epoll::delete(&self.events, &self.socket)?;
        }
        Ok(())
    }

    /// Looks at the listening socket again.
    fn resume(&mut self) -> io::Result<()> {
        let over = self.paused.is_some_and(|until| Instant::now() >= until);
        if over && self.silent.len() < MOST_SILENT {
            self.paused = None;
            let data = EventData::new_u64(LISTENER);
            epoll::add(&self.events, &self.socket, data, EventFlags::IN)?;
        }
        Ok(())
    }

    /// Hears what one has to say, and answers.
    fn hear(&self, socket: &Socket) -> Result<Option<(Half, super::handshake::Offered)>, HandshakeError> {
        let Some(theirs) = offered(socket, Kind::Connect, &self.config)? else {
            return Ok(None);
        };
        let half = Half::new(self.config.geometry.with_room(self.room.1))?;
        half.show(socket, Kind::Accept)?;
        Ok(Some((half, theirs)))
    }

    fn refuse(&mut self, index: usize, error: Option<&HandshakeError>) {
        self.refused += 1;
        let socket = self.forget(index);
        let reason = error.map_or(super::Reason::Message, HandshakeError::reason);
        tracing::debug!(
            listener = %self.path.display(),
            reason = %error.map_or_else(|| "it said nothing".to_owned(), ToString::to_string),
            "a channel was refused"
        );
        // It may be gone, or read nothing.
        let _ = socket.send(&Message::Refuse(reason).encode(), None);
    }

    fn forget(&mut self, index: usize) -> Socket {
        let silent = self.silent.swap_remove(index);
        // It is among them.
        let _ = epoll::delete(&self.events, &silent.socket);
        silent.socket
    }
}

impl AsFd for Listener {
    /// Readable when [`try_accept`](Listener::try_accept) may have something, or somebody to give up.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // The name is still claimed, so it is ours. Somebody may have removed it.
        let _ = fs::remove_file(&self.path);
    }
}
