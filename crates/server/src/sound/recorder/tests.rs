use std::process::Command;
use std::sync::mpsc::channel;

use media::codec::Codec;
use media::recording::{Block, Ending, Frame, Reader};

use super::*;

const ACCOUNT: AccountId = AccountId(2_000_100);

fn block(packets: std::ops::Range<u16>) -> Block {
    let mut block = Block::new();
    for n in packets {
        block.push(&Frame {
            track: 0,
            at_us: u64::from(n) * 20_000,
            codec: Codec::Pcma,
            timestamp: u32::from(n) * 160,
            sequence: n,
            payload: &[0x55; 160],
        });
    }
    block
}

fn store(recorder: &Recorder, call: CallId, packets: std::ops::Range<u16>) {
    let stored = vec![Stored { call, block: block(packets) }];
    assert_eq!(recorder.store(stored, None), Ok(()));
}

fn finish(call: CallId) -> Finish {
    let files = RecordingFiles { mixed: Some(format!("{call}.wav")), ..RecordingFiles::default() };
    Finish { account: ACCOUNT, call, pieces: vec![Piece::whole(files)] }
}

fn config(folder: &Path) -> RecorderConfig {
    RecorderConfig {
        raw: folder.join("raw"),
        files: folder.join("files"),
        disk_free_min_bytes: 0,
        encoder: None,
        workers: 1,
    }
}

fn packets(tracks: &Path) -> (usize, Option<Ending>) {
    let mut reader = Reader::new(File::open(tracks).expect("it is there")).expect("a track file");
    let packets = std::iter::from_fn(|| reader.next_packet().expect("readable")).count();
    (packets, reader.ending())
}

#[test]
fn a_stop_writes_what_is_waiting() {
    let folder = tempfile::tempdir().expect("a folder");
    let recorder = Recorder::start(config(folder.path()), |_| {}).expect("it starts");
    let call = CallId(1);
    recorder.begin(call, Wall::from_millis(0));
    (0..500).for_each(|n| store(&recorder, call, 10 * n..10 * n + 10));
    recorder.stop();
    assert_eq!(packets(&track_path(&folder.path().join("raw"), call)), (5000, Some(Ending::Whole)));
}

/// One call is finished while others begin: none of their packets is lost on the way through the ring.
#[test]
fn a_call_that_begins_while_another_is_finished_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (made, ready) = channel();
    let recorder =
        Recorder::start(config(folder.path()), move |done| drop(made.send(done))).expect("it starts");
    let calls: Vec<CallId> = (1..=200).map(CallId).collect();
    for call in &calls {
        recorder.begin(*call, Wall::from_millis(0));
        store(&recorder, *call, 0..3);
        recorder.begin(*call, Wall::from_millis(0));
        store(&recorder, *call, 3..4);
        if call.0 % 2 == 0 {
            recorder.end(*call, Duration::from_millis(80));
            recorder.finish(finish(*call));
        }
    }
    for _ in 0..100 {
        ready.recv_timeout(Duration::from_secs(20)).expect("each even call is made");
    }
    recorder.stop();
    for call in calls.iter().filter(|call| call.0 % 2 == 1) {
        let tracks = track_path(&folder.path().join("raw"), *call);
        assert_eq!(packets(&tracks), (4, Some(Ending::Whole)), "call {call}");
    }
    let wav = fs::metadata(folder.path().join("files").join("2.wav")).expect("it was made");
    assert_eq!(wav.len(), 44 + 2 * 640);
}

