//! Makes the sound files of finished recordings, at low priority, one after the other.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use base::Wall;
use callcenter::action::RecordingFiles;
use media::recording::{Files, Head, Reader, RenderError, TrackError, Writer, render};

use super::Finish;

/// The lowest there is: calls come first.
const NICENESS: i32 = 19;
/// A recording that could not be made (disk full) is tried again this much later.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// Recordings that wait when the program is to end are still made for so long.
const STOP_AFTER: Duration = Duration::from_secs(3);

/// A recording to be made into files.
pub(super) struct Job {
    pub(super) finish: Finish,
    /// Its raw tracks.
    pub(super) tracks: PathBuf,
    /// Its length; `None` after a crash: then up to its last packet.
    pub(super) length: Option<Duration>,
}

pub(super) struct Renderer {
    root: PathBuf,
    work: Receiver<Job>,
    stopping: Arc<AtomicBool>,
    ready: Box<dyn Fn(Finish) + Send>,
    again: Vec<Job>,
}

impl Renderer {
    pub(super) fn new(
        root: PathBuf,
        work: Receiver<Job>,
        stopping: Arc<AtomicBool>,
        ready: Box<dyn Fn(Finish) + Send>,
    ) -> Renderer {
        Renderer { root, work, stopping, ready, again: Vec::new() }
    }

    pub(super) fn run(mut self) {
        if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
            tracing::debug!(%error, "files of recordings are made at normal priority");
        }
        let mut stopping_since = None;
        let mut retried = Instant::now();
        loop {
            if self.stopping.load(Ordering::Acquire)
                && stopping_since.get_or_insert_with(Instant::now).elapsed() > STOP_AFTER
            {
                return;
            }
            match self.work.recv_timeout(RETRY_AFTER) {
                Ok(job) => self.take(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if retried.elapsed() >= RETRY_AFTER {
                std::mem::take(&mut self.again).into_iter().for_each(|job| self.take(job));
                retried = Instant::now();
            }
        }
    }

    fn take(&mut self, job: Job) {
        let call = job.finish.call;
        // A track file that brings the renderer down must not do so at every start.
        let made = catch_unwind(AssertUnwindSafe(|| make(&self.root, &job)));
        match made.unwrap_or_else(|_| Err(MakeError::Damaged("it cannot be rendered".to_owned()))) {
            Ok(made) => {
                if made == Made::Empty {
                    tracing::warn!(%call, "nothing of a recording was stored before a kill or on a full disk: its files are empty");
                }
                (self.ready)(job.finish);
                // Kept until now: a crash before makes the files again.
                if let Err(error) = fs::remove_file(&job.tracks)
                    && error.kind() != io::ErrorKind::NotFound
                {
                    tracing::warn!(%call, %error, "a raw track file is left over");
                }
            }
            Err(MakeError::Damaged(error)) => tracing::error!(%call, %error, "a recording is lost"),
            Err(MakeError::Io(error)) => {
                tracing::error!(%call, %error, "the files of a recording cannot be made now, tried again soon");
                self.again.push(job);
            }
        }
    }
}

/// What a recording became.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Made {
    /// Files with what was stored.
    Whole,
    /// Files without sound.
    Empty,
}

enum MakeError {
    /// The raw tracks say nothing.
    Damaged(String),
    /// It may work another time.
    Io(io::Error),
}

impl From<io::Error> for MakeError {
    fn from(error: io::Error) -> MakeError {
        MakeError::Io(error)
    }
}

impl From<TrackError> for MakeError {
    fn from(error: TrackError) -> MakeError {
        match error {
            TrackError::Io(error) => MakeError::Io(error),
            other => MakeError::Damaged(other.to_string()),
        }
    }
}

impl From<RenderError> for MakeError {
    fn from(error: RenderError) -> MakeError {
        match error {
            RenderError::Io(error) => MakeError::Io(error),
            other => MakeError::Damaged(other.to_string()),
        }
    }
}

