//! Media threads: level-triggered epoll over one RTP and one RTCP socket per stream, one engine per thread.
//!
//! With a port per leg a wake-up finds one packet, so its price is the system calls: wait, receive, send. io_uring was
//! measured beside it and was not cheaper (docs/PERFORMANCE.md, "Forwarded packet").

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use base::{CallId, Now, Random, StreamId};
use media::api::{Command, Family, Signal, Stored};
use media::engine::{Engine, EngineConfig, Output, Slot};
use rustix::event::{EventfdFlags, epoll, eventfd};
use socket2::SockRef;

use super::Recorder;
use crate::clock::Clock;
use crate::vital;

/// Largest datagram looked at; RTP of one frame is far smaller, anything longer is cut and refused by the engine.
const DATAGRAM_BYTES_MAX: usize = 2048;
/// The token of the thread's own wake-up; no socket has it: a place is far below 2³¹.
const WAKE: u64 = u64::MAX;
/// What may wait in an RTP socket: two seconds of sound. What is older when the thread comes to it is of no use, and a
/// stranger who floods a port does not fill the memory. More is dropped by the operating system.
const RTP_QUEUE_BYTES: usize = 64 << 10;
/// The same for RTCP: some reports.
const RTCP_QUEUE_BYTES: usize = 8 << 10;

/// What the threads are given at their start.
pub struct ThreadsConfig {
    /// How many threads.
    pub threads: usize,
    /// Addresses the RTP sockets are bound to, one for each family that is used.
    pub addresses: Vec<IpAddr>,
    /// For each engine.
    pub engine: EngineConfig,
    /// Where recorded packets go.
    pub recorder: Option<Recorder>,
    /// Whether they send RTCP reports.
    pub reports: Reports,
}

/// Who hears each RTP packet that arrives, on the thread that it arrives at.
pub type Ears = Arc<dyn Fn(StreamId, &[u8]) + Send + Sync>;

/// Whether streams take part in RTCP. Pretend phones do not, as many phones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reports {
    /// They only listen.
    Off,
    /// They send reports.
    On,
}

/// A handle to all media threads: knows which of them runs which call. Dropping it ends them.
pub struct Threads {
    threads: Vec<Handle>,
    owners: HashMap<StreamId, CallId>,
    calls: HashMap<CallId, Place>,
}

/// Where a call is run: while it has streams or is recorded.
struct Place {
    thread: usize,
    streams: usize,
    recording: Recording,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Recording {
    Off,
    On,
}

struct Handle {
    commands: Sender<Command>,
    wake: Arc<OwnedFd>,
    stop: Arc<AtomicBool>,
    join: Option<JoinHandle<()>>,
    /// Open ones.
    streams: usize,
}

impl Threads {
    /// Starts the threads. What they have to say goes to `report`, from any of them.
    ///
    /// # Errors
    /// When the operating system gives no epoll, eventfd or thread.
    pub fn start<F>(
        config: ThreadsConfig,
        clock: Clock,
        random: Random,
        report: F,
    ) -> std::io::Result<Threads>
    where
        F: Fn(Signal) + Send + Clone + 'static,
    {
        Threads::start_with_ears(config, clock, random, report, None)
    }

    /// The same; each RTP packet that arrives is shown to `ears` as well.
    ///
    /// # Errors
    /// As `start`.
    pub fn start_with_ears<F>(
        config: ThreadsConfig,
        clock: Clock,
        mut random: Random,
        report: F,
        ears: Option<Ears>,
    ) -> std::io::Result<Threads>
    where
        F: Fn(Signal) + Send + Clone + 'static,
    {
        let mut threads = Vec::new();
        for number in 0..config.threads.max(1) {
            let (commands, inbox) = channel();
            let wake = Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?);
            let stop = Arc::new(AtomicBool::new(false));
            let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
            epoll::add(&epoll, &wake, epoll::EventData::new_u64(WAKE), epoll::EventFlags::IN)?;
            let mut engine = Engine::new(config.engine.clone(), random.fork());
            match config.reports {
                Reports::On => engine.begin_reports(),
                Reports::Off => {}
            }
            let worker = Worker {
                clock,
                epoll,
                wake: wake.clone(),
                stop: stop.clone(),
                inbox,
                addresses: config.addresses.clone(),
                engine,
                leaving: None,
                reports: config.reports,
                sockets: Vec::new(),
                recorder: config.recorder.clone().map(Outbox::new),
                report: Box::new(report.clone()),
                ears: ears.clone(),
            };
            let join = vital::spawn(format!("media-{number}"), move || worker.run())?;
            threads.push(Handle { commands, wake, stop, join: Some(join), streams: 0 });
        }
        Ok(Threads { threads, owners: HashMap::new(), calls: HashMap::new() })
    }

