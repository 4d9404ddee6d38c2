//! Many recordings: none is missing, and none has the sound of another.

use media::g711;
use media::wav;

use super::*;

/// Blocks of 100 ms.
const BLOCKS: u16 = 3;

/// What a side of a call says all the time: a level of its own.
fn level(call: CallId, track: u8) -> u8 {
    let call = u8::try_from(call.0 % 100).expect("below 100");
    let hundred = |call: CallId| u8::try_from(call.0 / 100 % 28).expect("below 28");
    // 200 codes of A-law, agents' and customers' apart; the hundreds only with the agents'.
    match track {
        0 => call,
        _ => 100 + call.wrapping_add(hundred(CallId(u64::from(call)))),
    }
}

/// What an agent of a call says in its second block: from which hundred it is.
fn hundred(call: CallId) -> u8 {
    200 + u8::try_from(call.0 / 100 % 56).expect("below 56")
}

fn said(call: CallId, track: u8, block: u16) -> u8 {
    match (track, block) {
        (0, 1) => hundred(call),
        (_, _) => level(call, track),
    }
}

fn block_of(call: CallId, n: u16) -> Block {
    let mut block = Block::new();
    for packet in n * 5..n * 5 + 5 {
        for track in [0, 1] {
            block.push(&Frame {
                track,
                at_us: u64::from(packet) * 20_000,
                codec: Codec::Pcma,
                timestamp: u32::from(packet) * 160,
                sequence: packet,
                payload: &[said(call, track, n); 160],
            });
        }
    }
    block
}

/// Records so many calls, so many of them at a time, their sound mingled.
fn record(calls: u64, at_once: u64, workers: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let (made, ready) = channel();
    let config = RecorderConfig { workers, ..config(folder.path()) };
    let recorder = Recorder::start(config, move |done| drop(made.send(done))).expect("it starts");
    for first in (1..=calls).step_by(usize::try_from(at_once).expect("few")) {
        let batch = || (first..(first + at_once).min(calls + 1)).map(CallId);
        batch().for_each(|call| recorder.begin(call, Wall::from_millis(0)));
        for n in 0..BLOCKS {
            let blocks = batch().map(|call| Stored { call, block: block_of(call, n) }).collect();
            assert_eq!(recorder.store(blocks, None), Ok(()));
        }
        for call in batch() {
            recorder.end(call, Duration::from_millis(100 * u64::from(BLOCKS)));
            let files = RecordingFiles { stereo: Some(format!("{call}.wav")), ..RecordingFiles::default() };
            recorder.finish(Finish { account: ACCOUNT, call, pieces: vec![Piece::whole(files)] });
        }
    }
    let mut told = Vec::new();
    for _ in 0..calls {
        let done = ready.recv_timeout(Duration::from_secs(60)).expect("each is told");
        told.push(done.call.0);
        assert_has_its_own_sound(&folder.path().join("files").join(format!("{}.wav", done.call)), done.call);
    }
    recorder.stop();
    told.sort_unstable();
    assert_eq!(told, (1..=calls).collect::<Vec<_>>(), "each is told once");
    assert_eq!(recorder.backlog(), Backlog::default());
    assert_eq!(fs::read_dir(folder.path().join("raw")).expect("a folder").count(), 0, "raw tracks");
}

fn assert_has_its_own_sound(file: &Path, call: CallId) {
    let file = fs::read(file).expect("it was made before it was told");
    let frames: Vec<[i16; 2]> = file[wav::HEADER_BYTES..]
        .chunks_exact(4)
        .map(|b| [i16::from_le_bytes([b[0], b[1]]), i16::from_le_bytes([b[2], b[3]])])
        .collect();
    assert_eq!(frames.len(), 800 * usize::from(BLOCKS), "call {call}");
    for (n, block) in (0..BLOCKS).zip(frames.chunks_exact(800)) {
        let wanted = [0, 1].map(|track| g711::decode(g711::Law::A, said(call, track, n)));
        assert!(block.iter().all(|frame| *frame == wanted), "call {call} has the sound of another");
    }
}

#[test]
fn a_thousand_recordings_are_all_made_each_with_its_own_sound() {
    record(1_000, 200, 1);
}

#[test]
fn several_threads_make_each_recording_once() {
    record(300, 100, 4);
}

#[test]
#[ignore = "takes a while: ten thousand recordings, a thousand at once"]
fn ten_thousand_a_thousand_at_once() {
    record(10_000, 1_000, 2);
}