fn make(root: &Path, job: &Job) -> Result<Made, MakeError> {
    let files = &job.finish.files;
    if fs::metadata(&job.tracks).is_ok_and(|tracks| tracks.len() > 0) {
        let length = match job.length {
            Some(length) => length,
            None => up_to_last_packet(&job.tracks)?,
        };
        write(root, files, open(&job.tracks)?, length)?;
        return Ok(Made::Whole);
    }
    if wanted(files).iter().all(|name| root.join(name).exists()) {
        // Made before a crash that came before the log knew.
        return Ok(Made::Whole);
    }
    // The log had the recording before the disk had its first sound. Its links were given out: they lead to what there is.
    let nothing = Writer::new(&Head { call: job.finish.call, started: Wall::default(), meta: Vec::new() })?;
    write(root, files, Reader::new(nothing.pending())?, Duration::ZERO)?;
    Ok(Made::Empty)
}

fn write(
    root: &Path,
    files: &RecordingFiles,
    tracks: Reader<impl Read>,
    length: Duration,
) -> Result<(), MakeError> {
    let mut sounds = Files {
        mixed: Part::create(root, files.mixed.as_deref())?,
        stereo: Part::create(root, files.stereo.as_deref())?,
        agent: Part::create(root, files.agent.as_deref())?,
        customer: Part::create(root, files.customer.as_deref())?,
    };
    if let Err(error) = render(tracks, length, &mut sounds) {
        for name in wanted(files) {
            // Often the disk is full, and a part would only take room.
            let _ = fs::remove_file(part_of(&root.join(name)));
        }
        return Err(error.into());
    }
    let Files { mixed, stereo, agent, customer } = sounds;
    for part in [mixed, stereo, agent, customer].into_iter().flatten() {
        part.keep()?;
    }
    Ok(())
}

fn wanted(files: &RecordingFiles) -> Vec<&str> {
    let names = [&files.mixed, &files.stereo, &files.agent, &files.customer];
    names.into_iter().filter_map(Option::as_deref).collect()
}

fn open(tracks: &Path) -> Result<Reader<BufReader<File>>, MakeError> {
    Ok(Reader::new(BufReader::new(File::open(tracks)?))?)
}

fn up_to_last_packet(tracks: &Path) -> Result<Duration, MakeError> {
    let mut reader = open(tracks)?;
    let mut last = 0;
    while let Some(packet) = reader.next_packet()? {
        last = last.max(packet.at_us);
    }
    Ok(Duration::from_micros(last))
}

/// A file that gets its name only when it is whole.
struct Part {
    file: BufWriter<File>,
    path: PathBuf,
    name: PathBuf,
}

impl Part {
    fn create(root: &Path, name: Option<&str>) -> io::Result<Option<Part>> {
        let Some(name) = name.map(|name| root.join(name)) else { return Ok(None) };
        if let Some(folder) = name.parent() {
            fs::create_dir_all(folder)?;
        }
        let path = part_of(&name);
        Ok(Some(Part { file: BufWriter::new(File::create(&path)?), path, name }))
    }

    fn keep(self) -> io::Result<()> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_data()?;
        fs::rename(&self.path, &self.name)?;
        // The raw tracks are deleted next: the name must be on the disk before that.
        self.name.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }
}

fn part_of(name: &Path) -> PathBuf {
    let mut path = name.to_owned().into_os_string();
    path.push(".part");
    PathBuf::from(path)
}

impl Write for Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use base::{AccountId, CallId};

    use super::*;

    fn job(root: &Path) -> Job {
        let files = RecordingFiles { mixed: Some("a/b.wav".to_owned()), ..RecordingFiles::default() };
        let finish = Finish { account: AccountId(1), call: CallId(2), files };
        Job { finish, tracks: root.join("2.tracks"), length: None }
    }

    #[test]
    fn a_recording_of_which_nothing_was_stored_is_empty_and_can_be_played() {
        let dir = tempfile::tempdir().unwrap();
        let job = job(dir.path());
        assert!(matches!(make(dir.path(), &job), Ok(Made::Empty)));
        let file = fs::read(dir.path().join("a/b.wav")).unwrap();
        assert_eq!(media::wav::read(&file).unwrap().samples.len(), 0);
        assert!(matches!(make(dir.path(), &job), Ok(Made::Whole)), "what is there is not made again");
    }

    #[test]
    fn a_track_file_without_a_byte_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let job = job(dir.path());
        File::create(&job.tracks).unwrap();
        assert!(matches!(make(dir.path(), &job), Ok(Made::Empty)));
    }
}
