//! Gives the lab's pretend phones real sockets, a thread and a clock of their own: everything goes the way it goes in
//! production, over loopback.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use base::{Random, StreamId};
use lab::{Config, Input, Lab, LabEvent, Output, PhoneId, PhoneWish};
use media::api::Signal;
use media::engine::EngineConfig;
use rustix::event::{EventfdFlags, epoll, eventfd};
use sip::api::{Flow, Transport};

use crate::clock::{Clock, timespec};
use crate::control::streams::{Hears, LISTENER, News, Streams};
use crate::control::{SipSockets, bind_sip};
use crate::sound::{Reports, Threads, ThreadsConfig};

const WAKE: u64 = u64::MAX;
/// The place of the last socket for datagrams; the others are below. Streams have theirs from `LISTENER` on.
const LAST_SOCKET: u64 = WAKE - 1;
const DATAGRAM_BYTES_MAX: usize = 65_535;
/// Datagrams taken from one socket, or reads from one stream, before the others get their turn.
const BURST_MAX: usize = 64;

enum Message {
    Media(Signal),
    Sound(StreamId, Vec<u8>),
    Wish(PhoneWish),
    Stop,
}

/// A running lab. Dropping it unplugs all its phones.
pub struct LabHost {
    inbox: Sender<Message>,
    wake: Arc<OwnedFd>,
    join: Option<JoinHandle<()>>,
}

impl LabHost {
    /// Opens the lab's SIP addresses and starts it. What happens is told to `happened`, on the lab's thread.
    ///
    /// # Errors
    /// When an address is in use or not ours.
    pub fn start(
        config: Config,
        random: Random,
        happened: impl Fn(LabEvent) + Send + 'static,
    ) -> std::io::Result<LabHost> {
        let carrier = SipSockets::bind(config.sip_local)?;
        let phones = config.phones.iter().map(|phone| bind_sip(phone.local));
        let phones = phones.collect::<std::io::Result<_>>()?;
        LabHost::start_on(carrier, phones, config, random, happened)
    }

    /// The same with sockets that are open already: the carrier's, and one for each of [`Config::phones`].
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn start_on(
        carrier: SipSockets,
        phones: Vec<UdpSocket>,
        config: Config,
        random: Random,
        happened: impl Fn(LabEvent) + Send + 'static,
    ) -> std::io::Result<LabHost> {
        LabHost::begin(carrier, phones, config, random, Ears::Closed, happened)
    }

    /// The same with phones that tell what they hear (`LabEvent::Hears`). That costs time for each packet.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn start_listening(
        carrier: SipSockets,
        phones: Vec<UdpSocket>,
        config: Config,
        random: Random,
        happened: impl Fn(LabEvent) + Send + 'static,
    ) -> std::io::Result<LabHost> {
        LabHost::begin(carrier, phones, config, random, Ears::Open, happened)
    }

    fn begin(
        carrier: SipSockets,
        phones: Vec<UdpSocket>,
        config: Config,
        mut random: Random,
        ears: Ears,
        happened: impl Fn(LabEvent) + Send + 'static,
    ) -> std::io::Result<LabHost> {
        let clock = Clock::start();
        let (sender, inbox) = channel();
        let wake = Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?);
        let (report, bell) = (sender.clone(), wake.clone());
        // A sender is for one thread: there is one.
        let (hear, hear_bell) = (Mutex::new(sender.clone()), wake.clone());
        let ears = (ears == Ears::Open).then(|| -> crate::sound::Ears {
            Arc::new(move |stream, packet| {
                if let Ok(sender) = hear.lock() {
                    ring(&sender, &hear_bell, Message::Sound(stream, packet.to_vec()));
                }
            })
        });
        let media = Threads::start_with_ears(
            ThreadsConfig {
                threads: 1,
                addresses: vec![config.media_address],
                engine: EngineConfig { sounds: lab::sounds(), streams_max: lab::limits::PHONES_MAX },
                recorder: None,
                reports: Reports::Off,
            },
            clock,
            random.fork(),
            move |signal| ring(&report, &bell, Message::Media(signal)),
            ears,
        )?;
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&poll, &wake, epoll::EventData::new_u64(WAKE), epoll::EventFlags::IN)?;
        let SipSockets { datagrams, streams } = carrier;
        let streams = Streams::new(vec![streams], &poll)?;
        let sockets: Vec<UdpSocket> = std::iter::once(datagrams).chain(phones).collect();
        for (number, socket) in (0u64..).zip(&sockets) {
            let place = epoll::EventData::new_u64(LAST_SOCKET - number);
            epoll::add(&poll, socket.as_fd(), place, epoll::EventFlags::IN)?;
        }
        let by_address: HashMap<SocketAddr, usize> = sockets
            .iter()
            .enumerate()
            .map(|(number, socket)| Ok((socket.local_addr()?, number)))
            .collect::<std::io::Result<_>>()?;
        let worker = Worker {
            clock,
            poll,
            wake: wake.clone(),
            inbox,
            sockets,
            streams,
            by_address,
            lab: Lab::new(config, random),
            media,
            happened: Box::new(happened),
        };
        let join = std::thread::Builder::new().name("lab".to_owned()).spawn(move || worker.run())?;
        Ok(LabHost { inbox: sender, wake, join: Some(join) })
    }

    /// Tells a phone what to do.
    pub fn wish(&self, wish: PhoneWish) {
        ring(&self.inbox, &self.wake, Message::Wish(wish));
    }
}

