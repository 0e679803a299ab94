// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who has a name: a lock that ends with its process, and is gone with its owner.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

use super::directory::{Directory, Name};

/// How long one waits who wants a name while somebody clears up.
const PATIENCE: Duration = Duration::from_secs(1);

/// A name, taken: locked for as long as it lives, however that ends.
#[derive(Debug)]
pub(super) struct Claim {
    /// The lock.
    _file: File,
    path: PathBuf,
}

impl Claim {
    /// Takes a name; `None` if a living process has it.
    pub(super) fn take(directory: &Directory, name: &Name) -> io::Result<Option<Self>> {
        // Who clears up has names for a moment that are nobody's.
        let _entered = enter(directory)?;
        Self::take_path(directory.lock(name))
    }

    fn take_path(path: PathBuf) -> io::Result<Option<Self>> {
        loop {
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
                .open(&path)?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::AGAIN) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
            // Who had it may have removed it meanwhile.
            if is_at(&file, &path)? {
                return Ok(Some(Self { _file: file, path }));
            }
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // It is still locked, so it is ours. Somebody may have removed it.
        let _ = fs::remove_file(&self.path);
    }
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Keeps others from clearing up.
fn enter(directory: &Directory) -> io::Result<File> {
    let folder = File::open(directory.path())?;
    let until = Instant::now() + PATIENCE;
    loop {
        match flock(&folder, FlockOperation::NonBlockingLockShared) {
            Ok(()) => return Ok(folder),
            Err(Errno::AGAIN) if Instant::now() < until => thread::sleep(Duration::from_millis(1)),
            Err(Errno::AGAIN) => return Err(io::ErrorKind::TimedOut.into()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Removes the names of dead processes, unless somebody else does, or takes one just now.
pub(super) fn clear(directory: &Directory) -> io::Result<()> {
    let folder = File::open(directory.path())?;
    if flock(&folder, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Ok(());
    }
    for entry in fs::read_dir(directory.path())? {
        let name = entry?.file_name();
        let name = name.to_str().and_then(|name| name.strip_suffix(".lock"));
        let Some(name) = name.and_then(|name| name.parse::<Name>().ok()) else {
            continue;
        };
        if let Some(abandoned) = Claim::take_path(directory.lock(&name))? {
            // There may be none.
            let _ = fs::remove_file(directory.socket(&name));
            drop(abandoned);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Directory) -> Vec<String> {
        let entries = fs::read_dir(directory.path()).expect("it is there");
        let names = entries.map(|entry| entry.expect("one").file_name().into_string().expect("text"));
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn what_dead_ones_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a directory");
        let directory = Directory::at(folder.path()).expect("it is ours");
        let living = Claim::take(&directory, &"living".parse().expect("a name"));
        let living = living.expect("it works").expect("nobody has it");
        for left in [
            "dead.lock",
            "dead.socket",
            "half.lock",
            "living.socket",
            "notes",
            "a b.lock",
        ] {
            fs::write(folder.path().join(left), "").expect("written");
        }
        clear(&directory).expect("it works");
        assert_eq!(
            names(&directory),
            ["a b.lock", "living.lock", "living.socket", "notes"]
        );
        drop(living);
        assert_eq!(names(&directory), ["a b.lock", "living.socket", "notes"]);
    }

    #[test]
    fn a_name_is_one_process_at_a_time_and_free_while_others_clear_up() {
        let folder = tempfile::tempdir().expect("a directory");
        let directory = Directory::at(folder.path()).expect("it is ours");
        let name: Name = "contested".parse().expect("a name");
        let taken = std::sync::atomic::AtomicU32::new(0);
        thread::scope(|scope| {
            let clearing = scope.spawn(|| (0..300).try_for_each(|_| clear(&directory)));
            let taking = || {
                for _ in 0..300 {
                    if let Some(claim) = Claim::take(&directory, &name).expect("it works") {
                        let before = taken.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        assert_eq!(before % 2, 0, "somebody else has it");
                        taken.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        drop(claim);
                    }
                }
            };
            let others = [scope.spawn(taking), scope.spawn(taking)];
            for other in others {
                other.join().expect("no panic");
            }
            clearing.join().expect("no panic").expect("it works");
        });
        // One alone is never told that somebody has it.
        thread::scope(|scope| {
            scope.spawn(|| (0..300).try_for_each(|_| clear(&directory)));
            for _ in 0..300 {
                assert!(Claim::take(&directory, &name).expect("it works").is_some());
            }
        });
    }
}
