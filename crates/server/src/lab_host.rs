//! Gives the lab's pretend phones real sockets, a thread and a clock of their own: everything goes the way it goes in
//! production, over loopback.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use base::Random;
use lab::{Config, Input, Lab, LabEvent, Output, PhoneWish};
use media::api::Signal;
use media::engine::EngineConfig;
use rustix::event::{EventfdFlags, epoll, eventfd};
use sip::api::{Flow, Transport};

use crate::clock::{Clock, timespec};
use crate::control::bind_sip;
use crate::sound::{Threads, ThreadsConfig};

const WAKE: u64 = u64::MAX;
const DATAGRAM_BYTES_MAX: usize = 65_535;
/// Datagrams taken from one socket before the others get their turn.
const BURST_MAX: usize = 64;

enum Message {
    Media(Signal),
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
        let sockets: Vec<UdpSocket> =
            config.sip_addresses().into_iter().map(bind_sip).collect::<Result<_, _>>()?;
        LabHost::start_on(sockets, config, random, happened)
    }

    /// The same with sockets that are open already, one for each of [`Config::sip_addresses`].
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn start_on(
        sockets: Vec<UdpSocket>,
        config: Config,
        mut random: Random,
        happened: impl Fn(LabEvent) + Send + 'static,
    ) -> std::io::Result<LabHost> {
        let clock = Clock::start();
        let (sender, inbox) = channel();
        let wake = Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?);
        let (report, bell) = (sender.clone(), wake.clone());
        let media = Threads::start(
            ThreadsConfig {
                threads: 1,
                addresses: vec![config.media_address],
                engine: EngineConfig { sounds: lab::sounds(), streams_max: lab::limits::PHONES_MAX },
                recorder: None,
            },
            clock,
            random.fork(),
            move |signal| ring(&report, &bell, Message::Media(signal)),
        )?;
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&poll, &wake, epoll::EventData::new_u64(WAKE), epoll::EventFlags::IN)?;
        for (number, socket) in (0u64..).zip(&sockets) {
            epoll::add(&poll, socket.as_fd(), epoll::EventData::new_u64(number), epoll::EventFlags::IN)?;
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
    sockets: Vec<UdpSocket>,
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
                    number => self.take_datagrams(usize::try_from(number).unwrap_or(0), &mut buffer),
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

    fn drain(&mut self) {
        while let Some(output) = self.lab.poll_output() {
            match output {
                Output::Transmit { flow, data } => {
                    let number = self.by_address.get(&flow.local).copied().unwrap_or(0);
                    let _ = self.sockets[number].send_to(&data, flow.remote);
                }
                Output::Media(command) => self.media.send(command),
                Output::Happened(event) => (self.happened)(event),
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    GoOn,
    Stop,
}
