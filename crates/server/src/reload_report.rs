//! What a running server says of a reload, for `cordboard reload`: a small file in its data directory, replaced each time.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

const FILE: &str = "reload.json";

/// What came of a reload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReloadReport {
    /// Whether the file was taken over; else nothing changed.
    pub(crate) taken: bool,
    /// What people read.
    pub(crate) lines: Vec<String>,
}

impl ReloadReport {
    /// Replaces what is there.
    ///
    /// # Errors
    /// When the directory cannot be written to.
    pub(crate) fn write(&self, data_dir: &Path) -> io::Result<()> {
        let json = serde_json::to_vec(self)?;
        let new = tempfile::Builder::new().prefix(".reload-").tempfile_in(data_dir)?;
        fs::write(new.path(), json)?;
        new.persist(data_dir.join(FILE)).map_err(|error| error.error)?;
        Ok(())
    }

    /// Takes away what an earlier reload said.
    ///
    /// # Errors
    /// When the directory cannot be written to.
    pub(crate) fn clear(data_dir: &Path) -> io::Result<()> {
        match fs::remove_file(data_dir.join(FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// What was said since, if anything.
    pub(crate) fn read(data_dir: &Path) -> Option<ReloadReport> {
        serde_json::from_slice(&fs::read(data_dir.join(FILE)).ok()?).ok()
    }
}
