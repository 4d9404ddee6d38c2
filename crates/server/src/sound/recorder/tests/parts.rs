//! Recordings that become several files: the whole, and the parts of later agents.

use media::api::Side;
use media::g711::{self, Law};
use media::recording::track_number;
use media::wav;

use super::*;

/// A level that stands for a voice; voices of one side add up.
const LEVELS: [i16; 3] = [1_000, 4_000, 12_000];
const SECOND: u64 = 50;

/// The customer for 6 s; the first agent in the first two, the second in seconds 3 and 4, who comes back as the third track
/// of the agent's side for the last.
fn tracks() -> Vec<Block> {
    let speak = |number: u8, level: i16, frames: std::ops::Range<u64>| {
        frames.map(move |n| (n, number, g711::encode(Law::A, level)))
    };
    let (customer, agent) = (|nth| track_number(nth, Side::Customer), |nth| track_number(nth, Side::Agent));
    let mut all: Vec<(u64, u8, u8)> = speak(customer(1), LEVELS[0], 0..6 * SECOND)
        .chain(speak(agent(0), LEVELS[1], 0..2 * SECOND))
        .chain(speak(agent(2), LEVELS[2], 2 * SECOND..4 * SECOND))
        .chain(speak(agent(3), LEVELS[2], 5 * SECOND..6 * SECOND))
        .collect();
    all.sort_by_key(|(n, ..)| *n);
    let block = |frames: &[(u64, u8, u8)]| {
        let mut block = Block::new();
        for (n, track, byte) in frames {
            block.push(&Frame {
                track: *track,
                at_us: n * 20_000,
                codec: Codec::Pcma,
                timestamp: *n as u32 * 160,
                sequence: *n as u16,
                payload: &[*byte; 160],
            });
        }
        block
    };
    all.chunks(40).map(block).collect()
}

fn sides(call: CallId, name: &str) -> RecordingFiles {
    let name = |side: &str| Some(format!("{call}-{name}-{side}.wav"));
    RecordingFiles { agent: name("agent"), customer: name("customer"), ..RecordingFiles::default() }
}

fn piece(call: CallId, leg: u64, from_ms: u64, to_ms: Option<u64>) -> Piece {
    Piece { part: Some(LegId(leg)), files: sides(call, &leg.to_string()), from_ms, to_ms }
}

fn recorded(folder: &Path, call: CallId, ready: impl Fn(Ready) + Send + Sync + 'static) -> Recorder {
    let recorder = Recorder::start(config(folder), ready).expect("it starts");
    recorder.begin(call, Wall::from_millis(0));
    let blocks = tracks().into_iter().map(|block| Stored { call, block }).collect();
    assert_eq!(recorder.store(blocks, None), Ok(()));
    recorder
}

/// How loud each tenth of a second is, in the middle of it.
fn levels(folder: &Path, name: Option<&String>) -> Vec<i16> {
    let file = fs::read(folder.join("files").join(name.expect("it was wanted"))).expect("it was made");
    let samples = wav::read(&file).expect("a WAV file").samples;
    samples.chunks_exact(800).map(|tenth| tenth[400]).collect()
}

fn level(n: usize) -> i16 {
    g711::decode(Law::A, g711::encode(Law::A, LEVELS[n]))
}

#[test]
fn parts_are_made_of_their_times_and_told_one_by_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let (made, ready) = channel();
    let call = CallId(1);
    let raw = track_path(&folder.path().join("raw"), call);
    let looked = raw.clone();
    let recorder = recorded(folder.path(), call, move |done| drop(made.send((done, looked.exists()))));
    recorder.end(call, Duration::from_secs(6));
    // The last goes beyond the end, as that of an agent who stayed.
    let pieces = vec![
        Piece::whole(sides(call, "all")),
        piece(call, 7, 1_000, Some(3_000)),
        piece(call, 8, 3_500, Some(u64::MAX)),
        piece(call, 9, 9_000, None),
    ];
    recorder.finish(Finish { account: ACCOUNT, call, pieces: pieces.clone() });
    for Piece { part, files, .. } in &pieces {
        let (done, was_kept) = ready.recv_timeout(Duration::from_secs(20)).expect("each piece is made");
        assert_eq!(done, Ready { account: ACCOUNT, call, files: files.clone(), part: *part });
        assert!(was_kept, "what the rest is made of is there until all are");
    }
    recorder.stop();
    assert!(!raw.exists());
    let of = |n: usize| {
        let files = &pieces[n].files;
        [&files.agent, &files.customer].map(|name| levels(folder.path(), name.as_ref()))
    };
    let [agent, customer] = of(0);
    let expected = [[level(1); 20], [level(2); 20]].concat();
    let rest = [[0; 10], [level(2); 10]].concat();
    assert_eq!(agent, [expected, rest].concat());
    assert_eq!(customer, [level(0); 60]);
    assert_eq!(of(1), [agent[10..30].to_vec(), customer[10..30].to_vec()]);
    assert_eq!(of(2), [agent[35..].to_vec(), customer[35..].to_vec()]);
    assert_eq!(of(3), [Vec::<i16>::new(), Vec::new()], "nothing is left of the recording by then");
}

/// The program ends, or dies, between two pieces: the raw tracks are there, and what is missing is made after the next start.
#[test]
fn what_was_not_made_before_the_end_is_made_after_the_next_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let call = CallId(1);
    recorded(folder.path(), call, |_| panic!("nothing is to be made")).stop();
    let raw = track_path(&folder.path().join("raw"), call);
    assert!(raw.exists());
    // The whole was told before; of the part the log knows neither its end nor the length of the recording.
    let (made, ready) = channel();
    let again = Recorder::start(config(folder.path()), move |done| drop(made.send(done))).expect("it starts");
    let part = piece(call, 7, 5_000, None);
    again.finish(Finish { account: ACCOUNT, call, pieces: vec![part.clone()] });
    let done = ready.recv_timeout(Duration::from_secs(20)).expect("it is made");
    assert_eq!((done.part, &done.files), (Some(LegId(7)), &part.files));
    again.stop();
    assert!(!raw.exists());
    // Up to the last packet, which came at 5.98 s.
    assert_eq!(levels(folder.path(), part.files.agent.as_ref()), [level(2); 9]);
    assert_eq!(levels(folder.path(), part.files.customer.as_ref()), [level(0); 9]);
}

/// What cannot ever be made does not keep the rest from being made, and keeps its tracks.
#[test]
fn a_piece_that_is_lost_does_not_take_others_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (made, ready) = channel();
    let call = CallId(1);
    let recorder = recorded(folder.path(), call, move |done| drop(made.send(done)));
    recorder.end(call, media::limits::RECORDING_MAX * 2);
    let pieces = vec![Piece::whole(sides(call, "all")), piece(call, 7, 0, Some(1_000))];
    recorder.finish(Finish { account: ACCOUNT, call, pieces });
    assert_eq!(ready.recv_timeout(Duration::from_secs(20)).expect("the part is made").part, Some(LegId(7)));
    recorder.stop();
    assert!(track_path(&folder.path().join("raw"), call).exists());
}