    /// Hands a command to the thread that runs the call; commands about unknown streams are dropped.
    pub fn send(&mut self, command: Command) {
        let Some(owner) = self.owner(&command) else { return };
        let handle = &self.threads[owner];
        if handle.commands.send(command).is_ok() {
            let _ = rustix::io::write(&handle.wake, &1u64.to_ne_bytes());
        }
    }

    /// The thread that a command is for. A call's streams live together, so that one engine joins them; a new call goes
    /// where the fewest streams are.
    fn owner(&mut self, command: &Command) -> Option<usize> {
        match command {
            Command::Open { stream, call, .. } => {
                let thread = self.place(*call).thread;
                if self.owners.insert(*stream, *call).is_none() {
                    self.place(*call).streams += 1;
                    self.threads[thread].streams += 1;
                }
                Some(thread)
            }
            Command::Close { stream } => {
                let call = self.owners.remove(stream)?;
                let place = self.calls.get_mut(&call)?;
                let thread = place.thread;
                place.streams -= 1;
                self.threads[thread].streams -= 1;
                self.forget_unused(call);
                Some(thread)
            }
            Command::Record { call, .. } => {
                let place = self.place(*call);
                place.recording = Recording::On;
                Some(place.thread)
            }
            Command::StopRecord { call } => {
                let place = self.calls.get_mut(call)?;
                place.recording = Recording::Off;
                let thread = place.thread;
                self.forget_unused(*call);
                Some(thread)
            }
            Command::Store { call, .. } => self.calls.get(call).map(|place| place.thread),
            Command::Agree { stream, .. }
            | Command::Hear { stream, .. }
            | Command::Watch { stream, .. }
            | Command::Listen { stream }
            | Command::SendDigits { stream, .. } => {
                let call = self.owners.get(stream)?;
                self.calls.get(call).map(|place| place.thread)
            }
        }
    }

    fn place(&mut self, call: CallId) -> &mut Place {
        self.calls.entry(call).or_insert_with(|| {
            let idlest = (0..self.threads.len()).min_by_key(|thread| self.threads[*thread].streams);
            Place { thread: idlest.unwrap_or(0), streams: 0, recording: Recording::Off }
        })
    }

