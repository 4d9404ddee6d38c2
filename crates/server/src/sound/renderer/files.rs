//! From raw tracks to the files that an account wants of a recording.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base::{CallId, Wall};
use callcenter::action::RecordingFiles;
use media::recording::{Files, Head, Reader, RenderError, TrackError, Writer, render, samples_in};
use switch::api::Piece;

use super::{Job, Patience, Stopped};
use crate::sound::encoder::{Encoder, Encoding, Fault, Wanted};

/// What is handed to an encoder at a time.
const PIPE_BYTES: usize = 32 << 10;

/// What a recording became.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Made {
    /// Files with what was stored.
    Whole,
    /// Files without sound.
    Empty,
}

/// Why there are no files.
#[derive(Debug)]
pub(super) enum MakeError {
    /// The raw tracks say nothing.
    Damaged(String),
    /// The program that makes mp3 files failed.
    Encoder(Fault),
    /// The server ends.
    Stopped,
    /// It may work another time.
    Io(io::Error),
}

impl From<io::Error> for MakeError {
    fn from(error: io::Error) -> MakeError {
        let inner = error.get_ref();
        if inner.is_some_and(|inner| inner.is::<Stopped>()) {
            return MakeError::Stopped;
        }
        match inner.and_then(|inner| inner.downcast_ref::<Fault>()) {
            Some(fault) => MakeError::Encoder(fault.clone()),
            None => MakeError::Io(error),
        }
    }
}

impl From<TrackError> for MakeError {
    fn from(error: TrackError) -> MakeError {
        match error {
            TrackError::Io(error) => error.into(),
            other => MakeError::Damaged(other.to_string()),
        }
    }
}

impl From<RenderError> for MakeError {
    fn from(error: RenderError) -> MakeError {
        match error {
            RenderError::Io(error) => error.into(),
            other => MakeError::Damaged(other.to_string()),
        }
    }
}

/// Makes files.
pub(super) struct Maker<'a> {
    /// Below which their names are.
    pub(super) root: &'a Path,
    /// What makes those that are called mp3. `None`: they become WAV under their name, which was given out.
    pub(super) encoder: Option<&'a Encoder>,
    /// Until when.
    pub(super) patience: &'a Arc<Patience>,
}

impl Maker<'_> {
    pub(super) fn make(&self, job: &Job, piece: &Piece) -> Result<Made, MakeError> {
        let files = &piece.files;
        if fs::metadata(&job.tracks).is_ok_and(|tracks| tracks.len() > 0) {
            let length = match job.length {
                Some(length) => length,
                None => up_to_last_packet(&job.tracks)?,
            };
            self.write(files, open(&job.tracks)?, times_of(piece, length))?;
            return Ok(Made::Whole);
        }
        if wanted(files).iter().all(|name| self.root.join(name).exists()) {
            // Made before a crash that came before the log knew.
            return Ok(Made::Whole);
        }
        // The log had the recording before the disk had its first sound. Its links were given out: they lead to what there
        // is.
        let nothing = nothing(job.call)?;
        self.write(files, Reader::new(nothing.pending())?, Duration::ZERO..Duration::ZERO)?;
        Ok(Made::Empty)
    }

    fn write(
        &self,
        files: &RecordingFiles,
        tracks: Reader<impl Read>,
        times: Range<Duration>,
    ) -> Result<(), MakeError> {
        let made = self.write_parts(files, tracks, times);
        if made.is_err() {
            for name in wanted(files) {
                // Often the disk is full, and a part would only take room.
                let _ = fs::remove_file(part_of(&self.root.join(name)));
            }
        }
        made
    }

    fn write_parts(
        &self,
        files: &RecordingFiles,
        tracks: Reader<impl Read>,
        times: Range<Duration>,
    ) -> Result<(), MakeError> {
        let samples = samples_in(times.end).saturating_sub(samples_in(times.start));
        let mut sounds = Files {
            mixed: self.part(files.mixed.as_deref(), 1, samples)?,
            stereo: self.part(files.stereo.as_deref(), 2, samples)?,
            agent: self.part(files.agent.as_deref(), 1, samples)?,
            customer: self.part(files.customer.as_deref(), 1, samples)?,
        };
        render(tracks, times, &mut sounds)?;
        let Files { mixed, stereo, agent, customer } = sounds;
        for part in [mixed, stereo, agent, customer].into_iter().flatten() {
            part.keep()?;
        }
        Ok(())
    }

    fn part(&self, name: Option<&str>, channels: u16, samples: u64) -> io::Result<Option<Part>> {
        let Some(name) = name.map(|name| self.root.join(name)) else { return Ok(None) };
        if let Some(folder) = name.parent() {
            fs::create_dir_all(folder)?;
        }
        let path = part_of(&name);
        let is_mp3 = name.extension().is_some_and(|extension| extension == "mp3");
        let into = match self.encoder.filter(|_| is_mp3) {
            Some(encoder) => {
                let encoding = encoder.start(&path, Wanted { channels, samples }, self.patience)?;
                Into::Encoder(BufWriter::with_capacity(PIPE_BYTES, encoding))
            }
            None => Into::File(BufWriter::new(File::create(&path)?)),
        };
        Ok(Some(Part { into, path, name, patience: self.patience.clone() }))
    }
}

/// From when to when a piece of a recording of this length goes.
fn times_of(piece: &Piece, length: Duration) -> Range<Duration> {
    let end = piece.to_ms.map_or(length, |ms| length.min(Duration::from_millis(ms)));
    Duration::from_millis(piece.from_ms).min(end)..end
}

fn wanted(files: &RecordingFiles) -> Vec<&str> {
    let names = [&files.mixed, &files.stereo, &files.agent, &files.customer];
    names.into_iter().filter_map(Option::as_deref).collect()
}

/// A track file in which nobody speaks.
fn nothing(call: CallId) -> Result<Writer, TrackError> {
    Writer::new(&Head { call, started: Wall::default(), meta: Vec::new() })
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
    into: Into,
    path: PathBuf,
    name: PathBuf,
    patience: Arc<Patience>,
}

/// Where the sound goes.
enum Into {
    File(BufWriter<File>),
    Encoder(BufWriter<Encoding>),
}

impl Part {
    fn keep(self) -> io::Result<()> {
        match self.into {
            Into::File(file) => file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_data()?,
            Into::Encoder(pipe) => pipe.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?,
        }
        fs::rename(&self.path, &self.name)?;
        // The raw tracks are deleted next: the name must be on the disk before that.
        self.name.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }
}

impl Write for Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.patience.is_over() {
            return Err(Stopped.into());
        }
        match &mut self.into {
            Into::File(file) => file.write(bytes),
            Into::Encoder(pipe) => pipe.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.into {
            Into::File(file) => file.flush(),
            Into::Encoder(pipe) => pipe.flush(),
        }
    }
}

fn part_of(name: &Path) -> PathBuf {
    let mut path = name.to_owned().into_os_string();
    path.push(PART);
    PathBuf::from(path)
}

/// What the names of unfinished files end in.
pub(in crate::sound) const PART: &str = ".part";

#[cfg(test)]
mod tests;