impl Drop for LabHost {
    fn drop(&mut self) {
        ring(&self.inbox, &self.wake, Message::Stop);
        if let Some(join) = self.join.take() {
            let _ = join.join();
        }
    }
}

fn ring(inbox: &Sender<Message>, wake: &OwnedFd, message: Message) {
    if inbox.send(message).is_ok() {
        let _ = rustix::io::write(wake, &1u64.to_ne_bytes());
    }
}

struct Worker {
    clock: Clock,
    poll: OwnedFd,
    wake: Arc<OwnedFd>,
    inbox: Receiver<Message>,
    /// The carrier's, then those of the phones.
    sockets: Vec<UdpSocket>,
    streams: Streams,
    by_address: HashMap<SocketAddr, usize>,
    lab: Lab,
    media: Threads,
    happened: Box<dyn Fn(LabEvent) + Send>,
}

impl Worker {
    fn run(mut self) {
        let mut buffer = vec![0u8; DATAGRAM_BYTES_MAX];
        let mut events = Vec::with_capacity(16);
        self.drain();
        loop {
            let wait = self.lab.next_timeout().map(|(at, _)| timespec(at.since(self.clock.mono())));
            events.clear();
            match epoll::wait(&self.poll, rustix::buffer::spare_capacity(&mut events), wait.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return tracing::error!(%error, "the lab cannot wait for its inputs"),
            }
            for event in &events {
                match event.data.u64() {
                    WAKE => {
                        if self.take_messages() == Fate::Stop {
                            return;
                        }
                    }
                    LISTENER => {
                        for news in self.streams.accept(&self.poll, LISTENER) {
                            self.hear_news(news);
                        }
                    }
                    place => match usize::try_from(LAST_SOCKET - place) {
                        Ok(number) if number < self.sockets.len() => self.take_datagrams(number, &mut buffer),
                        Ok(_) | Err(_) => self.take_stream(place, event.flags, &mut buffer),
                    },
                }
            }
            if self.lab.next_timeout().is_some_and(|(at, _)| at <= self.clock.mono()) {
                self.lab.handle_input(self.clock.now(), Input::Timeout);
                self.drain();
            }
        }
    }

    fn take_messages(&mut self) -> Fate {
        let _ = rustix::io::read(&self.wake, &mut [0u8; 8]);
        while let Ok(message) = self.inbox.try_recv() {
            match message {
                Message::Media(signal) => self.lab.handle_input(self.clock.now(), Input::Media(signal)),
                Message::Sound(stream, packet) => {
                    let input = Input::Sound { phone: PhoneId(stream.0), packet: &packet };
                    self.lab.handle_input(self.clock.now(), input);
                }
                Message::Wish(wish) => self.lab.handle_input(self.clock.now(), Input::Phone(wish)),
                Message::Stop => return Fate::Stop,
            }
            self.drain();
        }
        Fate::GoOn
    }

    fn take_datagrams(&mut self, number: usize, buffer: &mut [u8]) {
        for _ in 0..BURST_MAX {
            let socket = &self.sockets[number];
            let (Ok(local), Ok((len, remote))) = (socket.local_addr(), socket.recv_from(buffer)) else {
                return;
            };
            let flow = Flow { transport: Transport::Udp, local, remote };
            self.lab.handle_input(self.clock.now(), Input::Datagram { flow, data: &buffer[..len] });
            self.drain();
        }
    }

    /// Tells the lab what a stream did.
    fn tell(&mut self, news: News) {
        let input = match news {
            News::Opened(flow) => Input::Connected { flow },
            News::Closed(flow) => Input::Closed { flow },
        };
        self.lab.handle_input(self.clock.now(), input);
    }

    fn drain(&mut self) {
        while let Some(output) = self.lab.poll_output() {
            match output {
                Output::Transmit { flow: flow @ Flow { transport: Transport::Tcp, .. }, data } => {
                    if let Some(news) = self.streams.send(&self.poll, flow, &data) {
                        self.tell(news);
                    }
                }
                Output::Connect { flow } => {
                    if let Err(error) = self.streams.connect(&self.poll, flow) {
                        tracing::debug!(%error, "the lab did not open a stream");
                        self.tell(News::Closed(flow));
                    }
                }
                Output::Close { flow } => self.streams.close(&self.poll, flow),
                Output::Transmit { flow: flow @ Flow { transport: Transport::Udp, .. }, data } => {
                    let number = self.by_address.get(&flow.local).copied().unwrap_or(0);
                    let _ = self.sockets[number].send_to(&data, flow.remote);
                }
                Output::Media(command) => self.media.send(command),
                Output::Happened(event) => (self.happened)(event),
            }
        }
    }
}

/// Whether phones tell what they hear.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ears {
    Closed,
    Open,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    GoOn,
    Stop,
}

impl Hears for Worker {
    fn streams(&mut self) -> (&mut Streams, &OwnedFd) {
        (&mut self.streams, &self.poll)
    }

    fn hear_bytes(&mut self, flow: Flow, data: &[u8]) {
        self.lab.handle_input(self.clock.now(), Input::Stream { flow, data });
        self.drain();
    }

    fn hear_news(&mut self, news: News) {
        self.tell(news);
        self.drain();
    }
}
