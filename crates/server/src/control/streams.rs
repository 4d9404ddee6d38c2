//! SIP streams of one thread: the listeners and their connections, none of which is ever waited for.
//!
//! What a stream may say, and for how long, is for the endpoint inside the switch; here is only how many there are and how
//! much waits to be read by a slow far end.

use std::collections::HashMap;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::epoll;
use sip::api::{Flow, Transport};

/// Streams at once: as many as the endpoint makes room among, and those that it has not heard of yet.
pub(crate) const STREAMS_MAX: usize = switch::limits::SIP_STREAMS_MAX + ACCEPT_BURST_MAX;
/// Reads from one stream before others get their turn.
const READ_BURST_MAX: usize = 16;
/// Streams accepted before others get their turn.
const ACCEPT_BURST_MAX: usize = 64;
/// How long what was sent may go unacknowledged before the stream counts as broken: as long as a transaction waits.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(32);
/// Bytes that wait for one far end to read them. More: it does not read, and the stream is closed.
const UNSENT_BYTES_MAX: usize = 262_144;

/// The listeners' places in the poll.
pub(crate) const LISTENER: u64 = 32;
/// Streams have the places from here on.
pub(crate) const STREAM: u64 = 64;

pub(crate) struct Streams {
    listeners: Vec<(SocketAddr, TcpListener)>,
    /// A file to give up when no more can be open: else the listener would ring for ever for what it cannot accept.
    spare: Option<File>,
    by_place: HashMap<u64, Stream>,
    by_flow: HashMap<Flow, u64>,
    next_place: u64,
}

struct Stream {
    socket: TcpStream,
    flow: Flow,
    phase: Phase,
    /// What the far end's side could not take yet.
    unsent: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Opening,
    Open,
}

/// What a stream did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    Opened(Flow),
    Closed(Flow),
}

/// What came of a read.
enum Came {
    Bytes(Flow, usize),
    Closed(Flow),
    Nothing,
}

/// Whoever has streams, and hears what they do.
pub(crate) trait Hears {
    /// The streams, and the poll that they are in.
    fn streams(&mut self) -> (&mut Streams, &OwnedFd);
    /// Bytes came.
    fn hear_bytes(&mut self, flow: Flow, data: &[u8]);
    /// A stream is open, or gone.
    fn hear_news(&mut self, news: News);

    /// Looks after the stream at `place`, for which the poll rang.
    fn take_stream(&mut self, place: u64, flags: epoll::EventFlags, buffer: &mut [u8]) {
        if flags.intersects(epoll::EventFlags::OUT | epoll::EventFlags::ERR) {
            let (streams, poll) = self.streams();
            if let Some(news) = streams.writable(poll, place) {
                self.hear_news(news);
            }
        }
        for _ in 0..READ_BURST_MAX {
            let (streams, poll) = self.streams();
            match streams.read(poll, place, buffer) {
                Came::Bytes(flow, len) => self.hear_bytes(flow, &buffer[..len]),
                Came::Closed(flow) => return self.hear_news(News::Closed(flow)),
                Came::Nothing => return,
            }
        }
    }
}

impl Streams {
    pub(crate) fn new(listeners: Vec<TcpListener>, poll: &OwnedFd) -> std::io::Result<Streams> {
        let listen = |(place, listener): (u64, TcpListener)| {
            listener.set_nonblocking(true)?;
            epoll::add(poll, listener.as_fd(), epoll::EventData::new_u64(place), epoll::EventFlags::IN)?;
            Ok((listener.local_addr()?, listener))
        };
        let listeners = (LISTENER..STREAM).zip(listeners).map(listen).collect::<std::io::Result<_>>()?;
        let (by_place, by_flow) = (HashMap::new(), HashMap::new());
        Ok(Streams { listeners, spare: spare(), by_place, by_flow, next_place: STREAM })
    }

