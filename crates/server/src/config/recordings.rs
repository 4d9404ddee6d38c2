//! What `[server]` says of recordings: which files, what makes them, how long they are kept.

use std::path::PathBuf;

use callcenter::config::RecordingFormat;

use super::limits;
use super::section::Section;

pub(super) const FORMATS: [(&str, RecordingFormat); 2] =
    [("mp3", RecordingFormat::Mp3), ("wav", RecordingFormat::Wav)];
/// kbit/s per channel that there are in stereo, too.
const KBPS: [u64; 4] = [8, 16, 24, 32];
/// Enough for the telephone, and the least at which mono files can tell their exact length.
const KBPS_DEFAULT: u64 = 24;

/// The files of recordings. Accounts may have a format and a time to keep of their own.
#[derive(Clone, Debug)]
pub struct Recordings {
    /// The format of accounts that name none.
    pub format: RecordingFormat,
    /// The program that makes mp3 files: a bare name is looked for on the `PATH`.
    pub encoder: PathBuf,
    /// Bits per second and channel of mp3 files, thousands.
    pub kbps: u32,
    /// How many recordings are made into files at once.
    pub workers: usize,
    /// How many days they are kept by accounts that do not say. 0 = for ever.
    pub keep_days: u32,
    /// The oldest are deleted while fewer bytes are free. 0 = never.
    pub keep_free_bytes: u64,
}

pub(super) fn read(section: &mut Section<'_>, disk_free_min_bytes: u64) -> Recordings {
    let kbps = section.number("recording_kbps", KBPS[0]..=KBPS[KBPS.len() - 1]);
    if let Some(kbps) = kbps.as_ref().filter(|kbps| !KBPS.contains(&kbps.value)) {
        let message = format!("\"recording_kbps\" must not be {}", kbps.value);
        section.report().wrong(&kbps.span, message, "write 8, 16, 24 or 32");
    }
    let kbps = kbps.map_or(KBPS_DEFAULT, |at| at.value);
    let workers = section.number("recording_workers", limits::RECORDING_WORKERS);
    Recordings {
        format: format(section).unwrap_or_default(),
        encoder: encoder(section),
        kbps: u32::try_from(kbps).unwrap_or_default(),
        workers: workers.and_then(|at| usize::try_from(at.value).ok()).unwrap_or(1),
        keep_days: keep_days(section).unwrap_or(0),
        keep_free_bytes: keep_free(section, disk_free_min_bytes),
    }
}

/// Also of an account.
pub(super) fn format(section: &mut Section<'_>) -> Option<RecordingFormat> {
    let given = section.has("recording_format");
    Some(section.choice("recording_format", &FORMATS)).filter(|_| given)
}

/// Also of an account.
pub(super) fn keep_days(section: &mut Section<'_>) -> Option<u32> {
    let days = section.number("recording_keep_days", limits::RECORDING_KEEP_DAYS)?;
    u32::try_from(days.value).ok()
}

fn encoder(section: &mut Section<'_>) -> PathBuf {
    let Some(given) = section.text("recording_encoder") else { return PathBuf::from("lame") };
    if given.value.is_empty() {
        let message = "\"recording_encoder\" must not be empty";
        section.report().wrong(&given.span, message, "write \"lame\", or where it is");
    }
    PathBuf::from(given.value)
}

fn keep_free(section: &mut Section<'_>, disk_free_min_bytes: u64) -> u64 {
    let Some(given) = section.number("recording_keep_free_mb", 0..=1_000_000_000) else { return 0 };
    let bytes = given.value * super::server::MEGABYTE;
    if bytes > 0 && bytes <= disk_free_min_bytes {
        let message = format!(
            "\"recording_keep_free_mb\" is {}, but recording stops at disk_free_min_mb = {}: nothing would be deleted in time",
            given.value,
            disk_free_min_bytes / super::server::MEGABYTE
        );
        section.report().if_readable(
            &given.span,
            message,
            "write more than disk_free_min_mb, or 0 for never",
        );
    }
    bytes
}
