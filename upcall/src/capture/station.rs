// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where others of the same user ask an ORB for the packets of its flows.

use std::{
    fs,
    io::{self, Read, Write},
    net::Shutdown,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use orb_core::transport::Link;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::{SendFlags, send},
};

use super::{
    is_of_this_user,
    ring::{self, Drain},
    wire::{self, Kind, Request},
};

/// Captures of one ORB at a time.
const MOST: usize = 4;
/// Octets of packets that wait to be passed on.
const RING: usize = 8 << 20;
/// How long to wait for who has come to say what he wants.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often one looks for packets: flows do not call the system to say that there are some.
const STEP: Duration = Duration::from_millis(2);
/// How long to wait for room before one looks whether it is all over.
const WAIT: Duration = Duration::from_millis(100);

/// A socket at which captures are asked for, until it is dropped; then they end.
#[derive(Debug)]
pub(crate) struct Station {
    listener: UnixListener,
    path: PathBuf,
    /// Whoever holds a clone captures.
    over: Arc<AtomicBool>,
}

/// Finds what a flow travels on, by its number.
pub(crate) type Find = Arc<dyn Fn(u64) -> Option<Arc<dyn Link>> + Send + Sync>;

impl Station {
    /// Opens it; what stood in its place was left by another process of this number.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        listener.set_nonblocking(true)?;
        Ok(Self {
            listener,
            path: path.to_owned(),
            over: Arc::default(),
        })
    }

    /// Lets in who has come, each to a thread of his own.
    pub(crate) fn let_in(&self, find: &Find) {
        loop {
            let socket = match self.listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // There may be descriptors later.
                Err(_) => return thread::sleep(WAIT),
            };
            if !is_of_this_user(&socket) {
                continue;
            }
            if Arc::strong_count(&self.over) > MOST {
                let text = format!("there are {MOST} captures of this ORB already");
                let _ = (&socket).write_all(&wire::text(Kind::Refused, &text));
                continue;
            }
            let (over, find) = (Arc::clone(&self.over), Arc::clone(find));
            let thread = thread::Builder::new().name("upcall-capture".into());
            // Who gets no thread finds the socket closed.
            let _ = thread.spawn(move || {
                let ended = serve(socket, &over, &find);
                tracing::debug!(?ended, "a capture has ended");
            });
        }
    }

    /// Ends all captures, and lets nobody else find it.
    pub(crate) fn close(&self) {
        self.over.store(true, Ordering::Relaxed);
        // It may be closed already.
        let _ = fs::remove_file(&self.path);
    }
}

impl AsFd for Station {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        self.close();
    }
}

/// Does what is asked for, until one of the three has gone: who asked, the flow, or the ORB.
fn serve(mut socket: UnixStream, over: &AtomicBool, find: &Find) -> io::Result<()> {
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut request = [0; Request::SIZE];
    socket.read_exact(&mut request)?;
    let Some(request) = Request::parse(&request) else {
        return refuse(&mut socket, "this ORB is of another version");
    };
    let Some(link) = find(request.flow) else {
        return refuse(&mut socket, "this flow has ended");
    };
    let ends = format!("{}\n{}", link.local(), link.peer());
    let (tap, drain) = ring::ring(RING, request.most);
    match link.tap(Box::new(tap)) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {
            return socket.write_all(&wire::text(Kind::Kernel, &ends));
        }
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
            return refuse(&mut socket, "somebody else captures this flow already");
        }
        Err(error) => return refuse(&mut socket, &error.to_string()),
    }
    // The flow is not kept from ending.
    let flow = Arc::downgrade(&link);
    drop(link);
    let passed = pass_on(socket, &ends, drain, over);
    if let Some(link) = flow.upgrade() {
        link.untap();
    }
    passed
}

fn refuse(socket: &mut UnixStream, why: &str) -> io::Result<()> {
    socket.write_all(&wire::text(Kind::Refused, why))
}

fn pass_on(socket: UnixStream, ends: &str, mut drain: Drain, over: &AtomicBool) -> io::Result<()> {
    socket.set_write_timeout(Some(WAIT))?;
    let mut writer = Unhurried { socket, over };
    writer.write_all(&wire::text(Kind::Started, ends))?;
    while !over.load(Ordering::Relaxed) {
        // Looked at first: what was put in before is taken out after.
        let ended = drain.is_abandoned();
        let some = drain.write_to(&mut writer)?;
        if let Some(count) = drain.news_of_drops() {
            writer.write_all(&wire::dropped(count))?;
        }
        if ended {
            break;
        }
        // Whatever comes from the other end says that it has gone.
        if !some && has_come(&writer.socket, STEP)? {
            return Ok(());
        }
    }
    writer.write_all(&wire::text(Kind::Ended, ""))?;
    writer.socket.shutdown(Shutdown::Both)
}

fn has_come(socket: &UnixStream, time: Duration) -> io::Result<bool> {
    let time = Timespec::try_from(time).map_err(|_| io::ErrorKind::InvalidInput)?;
    match poll(&mut [PollFd::new(socket, PollFlags::IN)], Some(&time)) {
        Ok(count) => Ok(count > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Writes for as long as it takes, unless all is over.
struct Unhurried<'a> {
    socket: UnixStream,
    over: &'a AtomicBool,
}

impl Write for Unhurried<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match send(&self.socket, bytes, SendFlags::NOSIGNAL).map_err(io::Error::from) {
            // `write_all` comes back after an interruption.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && !self.over.load(Ordering::Relaxed) => {
                Err(io::ErrorKind::Interrupted.into())
            }
            result => result,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
