//! How much room there is on the disk of the recordings, which is that of the log.
//!
//! Recording is the first to give way: below `server.disk_free_min_mb` no recording begins, below half of it running ones
//! pause and no files are made. What is left then is the log's: calls, records and pushes go on.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};

use base::CallId;

/// What may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Everything.
    Enough,
    /// Calls that begin are not recorded.
    Short,
    /// No sound is written at all.
    Out,
}

const ROOMS: [Room; 3] = [Room::Enough, Room::Short, Room::Out];

/// With less nothing is tried, whatever the setting: most of what is written at a time would not fit.
const FREE_BYTES_MIN: u64 = 64 << 10;

/// The free space, as it was when it was last looked at.
pub(super) struct Space {
    disk: PathBuf,
    /// `disk_free_min_mb`, bytes.
    free_min: u64,
    /// Index into `ROOMS`.
    room: AtomicU8,
}

impl Space {
    /// Looks at the disk that `folder` is on.
    pub(super) fn new(folder: &Path, free_min: u64) -> Space {
        let space = Space { disk: folder.to_owned(), free_min, room: AtomicU8::new(0) };
        space.look();
        space
    }

    pub(super) fn room(&self) -> Room {
        ROOMS[usize::from(self.room.load(Ordering::Acquire))]
    }

    /// Sound was lost by an error. A full disk is said once, and not by every call.
    pub(super) fn blame(&self, call: CallId, error: &io::Error) {
        let is_full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        if is_full && self.room() != Room::Out {
            self.look();
        }
        if !is_full || self.room() == Room::Enough {
            tracing::error!(%call, %error, "sound of a recording was lost: its track file cannot be written");
        }
    }

    /// Looks again, and says what changed.
    pub(super) fn look(&self) {
        let Some(free) = free_bytes(&self.disk) else { return };
        let room = match free {
            _ if free >= self.free_min.max(FREE_BYTES_MIN) => 0,
            _ if free >= (self.free_min / 2).max(FREE_BYTES_MIN) => 1,
            _ => 2,
        };
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        metrics::gauge!("cordboard_recording_disk_free_bytes").set(free as f64);
        metrics::gauge!("cordboard_recording_room").set(2.0 - f64::from(room));
        if self.room.swap(room, Ordering::AcqRel) == room {
            return;
        }
        match ROOMS[usize::from(room)] {
            Room::Enough => tracing::info!(free, "there is room again: calls are recorded"),
            Room::Short => tracing::error!(free, "the disk is nearly full: new calls are not recorded"),
            Room::Out => tracing::error!(free, "the disk is nearly full: no sound is written at all"),
        }
    }
}

/// What an ordinary user may still write to the disk of `folder`.
pub(super) fn free_bytes(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}
