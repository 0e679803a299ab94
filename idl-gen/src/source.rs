// SPDX-License-Identifier: MIT OR Apache-2.0
//! Source files, positions in them, and where they come from.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Identifies one file of a [`SourceMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub(crate) u32);

/// A range of bytes in one source file.
///
/// What a macro expands to has the span of the macro's use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
}

impl Span {
    /// Makes the span of `start..end` in `file`.
    #[must_use]
    pub const fn new(file: FileId, start: u32, end: u32) -> Self {
        Self { file, start, end }
    }

    /// Returns the span from the start of `self` to the end of `other`; `self` where they lie in different files.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        if self.file != other.file || other.end < self.start {
            return self;
        }
        Self::new(self.file, self.start, other.end)
    }

    /// Returns the empty span just after this one.
    #[must_use]
    pub const fn after(self) -> Self {
        Self {
            file: self.file,
            start: self.end,
            end: self.end,
        }
    }
}

/// A place as people name it: file, line and column, the last two counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file's name as a diagnostic shows it, `#line` applied.
    pub file: String,
    /// The line, `#line` applied.
    pub line: u32,
    /// The column in characters.
    pub column: u32,
}

/// One file that was read.
#[derive(Debug)]
pub struct SourceFile {
    /// Where it was found.
    pub path: PathBuf,
    /// Its text; bytes that are not UTF-8 are taken as ISO 8859-1.
    pub text: Arc<str>,
    /// Offset of the first byte of each line.
    line_starts: Vec<u32>,
    /// `#line` directives: (physical line they are on, presumed line of the next, presumed name).
    presumed: Vec<(u32, u32, Option<String>)>,
}

/// All files read by one compilation.
#[derive(Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// Adds a file and returns its id.
    pub(crate) fn add(&mut self, path: PathBuf, text: String) -> FileId {
        let mut line_starts = vec![0];
        line_starts.extend(
            (1u32..)
                .zip(text.bytes())
                .filter(|&(_, byte)| byte == b'\n')
                .map(|(offset, _)| offset),
        );
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(SourceFile {
            path,
            text: Arc::from(text),
            line_starts,
            presumed: Vec::new(),
        });
        id
    }

    /// Records a `#line` directive that stands on the line of `offset`.
    pub(crate) fn presume(&mut self, at: Span, line: u32, name: Option<String>) {
        let physical = self.physical_line(at);
        if let Some(file) = self.files.get_mut(at.file.0 as usize)
            && !file.presumed.iter().any(|(at, ..)| *at == physical)
        {
            file.presumed.push((physical, line, name));
        }
    }

    /// Returns the files in the order they were first read.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        (0u32..).map(FileId).zip(&self.files)
    }

    /// Returns a file, where the id is of this map.
    #[must_use]
    pub fn file(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(id.0 as usize)
    }

    /// Returns the text under a span.
    #[must_use]
    pub fn text(&self, span: Span) -> &str {
        self.file(span.file)
            .and_then(|f| f.text.get(span.start as usize..span.end as usize))
            .unwrap_or_default()
    }

    /// Returns the line of the span's start as it lies in the file, counted from 1.
    #[must_use]
    pub fn physical_line(&self, span: Span) -> u32 {
        let Some(file) = self.file(span.file) else {
            return 1;
        };
        u32::try_from(file.line_starts.partition_point(|&start| start <= span.start)).unwrap_or(u32::MAX)
    }

    /// Returns the place of the span's start, as `#line` wants it named.
    #[must_use]
    pub fn location(&self, span: Span) -> Location {
        let physical = self.physical_line(span);
        let Some(file) = self.file(span.file) else {
            return Location {
                file: String::from("<unknown>"),
                line: 1,
                column: 1,
            };
        };
        let start = file.line_starts.get(physical as usize - 1).copied().unwrap_or(0);
        let before = file
            .text
            .get(start as usize..span.start as usize)
            .unwrap_or_default();
        let column = u32::try_from(before.chars().count())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        let (mut name, mut line) = (None, physical);
        for (at, presumed, renamed) in &file.presumed {
            if *at >= physical {
                break;
            }
            line = presumed.saturating_add(physical - at - 1);
            name = renamed.clone().or(name);
        }
        Location {
            file: name.unwrap_or_else(|| file.path.display().to_string()),
            line,
            column,
        }
    }
}

/// Reads source files for the compiler, which itself touches no file system.
pub trait SourceLoader {
    /// Reads a whole file.
    ///
    /// # Errors
    /// Whatever reading it gives; [`io::ErrorKind::NotFound`] lets the search go on in the next include directory.
    fn load(&mut self, path: &Path) -> io::Result<Vec<u8>>;
}
