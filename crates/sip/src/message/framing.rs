//! From the bytes of a stream to messages (RFC 3261 §7.5, §18.3; RFC 5626 §3.5.1).
//!
//! A stream has no borders but those that Content-Length draws. Where it draws none, or two, nobody can tell where the
//! next message begins: what looks like one may be another's body. So a stream that lost its borders is at its end.

use super::parse::Draft;
use super::screen::{Refusal, is_answerable, refusal};
use super::{HeaderName, Malformed};
use crate::limits::{
    START_LINE_BYTES_MAX, STREAM_BODY_BYTES_MAX, STREAM_EMPTY_LINES_MAX, STREAM_HEAD_BYTES_MAX,
};

const LINE_END: &[u8] = b"\r\n";
const HEAD_END: &[u8] = b"\r\n\r\n";

/// One direction of a stream: `push` what was read, then take frames until there is none.
#[derive(Debug, Default)]
pub struct Framer {
    /// What was read; before `start` it is taken. Given back to the allocator when all of it is taken, since most streams
    /// are silent most of the time.
    buffer: Vec<u8>,
    /// Where the message in hand begins; moved instead of the bytes, so that many small messages in one piece do not move
    /// the rest of it each.
    start: usize,
    progress: Progress,
    /// Empty lines since the last message.
    empty_lines: usize,
}

/// What a stream says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The bytes of one message, from its start line to the end of its body. Only its borders are known to be right.
    Message(Vec<u8>),
    /// Two empty lines: the sender asks whether the stream is alive. Answer with one (RFC 5626 §3.5.1).
    Ping,
    /// The borders are lost: send the refusal and close. Nothing comes after it.
    Refused(Refusal),
    /// The same without anyone to answer. Nothing comes after it.
    Lost(Malformed),
}

/// How far the message in hand is. What was looked at is not looked at again when more comes, however little that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// The end of its start line was not found; it does not begin before `from`.
    StartLine { from: usize },
    /// The end of its head was not found; it does not begin before `from`.
    Head { from: usize },
    /// Its head is known, and so is its length.
    Body { length: usize },
    /// Nothing is read any more.
    Ended,
}

impl Default for Progress {
    fn default() -> Self {
        Progress::StartLine { from: 0 }
    }
}

impl Framer {
    /// Takes bytes in the order in which they were sent.
    pub fn push(&mut self, data: &[u8]) {
        if self.progress == Progress::Ended {
            return;
        }
        if self.start > 0 {
            let mut buffer = Vec::with_capacity(self.len() + data.len());
            buffer.extend_from_slice(self.rest());
            (self.buffer, self.start) = (buffer, 0);
        }
        self.buffer.extend_from_slice(data);
    }

    /// What comes next, if it is complete.
    pub fn next_frame(&mut self) -> Option<Frame> {
        match self.progress {
            Progress::StartLine { from: 0 } => self.skip_empty_lines().or_else(|| self.start_line(0)),
            Progress::StartLine { from } => self.start_line(from),
            Progress::Head { from } => self.head(from),
            Progress::Body { length } => self.body(length),
            Progress::Ended => None,
        }
    }

    /// The sender was too slow, or went away: what is said to one who left a message half sent.
    pub fn give_up(&mut self) -> Option<Frame> {
        self.is_midway().then(|| self.end(Malformed::new("message", "did not arrive in time")))
    }

    /// Whether a message has begun and is not complete.
    pub fn is_midway(&self) -> bool {
        !self.is_empty() && self.rest() != b"\r"
    }

    /// How many bytes wait.
    pub fn len(&self) -> usize {
        self.rest().len()
    }

    /// Whether no bytes wait.
    pub fn is_empty(&self) -> bool {
        self.rest().is_empty()
    }

