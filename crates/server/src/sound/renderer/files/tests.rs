use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use base::AccountId;
use media::codec::Codec;
use media::recording::Frame;
use media::{g711, wav};

use super::*;
use crate::sound::Finish;

const CALL: CallId = CallId(2);

/// A folder with what a recording of `track` needs, and who makes it.
struct Bench {
    folder: tempfile::TempDir,
    encoder: Option<Encoder>,
    patience: Arc<Patience>,
}

impl Bench {
    fn new(encoder: Option<Encoder>) -> Bench {
        let patience = Arc::new(Patience::new(Arc::new(AtomicBool::new(false))));
        Bench { folder: tempfile::tempdir().unwrap(), encoder, patience }
    }

    /// With a program that does what a shell script says; the last of its arguments is the file.
    fn with_script(script: &str) -> Bench {
        let mut bench = Bench::new(None);
        let program = bench.folder.path().join("encoder");
        fs::write(&program, format!("#!/bin/sh\nfor file; do :; done\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        bench.encoder = Encoder::find(&program, 24);
        assert!(bench.encoder.is_some());
        bench
    }

    fn make(&self, job: &Job) -> Result<Made, MakeError> {
        let (root, encoder) = (self.folder.path(), self.encoder.as_ref());
        Maker { root, encoder, patience: &self.patience }.make(job, &job.left[0])
    }

    fn job(&self, files: RecordingFiles) -> Job {
        let finish = Finish { account: AccountId(1), call: CALL, pieces: vec![Piece::whole(files)] };
        Job::new(finish, self.folder.path().join("2.tracks"), None)
    }

    /// The agent's tone of 500 Hz from 1 s to 1.5 s, the customer's of 1,000 Hz from 2 s to 2.5 s, and silence before and
    /// between.
    fn tracks(&self) {
        let mut writer =
            Writer::new(&Head { call: CALL, started: Wall::default(), meta: Vec::new() }).unwrap();
        for n in 0..150u16 {
            for (track, hz, from) in [(0, 500.0, 50), (1, 1000.0, 100)] {
                let tone = |at: usize| (std::f32::consts::TAU * hz * at as f32 / 8000.0).sin() * 8000.0;
                let sounds = (from..from + 25).contains(&n);
                let sample = |at: usize| if sounds { tone(usize::from(n) * 160 + at) as i16 } else { 0 };
                let payload: Vec<u8> = (0..160).map(|at| g711::encode(g711::Law::A, sample(at))).collect();
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
        fs::write(self.folder.path().join("2.tracks"), writer.pending()).unwrap();
    }

    fn parts(&self) -> usize {
        let all = fs::read_dir(self.folder.path().join("a")).unwrap();
        all.filter(|file| file.as_ref().unwrap().path().to_string_lossy().ends_with(PART)).count()
    }
}

fn mixed(name: &str) -> RecordingFiles {
    RecordingFiles { mixed: Some(name.to_owned()), ..RecordingFiles::default() }
}

fn dual(extension: &str) -> RecordingFiles {
    let name = |side: &str| Some(format!("a/{side}.{extension}"));
    let (stereo, agent, customer) = (name("both"), name("agent"), name("customer"));
    RecordingFiles { stereo, agent, customer, ..RecordingFiles::default() }
}

/// LAME, or `None`, said loudly.
fn lame() -> Option<Encoder> {
    let found = Encoder::find(Path::new("lame"), 24);
    if found.is_none() {
        eprintln!("NOT TESTED: there is no lame (apt-get install lame, or use ./test)");
    }
    found
}

/// The channels of an mp3 file.
fn decoded(file: &Path) -> Vec<Vec<i16>> {
    let decoded = Command::new("lame").args(["--quiet", "--decode"]).arg(file).arg("-").output().unwrap();
    assert!(decoded.status.success(), "{decoded:?}");
    let wav = decoded.stdout;
    let channels = usize::from(u16::from_le_bytes([wav[22], wav[23]]));
    let samples: Vec<i16> = wav[44..].chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
    (0..channels).map(|n| samples.iter().skip(n).step_by(channels).copied().collect()).collect()
}

/// When, in milliseconds, a tone is heard: pieces of 20 ms in which it is most of what there is.
fn heard(samples: &[i16], hz: f32) -> Vec<usize> {
    let is_heard = |piece: &[i16]| {
        let power: f32 = piece.iter().map(|sample| f32::from(*sample).powi(2)).sum();
        let (mut re, mut im) = (0.0, 0.0);
        for (at, sample) in piece.iter().enumerate() {
            let (sin, cos) = (std::f32::consts::TAU * hz * at as f32 / 8000.0).sin_cos();
            (re, im) = (re + f32::from(*sample) * cos, im + f32::from(*sample) * sin);
        }
        let tone = (re * re + im * im) * 2.0 / piece.len() as f32;
        power / piece.len() as f32 > 1e6 && tone > power * 0.8
    };
    let pieces = samples.chunks_exact(160).enumerate().filter(|(_, piece)| is_heard(piece));
    pieces.map(|(n, _)| n * 20).collect()
}

/// Pieces that begin within these times, the ones at their edges or not.
#[track_caller]
fn assert_heard(samples: &[i16], hz: f32, from: usize, to: usize) {
    let heard = heard(samples, hz);
    assert!(heard.iter().all(|at| (from..to).contains(at)), "{hz} Hz, {from} ms: {heard:?}");
    assert!(heard.len() + 2 >= (to - from) / 20, "{hz} Hz: {heard:?}");
}

#[test]
fn a_recording_of_which_nothing_was_stored_is_empty_and_can_be_played() {
    let bench = Bench::new(None);
    let job = bench.job(mixed("a/b.wav"));
    assert!(matches!(bench.make(&job), Ok(Made::Empty)));
    let file = fs::read(bench.folder.path().join("a/b.wav")).unwrap();
    assert_eq!(wav::read(&file).unwrap().samples.len(), 0);
    assert!(matches!(bench.make(&job), Ok(Made::Whole)), "what is there is not made again");
}

#[test]
fn a_track_file_without_a_byte_is_none() {
    let bench = Bench::new(lame());
    let job = bench.job(mixed("a/b.mp3"));
    File::create(&job.tracks).unwrap();
    assert!(matches!(bench.make(&job), Ok(Made::Empty)));
}

#[test]
fn each_side_of_an_mp3_has_its_sound_at_its_time() {
    let Some(lame) = lame() else { return };
    let bench = Bench::new(Some(lame));
    bench.tracks();
    let job = bench.job(dual("mp3"));
    assert!(matches!(bench.make(&job), Ok(Made::Whole)));
    let both = decoded(&bench.folder.path().join("a/both.mp3"));
    let [left, right] = both.as_slice() else { panic!("{} channels", both.len()) };
    for (channel, hz, from, other) in [(left, 500.0, 1000, 1000.0), (right, 1000.0, 2000, 500.0)] {
        assert_heard(channel, hz, from, from + 500);
        assert_eq!(heard(channel, other), [0; 0], "of the other side");
        assert!(channel.len().abs_diff(149 * 160) <= 8, "{} samples", channel.len());
    }
    let agent = decoded(&bench.folder.path().join("a/agent.mp3"));
    assert_eq!(agent.len(), 1, "channels");
    assert_heard(&agent[0], 500.0, 1000, 1500);
    let customer = decoded(&bench.folder.path().join("a/customer.mp3"));
    assert_heard(&customer[0], 1000.0, 2000, 2500);
    assert_eq!(bench.parts(), 0);
    let encoded = fs::metadata(bench.folder.path().join("a/both.mp3")).unwrap().len();
    assert!((17_000..20_000).contains(&encoded), "3 s at 48 kbit/s are not {encoded} bytes");

    let job = bench.job(mixed("a/mixed.mp3"));
    assert!(matches!(bench.make(&job), Ok(Made::Whole)));
    let mono = decoded(&bench.folder.path().join("a/mixed.mp3"));
    assert_eq!(mono.len(), 1, "channels");
    assert_heard(&mono[0], 500.0, 1000, 1500);
    assert_heard(&mono[0], 1000.0, 2000, 2500);
}

#[test]
fn without_an_encoder_an_mp3_name_has_a_wav_file() {
    let bench = Bench::new(None);
    bench.tracks();
    assert!(matches!(bench.make(&bench.job(mixed("a/b.mp3"))), Ok(Made::Whole)));
    let file = fs::read(bench.folder.path().join("a/b.mp3")).unwrap();
    assert_heard(&wav::read(&file).unwrap().samples, 500.0, 1000, 1500);
}

#[test]
fn an_encoder_that_fails_in_any_way_is_blamed_and_leaves_nothing() {
    for (script, blamed) in [
        ("cat > /dev/null; echo what it cannot do >&2; exit 3", "exit status: 3 what it cannot do"),
        ("exit 3", "exit status: 3"),
        ("kill -SEGV $$", "signal: 11"),
        ("cat > \"$file\"", "it made None"),
        ("cat > /dev/null", "there is no file of it"),
        ("head -c 1000 /dev/zero > \"$file\"; exit 0", "it ended too early"),
        // More than twice what there is to write.
        ("exec cat /dev/zero > \"$file\"", "signal: 25"),
    ] {
        let bench = Bench::with_script(script);
        bench.tracks();
        let failed = bench.make(&bench.job(dual("mp3")));
        let said = match &failed {
            Err(MakeError::Encoder(fault)) => fault.0.clone(),
            other => panic!("{script}: {other:?}"),
        };
        assert!(said.contains(blamed), "{script}: {said}");
        assert_eq!(bench.parts(), 0, "{script}");
        assert!(bench.folder.path().join("2.tracks").exists());
    }
}

#[test]
fn an_encoder_that_hangs_does_not_outlive_patience() {
    let mut bench = Bench::with_script("echo $$ > \"$0.pid\"; exec sleep 1000");
    bench.tracks();
    let stopping = Arc::new(AtomicBool::new(true));
    bench.patience = Arc::new(Patience::new(stopping));
    assert!(!bench.patience.is_over());
    let began = Instant::now();
    let job = bench.job(dual("mp3"));
    assert!(matches!(bench.make(&job), Err(MakeError::Stopped)));
    assert!(began.elapsed() < Duration::from_secs(30));
    let pid = fs::read_to_string(bench.folder.path().join("encoder.pid")).unwrap();
    assert!(!Path::new("/proc").join(pid.trim()).exists(), "it still runs");
    assert_eq!(bench.parts(), 0);
}
