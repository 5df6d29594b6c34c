//! Where output goes: stdout, or a file that only its owner can read and that appears when it is whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::report::Failed;

/// Writes to stdout. Complete lines pass the buffer by, so that no copy of a token stays in it.
pub(super) fn print(bytes: &[u8]) -> Result<(), Failed> {
    let mut stdout = io::stdout().lock();
    let written = match bytes.last() {
        None | Some(b'\n') => stdout.write_all(bytes).and_then(|()| stdout.flush()),
        Some(_) => print_unbuffered(&mut stdout, bytes),
    };
    written.map_err(|why| Failed::Write("standard output".to_owned(), why))
}

/// What is left in the buffer after an error would be written when the program ends, as if nothing had happened. Without
/// calls over TLS all that is printed are whole lines.
#[cfg(all(unix, feature = "https"))]
fn print_unbuffered(stdout: &mut io::StdoutLock<'_>, bytes: &[u8]) -> io::Result<()> {
    stdout.flush()?;
    File::from(std::os::fd::AsFd::as_fd(stdout).try_clone_to_owned()?).write_all(bytes)
}

#[cfg(not(all(unix, feature = "https")))]
fn print_unbuffered(stdout: &mut io::StdoutLock<'_>, bytes: &[u8]) -> io::Result<()> {
    stdout.write_all(bytes).and_then(|()| stdout.flush())
}

/// Writes to the file, if there is one, else to stdout.
pub(super) fn deliver(file: Option<&str>, bytes: &[u8]) -> Result<(), Failed> {
    let Some(file) = file else { return print(bytes) };
    let mut target = Target::create(file)?;
    target.write_all(bytes).map_err(|why| Failed::Write(file.to_owned(), why))?;
    target.finish()
}

/// A file in the making. Without `finish` nothing of it stays.
pub(super) struct Target {
    file: File,
    name: String,
    /// Where it is written and where it will be, unless it is written in place.
    parts: Option<(PathBuf, PathBuf)>,
}

impl Target {
    pub(super) fn create(name: &str) -> Result<Self, Failed> {
        let failed = |why| Failed::Write(name.to_owned(), why);
        // A link is followed; a device or a pipe is written to as it stands, not replaced by a file. A directory is refused
        // by the same door, before anything is sent.
        let path = fs::canonicalize(name).unwrap_or_else(|_| PathBuf::from(name));
        if fs::metadata(&path).is_ok_and(|found| !found.is_file()) {
            let file = OpenOptions::new().write(true).open(&path).map_err(failed)?;
            return Ok(Self { file, name: name.to_owned(), parts: None });
        }
        let (file, beside) = create_beside(&path).map_err(failed)?;
        Ok(Self { file, name: name.to_owned(), parts: Some((beside, path)) })
    }

    #[cfg(feature = "https")]
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), Failed> {
        self.file.write_all(bytes).map_err(|why| Failed::Write(self.name.clone(), why))
    }

    pub(super) fn finish(mut self) -> Result<(), Failed> {
        let renamed = match self.parts.take() {
            Some((beside, path)) => fs::rename(&beside, path).inspect_err(|_| {
                let _ = fs::remove_file(beside);
            }),
            None => Ok(()),
        };
        renamed.map_err(|why| Failed::Write(std::mem::take(&mut self.name), why))
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some((beside, _)) = self.parts.take() {
            let _ = fs::remove_file(beside);
        }
    }
}

/// A new file in the same directory, private from its first byte; never one that somebody else put there.
fn create_beside(path: &Path) -> io::Result<(File, PathBuf)> {
    let name = path.file_name().ok_or(io::ErrorKind::IsADirectory)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut number = 0;
    loop {
        let mut part = name.to_owned();
        part.push(format!(".{}-{number}.part", std::process::id()));
        let beside = path.with_file_name(part);
        match options.open(&beside) {
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists && number < 100 => number += 1,
            opened => return Ok((opened?, beside)),
        }
    }
}