/// The media threads get their blocks back; what does not find room is refused at once, and counted.
#[test]
fn blocks_come_back_and_too_many_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let recorder = Recorder::start(config(folder.path()), |_| {}).expect("it starts");
    let call = CallId(1);
    recorder.begin(call, Wall::from_millis(0));
    let (back, returned) = channel();
    let stored = vec![Stored { call, block: block(0..5) }, Stored { call, block: block(5..9) }];
    assert_eq!(recorder.store(stored.clone(), Some(back.clone())), Ok(()));
    assert_eq!(returned.recv_timeout(Duration::from_secs(20)), Ok(stored.clone()));
    recorder.load.waiting_bytes.fetch_add(WAITING_BYTES_MAX, Ordering::AcqRel);
    assert_eq!(recorder.store(stored.clone(), Some(back.clone())), Err(stored.clone()));
    assert_eq!(recorder.load.dropped.load(Ordering::Acquire), 9);
    recorder.load.waiting_bytes.fetch_sub(WAITING_BYTES_MAX, Ordering::AcqRel);
    // A block takes its memory, however little is in it.
    let nearly = WAITING_BYTES_MAX - BLOCK_BYTES + 1;
    recorder.load.waiting_bytes.fetch_add(nearly, Ordering::AcqRel);
    let short = vec![Stored { call, block: block(0..1) }];
    assert_eq!(recorder.store(short.clone(), Some(back.clone())), Err(short));
    recorder.load.waiting_bytes.fetch_sub(nearly, Ordering::AcqRel);
    assert_eq!(recorder.store(stored.clone(), Some(back)), Ok(()));
    assert_eq!(returned.recv_timeout(Duration::from_secs(20)), Ok(stored));
    recorder.stop();
    assert_eq!(recorder.load.dropped.load(Ordering::Acquire), 0, "it is said, and counted anew");
    assert_eq!(packets(&track_path(&folder.path().join("raw"), call)), (18, Some(Ending::Whole)));
}

#[test]
fn what_cannot_be_made_leaves_no_parts() {
    let folder = tempfile::tempdir().expect("a folder");
    let recorder = Recorder::start(config(folder.path()), |_| {}).expect("it starts");
    let call = CallId(1);
    recorder.begin(call, Wall::from_millis(0));
    store(&recorder, call, 0..1);
    recorder.end(call, media::limits::RECORDING_MAX * 2);
    recorder.finish(finish(call));
    recorder.stop();
    assert_eq!(fs::read_dir(folder.path().join("files")).expect("a folder").count(), 0);
    assert!(track_path(&folder.path().join("raw"), call).exists(), "what was said is kept");
}

mod full;
mod many;
mod parts;

const INSIDE: &str = "CORDBOARD_TEST_FILES_ARE_SHORT";

/// A write that fails half way must not make the rest of the file unreadable. A limit on the size of files, which the
/// test sets for itself in a process of its own, is as good as a full disk.
#[test]
fn a_full_disk_does_not_tear_the_track() {
    let Some(path) = std::env::var_os(INSIDE) else {
        let folder = tempfile::tempdir().expect("a folder");
        let me = std::env::current_exe().expect("a test program has a path");
        let script = "trap '' XFSZ; ulimit -f 64; exec \"$0\" --exact --nocapture \
                      sound::recorder::tests::a_full_disk_does_not_tear_the_track";
        let path = folder.path().join("1.tracks");
        let ended = Command::new("sh").args(["-c", script]).arg(me).env(INSIDE, &path).output();
        let ended = ended.expect("it starts");
        assert!(ended.status.success(), "{ended:?}");
        let (read, ending) = packets(&path);
        assert!(read > 100 && read < 5000, "{read}");
        return assert_eq!(ending, Some(Ending::Whole));
    };
    let path = PathBuf::from(path);
    let head = Head { call: CallId(1), started: Wall::from_millis(0), meta: Vec::new() };
    let file = create(&path).expect("a file");
    let mut track = Track { file, bytes: 0 };
    track.append(&head.to_bytes().expect("short meta")).expect("there is room");
    let mut fitted = 0;
    for n in 0..700 {
        fitted += u16::from(track.append(block(7 * n..7 * n + 7).bytes()).is_ok());
    }
    assert!(fitted < 700, "the limit is felt");
}