    fn rest(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// The first `length` bytes that wait are taken.
    fn take(&mut self, length: usize) {
        self.start += length;
        if self.start == self.buffer.len() {
            (self.buffer, self.start) = (Vec::new(), 0);
        }
    }

    /// Empty lines before a message mean nothing (RFC 3261 §7.5), unless there are two of them.
    fn skip_empty_lines(&mut self) -> Option<Frame> {
        while self.rest().starts_with(LINE_END) {
            self.take(LINE_END.len());
            self.empty_lines += 1;
            if self.empty_lines > STREAM_EMPTY_LINES_MAX {
                let why = format!("does not come after {STREAM_EMPTY_LINES_MAX} empty lines");
                return Some(self.lose(Malformed::new("message", why)));
            }
            if self.empty_lines.is_multiple_of(2) {
                return Some(Frame::Ping);
            }
        }
        None
    }

    /// One who does not speak SIP is known by the first line. One that is too long is judged with the head.
    fn start_line(&mut self, from: usize) -> Option<Frame> {
        let first = &self.rest()[..self.len().min(START_LINE_BYTES_MAX)];
        match find(&first[from..], LINE_END).map(|at| from + at + LINE_END.len()) {
            Some(end) if !Draft::read(&first[..end]).is_sip() => {
                return Some(self.lose(Malformed::new("start line", "is not of SIP")));
            }
            // The empty line may follow at once.
            Some(end) => self.progress = Progress::Head { from: end - LINE_END.len() },
            None if first.len() == START_LINE_BYTES_MAX => self.progress = Progress::Head { from: 0 },
            None => {
                // The end may have begun to arrive.
                self.progress = Progress::StartLine { from: first.len().saturating_sub(1) };
                return None;
            }
        }
        self.next_frame()
    }

    fn head(&mut self, from: usize) -> Option<Frame> {
        match find(&self.rest()[from..], HEAD_END).map(|at| from + at + HEAD_END.len()) {
            Some(end) if end <= STREAM_HEAD_BYTES_MAX => self.end_of_head(end),
            None if self.len() <= STREAM_HEAD_BYTES_MAX => {
                // The end may have begun to arrive.
                let from = from.max(self.len().saturating_sub(HEAD_END.len() - 1));
                self.progress = Progress::Head { from };
                None
            }
            Some(_) | None => {
                let why = format!("has more than {STREAM_HEAD_BYTES_MAX} bytes of headers");
                Some(self.end(Malformed::new("message", why).with_status(513)))
            }
        }
    }

    fn end_of_head(&mut self, end: usize) -> Option<Frame> {
        match body_length(&self.rest()[..end]) {
            Ok(body) if body > STREAM_BODY_BYTES_MAX => {
                let why = format!("is more than {STREAM_BODY_BYTES_MAX}");
                Some(self.end(Malformed::new("Content-Length", why).with_status(513)))
            }
            Ok(body) => {
                self.progress = Progress::Body { length: end + body };
                self.body(end + body)
            }
            Err(fault) => Some(self.end(fault)),
        }
    }

    fn body(&mut self, length: usize) -> Option<Frame> {
        let message = self.rest().get(..length)?.to_vec();
        self.take(length);
        self.progress = Progress::default();
        self.empty_lines = 0;
        Some(Frame::Message(message))
    }

    /// Nothing more is read, and nobody is there to hear why.
    fn lose(&mut self, fault: Malformed) -> Frame {
        (self.buffer, self.start, self.progress) = (Vec::new(), 0, Progress::Ended);
        Frame::Lost(fault)
    }

    /// Nothing more is read; whoever sent the message in hand hears why, if it says who that is.
    fn end(&mut self, fault: Malformed) -> Frame {
        self.progress = Progress::Ended;
        let buffer = std::mem::take(&mut self.buffer);
        let rest = &buffer[std::mem::take(&mut self.start)..];
        let rest = &rest[..rest.len().min(STREAM_HEAD_BYTES_MAX)];
        let head_end = find(rest, HEAD_END).map_or(rest.len(), |at| at + HEAD_END.len());
        let draft = Draft::read(&rest[..head_end]);
        match is_answerable(&draft) {
            true => Frame::Refused(refusal(&draft, fault)),
            false => Frame::Lost(fault),
        }
    }
}

/// How long the body after `head` is. Over a stream the header must be there (RFC 3261 §20.14).
fn body_length(head: &[u8]) -> Result<usize, Malformed> {
    let draft = Draft::read(head);
    if !draft.is_sip() {
        return Err(Malformed::new("start line", "is not of SIP"));
    }
    let fault = |why: &str| Malformed::new("Content-Length", why);
    if draft.headers.all(&HeaderName::ContentLength).count() > 1 {
        return Err(fault("is there more than once"));
    }
    draft.headers.content_length()?.ok_or_else(|| fault("is missing"))
}

fn find(data: &[u8], what: &[u8]) -> Option<usize> {
    data.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "BYE sip:a SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\nCall-ID: 1\r\n";

    fn frames(framer: &mut Framer, data: &[u8]) -> Vec<Frame> {
        framer.push(data);
        std::iter::from_fn(|| framer.next_frame()).collect()
    }

    fn with_length(length: &str, body: &str) -> String {
        format!("{HEAD}Content-Length: {length}\r\n\r\n{body}")
    }

    #[test]
    fn messages_come_whole_and_in_order_however_the_stream_is_cut() {
        let (one, two) = (with_length("5", "12\r\n\r"), with_length("0", ""));
        let compact = format!("{HEAD}l: 3\r\n\r\nabc");
        let stream = format!("{one}\r\n{two}\r\n\r\n{compact}");
        let wanted = [
            Frame::Message(one.clone().into_bytes()),
            Frame::Message(two.clone().into_bytes()),
            Frame::Ping,
            Frame::Message(compact.clone().into_bytes()),
        ];
        for cut in 0..=stream.len() {
            let mut framer = Framer::default();
            let (first, second) = stream.as_bytes().split_at(cut);
            let mut all = frames(&mut framer, first);
            all.extend(frames(&mut framer, second));
            assert_eq!(all, wanted, "cut at {cut}");
            assert!(framer.is_empty() && !framer.is_midway());
        }
        let mut framer = Framer::default();
        let singly: Vec<Frame> =
            stream.as_bytes().iter().flat_map(|byte| frames(&mut framer, &[*byte])).collect();
        assert_eq!(singly, wanted);
    }

    #[test]
    fn too_many_empty_lines_are_the_end_whatever_comes_behind_them() {
        let stream = "\r\n".repeat(STREAM_EMPTY_LINES_MAX + 1) + &with_length("0", "");
        let mut framer = Framer::default();
        let singly: Vec<Frame> =
            stream.as_bytes().iter().flat_map(|byte| frames(&mut framer, &[*byte])).collect();
        assert_eq!(frames(&mut Framer::default(), stream.as_bytes()), singly);
        assert!(matches!(singly.last(), Some(Frame::Lost(_))), "nobody is answered");
    }

    #[test]
    fn a_stream_at_rest_holds_nothing() {
        let mut framer = Framer::default();
        let large = with_length("30000", &"x".repeat(30_000));
        assert_eq!(frames(&mut framer, large.as_bytes()).len(), 1);
        assert_eq!(framer.buffer.capacity(), 0);
        assert_eq!(frames(&mut framer, format!("{large}B").as_bytes()).len(), 1);
        frames(&mut framer, b"Y");
        assert!(framer.len() == 2 && framer.buffer.capacity() < 100, "what was taken is not held on to");
    }

    #[test]
    fn without_one_right_length_the_stream_is_refused_and_ends() {
        let more = with_length("0", "");
        let lengths =
            [String::new(), "Content-Length: -1\r\n".to_owned(), "l: 0\r\nContent-Length: 0\r\n".to_owned()];
        for length in lengths {
            let mut framer = Framer::default();
            let all = frames(&mut framer, format!("{HEAD}{length}\r\n{more}").as_bytes());
            let [Frame::Refused(refusal)] = all.as_slice() else { panic!("{length}: {all:?}") };
            assert_eq!(refusal.fault.status, 400);
            assert_eq!(refusal.headers.call_id(), Ok("1"));
            assert_eq!(frames(&mut framer, more.as_bytes()), [], "nothing comes after it");
            assert!(framer.is_empty());
        }
    }

    #[test]
    fn what_is_no_sip_is_known_by_its_first_line() {
        for text in ["GET / HTTP/1.1\r\n", "\u{16}\u{3}\u{1}\r\n", "\r\nv=0\r\n", "\n\r\n"] {
            let all = frames(&mut Framer::default(), text.as_bytes());
            assert!(matches!(all.as_slice(), [Frame::Lost(_)]), "{text}: {all:?}");
        }
    }

    #[test]
    fn nobody_fills_the_memory() {
        let mut framer = Framer::default();
        let endless = "x".repeat(STREAM_HEAD_BYTES_MAX);
        assert_eq!(frames(&mut framer, HEAD.as_bytes()), []);
        let all = frames(&mut framer, endless.as_bytes());
        assert!(
            matches!(all.as_slice(), [Frame::Refused(refusal)] if refusal.fault.status == 513),
            "{all:?}"
        );
        let large = with_length(&(STREAM_BODY_BYTES_MAX + 1).to_string(), "");
        let all = frames(&mut Framer::default(), large.as_bytes());
        assert!(
            matches!(all.as_slice(), [Frame::Refused(refusal)] if refusal.fault.status == 513),
            "{all:?}"
        );
        let idle = "\r\n".repeat(STREAM_EMPTY_LINES_MAX + 1);
        let all = frames(&mut Framer::default(), idle.as_bytes());
        assert_eq!(all.len(), STREAM_EMPTY_LINES_MAX / 2 + 1);
        assert!(matches!(all.last(), Some(Frame::Lost(_))));
    }

    #[test]
    fn half_a_message_is_given_up_with_an_answer_to_whoever_can_be_told() {
        let mut framer = Framer::default();
        assert_eq!(framer.give_up(), None, "nothing has begun");
        frames(&mut framer, with_length("100", "too little").as_bytes());
        assert!(framer.is_midway());
        assert!(matches!(framer.give_up(), Some(Frame::Refused(refusal)) if refusal.fault.status == 400));
        let mut framer = Framer::default();
        frames(&mut framer, b"BYE sip:a");
        assert!(matches!(framer.give_up(), Some(Frame::Lost(_))));
    }
}
