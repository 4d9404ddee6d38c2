//! What it takes to make the files of recordings: processor time of the server and of the encoders, per recorded minute.
//!
//! `cargo bench -p server --bench files [-- DIR]`; DIR chooses the disk.
#![expect(clippy::print_stdout, reason = "the figures are the point")]

use std::fs;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use base::{AccountId, CallId, Wall};
use callcenter::action::RecordingFiles;
use lab::{Prompt, prompt_samples};
use media::codec::Codec;
use media::g711;
use media::recording::{Frame, Head, Writer};
use server::sound::{Encoder, Finish, Recorder, RecorderConfig};
use switch::api::Piece;

/// Recordings of a minute, and of ten seconds, each.
const RECORDINGS: u64 = 30;
const KBPS: u32 = 24;

fn main() {
    let base = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_else(|| ".".to_owned());
    println!("{:<22}{:>9}{:>18}{:>18}{:>12}", "", "seconds", "server ms/min", "encoders ms/min", "kB/min");
    for seconds in [60, 10] {
        for format in ["wav", "mp3"] {
            for dual in [false, true] {
                measure(Path::new(&base), seconds, format, dual);
            }
        }
    }
}

fn measure(base: &Path, seconds: u16, format: &str, dual: bool) {
    let dir = tempfile::Builder::new().prefix("files-").tempdir_in(base).expect("a directory to write to");
    let (raw, files) = (dir.path().join("raw"), dir.path().join("files"));
    fs::create_dir_all(&raw).expect("a folder");
    for n in 1..=RECORDINGS {
        fs::write(raw.join(format!("{}.tracks", CallId(n))), tracks(CallId(n), seconds)).expect("room");
    }
    let encoder = Encoder::find(Path::new("lame"), KBPS);
    if format == "mp3" && encoder.is_none() {
        return println!("{format:<22} lame is not there");
    }
    let config = RecorderConfig { raw, files: files.clone(), disk_free_min_bytes: 0, encoder, workers: 1 };
    let (made, ready) = channel();
    let recorder = Recorder::start(config, move |done| drop(made.send(done))).expect("it starts");
    let (own, children) = processor_ms();
    let began = Instant::now();
    for n in 1..=RECORDINGS {
        let pieces = vec![Piece::whole(names(n, format, dual))];
        recorder.finish(Finish { account: AccountId(1), call: CallId(n), pieces });
    }
    for _ in 0..RECORDINGS {
        ready.recv_timeout(Duration::from_secs(600)).expect("each is made");
    }
    let lasted = began.elapsed();
    let (own_then, children_then) = processor_ms();
    recorder.stop();
    let minutes = RECORDINGS as f64 * f64::from(seconds) / 60.0;
    let bytes: u64 =
        fs::read_dir(&files).expect("a folder").map(|file| size(&file.expect("a file").path())).sum();
    println!(
        "{:<22}{seconds:>9}{:>18.1}{:>18.1}{:>12.0}   {lasted:.1?} in all",
        format!("{format}, {}", if dual { "dual-track" } else { "mixed" }),
        (own_then - own) / minutes,
        (children_then - children) / minutes,
        bytes as f64 / 1000.0 / minutes,
    );
}

fn names(n: u64, format: &str, dual: bool) -> RecordingFiles {
    let name = |side: &str| Some(format!("{n}-{side}.{format}"));
    match dual {
        false => RecordingFiles { mixed: name("normal"), ..RecordingFiles::default() },
        true => RecordingFiles {
            stereo: name("doubleTrack"),
            agent: name("doubleTrack-out"),
            customer: name("doubleTrack-in"),
            ..RecordingFiles::default()
        },
    }
}

/// Both speak all the time.
fn tracks(call: CallId, seconds: u16) -> Vec<u8> {
    let mut writer =
        Writer::new(&Head { call, started: Wall::default(), meta: Vec::new() }).expect("short meta");
    let sides = [Prompt::Agent, Prompt::Customer].map(prompt_samples);
    for n in 0..seconds * 50 {
        for (track, side) in (0u8..).zip(&sides) {
            let from = usize::from(n) * 160;
            let samples = side.iter().cycle().skip(from % side.len()).take(160);
            let payload: Vec<u8> = samples.map(|sample| g711::encode(g711::Law::A, *sample)).collect();
            writer.push(&Frame {
                track,
                at_us: u64::from(n) * 20_000,
                codec: Codec::Pcma,
                timestamp: u32::from(n) * 160,
                sequence: n,
                payload: &payload,
            });
        }
    }
    writer.pending().to_vec()
}

fn size(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |file| file.len())
}

/// Of this process and of its children that ended, by the kernel's clock of 10 ms.
fn processor_ms() -> (f64, f64) {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<f64> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .map(|field| field.parse().unwrap_or(0.0))
        .collect();
    // utime, stime, cutime, cstime are the fields 14 to 17; the state, the third, is the first here.
    ((fields[11] + fields[12]) * 10.0, (fields[13] + fields[14]) * 10.0)
}
