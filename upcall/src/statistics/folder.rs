// SPDX-License-Identifier: MIT OR Apache-2.0
//! The folder in which ORBs leave their snapshots: a file for each.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use orb_core::cdr::{CdrError, Decoder, Encoder, Marshal, Unmarshal};
use rtu::process::started;
use rustix::fs::OFlags;

use super::{Snapshot, shown};

/// What a file begins with, the version of its form included.
const MAGIC: [u8; 8] = *b"upcallS2";
/// More than an ORB ever writes, and than is read of all of them.
const LARGEST: u64 = 16 << 20;
const MOST: u64 = 64 << 20;
/// Files that are looked at.
const MOST_FILES: usize = 4096;
/// The extension of a file that is not complete.
const INCOMPLETE: &str = "new";
/// The extension of the socket at which captures are asked for.
const STATION: &str = "capture";

/// A folder in which the ORBs of several processes leave [`Snapshot`]s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder(PathBuf);

impl Folder {
    /// Returns the one of this user, in which ORBs leave theirs unless they are told another.
    #[must_use]
    pub fn of_user() -> Self {
        let user = rustix::process::geteuid().as_raw();
        // In memory, and the same for all processes, whatever their environment.
        Self(format!("/dev/shm/upcall-flows-1-{user}").into())
    }

    /// Returns the one at a path; it is made when an ORB first writes to it.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Returns where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Reads what the ORBs of all living processes wrote last, ordered by process. Files that are not theirs are passed over,
    /// and what dead processes left is removed.
    ///
    /// # Errors
    ///
    /// If the folder is there and cannot be read, or belongs to another user. It is no error if there is none: then nobody
    /// serves.
    pub fn read(&self) -> io::Result<Vec<Snapshot>> {
        match self.check() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            checked => checked?,
        }
        let (mut snapshots, mut left) = (Vec::new(), MOST);
        for (path, process) in self.files()? {
            let alive = started(process);
            if is_station(&path) && alive.is_none() {
                remove(&path);
            }
            let Some(content) = content(&path, &mut left) else {
                continue;
            };
            match parse(&content) {
                // One that is about to be renamed is there as it was before as well.
                Ok((start, _)) if alive == Some(start) && path.extension().is_some() => {}
                Ok((start, snapshot)) if alive == Some(start) && snapshot.process == process => {
                    snapshots.push(snapshot);
                }
                Err(error) if alive.is_some() => {
                    tracing::debug!(path = %path.display(), %error, "not a snapshot");
                }
                // Its process is gone, and another one may have the number since.
                _ => remove(&path),
            }
        }
        snapshots.sort_by_key(|snapshot| (snapshot.process, snapshot.orb));
        Ok(snapshots)
    }

    /// Makes it if need be, and clears away what dead processes left.
    pub(super) fn open(&self) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => self.check()?,
        }
        for (path, process) in self.files()? {
            let ours = || is_station(&path) || content(&path, &mut { LARGEST }).is_some();
            if started(process).is_none() && ours() {
                remove(&path);
            }
        }
        Ok(())
    }

    /// Whether it is a folder, and this user's.
    fn check(&self) -> io::Result<()> {
        let about = fs::symlink_metadata(&self.0)?;
        if about.is_dir() && about.uid() == rustix::process::geteuid().as_raw() && about.mode() & 0o022 == 0 {
            return Ok(());
        }
        let path = self.0.display();
        let why = format!("{path} is not a folder of this user, to which nobody else may write");
        Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
    }

    /// The files whose names are those of snapshots, and which processes they name.
    fn files(&self) -> io::Result<Vec<(PathBuf, u32)>> {
        let entries = fs::read_dir(&self.0)?.take(MOST_FILES).flatten();
        let named = |name: &str| name.split_once('-')?.0.parse().ok();
        let files = entries.filter_map(|entry| Some((entry.path(), named(entry.file_name().to_str()?)?)));
        Ok(files.collect())
    }

    /// Where captures of the flows of an ORB are asked for.
    pub(crate) fn station(&self, process: u32, orb: u32) -> PathBuf {
        self.file(process, orb).with_extension(STATION)
    }

    /// Where the snapshots of an ORB go.
    pub(super) fn file(&self, process: u32, orb: u32) -> PathBuf {
        self.0.join(format!("{process}-{orb}"))
    }
}

/// Puts a snapshot in the place of the one before. Who reads has the one or the other, never a part.
pub(super) fn write(path: &Path, snapshot: &Snapshot, start: u64) -> io::Result<()> {
    let wrong = |error| io::Error::new(io::ErrorKind::InvalidData, format!("{error}"));
    let mut encoder = Encoder::native();
    encoder.raw(&MAGIC);
    encoder.ulonglong(start);
    snapshot.marshal(&mut encoder).map_err(wrong)?;
    let incomplete = path.with_extension(INCOMPLETE);
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(&incomplete)?;
    file.write_all(&encoder.contiguous())?;
    fs::rename(&incomplete, path)
}

/// Returns what is in a file of ours, if it is one; and takes its length off what is `left`.
fn content(path: &Path, left: &mut u64) -> Option<Vec<u8>> {
    // Nothing that is in its place is waited for.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut content = Vec::new();
    file.take(LARGEST.min(*left)).read_to_end(&mut content).ok()?;
    *left -= content.len() as u64;
    content.starts_with(&MAGIC).then_some(content)
}

/// Returns a snapshot, and the start of the process that wrote it.
fn parse(content: &[u8]) -> Result<(u64, Snapshot), CdrError> {
    let mut decoder = Decoder::native(content);
    decoder.skip(MAGIC.len())?;
    let start = decoder.ulonglong()?;
    let mut snapshot = Snapshot::unmarshal(&mut decoder)?;
    let names = snapshot
        .flows
        .iter_mut()
        .flat_map(|flow| [&mut flow.object, &mut flow.peer]);
    for name in names.chain([&mut snapshot.program]) {
        *name = shown(name);
    }
    Ok((start, snapshot))
}

/// Whether it is a socket of ours.
fn is_station(path: &Path) -> bool {
    let about = || fs::symlink_metadata(path);
    path.extension().is_some_and(|extension| extension == STATION)
        && about().is_ok_and(|about| about.file_type().is_socket())
}

fn remove(path: &Path) {
    // Somebody else may have done so.
    let _ = fs::remove_file(path);
}
