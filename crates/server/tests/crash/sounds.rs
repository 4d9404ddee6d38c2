//! Recordings: each that began can be played, lacks no more of its end than a kill may take, and has left nothing behind.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use base::{CallId, Wall};
use callcenter::event::Event;
use media::wav::{self, Wav};

use crate::ledger::Book;
use crate::store::Store;

/// What a kill may take of a recording, and what its beginning may be behind the event that tells it.
const LOST_MS_MAX: i64 = 1_000 + 500;
/// How far a recording may go on after its end was told.
const MORE_MS_MAX: i64 = 300;

/// The sound in a file: WAV, or what the machine's own decoder makes of an mp3.
pub fn sound(file: &[u8]) -> Result<Wav, String> {
    if file.starts_with(b"RIFF") {
        return wav::read(file).map_err(|error| error.to_string());
    }
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let path = folder.path().join("sound.mp3");
    fs::write(&path, file).map_err(|error| error.to_string())?;
    let decoded = Command::new("lame").args(["--quiet", "--decode"]).arg(&path).arg("-").output();
    let decoded = decoded.map_err(|error| error.to_string())?;
    let mut wav = decoded.stdout;
    if !decoded.status.success() || wav.len() < wav::HEADER_BYTES {
        return Err(format!("{}, {}", decoded.status, String::from_utf8_lossy(&decoded.stderr)));
    }
    // It does not know the length when it writes the header.
    let bytes = u32::try_from(wav.len() - wav::HEADER_BYTES).map_err(|error| error.to_string())?;
    wav[wav::HEADER_BYTES - 4..wav::HEADER_BYTES].copy_from_slice(&bytes.to_le_bytes());
    wav::read(&wav).map_err(|error| error.to_string())
}

/// Looks at the disk of a server that was told to stop.
pub fn judge(store: &Store, book: &Book, data: &Path) -> Vec<String> {
    let mut faults = Vec::new();
    let lengths: BTreeMap<CallId, i64> = store
        .events
        .iter()
        .filter_map(|event| match &event.event {
            Event::RecordingStopped { id, length_ms } => Some((*id, i64::try_from(*length_ms).ok()?)),
            _other => None,
        })
        .collect();
    let mut ends: BTreeMap<CallId, i64> = BTreeMap::new();
    for event in &store.events {
        let at_ms = event.at.as_millis();
        let (id, files, length_ms) = match &event.event {
            Event::RecordingStarted { id, files } => {
                (id, files, lengths.get(id).copied().or_else(|| until_kill(book, event.at)))
            }
            Event::PartStarted { id, leg, files } => {
                let left = store.events.iter().find_map(|later| match &later.event {
                    Event::LegLeft { leg: left, .. } | Event::LegEnded { leg: left, .. } if left == leg => {
                        Some(later.at.as_millis())
                    }
                    _other => None,
                });
                let end_ms = ends.get(id).copied().map(|end| left.map_or(end, |left| left.min(end)));
                (id, files, end_ms.map(|end_ms| end_ms - at_ms))
            }
            _other => continue,
        };
        let Some(length_ms) = length_ms else {
            faults.push(format!("the recording of call {id} never ended"));
            continue;
        };
        // That of the whole comes first.
        ends.entry(*id).or_insert(at_ms + length_ms);
        for name in [&files.mixed, &files.stereo, &files.agent, &files.customer].into_iter().flatten() {
            let path = data.join("recordings").join(name);
            let read = fs::read(&path).map_err(|error| error.to_string());
            match read.and_then(|file| sound(&file)) {
                Err(error) => faults.push(format!("{name} cannot be played: {error}")),
                Ok(sound) => {
                    let ms = sound.samples.len() as i64 * 1000 / i64::from(sound.rate_hz);
                    if ms < length_ms - LOST_MS_MAX || ms > length_ms + MORE_MS_MAX {
                        faults.push(format!("{name} has {ms} ms of {length_ms}"));
                    }
                }
            }
        }
    }
    let mut left = Vec::new();
    walk(&data.join("recording-tracks"), &mut |path| left.push(path.display().to_string()));
    walk(&data.join("recordings"), &mut |path| {
        if path.extension().is_some_and(|extension| extension == "part") {
            left.push(path.display().to_string());
        }
    });
    faults.extend(left.into_iter().map(|path| format!("{path} is left over")));
    faults
}

/// How long a recording could last that began at `at` and was not ended: until the next kill.
fn until_kill(book: &Book, at: Wall) -> Option<i64> {
    let kill = book.kills.iter().find(|kill| **kill > at)?;
    Some(kill.as_millis() - at.as_millis())
}

fn walk(folder: &Path, found: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            true => walk(&entry.path(), found),
            false => found(&entry.path()),
        }
    }
}
