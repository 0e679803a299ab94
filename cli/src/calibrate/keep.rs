// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keeping a file: the whole of it, or the old one as it was.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Sees beforehand to it that [`write()`] can write: makes the folder, and a file in it that is gone again.
pub(super) fn prepare(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let beside = beside(path)?;
    if let Some(folder) = beside.parent() {
        fs::create_dir_all(folder)?;
    }
    File::create(&beside)?;
    fs::remove_file(&beside)
}

/// Writes a file beside the one that is meant, and puts it in its place: whoever reads sees the old one or the new one.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    let beside = beside(path)?;
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    let written = written.and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

/// A name in the same folder, and so on the same file system, that nobody else uses.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let mut own = OsString::from(".");
    own.push(name);
    own.push(format!(".{}", std::process::id()));
    Ok(path.with_file_name(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().flatten();
        let mut names: Vec<_> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn the_new_one_takes_the_place_of_the_old_one_and_nothing_else_is_left() {
        let folder = std::env::temp_dir().join(format!("upcall-keep-{}", std::process::id()));
        let path = folder.join("deep/er/file.toml");
        prepare(&path).unwrap();
        assert_eq!(names(path.parent().unwrap()), Vec::<String>::new());
        write(&path, "old").unwrap();
        prepare(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        write(&path, "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(names(path.parent().unwrap()), ["file.toml"]);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing_behind() {
        let folder = std::env::temp_dir().join(format!("upcall-keep-not-{}", std::process::id()));
        fs::create_dir_all(folder.join("taken")).unwrap();
        assert!(prepare(&folder.join("taken")).is_err());
        assert!(write(&folder.join("taken"), "text").is_err());
        assert!(prepare(Path::new("/")).is_err() && prepare(Path::new("..")).is_err());
        assert_eq!(names(&folder), ["taken"]);
        fs::remove_dir_all(folder).unwrap();
    }
}