    /// Takes some of those who want to connect to the listener at `place`.
    pub(crate) fn accept(&mut self, poll: &OwnedFd, place: u64) -> Vec<News> {
        let mut news = Vec::new();
        let Ok(number) = usize::try_from(place - LISTENER) else { return news };
        for _ in 0..ACCEPT_BURST_MAX {
            let Some((local, listener)) = self.listeners.get(number) else { return news };
            match listener.accept() {
                Ok((socket, remote)) => {
                    let flow = Flow { transport: Transport::Tcp, local: *local, remote };
                    let room = self.by_place.len() < STREAMS_MAX && !self.by_flow.contains_key(&flow);
                    if room && self.add(poll, socket, flow, Phase::Open).is_ok() {
                        news.push(News::Opened(flow));
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => {
                    tracing::warn!(%error, "a SIP stream was not accepted");
                    self.spare = None;
                    drop(listener.accept());
                    self.spare = spare();
                    break;
                }
            }
        }
        news
    }

    /// Begins to open a stream.
    ///
    /// # Errors
    /// When it cannot even begin.
    pub(crate) fn connect(&mut self, poll: &OwnedFd, flow: Flow) -> std::io::Result<()> {
        if self.by_place.len() >= STREAMS_MAX || self.by_flow.contains_key(&flow) {
            return Err(ErrorKind::QuotaExceeded.into());
        }
        let domain = socket2::Domain::for_address(flow.remote);
        let socket = socket2::Socket::new(domain, socket2::Type::STREAM, Some(socket2::Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        // Far ends know us by our address, not by one that the system picks.
        socket.bind(&SocketAddr::new(flow.local.ip(), 0).into())?;
        match socket.connect(&flow.remote.into()) {
            Err(error) if error.raw_os_error() != Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {
                Err(error)
            }
            Ok(()) | Err(_) => self.add(poll, socket.into(), flow, Phase::Opening),
        }
    }

    /// Sends bytes after those of before. Some: the far end does not read them, the stream is closed.
    pub(crate) fn send(&mut self, poll: &OwnedFd, flow: Flow, data: &[u8]) -> Option<News> {
        let place = *self.by_flow.get(&flow)?;
        let stream = self.by_place.get_mut(&place)?;
        let waited = !stream.unsent.is_empty();
        stream.unsent.extend_from_slice(data);
        let fine = waited || stream.flush();
        if !fine || stream.unsent.len() > UNSENT_BYTES_MAX {
            return self.forget(poll, flow);
        }
        if !waited && !stream.unsent.is_empty() {
            self.listen_for(poll, place, epoll::EventFlags::IN | epoll::EventFlags::OUT);
        }
        None
    }

    /// Closes a stream; what the far end did not take until now it does not get.
    pub(crate) fn close(&mut self, poll: &OwnedFd, flow: Flow) {
        self.forget(poll, flow);
    }

    /// The stream at `place` can be written to, or has failed.
    fn writable(&mut self, poll: &OwnedFd, place: u64) -> Option<News> {
        let stream = self.by_place.get_mut(&place)?;
        let (flow, before) = (stream.flow, stream.phase);
        let failed = !matches!(stream.socket.take_error(), Ok(None));
        if failed || !stream.flush() {
            return self.forget(poll, flow);
        }
        stream.phase = Phase::Open;
        if stream.unsent.is_empty() {
            self.listen_for(poll, place, epoll::EventFlags::IN);
        }
        (before == Phase::Opening).then_some(News::Opened(flow))
    }

    /// Reads what came by the stream at `place`.
    fn read(&mut self, poll: &OwnedFd, place: u64, buffer: &mut [u8]) -> Came {
        let Some(stream) = self.by_place.get_mut(&place).filter(|stream| stream.phase == Phase::Open) else {
            return Came::Nothing;
        };
        let flow = stream.flow;
        match stream.socket.read(buffer) {
            Ok(len) if len > 0 => Came::Bytes(flow, len),
            Err(error) if is_passing(&error) => Came::Nothing,
            Ok(_) | Err(_) => {
                self.forget(poll, flow);
                Came::Closed(flow)
            }
        }
    }

    fn add(&mut self, poll: &OwnedFd, socket: TcpStream, flow: Flow, phase: Phase) -> std::io::Result<()> {
        socket.set_nonblocking(true)?;
        // Every message is complete when it is written.
        socket.set_nodelay(true)?;
        // A far end that is gone without a word is found out by what it does not acknowledge: pings, at the latest.
        socket2::SockRef::from(&socket).set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX))?;
        let place = self.next_place;
        let flags = match phase {
            Phase::Opening => epoll::EventFlags::IN | epoll::EventFlags::OUT,
            Phase::Open => epoll::EventFlags::IN,
        };
        epoll::add(poll, socket.as_fd(), epoll::EventData::new_u64(place), flags)?;
        self.next_place = place + 1;
        self.by_flow.insert(flow, place);
        self.by_place.insert(place, Stream { socket, flow, phase, unsent: Vec::new() });
        Ok(())
    }

    fn forget(&mut self, poll: &OwnedFd, flow: Flow) -> Option<News> {
        let place = self.by_flow.remove(&flow)?;
        let stream = self.by_place.remove(&place)?;
        // Closing the socket would do it too; this cannot fail in a way that matters.
        let _ = epoll::delete(poll, stream.socket.as_fd());
        Some(News::Closed(flow))
    }

    fn listen_for(&self, poll: &OwnedFd, place: u64, flags: epoll::EventFlags) {
        if let Some(stream) = self.by_place.get(&place) {
            let data = epoll::EventData::new_u64(place);
            if let Err(error) = epoll::modify(poll, stream.socket.as_fd(), data, flags) {
                tracing::warn!(%error, "a SIP stream is not listened to as it should be");
            }
        }
    }
}

impl Stream {
    /// Writes what can be written; false: the stream is broken.
    fn flush(&mut self) -> bool {
        while !self.unsent.is_empty() {
            match self.socket.write(&self.unsent) {
                Ok(0) => return false,
                Ok(len) => drop(self.unsent.drain(..len)),
                Err(error) => return is_passing(&error),
            }
        }
        true
    }
}

fn is_passing(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn spare() -> Option<File> {
    File::open("/dev/null").ok()
}
