//! The messages of RFC 4475 and RFC 5118 in a stream, cut at every place.

mod torture_data;

use sip::message::framing::{Frame, Framer};
use torture_data::{TORTURE, ipv6};

/// Where a message in a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Border {
    /// Where its bytes do: the rule.
    Right,
    /// Nobody knows: refused with 400, since a stream needs one Content-Length (RFC 3261 §20.14).
    Unknown,
    /// Behind its bytes: more is waited for.
    Beyond,
    /// Before its bytes do: an INVITE follows, whose Content-Length is too small; the rest of its body is no SIP.
    Before,
}

const EXCEPTIONS: [(&str, Border); 6] = [
    ("baddn", Border::Beyond), // its headers do not end
    ("clerr", Border::Beyond),
    ("dblreq", Border::Before),
    ("inv2543", Border::Unknown),
    ("mcl01", Border::Unknown),
    ("ncl", Border::Unknown),
];

fn border(frames: &[Frame], framer: &Framer) -> Border {
    match frames {
        [] if framer.is_midway() => Border::Beyond,
        [Frame::Refused(refusal)] if refusal.fault.status == 400 => Border::Unknown,
        [Frame::Message(_)] if !framer.is_midway() => Border::Right,
        [Frame::Message(_), Frame::Message(_), Frame::Lost(_)] => Border::Before,
        other => panic!("{} frames, none of them expected", other.len()),
    }
}

fn cut(data: &[u8], at: usize) -> (Vec<Frame>, Framer) {
    let (mut framer, mut frames) = (Framer::default(), Vec::new());
    for piece in [&data[..at], &data[at..]] {
        framer.push(piece);
        frames.extend(std::iter::from_fn(|| framer.next_frame()));
    }
    (frames, framer)
}

fn check(name: &str, data: &[u8]) {
    let (whole, framer) = cut(data, data.len());
    let wanted =
        EXCEPTIONS.iter().find(|(known, _)| *known == name).map_or(Border::Right, |(_, border)| *border);
    assert_eq!(border(&whole, &framer), wanted, "{name}");
    if wanted == Border::Right {
        assert!(whole == [Frame::Message(data.to_vec())], "{name}");
    }
    for at in 0..data.len() {
        assert!(cut(data, at).0 == whole, "{name} cut at {at}");
    }
}

#[test]
fn every_message_has_the_same_borders_wherever_the_stream_is_cut() {
    for (name, data) in TORTURE {
        check(name, data);
    }
    for (name, data) in ipv6() {
        check(name, &data);
    }
}

#[test]
fn all_of_them_that_have_borders_follow_each_other_in_one_stream() {
    let bordered = || {
        let has_border = |name: &str| !EXCEPTIONS.iter().any(|(known, _)| *known == name);
        TORTURE.iter().filter(move |(name, _)| has_border(name)).map(|(_, data)| *data)
    };
    let stream: Vec<u8> = bordered().flatten().copied().collect();
    for size in [1, 7, 1460, stream.len()] {
        let (mut framer, mut messages) = (Framer::default(), Vec::new());
        for piece in stream.chunks(size) {
            framer.push(piece);
            messages.extend(std::iter::from_fn(|| framer.next_frame()));
        }
        let wanted: Vec<Frame> = bordered().map(|data| Frame::Message(data.to_vec())).collect();
        assert!(messages == wanted, "in pieces of {size}");
    }
}
