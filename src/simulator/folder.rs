//! The stand-in's own temporary directory.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use super::token;

/// Removed with all that is in it when this is dropped.
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Only a name: most stand-ins need no files.
    pub(super) fn new() -> io::Result<Self> {
        // Clients compare the directory of a key with its links resolved.
        let parent = fs::canonicalize(env::temp_dir())?;
        Ok(Self { path: parent.join(format!("azmin-stand-in-{}", token::guid())) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It fails where nothing was made.
        let _ = fs::remove_dir_all(&self.path);
    }
}