    fn forget_unused(&mut self, call: CallId) {
        if self.calls.get(&call).is_some_and(|place| place.streams == 0 && place.recording == Recording::Off)
        {
            self.calls.remove(&call);
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        for handle in &mut self.threads {
            handle.stop.store(true, Ordering::Release);
            let _ = rustix::io::write(&handle.wake, &1u64.to_ne_bytes());
            if let Some(join) = handle.join.take() {
                let _ = join.join();
            }
        }
    }
}

/// The sockets of a stream.
struct Pair {
    slot: Slot,
    rtp: UdpSocket,
    rtcp: UdpSocket,
}

struct Worker {
    clock: Clock,
    epoll: OwnedFd,
    wake: Arc<OwnedFd>,
    stop: Arc<AtomicBool>,
    inbox: Receiver<Command>,
    addresses: Vec<IpAddr>,
    engine: Engine,
    /// The stream that is being closed: it may still say goodbye.
    leaving: Option<Slot>,
    reports: Reports,
    /// By the index of the engine's slot.
    sockets: Vec<Option<Pair>>,
    recorder: Option<Outbox>,
    report: Box<dyn Fn(Signal) + Send>,
    ears: Option<Ears>,
}

impl Worker {
    fn run(mut self) {
        let mut events = Vec::with_capacity(256);
        let mut buffer = [0u8; DATAGRAM_BYTES_MAX];
        while !self.stop.load(Ordering::Acquire) {
            let wait =
                self.engine.next_timeout().map(|(at, _)| crate::clock::timespec(at.since(self.clock.mono())));
            events.clear();
            match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), wait.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => panic!("a media thread cannot wait for packets: {error}"),
            }
            for event in &events {
                match event.data.u64() {
                    WAKE => self.take_commands(),
                    token => self.read(token, &mut buffer),
                }
            }
            if self.engine.next_timeout().is_some_and(|(at, _)| at <= self.clock.mono()) {
                self.engine.handle_timeout(self.clock.now());
            }
            self.drain();
        }
        self.engine.hand_over();
        self.drain();
    }

    fn take_commands(&mut self) {
        let _ = rustix::io::read(&self.wake, &mut [0u8; 8]);
        while let Ok(command) = self.inbox.try_recv() {
            let now = self.clock.now();
            match command {
                Command::Open { stream, port, family, .. } => self.open(now, stream, port, family, command),
                Command::Close { stream } => {
                    self.leaving = self.engine.slot(stream);
                    self.engine.handle_command(now, command);
                }
                Command::Record { call, .. } => {
                    if let Some(outbox) = &self.recorder {
                        outbox.to.begin(call, now.wall);
                    }
                    self.engine.handle_command(now, command);
                }
                Command::Agree { .. }
                | Command::Hear { .. }
                | Command::Watch { .. }
                | Command::Store { .. }
                | Command::StopRecord { .. }
                | Command::Listen { .. }
                | Command::SendDigits { .. } => self.engine.handle_command(now, command),
            }
            self.drain();
        }
    }

    /// Opens the sockets, then the stream: one that cannot have them is never there.
    fn open(&mut self, now: Now, stream: StreamId, port: u16, family: Family, command: Command) {
        let (rtp, rtcp) = match self.bind(port, family) {
            Ok(sockets) => sockets,
            Err(error) => return self.refuse(stream, port, &error),
        };
        self.engine.handle_command(now, command);
        // The engine has as many as it may have, and says so.
        let Some(slot) = self.engine.slot(stream) else { return };
        for (socket, side) in [(&rtp, Side::Rtp), (&rtcp, Side::Rtcp)] {
            let token = epoll::EventData::new_u64(token(slot, side));
            if let Err(error) = epoll::add(&self.epoll, socket.as_fd(), token, epoll::EventFlags::IN) {
                return self.refuse(stream, port, &error.into());
            }
        }
        if self.sockets.len() <= slot.index() {
            self.sockets.resize_with(slot.index() + 1, || None);
        }
        self.sockets[slot.index()] = Some(Pair { slot, rtp, rtcp });
    }

    fn bind(&self, port: u16, family: Family) -> std::io::Result<(UdpSocket, UdpSocket)> {
        let address = self.addresses.iter().copied().find(|address| Family::of(*address) == family);
        let address = address.ok_or(ErrorKind::AddrNotAvailable)?;
        Ok((bind(address, port, RTP_QUEUE_BYTES)?, bind(address, port + 1, RTCP_QUEUE_BYTES)?))
    }

    fn refuse(&self, stream: StreamId, port: u16, error: &std::io::Error) {
        tracing::warn!(%stream, port, %error, "RTP port cannot be opened");
        (self.report)(Signal::OpenFailed { stream });
    }

    fn read(&mut self, token: u64, buffer: &mut [u8; DATAGRAM_BYTES_MAX]) {
        let Some((index, side)) = place(token) else { return };
        // An event of sockets that were closed after it came finds nothing, or those of another stream.
        let Some(pair) = self.sockets.get(index).and_then(Option::as_ref) else { return };
        let slot = pair.slot;
        if !is_of(token, slot.stream()) {
            return;
        }
        // Level-triggered: if a second packet is there epoll says so again; asking now would cost a call for nothing.
        match side {
            Side::Rtcp => {
                if let Ok((len, from)) = pair.rtcp.recv_from(buffer) {
                    self.engine.handle_rtcp(self.clock.now(), slot.stream(), from, &buffer[..len]);
                }
            }
            Side::Rtp => {
                let Ok((len, from)) = pair.rtp.recv_from(buffer) else { return };
                let now = self.clock.now();
                if let Some(ears) = &self.ears {
                    ears(slot.stream(), &buffer[..len]);
                }
                if let Some(forward) = self.engine.handle_rtp_slot(now, slot, from, &mut buffer[..len])
                    && let Some(out) = self.sockets.get(forward.slot.index()).and_then(Option::as_ref)
                {
                    // A full socket buffer or a port unreachable costs this packet, as the network would.
                    let _ = out.rtp.send_to(&buffer[..forward.len], forward.to);
                }
            }
        }
    }

    /// The sockets of a stream.
    fn pair(&self, stream: StreamId) -> Option<&Pair> {
        self.sockets.get(self.engine.slot(stream)?.index())?.as_ref()
    }

    fn drain(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Send { stream, to, data } => {
                    if let Some(pair) = self.pair(stream) {
                        let _ = pair.rtp.send_to(&data, to);
                    }
                }
                Output::Report { slot, to, data } => {
                    if let Some(pair) = self.sockets.get(slot.index()).and_then(Option::as_ref)
                        && pair.slot == slot
                    {
                        let _ = pair.rtcp.send_to(&data, to);
                    }
                }
                Output::Store(stored) => {
                    if let Some(outbox) = &mut self.recorder {
                        outbox.blocks.push(stored);
                    }
                }
                Output::Signal(signal) => self.tell(signal),
            }
        }
        if let Some(outbox) = &mut self.recorder {
            outbox.hand_over(&mut self.engine, Some(outbox.back.clone()));
        }
    }

    fn tell(&mut self, signal: Signal) {
        match &signal {
            Signal::RecordingStopped { call, length } => {
                if let Some(outbox) = &mut self.recorder {
                    // What was used by a recording that is over is memory to be given back.
                    outbox.hand_over(&mut self.engine, None);
                    outbox.to.end(*call, *length);
                }
            }
            Signal::Closed { counts, .. } => {
                if let Some(slot) = self.leaving.take()
                    && let Some(pair) = self.sockets.get_mut(slot.index())
                {
                    // Dropping the sockets takes them out of epoll.
                    *pair = None;
                }
                match self.reports {
                    Reports::On => super::quality::note(counts),
                    Reports::Off => {}
                }
            }
            Signal::Heard { .. }
            | Signal::Silent { .. }
            | Signal::Digit { .. }
            | Signal::OpenFailed { .. }
            | Signal::Played { .. } => {}
        }
        (self.report)(signal);
    }
}

