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

use base::{CallId, Random, StreamId};
use media::api::{Command, Family, Signal, Stored};
use media::engine::{Engine, EngineConfig, Output};
use rustix::event::{EventfdFlags, epoll, eventfd};

use super::Recorder;
use crate::clock::Clock;
use crate::vital;

/// Largest datagram looked at; RTP of one frame is far smaller, anything longer is cut and refused by the engine.
const DATAGRAM_BYTES_MAX: usize = 2048;
/// The token of the thread's own wake-up; socket tokens are below it.
const WAKE: u64 = u64::MAX;

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
}

/// A handle to all media threads: knows which of them runs which call. Dropping it ends them.
pub struct Threads {
    threads: Vec<Handle>,
    owners: HashMap<StreamId, usize>,
}

struct Handle {
    commands: Sender<Command>,
    wake: Arc<OwnedFd>,
    stop: Arc<AtomicBool>,
    join: Option<JoinHandle<()>>,
}

impl Threads {
    /// Starts the threads. What they have to say goes to `report`, from any of them.
    ///
    /// # Errors
    /// When the operating system gives no epoll, eventfd or thread.
    pub fn start<F>(
        config: ThreadsConfig,
        clock: Clock,
        mut random: Random,
        report: F,
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
            let worker = Worker {
                clock,
                epoll,
                wake: wake.clone(),
                stop: stop.clone(),
                inbox,
                addresses: config.addresses.clone(),
                engine: Engine::new(config.engine.clone(), random.fork()),
                sockets: HashMap::new(),
                recorder: config.recorder.clone().map(Outbox::new),
                report: Box::new(report.clone()),
            };
            let join = vital::spawn(format!("media-{number}"), move || worker.run())?;
            threads.push(Handle { commands, wake, stop, join: Some(join) });
        }
        Ok(Threads { threads, owners: HashMap::new() })
    }

    /// Hands a command to the thread that runs the call; commands about unknown streams are dropped.
    pub fn send(&mut self, command: Command) {
        let Some(owner) = self.owner(&command) else { return };
        let handle = &self.threads[owner];
        if handle.commands.send(command).is_ok() {
            let _ = rustix::io::write(&handle.wake, &1u64.to_ne_bytes());
        }
    }

    fn owner(&mut self, command: &Command) -> Option<usize> {
        let by_call =
            |call: CallId| usize::try_from((call.0 >> 12 ^ call.0) % self.threads.len() as u64).ok();
        match command {
            Command::Open { stream, call, .. } => {
                let owner = by_call(*call)?;
                self.owners.insert(*stream, owner);
                Some(owner)
            }
            Command::Close { stream } => self.owners.remove(stream),
            Command::Record { call, .. } | Command::StopRecord { call } => by_call(*call),
            Command::Agree { stream, .. }
            | Command::Hear { stream, .. }
            | Command::Watch { stream, .. }
            | Command::Listen { stream }
            | Command::SendDigits { stream, .. } => self.owners.get(stream).copied(),
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

struct Pair {
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
    sockets: HashMap<StreamId, Pair>,
    recorder: Option<Outbox>,
    report: Box<dyn Fn(Signal) + Send>,
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
            if let Command::Open { stream, port, family, .. } = &command
                && let Err(error) = self.open(*stream, *port, *family)
            {
                tracing::warn!(%stream, port, %error, "RTP port cannot be opened");
                (self.report)(Signal::OpenFailed { stream: *stream });
                continue;
            }
            if let (Command::Record { call, .. }, Some(recorder)) = (&command, &self.recorder) {
                recorder.to.begin(*call, self.clock.now().wall);
            }
            if let Command::Close { stream } = &command {
                // Dropping the sockets takes them out of epoll.
                self.sockets.remove(stream);
            }
            self.engine.handle_command(self.clock.now(), command);
            self.drain();
        }
    }

    fn open(&mut self, stream: StreamId, port: u16, family: Family) -> std::io::Result<()> {
        let address = self.addresses.iter().copied().find(|address| Family::of(*address) == family);
        let address = address.ok_or(ErrorKind::AddrNotAvailable)?;
        let rtp = bind(address, port)?;
        let rtcp = bind(address, port + 1)?;
        for (socket, side) in [(&rtp, 0), (&rtcp, 1)] {
            let token = epoll::EventData::new_u64(stream.0 << 1 | side);
            epoll::add(&self.epoll, socket.as_fd(), token, epoll::EventFlags::IN)?;
        }
        self.sockets.insert(stream, Pair { rtp, rtcp });
        Ok(())
    }

    fn read(&mut self, token: u64, buffer: &mut [u8; DATAGRAM_BYTES_MAX]) {
        let stream = StreamId(token >> 1);
        let now = self.clock.now();
        // Level-triggered: if a second packet is there epoll says so again; asking now would cost a call for nothing.
        let Some(pair) = self.sockets.get(&stream) else { return };
        if token & 1 == 1 {
            if let Ok((len, from)) = pair.rtcp.recv_from(buffer) {
                self.engine.handle_rtcp(now, stream, from, &buffer[..len]);
            }
            return;
        }
        let Ok((len, from)) = pair.rtp.recv_from(buffer) else { return };
        if let Some(forward) = self.engine.handle_rtp(now, stream, from, &mut buffer[..len])
            && let Some(out) = self.sockets.get(&forward.stream)
        {
            // A full socket buffer or a port unreachable costs this packet, as the network would.
            let _ = out.rtp.send_to(&buffer[..forward.len], forward.to);
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Send { stream, to, data } => {
                    if let Some(pair) = self.sockets.get(&stream) {
                        let _ = pair.rtp.send_to(&data, to);
                    }
                }
                Output::Store(stored) => {
                    if let Some(outbox) = &mut self.recorder {
                        outbox.blocks.push(stored);
                    }
                }
                Output::Signal(signal) => {
                    if let (Signal::RecordingStopped { call, length }, Some(outbox)) =
                        (&signal, &mut self.recorder)
                    {
                        // What was used by a recording that is over is memory to be given back.
                        outbox.hand_over(&mut self.engine, None);
                        outbox.to.end(*call, *length);
                    }
                    (self.report)(signal);
                }
            }
        }
        if let Some(outbox) = &mut self.recorder {
            outbox.hand_over(&mut self.engine, Some(outbox.back.clone()));
        }
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

fn bind(address: IpAddr, port: u16) -> std::io::Result<UdpSocket> {
    let socket = crate::bind::datagrams(SocketAddr::new(address, port))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests;
