// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the sockets of the fabric are, and how names become paths.

use std::env;
use std::fmt;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::{claim, own_user};

/// A directory with the sockets of listeners. Containers that share it can talk to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    path: PathBuf,
}

/// Why there is no directory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// It cannot be made or looked at.
    #[error("the directory {path} of the fabric cannot be had: {source}")]
    System {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Others could put their sockets there.
    #[error("{0} is not a directory that only its owner can write")]
    Unsafe(PathBuf),
}

impl Directory {
    /// Returns the user's own: `upcall` in `$XDG_RUNTIME_DIR`, or else `/dev/shm/upcall-UID`; makes it with mode 0700.
    ///
    /// # Errors
    ///
    /// [`DirectoryError`] if it cannot be made, or belongs to somebody else, or others can write it.
    pub fn of_user() -> Result<Self, DirectoryError> {
        let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let path = match runtime.filter(|path| path.is_absolute() && path.is_dir()) {
            Some(runtime) => runtime.join("upcall"),
            None => PathBuf::from(format!("/dev/shm/upcall-{}", own_user())),
        };
        let directory = Self::at(&path)?;
        let about = directory.look()?;
        if about.uid() != own_user() {
            return Err(DirectoryError::Unsafe(path));
        }
        Ok(directory)
    }

    /// Returns the directory at `path`; makes it with mode 0700 if there is none.
    ///
    /// # Errors
    ///
    /// [`DirectoryError`] if it cannot be made, is none, or others than its owner can write it.
    pub fn at(path: impl AsRef<Path>) -> Result<Self, DirectoryError> {
        let path = path.as_ref().to_path_buf();
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
                return Err(DirectoryError::System { path, source });
            }
            _ => {}
        }
        let directory = Self { path };
        let about = directory.look()?;
        // A link might lead to somebody else's tomorrow.
        if !about.is_dir() || about.mode() & 0o022 != 0 {
            return Err(DirectoryError::Unsafe(directory.path));
        }
        Ok(directory)
    }

    fn look(&self) -> Result<fs::Metadata, DirectoryError> {
        fs::symlink_metadata(&self.path).map_err(|source| {
            let path = self.path.clone();
            DirectoryError::System { path, source }
        })
    }

    /// Returns where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the names that processes left behind which died without a word; who has names in it that are used once, like
    /// those of `apic://`, does so now and then.
    ///
    /// # Errors
    ///
    /// What the system says, if it cannot be read or written.
    pub fn clear(&self) -> io::Result<()> {
        claim::clear(self)
    }

    pub(super) fn socket(&self, name: &Name) -> PathBuf {
        self.path.join(format!("{name}.socket"))
    }

    /// Whoever listens by that name keeps this locked.
    pub(super) fn lock(&self, name: &Name) -> PathBuf {
        self.path.join(format!("{name}.lock"))
    }
}

/// The name of a listener, as in `apic://name`: 1 to 64 letters, digits, `-`, `_` and `.`, of which `.` is not the first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name(String);

/// What is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no name in the fabric: 1 to 64 letters, digits, `-`, `_` and `.`, of which `.` is not the first"
)]
pub struct NameError(String);

impl FromStr for Name {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let good = (1..=64).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(allowed);
        if good {
            Ok(Self(name.to_owned()))
        } else {
            Err(NameError(name.chars().take(80).collect()))
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_name_never_leaves_its_directory() {
        for bad in [
            "",
            ".",
            "..",
            ".hidden",
            "a/b",
            "../x",
            "a b",
            "ä",
            "a\0",
            &"x".repeat(65),
        ] {
            assert!(Name::from_str(bad).is_err(), "{bad:?}");
        }
        for good in ["a", "sensor-1.main_loop", &"x".repeat(64)] {
            assert!(Name::from_str(good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn a_directory_that_others_can_write_is_refused() {
        let folder = tempfile::tempdir().expect("a directory");
        let own = folder.path().join("own");
        Directory::at(&own).expect("it is made");
        let mode = fs::metadata(&own).expect("it is there").mode() & 0o777;
        assert_eq!(mode, 0o700);
        fs::set_permissions(&own, fs::Permissions::from_mode(0o777)).expect("it is ours");
        assert!(matches!(Directory::at(&own), Err(DirectoryError::Unsafe(_))));
        let link = folder.path().join("link");
        symlink(folder.path(), &link).expect("a link");
        assert!(matches!(Directory::at(&link), Err(DirectoryError::Unsafe(_))));
    }
}
