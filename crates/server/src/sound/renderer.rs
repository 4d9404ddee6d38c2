//! Makes the sound files of finished recordings, at low priority.
//!
//! A file has its name only when it is whole and on the disk; then the log is told, and once that is so of all that becomes
//! of a recording, of the whole and of its parts, the raw tracks go. So whatever fails, and whenever the server is killed,
//! either the tracks are there or the files.

mod files;
mod queue;

use std::collections::VecDeque;
use std::fmt;
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use base::{AccountId, CallId};
use switch::api::Piece;

use super::encoder::{Encoder, Fault};
use super::space::{Room, Space};
use super::{Finish, Ready};
pub(super) use files::PART;
use files::{Made, MakeError, Maker};
pub use queue::Backlog;
use queue::Next;
pub(super) use queue::Queue;

/// The lowest there is: calls come first.
pub(super) const NICENESS: i32 = 19;
/// A recording that could not be made (disk full) is tried again this much later, each time in a row twice as late …
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// … and at the latest after this.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);
/// So often a program may fail at a recording; then it becomes a WAV file, under the name that was given out.
const ENCODER_TRIES: u32 = 3;
/// Recordings that wait when the program is to end are still made for so long.
const STOP_AFTER: Duration = Duration::from_secs(3);
/// How often a thread without work looks up.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A recording to be made into files.
pub(super) struct Job {
    pub(super) account: AccountId,
    pub(super) call: CallId,
    /// What is left to be made of it, in order.
    pub(super) left: VecDeque<Piece>,
    /// How many pieces cannot ever be made.
    pub(super) lost: usize,
    /// Its raw tracks.
    pub(super) tracks: PathBuf,
    /// Its length; `None` after a crash: then up to its last packet.
    pub(super) length: Option<Duration>,
    /// When the files were ordered.
    pub(super) ordered: Instant,
    /// How often they could not be made.
    pub(super) failures: u32,
    /// How often that was the encoder's fault.
    pub(super) encoder_failures: u32,
}

impl Job {
    pub(super) fn new(finish: Finish, tracks: PathBuf, length: Option<Duration>) -> Job {
        let Finish { account, call, pieces } = finish;
        let (left, ordered) = (pieces.into(), Instant::now());
        Job { account, call, left, lost: 0, tracks, length, ordered, failures: 0, encoder_failures: 0 }
    }
}

/// What all threads that make files share.
pub(super) struct Renderer {
    /// Root of the finished files.
    pub(super) root: PathBuf,
    pub(super) encoder: Option<Encoder>,
    pub(super) queue: Arc<Queue>,
    pub(super) space: Arc<Space>,
    pub(super) patience: Arc<Patience>,
    /// Told of every piece whose files are there.
    pub(super) ready: Box<dyn Fn(Ready) + Send + Sync>,
}

impl Renderer {
    /// One of its threads.
    pub(super) fn run(&self) {
        if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
            tracing::debug!(%error, "files of recordings are made at normal priority");
        }
        while !self.patience.is_over() {
            if self.space.room() == Room::Out {
                // The tracks take less room than most files; the log may need what is left.
                self.queue.rest(LOOK_EVERY);
                continue;
            }
            match self.queue.next(LOOK_EVERY) {
                Next::Make(job) => self.take(job),
                Next::Nothing => {}
                Next::Closed => return,
            }
        }
    }

    /// Makes what is left of a recording, or as much of it as works.
    fn take(&self, mut job: Job) {
        let call = job.call;
        while let Some(piece) = job.left.pop_front() {
            match self.make(&job, &piece) {
                Ok(made) => self.made(&job, piece, made),
                Err(MakeError::Stopped) => {
                    return tracing::debug!(%call, "its files are made after the next start");
                }
                Err(MakeError::Damaged(error)) => {
                    metrics::counter!("cordboard_recordings_lost_total").increment(1);
                    tracing::error!(%call, %error, "a recording is lost");
                    job.lost += 1;
                }
                Err(MakeError::Encoder(fault)) => {
                    // With a full disk it fails, too, and that is not its fault.
                    self.space.look();
                    if self.space.room() != Room::Out {
                        job.encoder_failures += 1;
                        blame(call, &fault, job.encoder_failures);
                    }
                    return self.put_off(job, piece);
                }
                Err(MakeError::Io(error)) => {
                    tracing::error!(%call, %error, "the files of a recording cannot be made now, tried again soon");
                    return self.put_off(job, piece);
                }
            }
        }
        if job.lost == 0 {
            remove(&job);
        }
    }

    fn make(&self, job: &Job, piece: &Piece) -> Result<Made, MakeError> {
        let encoder = self.encoder.as_ref().filter(|_| job.encoder_failures < ENCODER_TRIES);
        let maker = Maker { root: &self.root, encoder, patience: &self.patience };
        // A track file that brings the renderer down must not do so at every start.
        let made = catch_unwind(AssertUnwindSafe(|| maker.make(job, piece)));
        made.unwrap_or_else(|_| Err(MakeError::Damaged("it cannot be rendered".to_owned())))
    }

    fn made(&self, job: &Job, Piece { part, files, .. }: Piece, made: Made) {
        let Job { account, call, .. } = *job;
        if made == Made::Empty {
            tracing::warn!(%call, "nothing of a recording was stored before a kill or on a full disk: its files are empty");
        }
        metrics::counter!("cordboard_recordings_made_total").increment(1);
        (self.ready)(Ready { account, call, files, part });
    }

    fn put_off(&self, mut job: Job, piece: Piece) {
        job.left.push_front(piece);
        let after = RETRY_AFTER * 2u32.saturating_pow(job.failures.min(16));
        job.failures += 1;
        self.queue.put_off(job, after.min(RETRY_AFTER_MAX));
    }
}

/// The raw tracks were kept until now: a crash before makes the files again.
fn remove(Job { call, tracks, .. }: &Job) {
    if let Err(error) = fs::remove_file(tracks)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%call, %error, "a raw track file is left over");
    }
}

fn blame(call: CallId, fault: &Fault, times: u32) {
    metrics::counter!("cordboard_recording_encoder_failures_total").increment(1);
    match times < ENCODER_TRIES {
        true => tracing::warn!(%call, %fault, times, "the files of a recording are tried again soon"),
        false => {
            tracing::error!(%call, %fault, times, "a recording becomes WAV under the name of its mp3 file")
        }
    }
}

/// How long work goes on that could be done after the next start.
pub(super) struct Patience {
    stopping: Arc<AtomicBool>,
    since: OnceLock<Instant>,
}

impl Patience {
    /// `stopping` becomes true when the program is to end.
    pub(super) fn new(stopping: Arc<AtomicBool>) -> Patience {
        Patience { stopping, since: OnceLock::new() }
    }

    pub(super) fn is_over(&self) -> bool {
        self.stopping.load(Ordering::Acquire) && self.since.get_or_init(Instant::now).elapsed() > STOP_AFTER
    }
}

/// Work was left because the program ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server ends")
    }
}

impl std::error::Error for Stopped {}

impl From<Stopped> for io::Error {
    fn from(stopped: Stopped) -> io::Error {
        io::Error::other(stopped)
    }
}
