use std::net::IpAddr;

use base::{CallId, StreamId};
use bytes::Bytes;
use media::api::{Command, Family, Source, Terms};
use media::codec::Codec;
use media::sdp::{self, Direction, LocalMedia, SdpError};

use crate::api::PhoneId;
use crate::tools::Tools;

const CODECS: &[Codec] = &[Codec::Pcma, Codec::Pcmu, Codec::G722, Codec::G729];

/// The sound of one phone: its port, and what was said about it in SDP.
#[derive(Debug)]
pub(crate) struct Line {
    stream: StreamId,
    address: IpAddr,
    port: u16,
    /// Of our newest description.
    version: u64,
    /// In it.
    direction: Direction,
}

impl Line {
    /// Opens one; `None` when no port is left.
    pub(crate) fn open(tools: &mut Tools, phone: PhoneId) -> Option<Line> {
        let stream = stream(phone);
        let port = tools.ports.take(stream)?;
        let family = Family::of(tools.media_address);
        tools.media(Command::Open { stream, call: CallId(phone.0), port, family });
        let (address, direction) = (tools.media_address, Direction::SendRecv);
        Some(Line { stream, address, port, version: 0, direction })
    }

    /// Answers an offer; the sound flows as agreed from now on.
    ///
    /// # Errors
    /// The offer is not acceptable; nothing changed.
    pub(crate) fn answer(&mut self, tools: &mut Tools, offer: &[u8]) -> Result<Bytes, SdpError> {
        let (answer, terms) = sdp::answer(offer, self.describe(self.version + 1))?;
        self.version += 1;
        self.agree(tools, terms);
        Ok(answer)
    }

    /// Makes an offer.
    pub(crate) fn offer(&mut self) -> Bytes {
        self.version += 1;
        sdp::offer(self.describe(self.version))
    }

    /// From now on offers and answers say this of who sends and who receives.
    pub(crate) fn turn(&mut self, direction: Direction) {
        self.direction = direction;
    }

    /// As it is now.
    pub(crate) fn direction(&self) -> Direction {
        self.direction
    }

    /// Takes the answer to our offer.
    ///
    /// # Errors
    /// The answer is none to this offer; nothing changed.
    pub(crate) fn read_answer(&self, tools: &mut Tools, answer: &[u8]) -> Result<(), SdpError> {
        let terms = sdp::read_answer(self.describe(self.version), answer)?;
        self.agree(tools, terms);
        Ok(())
    }

    /// What the far end hears from now on.
    pub(crate) fn play(&self, tools: &mut Tools, source: Source) {
        tools.media(Command::Hear { stream: self.stream, source });
    }

    /// Dials digits.
    pub(crate) fn press(&self, tools: &mut Tools, digits: &str) {
        tools.media(Command::SendDigits { stream: self.stream, digits: digits.to_owned() });
    }

    /// The sound is over. The port comes back once the sockets are closed.
    pub(crate) fn close(self, tools: &mut Tools) {
        tools.media(Command::Close { stream: self.stream });
    }

    fn agree(&self, tools: &mut Tools, terms: Terms) {
        tools.media(Command::Agree { stream: self.stream, terms });
    }

    fn describe(&self, version: u64) -> LocalMedia<'static> {
        LocalMedia {
            address: self.address,
            port: self.port,
            origin_id: self.stream.0,
            version,
            codecs: CODECS,
            direction: self.direction,
        }
    }
}

/// The stream of a phone.
pub(crate) fn stream(phone: PhoneId) -> StreamId {
    StreamId(phone.0)
}

/// The phone of a stream.
pub(crate) fn phone(stream: StreamId) -> PhoneId {
    PhoneId(stream.0)
}
