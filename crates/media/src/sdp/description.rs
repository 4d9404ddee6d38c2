use std::fmt;
use std::net::IpAddr;

/// The parts of a session description that a telephone needs. Printing it gives valid SDP with CRLF line ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// The value of `o=` (RFC 8866 §5.2), unread.
    pub origin: String,
    /// `c=` for every stream that has none of its own.
    pub connection: Option<Connection>,
    /// Direction of every stream that has none of its own.
    pub direction: Option<Direction>,
    /// The streams, in order: an answer has the same number of them (RFC 3264 §6).
    pub media: Vec<Media>,
}

/// One `m=` section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Media {
    /// `audio`, `video`, …
    pub kind: String,
    /// Port; 0 means refused or switched off.
    pub port: u16,
    /// `RTP/AVP`, …
    pub protocol: String,
    /// Formats in order of preference; for RTP the payload numbers.
    pub formats: Vec<String>,
    /// `c=` of this stream.
    pub connection: Option<Connection>,
    /// `a=rtpmap` lines.
    pub maps: Vec<Map>,
    /// `a=fmtp` lines: payload number and parameters.
    pub parameters: Vec<(u8, String)>,
    /// `a=ptime`: milliseconds of sound in a packet.
    pub packet_ms: Option<u16>,
    /// `a=maxptime`: the most that a packet may have.
    pub packet_ms_max: Option<u16>,
    /// `a=rtcp` (RFC 3605): the port, when it is not the next one.
    pub rtcp_port: Option<u16>,
    /// Direction of this stream.
    pub direction: Option<Direction>,
}

/// One `a=rtpmap` line: what a payload number means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    /// Payload number, 0–127.
    pub payload: u8,
    /// Encoding name; compared in any case.
    pub encoding: String,
    /// Clock rate.
    pub clock_hz: u32,
}

/// Where packets are to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// An address; 0.0.0.0 or `::` asks for no packets (RFC 3264 §8.4).
    Address(IpAddr),
    /// A host name or another kind of network.
    Other(String),
}

/// Which way sound flows, as its describer sees it (RFC 3264 §5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Both ways.
    #[default]
    SendRecv,
    /// From the describer only: it put the other on hold.
    SendOnly,
    /// To the describer only.
    RecvOnly,
    /// Neither way.
    Inactive,
}

impl Direction {
    /// The direction of one that does or does not send and receive.
    pub const fn new(sends: bool, receives: bool) -> Direction {
        match (sends, receives) {
            (true, true) => Direction::SendRecv,
            (true, false) => Direction::SendOnly,
            (false, true) => Direction::RecvOnly,
            (false, false) => Direction::Inactive,
        }
    }

    /// Whether the describer sends.
    pub const fn sends(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::SendOnly)
    }

    /// Whether the describer receives.
    pub const fn receives(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::RecvOnly)
    }

    /// The name of the attribute.
    pub const fn name(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    /// The direction an attribute names. Attribute names are compared exactly (RFC 8866 §5.13).
    pub fn of_name(name: &str) -> Option<Direction> {
        [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive]
            .into_iter()
            .find(|direction| direction.name() == name)
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Connection::Address(IpAddr::V4(address)) => write!(f, "IN IP4 {address}"),
            Connection::Address(IpAddr::V6(address)) => write!(f, "IN IP6 {address}"),
            Connection::Other(value) => f.write_str(value),
        }
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v=0\r\no={}\r\ns=-\r\n", self.origin)?;
        if let Some(connection) = &self.connection {
            write!(f, "c={connection}\r\n")?;
        }
        f.write_str("t=0 0\r\n")?;
        if let Some(direction) = self.direction {
            write!(f, "a={}\r\n", direction.name())?;
        }
        self.media.iter().try_for_each(|media| media.fmt(f))
    }
}

impl fmt::Display for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m={} {} {} {}\r\n", self.kind, self.port, self.protocol, self.formats.join(" "))?;
        if let Some(connection) = &self.connection {
            write!(f, "c={connection}\r\n")?;
        }
        for Map { payload, encoding, clock_hz } in &self.maps {
            write!(f, "a=rtpmap:{payload} {encoding}/{clock_hz}\r\n")?;
        }
        for (payload, parameters) in &self.parameters {
            write!(f, "a=fmtp:{payload} {parameters}\r\n")?;
        }
        if let Some(ms) = self.packet_ms {
            write!(f, "a=ptime:{ms}\r\n")?;
        }
        if let Some(ms) = self.packet_ms_max {
            write!(f, "a=maxptime:{ms}\r\n")?;
        }
        if let Some(port) = self.rtcp_port {
            write!(f, "a=rtcp:{port}\r\n")?;
        }
        if let Some(direction) = self.direction {
            write!(f, "a={}\r\n", direction.name())?;
        }
        Ok(())
    }
}
