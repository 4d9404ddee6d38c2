//! Streams: what is in them does not depend on how they are cut, and little of it is held.

use sip::limits::{STREAM_BODY_BYTES_MAX, STREAM_EMPTY_LINES_MAX, STREAM_HEAD_BYTES_MAX};
use sip::message::framing::{Frame, Framer};

/// Reads what follows the first two bytes as a stream, whole and in pieces; those two decide on the pieces.
pub fn check(data: &[u8]) {
    let Some((seed, stream)) = data.split_first_chunk::<2>() else { return };
    let whole = read(stream, |_| usize::MAX);
    follows_the_rules(stream, &whole);
    let mut state = u32::from(u16::from_le_bytes(*seed));
    let at_random = |most: u32| {
        move |_: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            1 + (state >> 16) as usize % most as usize
        }
    };
    same(&read(stream, |_| 1), &whole);
    same(&read(stream, at_random(5)), &whole);
    same(&read(stream, at_random(700)), &whole);
    let cut = usize::from(u16::from_le_bytes(*seed));
    same(&read(stream, move |at| if at < cut { cut - at } else { usize::MAX }), &whole);
}

/// What a stream said, and what is left of it.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    frames: Vec<Frame>,
    held: usize,
    midway: bool,
}

fn read(stream: &[u8], mut piece: impl FnMut(usize) -> usize) -> Said {
    let (mut framer, mut frames, mut at) = (Framer::default(), Vec::new(), 0);
    while at < stream.len() {
        let end = at.saturating_add(piece(at)).min(stream.len());
        framer.push(&stream[at..end]);
        at = end;
        while let Some(frame) = framer.next_frame() {
            frames.push(frame);
        }
        assert!(
            framer.len() < STREAM_HEAD_BYTES_MAX + STREAM_BODY_BYTES_MAX,
            "no more than one message is held"
        );
    }
    let said = Said { held: framer.len(), midway: framer.is_midway(), frames };
    let late = framer.give_up();
    assert_eq!(late.is_some(), said.midway, "who leaves half a message is told so");
    if late.is_some() {
        framer.push(b"OPTIONS sip:a SIP/2.0\r\n\r\n");
        assert!(framer.next_frame().is_none() && framer.is_empty(), "nothing comes after the end");
    }
    said
}

fn same(pieces: &Said, whole: &Said) {
    assert_eq!(pieces, whole, "the same, however it is cut");
}

fn follows_the_rules(stream: &[u8], said: &Said) {
    let mut rest = stream;
    for (index, frame) in said.frames.iter().enumerate() {
        match frame {
            Frame::Message(bytes) => {
                let at = rest.windows(bytes.len()).position(|window| window == bytes).expect("it was sent");
                let between = &rest[..at];
                assert!(
                    between.iter().all(|byte| b"\r\n".contains(byte)),
                    "nothing is skipped but empty lines"
                );
                rest = &rest[at + bytes.len()..];
                let mut alone = Framer::default();
                alone.push(bytes);
                assert_eq!(alone.next_frame().as_ref(), Some(frame), "it is a message by itself");
                assert!(alone.is_empty());
            }
            Frame::Ping => {}
            Frame::Refused(refusal) => {
                assert!([400, 513].contains(&refusal.fault.status));
                assert!(!refusal.response().encode().is_empty());
                assert_eq!(index + 1, said.frames.len(), "nothing comes after the end");
            }
            Frame::Lost(_) => assert_eq!(index + 1, said.frames.len(), "nothing comes after the end"),
        }
    }
    let pings = said.frames.iter().filter(|frame| **frame == Frame::Ping).count();
    let messages = said.frames.len() - pings;
    assert!(pings <= STREAM_EMPTY_LINES_MAX / 2 * (messages + 1));
}