/// The way of recorded packets to the recorder, and of empty blocks back.
struct Outbox {
    to: Recorder,
    /// Handed over by the engine since the last message.
    blocks: Vec<Stored>,
    back: Sender<Vec<Stored>>,
    returned: Receiver<Vec<Stored>>,
}

impl Outbox {
    fn new(to: Recorder) -> Outbox {
        let (back, returned) = channel();
        Outbox { to, blocks: Vec::new(), back, returned }
    }

    /// Sends what there is in one message, and takes in what came back since the last one.
    fn hand_over(&mut self, engine: &mut Engine, back: Option<Sender<Vec<Stored>>>) {
        if self.blocks.is_empty() {
            return;
        }
        let full = std::mem::take(&mut self.blocks);
        let refused = self.to.store(full, back).err();
        for mut blocks in refused.into_iter().chain(self.returned.try_iter()) {
            blocks.drain(..).for_each(|stored| engine.take_back(stored.block));
            self.blocks = blocks;
        }
    }
}

/// Which of a stream's two sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Rtp,
    Rtcp,
}

/// What epoll gives back: the place of the sockets and, in the upper half, whose they were when they were put there.
fn token(slot: Slot, side: Side) -> u64 {
    let side = match side {
        Side::Rtp => 0,
        Side::Rtcp => 1,
    };
    (slot.stream().0 << 32) | ((slot.index() as u64) << 1) | side
}

fn place(token: u64) -> Option<(usize, Side)> {
    let side = if token & 1 == 0 { Side::Rtp } else { Side::Rtcp };
    Some((usize::try_from((token & u64::from(u32::MAX)) >> 1).ok()?, side))
}

fn is_of(token: u64, stream: StreamId) -> bool {
    token >> 32 == stream.0 & u64::from(u32::MAX)
}

/// A socket that keeps so many bytes until they are read; the operating system doubles that for its own needs.
fn bind(address: IpAddr, port: u16, queue_bytes: usize) -> std::io::Result<UdpSocket> {
    let socket = crate::bind::datagrams(SocketAddr::new(address, port))?;
    socket.set_nonblocking(true)?;
    SockRef::from(&socket).set_recv_buffer_size(queue_bytes)?;
    Ok(socket)
}

#[cfg(test)]
mod tests;
