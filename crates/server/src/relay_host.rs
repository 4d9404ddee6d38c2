//! Gives a bad path of the lab real sockets, a thread and a clock: one socket where it listens, and for each client one
//! more that the target sees in the client's place.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread::JoinHandle;

use base::Random;
use bytes::Bytes;
use lab::relay::{Carried, Direction, Relay, RelayCounts, RelayInput, RelayOutput, Roughness};
use rustix::event::{EventfdFlags, epoll, eventfd};

use crate::clock::{Clock, timespec};
use crate::control::bind_sip;

const WAKE: u64 = u64::MAX;
const LISTENER: u64 = 0;
const DATAGRAM_BYTES_MAX: usize = 65_535;
/// Datagrams taken from one socket before the others get their turn.
const BURST_MAX: usize = 64;

/// How a path is to be.
#[derive(Clone, Copy, Debug)]
pub struct RelayConfig {
    /// Who the clients' datagrams are for.
    pub target: SocketAddr,
    /// How bad it is towards the target.
    pub forth: Roughness,
    /// How bad it is towards the clients.
    pub back: Roughness,
}

/// A running relay. Dropping it ends it.
pub struct RelayHost {
    wake: Arc<OwnedFd>,
    join: Option<JoinHandle<RelayCounts>>,
}

impl RelayHost {
    /// Starts it at a socket that is open already, from [`bind_sip`].
    ///
    /// # Errors
    /// When the operating system gives no epoll or thread.
    pub fn start_on(listener: UdpSocket, config: RelayConfig, random: Random) -> std::io::Result<RelayHost> {
        let wake = Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?);
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&poll, &wake, epoll::EventData::new_u64(WAKE), epoll::EventFlags::IN)?;
        epoll::add(&poll, listener.as_fd(), epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN)?;
        let worker = Worker {
            clock: Clock::start(),
            poll,
            listener,
            target: config.target,
            relay: Relay::new(config.forth, config.back, random),
            clients: HashMap::new(),
            places: HashMap::new(),
            last_place: LISTENER,
        };
        let join = std::thread::Builder::new().name("relay".to_owned()).spawn(move || worker.run())?;
        Ok(RelayHost { wake, join: Some(join) })
    }

    /// Ends it; says what became of the datagrams.
    pub fn end(mut self) -> RelayCounts {
        self.stop().unwrap_or_default()
    }

    fn stop(&mut self) -> Option<RelayCounts> {
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
        self.join.take()?.join().ok()
    }
}

impl Drop for RelayHost {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Worker {
    clock: Clock,
    poll: OwnedFd,
    listener: UdpSocket,
    target: SocketAddr,
    relay: Relay,
    /// What the target sees in the place of each.
    clients: HashMap<SocketAddr, Client>,
    /// By their place in the poll.
    places: HashMap<u64, SocketAddr>,
    last_place: u64,
}

struct Client {
    socket: UdpSocket,
    place: u64,
}

impl Worker {
    fn run(mut self) -> RelayCounts {
        let mut buffer = vec![0u8; DATAGRAM_BYTES_MAX];
        let mut events = Vec::with_capacity(64);
        loop {
            let wait = self.relay.next_timeout().map(|at| timespec(at.since(self.clock.mono())));
            events.clear();
            match epoll::wait(&self.poll, rustix::buffer::spare_capacity(&mut events), wait.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => {
                    tracing::error!(%error, "a relay cannot wait for its inputs");
                    return self.relay.counts();
                }
            }
            for event in &events {
                match event.data.u64() {
                    WAKE => return self.relay.counts(),
                    LISTENER => self.take_forth(&mut buffer),
                    place => self.take_back(place, &mut buffer),
                }
            }
            self.relay.handle_input(self.clock.now(), RelayInput::Timeout);
            self.drain();
        }
    }

    fn take_forth(&mut self, buffer: &mut [u8]) {
        for _ in 0..BURST_MAX {
            let Ok((len, client)) = self.listener.recv_from(buffer) else { return };
            self.carry(client, Direction::Forth, &buffer[..len]);
        }
    }

    fn take_back(&mut self, place: u64, buffer: &mut [u8]) {
        for _ in 0..BURST_MAX {
            let Some(client) = self.places.get(&place).copied() else { return };
            let Some(known) = self.clients.get(&client) else { return };
            let Ok((len, from)) = known.socket.recv_from(buffer) else { return };
            if from == self.target {
                self.carry(client, Direction::Back, &buffer[..len]);
            }
        }
    }

    fn carry(&mut self, client: SocketAddr, direction: Direction, data: &[u8]) {
        let carried = Carried { client, direction, data: Bytes::copy_from_slice(data) };
        self.relay.handle_input(self.clock.now(), RelayInput::Datagram(carried));
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.relay.poll_output() {
            match output {
                RelayOutput::Datagram(Carried { client, direction: Direction::Back, data }) => {
                    // One more that is lost.
                    let _ = self.listener.send_to(&data, client);
                }
                RelayOutput::Datagram(Carried { client, direction: Direction::Forth, data }) => {
                    if let Err(error) = self.send_forth(client, &data) {
                        tracing::debug!(%error, "a relay could not send a datagram on");
                    }
                }
                RelayOutput::Forgotten(client) => {
                    if let Some(gone) = self.clients.remove(&client) {
                        self.places.remove(&gone.place);
                    }
                }
            }
        }
    }

    fn send_forth(&mut self, client: SocketAddr, data: &[u8]) -> std::io::Result<()> {
        if !self.clients.contains_key(&client) {
            let any_port = SocketAddr::new(self.listener.local_addr()?.ip(), 0);
            let socket = bind_sip(any_port)?;
            let place = self.last_place + 1;
            epoll::add(&self.poll, socket.as_fd(), epoll::EventData::new_u64(place), epoll::EventFlags::IN)?;
            self.last_place = place;
            self.places.insert(place, client);
            self.clients.insert(client, Client { socket, place });
        }
        self.clients[&client].socket.send_to(data, self.target).map(drop)
    }
}
