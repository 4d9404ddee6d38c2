//! What far ends send as sound, and the files that hold it: packets, raw tracks and their rendering, WAV.

use std::time::Duration;

use base::{CallId, Wall};
use media::codec::Codec;
use media::dtmf::Event;
use media::limits::{PACKET_BYTES_MAX, TRACK_META_BYTES_MAX, WAV_RATE_HZ};
use media::recording::{Ending, Files, Frame, Head, Reader, Writer, render};
use media::rtcp::{self, is_compound};
use media::rtp::{HEADER_BYTES, Header, Stamp};
use media::wav;

/// A recording is rendered this long at most: what a far end sends does not make it longer.
const LENGTH_MS_MAX: u64 = 2_000;

/// Takes what follows the first byte as one of these; that byte says which.
pub fn check(data: &[u8]) {
    let Some((kind, data)) = data.split_first() else { return };
    match kind % 4 {
        0 => packet(data),
        1 => file(data),
        2 => tracks(data, Ending::Torn),
        _ => recording(data),
    }
}

fn packet(data: &[u8]) {
    let _ = Event::read(data).map(Event::digit);
    let us = data.last_chunk().map_or(0, |ssrc| u32::from_be_bytes(*ssrc));
    let heard = rtcp::read(data, us);
    assert_eq!(heard.is_some(), is_compound(data));
    assert!(heard.and_then(|heard| heard.about_us).is_none_or(|block| block.ssrc == us));
    let Some(header) = Header::read(data) else { return };
    assert!(header.payload.start >= HEADER_BYTES && header.payload.end <= data.len());
    assert!(data.len() <= PACKET_BYTES_MAX && header.payload_number < 128);
    let Header { marker, payload_number, sequence, timestamp, ssrc, payload } = header;
    let stamp = Stamp { marker, payload_number, sequence, timestamp, ssrc };
    let mut forwarded = data.to_vec();
    let length = stamp.rewrite(&mut forwarded, payload.clone());
    let again = Header::read(&forwarded[..length]).expect("what is forwarded can be read");
    assert_eq!(again, Header { payload: HEADER_BYTES..length, ..Header::read(data).expect("as before") });
    assert_eq!(forwarded[HEADER_BYTES..length], data[payload], "the sound is untouched");
}

fn file(data: &[u8]) {
    let Ok(read) = wav::read(data) else { return };
    assert!(WAV_RATE_HZ.contains(&read.rate_hz) && read.samples.len() <= data.len());
    let written = wav::write(read.rate_hz, &read.samples).expect("no longer than what was read");
    assert_eq!(wav::read(&written), Ok(read));
}

/// Reads a track file to its end; `worst` is how it may end.
fn tracks(data: &[u8], worst: Ending) {
    let Ok(mut reader) = Reader::new(data) else { return };
    assert!(reader.head().meta.len() <= TRACK_META_BYTES_MAX);
    while let Some(packet) = reader.next_packet().expect("memory has no errors") {
        assert!(packet.payload.len() <= PACKET_BYTES_MAX);
    }
    let ending = reader.ending().expect("it came to its end");
    assert!(ending == Ending::Whole || ending == worst);
}

/// Packets with whatever timestamps and sequence numbers, as they arrived, and a recording made of them.
fn recording(data: &[u8]) {
    let (length, mut rest) = data.split_first_chunk::<2>().unwrap_or((&[0; 2], &[]));
    let length = Duration::from_millis(u64::from(u16::from_le_bytes(*length)) % LENGTH_MS_MAX);
    let head = Head { call: CallId(1), started: Wall::from_millis(1), meta: Vec::new() };
    let mut writer = Writer::new(&head).expect("no meta is short");
    let mut at_us = 0;
    let mut stored = [0; 2];
    while let Some(([kind, late, t0, t1, t2, t3, size], after)) = rest.split_first_chunk::<7>() {
        at_us += (u64::from(*late) * 1_000) << ((kind >> 4) & 7);
        stored[usize::from(kind & 1)] += 1;
        writer.push(&Frame {
            track: (kind & 1) | ((kind & 0b1100) >> 1),
            at_us,
            codec: match (kind & 0x80, kind & 2) {
                (0, 0) => Codec::Pcma,
                (0, _) => Codec::Pcmu,
                _ => Codec::G729,
            },
            timestamp: u32::from_le_bytes([*t0, *t1, *t2, *t3]),
            sequence: u16::from_le_bytes([*t0, *t1]),
            payload: &vec![*t0; usize::from(*size)],
        });
        rest = after;
    }
    let file = writer.pending();
    tracks(file, Ending::Whole);
    let mut files = Files { mixed: Some(Vec::new()), stereo: Some(Vec::new()), ..Files::default() };
    let rendered = render(Reader::new(file).expect("we wrote it"), Duration::ZERO..length, &mut files)
        .expect("memory has no errors");
    assert_eq!((rendered.packets, rendered.ending), (stored, Ending::Whole));
    let mixed = wav::read(&files.mixed.expect("as given")).expect("we write what can be read");
    assert_eq!(mixed.samples.len() as u64, rendered.samples);
    assert_eq!(rendered.samples, length.as_millis() as u64 * 8, "as long as it is said to be");
    let stereo = files.stereo.expect("as given");
    assert_eq!(stereo.len() as u64, wav::HEADER_BYTES as u64 + 4 * rendered.samples);
}
